"""warp_mosaic and warp_colour: every colour from its own pixels, in the right place."""

import numpy as np
import pytest
from astropy.io import fits
from simulated import turn

from seestack import Transform, read_frame, warp
from seestack.model import BAYER_PATTERNS
from seestack.numerics.mosaics import sites_of
from seestack.simulation import StarField, moffat_image, simulate_frame
from seestack.steps.warping import warp_colour, warp_mosaic

SHAPE = (61, 84)
SKY = np.array([100.0, 60.0, 30.0])
TINTS = {"R": (30.0, 20.0, 5.0), "B": (4.0, 10.0, 40.0)}


def mosaic_of(colour, bayer):
    mosaic = np.empty(colour.shape[:2], colour.dtype)
    for site, letter in enumerate(bayer):
        row, col = divmod(site, 2)
        mosaic[row::2, col::2] = colour[row::2, col::2, "RGB".index(letter)]
    return mosaic


def scene(shape=SHAPE, transform=None, fwhm_px=4.0):
    """Return a red and a blue star on a coloured sky, seen by a frame, (H, W, 3)."""
    light = np.zeros((*shape, 3)) + SKY
    for xy, tint in (((30.2, 25.4), TINTS["R"]), ((55.7, 38.1), TINTS["B"])):
        xy = np.array([xy]) if transform is None else transform.inverse(np.array([xy]))
        star = moffat_image(xy, np.array([1000.0]), shape, fwhm_px=fwhm_px)
        light += star[..., None] * tint
    return light


def centroid(image, guess):
    y, x = np.indices(image.shape)
    centre = np.array(guess, float)
    for _ in range(60):
        window = np.exp(-((x - centre[0]) ** 2 + (y - centre[1]) ** 2) / 8.0) * image
        found = np.array([np.nansum(window * x), np.nansum(window * y)]) / np.nansum(window)
        centre += 2 * (found - centre)
    return centre


def profile(image, xy, fwhm_px):
    row, col = np.indices(image.shape)
    radius = np.hypot(col - xy[0], row - xy[1])
    near = radius < 0.75 * fwhm_px
    slope, _ = np.polyfit(radius[near] ** 2, np.log(image[near]), 1)
    return 2.3548 * np.sqrt(-1 / (2 * slope))


