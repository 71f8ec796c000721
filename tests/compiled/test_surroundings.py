"""Statistics of boxes in compiled loops, against plain sums and astropy."""

import numpy as np
import pytest
from astropy.stats import biweight_midvariance

from seestack.compiled import surroundings


@pytest.mark.parametrize("several", [1, 3])
@pytest.mark.parametrize("shape", [(20, 33), (5, 4), (1, 9)])
def test_less_surroundings(shape, several):
    rng = np.random.default_rng(0)
    images, usable = rng.normal(2e4, 5.0, (several, *shape)), rng.random(shape) < 0.9
    images[rng.random(images.shape) < 0.05] = np.nan
    counting = usable & np.isfinite(images).all(axis=0)
    shares = np.column_stack([1 / np.arange(1, 50), rng.uniform(1, 2, 49)])
    shares = np.vstack([[np.nan, np.nan], shares])
    out = images.copy()
    surroundings.less_surroundings(out, usable.view(np.uint8), shares)
    for k, row, col in np.ndindex(images.shape):
        window = tuple(slice(max(n - 3, 0), n + 4) for n in (row, col))
        part = images[k][window][counting[window]]
        if counting[row, col]:
            expected = (images[k, row, col] - part.mean()) * shares[part.size, 1]
            np.testing.assert_allclose(out[k, row, col], expected, rtol=0, atol=1e-8)
        else:
            assert np.isnan(out[k, row, col])


@pytest.mark.parametrize("count", [0, 5, 64, 501])
def test_explained_sums(count):
    rng = np.random.default_rng(count)
    light, sums = rng.normal(0.0, 3.0, count), np.empty(2)
    values = 0.2 * light + rng.normal(0.0, 1.0, count)
    surroundings.explained_sums(values, light, 0.2, 1.0, sums)
    near = np.abs(values - 0.2 * light) <= 1.0
    expected = [(values[near] * light[near]).sum(), (light[near] ** 2).sum()]
    np.testing.assert_allclose(sums, expected, rtol=1e-12, atol=1e-12)


def test_biweight():
    values = np.append(np.random.default_rng(1).normal(5.0, 2.0, 500), [90.0, -40.0])
    middle = float(np.median(values))
    width = 9 * float(np.median(np.abs(values - middle)))
    sums = np.empty(2)
    surroundings.biweight_sums(values, middle, width, sums)
    found = values.size * sums[0] / sums[1] ** 2
    np.testing.assert_allclose(found, biweight_midvariance(values), rtol=1e-12, atol=0)
