"""Statistics of boxes in compiled loops, against plain sums and astropy."""

import numpy as np
import pytest
from astropy.stats import biweight_midvariance

from seestack.compiled import surroundings


@pytest.mark.parametrize("shape", [(20, 33), (5, 4), (1, 9)])
@pytest.mark.parametrize("reach", [1, 3])
def test_less_surroundings(shape, reach):
    rng = np.random.default_rng(0)
    image, usable = rng.normal(2e4, 5.0, shape), rng.random(shape) < 0.8
    image[~usable & (rng.random(shape) < 0.5)] = np.nan
    count = (2 * reach + 1) ** 2
    shares = np.vstack([1 / np.arange(1, count + 1), rng.uniform(1, 2, count)])
    shares = np.column_stack([[np.nan, np.nan], shares])
    out = np.empty(shape)
    surroundings.less_surroundings(
        image,
        usable.astype(float),
        reach,
        shares,
        np.zeros((2, shape[1] + 2 * reach)),
        np.zeros((2, shape[1])),
        out,
    )
    for row, col in np.ndindex(shape):
        window = tuple(slice(max(k - reach, 0), k + reach + 1) for k in (row, col))
        part = image[window][usable[window]]
        if usable[row, col]:
            expected = (image[row, col] - part.mean()) * shares[1, part.size]
            np.testing.assert_allclose(out[row, col], expected, rtol=0, atol=1e-8)
        else:
            assert np.isnan(out[row, col])


def test_biweight():
    values = np.append(np.random.default_rng(1).normal(5.0, 2.0, 500), [90.0, -40.0])
    middle = float(np.median(values))
    width = 9 * float(np.median(np.abs(values - middle)))
    sums = np.empty(2)
    surroundings.biweight_sums(values, middle, width, sums)
    found = values.size * sums[0] / sums[1] ** 2
    np.testing.assert_allclose(found, biweight_midvariance(values), rtol=1e-12, atol=0)
