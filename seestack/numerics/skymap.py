"""The smooth sky under the stars, known at the centres of boxes."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from seestack.compiled import levels
from seestack.model import Image, Raw
from seestack.numerics.bands import in_bands
from seestack.numerics.robust import CUTS, DARKER, sky_level

__all__ = ["SkyMap", "sky_map"]

# So many pixels tell the noise to 1.2 %.
_ENOUGH = 10_000
# Lines of boxes measured at once.
_LINES = 9
# A box has a level where at least this part of its pixels is known.
_FEWEST = 0.1


@dataclass(frozen=True, slots=True, eq=False)
class SkyMap:
    """A sky that is bilinear between the centres of boxes.

    Parameters
    ----------
    levels : ndarray of shape (h + 2, w + 2), float32
        Levels of h x w boxes, with one more box on each side.
    pitch : tuple of int
        Height and width of a box in pixels.
    shape : tuple of int
        (row, col) of the image.

    Examples
    --------
    >>> ramp = np.arange(5.0, dtype=np.float32) * [[1], [1], [1]]
    >>> SkyMap(ramp, (8, 10), (8, 30)).at([4], [4.5, 14.5, 19.5]).tolist()
    [[1.0, 2.0, 2.5]]
    """

    levels: Image
    pitch: tuple[int, int]
    shape: tuple[int, int]

    def at(self, rows: ArrayLike, cols: ArrayLike) -> Image:
        """Return the sky on the grid of `rows` (N,) and `cols` (M,), shape (N, M)."""
        (low, down), (left, along) = self._boxes(np.asarray(rows), np.asarray(cols))
        part: Image = self.levels[low] + down[:, None] * (self.levels[low + 1] - self.levels[low])
        return part[:, left] + along * (part[:, left + 1] - part[:, left])

    def stretched(self, binning: int) -> tuple[Image, NDArray[np.intp], Image]:
        """Return the sky of an image binned by 1 or 2, a rest at its end left out, in lines.

        Returns
        -------
        lines : ndarray of shape (h + 2, M)
            The sky of every column at the centres of the boxes' rows.
        before : ndarray of shape (N,)
            The line before each row.
        share : ndarray of shape (N,)
            Weight of the line after it; the other has the rest.
        """
        rows, cols = (
            binning * np.arange(side // binning) + (binning - 1) / 2 for side in self.shape
        )
        (before, share), (left, along) = self._boxes(rows, cols)
        first = self.levels[:, left]
        lines = first + along * (self.levels[:, left + 1] - first)
        return np.ascontiguousarray(lines), before, share

    def _boxes(
        self, *places: NDArray[np.integer | np.floating]
    ) -> list[tuple[NDArray[np.intp], Image]]:
        """Return, for rows and for columns, the box before each place and the way to the next."""
        found = []
        for place, pitch, boxes in zip(places, self.pitch, self.levels.shape, strict=True):
            box = ((place + 0.5) / pitch + 0.5).clip(0, boxes - 1)
            before = np.minimum(box.astype(np.intp), boxes - 2)
            found.append((before, (box - before).astype(np.float32)))
        return found


def sky_map(image: Raw, *, box_px: int = 64, step: int = 4) -> tuple[SkyMap, float]:
    """Return the smooth sky under the stars and the noise of one pixel.

    Parameters
    ----------
    image : ndarray of shape (H, W), float32 or uint16
        May contain NaN.
    box_px : int, default 64
        Side of the boxes whose clipped medians are interpolated. Must be much
        larger than a star.
    step : int, default 4
        Only each `step`-th row and column is looked at; stars are sparse and the
        sky is smooth, so this costs little accuracy and saves most of the time.

    Returns
    -------
    sky : SkyMap
        Zero where nothing is finite.
    noise : float
        Standard deviation of the sky in one pixel; 0.0 where nothing is finite.

    Notes
    -----
    The level of a box of 64 pixels comes from 256 of them, the median of 3 x 3 boxes
    from 2304: it is known to 4 % of the noise of a pixel.

    Examples
    --------
    >>> ramp = np.tile(np.linspace(100, 300, 320, dtype=np.float32), (200, 1))
    >>> noisy = ramp + np.random.default_rng(0).normal(0, 4, ramp.shape).astype(np.float32)
    >>> sky, noise = sky_map(noisy)
    >>> bool(np.abs(sky.at(range(200), range(320)) - ramp)[:, 32:-32].max() < 6), 3.8 < noise < 4.4
    (True, True)
    """
    step = step if min(image.shape) >= 4 * step else 1
    shape = (image.shape[0], image.shape[1])
    thin = image[::step, ::step]
    side = [_box_side(n, max(min(box_px // step, n), 1)) for n in thin.shape]
    pitch = (side[0] * step, side[1] * step)
    level = _levels(thin, side)
    if np.isnan(level).all():
        nowhere = np.zeros((level.shape[0] + 2, level.shape[1] + 2), np.float32)
        return SkyMap(nowhere, pitch, shape), 0.0
    level = _bridged(level)
    if min(level.shape) >= 3:
        level = cv2.medianBlur(_wider(level), 3)[1:-1, 1:-1]
    sky = SkyMap(_wider(level), pitch, shape)
    thinner = max(int(np.sqrt(thin.size / _ENOUGH)), 1) * step
    rows, cols = (np.arange(0, n, thinner) for n in shape)
    return sky, sky_level(image[::thinner, ::thinner] - sky.at(rows, cols))[1]


def _levels(thin: Raw, side: list[int]) -> Image:
    """Return the clipped median of each box, NaN where few pixels are known."""
    height, width = side
    rows, cols = -(-thin.shape[0] // height), -(-thin.shape[1] // width)
    level = np.empty((rows, cols), np.float32)

    def measure(lines: slice) -> None:
        boxes = np.empty(((lines.stop - lines.start) * cols, height * width), np.float32)
        levels.gather(thin[lines.start * height : lines.stop * height], height, width, boxes)
        level[lines] = _box_levels(boxes).reshape(-1, cols)

    in_bands(measure, rows, _LINES)
    return level


def _bridged(level: Image) -> Image:
    """Return the levels with those of the nearest known boxes where there is none."""
    unknown = np.isnan(level)
    if not unknown.any():
        return level
    from scipy.ndimage import distance_transform_edt  # takes longer to import than a frame to stack

    nearest = distance_transform_edt(unknown, return_distances=False, return_indices=True)
    return level[tuple(nearest)]


def _wider(level: Image) -> Image:
    """Return one box more on each side, continued linearly: a slope goes on to the edge."""
    for _ in range(2):  # rows, then columns
        inner = min(1, len(level) - 1)
        below, above = 2 * level[0] - level[inner], 2 * level[-1] - level[-1 - inner]
        level = np.vstack([below, level, above]).T
    return np.ascontiguousarray(level)


def _box_side(length: int, wanted: int) -> int:
    """Return a side near the wanted one whose last box is as full as can be."""
    sides = range(max(3 * wanted // 4, 1), 5 * wanted // 4 + 1)
    return min(sides, key=lambda side: ((-length % side) / side, abs(side - wanted)))


def _box_levels(boxes: Image) -> Image:
    """Return the clipped median of each row of `boxes`, which are sorted then.

    NaN for rows with few pixels.
    """
    boxes.sort(axis=1)  # NaN goes to the end
    medians = np.empty(len(boxes), np.float32)
    least = int(np.ceil(_FEWEST * boxes.shape[1]))
    levels.clipped_medians(boxes, CUTS, DARKER, least, medians)
    return medians
