"""Mosaics of a known sky: level, position, width, noise, borders and bad pixels."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from seestack.model import BAYER_PATTERNS
from seestack.simulation import moffat_image
from seestack.steps.colour import debayer, luminance, luminance_of_colour

SHAPE = (46, 60)
WARM = {"R": 1.5, "G": 1.0, "B": 0.5}
GREY = dict.fromkeys("RGB", 1.0)


def mosaic_of(colour, bayer):
    """Keep of (H, W, 3) the one colour that each pixel of a mosaic sees."""
    mosaic = np.empty(colour.shape[:2], colour.dtype)
    for site, letter in enumerate(bayer):
        row, col = divmod(site, 2)
        mosaic[row::2, col::2] = colour[row::2, col::2, "RGB".index(letter)]
    return mosaic


def one_star(xy, fwhm_px=3.0):
    return moffat_image(np.array([xy]), np.array([50_000.0]), SHAPE, fwhm_px=fwhm_px)


def seen_through(image, bayer, gains):
    return mosaic_of(image[..., None] * [gains[c] for c in "RGB"], bayer)


def centroid(image, guess):
    """Centre (x, y) by a Gaussian window that follows it; exact for round stars."""
    y, x = np.indices(image.shape)
    centre = np.array(guess, float)
    for _ in range(60):
        window = np.exp(-((x - centre[0]) ** 2 + (y - centre[1]) ** 2) / 8.0) * image
        found = np.array([(window * x).sum(), (window * y).sum()]) / window.sum()
        centre += 2 * (found - centre)
    return centre


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int16, np.int32, ">u2", float])
@pytest.mark.parametrize("bayer", BAYER_PATTERNS)
def test_a_strongly_coloured_sky_leaves_no_checkerboard(bayer, dtype):
    sky = np.broadcast_to(np.array([200, 100, 20]).astype(dtype), (7, 12, 3))
    level = luminance(mosaic_of(sky, bayer), bayer)
    assert level.dtype == np.float32
    assert level.flags.c_contiguous
    assert_array_equal(level, np.full((7, 12), (200 + 2 * 100 + 20) / 4, np.float32))


@pytest.mark.parametrize("bayer", BAYER_PATTERNS)
@pytest.mark.parametrize("gains", [GREY, WARM], ids=["grey", "warm"])
def test_a_star_stays_where_the_mono_frame_has_it(bayer, gains):
    rng = np.random.default_rng(3)
    errors = []
    for xy in rng.uniform(22.0, 24.0, size=(12, 2)):
        star = one_star(xy)
        level = luminance(seen_through(star, bayer, gains), bayer)
        errors.append(centroid(level, xy) - centroid(star, xy))
    assert_allclose(errors, 0.0, rtol=0, atol=0.001 if gains is GREY else 0.02)
    assert_allclose(np.mean(errors, axis=0), 0.0, rtol=0, atol=0.005)


def test_the_light_of_a_star_is_kept():
    star = one_star((30.3, 22.8))
    level = luminance(seen_through(star, "GRBG", GREY), "GRBG")
    assert_allclose(level.sum(), star.sum(), rtol=1e-3, atol=0)


@pytest.mark.parametrize(("fwhm_px", "widening"), [(3.0, 1.2), (4.0, 1.12)])
def test_stars_widen_as_documented(fwhm_px, widening):
    star = one_star((30.0, 23.0), fwhm_px)
    level = luminance(star, "RGGB")
    widths = []
    for image in (star, level):
        row = image[23, 30:40]
        below = int(np.argmax(row < row[0] / 2))
        widths.append(below - (row[0] / 2 - row[below]) / (row[below - 1] - row[below]))
    assert_allclose(widths[1] / widths[0], widening, rtol=0, atol=0.03)


def test_noise_falls_to_three_eighths():
    noise = np.random.default_rng(1).normal(0.0, 10.0, (300, 420))
    assert_allclose(luminance(noise, "GBRG").std(), 3.75, rtol=0.02, atol=0)


@pytest.mark.parametrize("bayer", BAYER_PATTERNS)
def test_debayer_is_exact_on_a_slope_and_keeps_what_was_measured(bayer):
    y, x = np.indices((9, 14))
    slope = np.stack([5.0 * x + y, 100.0 + x - 2.0 * y, 50.0 - x + 3.0 * y], axis=-1)
    mosaic = mosaic_of(slope, bayer)
    colour = debayer(mosaic, bayer)
    assert colour.shape == (9, 14, 3)
    assert colour.dtype == np.float32
    assert_allclose(colour[1:-1, 1:-1], slope[1:-1, 1:-1], rtol=0, atol=1e-4)
    assert_array_equal(mosaic_of(colour, bayer), mosaic.astype(np.float32))


@pytest.mark.parametrize("bayer", BAYER_PATTERNS)
@pytest.mark.parametrize("shape", [(2, 3), (3, 2), (5, 8)])
def test_debayer_mixes_no_colours_at_the_border(bayer, shape):
    sky = np.broadcast_to([200.0, 100.0, 20.0], (*shape, 3))
    assert_array_equal(debayer(mosaic_of(sky, bayer), bayer), sky)


@pytest.mark.parametrize("bayer", BAYER_PATTERNS)
def test_each_colour_of_a_star_stays_in_place(bayer):
    xy = (22.7, 23.4)
    star = one_star(xy, fwhm_px=4.0)
    colour = debayer(seen_through(star, bayer, WARM), bayer)
    for plane in range(3):
        assert_allclose(centroid(colour[..., plane], xy), xy, rtol=0, atol=0.02)


@pytest.mark.parametrize("row", [0, 4, 5])
@pytest.mark.parametrize("col", [0, 6, 7])
def test_a_nan_pixel_spreads_to_its_neighbours_only(row, col):
    mosaic = np.full((9, 14), 50.0, np.float32)
    mosaic[row, col] = np.nan
    near = np.zeros(mosaic.shape, bool)
    near[max(row - 1, 0) : row + 2, max(col - 1, 0) : col + 2] = True
    assert_array_equal(np.isnan(luminance(mosaic, "GRBG")), near)
    own = "GRBG"[(row % 2) * 2 + col % 2]
    lost = np.isnan(debayer(mosaic, "GRBG"))
    for plane, letter in enumerate("RGB"):
        assert lost[row, col, plane] == (letter == own)
        assert not (lost[..., plane] & ~near).any()
        assert lost[..., plane].any() == (letter == own)


def test_a_nan_green_pixel_leaves_measured_greens_alone():
    mosaic = np.full((9, 14), 50.0)
    mosaic[4, 6] = np.nan  # green in GRBG, and so are its diagonal neighbours
    lost = np.isnan(debayer(mosaic, "GRBG")[..., 1])
    assert lost.sum() == 5
    assert not lost[3, 5]


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("dtype", [np.uint16, np.int32, np.float64])
def test_colour_collapses_to_the_mean_over_the_shortest_axis(axis, dtype):
    planes = np.arange(3 * 7 * 5).reshape(3, 7, 5).astype(dtype)
    level = luminance(np.moveaxis(planes, 0, axis))
    assert level.dtype == np.float32
    assert level.flags.c_contiguous
    assert_allclose(level, planes.mean(axis=0), rtol=1e-6, atol=0)


def test_separated_colour_is_no_mosaic_whatever_the_pattern_says():
    planes = np.random.default_rng(0).uniform(0, 9, (3, 7, 5))
    assert_array_equal(luminance(planes, "GRBG"), luminance(planes))


def test_nan_in_one_colour_makes_the_pixel_nan():
    planes = np.ones((3, 4, 6))
    planes[1, 2, 3] = np.nan
    assert np.argwhere(np.isnan(luminance(planes))).tolist() == [[2, 3]]


@pytest.mark.parametrize("dtype", ["<u2", ">u2", np.float32, ">f4"])
def test_a_frame_without_colours_keeps_its_values(dtype):
    image = np.arange(28).reshape(4, 7).astype(dtype)
    level = luminance(image)
    assert level.dtype == np.float32
    assert level.dtype.isnative
    assert_array_equal(level, image)


def test_the_input_is_left_alone():
    mosaic = np.random.default_rng(2).integers(0, 60_000, (6, 8)).astype(np.uint16)
    before = mosaic.copy()
    luminance(mosaic, "RGGB")
    debayer(mosaic, "RGGB")
    luminance(np.stack([mosaic] * 3))
    assert_array_equal(mosaic, before)


@pytest.mark.parametrize("shape", [(7,), (0, 5), (2, 3, 4, 5)])
def test_luminance_refuses_what_is_no_frame(shape):
    with pytest.raises(ValueError, match="image must have shape"):
        luminance(np.zeros(shape))


@pytest.mark.parametrize("shape", [(7,), (1, 5), (5, 4, 3)])
def test_debayer_refuses_what_is_no_mosaic(shape):
    with pytest.raises(ValueError, match="image must be a mosaic"):
        debayer(np.zeros(shape), "RGGB")


def test_an_unknown_pattern_is_named():
    for reduce in (debayer, luminance):
        with pytest.raises(ValueError, match=r"bayer must be one of RGGB.*got 'CMYG'"):
            reduce(np.zeros((4, 6)), "CMYG")


def test_luminance_of_a_colour_stack_has_the_weights_of_the_mosaic():
    colour = np.random.default_rng(0).uniform(0, 900, (5, 8, 3))
    colour[2, 3, 1] = np.nan
    level = luminance_of_colour(colour)
    assert level.dtype == np.float32
    expected = (colour[..., 0] + 2 * colour[..., 1] + colour[..., 2]) / 4
    assert_allclose(level, expected, rtol=1e-6, atol=0)
    assert_array_equal(luminance_of_colour(np.moveaxis(colour, 2, 0)), level)
    with pytest.raises(ValueError, match=r"image must have shape \(H, W, 3\) or \(3, H, W\)"):
        luminance_of_colour(colour[..., 0])
