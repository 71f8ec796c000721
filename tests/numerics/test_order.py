"""Order statistics: against samples drawn."""

import numpy as np
import pytest

from seestack.numerics.order import set_aside, trimmed_freedom


@pytest.mark.parametrize("kept", [(2, 1), (1, 1), (3, 0), (0, 2)])
@pytest.mark.parametrize("count", [3, 4, 5, 8, 20, 100])
def test_the_freedom_left_is_that_of_samples_drawn(count, kept):
    high, low = set_aside(count, *kept)
    rng = np.random.default_rng(count)
    samples = np.sort(rng.normal(size=(600_000 // count, count)), axis=1)[:, low : count - high]
    squares = ((samples - samples.mean(axis=1, keepdims=True)) ** 2).sum(axis=1)
    freedom = trimmed_freedom(count + 5, *kept)[count]
    error = squares.std() / np.sqrt(len(squares))
    np.testing.assert_allclose(freedom, squares.mean(), rtol=0.003, atol=4 * error)


def test_nothing_set_aside_leaves_all_but_one():
    np.testing.assert_allclose(
        trimmed_freedom(40, 0, 0)[3:], np.arange(3, 41) - 1.0, rtol=1e-6, atol=0
    )
    np.testing.assert_array_equal(trimmed_freedom(2, 2, 1), [0, 0, 0])


@pytest.mark.parametrize("kept", [(2, 1), (1, 2), (0, 3), (3, 0), (0, 0)])
def test_two_samples_are_left_over(kept):
    for count in range(12):
        high, low = set_aside(count, *kept)
        assert 0 <= high <= kept[0]
        assert 0 <= low <= kept[1]
        if count == 2:
            assert (high, low) == (min(kept[0], 1), 0)
        else:
            assert high + low == max(0, min(count - 2, sum(kept)))
