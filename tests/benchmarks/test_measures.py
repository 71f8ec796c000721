"""The figures of the quality benchmark tell what they say, on stacks made to measure."""

import numpy as np
import pytest
from astropy.stats import gaussian_fwhm_to_sigma
from measures import (
    aperture_flux,
    coverage,
    edge_bias,
    fwhm_of_stars,
    hot_pixels_left,
    largest_seam,
    pixel_noise,
    ratio,
    star_profile,
    star_snr,
    trail_core,
    trail_residual,
)
from quality import best_snr, blank, bound_px, registration_ratio, widened_noise
from scipy.ndimage import gaussian_filter, uniform_filter
from sequences import SHAPE, Night, make_night
from simulated import spaced, turn
from stackers import STACKERS, similarity

from seestack import Transform
from seestack.defects import add_light, draw_hot_pixels, draw_trail
from seestack.simulation import StarField, moffat_image, random_field, simulate_frame

SMALL = (200, 300)
EVERYWHERE = np.ones(SMALL, bool)
NO_STARS = StarField(np.empty((0, 2)), [])
SHIFTED = (Transform.identity(), *(Transform.rigid(shift_px=(6.0 * n, -4.0 * n)) for n in (1, 2)))


def noise(sigma, shape=SMALL, seed=0):
    return np.random.default_rng(seed).normal(0.0, sigma, shape)


def test_noise_is_seen_through_interpolation():
    white = noise(7.0, (600, 800))
    usable = np.ones(white.shape, bool)
    np.testing.assert_allclose(pixel_noise(white, usable), 7.0, rtol=0.04, atol=0)
    blurred = uniform_filter(white, 2)
    assert blurred.std() < 3.6
    assert pixel_noise(blurred, usable) > 6.2
    spoiled = white.copy()
    spoiled[:, 300:] += noise(50.0, (600, 500), seed=1)
    usable[:, 300:] = False
    np.testing.assert_allclose(pixel_noise(spoiled, usable), 7.0, rtol=0.06, atol=0)


def test_no_blur_raises_the_snr_of_a_star():
    shape, sigma = (600, 800), 7.0
    xy = spaced(np.random.default_rng(3), shape, 60, apart_px=60.0, margin_px=30.0)
    flux = np.linspace(2_000, 5_000, 60)
    truth, white = moffat_image(xy, flux, shape, fwhm_px=3.0), noise(sigma, shape)
    starless = truth < 1.0
    ideal = np.sqrt(np.square(star_profile(3.0, 0.3, 0.3)).sum()) / sigma

    def snr(image, residual, fwhm_px):
        return star_snr(image, residual, starless, xy, flux, fwhm_px) / ideal

    sharp = snr(truth + white, white, 3.0)
    assert sharp == pytest.approx(1.0, abs=0.04)
    for size, fwhm_px in ((2, 3.3), (3, 4.0)):
        blurred = [uniform_filter(image, size) for image in (truth + white, white)]
        for width in (3.0, fwhm_px):  # whichever profile it is filtered with
            assert 0.85 < snr(*blurred, width) / sharp < 0.995


def test_noise_at_equal_widths_ignores_a_blur():
    white = noise(7.0, (600, 800))
    usable = np.ones(white.shape, bool)
    blurred = gaussian_filter(white, 0.6)
    wide = np.hypot(3.0, 0.6 / gaussian_fwhm_to_sigma)
    unequal = pixel_noise(blurred, usable) / pixel_noise(white, usable)
    assert unequal < 0.95
    equal = [
        widened_noise(image, usable, np.array([width]), wide)
        for image, width in ((white, 3.0), (blurred, wide))
    ]
    assert equal[1] == pytest.approx(equal[0], rel=1e-9)


def test_flux_and_width_of_stars():
    xy = spaced(np.random.default_rng(3), SMALL, 12, apart_px=45.0, margin_px=25.0)
    flux = np.linspace(20_000, 90_000, 12)
    narrow = moffat_image(xy, flux, SMALL, fwhm_px=3.0) + 800
    wide = moffat_image(xy, 0.8 * flux, SMALL, fwhm_px=4.5) + 700
    middle, spread = ratio(aperture_flux(wide, xy), aperture_flux(narrow, xy))
    # Of a profile of beta 3 the aperture of 9 px holds 0.991 at 3 px and 0.961 at 4.5 px.
    np.testing.assert_allclose(middle, 0.8 * 0.961 / 0.991, rtol=0.01, atol=0)
    assert spread < 0.005
    widths = [fwhm_of_stars(image, xy) for image in (narrow, wide)]
    # Pixels hold the integral of the profile and so widen it, narrow stars the most.
    np.testing.assert_allclose(widths[0], 3.0, rtol=0.06, atol=0)
    np.testing.assert_allclose(ratio(widths[1], widths[0])[0], 1.5, rtol=0.02, atol=0)


