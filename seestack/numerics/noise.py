"""The noise of a stack, from what its frames say differently about the same sky.

Whatever all frames show alike - stars, a nebula, the slope of the sky - cancels in the
difference of two parts of the stack; what is left is noise. Means of boxes are compared,
which resampling hardly smooths, and parts that follow each other in time, so that a
pattern which creeps over the sky with the drift of the mount does not cancel.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from seestack.checks import as_real_array, check_positive
from seestack.model import BoolArray, FloatArray
from seestack.numerics.robust import MAD_TO_SIGMA

__all__ = ["NoiseTrack", "box_means", "robust_spread", "without_structure"]

_MOST_PARTS = 16
# A box counts where at least this part of its pixels is known.
_FULL_ENOUGH = 0.75
# Side, in boxes, of the window whose mean is the sky of its middle, and the least share
# of its boxes. Half a window, at the edge of the image, is too little.
_WINDOW, _WINDOW_FILLED = 7, 0.6
# Boxes are used that so much of the stack's weight covers.
_COVERED = 0.9
_STAR_SIGMA = 4.0
_STAR_SHARE, _DARK_PERCENT = 0.5, 5.0
_FEWEST_BOXES = 20
# The share of the stack in a difference is known well enough from so many boxes.
_SAMPLE = 8000


@dataclass(frozen=True, slots=True, eq=False)
class _Part:
    """Weighted sums of consecutive frames in boxes, (h, w) each."""

    light: FloatArray
    weight: FloatArray
    frames: int
    total: float

    def __add__(self, other: _Part) -> _Part:
        return _Part(
            self.light + other.light,
            self.weight + other.weight,
            self.frames + other.frames,
            self.total + other.total,
        )

    @property
    def mean(self) -> FloatArray:
        return np.divide(
            self.light, self.weight, out=np.full_like(self.light, np.nan), where=self.weight > 0
        )


@dataclass(frozen=True, slots=True, eq=False)
class NoiseTrack:
    """The frames of a stack in boxes, summed in up to 16 parts one after another.

    Start it with `NoiseTrack.start`; `with_frame` returns the next one. It is small:
    about 1/100 of the memory of a stack in boxes of 8 pixels, however many frames.

    Parameters
    ----------
    reference : ndarray of shape (h, w)
        Box means of the first frame in ADU; NaN where too few pixels are known.
    reference_weight : float
        Its weight.
    parts : tuple
        Sums of consecutive frames, all but the last of equally many.
    box_px : int
        Side of the boxes in pixels.

    Examples
    --------
    >>> frames = np.random.default_rng(0).normal(100.0, 8.0, (5, 320, 400))
    >>> track = NoiseTrack.start(frames[0])
    >>> for frame in frames[1:]:
    ...     track = track.with_frame(frame)
    >>> track.frames, track.mean.shape, track.weight
    (5, (40, 50), 5.0)
    """

    reference: FloatArray
    reference_weight: float
    parts: tuple[_Part, ...]
    box_px: int

    @classmethod
    def start(cls, image: ArrayLike, *, weight: float = 1.0, box_px: int = 8) -> NoiseTrack:
        """Return the track of the first frame.

        Parameters
        ----------
        image : array_like of shape (H, W) or (H, W, 3)
            The reference frame in ADU. Colours are averaged. NaN marks unknown pixels.
        weight : float, default 1.0
            Its weight in the stack.
        box_px : int, default 8
            Side of the boxes. Bilinear resampling lowers the noise of a box of 8
            pixels by 4 %, of 16 by 2 %; the default resampling of `seestack.warp` by
            less than 1 %.

        Raises
        ------
        ValueError, TypeError
            If `image` is no image, or a number is not positive.
        """
        check_positive("weight", weight)
        check_positive("box_px", box_px, whole=True)
        boxes = box_means(image, box_px)
        return cls(boxes, float(weight), (_part(boxes, weight),), box_px)

    def with_frame(
        self, image: ArrayLike, footprint: ArrayLike | None = None, *, weight: float = 1.0
    ) -> NoiseTrack:
        """Return the track with one more frame; this one stays as it is.

        Parameters
        ----------
        image : array_like of shape (H, W) or (H, W, 3)
            The frame on the grid of the reference, as it is accumulated.
        footprint : array_like of bool, shape (H, W), optional
            True where the frame covers the reference; not needed where `image` is NaN
            outside of it.
        weight : float, default 1.0
            Weight of the frame in the stack.

        Raises
        ------
        ValueError, TypeError
            If the shape is not the reference's, or `weight` is not positive.
        """
        check_positive("weight", weight)
        boxes = box_means(image, self.box_px, footprint)
        if boxes.shape != self.reference.shape:
            raise ValueError(
                f"image must have the reference's {self.reference.shape} boxes of "
                f"{self.box_px} px, got {boxes.shape}"
            )
        new, parts = _part(boxes, weight), self.parts
        if len(parts) > 1 and parts[-1].frames < parts[0].frames:
            return replace(self, parts=(*parts[:-1], parts[-1] + new))
        if len(parts) == _MOST_PARTS:
            pairs = zip(parts[::2], parts[1::2], strict=True)
            parts = tuple(first + second for first, second in pairs)
        return replace(self, parts=(*parts, new))

    @property
    def frames(self) -> int:
        """Number of frames."""
        return sum(part.frames for part in self.parts)

    @property
    def weight(self) -> float:
        """Sum of the weights."""
        return sum(part.total for part in self.parts)

    @property
    def mean(self) -> FloatArray:
        """Weighted mean of all frames in boxes, (h, w), in ADU; NaN where none covers."""
        return _sum(self.parts).mean

    @property
    def usable(self) -> BoolArray:
        """(h, w), True for boxes that nearly all frames cover and that hold no peak.

        A peak is a box that stands out of the 5 x 5 around it by 4 sigma.
        """
        covered, peaks, _ = self._peaks()
        return covered & (peaks <= _STAR_SIGMA * robust_spread(peaks[covered]))

    @property
    def starless(self) -> BoolArray:
        """(h, w), as `usable`, but a bright nebula or galaxy keeps its middle.

        A star must also add half of what is around it above the dark sky.
        """
        covered, peaks, around = self._peaks()
        if not covered.any():
            return covered
        above = around - np.percentile(around[covered], _DARK_PERCENT)
        least = _STAR_SIGMA * robust_spread(peaks[covered])
        return covered & (peaks <= np.maximum(_STAR_SHARE * above, least))

    def _peaks(self) -> tuple[BoolArray, FloatArray, FloatArray]:
        """Return the covered boxes, their height above the 5 x 5 around, and those."""
        whole = _sum(self.parts)
        covered = whole.weight >= _COVERED * self.weight
        mean = whole.mean
        level = np.median(mean[covered]) if covered.any() else 0.0
        filled = np.where(covered, mean - level, 0.0).astype(np.float32)
        around = cv2.medianBlur(filled, 5)
        return covered, filled - around, around

    def halves(self) -> tuple[FloatArray, FloatArray]:
        r"""Return the noise of the stack, drawn once for each box, and the stack itself.

        Returns
        -------
        noise : ndarray of shape (h, w)
            The first half in time minus the second, scaled so that its standard
            deviation is that of the mean of all frames. NaN for a single frame.
        mean : ndarray of shape (h, w)
            The mean of all frames.

        Notes
        -----
        With weights :math:`W_1, W_2` of the halves and noise of either mean in inverse
        proportion to the root of its weight, the noise of the whole is that of the
        difference times :math:`\sqrt{W_1 W_2} / (W_1 + W_2)`. Where the halves weigh
        the same that is 1/2 and needs no such assumption.
        """
        if len(self.parts) == 1:
            return np.full_like(self.reference, np.nan), self.mean
        upto = np.cumsum([part.total for part in self.parts])[:-1]
        cut = int(np.argmin(np.abs(upto - self.weight / 2))) + 1
        first, second = _sum(self.parts[:cut]), _sum(self.parts[cut:])
        total = first.weight + second.weight
        with np.errstate(invalid="ignore", divide="ignore"):
            scale = np.sqrt(first.weight * second.weight) / total
            return (first.mean - second.mean) * scale, (first.light + second.light) / total

    def deviations(self) -> FloatArray:
        """Return each part minus the stack times the root of the part's weight, (k, h, w).

        NaN where a part does not cover.
        """
        mean = self.mean
        return np.stack([(part.mean - mean) * np.sqrt(part.weight) for part in self.parts])


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
        NaN where less than three quarters of the pixels are known.

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
    means = cv2.resize(whole, (cols, rows), interpolation=cv2.INTER_AREA).astype(np.float64)
    means = means if means.ndim == 2 else means.mean(axis=2)
    torn = ~np.isfinite(means)
    if not inside.all():
        cut = np.ascontiguousarray(inside[: rows * box_px, : cols * box_px])
        torn |= ~cut.reshape(rows, box_px, cols, box_px).all(axis=(1, 3))
        means[torn] = _means_of_known(_boxes(whole, torn), _boxes(cut, torn))
    elif torn.any():
        means[torn] = _means_of_known(_boxes(whole, torn), True)
    return means


def robust_spread(values: FloatArray) -> float:
    """Return the standard deviation of normal values that a few outliers may be among.

    Parameters
    ----------
    values : ndarray
        Any shape; what is not finite is left out.

    Returns
    -------
    float
        NaN where fewer than 20 values are left.

    Notes
    -----
    The biweight midvariance, of about 95 % efficiency where the median absolute
    deviation has 37 % (F. Mosteller and J. W. Tukey, "Data Analysis and Regression",
    1977, p. 207).

    Examples
    --------
    >>> values = np.random.default_rng(0).normal(50.0, 3.0, 4000)
    >>> 2.9 < robust_spread(np.append(values, [900.0] * 40)) < 3.1
    True
    """
    known = values[np.isfinite(values)]
    if known.size < _FEWEST_BOXES:
        return float("nan")
    off = known - np.median(known)
    width = 9 * np.median(np.abs(off))
    if width == 0:
        return 0.0
    u = (off / width) ** 2
    off, u = off[u < 1], u[u < 1]
    numerator = (off**2 * (1 - u) ** 4).sum()
    return float(np.sqrt(known.size * numerator) / abs(((1 - u) * (1 - 5 * u)).sum()))


def without_structure(noise: FloatArray, mean: FloatArray, usable: BoolArray) -> FloatArray:
    """Return noise in boxes without the smooth sky and without the light of the stack.

    Parameters
    ----------
    noise : ndarray of shape (h, w)
        A difference of frames, or of parts of a stack.
    mean : ndarray of shape (h, w)
        The stack. Where the parts of a difference were not equally transparent, a
        part of the stack is left in it: the multiple that explains most is taken off.
    usable : ndarray of bool, shape (h, w)
        Boxes that take part.

    Returns
    -------
    ndarray of shape (h, w)
        NaN where too few of the boxes around take part. The standard deviation of white
        noise is kept.

    Examples
    --------
    >>> noise = np.random.default_rng(0).normal(0.0, 2.0, (60, 80))
    >>> slope = np.linspace(0.0, 90.0, 80)
    >>> left = without_structure(noise + slope, noise * 0, np.ones(noise.shape, bool))
    >>> 1.9 < robust_spread(left) < 2.1
    True
    """
    taking_part = usable & np.isfinite(noise) & np.isfinite(mean)
    count = _window_sum(taking_part.astype(np.float64))
    chosen = taking_part & (count >= _WINDOW_FILLED * _WINDOW**2)
    rough, light = (
        (image - _window_sum(np.where(taking_part, image, 0.0)) / np.maximum(count, 1))[chosen]
        / np.sqrt(1 - 1 / count[chosen])
        for image in (noise, mean - np.median(mean[taking_part]) if taking_part.any() else mean)
    )
    left = np.full(noise.shape, np.nan)
    left[chosen] = rough - _share(rough, light) * light
    return left


def _share(rough: FloatArray, light: FloatArray) -> float:
    """Return the multiple of `light` that explains most of `rough`, from a sample of both."""
    thin = slice(None, None, max(rough.size // _SAMPLE, 1))
    rough, light = rough[thin], light[thin]
    share = 0.0
    for _ in range(3):
        rest = np.abs(rough - share * light)
        width = MAD_TO_SIGMA * np.median(rest) if rest.size else 0.0
        inlying = rest <= _STAR_SIGMA * width
        power = (light[inlying] ** 2).sum()
        share = float((rough[inlying] * light[inlying]).sum() / power) if power > 0 else 0.0
    return share


def _window_sum(image: FloatArray) -> FloatArray:
    side = (_WINDOW, _WINDOW)
    return cv2.boxFilter(image, -1, side, normalize=False, borderType=cv2.BORDER_CONSTANT)


def _part(boxes: FloatArray, weight: float) -> _Part:
    known = np.isfinite(boxes)
    return _Part(np.where(known, weight * boxes, 0.0), weight * known, 1, float(weight))


def _sum(parts: tuple[_Part, ...]) -> _Part:
    total = parts[0]
    for part in parts[1:]:
        total = total + part
    return total


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
