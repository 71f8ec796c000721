"""Take satellites, aeroplanes, cosmic rays and hot pixels out of a stack.

The running stack keeps the few highest and lowest samples of each pixel apart. Whether
they belong is decided when the stack is read: against the mean of the other samples, and
against a noise that neighbouring pixels share. So a satellite is found whichever frame it
came in, the first included, and the verdict does not depend on the order of the frames.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from seestack.checks import check_positive
from seestack.model import BoolArray, Extremes, Image, Stack
from seestack.numerics.order import set_aside, trimmed_freedom

__all__ = ["clip_outliers"]

# Fewer samples than this cannot outvote one of them.
_FEWEST = 3
# A neighbour of an outlier, in the same frame, is one at this many standard deviations.
_KAPPA_NEAR = 2.5
# What the noise of the neighbourhood counts for, in samples, beside the pixel's own.
_SHARED_SAMPLES = 10.0
_NOISE_BOX_PX = 5
_CONTRAST_BOX_PX = 5
# Changing seeing alters a pixel by up to this share of the contrast around it.
_CONTRAST_SHARE = 2.0
# The range of 25 samples of noise is below this many standard deviations.
_NOISE_RANGE = 5.5
# Rows decided at once, and how far a decision looks beyond them.
_BAND = 64
_REACH = 8


def clip_outliers(stack: Stack, *, kappa: float = 4.0) -> Stack:
    r"""Return the stack without the samples that do not belong.

    Parameters
    ----------
    stack : Stack
        With `extremes`; without them it is returned as it is.
    kappa : float, default 4.0
        A sample further than this many standard deviations from the mean of the
        others is an outlier; beside an outlier of the same frame 2.5 are enough.

    Returns
    -------
    Stack
        Its mean, weight, m2 and coverage are those of the samples that are left;
        `rejected` counts the others for each pixel, `rejected_of_frame` for each frame.
        It has no extremes any more. Pixels with fewer than three samples are unchanged.

    Raises
    ------
    TypeError
        If `stack` is not a `Stack` or `kappa` is not a number.
    ValueError
        If `kappa` is not positive.

    Notes
    -----
    Of n samples the highest and lowest, as many as are kept and leave two, are set
    aside. The rest has the mean c and the sum of squares q, which for normal noise is
    on average :math:`f(n)\,\sigma^2`, see `seestack.numerics.order`. The noise is

    .. math:: \sigma^2 = \frac{q + 10\,\sigma_5^2}{f(n) + 10},\quad
              \sigma_5^2 = \frac{\sum q}{\sum f}\ \text{over 5 x 5 pixels},

    and not less than :math:`\sigma_5^2`. A sample x with the weight w is an outlier where

    .. math:: |x - c| > \kappa\,\sigma\sqrt{1/w + 1/W} + 0.8\,D,

    with W the weight of the rest and D the range of c over 5 x 5 pixels beyond that of
    noise. The second term keeps the cores of stars, which rise and fall with the seeing, as
    the derivative does in the rejection of drizzled images [1]_.

    References
    ----------
    .. [1] A. S. Fruchter and R. N. Hook, "Drizzle: a method for the linear
       reconstruction of undersampled images", PASP 114, 144 (2002).

    Examples
    --------
    >>> from seestack.steps.accumulation import accumulate
    >>> rng, stack = np.random.default_rng(0), None
    >>> for n in range(8):
    ...     image = rng.normal(100.0, 5.0, (30, 40))
    ...     image[12] += 500.0 * (n == 0)
    ...     stack = accumulate(stack, image, np.ones((30, 40), bool), extremes=(2, 1))
    >>> clean = clip_outliers(stack)
    >>> round(float(stack.mean[12].mean())), round(float(clean.mean[12].mean()))
    (162, 100)
    >>> int(clean.rejected[12].sum()), bool(clean.rejected_of_frame[0] >= 40)
    (40, True)
    """
    if not isinstance(stack, Stack):
        raise TypeError(f"stack must be a Stack, got {type(stack).__name__}")
    check_positive("kappa", kappa)
    if stack.extremes is None:
        return stack
    kept = stack.extremes
    clean = replace(
        stack.copy(),
        extremes=None,
        rejected=np.zeros_like(stack.coverage),
        rejected_of_frame=np.zeros(len(kept.weights), np.int64),
    )
    freedom = trimmed_freedom(len(kept.weights), len(kept.high), len(kept.low))
    rows = stack.mean.shape[0]
    for top in range(0, rows, _BAND):
        bottom = min(top + _BAND, rows)
        window = slice(max(top - _REACH, 0), min(bottom + _REACH, rows))
        samples = _samples_aside(stack, kept, window)
        rest = _rest(stack, window, samples, freedom)
        outliers = _outliers(samples, rest, kappa)
        inner = slice(top - window.start, bottom - window.start)
        _take_out(clean, slice(top, bottom), samples, outliers, inner)
    return clean


@dataclass(frozen=True, slots=True, eq=False)
class _Sample:
    """One of the extremes of each pixel, in some rows.

    `sign` is +1 for a high and -1 for a low one; `delta` its height above the mean and
    `weight` are 0 where it is not set aside.
    """

    sign: int
    value: Image
    delta: Image
    weight: Image
    frame: NDArray[np.unsignedinteger]


@dataclass(frozen=True, slots=True, eq=False)
class _Rest:
    """The samples that are not set aside: mean above that of all, weight and noise.

    `sigma` is the noise of a sample of weight 1, NaN where it is not known; `slack` what
    the seeing may add.
    """

    shift: Image
    weight: Image
    sigma: Image
    slack: Image


def _samples_aside(stack: Stack, kept: Extremes, rows: slice) -> list[_Sample]:
    coverage, mean = stack.coverage[rows], stack.mean[rows]
    sizes = (len(kept.high), len(kept.low))
    most = np.array([set_aside(n, *sizes) for n in range(len(kept.weights) + 1)], np.uint8)
    weights = kept.weights.astype(np.float32)
    samples = []
    for sign, values, frames, size in (
        (1, kept.high, kept.high_frame, most[:, 0]),
        (-1, kept.low, kept.low_frame, most[:, 1]),
    ):
        places = size[coverage]
        for place in range(len(values)):
            aside = places > place
            delta = np.subtract(values[place, rows], mean, dtype=np.float32, casting="same_kind")
            delta[~aside] = 0.0
            frame = frames[place, rows]
            weight = weights[frame] * aside
            samples.append(_Sample(sign, values[place, rows], delta, weight, frame))
    return samples


def _rest(stack: Stack, rows: slice, samples: list[_Sample], freedom: Image) -> _Rest:
    weight = stack.weight[rows].astype(np.float32)
    squares = stack.m2[rows].astype(np.float32)
    moment = np.zeros_like(weight)
    for sample in samples:
        product = sample.weight * sample.delta
        weight -= sample.weight
        moment -= product
        product *= sample.delta
        squares -= product
    with np.errstate(divide="ignore", invalid="ignore"):
        shift = np.where(weight > 0, moment / weight, np.float32(0))
        free = freedom[stack.coverage[rows]]
        squares = np.where(free > 0, np.maximum(squares - moment * shift, 0), np.float32(0))
        near = _summed(squares) / _summed(free)
        own = (squares + _SHARED_SAMPLES * near) / (free + _SHARED_SAMPLES)
        sigma = np.sqrt(np.maximum(own, near))
        rough = _contrast(stack.mean[rows].astype(np.float32) + shift)
        slack = rough - _NOISE_RANGE * np.sqrt(near / weight)
    sigma[free <= 0] = np.nan
    return _Rest(shift, weight, sigma, _CONTRAST_SHARE * np.maximum(slack, 0))


def _outliers(samples: list[_Sample], rest: _Rest, kappa: float) -> list[BoolArray]:
    far, near = [], []
    with np.errstate(divide="ignore", invalid="ignore"):
        for sample in samples:
            height = sample.sign * (sample.delta - rest.shift) - rest.slack
            height /= rest.sigma * np.sqrt(1 / sample.weight + 1 / rest.weight)
            far.append(height > kappa)
            near.append(height > min(kappa, _KAPPA_NEAR))
    if not any(outlier.any() for outlier in far):
        return far
    grown = []
    for sign in (1, -1):
        marked = np.zeros(rest.shift.shape, np.float32)
        for sample, outlier in zip(samples, far, strict=True):
            if sample.sign == sign:
                np.copyto(marked, sample.frame + 1, where=outlier)
        around = cv2.dilate(marked, np.ones((3, 3), np.uint8))
        for sample, outlier, close in zip(samples, far, near, strict=True):
            if sample.sign == sign:
                grown.append(outlier | (close & (around == sample.frame + 1)))
    return grown


def _take_out(
    clean: Stack, rows: slice, samples: list[_Sample], outliers: list[BoolArray], inner: slice
) -> None:
    """Undo the update that each outlier made to the mean, in place."""
    assert clean.rejected is not None
    assert clean.rejected_of_frame is not None
    mean, m2, total = clean.mean[rows], clean.m2[rows], clean.weight[rows]
    for sample, outlier in zip(samples, outliers, strict=True):
        here = np.nonzero(outlier[inner])
        weight = sample.weight[inner][here].astype(np.float64)
        height = sample.value[inner][here] - mean[here]
        total[here] -= weight
        step = weight * height / total[here]
        mean[here] -= step
        m2[here] = np.maximum(m2[here] - weight * height * (height + step), 0.0)
        clean.coverage[rows][here] -= 1
        clean.rejected[rows][here] += 1
        frames = sample.frame[inner][here]
        clean.rejected_of_frame[:] += np.bincount(frames, minlength=len(clean.rejected_of_frame))


def _summed(values: Image) -> Image:
    box = (_NOISE_BOX_PX, _NOISE_BOX_PX)
    return cv2.blur(values, box, borderType=cv2.BORDER_REFLECT_101)


def _contrast(mean: Image) -> Image:
    """Return the range of the mean around each pixel, blind to pixels without a value."""
    box = np.ones((_CONTRAST_BOX_PX, _CONTRAST_BOX_PX), np.uint8)
    known = np.isfinite(mean)
    highest = cv2.dilate(np.where(known, mean, -np.inf).astype(np.float32), box)
    lowest = cv2.erode(np.where(known, mean, np.inf).astype(np.float32), box)
    return np.subtract(highest, lowest, out=np.zeros_like(mean), where=known)
