"""Pairs of positions, against all distances."""

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from seestack.numerics.neighbours import mutual_pairs, nearest_within


@pytest.mark.parametrize("count", [1, 40])
def test_mutual_pairs(count):
    rng = np.random.default_rng(count)
    first = rng.uniform(0, 60, (50, 2))
    second = np.vstack([first[:count] + rng.normal(0, 0.7, (count, 2)), first[:count] + 0.9])
    distance = cdist(first, second)
    expected = [
        (first_index, index)
        for index, first_index in enumerate(distance.argmin(axis=0))
        if distance[first_index, index] < 1.5 and distance[first_index].argmin() == index
    ]
    found = mutual_pairs(first, second, 1.5)
    assert [tuple(pair) for pair in found.tolist()] == expected
    assert len(found) >= count // 2


def test_nobody_there():
    none, some = np.empty((0, 2)), np.ones((3, 2))
    assert nearest_within(none, some, 1.0).tolist() == [-1, -1, -1]
    assert mutual_pairs(none, some, 1.0).shape == mutual_pairs(some, none, 1.0).shape == (0, 2)
