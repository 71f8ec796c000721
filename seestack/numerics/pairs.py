"""The noise of pixels that two frames have seen, from how the two differ nearby.

The difference of two samples tells nothing of its own pixel, because either may be the
outlier. The median over the pixels around is blind to a trail or a star among them.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from seestack.model import FloatArray

__all__ = ["TILE_PX", "pair_variance"]

TILE_PX = 64
# The median of fewer pixels is no measure.
_FEWEST = 50
# Of the square of a standard normal deviate: twice the inverse of the regularised gamma
# function P(1/2, x) at 1/2.
_MEDIAN_OF_SQUARE = 0.4549364231195724


def pair_variance(m2: FloatArray, coverage: NDArray[np.integer]) -> FloatArray | None:
    r"""Return the variance of a sample of weight 1 where two frames were, in tiles.

    Parameters
    ----------
    m2 : ndarray of shape (H, W) or (H, W, 3)
        Weighted sum of squared deviations.
    coverage : ndarray of int, same shape
        Number of samples.

    Returns
    -------
    ndarray of shape (h, w) or (h, w, 3), or None
        One value for each 64 x 64 pixels, the last ones cut off by the border. Tiles with
        fewer than 50 such pixels have the value of all together. None where these are
        fewer than 50 too.

    Notes
    -----
    Two samples of the weights :math:`w_1, w_2` that differ by d have
    :math:`M_2 = d^2 w_1 w_2 / (w_1 + w_2)`, which is :math:`\sigma^2\chi^2_1`; the median of
    the latter is 0.455.

    Examples
    --------
    >>> samples = np.random.default_rng(0).normal(0.0, 3.0, (2, 100, 150))
    >>> m2 = np.square(samples - samples.mean(axis=0)).sum(axis=0)
    >>> variance = pair_variance(m2, np.full((100, 150), 2))
    >>> variance.shape, bool((variance > 6.0).all() and (variance < 12.0).all())
    ((2, 3), True)
    """
    twice = coverage == 2
    if np.count_nonzero(twice) < _FEWEST:
        return None
    rows, cols = (-(-side // TILE_PX) for side in coverage.shape[:2])
    medians = np.full((rows, cols, *coverage.shape[2:]), np.median(m2[twice]))
    for row, col, *colour in np.ndindex(medians.shape):
        tile = (
            slice(row * TILE_PX, (row + 1) * TILE_PX),
            slice(col * TILE_PX, (col + 1) * TILE_PX),
            *colour,
        )
        there = twice[tile]
        if np.count_nonzero(there) >= _FEWEST:
            medians[(row, col, *colour)] = np.median(m2[tile][there])
    return medians / _MEDIAN_OF_SQUARE
