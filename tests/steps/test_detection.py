"""detect: which stars, how exactly, and what must never pass for one."""

import numpy as np
import pytest
from astropy.stats import sigma_clipped_stats
from photutils.detection import DAOStarFinder
from scipy.ndimage import map_coordinates
from simulated import NO_IMAGES, NOT_COUNTS, NOT_POSITIVE, SHAPE, distance_px, share_within, spaced

from seestack import detect
from seestack.defects import add_light, distance_to_line, draw_trail
from seestack.simulation import StarField, random_field, simulate_frame

COSMIC_RAYS = {
    "one pixel": [(0, 0)],
    "pair": [(0, 0), (1, 0)],
    "diagonal pair": [(0, 0), (1, 1)],
    "corner": [(0, 0), (1, 0), (0, 1)],
    "square": [(0, 0), (1, 0), (0, 1), (1, 1)],
    "three in line": [(0, 0), (1, 0), (2, 0)],
    "four on the diagonal": [(i, i) for i in range(4)],
    "six in line": [(i, 0) for i in range(6)],
    "ten on a slope": [(i, i // 2) for i in range(10)],
    "twenty on the diagonal": [(i, i) for i in range(20)],
    "thick": [(i, j) for i in range(8) for j in (0, 1)],
    "plus": [(0, 0), (1, 0), (-1, 0), (0, 1), (0, -1)],
}


def sparse_field(seed, count=40, brightest=1e5, faintest=5e3):
    rng = np.random.default_rng(seed)
    flux = np.geomspace(brightest, faintest, count)
    return StarField(spaced(rng, SHAPE, count), flux)


@pytest.mark.parametrize("fwhm", [1.8, 3.0, 5.0])
def test_every_star_is_found_once_where_it_is(fwhm):
    field = sparse_field(1)
    stars = detect(simulate_frame(field, SHAPE, seed=1, fwhm_px=fwhm))
    assert len(stars) == len(field.xy)
    assert (distance_px(stars.xy, field.xy) < 5 * stars.xy_err_px).all()
    separation = np.linalg.norm(stars.xy[:, None] - stars.xy[None], axis=2)
    assert separation[~np.eye(len(stars), dtype=bool)].min() > 20


@pytest.mark.parametrize("fwhm", [1.8, 3.0, 5.0])
def test_brightest_first_with_true_flux_and_width(fwhm):
    field = sparse_field(2)
    stars = detect(simulate_frame(field, SHAPE, seed=2, fwhm_px=fwhm))
    assert (np.diff(stars.flux) <= 0).all()
    light = share_within(2.0, 3.0) * field.flux_adu[:10]
    np.testing.assert_allclose(stars.flux[:10], light, rtol=0.03, atol=0)
    assert (np.abs(stars.flux[:10] - light) < 4 * stars.flux_err[:10]).all()
    np.testing.assert_allclose(np.median(stars.fwhm_px), fwhm, rtol=0.03, atol=0)
    np.testing.assert_allclose(np.median(stars.elongation), 1.0, rtol=0, atol=0.02)


@pytest.mark.parametrize("fwhm", [1.8, 3.0, 5.0])
def test_position_errors_are_as_large_as_stated(fwhm):
    field = sparse_field(3)
    pulls = []
    for seed in range(6):
        stars = detect(simulate_frame(field, SHAPE, seed=seed, fwhm_px=fwhm))
        partner = np.linalg.norm(stars.xy[:, None] - field.xy[None], axis=2).argmin(axis=1)
        pulls.append((stars.xy - field.xy[partner]) / stars.xy_err_px[:, None])
    rms = np.sqrt(np.mean(np.concatenate(pulls) ** 2))
    np.testing.assert_allclose(rms, 1.0, rtol=0, atol=0.12)


def test_axis_ratio_of_trailed_stars():
    field = sparse_field(4)
    frame = simulate_frame(field, SHAPE, seed=4, elongation=1.4, position_angle_deg=30.0)
    np.testing.assert_allclose(np.median(detect(frame).elongation), 1.4, rtol=0.05, atol=0)


def test_max_stars_keeps_the_brightest():
    field = sparse_field(5)
    stars = detect(simulate_frame(field, SHAPE, seed=5), max_stars=12)
    assert len(stars) == 12
    assert distance_px(stars.xy, field.xy[:13]).max() < 0.2


@pytest.mark.parametrize("fwhm", [2.0, 4.0])
def test_agrees_with_daostarfinder_on_which_stars_exist(fwhm):
    field = sparse_field(6, brightest=3e4, faintest=2e3)
    frame = simulate_frame(field, SHAPE, seed=6, fwhm_px=fwhm)
    _, median, std = sigma_clipped_stats(frame, sigma=3.0)
    table = DAOStarFinder(8 * std, 4.0, sharpness_range=(0.0, 2.0)).find_stars(frame - median)
    theirs = np.column_stack([table["x_centroid"], table["y_centroid"]])
    ours = detect(frame, threshold=8.0, max_stars=100).xy
    assert 20 < len(theirs) <= 40
    assert distance_px(theirs, ours).max() < 1.0
    assert distance_px(ours, field.xy).max() < 1.0


@pytest.mark.parametrize(("count", "fwhm"), [(400, 1.8), (400, 3.0), (400, 5.0), (3000, 2.5)])
def test_the_brightest_of_a_rich_field_are_those_of_daostarfinder(count, fwhm):
    field = random_field(SHAPE, count, seed=count)
    frame = simulate_frame(field, SHAPE, seed=1, fwhm_px=fwhm)
    _, median, std = sigma_clipped_stats(frame, sigma=3.0)
    table = DAOStarFinder(8 * std, max(fwhm, 2.0)).find_stars(frame - median)
    table.sort("flux", reverse=True)
    theirs = np.column_stack([table["x_centroid"], table["y_centroid"]])
    ours = detect(frame, max_stars=90).xy
    assert np.mean(distance_px(ours[:40], theirs) < 1.0) >= 0.95
    assert np.mean(distance_px(theirs[:40], ours) < 1.0) >= 0.9


@pytest.mark.parametrize("fwhm", [1.8, 3.0, 5.0])
@pytest.mark.parametrize("shape", COSMIC_RAYS)
def test_cosmic_rays_and_hot_pixels_are_no_stars(shape, fwhm):
    rng = np.random.default_rng(7)
    xy = spaced(rng, (300, 420), 26)
    frame = simulate_frame(
        StarField(xy[:20], np.geomspace(1e5, 8e3, 20)), (300, 420), seed=7, fwhm_px=fwhm
    )
    heights = np.geomspace(800, 50_000, 6)
    for (x, y), height in zip(xy[20:].round().astype(int), heights, strict=True):
        for dx, dy in COSMIC_RAYS[shape]:
            frame[min(y + dy, 299), min(x + dx, 419)] += height
    stars = detect(frame)
    assert distance_px(stars.xy, xy[:20]).max() < 1.0
    assert len(stars) >= 19


@pytest.mark.parametrize("fwhm", [1.8, 3.0, 5.0])
@pytest.mark.parametrize("dtype", [np.float32, np.uint16])
def test_saturated_stars_are_never_returned(fwhm, dtype):
    rng = np.random.default_rng(8)
    xy = spaced(rng, SHAPE, 24, apart_px=60, margin_px=40)
    saturated = np.geomspace(2e7, 2e6, 4) * (fwhm / 3) ** 2
    flux = np.concatenate([saturated, np.geomspace(9e4, 9e3, 20)])
    frame = simulate_frame(StarField(xy, flux), SHAPE, seed=8, fwhm_px=fwhm).astype(dtype)
    stars = detect(frame)
    assert distance_px(stars.xy, xy[4:]).max() < 1.0
    assert len(stars) >= 18


def test_saturation_below_the_highest_value_is_seen_too():
    # A calibrated frame: the plateaus of two saturated stars differ in height.
    rng = np.random.default_rng(9)
    xy = spaced(rng, SHAPE, 22, apart_px=60, margin_px=40)
    flux = np.concatenate([[4e6, 3e6], np.geomspace(9e4, 9e3, 20)])
    frame = simulate_frame(StarField(xy, flux), SHAPE, seed=9)
    frame *= np.linspace(1.0, 0.9, SHAPE[1], dtype=np.float32)
    assert distance_px(detect(frame).xy, xy[2:]).max() < 1.0


def test_masked_pixels_are_tolerated():
    field = sparse_field(10)
    frame = simulate_frame(field, SHAPE, seed=10)
    complete = detect(frame)
    holed = frame.copy()
    holed[:, 350] = np.nan
    holed[:40] = np.nan
    holed[np.random.default_rng(0).uniform(size=SHAPE) < 0.002] = np.nan
    x, y = field.xy[3].round().astype(int)
    holed[y, x] = np.inf
    stars = detect(holed)
    assert distance_px(field.xy[3], stars.xy)[0] > 5
    assert distance_px(stars.xy, complete.xy).max() < 0.3
    covered = (np.abs(field.xy[:, 0] - 350) > 8) & (field.xy[:, 1] > 48)
    assert np.mean(distance_px(field.xy[covered], stars.xy) < 0.3) > 0.85


def test_mask_equals_nan():
    frame = simulate_frame(sparse_field(11), SHAPE, seed=11)
    mask = np.zeros(SHAPE, bool)
    mask[100:200, 300:500] = True
    np.testing.assert_array_equal(
        detect(frame, mask=mask).xy, detect(np.where(mask, np.nan, frame)).xy
    )


def test_a_sloping_sky_makes_no_stars_and_moves_none():
    field = sparse_field(12)
    frame = simulate_frame(field, SHAPE, seed=12)
    slope = (
        np.linspace(0, 4000, SHAPE[1], dtype=np.float32) + np.linspace(0, 900, SHAPE[0])[:, None]
    )
    stars = detect(frame + slope)
    assert len(stars) == len(field.xy)
    assert distance_px(stars.xy, detect(frame).xy).max() < 0.1


def test_sky_level_and_noise():
    frame = simulate_frame(sparse_field(13), SHAPE, seed=13, sky_adu=800.0, read_noise_e=5.0)
    stars = detect(frame)
    np.testing.assert_allclose(stars.sky_adu, 800.0, rtol=0, atol=3.0)
    np.testing.assert_allclose(stars.sky_sigma_adu, np.sqrt(825.0), rtol=0.05, atol=0)


def test_pure_noise_holds_next_to_no_stars():
    counts = []
    for seed in range(10):
        noise = np.random.default_rng(seed).normal(100.0, 5.0, (300, 420))
        counts.append(len(detect(noise)))
    assert sum(counts) <= 1


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((60, 90)),
        np.full((60, 90), 65535, np.uint16),
        np.full((60, 90), np.nan),
        np.full((60, 90), -np.inf),
        np.ones((1, 1)),
        np.ones((3, 500)),
        np.arange(225.0).reshape(15, 15),
        np.where(np.arange(5400).reshape(60, 90) == 7, 1.0, np.nan),
    ],
    ids=["zeros", "full", "NaN", "-inf", "one pixel", "thin", "tiny", "one finite pixel"],
)
def test_images_without_stars_give_an_empty_answer(image):
    stars = detect(image)
    assert len(stars) == 0
    assert stars.xy.shape == (0, 2)


