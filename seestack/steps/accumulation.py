"""Fold frames into a running mean and variance, each pixel for itself.

Every pixel has its own weight and count, so a pixel that few frames covered is as
bright as one that all covered. The mean and the squared deviations are updated in
float64 by Welford's method, which loses nothing over thousands of frames; two stacks
merge by Chan's. On request the highest and lowest samples of each pixel are kept apart,
so that outliers can be found at any later time.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from seestack.checks import as_image, check_positive
from seestack.compiled import sums
from seestack.model import BoolArray, Image, Stack
from seestack.numerics.bands import in_bands
from seestack.numerics.extremes import empty_extremes, insert, merged_extremes, with_weight

__all__ = ["accumulate", "merge"]

# Pixels handled at once: the working arrays of a band stay in the processor's cache.
_BAND_PIXELS, _BAND_ROWS = 260_000, 16


def accumulate(
    stack: Stack | None,
    image: ArrayLike,
    footprint: ArrayLike,
    *,
    weight: float = 1.0,
    extremes: tuple[int, int] = (0, 0),
    out: Stack | None = None,
    before: Callable[[slice], None] | None = None,
) -> Stack:
    r"""Add one frame to a stack.

    Parameters
    ----------
    stack : Stack or None
        The stack so far; None starts a new one.
    image : array_like of shape (H, W) or (H, W, 3)
        The frame on the grid of the reference, in ADU.
    footprint : array_like of bool, shape of `image` or (H, W)
        True where the frame covers the reference. Pixels that are not finite take
        no part either way.
    weight : float, default 1.0
        Weight of this frame, positive.
    extremes : tuple of int, default (0, 0)
        How many of the highest and of the lowest samples of each pixel a new stack
        keeps for `clip_outliers`. A stack that was started goes on as it was.
    out : Stack, optional
        ``out=stack`` adds to the arrays of `stack` itself and returns them in a new
        Stack; the old one must not be used any more.
    before : callable, optional
        Called with each slice of rows before they are added. It may write these rows of
        `image`, if that is an array of float32 in order. Slices begin at multiples of 16.

    Returns
    -------
    Stack
        The stack with this frame in it.

    Raises
    ------
    ValueError
        If the shapes differ, `image` is not numeric, `weight` is not positive, `out` is
        another stack or `extremes` are not two numbers from 0 on; nothing has changed then.
    TypeError
        If `stack` is not a `Stack` or `weight` is not a number.

    Notes
    -----
    With W the sum of weights before and :math:`\delta = x - m`, the update is
    :math:`m' = m + \delta w / (W + w)` and
    :math:`M_2' = M_2 + w\,\delta\,(x - m')` [1]_.

    References
    ----------
    .. [1] D. H. D. West, "Updating mean and variance estimates", Communications of
       the ACM 22, 532 (1979).

    Examples
    --------
    >>> stack = None
    >>> for level in (10.0, 14.0):
    ...     stack = accumulate(stack, np.full((2, 3), level), np.ones((2, 3), bool))
    >>> stack.mean[0].tolist(), stack.variance[0, 0].item(), stack.coverage[0, 0].item()
    ([12.0, 12.0, 12.0], 4.0, 2)
    """
    pixels = np.asarray(as_image("image", image, colour=True), dtype=np.float32)
    covered = _as_footprint(footprint, pixels.shape)
    check_positive("weight", weight)
    if stack is not None:
        _check_stack("stack", stack, pixels.shape)
    if out is not None and out is not stack:
        raise ValueError("out must be the very stack that is added to, or None")
    if stack is None:
        target = _empty(pixels.shape, extremes)
    else:
        target = _contiguous(stack if out is stack else stack.copy())
    kept = target.extremes
    if kept is not None:
        kept = with_weight(kept, float(weight))

    def add(band: slice) -> None:
        if before is not None:
            before(band)
        samples = np.ascontiguousarray(pixels[band])
        usable = np.ascontiguousarray(covered[band])
        _add_band(target, samples, usable, weight, band)
        if kept is not None:
            insert(kept, samples, band, target.frames, usable=usable)

    lines = _BAND_PIXELS // max(pixels[0].size, 1) // _BAND_ROWS
    in_bands(add, pixels.shape[0], max(lines, 1) * _BAND_ROWS, whole=_BAND_ROWS)
    return replace(target, frames=target.frames + 1, extremes=kept)


def merge(a: Stack, b: Stack) -> Stack:
    r"""Return the stack of all frames of two stacks on the same grid.

    Parameters
    ----------
    a, b : Stack
        Stacks of the same shape whose frames were laid on the same reference.

    Returns
    -------
    Stack
        Equal to stacking all frames at once, to rounding. Extremes are kept where both
        stacks have them, the frames of `b` numbered after those of `a`.

    Raises
    ------
    ValueError
        If the shapes differ.
    TypeError
        If one is not a `Stack`.

    Notes
    -----
    With :math:`\delta = m_b - m_a`:
    :math:`m = m_a + \delta W_b / W`, :math:`M_2 = M_{2a} + M_{2b} +
    \delta^2 W_a W_b / W` [1]_.

    References
    ----------
    .. [1] T. F. Chan, G. H. Golub and R. J. LeVeque, "Updating formulae and a
       pairwise algorithm for computing sample variances", COMPSTAT 1982, p. 30.

    Examples
    --------
    >>> one = accumulate(None, np.full((2, 3), 1.0), np.ones((2, 3), bool))
    >>> two = accumulate(None, np.full((2, 3), 4.0), np.ones((2, 3), bool), weight=2.0)
    >>> merge(one, two).mean[0, 0].item()
    3.0
    """
    for name, given in (("a", a), ("b", b)):
        _check_stack(name, given, a.mean.shape if given is b else None)
    weight = a.weight + b.weight
    share = np.divide(b.weight, weight, out=np.zeros_like(weight), where=weight > 0)
    left = np.where(a.coverage > 0, a.mean, 0.0)
    right = np.where(b.coverage > 0, b.mean, 0.0)
    delta = np.where((a.coverage > 0) & (b.coverage > 0), right - left, 0.0)
    mean = np.where(a.coverage > 0, left + delta * share, right)
    coverage = a.coverage.astype(np.int32) + b.coverage
    return Stack(
        mean=np.where(coverage > 0, mean, np.nan),
        weight=weight,
        m2=a.m2 + b.m2 + delta**2 * a.weight * share,
        coverage=coverage,
        frames=a.frames + b.frames,
        extremes=(merged_extremes(a.extremes, b.extremes) if a.extremes and b.extremes else None),
    )


def _as_footprint(footprint: ArrayLike, shape: tuple[int, ...]) -> BoolArray:
    covered = np.asarray(footprint)
    if covered.dtype.kind not in "biu":
        raise ValueError(f"footprint must hold True and False, got dtype {covered.dtype}")
    covered = covered.astype(bool, copy=False)
    if covered.shape == shape[:2] and len(shape) == 3:
        covered = np.broadcast_to(covered[..., None], shape)
    if covered.shape != shape:
        raise ValueError(
            f"image and footprint must have the same shape (H, W), got {shape} and {covered.shape}"
        )
    return covered


def _check_stack(name: str, stack: object, shape: tuple[int, ...] | None) -> None:
    if not isinstance(stack, Stack):
        raise TypeError(f"{name} must be a Stack, got {type(stack).__name__}")
    if shape is not None and stack.mean.shape != shape:
        raise ValueError(f"{name} must have shape {shape}, got {stack.mean.shape}")


def _contiguous(stack: Stack) -> Stack:
    """Return the stack with arrays whose bands are views of them, however they are shaped."""
    kept = stack.extremes
    if kept is not None:
        kept = replace(
            kept,
            high=np.ascontiguousarray(kept.high),
            low=np.ascontiguousarray(kept.low),
            high_frame=np.ascontiguousarray(kept.high_frame),
            low_frame=np.ascontiguousarray(kept.low_frame),
        )
    return replace(
        stack,
        mean=np.ascontiguousarray(stack.mean),
        weight=np.ascontiguousarray(stack.weight),
        m2=np.ascontiguousarray(stack.m2),
        coverage=_wide_enough(np.ascontiguousarray(stack.coverage), stack.frames + 1),
        extremes=kept,
    )


def _wide_enough(coverage: NDArray[np.integer], frames: int) -> NDArray[np.integer]:
    """Return the counts in as many bits as they need for so many frames."""
    return coverage if frames <= np.iinfo(coverage.dtype).max else coverage.astype(np.int32)


def _empty(shape: tuple[int, ...], extremes: tuple[int, int]) -> Stack:
    high, low = extremes
    if min(high, low) < 0 or high != int(high) or low != int(low):
        raise ValueError(f"extremes must be two whole numbers from 0 on, got {extremes!r}")
    return Stack(
        mean=np.full(shape, np.nan),
        weight=np.zeros(shape),
        m2=np.zeros(shape),
        coverage=np.zeros(shape, np.int32),
        frames=0,
        extremes=empty_extremes(shape, high, low) if high or low else None,
    )


def _add_band(target: Stack, samples: Image, usable: BoolArray, weight: float, band: slice) -> None:
    """Update the rows of a band in place, where the samples are usable."""
    sums.add_samples(
        samples.reshape(-1),
        usable.reshape(-1).view(np.uint8),
        weight,
        target.mean[band].reshape(-1),
        target.weight[band].reshape(-1),
        target.m2[band].reshape(-1),
        target.coverage[band].reshape(-1),
    )
