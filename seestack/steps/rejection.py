"""Take satellites, aeroplanes, cosmic rays and hot pixels out of a stack.

The running stack keeps the few highest and lowest samples of each pixel apart. Whether
they belong is decided when the stack is read: against the mean of the other samples, and
against a noise that neighbouring pixels share. So a satellite is found whichever frame it
came in, the first included, and the verdict does not depend on the order of the frames.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from seestack.checks import check_positive
from seestack.model import Extremes, FloatArray, Image, Stack
from seestack.numerics.bands import in_bands
from seestack.numerics.clipping import (
    CONTRAST_BOX_PX,
    CONTRAST_SHARE,
    KAPPA_NEAR,
    NOISE_BOX_PX,
    NOISE_RANGE,
    SHARED_SAMPLES,
)
from seestack.numerics.order import set_aside, trimmed_freedom
from seestack.numerics.pairs import TILE_PX, pair_variance

__all__ = ["clip_outliers"]

# Fewer samples than this cannot be judged.
_JUDGED = 2
# One sample alone is a poor witness against another: it takes so much more to believe it.
_DOUBT = 1.5
# Rows decided at once, and how far a decision looks beyond them.
_BAND = 64
_REACH = 4


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
        It has no extremes any more. Pixels with a single sample are unchanged.

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

    and not less than :math:`\sigma_5^2`. Of two samples the higher one is set aside; nothing of
    the other's noise is seen at the pixel, so that of the pairs around it counts, by half as
    much again, see `seestack.numerics.pairs`. A sample x with the weight w is an outlier where

    .. math:: |x - c| > \kappa\,\sigma\sqrt{1/w + 1/W} + 2\,D,

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
    clean = replace(stack, extremes=None).copy()
    clean = replace(clean, rejected=np.zeros(clean.coverage.shape, np.int32))
    sizes = len(kept.high), len(kept.low)
    aside = np.array([set_aside(n, *sizes) for n in range(len(kept.weights) + 1)], np.uint8)
    freedom = trimmed_freedom(len(kept.weights), *sizes)
    pairs = pair_variance(stack.m2, stack.coverage)
    rows = stack.mean.shape[0]

    def decide(band: slice) -> NDArray[np.int64]:
        window = slice(max(band.start - _REACH, 0), min(band.stop + _REACH, rows))
        samples = _samples_aside(stack, kept, window, aside)
        rest = _rest(stack, window, samples, freedom)
        if pairs is not None:
            _set_noise_of_pairs(rest, stack.coverage[window], pairs, window)
        return _take_out(clean, band, window, samples, _outliers(samples, rest, kappa), kept)

    counts = in_bands(decide, rows, _BAND)
    return replace(clean, rejected_of_frame=np.sum(counts, axis=0))


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

    `sigma` is the noise of a sample of weight 1, NaN where it is not known, `shared` the
    part of its square that the neighbourhood has; `level` the mean of the samples, NaN where
    there is only one.
    """

    shift: Image
    weight: Image
    sigma: Image
    shared: Image
    level: Image


def _samples_aside(
    stack: Stack, kept: Extremes, rows: slice, aside: NDArray[np.uint8]
) -> list[_Sample]:
    coverage, mean = stack.coverage[rows], stack.mean[rows].astype(np.float32)
    weights = kept.weights.astype(np.float32)
    alike = bool((weights == weights[0]).all())
    samples = []
    for sign, values, frames, size in (
        (1, kept.high, kept.high_frame, aside[:, 0]),
        (-1, kept.low, kept.low_frame, aside[:, 1]),
    ):
        for place in range(len(values)):
            value, frame = values[place, rows], frames[place, rows]
            delta = value - mean
            weight = np.full_like(delta, weights[0]) if alike else weights.take(frame)
            # It is set aside from so many samples on.
            enough = int(np.searchsorted(size, place, side="right"))
            missing = np.flatnonzero(coverage < enough)
            delta.reshape(-1)[missing] = 0.0
            weight.reshape(-1)[missing] = 0.0
            samples.append(_Sample(sign, value, delta, weight, frame))
    return samples


def _rest(stack: Stack, rows: slice, samples: list[_Sample], freedom: Image) -> _Rest:
    weight = stack.weight[rows].astype(np.float32)
    squares = stack.m2[rows].astype(np.float32)
    moment = np.zeros_like(weight)
    for sample in samples:
        weight -= sample.weight
        product = sample.weight * sample.delta
        moment -= product
        product *= sample.delta
        squares -= product
    with np.errstate(divide="ignore", invalid="ignore"):
        shift = moment / weight
        shift.reshape(-1)[np.flatnonzero(~(weight > 0))] = 0.0
        free = freedom.take(stack.coverage[rows])
        moment *= shift
        squares -= moment
        np.maximum(squares, 0, out=squares)
        unknown = np.flatnonzero(free <= 0)
        squares.reshape(-1)[unknown] = 0.0
        near = _summed(squares)
        near /= _summed(free)
        squares += SHARED_SAMPLES * near
        free += SHARED_SAMPLES
        squares /= free
        sigma = np.sqrt(np.maximum(squares, near, out=squares), out=squares)
    sigma.reshape(-1)[unknown] = np.nan
    level = stack.mean[rows].astype(np.float32) + shift
    # What a single frame shows may be an outlier; beside it another must not look like a star's.
    level.reshape(-1)[np.flatnonzero(stack.coverage[rows] < _JUDGED)] = np.nan
    return _Rest(shift, weight, sigma, near, level)