@pytest.mark.parametrize("dtype", ["u2", "i4", "f8", ">f4", ">i4"])
def test_number_formats_and_memory_layouts_agree(dtype):
    frame = np.round(simulate_frame(sparse_field(14), SHAPE, seed=14))
    expected = detect(frame)
    np.testing.assert_array_equal(detect(frame.astype(dtype)).xy, expected.xy)
    np.testing.assert_array_equal(detect(np.asfortranarray(frame.astype(dtype))).xy, expected.xy)


def test_the_image_stays_as_it_was():
    frame = simulate_frame(sparse_field(15), SHAPE, seed=15)
    before = frame.copy()
    detect(frame, mask=frame > 5000)
    np.testing.assert_array_equal(frame, before)


@pytest.mark.parametrize("seed", range(4))
def test_a_wide_star_is_found_once_with_a_narrow_kernel(seed):
    xy = spaced(np.random.default_rng(seed), (300, 420), 20, apart_px=40)
    frame = simulate_frame(StarField(xy, np.full(20, 1e5)), (300, 420), seed=seed, fwhm_px=9.0)
    found = detect(frame, fwhm=1.5).xy
    separation = np.linalg.norm(found[:, None] - found[None], axis=2)
    assert separation[~np.eye(len(found), dtype=bool)].min() > 8.0
    assert len(found) >= 15


