"""Means of square boxes of an image, blind to pixels without a value, and their sums."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from seestack.checks import as_real_array
from seestack.compiled import skies
from seestack.model import BoolArray, FloatArray, Image
from seestack.numerics.bands import in_bands

__all__ = ["BoxLines", "BoxSums", "box_means"]

# A box counts where at least this part of its pixels is known.
_FULL_ENOUGH = 0.75
# Rows reduced by one thread.
_BAND = 256


def box_means(
    image: ArrayLike, box_px: int, footprint: ArrayLike | None = None
) -> NDArray[np.float64]:
    """Return the means of whole boxes.

    Parameters
    ----------
    image : array_like of shape (H, W) or (H, W, 3)
        Colours are averaged.
    box_px : int
        Side of the boxes; a rest at the right and the lower edge is left out.
    footprint : array_like of bool, shape (H, W), optional
        True where the pixels count.

    Returns
    -------
    ndarray of shape (H // box_px, W // box_px)
        NaN where less than three quarters of the pixels are known, of each colour.

    Raises
    ------
    ValueError
        If `image` is neither of shape (H, W) nor (H, W, 3), or `footprint` is not (H, W).

    Examples
    --------
    >>> box_means(np.arange(24.0).reshape(4, 6), 2).tolist()
    [[3.5, 5.5, 7.5], [15.5, 17.5, 19.5]]
    """
    pixels = as_real_array("image", image)
    if pixels.ndim not in (2, 3) or pixels.size == 0 or pixels.shape[2:] not in ((), (3,)):
        raise ValueError(f"image must have shape (H, W) or (H, W, 3), got {pixels.shape}")
    inside = np.ones((1, 1), bool) if footprint is None else np.asarray(footprint, bool)
    if footprint is not None and inside.shape != pixels.shape[:2]:
        raise ValueError(
            f"footprint must have the shape {pixels.shape[:2]} of image, got {inside.shape}"
        )
    rows, cols = (n // box_px for n in pixels.shape[:2])
    if rows == 0 or cols == 0:
        return np.empty((rows, cols))
    whole = np.ascontiguousarray(pixels[: rows * box_px, : cols * box_px], dtype=np.float32)
    boxes = BoxLines.of(whole.shape, box_px, _FULL_ENOUGH if inside.all() else 1.0)
    band = max(_BAND // box_px, 1) * box_px
    in_bands(partial(boxes.measure, whole), len(whole), band, whole=box_px)
    means = boxes.means
    if inside.all():
        return means
    cut = np.ascontiguousarray(inside[: rows * box_px, : cols * box_px])
    torn = ~np.isfinite(means) | ~cut.reshape(rows, box_px, cols, box_px).all(axis=(1, 3))
    means[torn] = _means_of_known(_boxes(whole, torn), _boxes(cut, torn))
    return means


@dataclass(frozen=True, slots=True, eq=False)
class BoxLines:
    """Means of the boxes of an image, measured some rows at a time.

    Parameters
    ----------
    colours : ndarray of float32, shape (h, w) or (h, w, 3)
        The means of each colour.
    box_px : int
        Side of a box.
    least_known : float
        A box of which a smaller share is known is NaN.
    """

    colours: Image
    box_px: int
    least_known: float

    @classmethod
    def of(cls, shape: tuple[int, ...], box_px: int, least_known: float = _FULL_ENOUGH) -> BoxLines:
        """Return room for the boxes of an image of shape (H, W) or (H, W, 3)."""
        rows, cols = (side // box_px for side in shape[:2])
        return cls(np.empty((rows, cols, *shape[2:]), np.float32), box_px, least_known)

    def measure(self, image: Image, rows: slice) -> None:
        """Measure the whole boxes in some rows of the image, which begin where a box does."""
        if self.colours.size == 0:
            return
        lines = image[rows].reshape(rows.stop - rows.start, -1)
        step, columns = self.colours[0, 0].size, np.empty(lines.shape[1], np.float32)
        for number, line in enumerate(range(rows.start // self.box_px, rows.stop // self.box_px)):
            box = lines[number * self.box_px : (number + 1) * self.box_px]
            means = self.colours[line].reshape(-1)
            skies.means_of_line(box, step, self.least_known, columns, means)

    @property
    def means(self) -> NDArray[np.float64]:
        """Means of the colours, each of which must be known, (h, w)."""
        if self.colours.ndim == 2:
            return self.colours.astype(np.float64)
        red, green, blue = np.moveaxis(self.colours, 2, 0)
        return (red.astype(np.float64) + green + blue) / 3


@dataclass(frozen=True, slots=True, eq=False)
class BoxSums:
    """Weighted sums of frames in boxes.

    Parameters
    ----------
    light, weight : ndarray of shape (h, w)
        Sums of weight times box mean, and of the weights, where the boxes are known.
    frames : int
        Number of frames.
    total : float
        Sum of their weights.

    Examples
    --------
    >>> first, second = BoxSums.of(np.array([[4.0]]), 1.0), BoxSums.of(np.array([[7.0]]), 2.0)
    >>> (first + second).mean.tolist(), (first + second - first).frames
    ([[6.0]], 1)
    """

    light: FloatArray
    weight: FloatArray
    frames: int
    total: float

    @classmethod
    def of(cls, boxes: FloatArray, weight: float) -> BoxSums:
        """Return the sums of one frame."""
        known = np.isfinite(boxes)
        light = np.where(known, boxes, 0.0)
        light *= weight
        return cls(light, weight * known, 1, float(weight))

    def __add__(self, other: BoxSums) -> BoxSums:
        return BoxSums(
            self.light + other.light,
            self.weight + other.weight,
            self.frames + other.frames,
            self.total + other.total,
        )

    def __sub__(self, other: BoxSums) -> BoxSums:
        return BoxSums(
            self.light - other.light,
            self.weight - other.weight,
            self.frames - other.frames,
            self.total - other.total,
        )

    @property
    def mean(self) -> FloatArray:
        """The weighted mean, NaN where no frame has a value."""
        with np.errstate(invalid="ignore"):
            return self.light / self.weight  # 0 / 0 where none has


def _boxes(image: NDArray[Any], chosen: BoolArray) -> NDArray[Any]:
    """Return the pixels of the chosen boxes, (K, box_px**2), colours averaged."""
    rows, cols = chosen.shape
    side = image.shape[0] // rows
    boxes = image.reshape(rows, side, cols, side, *image.shape[2:])
    row, col = np.nonzero(chosen)
    pixels = boxes[row, :, col]
    pixels = pixels if image.ndim == 2 else pixels.mean(axis=-1)
    return pixels.reshape(row.size, side**2)


def _means_of_known(boxes: FloatArray, inside: BoolArray | bool) -> FloatArray:
    known = np.isfinite(boxes) & inside
    count = known.sum(axis=1)
    total = np.where(known, boxes, 0.0).sum(axis=1, dtype=np.float64)
    return np.where(count >= _FULL_ENOUGH * boxes.shape[1], total / np.maximum(count, 1), np.nan)