def _set_noise_of_pairs(
    rest: _Rest, coverage: NDArray[np.integer], variance: FloatArray, rows: slice
) -> None:
    """Write the noise of the pixels with two samples, which have no squares of their own."""
    row, col, *colour = np.nonzero(coverage == 2)
    squares = variance[((row + rows.start) // TILE_PX, col // TILE_PX, *colour)]
    rest.sigma[(row, col, *colour)] = _DOUBT * np.sqrt(squares)
    rest.shared[(row, col, *colour)] = squares


def _outliers(samples: list[_Sample], rest: _Rest, kappa: float) -> list[NDArray[np.intp]]:
    """Return the flat indices of the outliers of each place.

    Few samples are far from the others; only these are compared with the contrast.
    """
    flat = [_flat(sample) for sample in samples]
    heaviest = np.float32(max(sample.weight.max(initial=0.0) for sample in samples))
    with np.errstate(divide="ignore", invalid="ignore"):
        # No sample that comes less far can be an outlier.
        least = np.sqrt(1 / heaviest + 1 / rest.weight)
        least *= rest.sigma
        least *= np.float32(kappa * (1 - 1e-5))
    reached = {1: rest.shift + least, -1: rest.shift - least}
    far = []
    for sample, beyond in zip(flat, (sample.sign for sample in samples), strict=True):
        limit = reached[beyond].reshape(-1)
        index = np.flatnonzero(sample.delta > limit if beyond > 0 else sample.delta < limit)
        far.append(index[_height(sample, rest, index) > kappa])
    if not any(index.size for index in far):
        return far
    return _grown(flat, far, rest, min(kappa, KAPPA_NEAR))


def _grown(
    samples: list[_Sample], far: list[NDArray[np.intp]], rest: _Rest, kappa: float
) -> list[NDArray[np.intp]]:
    """Add to the outliers what the same frame has beside them at `kappa`."""
    grown = []
    for sample in samples:
        beside = [
            _beside(index, other.frame[index], rest.shift.shape)
            for other, index in zip(samples, far, strict=True)
            if other.sign == sample.sign
        ]
        index, frame = (np.concatenate(part) for part in zip(*beside, strict=True))
        index = np.unique(index[sample.frame[index] == frame])
        grown.append(index[_height(sample, rest, index) > kappa])
    return [np.union1d(few, more) for few, more in zip(far, grown, strict=True)]


def _flat(sample: _Sample) -> _Sample:
    return _Sample(
        sample.sign,
        sample.value.reshape(-1),
        sample.delta.reshape(-1),
        sample.weight.reshape(-1),
        sample.frame.reshape(-1),
    )


def _height(sample: _Sample, rest: _Rest, index: NDArray[np.intp]) -> Image:
    """Return how many standard deviations some samples are beyond what the seeing may do."""
    weight, shift, sigma, shared = (
        array.reshape(-1)[index] for array in (rest.weight, rest.shift, rest.sigma, rest.shared)
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        slack = _contrast(rest.level, index) - NOISE_RANGE * np.sqrt(shared / weight)
        height = sample.sign * (sample.delta[index] - shift)
        height -= CONTRAST_SHARE * np.maximum(slack, 0)
        return height / (sigma * np.sqrt(1 / sample.weight[index] + 1 / weight))


def _take_out(
    clean: Stack,
    band: slice,
    window: slice,
    samples: list[_Sample],
    outliers: list[NDArray[np.intp]],
    kept: Extremes,
) -> NDArray[np.int64]:
    """Undo the update that each outlier made to the mean, in place; count them by frame."""
    assert clean.rejected is not None
    line = clean.mean[0].size
    begin, end = (band.start - window.start) * line, (band.stop - window.start) * line
    mean, m2, total, coverage, rejected = (
        array[band].reshape(-1)
        for array in (clean.mean, clean.m2, clean.weight, clean.coverage, clean.rejected)
    )
    counts = np.zeros(len(kept.weights), np.int64)
    for sample, index in zip(map(_flat, samples), outliers, strict=True):
        there = index[(index >= begin) & (index < end)]
        here = there - begin
        weight = sample.weight[there].astype(np.float64)
        height = sample.value[there] - mean[here]
        total[here] -= weight
        step = weight * height / total[here]
        mean[here] -= step
        m2[here] = np.maximum(m2[here] - weight * height * (height + step), 0.0)
        coverage[here] -= 1
        rejected[here] += 1
        counts += np.bincount(sample.frame[there], minlength=len(counts))
    return counts


def _summed(values: Image) -> Image:
    box = (NOISE_BOX_PX, NOISE_BOX_PX)
    return cv2.blur(values, box, borderType=cv2.BORDER_REFLECT_101).reshape(values.shape)


def _beside(
    index: NDArray[np.intp], values: NDArray[Any], shape: tuple[int, ...]
) -> tuple[NDArray[np.intp], NDArray[Any]]:
    """Return the 3 x 3 pixels around some, by flat index, with a value of each of these."""
    around = _around(index, shape, 1)
    return around.ravel(), np.tile(values, len(around))


def _around(index: NDArray[np.intp], shape: tuple[int, ...], reach: int) -> NDArray[np.intp]:
    """Return flat indices (K, N) of the square around N pixels, cut at the border."""
    place = np.unravel_index(index, shape)
    offsets = range(-reach, reach + 1)
    rows = [(place[0] + down).clip(0, shape[0] - 1) for down in offsets]
    cols = [(place[1] + right).clip(0, shape[1] - 1) for right in offsets]
    return np.array(
        [np.ravel_multi_index((row, col, *place[2:]), shape) for row in rows for col in cols]
    )


def _contrast(level: Image, index: NDArray[np.intp]) -> Image:
    """Return the range of the level around some pixels, blind to those without a value."""
    values = level.reshape(-1)[_around(index, level.shape, CONTRAST_BOX_PX // 2)]
    return np.fmax.reduce(values, axis=0) - np.fmin.reduce(values, axis=0)
