import matplotlib.pyplot as plt
import numpy as np
import pytest
from astropy.visualization import PowerStretch
from astropy.wcs import WCS
from figures import axis_labels
from matplotlib.figure import Figure

from seestack.plots import plot_coverage, plot_rejections, show_image
from seestack.plots.pictures import shrunk_mean
from seestack.steps.stretching import stretch


def drawn(ax):
    (image,) = ax.images
    return image


def test_the_pixels_keep_their_places_whatever_is_drawn_of_them():
    image = np.zeros((400, 700))
    image[300:310, 90:100] = 100.0
    ax = show_image(image, max_px=70)
    shown = drawn(ax).get_array()
    assert shown.shape == (40, 70)
    left, right, bottom, top = drawn(ax).get_extent()
    assert (left, right, bottom, top) == (-0.5, 699.5, -0.5, 399.5)
    row, col = np.argwhere(shown == 100.0)[0]
    assert (row, col) == (30, 9)
    assert ax.get_ylim() == (399.5, -0.5)


@pytest.mark.parametrize("shape", [(400, 705), (401, 3), (3, 401), (7, 7000)])
def test_a_large_image_is_drawn_small_and_the_edge_lost_is_narrower_than_a_block(shape):
    ax = show_image(np.zeros(shape), max_px=100)
    rows, cols = drawn(ax).get_array().shape
    block = (ax.get_xlim()[1] + 0.5) / cols
    assert block == min(-(-max(shape) // 100), min(shape))
    assert 0 <= shape[0] - rows * block < block
    assert 0 <= shape[1] - cols * block < block


@pytest.mark.filterwarnings("error")
def test_blocks_average_the_pixels_that_are_known():
    image = np.arange(24.0).reshape(4, 6)
    image[0, 0] = np.nan
    image[2:, 4:] = np.inf
    expected = [[(1 + 6 + 7) / 3, 5.5, 7.5], [15.5, 17.5, np.nan]]
    np.testing.assert_allclose(shrunk_mean(image, 2), expected, rtol=1e-6, atol=0)
    colour = np.dstack([image, image + 100, image + 200])
    np.testing.assert_allclose(shrunk_mean(colour, 2)[..., 2], np.add(expected, 200), rtol=1e-6)


def test_brightness_follows_the_stretch_between_the_percentiles():
    image = np.linspace(0.0, 1000.0, 30 * 40).reshape(30, 40)
    norm = drawn(show_image(image)).norm
    assert norm.vmin == pytest.approx(10.0, abs=0.1)
    assert norm.vmax == pytest.approx(995.0, abs=0.1)
    assert norm(10.0 + 985.0 / 2) == pytest.approx(np.arcsinh(5) / np.arcsinh(10), abs=1e-3)
    assert drawn(show_image(image, stretch="linear")).norm(502.5) == pytest.approx(0.5, abs=1e-3)
    power = drawn(show_image(image, stretch=PowerStretch(2))).norm
    assert power(502.5) == pytest.approx(0.25, abs=1e-3)


def test_the_preview_is_gentle_with_noise_and_plain_with_light():
    noise = np.random.default_rng(3).normal(100.0, 5.0, (90, 140))
    white = drawn(show_image(noise, stretch="preview")).norm.vmax
    assert white == pytest.approx(100.0 + 40 * 5.0, rel=0.05)
    assert drawn(show_image(noise)).norm.vmax < 120.0
    bright = noise.copy()
    bright[:30] = 9000.0
    gentle, plain = (drawn(show_image(bright, stretch=name)).norm for name in ("preview", "asinh"))
    assert (gentle.vmin, gentle.vmax) == (plain.vmin, plain.vmax)


def test_a_preview_in_colour_is_that_of_stretch():
    rng = np.random.default_rng(3)
    colour = rng.normal([100.0, 140.0, 80.0], 5.0, (90, 140, 3)).astype(np.float32)
    colour[20:30, 40:60] += [900.0, 200.0, 50.0]
    colour[3, 4, 1] = np.nan
    ax = show_image(colour, stretch="preview", low_percent=5.0)
    np.testing.assert_array_equal(
        np.round(drawn(ax).get_array()[..., :3] * 255), stretch(colour, low_percent=5.0)
    )
    assert drawn(ax).get_array()[3, 4, 3] == 0.0
    assert ax.child_axes == []


def test_the_numbers_of_the_colour_bar_are_levels_at_even_steps_of_brightness():
    ax = show_image(np.linspace(0.0, 1000.0, 30 * 40).reshape(30, 40))
    (bar,) = ax.child_axes
    norm = drawn(ax).norm
    np.testing.assert_allclose(norm(bar.get_yticks()), np.linspace(0, 1, 6), rtol=0, atol=1e-6)
    assert [label.get_text() for label in bar.get_yticklabels()][-1] == "995"


def test_the_three_colours_are_stretched_alike_and_gaps_are_transparent():
    colour = np.zeros((20, 30, 3))
    colour[:, 15:] = [100.0, 50.0, 0.0]
    colour[3, 4, 1] = np.nan
    shown = drawn(show_image(colour, stretch="linear", low_percent=0, high_percent=100)).get_array()
    np.testing.assert_allclose(shown[0, 20], [1.0, 0.5, 0.0, 1.0], rtol=0, atol=1e-6)
    assert shown[3, 4, 3] == 0.0
    assert shown[3, 5, 3] == 1.0


@pytest.mark.parametrize("stretch", ["asinh", "linear", "log", "sqrt"])
def test_gaps_in_grey_are_transparent_and_extremes_are_black_and_white(stretch):
    image = np.linspace(0.0, 1000.0, 30 * 40).reshape(30, 40)
    image[3, 4] = np.nan
    shown = drawn(show_image(image, stretch=stretch))
    colours = shown.to_rgba(shown.get_array())
    assert colours[3, 4, 3] == 0.0
    np.testing.assert_array_equal(colours[0, 0], [0, 0, 0, 1])
    np.testing.assert_array_equal(colours[-1, -1], [1, 1, 1, 1])


@pytest.mark.parametrize(
    "image", [np.full((5, 7), 3.0), np.full((5, 7), np.nan), np.full((5, 7, 3), np.nan)]
)
def test_an_image_without_contrast_can_be_drawn(image):
    show_image(image).figure.canvas.draw()


def test_every_axis_has_its_unit():
    image = np.arange(600.0).reshape(20, 30)
    assert axis_labels(show_image(image))[:2] == ["x (px)", "y (px)"]
    assert "Level (ADU)" in axis_labels(show_image(image))
    assert "Frames (count)" in axis_labels(plot_coverage(image.astype(int)))
    assert "Rejected values (count)" in axis_labels(plot_rejections(image.astype(int)))


@pytest.mark.parametrize(
    ("types", "labels"),
    [
        (["RA---TAN", "DEC--TAN"], ["Right ascension (h m s)", "Declination (° ′ ″)"]),
        (["GLON-TAN", "GLAT-TAN"], ["Longitude (°)", "Latitude (°)"]),
    ],
)
def test_sky_coordinates_are_those_of_the_pixels(types, labels):
    wcs = WCS(naxis=2)
    wcs.wcs.ctype, wcs.wcs.crpix, wcs.wcs.crval = types, [3.0, 5.0], [40.0, 20.0]
    wcs.wcs.cdelt = [-0.01, 0.01]
    ax = show_image(np.arange(600.0).reshape(20, 30), wcs=wcs)
    assert [coordinate.get_axislabel() for coordinate in ax.coords] == labels
    # The reference pixel counts from 1.
    pixel = ax.transData.transform((2, 4))
    sky = ax.get_transform("world").transform((40.0, 20.0))
    np.testing.assert_allclose(sky, pixel, rtol=0, atol=0.01)


def test_sky_coordinates_need_axes_that_know_them():
    _, ax = plt.subplots()
    with pytest.raises(ValueError, match=r"ax must have sky coordinates .*projection=wcs"):
        show_image(np.zeros((5, 7)), ax=ax, wcs=WCS(naxis=2))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"stretch": "cubic"},
            "stretch must be one of asinh, .*, preview or .* got 'cubic'",
        ),
        ({"low_percent": 60, "high_percent": 50}, "low_percent must be below high_percent"),
        ({"high_percent": 101}, "within 0 and 100, got 1.0 and 101"),
        ({"max_px": 0}, "max_px must be positive, got 0"),
    ],
)
def test_a_wrong_option_is_named_and_leaves_no_figure(options, message):
    with pytest.raises(ValueError, match=message):
        show_image(np.zeros((5, 7)), **options)
    assert not plt.get_fignums()


