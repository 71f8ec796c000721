"""Reduce a stack to the size of a picture, without satellites, while frames come in.

A picture of a few hundred pixels needs no verdict on every sample. Here a sample goes that
is far from the mean of the others for the noise around it; `clip_outliers` asks more
carefully, tells which frame each came from, and takes many times as long.
"""

from __future__ import annotations

import math
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from seestack.checks import check_positive
from seestack.compiled import boxes
from seestack.model import Image, Stack
from seestack.numerics.bands import in_bands
from seestack.numerics.extremes import empty_extremes
from seestack.numerics.order import set_aside

__all__ = ["reduce_stack"]

# Changing seeing alters a pixel by up to this share of the contrast around it.
_CONTRAST_SHARE = 2.0
# So many pixels tell the noise everywhere. It is smoothed over 5 x 5 of them, of which the
# track of a satellite must be the smaller part.
_SAMPLE, _LEAST_STEP = 15_000, 4
_BAND = 48


def reduce_stack(stack: Stack, side_px: int, *, kappa: float | None = None) -> Image:
    r"""Return the mean of a stack in boxes, for the eye.

    Parameters
    ----------
    stack : Stack
        With `extremes`, if samples are to be left out.
    side_px : int
        Side of a box; a rest at the right and the lower edge is left out.
    kappa : float, optional
        A sample goes that is further than this many standard deviations from the mean of
        the others. None leaves all of them in.

    Returns
    -------
    ndarray of float32, shape (H // side_px, W // side_px) or with a last axis of 3
        Means of the covered pixels; NaN where there is none.

    Raises
    ------
    TypeError
        If `stack` is not a `Stack` or `kappa` is not a number.
    ValueError
        If `side_px` or `kappa` is not positive, or no box fits in.

    Notes
    -----
    A sample x of n goes where it is among the extremes that can be set aside, see
    `seestack.numerics.order.set_aside`, and

    .. math:: |x - c| > \kappa\,\sigma + 2\,D,

    with c the mean of the samples of the pixel without its extremes, D the range of c
    over 3 x 3 boxes, which spares the cores of stars, and :math:`\sigma` the noise of a
    sample, the root of a running median of the variances of an even sample of the pixels.

    Examples
    --------
    >>> from seestack.steps.accumulation import accumulate
    >>> rng, stack = np.random.default_rng(0), None
    >>> for n in range(8):
    ...     image = rng.normal(100.0, 5.0, (60, 90))
    ...     image[30:33] += 500.0 * (n == 0)
    ...     stack = accumulate(stack, image, np.ones((60, 90), bool), extremes=(2, 1))
    >>> [round(float(reduce_stack(stack, 3, kappa=kappa)[10].mean())) for kappa in (None, 4.0)]
    [162, 100]
    """
    if not isinstance(stack, Stack):
        raise TypeError(f"stack must be a Stack, got {type(stack).__name__}")
    check_positive("side_px", side_px, whole=True)
    lines, across = (side // side_px for side in stack.shape)
    if lines == 0 or across == 0:
        raise ValueError(f"side_px must be at most {min(stack.shape)}, got {side_px}")
    kept = stack.extremes
    if kappa is not None:
        check_positive("kappa", kappa)
    if kappa is None or kept is None:
        kept = empty_extremes(stack.mean.shape, 0, 0)
    reduced = np.empty((lines, across, *stack.mean.shape[2:]), np.float32)
    sizes = len(kept.high), len(kept.low)
    aside = np.array([set_aside(n, *sizes) for n in range(len(kept.weights) + 1)], np.uint8)
    step = max(round(float(np.sqrt(stack.mean.size / _SAMPLE))), _LEAST_STEP)
    noise = _noise(stack, step)
    mean, weight, coverage = (_rows(a) for a in (stack.mean, stack.weight, stack.coverage))
    high, low = (_planes(values) for values in (kept.high, kept.low))
    high_frame, low_frame = (_planes(numbers) for numbers in (kept.high_frame, kept.low_frame))

    def reduce(band: slice) -> None:
        boxes.reduce_band(
            mean,
            weight,
            coverage,
            high,
            high_frame,
            low,
            low_frame,
            kept.weights,
            aside,
            noise,
            step,
            kappa or 0.0,
            _CONTRAST_SHARE,
            side_px,
            reduced[0, 0].size,
            reduced.reshape(lines, -1),
            band.start,
            band.stop,
        )

    in_bands(reduce, lines, _BAND)
    return reduced


def _rows(array: NDArray[Any]) -> NDArray[Any]:
    return np.ascontiguousarray(array).reshape(len(array), -1)


def _planes(array: NDArray[Any]) -> NDArray[Any]:
    planes, rows, *across = array.shape
    return np.ascontiguousarray(array).reshape(planes, rows, math.prod(across))


def _noise(stack: Stack, step: int) -> Image:
    """Return the noise of a sample, of every `step`-th row, across the whole row."""
    thin = (slice(None, None, step), slice(None, None, step))
    count, weight = stack.coverage[thin].astype(np.float32), stack.weight[thin]
    with np.errstate(divide="ignore", invalid="ignore"):
        variance = stack.m2[thin] * count / ((count - 1) * weight)
        # The median of chi-square is so much below its mean.
        variance /= (1 - 2 / (9 * (count - 1))) ** 3
    known = count > 1
    middle = np.median(variance[known]) if known.any() else 0.0
    smooth = cv2.medianBlur(np.where(known, variance, middle).astype(np.float32), 5)
    return _rows(np.repeat(np.sqrt(smooth), step, axis=1)[:, : stack.shape[1]])
