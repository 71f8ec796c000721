"""The photon noise that residuals tell, against NumPy in double precision."""

import numpy as np

from seestack.compiled import photons


def test_the_light_of_stars_and_what_the_fit_leaves_of_its_noise():
    rng = np.random.default_rng(2)
    pixels = rng.normal(size=(5, 40, 64)).astype(np.float32)
    pixels[1] = rng.uniform(0, 1, (40, 64))
    valid = (rng.random((40, 64)) > 0.2).astype(np.float32)
    parameters = rng.uniform(0, 3, (35, 8))
    root = rng.normal(0, 0.2, size=(35, 4, 4))
    covariance = root @ root.transpose(0, 2, 1)
    light, free = np.empty((2, 40, 64), np.float32)
    bright = np.empty(35, np.float32)
    photons.star_light(pixels, valid, parameters, covariance, light, free, bright)
    slopes = np.concatenate([pixels[2:, :, :35], np.ones((1, 40, 35))])
    taken = pixels[1, :, :35] * np.einsum("ipn,nij,jpn->pn", slopes, covariance, slopes)
    np.testing.assert_allclose(free[:, :35], 1 - np.minimum(taken, 0.9), rtol=0, atol=1e-4)
    assert 0.05 < (taken > 0.9).mean() < 0.5
    expected = parameters[:, 2] * pixels[4, :, :35] * valid[:, :35]
    expected[expected <= 1] = 0
    np.testing.assert_allclose(light[:, :35], expected, rtol=1e-5, atol=0)
    np.testing.assert_array_equal(bright, np.count_nonzero(expected, axis=0))


def test_the_gain_of_each_star():
    rng = np.random.default_rng(3)
    light = np.maximum(rng.normal(3, 5, (50, 64)), 0).astype(np.float32)
    residual = rng.normal(0, 2, (50, 64)).astype(np.float32)
    free = rng.uniform(0.1, 1.0, (50, 64)).astype(np.float32)
    bright, gain, found = rng.integers(0, 9, 37).astype(np.float32), 0.4, np.empty(37)
    count = photons.gains(light, residual, free, bright, 5, gain, found)
    share = light.astype(float) / (1 + gain * light) ** 2
    part = share * light * free
    expected = (share * (residual**2 - free)).sum(axis=0) / part.sum(axis=0)
    freedom = part.sum(axis=0) ** 2 / (part**2).sum(axis=0)
    expected /= (1 - 2 / (9 * freedom)) ** 3
    chosen = np.flatnonzero(bright >= 5)
    assert 5 < count == len(chosen) < 32
    np.testing.assert_allclose(found[:count], expected[chosen], rtol=1e-4, atol=1e-5)
