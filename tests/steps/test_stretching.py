"""stretch and preview_png: the documented mapping."""

import io

import numpy as np
import pytest
from PIL import Image
from simulated import NOT_POSITIVE

from seestack import stretch
from seestack.steps.stretching import preview_png

SHAPE = (123, 217)
NO_PICTURES = {
    "empty": (np.empty((0, 5)), "shape"),
    "1-D": (np.zeros(5), r"shape \(H, W\) or \(H, W, 3\), got \(5,\)"),
    "two colours": (np.zeros((4, 5, 2)), r"shape \(H, W\) or \(H, W, 3\), got \(4, 5, 2\)"),
    "4-D": (np.zeros((2, 3, 4, 3)), "shape"),
    "objects": (np.full((4, 5), None), "real numbers, got dtype object"),
    "strings": (np.full((4, 5), "a"), "real numbers, got dtype <U1"),
    "complex": (np.zeros((4, 5), complex), "real numbers, got dtype complex128"),
    "ragged rows": ([[1.0, 2.0], [3.0]], "rows of different lengths"),
}


def picture():
    rng = np.random.default_rng(0)
    image = rng.normal(800.0, 30.0, SHAPE)
    image[40:50, 60:80] += 5000.0
    return image


def documented(image):
    """Return the documented mapping, in 8 bits."""
    low, high = np.nanpercentile(image, [1.0, 99.5])
    x = np.clip((image - low) / (high - low), 0, 1)
    return 255 * np.arcsinh(10 * x) / np.arcsinh(10)


def test_documented_percentiles_and_curve():
    image = picture()
    result = stretch(image)
    assert result.dtype == np.uint8
    assert result.shape == SHAPE
    np.testing.assert_allclose(result.astype(float), documented(image), rtol=0, atol=0.51)


def test_known_values_of_the_curve():
    ramp = np.linspace(0.0, 1.0, 11)[None].repeat(3, axis=0)
    result = stretch(ramp, low_percent=0, high_percent=100)[0]
    expected = 255 * np.arcsinh(10 * np.linspace(0, 1, 11)) / np.arcsinh(10)
    np.testing.assert_allclose(result, expected, rtol=0, atol=0.51)
    assert result[0] == 0
    assert result[-1] == 255


def test_one_percent_is_black_and_half_a_percent_white():
    ramp = np.arange(200_000.0).reshape(400, 500)
    result = stretch(ramp)
    np.testing.assert_allclose(np.mean(ramp[result == 0]), 1000, rtol=0.15, atol=0)
    assert result[ramp <= 0.0099 * ramp.size].max() == 0
    assert result[ramp >= 0.9951 * ramp.size].min() == 255
    assert result[ramp < 0.98 * ramp.size].max() < 255


def test_large_images_agree_with_the_documented_mapping():
    rng = np.random.default_rng(1)
    image = rng.normal(800.0, 30.0, (1080, 1920)) + 4000 * (rng.uniform(size=(1080, 1920)) < 0.02)
    np.testing.assert_allclose(stretch(image).astype(float), documented(image), rtol=0, atol=3.0)


def test_nan_is_black_and_takes_no_part():
    image = picture()
    expected = stretch(image[:, 7:])
    image[:, :7] = np.nan
    result = stretch(image)
    np.testing.assert_array_equal(result[:, :7], 0)
    np.testing.assert_array_equal(result[:, 7:], expected)


def test_infinite_pixels_are_black_and_white():
    image = picture()
    image[0, 0], image[0, 1] = np.inf, -np.inf
    result = stretch(image)
    assert result[0, 0] == 255
    assert result[0, 1] == 0


@pytest.mark.parametrize(
    "image", [np.full(SHAPE, np.nan), np.zeros(SHAPE), np.full(SHAPE, 65535, np.uint16)]
)
def test_without_contrast_all_is_black(image):
    np.testing.assert_array_equal(stretch(image), np.zeros(SHAPE, np.uint8))


def coloured_picture(sky):
    """Return a noisy sky of that colour with a bright orange and a faint blue patch."""
    image = np.random.default_rng(2).normal(0.0, 3.0, (*SHAPE, 3)) + sky
    image[20:50, 30:80] += np.array([900.0, 500.0, 100.0])
    image[70:100, 30:80] += np.array([10.0, 30.0, 80.0])
    return image


@pytest.mark.parametrize("sky", [(800.0, 800.0, 800.0), (1400.0, 900.0, 300.0)])
def test_the_sky_comes_out_grey_and_hues_stay(sky):
    result = stretch(coloured_picture(sky)).astype(float)
    assert result.shape == (*SHAPE, 3)
    grey = result[:, 100:].mean(axis=(0, 1))
    assert np.ptp(grey) < 3
    orange = result[25:45, 40:70].mean(axis=(0, 1))
    np.testing.assert_allclose(orange / orange[0], [1.0, 500 / 900, 100 / 900], rtol=0, atol=0.02)
    blue = result[78:92, 45:65].mean(axis=(0, 1))
    assert blue[2] > blue[1] > blue[0]


