"""Robust statistics of an image that is mostly sky; NaN pixels take no part."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.ndimage import distance_transform_edt

from seestack.model import FloatArray, Image

__all__ = ["MAD_TO_SIGMA", "sky_level", "sky_map"]

# Standard deviation of a normal distribution over its median absolute deviation.
MAD_TO_SIGMA = 1.482602218505602
_CUTS = 3
# So many pixels tell the noise to 0.5 %.
_ENOUGH = 60_000


def sky_level(values: ArrayLike) -> tuple[float, float]:
    """Return level and noise of pixels that are mostly sky.

    Parameters
    ----------
    values : array_like
        Any shape; NaN is ignored.

    Returns
    -------
    tuple of float
        (level, standard deviation); (NaN, NaN) when there is no finite value.

    Notes
    -----
    Stars only add light: the noise is read off the darker half, and what lies above
    three times of it is cut before the median is taken again.

    Examples
    --------
    >>> sky = np.random.default_rng(1).normal(100.0, 5.0, 4000)
    >>> level, noise = sky_level(np.append(sky, [9e4] * 40))
    >>> round(level), round(noise)
    (100, 5)
    """
    flat = np.asarray(values, np.float32).ravel()
    flat = flat[np.isfinite(flat)]
    if flat.size == 0:
        return float("nan"), float("nan")
    flat.sort()
    count, sigma = len(flat), 0.0
    for _ in range(_CUTS):
        level = (float(flat[(count - 1) // 2]) + float(flat[count // 2])) / 2
        sigma = level - float(flat[_darker(count)])
        count = max(int(np.searchsorted(flat, np.float32(level + 3 * sigma), "right")), 1)
    return level, sigma


def sky_map(image: Image, *, box_px: int = 64, step: int = 4) -> tuple[Image, float]:
    """Return the smooth sky under the stars and the noise of one pixel.

    Parameters
    ----------
    image : ndarray of shape (H, W), float32
        May contain NaN.
    box_px : int, default 64
        Side of the boxes whose clipped medians are interpolated. Must be much
        larger than a star.
    step : int, default 4
        Only each `step`-th row and column is looked at; stars are sparse and the
        sky is smooth, so this costs little accuracy and saves most of the time.

    Returns
    -------
    sky : ndarray of shape (H, W), float32
        Bilinear between the centres of the boxes. Zero where nothing is finite.
    noise : float
        Standard deviation of the sky in one pixel; 0.0 where nothing is finite.

    Examples
    --------
    >>> ramp = np.tile(np.linspace(100, 300, 320, dtype=np.float32), (200, 1))
    >>> noisy = ramp + np.random.default_rng(0).normal(0, 4, ramp.shape).astype(np.float32)
    >>> sky, noise = sky_map(noisy)
    >>> bool(np.abs(sky - ramp)[:, 32:-32].max() < 6), 3.8 < noise < 4.4
    (True, True)
    """
    thin = image[::step, ::step] if min(image.shape) >= 4 * step else image
    side = [_box_side(n, max(min(box_px // step, n), 1)) for n in thin.shape]
    rows, cols = (-(-n // s) for n, s in zip(thin.shape, side, strict=True))
    padded = np.full((rows * side[0], cols * side[1]), np.nan, np.float32)
    padded[: thin.shape[0], : thin.shape[1]] = thin
    boxes = padded.reshape(rows, side[0], cols, side[1]).swapaxes(1, 2)
    level = _box_levels(boxes.reshape(rows * cols, -1))[0].astype(np.float32).reshape(rows, cols)
    if np.isnan(level).all():
        return np.zeros(image.shape, np.float32), 0.0
    nearest = distance_transform_edt(np.isnan(level), return_distances=False, return_indices=True)
    level = level[tuple(nearest)]
    if min(rows, cols) >= 3:
        level = cv2.medianBlur(_wider(level), 3)[1:-1, 1:-1]
    wider = _wider(level)
    pitch = [s * (step if thin is not image else 1) for s in side]
    full = (wider.shape[1] * pitch[1], wider.shape[0] * pitch[0])
    sky = cv2.resize(wider, full, interpolation=cv2.INTER_LINEAR)
    sky = sky[pitch[0] : pitch[0] + image.shape[0], pitch[1] : pitch[1] + image.shape[1]]
    flat = thin - (sky[::step, ::step] if thin.shape != image.shape else sky)
    thinner = max(int(np.sqrt(flat.size / _ENOUGH)), 1)
    return sky, sky_level(flat[::thinner, ::thinner])[1]


def _wider(level: Image) -> Image:
    """Return one box more on each side, continued linearly: a slope goes on to the edge."""
    return np.pad(level, 1, mode="reflect", reflect_type="odd")


def _box_side(length: int, wanted: int) -> int:
    """Return a side near the wanted one whose last box is as full as can be."""
    sides = range(max(3 * wanted // 4, 1), 5 * wanted // 4 + 1)
    return min(sides, key=lambda side: ((-length % side) / side, abs(side - wanted)))


def _darker(count: ArrayLike) -> NDArray[np.intp]:
    """Return the rank of the value one standard deviation below the median.

    The shift of one half makes it unbiased for small boxes.
    """
    return (0.158655 * np.asarray(count) - 0.5).clip(0).round().astype(int)


def _box_levels(boxes: Image) -> tuple[FloatArray, FloatArray]:
    """Return level and noise of each row of `boxes`; NaN for rows with few pixels."""
    ordered = np.sort(boxes, axis=1)  # NaN goes to the end
    row = np.arange(len(ordered))
    finite = np.isfinite(ordered).sum(axis=1)
    count = np.maximum(finite, 1)
    sigma = np.zeros(len(ordered))
    for _ in range(_CUTS):
        level = (ordered[row, (count - 1) // 2] + ordered[row, count // 2]) / 2
        sigma = level - ordered[row, _darker(count)]
        kept = (ordered <= (level + 3 * sigma)[:, None]).sum(axis=1)
        count = np.maximum(np.minimum(kept, finite), 1)
    few = finite < 0.1 * boxes.shape[1]
    return np.where(few, np.nan, level), np.where(few, np.nan, sigma)
