"""hot_pixels: single pixels, and never a star."""

import numpy as np
import pytest
from simulated import NO_IMAGES, NOT_POSITIVE, spaced

from seestack.simulation import StarField, simulate_frame
from seestack.steps.calibration import hot_pixels, without_hot_pixels

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


def test_frames_without_a_mosaic_stay():
    raw = sky(7)
    raw[20, 30] = 40_000.0
    assert without_hot_pixels(raw, None) is raw


@pytest.mark.parametrize(("image", "words"), NO_IMAGES.values(), ids=NO_IMAGES)
def test_no_image(image, words):
    with pytest.raises(ValueError, match=f"image must .*{words}"):
        hot_pixels(image)


@pytest.mark.parametrize(("value", "error", "words"), NOT_POSITIVE)
def test_bad_threshold(value, error, words):
    with pytest.raises(error, match=f"threshold {words}"):
        hot_pixels(sky(), threshold=value)
