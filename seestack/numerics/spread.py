"""How much boxes scatter, whatever smooth sky, light or outliers are among them."""

from __future__ import annotations

import math

import numpy as np

from seestack.compiled import surroundings
from seestack.model import BoolArray, FloatArray
from seestack.numerics.robust import MAD_TO_SIGMA, median

__all__ = ["robust_spread", "take_off_structure", "without_structure"]

# Side, in boxes, of the window whose mean is the sky of its middle, and the least share
# of its boxes. Half a window, at the edge of the image, is too little.
_WINDOW, _WINDOW_FILLED = 7, 0.6
_INLYING_SIGMA = 4.0
_FEWEST_BOXES = 20
# So many boxes tell the middle and the width of all, and the share of the stack in them.
_SAMPLE = 4000


def robust_spread(values: FloatArray) -> float:
    """Return the standard deviation of normal values that a few outliers may be among.

    Parameters
    ----------
    values : ndarray
        Any shape; what is not finite is left out.

    Returns
    -------
    float
        NaN where fewer than 20 values are left.

    Notes
    -----
    The biweight midvariance, of about 95 % efficiency where the median absolute
    deviation has 37 % (F. Mosteller and J. W. Tukey, "Data Analysis and Regression",
    1977, p. 207). Its median and width come from 4000 of the values where there are more.

    Examples
    --------
    >>> values = np.random.default_rng(0).normal(50.0, 3.0, 4000)
    >>> 2.9 < robust_spread(np.append(values, [900.0] * 40)) < 3.1
    True
    """
    finite = np.isfinite(values)
    known = values.reshape(-1) if finite.all() else values[finite]
    known = np.ascontiguousarray(known, np.float64)
    if known.size < _FEWEST_BOXES:
        return float("nan")
    some = known[:: max(known.size // _SAMPLE, 1)]
    middle = median(some)
    width = 9 * median(np.abs(some - middle))
    if width == 0:
        return 0.0
    sums = np.empty(2)
    surroundings.biweight_sums(known, middle, width, sums)
    return float(np.sqrt(known.size * sums[0]) / abs(sums[1]))


def without_structure(noise: FloatArray, mean: FloatArray, usable: BoolArray) -> FloatArray:
    """Return noise in boxes without the smooth sky and without the light of the stack.

    Parameters
    ----------
    noise : ndarray of shape (h, w) or (k, h, w)
        A difference of frames, or of parts of a stack, or k of them.
    mean : ndarray of shape (h, w)
        The stack. Where the parts of a difference were not equally transparent, a
        part of the stack is left in it: the multiple that explains most is taken off.
    usable : ndarray of bool, shape (h, w)
        Boxes that take part, where mean and all differences are known.

    Returns
    -------
    ndarray of the shape of `noise`
        NaN where too few of the boxes around take part. The standard deviation of white
        noise is kept.

    Examples
    --------
    >>> noise = np.random.default_rng(0).normal(0.0, 2.0, (60, 80))
    >>> slope = np.linspace(0.0, 90.0, 80)
    >>> left = without_structure(noise + slope, noise * 0, np.ones(noise.shape, bool))
    >>> 1.9 < robust_spread(left) < 2.1
    True
    """
    images = np.concatenate([noise.reshape(-1, *mean.shape), mean[np.newaxis]])
    take_off_structure(images, usable)
    return images[:-1].reshape(noise.shape)


def take_off_structure(images: FloatArray, usable: BoolArray) -> None:
    """Do as `without_structure` in place.

    Parameters
    ----------
    images : ndarray of shape (k + 1, h, w)
        Differences, and the stack as the last one.
    usable : ndarray of bool, shape (h, w)
        Boxes that take part, where all of them are known.
    """
    surroundings.less_surroundings(images, usable.view(np.uint8), _SHARES)
    *several, light = images
    known = np.flatnonzero(np.isfinite(light))
    known = known[:: max(known.size // _SAMPLE, 1)]
    some_light, structure = light.reshape(-1)[known], np.empty_like(light)
    for rough in several:
        share = _share(rough.reshape(-1)[known], some_light)
        rough -= np.multiply(light, share, out=structure)


def _shares() -> FloatArray:
    """Return the share of one of n boxes and the factor of what is left, (n, 2), NaN for too few.

    With the factor what is left of independent noise keeps its standard deviation.
    """
    shares, least = np.full((_WINDOW**2 + 1, 2), np.nan), math.ceil(_WINDOW_FILLED * _WINDOW**2)
    share = 1 / np.arange(least, _WINDOW**2 + 1)
    shares[least:] = np.column_stack([share, 1 / np.sqrt(1 - share)])
    return shares


_SHARES = _shares()


def _share(rough: FloatArray, light: FloatArray) -> float:
    """Return the multiple of `light` that explains most of `rough`."""
    share, sums = 0.0, np.empty(2)
    for _ in range(3):
        width = MAD_TO_SIGMA * median(np.abs(rough - share * light)) if rough.size else 0.0
        surroundings.explained_sums(rough, light, share, _INLYING_SIGMA * width, sums)
        before, share = share, float(sums[0] / sums[1]) if sums[1] > 0 else 0.0
        if share == before:
            break
    return share