@pytest.mark.parametrize(("image", "words"), NO_IMAGES.values(), ids=NO_IMAGES)
def test_no_image(image, words):
    with pytest.raises(ValueError, match=f"image must .*{words}"):
        detect(image)


@pytest.mark.parametrize("option", ["fwhm", "threshold"])
@pytest.mark.parametrize(("value", "error", "words"), NOT_POSITIVE)
def test_bad_option(option, value, error, words):
    with pytest.raises(error, match=f"{option} {words}"):
        detect(np.ones((40, 60)), **{option: value})


@pytest.mark.parametrize(("value", "error", "words"), NOT_COUNTS)
def test_bad_count(value, error, words):
    with pytest.raises(error, match=f"max_stars {words}"):
        detect(np.ones((40, 60)), max_stars=value)


def test_mask_of_another_shape():
    with pytest.raises(ValueError, match=r"mask must have the shape of image \(40, 60\), got"):
        detect(np.ones((40, 60)), mask=np.zeros((60, 40)))


@pytest.mark.parametrize("angle_deg", [0.0, 17.0, 45.0, 63.0, 90.0])
@pytest.mark.parametrize("peak_sigma", [20.0, 200.0])
def test_a_trail_is_no_chain_of_stars(angle_deg, peak_sigma):
    shape = (300, 420)
    field = random_field(shape, 40, seed=8, faintest_adu=4_000.0)
    middle, along = np.array([210.0, 150.0]), np.deg2rad(angle_deg)
    reach = 600 * np.array([np.cos(along), np.sin(along)])
    light = draw_trail(shape, middle - reach, middle + reach, peak_adu=29.0 * peak_sigma)
    clean = simulate_frame(field, shape, seed=1)
    without, found = detect(clean), detect(add_light(clean, light, seed=2))
    lit = map_coordinates(light, found.xy.T[::-1], order=1) > 29.0
    near = distance_px(found.xy, field.xy) < 1.5
    assert (lit & ~near).sum() <= 2
    # Stars beyond the box whose mean is the sky are found as before.
    away = distance_to_line(without.xy, middle - reach, middle + reach) > 15
    lost = distance_px(without.xy[away], found.xy) > 0.5
    assert lost.sum() <= 1


