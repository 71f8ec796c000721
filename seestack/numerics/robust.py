"""Robust statistics of an image that is mostly sky; NaN pixels take no part."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from seestack.compiled import ranks

__all__ = ["CUTS", "DARKER", "MAD_TO_SIGMA", "median", "sky_level"]

# Standard deviation of a normal distribution over its median absolute deviation.
MAD_TO_SIGMA = 1.482602218505602
# Times that what lies far above the sky is cut.
CUTS = 3
# Share of a normal distribution that is more than one standard deviation below its median.
DARKER = 0.158655


def median(values: NDArray[np.floating]) -> float:
    """Return the median of values without NaN, as `numpy.median` does in several times the time.

    Parameters
    ----------
    values : ndarray of float
        Any shape.

    Returns
    -------
    float
        NaN where there are none.

    Examples
    --------
    >>> median(np.array([3.0, 1.0, 9.0])), median(np.array([3.0, 1.0, 9.0, 4.0]))
    (3.0, 3.5)
    """
    return ranks.median(np.array(values, np.float64).reshape(-1)) if values.size else float("nan")


def sky_level(values: ArrayLike) -> tuple[float, float]:
    """Return level and noise of pixels that are mostly sky.

    Parameters
    ----------
    values : array_like
        Any shape; NaN is ignored.

    Returns
    -------
    tuple of float
        (level, standard deviation); (NaN, NaN) when there is no finite value.

    Notes
    -----
    Stars only add light: the noise is read off the darker half, and what lies above
    three times of it is cut before the median is taken again.

    Examples
    --------
    >>> sky = np.random.default_rng(1).normal(100.0, 5.0, 4000)
    >>> level, noise = sky_level(np.append(sky, [9e4] * 40))
    >>> round(level), round(noise)
    (100, 5)
    """
    flat = np.array(values, np.float32).reshape(-1)
    if flat.size == 0:
        return float("nan"), float("nan")
    return ranks.clipped_level(flat, CUTS, DARKER)
