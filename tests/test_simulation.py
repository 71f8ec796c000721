"""The simulated sky keeps its own promises; other tests rely on them."""

import numpy as np
import pytest
from scipy.integrate import dblquad
from simulated import turn

from seestack.simulation import StarField, moffat_image, random_field, simulate_frame

SHAPE = (120, 170)


@pytest.mark.parametrize("fwhm", [1.8, 3.0, 5.0])
def test_pixels_hold_the_integral_of_the_profile(fwhm):
    beta, xy = 3.0, (20.3, 14.8)
    image = moffat_image(np.array([xy]), np.array([1e5]), (31, 41), fwhm_px=fwhm, beta=beta)
    alpha = fwhm / (2 * np.sqrt(2 ** (1 / beta) - 1))

    def surface(y, x):
        radius_sq = (x - xy[0]) ** 2 + (y - xy[1]) ** 2
        return 1e5 * (beta - 1) / (np.pi * alpha**2) * (1 + radius_sq / alpha**2) ** -beta

    for col, row in ((20, 15), (21, 15), (18, 13), (26, 15)):
        exact, _ = dblquad(surface, col - 0.5, col + 0.5, row - 0.5, row + 0.5)
        np.testing.assert_allclose(image[row, col], exact, rtol=2e-3, atol=0)


@pytest.mark.parametrize("elongation", [1.0, 1.5])
def test_flux_position_and_axes(elongation):
    xy = np.array([[85.3, 60.7]])
    image = moffat_image(
        xy, np.array([1e4]), SHAPE, beta=4.5, elongation=elongation, position_angle_deg=90.0
    )
    row, col = np.indices(SHAPE)
    np.testing.assert_allclose(image.sum(), 1e4, rtol=0.01, atol=0)
    np.testing.assert_allclose(np.average(col, weights=image), 85.3, rtol=0, atol=0.01)
    np.testing.assert_allclose(np.average(row, weights=image), 60.7, rtol=0, atol=0.01)
    along = np.average((row - 60.7) ** 2, weights=image)
    across = np.average((col - 85.3) ** 2, weights=image)
    pixel = 1 / 12
    ratio = np.sqrt((along - pixel) / (across - pixel))
    np.testing.assert_allclose(ratio, elongation, rtol=0.05, atol=0)


def test_frames_have_the_noise_they_say():
    field = StarField(np.empty((0, 2)), [])
    frame = simulate_frame(
        field, (400, 500), sky_adu=300.0, gain_e_per_adu=2.0, read_noise_e=10.0, pedestal_adu=50.0
    )
    np.testing.assert_allclose(frame.mean(), 350.0, rtol=0, atol=0.2)
    np.testing.assert_allclose(frame.var(), (600 + 100) / 4, rtol=0.02, atol=0)


def test_stars_move_as_the_transform_says():
    field = random_field(SHAPE, 30, seed=1, margin_px=-20)
    motion = turn(SHAPE, 10.0, (5.5, -3.25))
    frame = simulate_frame(field, SHAPE, transform=motion, seed=None, sky_adu=0)
    moved = StarField(motion.inverse(field.xy), field.flux_adu)
    np.testing.assert_array_equal(frame, simulate_frame(moved, SHAPE, seed=None, sky_adu=0))


def test_equal_seeds_give_equal_pixels():
    field = random_field(SHAPE, 20, seed=2)
    one, same, other = (simulate_frame(field, SHAPE, seed=s) for s in (5, 5, 6))
    np.testing.assert_array_equal(one, same)
    assert np.std(one - other) > 20
    np.testing.assert_array_equal(field.xy, random_field(SHAPE, 20, seed=2).xy)


def test_brightness_follows_the_power_law():
    field = random_field(SHAPE, 4000, seed=3, brightest_adu=1e6, faintest_adu=1e3, slope=0.6)
    assert (np.diff(field.flux_adu) <= 0).all()
    assert field.flux_adu.min() >= 1e3
    assert field.flux_adu.max() <= 1e6
    ratio = np.mean(field.flux_adu > 1e4) / np.mean(field.flux_adu > 1e5)
    np.testing.assert_allclose(ratio, (10**-0.6 - 1e3**-0.6) / (100**-0.6 - 1e3**-0.6), rtol=0.2)


def test_saturation_and_transparency():
    field = StarField([[80.0, 60.0]], [1e6])
    assert simulate_frame(field, SHAPE, saturation_adu=4000.0).max() == 4000.0
    dim, bright = (
        simulate_frame(field, SHAPE, seed=None, sky_adu=0, saturation_adu=1e9, transparency=t)
        for t in (0.25, 1.0)
    )
    np.testing.assert_allclose(dim.sum() / bright.sum(), 0.25, rtol=0.01, atol=0)


def test_fluxes_of_another_number():
    with pytest.raises(ValueError, match=r"flux_adu must have shape \(1,\), got \(2,\)"):
        StarField([[1.0, 2.0]], [1.0, 2.0])
