"""pair_variance: the noise of two samples, blind to what crosses one of them."""

import numpy as np
import pytest

from seestack.numerics.pairs import pair_variance

SHAPE = (130, 200)


def pair(sigma, weights, seed=0):
    """Two samples of a pixel, their sum of squares and their count."""
    rng = np.random.default_rng(seed)
    samples = np.stack([rng.normal(0.0, sigma / np.sqrt(w), SHAPE) for w in weights])
    mean = np.average(samples, axis=0, weights=weights)
    m2 = (np.asarray(weights)[:, None, None] * (samples - mean) ** 2).sum(axis=0)
    return m2, np.full(SHAPE, 2)


@pytest.mark.parametrize("weights", [(1.0, 1.0), (0.3, 1.7)])
def test_the_variance_of_weight_one(weights):
    variance = pair_variance(*pair(4.0, weights))
    assert variance.shape == (3, 4)
    # 4,096 pixels tell it to 4 %, the eight columns at the border to 12 %.
    np.testing.assert_allclose(variance[:2, :3], 16.0, rtol=0.15, atol=0)
    np.testing.assert_allclose(np.median(variance), 16.0, rtol=0.06, atol=0)


def test_noise_that_differs_over_the_image_and_a_trail():
    sigma = np.where(np.arange(SHAPE[1]) < 128, 2.0, 6.0)
    m2, coverage = pair(sigma, (1.0, 1.0))
    m2[30:36] += 1e6
    variance = pair_variance(m2, coverage)
    np.testing.assert_allclose(variance[1, :2], 4.0, rtol=0.15, atol=0)
    np.testing.assert_allclose(variance[1, 2], 36.0, rtol=0.15, atol=0)
    np.testing.assert_allclose(variance[0, :2], 4.0 * 1.35, rtol=0.2, atol=0)


def test_tiles_without_pairs_take_the_value_of_all_and_none_is_none():
    m2, coverage = pair(3.0, (1.0, 1.0))
    coverage[:, 70:] = 5
    variance = pair_variance(m2, coverage)
    np.testing.assert_allclose(variance[:, 2:], variance[0, 3], rtol=0, atol=0)
    np.testing.assert_allclose(variance, 9.0, rtol=0.2, atol=0)
    assert pair_variance(m2, np.full(SHAPE, 3)) is None


def test_colours_have_values_of_their_own():
    parts = [pair(sigma, (1.0, 1.0), seed) for seed, sigma in enumerate((2.0, 4.0, 8.0))]
    variance = pair_variance(*(np.stack(part, axis=-1) for part in zip(*parts, strict=True)))
    assert variance.shape == (3, 4, 3)
    for n, sigma in enumerate((2.0, 4.0, 8.0)):
        np.testing.assert_allclose(np.median(variance[..., n]), sigma**2, rtol=0.06, atol=0)
