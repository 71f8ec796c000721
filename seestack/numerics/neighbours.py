"""The nearest of some positions, and pairs that are each other's nearest."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from seestack.compiled import votes
from seestack.model import FloatArray

__all__ = ["mutual_pairs", "nearest_within"]


def nearest_within(xy: FloatArray, places: FloatArray, radius_px: float) -> NDArray[np.intp]:
    """Return for each of `places` (K, 2) the index of the nearest of `xy` (N, 2).

    -1 where none is closer than the radius.

    Examples
    --------
    >>> xy = np.array([[9.0, 1.0], [4.0, 4.0]])
    >>> nearest_within(xy, np.array([[4.5, 4.0], [9.0, 3.5], [8.0, 1.0]]), 2.0).tolist()
    [1, -1, 0]
    """
    order = np.argsort(xy[:, 0], kind="stable")
    found = np.empty(len(places), np.intp)
    votes.nearest(
        np.ascontiguousarray(xy[order], np.float64),
        np.ascontiguousarray(places, np.float64),
        float(radius_px),
        found,
    )
    return np.where(found < 0, -1, order[found]) if len(order) else found


def mutual_pairs(first: FloatArray, second: FloatArray, radius_px: float) -> NDArray[np.intp]:
    """Return indices (K, 2) of positions closer than the radius, each the other's nearest.

    In the order of the second.

    Examples
    --------
    >>> first = np.array([[0.0, 0.0], [10.0, 0.0], [10.4, 0.0]])
    >>> second = np.array([[10.1, 0.0], [0.3, 0.0], [50.0, 0.0]])
    >>> mutual_pairs(first, second, 1.0).tolist()
    [[1, 0], [0, 1]]
    """
    order = np.argsort(first[:, 0], kind="stable")
    pairs = np.empty((len(second), 2), np.intp)
    count = votes.mutual_pairs(
        np.ascontiguousarray(first[order], np.float64),
        np.ascontiguousarray(second, np.float64),
        order,
        float(radius_px),
        np.empty(len(order)),
        np.empty(len(order), np.intp),
        pairs,
    )
    return pairs[:count]
