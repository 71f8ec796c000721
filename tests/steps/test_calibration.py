"""calibrate takes off what the camera adds; hot_pixels are single pixels, and never a star."""

import numpy as np
import pytest
from camera import READ_NOISE, bias_level, coloured, dark_current, exposed, vignetting
from camera import SHAPE as SENSOR
from simulated import NO_IMAGES, NOT_POSITIVE, spaced

from seestack import CalibrationMismatchError, Frame, Master, make_master
from seestack.simulation import StarField, simulate_frame
from seestack.steps.calibration import calibrate, hot_pixels, without_hot_pixels

SHAPE = (240, 350)


def sky(seed=0):
    return np.random.default_rng(seed).normal(800.0, 28.0, SHAPE)


def mosaic(frame):
    """Return the frame behind a colour mosaic whose colours differ in level."""
    factor = np.ones(SHAPE)
    factor[::2, ::2], factor[1::2, 1::2] = 0.5, 0.7
    return frame * factor


@pytest.mark.parametrize("bayer", [None, "RGGB", "GRBG"])
@pytest.mark.parametrize("height", [500.0, 5_000.0, 60_000.0])
def test_finds_every_hot_pixel_and_nothing_else(bayer, height):
    raw = mosaic(sky()) if bayer else sky()
    xy = spaced(np.random.default_rng(1), SHAPE, 30, apart_px=6, margin_px=0).round().astype(int)
    raw[xy[:, 1], xy[:, 0]] += height
    truth = np.zeros(SHAPE, bool)
    truth[xy[:, 1], xy[:, 0]] = True
    np.testing.assert_array_equal(hot_pixels(raw, bayer=bayer), truth)


@pytest.mark.parametrize("bayer", [None, "RGGB"])
@pytest.mark.parametrize("fwhm", [1.5, 1.8, 3.0, 6.0])
@pytest.mark.parametrize("brightest", [5e3, 3e6])
def test_stars_are_not_hot(bayer, fwhm, brightest):
    field = StarField(spaced(np.random.default_rng(2), SHAPE, 25), np.geomspace(brightest, 2e3, 25))
    raw = simulate_frame(field, SHAPE, seed=2, fwhm_px=fwhm)
    assert not hot_pixels(mosaic(raw) if bayer else raw, bayer=bayer).any()


def test_a_star_beside_a_hole_is_not_hot():
    field = StarField([[100.0, 80.0], [200.3, 150.4]], [5e4, 5e4])
    raw = simulate_frame(field, SHAPE, seed=3)
    raw[:, 102] = np.nan
    raw[152, :] = np.inf
    assert not hot_pixels(raw).any()


def test_noise_is_not_hot():
    assert hot_pixels(sky(4)).sum() == 0


def test_holes_are_not_hot():
    assert not hot_pixels(np.full(SHAPE, np.nan)).any()


@pytest.mark.parametrize("dtype", ["u2", "i4", "f4", ">f4"])
def test_number_formats(dtype):
    raw = sky(5).round()
    raw[12, 34] = 5000
    np.testing.assert_array_equal(np.argwhere(hot_pixels(raw.astype(dtype))), [[12, 34]])


def test_mended_pixels_show_their_own_colour():
    raw = mosaic(sky(6))
    raw[20, 30] = 40_000.0  # a pixel at half the level
    raw[0, 0] = 40_000.0
    mended = without_hot_pixels(raw, "RGGB")
    assert raw[20, 30] == 40_000.0
    np.testing.assert_allclose(mended[[20, 0], [30, 0]], 400.0, rtol=0, atol=40.0)
    same = np.ones(SHAPE, bool)
    same[[20, 0], [30, 0]] = False
    np.testing.assert_array_equal(mended[same], raw[same])


def test_frames_without_a_mosaic_keep_their_holes_and_colours_stay():
    raw = sky(7)
    raw[20, 30], raw[50, 60] = 40_000.0, np.nan
    mended = without_hot_pixels(raw, None)
    np.testing.assert_allclose(mended[20, 30], 800.0, rtol=0, atol=60.0)
    assert np.isnan(mended[50, 60])
    assert raw[20, 30] == 40_000.0
    assert (mended != raw).sum() == 2  # the hot pixel, and NaN that is unlike itself
    colours = np.repeat(raw[..., None], 3, axis=2)
    assert without_hot_pixels(colours, None) is colours