def test_a_star_that_cannot_be_measured_is_nan():
    image = moffat_image(np.array([[40.0, 30.0]]), np.array([5e4]), SMALL)
    holed = image.copy()
    holed[32, 44] = np.nan
    assert np.isnan(
        fwhm_of_stars(holed, np.array([[40.0, 30.0], [3.0, 90.0], [150.0, 100.0]]))
    ).all()
    assert np.isnan(ratio(np.array([np.nan]), np.array([1.0]))).all()


def test_coverage_counts_the_frames_over_each_pixel():
    covered = coverage(SMALL, SHIFTED)
    assert [covered[150, col] for col in (0, 5, 6, 11, 12, 299)] == [1, 1, 2, 2, 3, 3]
    assert [covered[row, 100] for row in (0, 191, 192, 195, 196, 199)] == [3, 3, 2, 2, 1, 1]
    half_turn = coverage(SMALL, [Transform.identity(), turn(SMALL, 180.0)])
    np.testing.assert_array_equal(half_turn, 2)


def test_edge_bias_of_a_perfect_stack_is_zero_and_of_a_dark_edge_is_its_depth():
    covered = coverage(SMALL, SHIFTED)
    assert edge_bias(np.zeros(SMALL), covered, EVERYWHERE) == 0
    noisy = noise(7.0)
    assert abs(edge_bias(noisy, covered, EVERYWHERE)) < 0.5
    dark = np.where(covered < 3, -50.0, 20.0)
    np.testing.assert_allclose(edge_bias(dark, covered, EVERYWHERE), -50.0, rtol=1e-12, atol=0)
    dark[:, :6] = np.nan
    np.testing.assert_allclose(edge_bias(dark, covered, EVERYWHERE), -50.0, rtol=1e-12, atol=0)
    assert np.isnan(edge_bias(dark, np.full(SMALL, 3), EVERYWHERE))


def test_the_largest_seam_is_the_step():
    shape = (600, 800)
    everywhere = np.ones(shape, bool)
    covered = np.full(shape, 2)
    covered[:, :40] = 1
    white = noise(7.0, shape)
    assert largest_seam(white, covered, everywhere, 7.0) < 0.15
    stepped = white - np.where(covered < 2, 14.0, 0.0)
    np.testing.assert_allclose(
        largest_seam(stepped, covered, everywhere, 7.0), 2.0, rtol=0, atol=0.15
    )
    away = white - 14.0 * (np.arange(shape[1]) > 600)
    assert largest_seam(away, covered, everywhere, 7.0) < 0.15
    assert np.isnan(largest_seam(white, np.full(shape, 2), everywhere, 7.0))


def test_the_seam_of_a_sum_divided_by_all_frames_is_one_share_of_the_sky():
    """Zeros outside of a frame take a frame's share of the sky away at each boundary."""
    shape = (400, 600)
    covered = coverage(shape, [Transform.identity(), Transform.rigid(shift_px=(30.0, 0.0))])
    zero_filled = 800.0 * covered / 2 - 800.0
    seam = largest_seam(zero_filled, covered, np.ones(shape, bool), 5.0)
    np.testing.assert_allclose(seam, 800 / 2 / 5.0, rtol=1e-9, atol=0)
    strip = edge_bias(zero_filled, covered, np.ones(shape, bool))
    np.testing.assert_allclose(strip, -400.0, rtol=1e-9, atol=0)


def test_a_mean_keeps_one_share_of_a_trail():
    start, end, peak, width = (-10.0, 40.0), (310.0, 150.0), 1000.0, 5.0
    frames = [800.0 + noise(28.0, seed=n) for n in range(16)]
    clean = np.mean(frames, axis=0)
    trail = draw_trail(SMALL, start, end, peak_adu=peak, fwhm_px=width)
    spoiled = np.mean([add_light(frames[0], trail, seed=9), *frames[1:]], axis=0)
    core = trail_core(SMALL, Transform.identity(), start, end)
    # The mean of 2 ** -(2 d / w) ** 2 over d from -1 to 1.
    across = 2.0 ** -((2 * np.linspace(-1, 1, 2001) / width) ** 2)
    expected = peak / 16 * across.mean() / 7.0
    assert 8.0 < expected < 9.0
    np.testing.assert_allclose(
        trail_residual(spoiled, clean, core, 7.0), expected, rtol=0.01, atol=0
    )
    assert trail_residual(clean, clean, core, 7.0) == 0


def test_the_core_of_a_trail_moves_with_its_frame():
    motion = turn(SMALL, 3.0, (12.5, -6.0))
    start, end = (20.0, 30.0), (250.0, 160.0)
    core = trail_core(SMALL, motion, start, end)
    row, col = np.nonzero(core)
    first, last = motion([start, end])
    along = (last - first) / np.linalg.norm(last - first)
    off = np.column_stack([col, row]) - first
    np.testing.assert_array_less(np.abs(off @ [-along[1], along[0]]), 1.0 + 1e-9)
    np.testing.assert_allclose(len(row), 2 * np.linalg.norm(last - first), rtol=0.03, atol=0)


