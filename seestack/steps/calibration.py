"""Find the pixels of a raw frame that do not show the sky."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from seestack.checks import as_image, check_positive
from seestack.model import BoolArray, Image
from seestack.numerics.robust import sky_level

__all__ = ["hot_pixels", "without_hot_pixels"]

# Light in the 8 neighbours over the pixel: 1.2 or more for a star of FWHM 1.3 px.
_MAX_NEIGHBOUR_LIGHT = 0.4


def hot_pixels(
    image: NDArray[Any], *, bayer: str | None = None, threshold: float = 8.0
) -> BoolArray:
    """Return the single pixels that stand out alone.

    A star lights several neighbouring pixels, whatever their colour; a hot pixel or
    a cosmic ray through one pixel does not. In a mosaic the sky of each colour is
    taken off first, so that neighbours of another colour can be compared.

    Parameters
    ----------
    image : ndarray of shape (H, W)
        Raw pixels, a mosaic where `bayer` is given. NaN is never hot.
    bayer : str, optional
        Any of the four patterns; which one does not matter.
    threshold : float, default 8.0
        Height above the sky in units of the sky's noise.

    Returns
    -------
    ndarray of bool, shape (H, W)
        True for hot pixels.

    Raises
    ------
    ValueError
        If `image` is not a numeric array of shape (H, W) or `threshold` is not positive.

    Examples
    --------
    >>> raw = np.random.default_rng(0).normal(100.0, 2.0, (40, 60))
    >>> raw[12, 34] = 180.0
    >>> np.argwhere(hot_pixels(raw)).tolist()
    [[12, 34]]
    """
    image = as_image("image", image)
    check_positive("threshold", threshold)
    light: Image = np.where(np.isfinite(image), image, np.nan).astype(np.float32)
    step = 2 if bayer else 1
    noise = np.zeros(image.shape, np.float32)
    for row in range(step):
        for col in range(step):
            plane = light[row::step, col::step]
            level, sigma = sky_level(plane[::4, ::4])
            plane -= level
            noise[row::step, col::step] = sigma
    # Where there is no light there is none to compare with either.
    light[np.isnan(light)] = 0.0
    around = cv2.boxFilter(light, -1, (3, 3), normalize=False, borderType=cv2.BORDER_REFLECT_101)
    alone = (around - light) < _MAX_NEIGHBOUR_LIGHT * light
    return alone & (light > threshold * noise) & np.isfinite(image)


def without_hot_pixels(image: NDArray[Any], bayer: str | None) -> NDArray[Any]:
    """Return a mosaic whose hot pixels show the median of their neighbours' colour.

    Turning a mosaic into luminance would smear a hot pixel into something like a
    star. A frame without a mosaic is returned as it is.

    Parameters
    ----------
    image : ndarray of shape (H, W)
        Raw pixels.
    bayer : str or None
        The Bayer pattern; None for no mosaic.

    Returns
    -------
    ndarray of shape (H, W)
        A copy where anything was replaced.

    Examples
    --------
    >>> raw = np.random.default_rng(0).normal(100.0, 2.0, (40, 60))
    >>> raw[12, 34] = 180.0
    >>> bool(without_hot_pixels(raw, "GRBG")[12, 34] < 110)
    True
    """
    if bayer is None or image.ndim != 2:
        return image
    rows, cols = np.nonzero(hot_pixels(image, bayer=bayer))
    if len(rows) == 0:
        return image
    padded = np.pad(image, 2, mode="reflect")
    steps = [(i, j) for i in (0, 2, 4) for j in (0, 2, 4) if (i, j) != (2, 2)]
    around = np.array([padded[rows + i, cols + j] for i, j in steps], np.float64)
    repaired = image.copy()
    repaired[rows, cols] = np.nanmedian(around, axis=0)
    return repaired