@pytest.mark.parametrize("draw", [show_image, plot_coverage, plot_rejections])
@pytest.mark.parametrize("shape", [(0, 5), (5,), (3, 5, 7), (2, 5, 7, 3)])
def test_what_is_no_picture_is_refused(draw, shape):
    with pytest.raises(ValueError, match=r"must have shape \(H, W\) or \(H, W, 3\), got"):
        draw(np.zeros(shape))
    assert not plt.get_fignums()


def test_maps_show_what_stands_out_in_each_block():
    counts = np.full((2000, 3100), 5)
    counts[700, 901] = 0
    assert drawn(plot_coverage(counts)).get_array().mask.sum() == 1
    rejected = np.zeros((2000, 3100), int)
    rejected[700, 901] = 4
    shown = drawn(plot_rejections(rejected)).get_array()
    assert shown.max() == 4
    assert max(shown.shape) <= 1500


def test_colours_of_a_map_are_added_up_or_the_least_counts():
    counts = np.zeros((4, 6, 3), int)
    counts[..., 0], counts[..., 1], counts[1, 2, 2] = 3, 2, 1
    assert drawn(plot_coverage(counts)).get_array().sum() == 1
    assert plot_rejections(counts).get_title() == "121 values rejected, up to 6 in a pixel"


def test_the_rejections_of_a_stack_are_found():
    class Stacked:
        rejected = np.eye(6, 9, dtype=int)

    assert plot_rejections(Stacked()).get_title().startswith("6 values")
    Stacked.rejected = None
    with pytest.raises(ValueError, match="made without rejection"):
        plot_rejections(Stacked())


def test_colour_scales_grow_evenly_in_lightness():
    for ax in (plot_coverage(np.eye(6, 9)), show_image(np.eye(6, 9))):
        red, green, blue, _ = drawn(ax).cmap(np.linspace(0, 1, 64)).T
        steps = np.diff(0.2126 * red**2.2 + 0.7152 * green**2.2 + 0.0722 * blue**2.2)
        assert (steps > 0).all()


def test_axes_of_the_user_need_no_pyplot():
    ax = Figure().add_subplot()
    assert show_image(np.zeros((5, 7)), ax=ax) is ax
    assert not plt.get_fignums()
