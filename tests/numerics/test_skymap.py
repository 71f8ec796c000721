"""The smooth sky of simulated frames."""

import numpy as np
import pytest

from seestack.numerics import skymap
from seestack.simulation import random_field, simulate_frame

SHAPE = (400, 560)


def sky_map(frame):
    """Return the sky in every pixel, and its noise."""
    sky, noise = skymap.sky_map(frame)
    return sky.at(*(np.arange(side) for side in frame.shape)), noise


@pytest.mark.parametrize("n_stars", [0, 100, 600])
def test_sky_under_stars(n_stars):
    field = random_field(SHAPE, n_stars, seed=2, faintest_adu=2e3)
    frame = simulate_frame(field, SHAPE, seed=2)
    sky, noise = sky_map(frame)
    assert sky.shape == SHAPE
    np.testing.assert_allclose(np.median(sky), 800.0, rtol=0, atol=6.0)
    assert np.abs(sky - 800.0).max() < 30.0
    np.testing.assert_allclose(noise, np.sqrt(825.0), rtol=0.1, atol=0)


def test_sky_follows_a_slope_and_a_vignette():
    rng = np.random.default_rng(3)
    row, col = np.indices(SHAPE)
    truth = (
        500 + 0.8 * col - 0.3 * row + 200 * np.cos((col - 280) / 300) * np.cos((row - 200) / 300)
    )
    sky, noise = sky_map((truth + rng.normal(0, 10.0, SHAPE)).astype(np.float32))
    error = np.abs(sky - truth)
    assert error[64:-64, 64:-64].max() < 15.0
    # The outermost boxes have no neighbours to judge their level by.
    assert error.max() < 50.0
    assert 10.0 * 0.95 < noise < 10.0 * 1.3  # what the map leaves of the slope counts as noise


def test_holes_are_bridged():
    frame = np.random.default_rng(4).normal(300.0, 10.0, SHAPE).astype(np.float32)
    frame[100:300, 100:300] = np.nan
    sky, noise = sky_map(frame)
    assert np.isfinite(sky).all()
    np.testing.assert_allclose(sky, 300.0, rtol=0, atol=6.0)
    np.testing.assert_allclose(noise, 10.0, rtol=0.06, atol=0)


def test_nothing_finite():
    sky, noise = sky_map(np.full(SHAPE, np.nan, np.float32))
    np.testing.assert_array_equal(sky, 0.0)
    assert noise == 0.0


@pytest.mark.parametrize("shape", [(16, 16), (17, 300), (65, 66)])
def test_small_images(shape):
    frame = np.random.default_rng(5).normal(300.0, 10.0, shape).astype(np.float32)
    sky, noise = sky_map(frame)
    assert sky.shape == shape
    np.testing.assert_allclose(np.median(sky), 300.0, rtol=0, atol=8.0)
    assert 5.0 < noise < 15.0
