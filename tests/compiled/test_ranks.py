"""The median in a compiled loop, against NumPy."""

import numpy as np
import pytest

from seestack.compiled import ranks
from seestack.numerics.robust import CUTS, DARKER

KINDS = {
    "random": lambda rng, n: rng.normal(size=n),
    "sorted": lambda rng, n: np.arange(n) * 0.5,
    "falling": lambda rng, n: -np.arange(n) * 0.5,
    "equal": lambda rng, n: np.full(n, 7.0),
    "few values": lambda rng, n: rng.integers(0, 3, n) * 1.5,
    "one apart": lambda rng, n: np.where(np.arange(n) == n // 3, 4.0, 2.0),
    "out of the sample": lambda rng, n: (
        np.where(np.arange(n) % (n // 256 or 1), 1.0, 9.0) + rng.random(n)
    ),
    "infinite": lambda rng, n: np.where(np.arange(n) % 5 == 0, np.inf, rng.normal(size=n)),
}


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 10, 101, 1000, 20_001])
@pytest.mark.parametrize("kind", KINDS)
def test_median(kind, count):
    values = KINDS[kind](np.random.default_rng(count), count).astype(np.float64)
    assert ranks.median(values.copy()) == np.median(values)


@pytest.mark.parametrize("count", [1, 2, 50, 1001])
def test_values_that_are_no_numbers_end_the_search_too(count):
    for missing in (1, count // 2, count):
        values = np.random.default_rng(count).normal(size=count)
        values[:missing] = np.nan
        assert isinstance(ranks.median(values), float)


@pytest.mark.parametrize("count", [1, 2, 3, 7, 50, 101, 20_000])
@pytest.mark.parametrize("kind", KINDS)
def test_clipped_level(kind, count):
    values = KINDS[kind](np.random.default_rng(count), count).astype(np.float32)
    values[count // 2 :: 9] += 40.0
    values[1::6] = np.nan
    known = kept = np.sort(values[np.isfinite(values)]).astype(np.float64)
    level = sigma = np.nan
    for _ in range(CUTS if len(known) else 0):
        level = np.median(kept)
        sigma = level - kept[round(max(DARKER * len(kept) - 0.5, 0.0))]
        kept = known[: max(np.count_nonzero(known <= np.float32(level + 3 * sigma)), 1)]
    found = ranks.clipped_level(values, CUTS, DARKER)
    np.testing.assert_array_equal(found, (level, sigma))
