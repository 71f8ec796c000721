"""What stands out of the sky and by how much, against simulated truth."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from simulated import NOT_POSITIVE

from seestack import Transform, warp
from seestack.alpaca.nebulae import nebula
from seestack.numerics.boxmeans import box_means
from seestack.numerics.noise import NoiseTrack
from seestack.simulation import random_field, simulate_frame
from seestack.steps.forecast import SnrCurve, frames_for_snr
from seestack.steps.targets import Target, brightest_region, target_snr

SHAPE = (440, 600)
Y, X = np.mgrid[: SHAPE[0], : SHAPE[1]]


def glow(height, x=330.0, y=200.0, width=30.0):
    return height * np.exp(-((X - x) ** 2 + (Y - y) ** 2) / (2 * width**2))


def exposures(count, height, *, stars=40, sky=800.0, seed=0):
    """Yield frames of a glow among stars, on the reference's grid, and their footprints."""
    rng, field = np.random.default_rng(seed), random_field(SHAPE, stars, seed=seed)
    for n in range(count):
        shift = np.array([1.3, -0.8]) * n
        seen = simulate_frame(
            field, SHAPE, transform=Transform.rigid(shift_px=tuple(shift)), seed=None, sky_adu=sky
        )
        seen = seen + glow(height, 330 - shift[0], 200 - shift[1])
        frame = rng.poisson(seen) + rng.normal(0, 5, SHAPE)
        yield warp(frame, Transform.rigid(shift_px=tuple(shift)))


def track_of(frames):
    track = None
    for image, footprint in frames:
        track = NoiseTrack.start(image) if track is None else track.with_frame(image, footprint)
    return track


def expected_snr(height, target, count, *, sky=800.0):
    """Return signal and SNR from the numbers of the simulation, no measure involved."""
    light = glow(height)
    inside = target.covers(X, Y)
    away = np.hypot(X - target.x, Y - target.y)
    around = (away > 1.5 * target.radius_px) & (away <= 2.5 * target.radius_px)
    signal = light[inside].mean() - light[around].mean()
    variance = sum((sky + 25 + light[part]).mean() / part.sum() for part in (inside, around))
    return signal, signal / np.sqrt(variance / count)


@pytest.mark.parametrize("height", [12.0, 120.0, 1500.0])
def test_snr_of_a_glow_among_stars(height):
    # A biased answer must not pass on luck: the mean of three skies, each within twice of it.
    target = Target.circle(330, 200, 50)
    signal, snr = expected_snr(height, target, 20)
    measured = [target_snr(track_of(exposures(20, height, seed=seed)), target) for seed in range(3)]
    assert np.mean([m.snr for m in measured]) == pytest.approx(snr, rel=0.05)
    assert [m.snr for m in measured] == pytest.approx([snr] * 3, rel=0.1)
    assert measured[0].signal_adu == pytest.approx(signal, rel=0.05)


def test_a_box_and_a_circle_of_one_area_agree():
    track = track_of(exposures(16, 100.0))
    side = 50 * np.sqrt(np.pi) / 2
    box = target_snr(track, Target.box(330 - side, 200 - side, 330 + side, 200 + side))
    assert box.snr == pytest.approx(target_snr(track, Target.circle(330, 200, 50)).snr, rel=0.1)


def test_the_forecast_comes_true():
    target, curve, track = Target.circle(330, 200, 50), SnrCurve(), None
    for image, footprint in exposures(40, 60.0):
        track = NoiseTrack.start(image) if track is None else track.with_frame(image, footprint)
        if track.frames <= 20:
            curve = curve.with_point(track.frames, target_snr(track, target).snr)
    _, wanted = expected_snr(60.0, target, 34)
    further = frames_for_snr(curve, wanted)
    _, reached = expected_snr(60.0, target, 20 + further)
    assert reached == pytest.approx(wanted, rel=0.1)
    assert target_snr(track, target).snr == pytest.approx(
        expected_snr(60.0, target, 40)[1], rel=0.1
    )


def test_a_single_frame_has_signal_and_no_snr():
    one = target_snr(track_of(exposures(1, 300.0)), Target.circle(330, 200, 50))
    assert np.isnan([one.snr, one.noise_adu]).all()
    assert one.signal_adu > 100


@pytest.mark.parametrize("target", [Target.circle(-500, 200, 50), Target.circle(300, 200, 4000)])
def test_no_target_or_no_sky_in_the_stack(target):
    measured = target_snr(track_of(exposures(4, 100.0, stars=0)), target)
    assert np.isnan([measured.snr, measured.signal_adu, measured.noise_adu]).all()