def test_hot_pixels_are_mended_in_place_on_request():
    raw = np.random.default_rng(3).normal(100.0, 2.0, (40, 60)).astype(np.float32)
    raw[12, 34] = raw[30, 5] = 400.0
    expected = without_hot_pixels(raw, None)
    assert raw[12, 34] == 400
    assert without_hot_pixels(raw, None, out=raw) is raw
    np.testing.assert_array_equal(raw, expected)
    assert raw.max() < 120


@pytest.mark.parametrize(("image", "words"), NO_IMAGES.values(), ids=NO_IMAGES)
def test_no_image(image, words):
    with pytest.raises(ValueError, match=f"image must .*{words}"):
        hot_pixels(image)


@pytest.mark.parametrize(("value", "error", "words"), NOT_POSITIVE)
def test_bad_threshold(value, error, words):
    with pytest.raises(error, match=f"threshold {words}"):
        hot_pixels(sky(), threshold=value)


@pytest.mark.parametrize("where", [(20, 30), (21, 31), (0, 0), (239, 349)])
def test_missing_pixels_show_their_own_colour(where):
    raw = mosaic(sky(8))
    level = {(0, 0): 400.0, (1, 1): 560.0}[where[0] % 2, where[1] % 2]
    raw[where] = np.nan
    mended = without_hot_pixels(raw, "RGGB")
    np.testing.assert_allclose(mended[where], level, rtol=0, atol=60.0)
    assert np.isnan(raw[where])


def test_a_missing_column_is_filled_and_a_border_is_not_moved():
    raw = mosaic(sky(9))
    raw[:, 100] = np.nan
    raw[200:] = np.nan
    mended = without_hot_pixels(raw, "RGGB")
    np.testing.assert_array_equal(np.isnan(mended[:198]), False)
    np.testing.assert_array_equal(np.isnan(mended[200:]), True)


DARK = Master("dark", bias_level() + 10.0 * dark_current(), 10.0, 80.0, 20.0)
BIAS = Master("bias", bias_level(), gain=80.0, temperature_c=20.0)
FLAT = Master("flat", vignetting())


@pytest.mark.parametrize("masters", [{"dark": DARK}, {"bias": BIAS, "dark": DARK}])
def test_what_is_left_is_the_light(masters):
    light = 800.0 * vignetting()
    image = calibrate(exposed(light, seed=3), flat=FLAT, **masters).image
    assert image.dtype == np.float32
    error = (image - 800.0) * vignetting() / READ_NOISE
    np.testing.assert_allclose([error.mean(), error.std()], [0.0, 1.0], rtol=0, atol=0.03)


def test_without_a_dark_the_bias_is_taken_off():
    image = calibrate(exposed(100.0, exposure_s=0.0), bias=BIAS).image
    np.testing.assert_allclose(image.mean(), 100.0, rtol=0, atol=0.2)


def test_a_dark_is_scaled_only_if_asked():
    frame = exposed(500.0, exposure_s=30.0, seed=4)
    with pytest.raises(CalibrationMismatchError, match="10 s and the frame's is 30 s"):
        calibrate(frame, dark=DARK, bias=BIAS)
    error = calibrate(frame, dark=DARK, bias=BIAS, scale_dark=True).image - 500.0
    np.testing.assert_allclose(error.mean(), 0.0, rtol=0, atol=0.15)
    np.testing.assert_allclose(error.std(), READ_NOISE, rtol=0.03)
    with pytest.raises(ValueError, match="scale_dark needs a dark and a bias"):
        calibrate(frame, dark=DARK, scale_dark=True)
    with pytest.raises(CalibrationMismatchError, match=r"10.0 and the frame's is unknown"):
        calibrate(Frame(frame.image), dark=DARK, bias=BIAS, scale_dark=True)