def test_the_tint_of_a_noisy_sky_is_calmed():
    result = stretch(coloured_picture((800.0, 800.0, 800.0)))[:, 110:].astype(float)
    tint = result - result.mean(axis=2, keepdims=True)
    # The noise of each colour alone would make it as large as 1.4 times that of the mean.
    assert tint.std() < 0.4 * result.mean(axis=2).std()


def test_a_star_tints_nothing_around_it():
    image = np.random.default_rng(3).normal(800.0, 3.0, (*SHAPE, 3))
    image[60, 100] += (60_000.0, 6_000.0, 600.0)
    image[20:40, 20:40] += 500.0
    around = stretch(image)[55:66, 95:106].astype(float)
    around[4:7, 4:7] = np.nan
    assert np.ptp(np.nanmean(around, axis=(0, 1))) < 8


def test_a_pixel_that_lacks_a_colour_is_black():
    image = coloured_picture((800.0, 700.0, 600.0))
    image[:, :2, 0] = np.nan
    image[30, 40, 2] = np.inf
    result = stretch(image)
    assert not result[:, :2].any()
    assert not result[30, 40].any()
    assert result[30, 41].all()
    assert not stretch(np.full((4, 6, 3), np.nan)).any()


def test_a_colour_preview_keeps_pixels_beside_missing_ones():
    image = np.pad(coloured_picture((800.0, 700.0, 600.0)), ((0, 0), (1, 0), (0, 0)))
    image[:, 0] = np.nan
    opened = Image.open(io.BytesIO(preview_png(image, max_px=109)))
    assert (opened.size, opened.mode) == ((109, 62), "RGB")
    shown = np.asarray(opened).astype(float)
    assert np.ptp(shown[:, 55:].mean(axis=(0, 1))) < 3
    assert (shown[:, 0].sum(axis=1) > 0).mean() > 0.8


@pytest.mark.parametrize("dtype", ["u2", "i4", "f8", ">f4"])
def test_number_formats_agree(dtype):
    image = np.round(picture())
    np.testing.assert_array_equal(stretch(image.astype(dtype)), stretch(image.astype(np.float32)))


def test_the_image_stays_as_it_was():
    image = picture().astype(np.float32)
    before = image.copy()
    stretch(image)
    np.testing.assert_array_equal(image, before)


@pytest.mark.parametrize(("max_px", "size"), [(720, (217, 123)), (100, (100, 57)), (1, (1, 1))])
def test_preview_keeps_the_aspect(max_px, size):
    png = preview_png(picture(), max_px=max_px)
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    opened = Image.open(io.BytesIO(png))
    assert (opened.size, opened.mode) == (size, "L")


def test_preview_shows_the_stretched_pixels():
    opened = Image.open(io.BytesIO(preview_png(picture())))
    np.testing.assert_array_equal(np.asarray(opened), stretch(picture()))


def test_preview_in_colour():
    assert Image.open(io.BytesIO(preview_png(np.zeros((20, 30, 3))))).mode == "RGB"


@pytest.mark.parametrize(("image", "words"), NO_PICTURES.values(), ids=NO_PICTURES)
@pytest.mark.parametrize("function", [stretch, preview_png])
def test_no_picture(function, image, words):
    with pytest.raises(ValueError, match=f"image must .*{words}"):
        function(image)


@pytest.mark.parametrize(
    "options",
    [
        {"low_percent": -1.0},
        {"low_percent": 99.5},
        {"low_percent": np.nan},
        {"high_percent": 101.0},
        {"low_percent": 50, "high_percent": 20},
    ],
)
def test_percentiles_out_of_order(options):
    with pytest.raises(ValueError, match="low_percent must be below high_percent, both within"):
        stretch(picture(), **options)


@pytest.mark.parametrize("name", ["low_percent", "high_percent"])
@pytest.mark.parametrize("value", ["1", None, 1j])
def test_percentile_of_another_type(name, value):
    with pytest.raises(TypeError, match="low_percent and high_percent must be real numbers"):
        stretch(picture(), **{name: value})


@pytest.mark.parametrize(("value", "error", "words"), NOT_POSITIVE)
def test_bad_strength_and_size(value, error, words):
    with pytest.raises(error, match=f"strength {words}"):
        stretch(picture(), strength=value)
    with pytest.raises(error, match=f"max_px {words}"):
        preview_png(picture(), max_px=value)
