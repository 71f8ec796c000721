"""The Cramer-Rao bound, against formulas that hold in its limits."""

import numpy as np
import pytest

from seestack.bounds import motion_bound, position_bound
from seestack.simulation import StarField, random_field

SHAPE = (300, 420)


def test_against_the_formula_of_a_wide_gaussian_without_sky():
    # A Moffat profile of large exponent is a Gaussian; its bound is sigma / sqrt(N).
    sigma = 6.0 / 2.3548
    bound = position_bound(1e5, fwhm_px=6.0, beta=400.0, sky_adu=0.0, read_noise_e=0.0)
    pixel = np.sqrt(1 + 1 / (12 * sigma**2))
    np.testing.assert_allclose(bound, sigma * pixel / np.sqrt(1e5), rtol=0.01, atol=0)


def test_against_the_formula_of_a_wide_gaussian_on_bright_sky():
    # Background-limited: sigma_x = sqrt(8 pi) sigma^2 sqrt(B) / F.
    sigma, sky = 6.0 / 2.3548, 1e6
    bound = position_bound(1e4, fwhm_px=6.0, beta=400.0, sky_adu=sky, read_noise_e=0.0)
    pixel = 1 + 1 / (6 * sigma**2)
    expected = np.sqrt(8 * np.pi) * sigma**2 * np.sqrt(sky) / 1e4
    np.testing.assert_allclose(bound, expected * pixel, rtol=0.02, atol=0)


def test_electrons_count():
    one = position_bound(1e5, sky_adu=100, gain_e_per_adu=4.0, read_noise_e=0.0)
    other = position_bound(4e5, sky_adu=400, gain_e_per_adu=1.0, read_noise_e=0.0)
    np.testing.assert_allclose(one, other, rtol=1e-6, atol=0)


def test_shift_of_many_stars():
    field = random_field(SHAPE, 30, seed=1, margin_px=-10)
    each = np.array([position_bound(flux) for flux in field.flux_adu])
    expected = np.sqrt(2) * (1 / each**2).sum() ** -0.5
    np.testing.assert_allclose(
        motion_bound(field, SHAPE, transform="translation"), expected, rtol=1e-9, atol=0
    )


def test_an_unknown_rotation_costs_nothing_around_the_centre_of_light():
    ring = [[209.5 + dx, 149.5 + dy] for dx, dy in ((90, 0), (-90, 0), (0, 90), (0, -90))]
    field = StarField(ring, np.full(4, 5e4))
    shift = motion_bound(field, SHAPE, transform="translation")
    np.testing.assert_allclose(motion_bound(field, SHAPE), shift, rtol=1e-9, atol=0)


def test_an_unknown_rotation_costs_much_beside_it():
    field = StarField([[300.0, 200.0], [310.0, 200.0], [305.0, 208.0]], np.full(3, 5e4))
    shift = motion_bound(field, SHAPE, transform="translation")
    assert 5 < motion_bound(field, SHAPE) / shift < 30


def test_only_the_brightest_inside_count():
    field = random_field(SHAPE, 40, seed=2)
    outside = StarField(
        np.vstack([[[-5.0, 10.0], [10.0, 500.0]], field.xy]), np.append([1e7, 1e7], field.flux_adu)
    )
    assert motion_bound(outside, SHAPE) == motion_bound(field, SHAPE)
    assert motion_bound(field, SHAPE, max_stars=5) > 1.1 * motion_bound(field, SHAPE)


def test_unknown_transform():
    with pytest.raises(ValueError, match="transform must be 'rigid' or 'translation', got 'x'"):
        motion_bound(random_field(SHAPE, 5), SHAPE, transform="x")
