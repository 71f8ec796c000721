"""How much boxes scatter, whatever smooth sky, light or outliers are among them."""

from __future__ import annotations

import numpy as np

from seestack.compiled import surroundings
from seestack.model import BoolArray, FloatArray
from seestack.numerics.robust import MAD_TO_SIGMA, median

__all__ = ["robust_spread", "without_structure"]

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
    known = values[np.isfinite(values)].astype(np.float64, copy=False)
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
    several = noise.reshape(-1, *mean.shape)
    taking_part = usable & np.isfinite(mean) & np.isfinite(several).all(axis=0)
    light = _less_surroundings(mean, taking_part)
    left = np.empty(several.shape)
    for one, out in zip(several, left, strict=True):
        rough = _less_surroundings(one, taking_part)
        np.subtract(rough, _share(rough, light) * light, out=out)
    return left.reshape(noise.shape)


def _less_surroundings(image: FloatArray, taking_part: BoolArray) -> FloatArray:
    """Return the image without the mean of the window around each box; NaN where unknown."""
    out, reach = np.empty(image.shape), _WINDOW // 2
    count = np.arange(1.0, _WINDOW**2 + 1)
    with np.errstate(divide="ignore"):
        # What is left of independent noise keeps its standard deviation.
        factor = np.where(count >= _WINDOW_FILLED * _WINDOW**2, 1 / np.sqrt(1 - 1 / count), np.nan)
    shares = np.array([[np.nan, *(1 / count)], [np.nan, *factor]])
    surroundings.less_surroundings(
        np.ascontiguousarray(image, np.float64),
        taking_part.astype(np.float64),
        reach,
        shares,
        np.zeros((2, image.shape[1] + 2 * reach)),
        np.zeros((2, image.shape[1])),
        out,
    )
    return out


def _share(rough: FloatArray, light: FloatArray) -> float:
    """Return the multiple of `light` that explains most of `rough`, from a sample of both."""
    known = np.flatnonzero(np.isfinite(rough))
    known = known[:: max(known.size // _SAMPLE, 1)]
    rough, light = rough.reshape(-1)[known], light.reshape(-1)[known]
    share, before = 0.0, None
    for _ in range(3):
        rest = np.abs(rough - share * light)
        width = MAD_TO_SIGMA * median(rest) if rest.size else 0.0
        inlying = rest <= _INLYING_SIGMA * width
        if before is not None and np.array_equal(inlying, before):
            break
        before = inlying
        power = (light[inlying] ** 2).sum()
        share = float((rough[inlying] * light[inlying]).sum() / power) if power > 0 else 0.0
    return share
