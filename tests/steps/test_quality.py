"""Noise, width and gain, against known noise."""

import numpy as np
import pytest
from simulated import NO_IMAGES, NOT_COUNTS, turn

from seestack import Stars, accumulate, warp
from seestack.simulation import random_field, simulate_frame
from seestack.steps.quality import measured_gain, median_fwhm, sky_noise

SHAPE = (400, 560)


def test_noise_of_white_noise_in_boxes():
    for box, expected in ((8, 2.0), (4, 4.0)):
        measured = [
            sky_noise(np.random.default_rng(seed).normal(500.0, 16.0, (800, 1000)), box_px=box)
            for seed in range(5)
        ]
        np.testing.assert_allclose(np.mean(measured), expected, rtol=0.015, atol=0)


def test_a_slope_stars_and_holes_change_little():
    frame = simulate_frame(random_field(SHAPE, 60, seed=1), SHAPE, seed=1).astype(np.float64)
    frame += np.linspace(0, 3000, SHAPE[1])
    frame[100:103] = np.nan
    np.testing.assert_allclose(sky_noise(frame), np.sqrt(825.0) / 8, rtol=0.12, atol=0)


@pytest.mark.parametrize("shape", [(7, 500), (16, 16), (1, 1)])
def test_too_small_to_measure(shape):
    assert np.isnan(sky_noise(np.zeros(shape)))


def test_nothing_but_nan():
    assert np.isnan(sky_noise(np.full(SHAPE, np.nan)))


@pytest.mark.parametrize("dtype", ["u2", "i4", "f4", ">f8"])
def test_number_formats(dtype):
    noise = np.random.default_rng(2).normal(500.0, 16.0, SHAPE).round()
    np.testing.assert_allclose(sky_noise(noise.astype(dtype)), sky_noise(noise), rtol=1e-3, atol=0)


@pytest.mark.parametrize(("image", "words"), NO_IMAGES.values(), ids=NO_IMAGES)
def test_no_image(image, words):
    with pytest.raises(ValueError, match=f"image must .*{words}"):
        sky_noise(image)


@pytest.mark.parametrize(("value", "error", "words"), NOT_COUNTS)
def test_bad_box(value, error, words):
    with pytest.raises(error, match=f"box_px {words}"):
        sky_noise(np.zeros(SHAPE), box_px=value)


def test_median_width():
    stars = Stars(np.zeros((3, 2)), fwhm_px=[2.0, np.nan, 3.0])
    np.testing.assert_allclose(median_fwhm(stars), 2.5, rtol=1e-12, atol=0)
    assert np.isnan(median_fwhm(Stars([[1.0, 2.0]])))
    assert np.isnan(median_fwhm(Stars([])))


# Bilinear interpolation smooths a little even on the scale of a box.
@pytest.mark.parametrize(("interpolation", "rtol"), [("lanczos", 0.03), ("bilinear", 0.06)])
def test_noise_falls_with_the_root_of_the_number(interpolation, rtol):
    shape, field = (800, 1000), random_field((800, 1000), 50, seed=3)
    rng = np.random.default_rng(3)
    reference = simulate_frame(field, shape, seed=0)
    stack = accumulate(None, reference, np.ones(shape, bool))
    for seed in range(1, 16):
        motion = turn(shape, rng.uniform(-1, 1), tuple(rng.uniform(-8, 8, 2)))
        frame = simulate_frame(field, shape, seed=seed, transform=motion)
        stack = accumulate(stack, *warp(frame, motion, interpolation=interpolation), out=stack)
    np.testing.assert_allclose(measured_gain(reference, stack), 4.0, rtol=rtol, atol=0)


def test_gain_is_unknown_where_frames_hardly_overlap():
    frame = np.random.default_rng(4).normal(0, 1, SHAPE).astype(np.float32)
    corner = np.zeros(SHAPE, bool)
    corner[:20, :20] = True
    stack = accumulate(accumulate(None, frame, np.ones(SHAPE, bool)), frame, corner)
    assert np.isnan(measured_gain(frame, stack))


def test_the_gain_is_that_of_the_pixels_all_frames_cover():
    rng = np.random.default_rng(3)
    frames = rng.normal(500.0, 9.0, (16, 400, 480)).astype(np.float32)
    stack = None
    for index, frame in enumerate(frames):
        footprint = np.ones(frame.shape, bool)
        footprint[:, 160:] = index < 2
        stack = accumulate(stack, frame, footprint)
    assert measured_gain(frames[0], stack) == pytest.approx(4.0, rel=0.08)