def test_stars_drawn_out_by_the_wind_are_stars_still():
    shape = (300, 420)
    field = random_field(shape, 40, seed=8, faintest_adu=6_000.0)
    for elongation, share in ((1.5, 0.9), (2.3, 0.8)):
        frame = simulate_frame(field, shape, seed=1, elongation=elongation, position_angle_deg=30.0)
        found = detect(frame)
        assert (distance_px(field.xy, found.xy) < 1.0).sum() >= share * len(
            detect(simulate_frame(field, shape, seed=1))
        )


@pytest.mark.parametrize("fwhm", [2.5, 4.0])
def test_whole_numbers_of_16_bits_hold_the_stars_of_numbers_of_32(fwhm):
    field = random_field((230, 310), 50, seed=7)
    raw = np.rint(simulate_frame(field, (230, 310), seed=7)).astype(np.uint16)
    raw[40:43, 50:53] = 65_535  # saturated
    mask = np.zeros(raw.shape, bool)
    mask[100:140, 200:260] = True
    for given in (None, mask):
        found = detect(raw, fwhm=fwhm, mask=given)
        expected = detect(raw.astype(np.float32), fwhm=fwhm, mask=given)
        assert len(found) > 20
        np.testing.assert_array_equal(found.xy, expected.xy)
        np.testing.assert_array_equal(found.flux, expected.flux)
