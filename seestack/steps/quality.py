"""Measure how good a frame or a stack is: noise, star size, SNR gain."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from seestack.checks import as_image, check_positive
from seestack.model import BoolArray, FloatArray, Image, Stack, Stars
from seestack.numerics.robust import MAD_TO_SIGMA, sky_level

__all__ = ["measured_gain", "median_fwhm", "sky_noise"]

_BOX_PX = 8
_FEWEST_BENDS = 20
# The gain is measured in the middle of the stack, on a square of at most this side.
_MIDDLE_PX = 640


def sky_noise(image: NDArray[np.floating], *, box_px: int = 8) -> float:
    """Return the noise of the sky on the scale of a box, as a standard deviation.

    Resampling correlates neighbouring pixels and hides noise from a pixel-to-pixel
    measure; the mean of a box is blind to that. Second differences of three boxes in
    a row cancel the sky's level and slope.

    Parameters
    ----------
    image : ndarray of shape (H, W)
        Boxes that contain NaN take no part.
    box_px : int, default 8
        Side of the boxes.

    Returns
    -------
    float
        Noise of the mean of one box, in ADU; NaN where fewer than 20 such
        differences are left.

    Examples
    --------
    >>> noise = np.random.default_rng(0).normal(0.0, 8.0, (320, 400))
    >>> 0.95 < sky_noise(noise) < 1.05
    True
    """
    pixels = as_image("image", image)
    check_positive("box_px", box_px, whole=True)
    return _noise_of(_box_means(pixels, box_px))


def median_fwhm(stars: Stars) -> float:
    """Return the median width of the stars in pixels; NaN where none is known.

    Examples
    --------
    >>> median_fwhm(Stars([[1.0, 2.0], [8.0, 3.0]], fwhm_px=[2.5, 3.0]))
    2.75
    """
    known = stars.fwhm_px[np.isfinite(stars.fwhm_px)]
    return float(np.median(known)) if known.size else float("nan")


def measured_gain(reference: Image, stack: Stack) -> float:
    """Return how many times less noise the stack has than its reference frame.

    Parameters
    ----------
    reference : ndarray of shape (H, W)
        The reference frame in ADU.
    stack : Stack
        The stack on its grid, the reference included.

    Returns
    -------
    float
        Noise of the sky in the frame over that in the stack, both in boxes of 8 x 8
        pixels that all frames cover and that hold no light the stack can see; NaN
        where the middle of the frame has too few of them.

    Examples
    --------
    >>> from seestack.steps.accumulation import accumulate
    >>> rng = np.random.default_rng(0)
    >>> frames = rng.normal(100.0, 8.0, (4, 320, 400)).astype(np.float32)
    >>> stack = None
    >>> for frame in frames:
    ...     stack = accumulate(stack, frame, np.ones(frame.shape, bool))
    >>> 1.9 < measured_gain(frames[0], stack) < 2.1
    True
    """
    middle = tuple(
        slice(max((n - _MIDDLE_PX) // 2, 0), (n + _MIDDLE_PX) // 2) for n in reference.shape
    )
    mean = stack.mean[middle].astype(np.float32)
    partly = stack.coverage[middle] < stack.coverage.max()
    blank = _box_means((partly | _lit(mean)).astype(np.float32), _BOX_PX) == 0
    of_frame, of_stack = (
        _noise_of(np.where(blank, _box_means(image, _BOX_PX), np.nan))
        for image in (reference[middle], mean)
    )
    return of_frame / of_stack if of_stack > 0 else float("nan")


def _box_means(image: NDArray[np.floating], box_px: int) -> FloatArray:
    """Return the means of whole boxes; NaN where a pixel is NaN."""
    rows, cols = (n // box_px for n in image.shape)
    if rows == 0 or cols == 0:
        return np.empty((0, 0))
    whole = np.ascontiguousarray(image[: rows * box_px, : cols * box_px], dtype=np.float32)
    return cv2.resize(whole, (cols, rows), interpolation=cv2.INTER_AREA)


def _noise_of(boxes: FloatArray) -> float:
    """Return the noise of box means from second differences, which no slope disturbs."""
    bends = np.concatenate(
        [
            (boxes[:, 1:-1] - (boxes[:, :-2] + boxes[:, 2:]) / 2).ravel(),
            (boxes[1:-1] - (boxes[:-2] + boxes[2:]) / 2).ravel(),
        ]
    )
    bends = bends[np.isfinite(bends)]
    if bends.size < _FEWEST_BENDS:
        return float("nan")
    spread = MAD_TO_SIGMA * np.median(np.abs(bends - np.median(bends)))
    return float(spread / np.sqrt(1.5))


def _lit(mean: Image) -> BoolArray:
    """Return the pixels within a box of light that stands out of the sky."""
    known = np.isfinite(mean)
    if not known.any():
        return ~known
    filled = np.where(known, mean, np.float32(sky_level(mean[::4, ::4])[0]))
    light = cv2.GaussianBlur(filled, (0, 0), 1.7) - cv2.blur(filled, (25, 25))
    bright = (light > 4 * sky_level(light[::7, ::7])[1]).astype(np.uint8)
    reach = np.ones((2 * _BOX_PX + 1, 2 * _BOX_PX + 1), np.uint8)
    return cv2.dilate(bright, reach) > 0
