"""Votes in compiled loops, against NumPy and SciPy."""

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from seestack.compiled import votes


def segments(rng, count):
    """Return (x, y) of the middle, unit vector and angle."""
    angle = rng.uniform(-np.pi, np.pi, count)
    return np.column_stack([rng.uniform(-99, 99, (count, 2)), np.cos(angle), np.sin(angle), angle])


def test_segments_of_all_pairs_that_are_long_enough():
    xy = np.random.default_rng(3).uniform(0, 40, (12, 2))
    i, j = np.triu_indices(12, k=1)
    vector = xy[j] - xy[i]
    length = np.hypot(*vector.T)
    long = length > 15.0
    assert 10 < long.sum() < 60
    out = np.empty((66, 6))
    assert votes.segments(xy, 15.0, out) == long.sum()
    expected = np.column_stack(
        [(xy[i] + xy[j]) / 2, vector / length[:, None], np.arctan2(*vector.T[::-1]), length]
    )[long]
    np.testing.assert_allclose(out[: long.sum()], expected, rtol=1e-14, atol=1e-14)


def test_segments_that_are_equally_long():
    rng = np.random.default_rng(4)
    first, second = rng.uniform(0, 9, (30, 6)), rng.uniform(2, 12, (40, 6))
    first, second = first[np.argsort(first[:, 5])], second[np.argsort(second[:, 5])]
    low, high = np.empty(30, np.intp), np.empty(30, np.intp)
    count = votes.equally_long(first, second, 0.4, low, high)
    np.testing.assert_array_equal(low, np.searchsorted(second[:, 5], first[:, 5] - 0.4))
    np.testing.assert_array_equal(high, np.searchsorted(second[:, 5], first[:, 5] + 0.4))
    assert count == (high - low).sum() > 20


def test_motions_lay_segments_on_segments():
    rng = np.random.default_rng(0)
    first, second = segments(rng, 8), segments(rng, 11)
    low, high = np.arange(8), np.arange(8) + np.array([3, 0, 1, 2, 3, 3, 1, 2])
    count = int((high - low).sum())
    motions, angles = np.empty((2 * count, 4)), np.empty(2 * count)
    votes.rigid_motions(first, second, low, high, motions, angles)
    pairs = [(i, j) for i in range(8) for j in range(low[i], high[i])]
    for k, (i, j) in enumerate(pairs + pairs):
        cos, sin, dx, dy = motions[k]
        turn = np.array([[cos, -sin], [sin, cos]])
        sign = 1 if k < count else -1
        np.testing.assert_allclose(turn @ second[j, 2:4], sign * first[i, 2:4], rtol=0, atol=1e-12)
        np.testing.assert_allclose(turn @ second[j, :2] + [dx, dy], first[i, :2], atol=1e-9)
        np.testing.assert_allclose([np.cos(angles[k]), np.sin(angles[k])], [cos, sin], atol=1e-12)


@pytest.mark.parametrize("offset", [0.0, 0.5])
@pytest.mark.parametrize("count", [1, 700])
def test_piles(offset, count):
    rng = np.random.default_rng(count)
    angles = rng.normal(0.0, 5.0, count)
    motions = np.column_stack([np.cos(angles), np.sin(angles), rng.normal(0, 9, (count, 2))])
    turns, side = 3, 8.0
    room = 1 << (2 * count).bit_length()
    sizes = np.ones(count, np.int32)
    votes.pile_sizes(
        motions, angles, turns, side, offset,
        np.zeros(room, np.uint64), np.zeros(room, np.int32), np.empty(count, np.intp), sizes,
    )  # fmt: skip
    turn = np.floor(angles / (2 * np.pi) * turns + offset) % turns
    cells = np.column_stack([turn, np.floor(motions[:, 2:] / side + offset)])
    _, index, number = np.unique(cells, axis=0, return_inverse=True, return_counts=True)
    np.testing.assert_array_equal(sizes, number[index.ravel()])
    assert count == 1 or sizes.max() > 20


def test_a_pile_never_lowers_a_size():
    sizes = np.array([5, 1, 1], np.int32)
    votes.pile_sizes(
        np.ones((3, 4)), np.zeros(3), 4, 2.0, 0.0,
        np.zeros(8, np.uint64), np.zeros(8, np.int32), np.empty(3, np.intp), sizes,
    )  # fmt: skip
    assert sizes.tolist() == [5, 3, 3]


def test_nearest():
    rng = np.random.default_rng(1)
    xy, places = rng.uniform(0, 50, (60, 2)), rng.uniform(-5, 55, (300, 2))
    xy = xy[np.argsort(xy[:, 0])]
    found = np.empty(300, np.intp)
    votes.nearest(xy, places, 3.0, found)
    distance = cdist(places, xy)
    expected = np.where(distance.min(axis=1) < 3.0, distance.argmin(axis=1), -1)
    np.testing.assert_array_equal(found, expected)
    assert 50 < (found >= 0).sum() < 290
    votes.nearest(np.empty((0, 2)), places, 3.0, found)
    assert (found == -1).all()


def test_mutual_pairs():
    rng = np.random.default_rng(5)
    first, second = rng.uniform(0, 50, (70, 2)), rng.uniform(0, 50, (40, 2))
    order = np.argsort(first[:, 0])
    pairs = np.empty((40, 2), np.intp)
    count = votes.mutual_pairs(
        first[order], second, order, 3.0, np.empty(70), np.empty(70, np.intp), pairs
    )
    distance = cdist(first, second)
    nearest, back = distance.argmin(axis=0), distance.argmin(axis=1)
    expected = [(n, m) for m, n in enumerate(nearest) if back[n] == m and distance[n, m] < 3.0]
    assert 15 < count < 40
    np.testing.assert_array_equal(pairs[:count], expected)


@pytest.mark.parametrize("seed", range(6))
def test_the_motion_that_most_stars_agree_on(seed):
    rng = np.random.default_rng(seed)
    reference, frame = rng.uniform(0, 80, (50, 2)), rng.uniform(-40, 40, (30, 2))
    reference = reference[np.argsort(reference[:, 0])]
    angle = rng.uniform(0, 7, 60)
    motions = np.column_stack([np.cos(angle), np.sin(angle), rng.uniform(30, 50, (60, 2))])
    motions[41] = motions[7]  # of equal ones the first counts
    score = []
    for cos, sin, dx, dy in motions:
        moved = frame @ np.array([[cos, sin], [-sin, cos]]) + [dx, dy]
        nearest = cdist(moved, reference).min(axis=1)
        score.append((-(nearest < 4.0).sum(), nearest[nearest < 4.0].sum()))
    expected = min(range(60), key=lambda k: (score[k][0], round(score[k][1], 9)))
    begins = np.zeros(30, np.intp)
    assert votes.most_agreed(motions, reference, frame, 4.0, begins) == expected
    assert -30 <= score[expected][0] < -5
    # Alone with its copy, it is the first of both.
    pair = motions[[expected, expected]]
    assert votes.most_agreed(pair, reference, frame, 4.0, begins) == 0