@pytest.mark.parametrize("slope", [0.0, 0.3])
def test_the_brightest_region_is_the_glow(slope):
    images = [image for image, _ in exposures(8, 100.0)]
    stack = np.nanmean(np.stack(images), axis=0)[:, :-12] + slope * X[:, :-12]
    found = brightest_region(stack)
    assert np.hypot(found.x - 330, found.y - 200) < 6
    # Half the height of a Gaussian of sigma 30 px lies at 35.3 px.
    assert found.radius_px == pytest.approx(35.3, rel=0.2)
    colour = brightest_region(np.repeat(stack[..., None], 3, axis=2))
    assert (colour.x, colour.y) == pytest.approx((found.x, found.y), abs=0.1)


def test_a_nebula_that_fills_the_frame_is_found():
    light = 300 * nebula(SHAPE, size_px=185, seed=1)[0]
    found = brightest_region(np.random.default_rng(0).normal(500, 10, SHAPE) + light)
    inside = found.covers(X, Y)
    assert light[inside].mean() > 2 * light.mean()


def test_the_brighter_of_two():
    image = np.random.default_rng(0).normal(500, 10, SHAPE) + glow(40) + glow(90, 120, 300)
    found = brightest_region(image)
    assert np.hypot(found.x - 120, found.y - 300) < 6


@pytest.mark.parametrize("seed", range(4))
def test_sky_slopes_and_stars_are_no_region(seed):
    frame = simulate_frame(random_field(SHAPE, 60, seed=seed), SHAPE, seed=seed)
    assert brightest_region(frame) is None
    assert brightest_region(frame + 0.2 * X + 2e-4 * (Y - 100.0) ** 2) is None


@pytest.mark.parametrize("image", [np.full(SHAPE, np.nan), np.zeros(SHAPE), np.ones((9, 400))])
def test_nothing_to_see(image):
    assert brightest_region(image) is None


@given(st.floats(1e-2, 1e3), st.floats(-1e3, 1e4))
@settings(max_examples=10)
def test_unit_and_level_change_neither_place_nor_snr(factor, level):
    frames = np.random.default_rng(1).normal(800.0, 20.0, (6, *SHAPE)) + glow(90)
    one, other = NoiseTrack.start(frames[0]), NoiseTrack.start(factor * (frames[0] + level))
    for frame in frames[1:]:
        one, other = one.with_frame(frame), other.with_frame(factor * (frame + level))
    target = Target.circle(330, 200, 40)
    first, second = target_snr(one, target), target_snr(other, target)
    assert second.snr == pytest.approx(first.snr, rel=2e-3)
    assert second.signal_adu == pytest.approx(factor * first.signal_adu, rel=2e-3)
    found, again = (brightest_region(f) for f in (frames[0], factor * (frames[0] + level)))
    assert (again.x, again.y) == pytest.approx((found.x, found.y), abs=0.5)


def test_covers_and_area():
    circle, box = Target.circle(10, 20, 5), Target.box(30, 8, 10, 2)
    assert circle.covers(np.array([10.0, 14.9, 14.0]), np.array([20.0, 20.0, 24.0])).tolist() == [
        True,
        True,
        False,
    ]
    assert box.covers(np.array([10.0, 31.0]), np.array([8.0, 5.0])).tolist() == [True, False]
    assert np.pi * box.radius_px**2 == pytest.approx(20 * 6)
    assert circle.radius_px == pytest.approx(5)


@pytest.mark.parametrize(("value", "error", "words"), NOT_POSITIVE)
def test_bad_radius(value, error, words):
    with pytest.raises(error, match=f"radius_px {words}"):
        Target.circle(1, 2, value)


def test_bad_target():
    with pytest.raises(ValueError, match="width_px must be positive, got 0"):
        Target.box(3, 1, 3, 9)
    with pytest.raises(ValueError, match="x must be finite, got nan"):
        Target.circle(np.nan, 1, 3)
    with pytest.raises(ValueError, match="kind must be 'circle' or 'box', got 'star'"):
        Target(1, 2, 3, 4, "star")


def test_boxes_of_torn_pixels():
    image = np.arange(64.0).reshape(8, 8)
    image[0, :2] = np.nan
    footprint = np.ones((8, 8), bool)
    footprint[4:, 4:6] = False
    means = box_means(image, 4, footprint)
    assert means[0, 0] == pytest.approx(np.nanmean(image[:4, :4]))
    assert np.isnan(means[1, 1])
    assert means[0, 1] == pytest.approx(image[:4, 4:].mean())