def test_hot_pixels_are_counted_once_however_far_they_wander():
    hot = draw_hot_pixels(SMALL, 30, seed=4, faintest_adu=4000.0, brightest_adu=5000.0)
    night = make_night(SHIFTED, stars=NO_STARS, shape=SMALL, light=lambda _: hot)
    hot_xy = np.argwhere(hot > 0)[:, ::-1].astype(float)
    # The motions are whole pixels, so the mean of the moved frames needs no interpolation.
    stack = np.mean(
        [np.roll(frame, (-4 * n, 6 * n), (0, 1)) for n, frame in enumerate(night.frames)], axis=0
    )
    inner = np.zeros(SMALL, bool)
    inner[:-8, 12:] = True
    residual = np.where(inner, stack - night.ideal, np.nan)
    places = np.concatenate([motion(hot_xy) for motion in SHIFTED])
    sigma = pixel_noise(residual, inner & blank(SMALL, places, 3.0))
    left, visible = hot_pixels_left(residual, EVERYWHERE, hot_xy, SHIFTED, sigma)
    assert left == visible
    assert 25 <= visible <= 30
    assert hot_pixels_left(noise(sigma), EVERYWHERE, hot_xy, SHIFTED, sigma) == (0, 30)


def test_hot_pixels_that_show_and_that_cannot():
    hot_xy = np.array([[50.0, 60], [100.0, 60], [200.0, 60], [250.0, 60], [30.0, 150]])
    residual = np.zeros(SMALL)
    residual[61, 57] = 81.0  # where the second frame puts the first, one pixel off
    residual[60, 100] = 79.0
    residual[60, 200] = 500.0
    residual[150, 30] = 81.0  # where the first frame has the fifth
    motions = [Transform.identity(), Transform.rigid(shift_px=(6.0, 0.0))]
    starless = EVERYWHERE.copy()
    starless[50:70, 190:220] = False  # hides the third for good
    starless[50:70, 245:252] = False  # hides one place of the fourth
    assert hot_pixels_left(residual, starless, hot_xy, motions, 10.0) == (2, 4)


def test_registration_ratio_is_one_at_the_bound_and_zero_at_the_truth():
    motions = tuple(turn(SHAPE, 0.01 * n, (n, -n)) for n in range(300))
    nothing = np.zeros((1, 1))
    kinds = ((3.0,) * 300, (1.0,) * 300, (800.0,) * 300)
    night = Night([nothing] * 300, motions, *kinds, nothing, NO_STARS)
    assert registration_ratio(night, motions) == pytest.approx(0.0, abs=1e-6)
    errors = np.random.default_rng(2).normal(0.0, bound_px(3.0, 1.0, 800.0), (300, 2))
    found = [
        Transform.rigid(shift_px=tuple(error)) @ motion
        for error, motion in zip(errors, motions, strict=True)
    ]
    found[5] = None
    np.testing.assert_allclose(registration_ratio(night, found), 1.0, rtol=0.08, atol=0)
    assert np.isnan(registration_ratio(night, [motions[0], *[None] * 299]))


def night_of(transparency, sky_adu):
    nothing, count = np.zeros((1, 1)), len(transparency)
    motions = (Transform.identity(),) * count
    return Night(
        [nothing] * count, motions, (3.0,) * count, transparency, sky_adu, nothing, NO_STARS
    )


def test_the_best_snr_leaves_clouds_out():
    one = best_snr(night_of((1.0,), (800.0,)))
    # The integral of P^2 is (b - 1)^2 / ((2 b - 1) pi a^2), and pixels blur a little.
    a = 3.0 / (2 * np.sqrt(2 ** (1 / 3) - 1))
    assert one == pytest.approx(np.sqrt(4 / (5 * np.pi * a**2) / 825.0), rel=0.03)
    assert best_snr(night_of((1.0,) * 4, (800.0,) * 4)) == pytest.approx(2.0 * one, rel=1e-12)
    dark = night_of((1.0, 1.0, 1.0, 0.0), (800.0, 800.0, 800.0, 2400.0))
    assert best_snr(dark) == pytest.approx(np.sqrt(3) * one, rel=1e-12)


@pytest.mark.parametrize("who", ["documented", "seestack"])
def test_a_stacker_tells_the_motions_it_found(who):
    field = random_field(SMALL, 60, seed=5, margin_px=30)
    night = make_night(SHIFTED, stars=field, shape=SMALL)
    two = StarField([[80.0, 60.0], [200.0, 130.0]], [40_000.0, 30_000.0])
    result = STACKERS[who]([*night.frames, simulate_frame(two, SMALL, seed=8)])
    assert result.accepted == (0, 1, 2)
    assert len(result.reasons) == 1
    assert result.image.shape == SMALL
    for found, truth in zip(result.transforms, night.motions, strict=False):
        np.testing.assert_allclose(found.matrix, truth.matrix, rtol=0, atol=0.1)


def test_a_similarity_is_the_matrix_it_names():
    values = {"scale": 2.0, "rotation_radians": np.pi / 2, "translation_x": 5.0, "translation_y": 7}
    np.testing.assert_allclose(similarity(values)([[3.0, 1.0]]), [[3.0, 13.0]], rtol=0, atol=1e-12)
