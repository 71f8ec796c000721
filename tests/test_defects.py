"""Defects are where they are said to be, and bring the noise of their light and no other."""

import numpy as np
import pytest

from seestack.defects import (
    add_light,
    distance_to_line,
    draw_gradient,
    draw_hot_pixels,
    draw_trail,
)

SHAPE = (120, 170)


def test_light_brings_its_own_poisson_noise_and_no_other():
    frame = np.random.default_rng(1).normal(800.0, 30.0, (300, 400)).astype(np.float32)
    light = np.zeros(frame.shape)
    light[:150] = 500.0
    added = add_light(frame, light, seed=2, gain_e_per_adu=2.0) - frame
    np.testing.assert_allclose(added[:150].mean(), 500.0, rtol=0, atol=0.3)
    np.testing.assert_allclose(added[:150].var(), 500.0 / 2.0, rtol=0.03, atol=0)
    np.testing.assert_array_equal(added[150:], 0.0)


def test_expected_light_has_no_noise_and_saturates():
    frame = np.full(SHAPE, 1000.0)
    light = np.full(SHAPE, 2500.0)
    expected = add_light(frame, light, seed=None)
    assert expected.dtype == np.float32
    np.testing.assert_array_equal(expected, 3500.0)
    np.testing.assert_array_equal(add_light(frame, light, saturation_adu=3000.0), 3000.0)
    np.testing.assert_array_equal(frame, 1000.0)


def test_equal_seeds_give_equal_noise():
    frame, light = np.zeros(SHAPE), np.full(SHAPE, 50.0)
    np.testing.assert_array_equal(add_light(frame, light, seed=3), add_light(frame, light, seed=3))
    assert (add_light(frame, light, seed=3) != add_light(frame, light, seed=4)).mean() > 0.5


@pytest.mark.parametrize(
    ("light", "message"),
    [
        (np.zeros((170, 120)), r"shape of frame, \(120, 170\), got \(170, 120\)"),
        (np.full(SHAPE, -1.0), "must not be negative or NaN"),
        (np.full(SHAPE, np.nan), "must not be negative or NaN"),
    ],
)
def test_light_that_cannot_be(light, message):
    with pytest.raises(ValueError, match=message):
        add_light(np.zeros(SHAPE), light)


def test_a_trail_holds_the_light_of_its_profile():
    """The sum across is that of a Gaussian, the middle lies on the line."""
    peak, width = 80.0, 5.0
    start, end = (-30.0, 20.0), (200.0, 90.0)
    trail = draw_trail(SHAPE, start, end, peak_adu=peak, fwhm_px=width)
    slope = (end[1] - start[1]) / (end[0] - start[0])
    columns = np.arange(10, 150)
    across = trail[:, columns].sum(axis=0) / np.hypot(1.0, slope)
    gaussian = peak * width * np.sqrt(np.pi / np.log(2)) / 2
    np.testing.assert_allclose(across, gaussian, rtol=1e-3, atol=0)
    row = np.arange(SHAPE[0])[:, None]
    middle = (trail * row)[:, columns].sum(axis=0) / trail[:, columns].sum(axis=0)
    np.testing.assert_allclose(middle, 20.0 + slope * (columns + 30), rtol=0, atol=0.02)


def test_a_trail_ends_at_its_ends():
    trail = draw_trail(SHAPE, (50.0, 60.0), (90.0, 60.0), peak_adu=100.0, fwhm_px=4.0)
    np.testing.assert_allclose(trail[60, [48, 50, 90, 92]], [50, 100, 100, 50], rtol=1e-12, atol=0)
    assert trail[60, 110] < 1e-6


def test_distance_is_from_the_nearer_end_beyond_the_line():
    xy = [[-3.0, 4.0], [5.0, -7.0], [16.0, 8.0]]
    np.testing.assert_allclose(
        distance_to_line(xy, (0.0, 0.0), (10.0, 0.0)), [5.0, 7.0, 10.0], rtol=0, atol=1e-12
    )
    with pytest.raises(ValueError, match=r"must differ, got \(1.0, 2.0\) twice"):
        distance_to_line(xy, (1.0, 2.0), (1.0, 2.0))


def test_hot_pixels_are_spread_evenly_in_the_logarithm():
    light = draw_hot_pixels((300, 400), 4000, seed=5, faintest_adu=100.0, brightest_adu=10_000.0)
    hot = light[light > 0]
    assert len(hot) == 4000
    np.testing.assert_allclose(np.median(hot), 1000.0, rtol=0.1, atol=0)
    row, col = np.nonzero(light)
    np.testing.assert_allclose([row.mean(), col.mean()], [149.5, 199.5], rtol=0, atol=6.0)
    with pytest.raises(ValueError, match="from 0 to the 12 pixels, got 13"):
        draw_hot_pixels((3, 4), 13)


@pytest.mark.parametrize("direction", [0.0, 35.0, 90.0, 200.0])
def test_a_gradient_is_a_plane_that_rises_as_it_says(direction):
    plane = draw_gradient(SHAPE, 430.0, direction_deg=direction)
    np.testing.assert_allclose([plane.min(), plane.max()], [0.0, 430.0], rtol=0, atol=1e-9)
    down, right = (np.unique(slope.round(9)) for slope in np.gradient(plane))
    assert len(down) == len(right) == 1
    towards = np.rad2deg(np.arctan2(down[0], right[0])) % 360
    np.testing.assert_allclose(towards, direction, rtol=0, atol=1e-5)