@pytest.mark.parametrize("bayer", BAYER_PATTERNS)
@pytest.mark.parametrize("shape", [(2, 3), (3, 2), (9, 14), (14, 9), (10, 8)])
def test_green_sites_are_the_green_pixels(bayer, shape):
    row, col = np.indices(shape)
    green = np.zeros(shape, bool)
    for site in (0, 1, 2, 3):
        if bayer[site] == "G":
            green[site // 2 :: 2, site % 2 :: 2] = True
    sites = sites_of("G", np.where(green, 100.0 * row + col, -1).astype(np.float32), bayer)
    assert sites.values.min() >= 0  # no other colour, beyond the border either
    at = sites.from_frame @ np.array([col[green], row[green], np.ones(green.sum())])
    i, j = at[0].round().astype(int), at[1].round().astype(int)
    np.testing.assert_allclose(at[:2], [i, j], rtol=0, atol=1e-9)
    np.testing.assert_array_equal(sites.values[j, i], (100 * row + col)[green])


@pytest.mark.parametrize("interpolation", ["lanczos", "bilinear", "nearest"])
@pytest.mark.parametrize("rotation_deg", [0.0, 0.4, 45.0, 90.0, 180.0, 200.0])
@pytest.mark.parametrize("bayer", BAYER_PATTERNS)
def test_a_flat_colour_stays_flat(bayer, rotation_deg, interpolation):
    sky = np.broadcast_to([200.0, 100.0, 20.0], (*SHAPE, 3))
    motion = turn(SHAPE, rotation_deg, (1.37, -0.61))
    image, footprint = warp_mosaic(
        mosaic_of(sky, bayer), bayer, motion, interpolation=interpolation
    )
    assert image.dtype == np.float32
    assert image.shape == footprint.shape == (*SHAPE, 3)
    np.testing.assert_array_equal(np.isfinite(image), footprint)
    np.testing.assert_allclose(image[footprint], sky[footprint], rtol=1e-5, atol=0)
    assert footprint.mean() > 0.5


@pytest.mark.parametrize("row_order", [None, "TOP-DOWN", "BOTTOM-UP"])
@pytest.mark.parametrize("offset", [(0, 0), (1, 0), (0, 1), (1, 1)])
@pytest.mark.parametrize("cell", BAYER_PATTERNS)
def test_every_pattern_offset_and_row_order_gives_the_same_sky(tmp_path, cell, offset, row_order):
    truth = scene(fwhm_px=6.0)
    dx, dy = offset
    # The sensor, top row first, with its cell at (0, 0); the picture begins at the offset.
    sensor = mosaic_of(np.pad(truth, ((dy, 0), (dx, 0), (0, 0)), mode="edge"), cell)
    picture = sensor[dy:, dx:].astype(np.float32)
    bottom_up = row_order == "BOTTOM-UP"
    cards = fits.Header({"EXPTIME": 1.0, "BAYERPAT": cell, "XBAYROFF": dx, "YBAYROFF": dy})
    if row_order:
        cards["ROWORDER"] = row_order
    fits.writeto(tmp_path / "a.fits", picture[::-1] if bottom_up else picture, cards)
    frame = read_frame(tmp_path / "a.fits")
    image, footprint = warp_mosaic(frame.image, frame.bayer, Transform.identity())
    expected = truth[::-1] if bottom_up else truth
    assert footprint[1:-1, 1:-1].all()
    height = truth.max(axis=(0, 1)) - truth.min(axis=(0, 1))
    assert (np.abs(image - expected)[1:-1, 1:-1] / height).max() < 0.04


@pytest.mark.parametrize("rotation_deg", [0.0, 0.5, 90.0, 137.0, 180.0])
@pytest.mark.parametrize("bayer", BAYER_PATTERNS)
def test_each_colour_of_a_star_lands_where_the_transform_says(bayer, rotation_deg):
    motion = turn(SHAPE, rotation_deg, (2.3, -1.6))
    image, _ = warp_mosaic(mosaic_of(scene(transform=motion), bayer), bayer, motion)
    light = np.nan_to_num(image - SKY)
    for xy in ((30.2, 25.4), (55.7, 38.1)):
        for plane in range(3):
            np.testing.assert_allclose(centroid(light[..., plane], xy), xy, rtol=0, atol=0.03)


def test_footprint_is_exact():
    rng = np.random.default_rng(1)
    for bayer in BAYER_PATTERNS * 5:
        shape = tuple(int(n) for n in rng.integers(40, 70, 2))
        motion = Transform.rigid(
            rotation_deg=rng.uniform(0, 360), shift_px=tuple(rng.uniform(-20, 60, 2))
        )
        _, footprint = warp_mosaic(np.full(shape, 5.0), bayer, motion, shape=SHAPE)
        row, col = np.indices(SHAPE)
        x, y = np.moveaxis(motion.inverse(np.stack([col, row], -1).reshape(-1, 2)), 1, 0)
        for plane, letter in enumerate("RGB"):
            sites = [divmod(k, 2) for k in range(4) if bayer[k] == letter]
            rows = [n for n in range(shape[0]) if n % 2 in {s[0] for s in sites}]
            cols = [n for n in range(shape[1]) if n % 2 in {s[1] for s in sites}]
            inside = (x > cols[0] - 1e-4) & (x < cols[-1] + 1e-4)
            inside &= (y > rows[0] - 1e-4) & (y < rows[-1] + 1e-4)
            np.testing.assert_array_equal(footprint[..., plane].ravel(), inside)


@pytest.mark.parametrize("rotation_deg", [0.0, 20.0])
def test_nan_spreads_one_site_in_its_own_colour(rotation_deg):
    mosaic = np.random.default_rng(0).normal(900.0, 9.0, SHAPE)
    motion = turn(SHAPE, rotation_deg, (0.3, 0.4))
    clean, inside = warp_mosaic(mosaic, "GRBG", motion)
    mosaic[30, 41] = np.nan  # red
    mosaic[40, 60] = np.nan  # green
    image, footprint = warp_mosaic(mosaic, "GRBG", motion)
    np.testing.assert_array_equal(np.isfinite(image), footprint)
    row, col = np.indices(SHAPE)
    x, y = motion.inverse(np.stack([col, row], -1).reshape(-1, 2)).T.reshape(2, *SHAPE)
    red = np.maximum(abs(x - 41), abs(y - 30)) / 2
    green = (abs(x - 60) + abs(y - 40)) / 2
    for plane, reach in ((0, red), (1, green)):
        assert not footprint[reach < 0.97, plane].any()
        np.testing.assert_array_equal(footprint[reach >= 1, plane], inside[reach >= 1, plane])
    np.testing.assert_array_equal(image[..., 2], clean[..., 2])


@pytest.mark.parametrize(("fwhm_px", "green", "others"), [(3.0, 1.05, 1.18), (4.0, 1.02, 1.06)])
def test_width_flux_place_and_rings_in_a_stack_of_sixteen(fwhm_px, green, others):
    rng = np.random.default_rng(5)
    star, flux, total, count = np.array([[40.2, 30.3]]), 2e5, 0.0, 0
    for n in range(16):
        motion = turn(SHAPE, rng.uniform(-0.3, 0.3) + 180 * (n % 2), tuple(rng.uniform(-3, 3, 2)))
        frame = simulate_frame(
            StarField(star, [flux]),
            SHAPE,
            transform=motion,
            seed=None,
            fwhm_px=fwhm_px,
            saturation_adu=1e9,
        )
        image, footprint = warp_mosaic(frame, "GRBG", motion)
        total, count = total + np.nan_to_num(image), count + footprint
    light = total / np.maximum(count, 1) - 800
    ideal = moffat_image(star, np.array([flux]), SHAPE, fwhm_px=fwhm_px)
    row, col = np.indices(SHAPE)
    near = np.hypot(col - 40.2, row - 30.3) < 14
    for plane, widest in enumerate((others, green, others)):
        seen = light[..., plane]
        ratio = profile(seen, star[0], fwhm_px) / profile(ideal, star[0], fwhm_px)
        assert 0.98 < ratio < widest
        np.testing.assert_allclose(seen[near].sum(), ideal[near].sum(), rtol=0.003, atol=0)
        np.testing.assert_allclose(centroid(seen * near, star[0]), star[0], rtol=0, atol=0.02)
        assert seen[10:-10, 10:-10].min() > -0.5 * np.sqrt(825.0) / 4


@pytest.mark.parametrize("flux", [2e4, 3e6])
@pytest.mark.parametrize("fwhm_px", [2.0, 2.5, 3.0])
def test_no_dark_rings_around_narrow_stars(fwhm_px, flux):
    motion = turn(SHAPE, 3.0, (0.4, 0.7))
    frame = simulate_frame(
        StarField([[40.2, 30.3]], [flux]),
        SHAPE,
        transform=motion,
        seed=None,
        fwhm_px=fwhm_px,
        beta=10,
    )
    image, footprint = warp_mosaic(frame, "BGGR", motion)
    assert image[footprint].min() >= 799.9


def test_complete_colours_are_warped_plane_by_plane():
    planes = np.random.default_rng(0).normal(100.0, 9.0, (3, *SHAPE))
    planes[1, 20, 30] = np.nan
    motion = turn(SHAPE, 7.0, (1.2, 3.4))
    image, footprint = warp_colour(planes, motion, interpolation="bilinear", shape=(50, 70))
    for plane in range(3):
        alone, covered = warp(planes[plane], motion, interpolation="bilinear", shape=(50, 70))
        np.testing.assert_array_equal(image[..., plane], alone)
        np.testing.assert_array_equal(footprint[..., plane], covered)
    last = warp_colour(np.moveaxis(planes, 0, 2), motion, interpolation="bilinear", shape=(50, 70))
    np.testing.assert_array_equal(last[0], image)


def test_what_is_refused():
    same = Transform.identity()
    with pytest.raises(ValueError, match="bayer must be one of RGGB"):
        warp_mosaic(np.zeros(SHAPE), "CMYG", same)
    with pytest.raises(ValueError, match="image must be a mosaic of shape"):
        warp_mosaic(np.zeros((3, *SHAPE)), "RGGB", same)
    with pytest.raises(ValueError, match="interpolation must be one of lanczos"):
        warp_mosaic(np.zeros(SHAPE), "RGGB", same, interpolation="cubic")
    with pytest.raises(TypeError, match="transform must be a Transform"):
        warp_mosaic(np.zeros(SHAPE), "RGGB", np.eye(3))
    with pytest.raises(ValueError, match=r"image must have shape \(H, W, 3\)"):
        warp_colour(np.zeros(SHAPE), same)


@pytest.mark.parametrize("interpolation", ["lanczos", "bilinear"])
@pytest.mark.parametrize("rotation_deg", [0.0, 1.2, 47.0, 178.0])
def test_whole_numbers_of_16_bits_are_laid_as_numbers_of_32(interpolation, rotation_deg):
    raw = np.random.default_rng(4).integers(0, 65_536, (61, 83)).astype(np.uint16)
    motion = Transform.rigid(rotation_deg=rotation_deg, shift_px=(2.3, -1.4))
    found, footprint = warp_mosaic(raw, "GBRG", motion, interpolation=interpolation)
    expected, inside = warp_mosaic(
        raw.astype(np.float32), "GBRG", motion, interpolation=interpolation
    )
    np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(footprint, inside)
