"""Running sums and extremes, against plain NumPy."""

import numpy as np
import pytest

from seestack.compiled import extremes, sums


@pytest.mark.parametrize("size", [1, 63, 64, 65, 640, 1000])
@pytest.mark.parametrize("share", [0.0, 0.02, 0.5])
@pytest.mark.parametrize("kind", [np.int32, np.uint16])
def test_one_update_of_each_pixel(size, share, kind):
    rng = np.random.default_rng(size)
    coverage = rng.integers(0 if share else 1, 4, size).astype(kind)
    mean = np.where(coverage > 0, rng.normal(500.0, 9.0, size), np.nan)
    total, m2 = np.where(coverage > 0, rng.uniform(1, 3, (2, size)), 0.0)
    samples = rng.normal(500.0, 9.0, size).astype(np.float32)
    samples[rng.uniform(size=size) < share] = np.nan
    samples[rng.uniform(size=size) < share / 2] = np.inf
    covered = (rng.uniform(size=size) >= share).astype(np.uint8)
    usable = np.isfinite(samples) & (covered > 0)
    x = np.where(usable, samples, 0).astype(float)
    m = np.where(coverage > 0, mean, x)
    delta, after = x - m, total + 1.7
    new = {
        "mean": m + 1.7 / after * delta,
        "total": after,
        "m2": m2 + 1.7 * delta * (x - (m + 1.7 / after * delta)),
        "coverage": coverage + 1,
    }
    arrays = {"mean": mean, "total": total, "m2": m2, "coverage": coverage}
    expected = {name: np.where(usable, new[name], arrays[name]) for name in arrays}
    sums.add_samples(samples, covered, 1.7, mean, total, m2, coverage)
    for name, array in arrays.items():
        np.testing.assert_allclose(array, expected[name], rtol=1e-14, atol=1e-12)


@pytest.mark.parametrize("hole", [0, 70, 127])
def test_one_pixel_that_is_not_covered_stays(hole):
    arrays = np.full(128, 5.0), np.ones(128), np.ones(128), np.ones(128, np.int32)
    covered = np.ones(128, np.uint8)
    covered[hole] = 0
    sums.add_samples(np.full(128, 9.0, np.float32), covered, 1.0, *arrays)
    for array, before, after in zip(arrays, (5, 1, 1, 1), (7, 2, 9, 2), strict=True):
        assert array[hole] == before
        assert (np.delete(array, hole) == after).all()


@pytest.mark.parametrize("kind", [np.uint16, np.uint32])
@pytest.mark.parametrize(("high", "low"), [(2, 1), (0, 3), (4, 0), (1, 1)])
def test_extremes_of_a_part_of_the_pixels(kind, high, low):
    rng = np.random.default_rng(6)
    size, start, count = 200, 37, 101
    samples = rng.normal(size=(12, count)).astype(np.float32)
    samples[rng.uniform(size=samples.shape) < 0.1] = np.nan
    samples[rng.uniform(size=samples.shape) < 0.05] = np.inf
    samples[rng.uniform(size=samples.shape) < 0.05] = -np.inf
    covered = rng.uniform(size=samples.shape) < 0.8
    highest, lowest = (
        np.full((n, size), sign * np.inf, np.float32) for n, sign in ((high, -1), (low, 1))
    )
    high_frame, low_frame = (np.full((n, size), 99, kind) for n in (high, low))
    for frame, line in enumerate(samples):
        extremes.insert(
            line,
            covered[frame].view(np.uint8),
            frame,
            highest,
            high_frame,
            lowest,
            low_frame,
            start,
        )
    known = covered & np.isfinite(samples)
    for values, frames, sign in ((highest, high_frame, -1), (lowest, low_frame, 1)):
        order = np.argsort(np.where(known, sign * samples, np.inf), axis=0, kind="stable")
        for place in range(len(values)):
            there = known.sum(axis=0) > place
            part = slice(start, start + count)
            np.testing.assert_array_equal(frames[place, part][there], order[place][there])
            np.testing.assert_array_equal(
                values[place, part][there], samples[order[place], np.arange(count)][there]
            )
            assert (values[place, part][~there] == sign * np.inf).all()
        beyond = np.r_[0:start, start + count : size]
        assert np.isinf(values[:, beyond]).all()
        assert (frames[:, beyond] == 99).all()
