"""Fold frames into a running mean and variance, each pixel for itself.

Every pixel has its own weight and count, so a pixel that few frames covered is as
bright as one that all covered. The mean and the squared deviations are updated in
float64 by Welford's method, which loses nothing over thousands of frames; two stacks
merge by Chan's.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from seestack.checks import as_image, check_positive
from seestack.model import Stack

__all__ = ["accumulate", "merge"]

# Rows handled at once: the working arrays of a band stay in the processor's cache.
_BAND = 32


def accumulate(
    stack: Stack | None,
    image: ArrayLike,
    footprint: ArrayLike,
    *,
    weight: float = 1.0,
    out: Stack | None = None,
) -> Stack:
    r"""Add one frame to a stack.

    Parameters
    ----------
    stack : Stack or None
        The stack so far; None starts a new one.
    image : array_like of shape (H, W)
        The frame on the grid of the reference, in ADU.
    footprint : array_like of bool, shape (H, W)
        True where the frame covers the reference. Pixels that are not finite take
        no part either way.
    weight : float, default 1.0
        Weight of this frame, positive.
    out : Stack, optional
        Its arrays receive the result and are returned in a new Stack. With
        ``out=stack`` no new stack is allocated, and the old stack must not be used any
        more.

    Returns
    -------
    Stack
        The stack with this frame in it.

    Raises
    ------
    ValueError
        If the shapes differ, `image` is not numeric or `weight` is not positive;
        nothing has changed then.
    TypeError
        If `stack` or `out` is not a `Stack` or `weight` is not a number.

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
    pixels = np.asarray(as_image("image", image), dtype=np.float32)
    covered = np.asarray(footprint)
    if covered.dtype.kind not in "biu":
        raise ValueError(f"footprint must hold True and False, got dtype {covered.dtype}")
    covered = covered.astype(bool, copy=False)
    if covered.shape != pixels.shape:
        raise ValueError(
            "image and footprint must have the same shape (H, W), "
            f"got {pixels.shape} and {covered.shape}"
        )
    check_positive("weight", weight)
    for name, given in (("stack", stack), ("out", out)):
        if given is not None:
            _check_stack(name, given, pixels.shape)
    if stack is None:
        stack = _empty(pixels.shape)
        out = out or stack
    target = _like(stack) if out is None else out
    for top in range(0, pixels.shape[0], _BAND):
        band = slice(top, top + _BAND)
        _add_band(stack, target, pixels[band], covered[band], weight, band)
    return Stack(
        target.mean,
        target.weight,
        target.m2,
        target.coverage,
        target.weight_sq,
        stack.frames + 1,
    )


def merge(a: Stack, b: Stack) -> Stack:
    r"""Return the stack of all frames of two stacks on the same grid.

    Parameters
    ----------
    a, b : Stack
        Stacks of the same shape whose frames were laid on the same reference.

    Returns
    -------
    Stack
        Equal to stacking all frames at once, to rounding.

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
    coverage = a.coverage + b.coverage
    return Stack(
        mean=np.where(coverage > 0, mean, np.nan),
        weight=weight,
        m2=a.m2 + b.m2 + delta**2 * a.weight * share,
        coverage=coverage,
        weight_sq=a.weight_sq + b.weight_sq,
        frames=a.frames + b.frames,
    )


def _check_stack(name: str, stack: object, shape: tuple[int, ...] | None) -> None:
    if not isinstance(stack, Stack):
        raise TypeError(f"{name} must be a Stack, got {type(stack).__name__}")
    if shape is not None and stack.mean.shape != shape:
        raise ValueError(f"{name} must have shape {shape}, got {stack.shape}")


def _empty(shape: tuple[int, ...]) -> Stack:
    return Stack(
        mean=np.full(shape, np.nan),
        weight=np.zeros(shape),
        m2=np.zeros(shape),
        coverage=np.zeros(shape, np.int32),
        weight_sq=np.zeros(shape),
        frames=0,
    )


def _like(stack: Stack) -> Stack:
    return Stack(
        np.empty_like(stack.mean),
        np.empty_like(stack.weight),
        np.empty_like(stack.m2),
        np.empty_like(stack.coverage),
        np.empty_like(stack.weight_sq),
        stack.frames,
    )


def _add_band(
    stack: Stack,
    target: Stack,
    pixels: np.ndarray[tuple[int, ...], np.dtype[np.float32]],
    footprint: np.ndarray[tuple[int, ...], np.dtype[np.bool_]],
    weight: float,
    band: slice,
) -> None:
    covered = np.isfinite(pixels)
    covered &= footprint
    before = stack.mean[band]
    known = stack.coverage[band] > 0
    if not known.all():
        before = np.where(known, before, np.where(covered, pixels, np.nan))
    delta = np.where(covered, pixels, before)
    delta -= before
    if not known.all():
        delta[~(known | covered)] = 0.0
    total = weight * covered
    total += stack.weight[band]
    step = np.divide(weight, total, out=np.zeros_like(total), where=total > 0)
    step *= delta
    np.add(before, step, out=target.mean[band])
    np.subtract(delta, step, out=step)
    step *= delta
    step *= weight
    np.add(stack.m2[band], step, out=target.m2[band])
    target.weight[band] = total
    np.add(stack.weight_sq[band], weight**2 * covered, out=target.weight_sq[band])
    np.add(stack.coverage[band], covered, out=target.coverage[band])
