"""Measure how much less noise a stack has than a single frame.

Two ways. `sky_noise` looks at one image and takes what is rough in it for noise, be it
noise or the threads of a nebula. `tracked_gain` compares parts of the stack with each
other, so that whatever is in the sky cancels.
"""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from seestack.checks import as_image, check_positive
from seestack.model import FloatArray
from seestack.numerics.noise import NoiseTrack
from seestack.numerics.robust import MAD_TO_SIGMA
from seestack.numerics.spread import robust_spread, take_off_structure, without_structure

__all__ = [
    "NoiseTrack",
    "sky_noise",
    "stack_noise",
    "tracked_gain",
]

_FEWEST_BENDS = 20
# With fewer frames the noise of the first is not independent of that of the mean.
_FEWEST_FRAMES = 4


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


def stack_noise(track: NoiseTrack) -> float:
    r"""Return the noise of a stack in its boxes, measured between its halves.

    Parameters
    ----------
    track : NoiseTrack
        The frames of the stack.

    Returns
    -------
    float
        Standard deviation of the mean of a box in ADU; NaN for a single frame, or where
        fewer than 20 boxes without stars are covered.

    Notes
    -----
    Half the difference of the first and the second half in time,
    :math:`(m_1 - m_2)\sqrt{W_1 W_2} / (W_1 + W_2)`, minus the sky of 7 x 7 boxes
    around and minus the multiple of the stack that transparency left in it; of that the
    biweight midvariance over boxes that 90 % of the weight covers and that no star
    stands out of. A pattern of the sensor shows as far as it moved by more than a
    box from one half to the other; one that never moves is part of the sky for this
    measure, and `sky_noise` of the stack is an upper limit then.

    Examples
    --------
    >>> frames = np.random.default_rng(0).normal(100.0, 8.0, (16, 320, 400))
    >>> track = NoiseTrack.start(frames[0])
    >>> for frame in frames[1:]:
    ...     track = track.with_frame(frame)
    >>> 0.24 < stack_noise(track) < 0.26
    True
    """
    return _noises(track)[1]


def tracked_gain(track: NoiseTrack) -> float:
    r"""Return how many times less noise the stack has than its reference frame.

    Parameters
    ----------
    track : NoiseTrack
        The frames of the stack, the reference first.

    Returns
    -------
    float
        1.0 for the reference alone. NaN for 2 and 3 frames, whose noise cannot be told
        from that of their mean, and where the noise is not known.

    Notes
    -----
    The noise :math:`\sigma` of the stack is `stack_noise`. That of the reference,
    with the share :math:`w` of the stack's weight, follows from its difference to the
    stack, whose variance is :math:`(1 - 2w)\sigma_r^2 + \sigma^2`.

    Examples
    --------
    >>> frames = np.random.default_rng(0).normal(100.0, 8.0, (16, 320, 400))
    >>> track = NoiseTrack.start(frames[0])
    >>> for frame in frames[1:]:
    ...     track = track.with_frame(frame)
    >>> 3.85 < tracked_gain(track) < 4.15
    True
    """
    if track.frames == 1:
        return 1.0
    single, whole = _noises(track)
    return single / whole if whole > 0 else float("nan")


def _noises(track: NoiseTrack) -> tuple[float, float]:
    """Return the noise of a box in the reference and in the stack; NaN where unknown."""
    usable = track.usable
    noise, mean = track.halves()
    if track.frames < _FEWEST_FRAMES:
        return float("nan"), robust_spread(without_structure(noise, mean, usable))
    images = np.stack([noise, track.reference, mean])
    images[1] -= mean
    take_off_structure(images, usable)
    whole, off = map(robust_spread, images[:2])
    own = 1 - 2 * track.reference_weight / track.weight
    variance = (off**2 - whole**2) / own if own > 0 else -1.0
    return math.sqrt(variance) if variance > 0 else float("nan"), whole


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
