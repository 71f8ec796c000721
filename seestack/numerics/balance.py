"""Levels and gains that make the sky of a colour picture grey and its mean star white."""

from __future__ import annotations

import cv2
import numpy as np

from seestack.model import FloatArray, Image
from seestack.numerics.robust import sky_level

__all__ = ["sky_of_colours", "star_gains"]

_SAMPLE = 200_000
# A star is narrower than this; what is wider, such as a nebula, is taken off first.
_STAR_PX = 9
_MIN_STARS = 20
_MIN_HEIGHT = 10.0  # in units of the noise
_MAX_GAIN = 3.0


def sky_of_colours(image: Image) -> FloatArray:
    """Return the level of the sky in each colour.

    Parameters
    ----------
    image : ndarray of shape (H, W, 3)
        NaN takes no part.

    Returns
    -------
    ndarray of shape (3,), float64
        0 for a colour without a finite pixel.

    Notes
    -----
    Of large images an even sample of about 200,000 pixels is looked at. See
    `seestack.numerics.robust.sky_level`.

    Examples
    --------
    >>> sky_of_colours(np.full((4, 6, 3), [30.0, 10.0, 20.0], np.float32)).tolist()
    [30.0, 10.0, 20.0]
    """
    step = max(int(np.sqrt(image.shape[0] * image.shape[1] / _SAMPLE)), 1)
    levels = [sky_level(image[::step, ::step, plane])[0] for plane in range(3)]
    return np.nan_to_num(levels, nan=0.0)


def star_gains(light: Image) -> FloatArray:
    """Return the factors that make the median star as bright in every colour.

    Parameters
    ----------
    light : ndarray of shape (H, W, 3), float32
        With the sky taken off; NaN takes no part.

    Returns
    -------
    ndarray of shape (3,), float64
        Green is 1, the others within 1/3 and 3. All 1 with fewer than 20 stars.

    Notes
    -----
    What is wider than 9 px is taken off by a morphological opening, so a nebula has no
    say. A star is the brightest pixel of 5 x 5 that rises above ten times the noise,
    the brightest tenth, which may be saturated, left out; its colour is that of the
    3 x 3 pixels around.

    Examples
    --------
    >>> light = np.zeros((60, 90, 3), np.float32)
    >>> light[5::10, 5::10] = 100.0, 200.0, 50.0
    >>> star_gains(light).tolist()
    [2.0, 1.0, 3.0]
    """
    points = np.nan_to_num(light, nan=0.0, posinf=0.0, neginf=0.0)
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (_STAR_PX, _STAR_PX))
    points = cv2.blur(cv2.morphologyEx(points, cv2.MORPH_TOPHAT, kernel), (3, 3))
    height = points.mean(axis=2)
    level, noise = sky_level(height[::3, ::3])
    peak = (height == cv2.dilate(height, np.ones((5, 5), np.uint8))) & (
        height > level + _MIN_HEIGHT * noise
    )
    stars, heights = points[peak] - level, height[peak]
    if len(stars) < _MIN_STARS:
        return np.ones(3)
    stars = np.maximum(stars[heights <= np.percentile(heights, 90)], 1e-3 * heights.min())
    gains = 1 / np.median(stars / stars[:, 1:2], axis=0)
    return np.clip(gains.astype(np.float64), 1 / _MAX_GAIN, _MAX_GAIN)
