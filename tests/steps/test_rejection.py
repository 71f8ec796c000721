"""clip_outliers: trails, hits and stars against known truth."""

import numpy as np
import pytest
from simulated import NOT_POSITIVE

from seestack import Transform, accumulate, clip_outliers, merge, warp
from seestack.simulation import random_field, simulate_frame

SHAPE = (220, 310)
NOISE = 6.0


def noise(count, seed=0):
    return np.random.default_rng(seed).normal(100.0, NOISE, (count, *SHAPE)).astype(np.float32)


def stacked(images, weights=None, extremes=(2, 1)):
    stack = None
    for n, image in enumerate(images):
        footprint = np.isfinite(image)
        weight = 1.0 if weights is None else weights[n]
        stack = accumulate(stack, image, footprint, weight=weight, extremes=extremes, out=stack)
    return stack


def trail(angle_deg, peak, width_px=3.0):
    """Return a line of light through the middle, and where it is brighter than 1 ADU."""
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]]
    angle = np.deg2rad(angle_deg)
    off = (x - SHAPE[1] / 2) * np.sin(angle) - (y - SHAPE[0] / 2) * np.cos(angle)
    light = peak * np.exp(-4 * np.log(2) * (off / width_px) ** 2)
    return light.astype(np.float32), light > 1.0


@pytest.mark.parametrize("count", [2, 3, 4, 5, 8, 16, 40])
@pytest.mark.parametrize("frame", ["first", "last"])
def test_a_trail_in_any_frame_leaves_no_trace(count, frame):
    images = noise(count)
    light, lit = trail(23.0, 40 * NOISE)
    streaked = images.copy()
    streaked[0 if frame == "first" else -1] += light
    clean, left = clip_outliers(stacked(images)), clip_outliers(stacked(streaked))
    sigma = NOISE / np.sqrt(count)
    excess = (left.mean - clean.mean)[lit] / sigma
    before = (stacked(streaked).mean - clean.mean)[lit] / sigma
    assert before.mean() > 2.0
    # The mean along the trail is zero within a fraction of the stack's noise; the flanks,
    # too faint to be told from noise, may stay.
    assert -0.2 < excess.mean() < (0.9 if count == 2 else 0.5)
    core = light[lit] > 10 * NOISE
    assert -0.2 < excess[core].mean() < 0.2
    # Of two samples one is left, with the root of 2 of the noise of both.
    assert np.percentile(np.abs(excess), 95) < (3.3 if count == 2 else 2.0)


