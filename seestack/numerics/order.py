"""What is left of normal noise when the highest and lowest samples are set aside.

The mean products of normal order statistics are integrated numerically from their
joint density (H. A. David and H. N. Nagaraja, "Order Statistics", 3rd ed., 2003, eq.
2.2.1).
"""

from __future__ import annotations

from functools import cache
from math import lgamma

import numpy as np
from numpy.typing import NDArray

from seestack.model import FloatArray

__all__ = ["set_aside", "trimmed_freedom"]

_LEFT = 2
_PAIR = 2
_GRID = np.linspace(-7.0, 7.0, 181)
_STEP = float(_GRID[1] - _GRID[0])
# From here on the freedom lost changes little with the number of samples.
_EXACT_TO = 16
_RATIO = 1.5


def set_aside(count: int, high: int, low: int) -> tuple[int, int]:
    """Return how many of the highest and lowest of `count` samples can be set aside.

    Two samples are left over, of a pair the lower one. The highest goes first, then the
    lowest, and so on in turn.

    Examples
    --------
    >>> [set_aside(n, 2, 1) for n in (1, 2, 3, 4, 5, 99)]
    [(0, 0), (1, 0), (1, 0), (1, 1), (2, 1), (2, 1)]
    """
    if count == _PAIR:
        return min(high, 1), 0
    most = max(0, min(count - _LEFT, high + low))
    highest = min(high, max((most + 1) // 2, most - low))
    return highest, most - highest


def trimmed_freedom(most: int, high: int, low: int) -> NDArray[np.float32]:
    r"""Return the degrees of freedom of the samples left, for 0 to `most` samples.

    Parameters
    ----------
    most : int
        Largest number of samples.
    high, low : int
        The highest and lowest ones set aside, see `set_aside`.

    Returns
    -------
    ndarray of float32, shape (most + 1,)
        f(n): the sum of the squared deviations of the samples left from their mean is
        :math:`f\,\sigma^2` on average. 0 where nothing can be set aside.

    Notes
    -----
    With S the sum of all n samples and R that of the r set aside,
    :math:`f = n - \sum_R E x^2 - (n - 2 r + E R^2) / (n - r)`. Beyond 16 samples it is
    interpolated over the logarithm of n, to 1 %.

    Examples
    --------
    >>> [f"{free:.2f}" for free in trimmed_freedom(20, 2, 1)[[2, 3, 5, 20]]]
    ['0.00', '0.59', '0.21', '9.32']
    """
    counts = np.arange(most + 1)
    nodes = list(range(3, min(most, _EXACT_TO) + 1))
    while nodes and nodes[-1] < most:
        nodes.append(int(nodes[-1] * _RATIO))
    freedom = np.zeros(most + 1, np.float32)
    if nodes:
        lost = [n - 1 - _freedom(n, *set_aside(n, high, low)) for n in nodes]
        some = counts >= nodes[0]
        freedom[some] = counts[some] - 1 - np.interp(np.log(counts[some]), np.log(nodes), lost)
    return freedom


@cache
def _freedom(count: int, high: int, low: int) -> float:
    ranks = [*range(1, low + 1), *range(count - high + 1, count + 1)]
    left = count - len(ranks)
    products = np.array([[_mean_product(count, i, j) for j in ranks] for i in ranks])
    products = products.reshape(len(ranks), len(ranks))
    removed = float(np.trace(products))
    return count - removed - (count - 2 * len(ranks) + float(products.sum())) / left


@cache
def _mean_product(count: int, i: int, j: int) -> float:
    """Return E[x_i x_j] of the i-th and j-th smallest of `count` standard normal samples."""
    from scipy.special import log_ndtr  # takes longer to import than a frame to stack

    i, j = min(i, j), max(i, j)
    below, above = log_ndtr(_GRID), log_ndtr(-_GRID)
    log_density = -(_GRID**2) / 2 - np.log(2 * np.pi) / 2
    if i == j:
        log_p = lgamma(count + 1) - lgamma(i) - lgamma(count - i + 1)
        log_p = log_p + (i - 1) * below + (count - i) * above + log_density
        return float((_GRID**2 * np.exp(log_p)).sum() * _STEP)
    return _mean_of_pair(count, i, j, below, above, log_density)


def _mean_of_pair(
    count: int, i: int, j: int, below: FloatArray, above: FloatArray, log_density: FloatArray
) -> float:
    low, high = _GRID[:, None], _GRID[None, :]
    ordered = high > low
    # Half of each cell on the diagonal is in order; only neighbouring ranks meet there.
    share = np.where(ordered, 1.0, 0.5 * (high == low) * (j == i + 1))
    with np.errstate(divide="ignore", invalid="ignore"):
        between = np.log(np.where(ordered, np.exp(below)[None] - np.exp(below)[:, None], 1.0))
    log_p = lgamma(count + 1) - lgamma(i) - lgamma(j - i) - lgamma(count - j + 1)
    log_p = log_p + (i - 1) * below[:, None] + (j - i - 1) * between + (count - j) * above[None]
    log_p = log_p + log_density[:, None] + log_density[None]
    return float((share * low * high * np.exp(log_p)).sum() * _STEP**2)
