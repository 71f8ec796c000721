"""Robust statistics of simulated skies."""

import numpy as np
import pytest

from seestack.numerics.robust import MAD_TO_SIGMA, sky_level


def test_clipping_leaves_the_sky():
    rng = np.random.default_rng(0)
    values = np.append(rng.normal(100.0, 5.0, 20_000), rng.uniform(200, 9e4, 400))
    level, sigma = sky_level(np.where(rng.uniform(size=20_400) < 0.1, np.nan, values))
    np.testing.assert_allclose(level, 100.0, rtol=0, atol=0.2)
    np.testing.assert_allclose(sigma, 5.0, rtol=0.04, atol=0)


@pytest.mark.parametrize("values", [[], [np.nan, np.inf]])
def test_clipping_nothing(values):
    assert np.isnan(sky_level(values)).all()


def test_mad_of_a_normal_distribution():
    noise = np.random.default_rng(1).normal(0.0, 3.0, 200_000)
    mad = np.median(np.abs(noise - np.median(noise)))
    np.testing.assert_allclose(MAD_TO_SIGMA * mad, 3.0, rtol=0.01, atol=0)
