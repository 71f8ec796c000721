"""Measure how good a frame or a stack is: noise, star size, SNR gain."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from seestack.model import FloatArray
from seestack.numerics.robust import MAD_TO_SIGMA

__all__ = ["sky_noise"]


def sky_noise(image: NDArray[np.floating], *, box_px: int = 8) -> float:
    """Return the noise of the sky on the scale of a box, as a standard deviation.

    Resampling correlates neighbouring pixels and hides noise from a pixel-to-pixel
    measure; the mean of a box is blind to that. Differences of neighbouring boxes
    cancel the sky's level and slope.

    Parameters
    ----------
    image : ndarray of shape (H, W)
        Boxes that contain NaN take no part.
    box_px : int, default 8
        Side of the boxes.

    Returns
    -------
    float
        Noise of the mean of one box, in ADU; NaN where fewer than 20 pairs of
        boxes are left.

    Examples
    --------
    >>> noise = np.random.default_rng(0).normal(0.0, 8.0, (320, 400))
    >>> 0.95 < sky_noise(noise) < 1.05
    True
    """
    rows, cols = (n // box_px for n in image.shape)
    if rows < 2 or cols < 2:
        return float("nan")
    boxes = cv2.resize(
        np.ascontiguousarray(image[: rows * box_px, : cols * box_px]),
        (cols, rows),
        interpolation=cv2.INTER_AREA,
    )
    # Second differences: a slope of the sky leaves no trace.
    bends: FloatArray = np.concatenate(
        [
            (boxes[:, 1:-1] - (boxes[:, :-2] + boxes[:, 2:]) / 2).ravel(),
            (boxes[1:-1] - (boxes[:-2] + boxes[2:]) / 2).ravel(),
        ]
    )
    bends = bends[np.isfinite(bends)]
    if bends.size < 20:
        return float("nan")
    spread = MAD_TO_SIGMA * np.median(np.abs(bends - np.median(bends)))
    return float(spread / np.sqrt(1.5))