def test_two_trails_and_where_they_cross():
    images = noise(16)
    for frame, angle in ((0, 23.0), (7, -41.0)):
        light, _ = trail(angle, 40 * NOISE)
        images[frame] += light
    clean = clip_outliers(stacked(noise(16)))
    left = clip_outliers(stacked(images))
    middle = np.s_[SHAPE[0] // 2 - 2 : SHAPE[0] // 2 + 3, SHAPE[1] // 2 - 2 : SHAPE[1] // 2 + 3]
    assert np.abs((left.mean - clean.mean)[middle]).max() < 3 * NOISE / 4
    assert left.rejected[middle].max() == 2
    assert (left.rejected_of_frame[[0, 7]] > 1000).all()
    assert np.delete(left.rejected_of_frame, [0, 7]).max() < 30


def test_holes_are_outliers_too():
    images = noise(12)
    images[3, 50:60, 80:95] = 0.0
    left = clip_outliers(stacked(images))
    np.testing.assert_allclose(left.mean[50:60, 80:95].mean(), 100.0, rtol=0, atol=0.6)
    np.testing.assert_array_equal(left.coverage[51:59, 81:94], 11)


def test_noise_alone_stays():
    images = noise(16)
    stack = stacked(images)
    clean = clip_outliers(stack)
    share = clean.rejected.sum() / images.size
    assert share < 2e-4
    untouched = clean.rejected == 0
    np.testing.assert_array_equal(clean.mean[untouched], stack.mean[untouched])
    np.testing.assert_array_equal(clean.variance[untouched], stack.variance[untouched])
    np.testing.assert_allclose(np.nanmean(clean.variance), NOISE**2 / 16, rtol=0.01, atol=0)


def test_what_is_left_is_the_stack_of_the_other_samples():
    images = noise(9)
    images[2, 40:44, 30:200] += 300.0
    clean = clip_outliers(stacked(images))
    here = np.s_[41:43, 32:198]
    others = np.delete(images, 2, axis=0)[:, *here].astype(np.float64)
    alone = clean.rejected[here] == 1
    assert alone.mean() > 0.99
    np.testing.assert_allclose(clean.mean[here][alone], others.mean(0)[alone], rtol=1e-12, atol=0)
    np.testing.assert_allclose(
        clean.variance[here][alone], (others.var(0, ddof=1) / 8)[alone], rtol=1e-9, atol=0
    )
    np.testing.assert_array_equal(clean.coverage[here], 9 - clean.rejected[here])
    np.testing.assert_array_equal(clean.weight, clean.coverage)
    assert clean.frames == 9
    assert clean.extremes is None


@pytest.mark.parametrize(
    "seeing_px",
    [
        np.full(16, 3.0),
        np.linspace(2.5, 4.0, 16),
        [4.0] * 15 + [2.5],
        [2.5] * 15 + [4.0],
        [2.5, 4.0] * 8,
    ],
    ids=["steady", "worsening", "one sharp", "one blurred", "in turn"],
)
def test_changing_seeing_eats_no_star(seeing_px):
    field = random_field(SHAPE, 60, seed=3, brightest_adu=400_000.0)
    stack = None
    rng = np.random.default_rng(0)
    for n, fwhm_px in enumerate(seeing_px):
        motion = Transform.rigid(shift_px=tuple(rng.uniform(-3, 3, 2)))
        frame = simulate_frame(field, SHAPE, transform=motion, seed=n, fwhm_px=fwhm_px)
        stack = accumulate(stack, *warp(frame, motion), extremes=(2, 1), out=stack)
    clean = clip_outliers(stack)
    checked = 0
    for x, y in field.xy[field.flux_adu > 5_000]:
        apart = np.sort(np.hypot(*(field.xy - [x, y]).T))[1]
        if apart < 14 or not (14 < x < SHAPE[1] - 14 and 14 < y < SHAPE[0] - 14):
            continue
        box = np.s_[round(y) - 7 : round(y) + 8, round(x) - 7 : round(x) + 8]
        with_all, without = stack.mean[box] - 800.0, clean.mean[box] - 800.0
        np.testing.assert_allclose(without.sum(), with_all.sum(), rtol=0.005, atol=0)
        np.testing.assert_allclose(_width(without), _width(with_all), rtol=0.01, atol=0)
        checked += 1
    assert checked > 8


def _width(box):
    """Return the rms radius of the light, out to 6 px."""
    y, x = np.mgrid[: box.shape[0], : box.shape[1]] - 7.0
    inside = np.hypot(x, y) < 6
    return np.sqrt((box * (x**2 + y**2))[inside].sum() / box[inside].sum())


def test_frames_of_unequal_weight():
    images, weights = noise(16), np.ones(16)
    rng = np.random.default_rng(1)
    for cloudy in (4, 9):
        images[cloudy] = rng.normal(100.0, 7 * NOISE, SHAPE)
        weights[cloudy] = 1 / 49
    clear = clip_outliers(stacked(images, weights))
    # Of noise that is known to be larger nothing is an outlier.
    assert clear.rejected_of_frame[[4, 9]].max() < 60
    light, lit = trail(10.0, 30 * NOISE)
    images[0] += light
    left = clip_outliers(stacked(images, weights))
    excess = (left.mean - clear.mean)[lit] / (NOISE / np.sqrt(14))
    assert -0.2 < excess.mean() < 0.4


def test_the_order_of_the_frames_and_merging_are_no_matter():
    images = noise(10)
    images[4, 60:63] += 200.0
    images[9, :, 100] -= 200.0
    one = clip_outliers(stacked(images))
    back = clip_outliers(stacked(images[::-1]))
    merged = clip_outliers(merge(stacked(images[:3]), stacked(images[3:])))
    for other in (back, merged):
        np.testing.assert_array_equal(one.rejected, other.rejected)
        np.testing.assert_allclose(one.mean, other.mean, rtol=1e-12, atol=0)
    np.testing.assert_array_equal(one.rejected_of_frame, back.rejected_of_frame[::-1])
    np.testing.assert_array_equal(one.rejected_of_frame, merged.rejected_of_frame)


def test_colours_are_judged_one_by_one():
    images = np.stack([noise(8, seed) for seed in (1, 2, 3)], axis=-1)
    images[2, 70:73, :, 1] += 400.0
    colour = clip_outliers(stacked(images))
    assert colour.mean.shape == (*SHAPE, 3)
    for channel in range(3):
        alone = clip_outliers(stacked(images[..., channel]))
        np.testing.assert_array_equal(colour.mean[..., channel], alone.mean)
        np.testing.assert_array_equal(colour.rejected[..., channel], alone.rejected)


def test_few_samples_and_none():
    images = noise(6)
    images[:, :20] = np.nan
    images[1:, 20:40] = np.nan
    images[2:, 40:60] = np.nan
    images[0, 30] += 1000.0
    images[0, 50] += 1000.0
    clean = clip_outliers(stacked(images))
    assert np.isnan(clean.mean[:20]).all()
    np.testing.assert_array_equal(clean.coverage[20:40], 1)
    np.testing.assert_array_equal(clean.rejected[:40], 0)
    # Two samples: the line goes, and of the others what noise does once in 10,000 times.
    np.testing.assert_array_equal(clean.rejected[50], 1)
    np.testing.assert_array_equal(clean.coverage[50], 1)
    assert (clean.rejected[40:60].sum(axis=1) <= 3).sum() == 19


def test_two_samples_of_a_trail_beside_one():
    images = noise(6)
    light, _ = trail(90.0, 40 * NOISE, width_px=5.0)
    images[0] += light
    images[1:, :40] = np.nan
    images[2:, 40:60] = np.nan
    clean = clip_outliers(stacked(images))
    core = light[40:60] > 10 * NOISE
    assert clean.rejected[40:60][core].mean() > 0.97
    np.testing.assert_allclose(clean.mean[41:59][core[1:-1]].mean(), 100.0, rtol=0, atol=1.0)


def test_too_few_pairs_to_know_their_noise_stay():
    images = noise(6)
    images[2:, 20, 40:80] = np.nan
    images[0, 20, 40:80] += 1000.0
    np.testing.assert_array_equal(clip_outliers(stacked(images)).rejected[20, 40:80], 0)


def test_the_stack_stays_as_it_was_and_without_extremes_nothing_happens():
    images = noise(6)
    images[1, 100:110] += 500.0
    stack = stacked(images)
    before = stack.copy()
    clip_outliers(stack)
    np.testing.assert_array_equal(stack.mean, before.mean)
    np.testing.assert_array_equal(stack.coverage, before.coverage)
    np.testing.assert_array_equal(stack.extremes.high, before.extremes.high)
    plain = stacked(images, extremes=(0, 0))
    assert clip_outliers(plain) is plain


def test_bad_input():
    with pytest.raises(TypeError, match="stack must be a Stack, got ndarray"):
        clip_outliers(np.ones((3, 4)))
    for extremes in ((-1, 0), (1.5, 0)):
        with pytest.raises(ValueError, match="extremes must be two whole numbers from 0 on"):
            accumulate(None, np.ones((3, 4)), np.ones((3, 4), bool), extremes=extremes)


@pytest.mark.parametrize(("value", "error", "words"), NOT_POSITIVE)
def test_bad_kappa(value, error, words):
    with pytest.raises(error, match=f"kappa {words}"):
        clip_outliers(stacked(noise(3)), kappa=value)
