"""A stack of calibrated frames shows the sky, and nothing of the camera."""

import numpy as np
import pytest
from camera import coloured, dark_current, exposed, vignetting

from seestack import Calibration, Frame, LiveStacker, Transform, bad_pixels, make_master
from seestack.simulation import random_field, simulate_frame

SHAPE = (260, 380)
FIELD = random_field(SHAPE, 90, seed=3, margin_px=40, faintest_adu=3_000.0)
SKY = 800.0


def light(n, bayer=None):
    """Return frame n of a drifting field as the faulty camera takes it."""
    motion = Transform.rigid(rotation_deg=0.2 * n, shift_px=(2.3 * n, -1.7 * n))
    photons = simulate_frame(FIELD, SHAPE, transform=motion, seed=n, sky_adu=SKY, read_noise_e=0)
    return exposed(coloured(photons * vignetting(SHAPE), bayer), seed=n, shape=SHAPE, bayer=bayer)


def masters(bayer=None):
    def flat(n):
        photons = np.random.default_rng(n).poisson(coloured(2e4 * vignetting(SHAPE), bayer))
        return exposed(photons, exposure_s=0.0, seed=n, shape=SHAPE, bayer=bayer)

    def unlit(n, exposure_s):
        return exposed(exposure_s=exposure_s, seed=500 + n, shape=SHAPE, bayer=bayer)

    bias = make_master([unlit(n, 0.0) for n in range(12)], "bias")
    dark = make_master([unlit(n, 10.0) for n in range(12)], "dark")
    flats = make_master([flat(n) for n in range(8)], "flat", bias=bias)
    return Calibration(bias, dark, flats, bad_pixels(dark))


def sky_of(image, box=20):
    """Return the median of the sky in boxes of 20 px, over the median of all."""
    stars = simulate_frame(FIELD, SHAPE, seed=None, sky_adu=0.0, fwhm_px=4.5) > 0.003 * SKY
    image = np.where(stars, np.nan, image)
    rows, cols = (n // box for n in image.shape)
    boxes = image[: rows * box, : cols * box].reshape(rows, box, cols, box).swapaxes(1, 2)
    level = np.nanmedian(boxes.reshape(rows, cols, -1), axis=2)
    return level / np.median(level)


@pytest.mark.parametrize("bayer", [None, "GRBG"])
def test_the_sky_of_the_stack_is_flat(bayer):
    """Within 0.6 % everywhere and 0.2 % rms; without masters it falls by a third or more."""
    stacker, raw = LiveStacker(calibration=masters(bayer)), LiveStacker()
    for n in range(8):
        assert stacker.add_frame(light(n, bayer))["accepted"]
        raw.add_frame(light(n, bayer))
    flat = sky_of(stacker.stacked_image())
    assert np.abs(flat - 1).max() < 0.006
    assert flat.std() < 0.002
    assert np.ptp(sky_of(raw.stacked_image())) > 0.3


def test_hot_pixels_leave_no_hole_and_no_trail():
    calibration = masters("GRBG")
    stacker = LiveStacker(calibration=calibration)
    stacker.add_frame(light(0, "GRBG"))
    assert calibration.bad.sum() == (dark_current(SHAPE) > 40).sum() == 20
    # Red and blue lack a row and a column at opposite edges.
    np.testing.assert_array_equal(np.isfinite(stacker.stacked_image()[1:-1, 1:-1]), True)
    clean = simulate_frame(FIELD, SHAPE, seed=None, sky_adu=SKY)
    rows, cols = np.nonzero(calibration.bad & (clean < 1.05 * SKY))
    level = np.nanmedian(stacker.stacked_image())
    np.testing.assert_allclose(stacker.stacked_image()[rows, cols] / level, 1, rtol=0, atol=0.2)


def test_a_frame_the_masters_do_not_fit_is_refused_and_the_session_goes_on():
    stacker = LiveStacker(calibration=masters())
    stacker.add_frame(light(0))
    longer = Frame(light(1).image, 20.0, source="night/2.fit", header=light(1).header)
    report = stacker.add_frame(longer)
    assert not report["accepted"]
    assert report["source"] == "night/2.fit"
    assert report["reason"].startswith("dark does not fit: its exposure is 10 s and the frame's is")
    assert stacker.add_frame(np.zeros((30, 40)))["reason"].startswith("bias does not fit: its size")
    report = stacker.add_frame(light(2))
    assert (report["reason"], report["index"]) == ("stacked", 3)
    assert (report["frames_stacked"], report["frames_rejected"]) == (2, 2)


def test_masters_stay_over_a_reset():
    calibration = masters()
    stacker = LiveStacker(calibration=calibration)
    stacker.add_frame(light(0))
    before = stacker.stacked_image()
    stacker.reset()
    stacker.add_frame(light(0))
    np.testing.assert_array_equal(stacker.stacked_image(), before)
    assert stacker.calibration is calibration


def test_no_light_is_lost():
    """The flux of three bright stars that the lens darkens by different shares."""
    stacker = LiveStacker(calibration=masters())
    stacker.add_frame(light(0))
    scale = np.median(vignetting(SHAPE))
    inside = np.all((FIELD.xy > 12) & (FIELD.xy < np.array(SHAPE[::-1]) - 13), axis=1)
    truth = simulate_frame(FIELD, SHAPE, seed=None, sky_adu=0.0)
    for col, row in FIELD.xy[inside][:3].round().astype(int):
        around = slice(row - 8, row + 9), slice(col - 8, col + 9)
        found = (stacker.stacked_image()[around] / scale - SKY).sum()
        np.testing.assert_allclose(found / truth[around].sum(), 1.0, rtol=0, atol=0.015)


def test_bad_pixels_of_a_frame_without_colours_are_filled_by_the_next_frames():
    calibration = masters()
    stacker = LiveStacker(calibration=calibration)
    stacker.add_frame(light(0))
    np.testing.assert_array_equal(np.isnan(stacker.stacked_image()), calibration.bad)
    for n in (1, 2, 3):
        stacker.add_frame(light(n))
    assert np.isfinite(stacker.stacked_image()[calibration.bad]).all()