def test_scaling_to_the_same_exposure_changes_nothing():
    frame = exposed(500.0, seed=4)
    plain = calibrate(frame, dark=DARK, bias=BIAS).image
    scaled = calibrate(frame, dark=DARK, bias=BIAS, scale_dark=True).image
    np.testing.assert_allclose(scaled, plain, rtol=0, atol=1e-3)


@pytest.mark.parametrize("bayer", ["RGGB", "BGGR", "GRBG", "GBRG"])
def test_flats_of_a_mosaic_keep_its_colours(bayer):
    """A red sky under a blue panel stays red: each colour has its own scale."""

    def panel(n):
        light = coloured(9_000.0 * vignetting(), bayer, red=0.3, blue=1.4)
        return exposed(light, exposure_s=10.0, seed=n, bayer=bayer)

    flat = make_master([panel(n) for n in range(6)], "flat", dark=DARK)
    sky_light = coloured(800.0 * vignetting(), bayer, red=1.5, blue=0.6)
    image = calibrate(exposed(sky_light, seed=9, bayer=bayer), dark=DARK, flat=flat).image
    expected = coloured(np.full(SENSOR, 800.0 * np.median(vignetting())), bayer, red=1.5, blue=0.6)
    for row, col in ((0, 0), (0, 1), (1, 0), (1, 1)):
        ratio = image[row::2, col::2].mean() / expected[row::2, col::2].mean()
        np.testing.assert_allclose(ratio, 1.0, rtol=0, atol=0.005)


def test_beside_a_dark_the_bias_is_not_needed():
    frame = exposed(500.0, seed=4)
    unknown = Frame(frame.image)
    alone = calibrate(unknown, dark=DARK).image
    np.testing.assert_array_equal(calibrate(unknown, dark=DARK, bias=BIAS).image, alone)


def test_bad_pixels_become_nan():
    bad = np.zeros(SENSOR, bool)
    bad[3, 4] = bad[80, 130] = True
    frame = exposed(100.0)
    image = calibrate(frame, bad=bad).image
    np.testing.assert_array_equal(np.isnan(image), bad)
    np.testing.assert_array_equal(image[~bad], frame.image[~bad])
    with pytest.raises(
        CalibrationMismatchError, match=r"\(140, 90\) and the frame's is \(90, 140\)"
    ):
        calibrate(frame, bad=bad.T)


@pytest.mark.parametrize("dtype", ["u2", "f4", "f8"])
def test_the_frame_stays_and_equal_frames_come_out_equal(dtype):
    raw = exposed(500.0).image.round().astype(dtype)
    frame = Frame(raw, 10.0, source="a", bayer="GRBG", header={"GAIN": 80})
    before = raw.copy()
    flat = Master("flat", vignetting(), bayer="GRBG")
    one, two = (calibrate(frame, dark=DARK, flat=flat) for _ in range(2))
    np.testing.assert_array_equal(one.image, two.image)
    np.testing.assert_array_equal(raw, before)
    assert (one.exposure_s, one.source, one.bayer) == (10.0, "a", "GRBG")


def test_masters_of_another_kind_or_size():
    with pytest.raises(ValueError, match="flat must be a master of that kind, got a dark"):
        calibrate(exposed(), flat=DARK)
    with pytest.raises(
        CalibrationMismatchError, match=r"\(90, 140\) and the frame's is \(90, 140, 3\)"
    ):
        calibrate(Frame(np.zeros((*SENSOR, 3))), dark=DARK)
    with pytest.raises(ValueError, match=r"image must be of shape \(H, W\), got shape \(5,\)"):
        calibrate(Frame(np.zeros(5)), dark=DARK)


def test_a_mended_whole_number_is_rounded_to_the_nearest():
    raw = np.random.default_rng(0).integers(690, 711, (40, 60)).astype(np.uint16)
    raw[12, 34] = 60_000
    around = np.delete(raw[11:14, 33:36].reshape(-1), 4)
    mended = without_hot_pixels(raw, None)
    assert mended.dtype == np.uint16
    assert abs(int(mended[12, 34]) - np.median(around)) <= 0.5
    assert raw[12, 34] == 60_000
