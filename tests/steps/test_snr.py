"""Noise and gain, against known noise and against the true error of the stack."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from simulated import NO_IMAGES, NOT_COUNTS, NOT_POSITIVE

from seestack import Transform, accumulate, warp
from seestack.alpaca.nebulae import cloudy_field, nebula
from seestack.numerics.boxmeans import box_means
from seestack.numerics.spread import robust_spread
from seestack.simulation import random_field, simulate_frame
from seestack.steps.snr import NoiseTrack, sky_noise, stack_noise, tracked_gain

SHAPE = (400, 560)
SKY = (480, 640)


def views(field, drift, count):
    """Return the shifts of `count` frames and the field as each sees it, without sky.

    Fractions of a pixel come in quarters, so that four pictures serve all frames.
    """
    whole = np.rint(np.outer(np.arange(count), drift)).astype(int)
    margin = 1 + np.abs(whole).max()
    shape = (SKY[0] + 2 * margin, SKY[1] + 2 * margin)
    pictures = [
        simulate_frame(
            field,
            shape,
            transform=Transform.rigid(shift_px=(part - margin, part - margin)),
            seed=None,
            sky_adu=0,
        )
        for part in np.arange(min(count, 4)) / 4
    ]
    for n, (x, y) in enumerate(whole):
        rows, cols = (
            slice(margin + k, margin + k + side) for k, side in ((y, SKY[0]), (x, SKY[1]))
        )
        yield (x + n % 4 / 4, y + n % 4 / 4), pictures[n % 4][rows, cols]


def tracked(
    count=20,
    *,
    stars=80,
    light=0.0,
    drift=(1.7, -0.9),
    slopes=0.0,
    transparency=None,
    sky=None,
    weights=None,
    pattern=0.0,
    box_px=8,
    interpolation="lanczos",
    seed=0,
):
    """Stack simulated frames; return their track and the box errors of reference and stack."""
    rng, field = np.random.default_rng(seed), random_field(SKY, stars, seed=seed)
    across = np.linspace(-0.5, 0.5, SKY[1])
    light = np.broadcast_to(np.float32(light), SKY)
    track = stack = None
    truth = total = 0.0
    for n, (shift, stars_seen) in enumerate(views(field, drift, count)):
        motion = Transform.rigid(shift_px=shift)
        clear = 1.0 if transparency is None else transparency[n]
        seen = clear * stars_seen
        seen += clear * cv2.warpAffine(
            light,
            np.array([[1, 0, shift[0]], [0, 1, shift[1]]]),
            SKY[::-1],
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REPLICATE,
        )
        seen += (800 if sky is None else sky[n]) + slopes * rng.normal() * across.astype("f4")
        frame = (rng.poisson(seen) + rng.normal(0, 5, SKY) + pattern).astype(np.float32)
        image, footprint = warp(frame, motion, interpolation=interpolation)
        expected, _ = warp(seen, motion, interpolation=interpolation)
        weight = 1.0 if weights is None else weights[n]
        stack = accumulate(stack, image, footprint, weight=weight, out=stack)
        truth, total = truth + weight * expected.astype(np.float64), total + weight
        if track is None:
            track, first = NoiseTrack.start(image, weight=weight, box_px=box_px), image - expected
        else:
            track = track.with_frame(image, footprint, weight=weight)
    inside = np.where(track.usable, 1.0, np.nan)
    errors = (box_means(e, box_px) * inside for e in (first, stack.mean - truth / total))
    return track, *(robust_spread(e) for e in errors)


def test_noise_of_white_noise_in_boxes():
    for box, expected in ((8, 2.0), (4, 4.0)):
        measured = [
            sky_noise(np.random.default_rng(seed).normal(500.0, 16.0, (800, 1000)), box_px=box)
            for seed in range(5)
        ]
        np.testing.assert_allclose(np.mean(measured), expected, rtol=0.015, atol=0)


def test_a_slope_stars_and_holes_change_little():
    frame = simulate_frame(random_field(SHAPE, 60, seed=1), SHAPE, seed=1).astype(np.float64)
    frame += np.linspace(0, 3000, SHAPE[1])
    frame[100:103] = np.nan
    np.testing.assert_allclose(sky_noise(frame), np.sqrt(825.0) / 8, rtol=0.12, atol=0)


@pytest.mark.parametrize("shape", [(7, 500), (16, 16), (1, 1)])
def test_too_small_to_measure(shape):
    assert np.isnan(sky_noise(np.zeros(shape)))


def test_nothing_but_nan():
    assert np.isnan(sky_noise(np.full(SHAPE, np.nan)))


@pytest.mark.parametrize("dtype", ["u2", "i4", "f4", ">f8"])
def test_number_formats(dtype):
    noise = np.random.default_rng(2).normal(500.0, 16.0, SHAPE).round()
    np.testing.assert_allclose(sky_noise(noise.astype(dtype)), sky_noise(noise), rtol=1e-3, atol=0)


@pytest.mark.parametrize(("image", "words"), NO_IMAGES.values(), ids=NO_IMAGES)
def test_no_image(image, words):
    with pytest.raises(ValueError, match=f"image must .*{words}"):
        sky_noise(image)


@pytest.mark.parametrize(("value", "error", "words"), NOT_COUNTS)
def test_bad_box(value, error, words):
    with pytest.raises(error, match=f"box_px {words}"):
        sky_noise(np.zeros(SHAPE), box_px=value)


NEBULA = 600 * nebula(SKY, size_px=240, seed=1)[1]
CLOUDS = 300 + 100 * cloudy_field(SKY, seed=2, slope=2.6, largest_px=200)
VARIED = np.random.default_rng(6).uniform(400, 3000, 20)
CASES = {
    "no star": {"stars": 0},
    "few stars": {},
    "many stars": {"stars": 1200},
    "nebula": {"light": NEBULA},
    "bright nebula": {"light": 6 * NEBULA},
    "threads everywhere": {"light": CLOUDS},
    "slopes": {"slopes": 150.0},
    "cloud over a nebula": {"light": 3 * NEBULA, "transparency": np.linspace(1, 0.6, 20)},
    "unequal weights": {"weights": np.random.default_rng(5).uniform(0.3, 2, 20)},
    "weights by noise": {"weights": 800 / VARIED, "sky": VARIED},
    "four frames": {"count": 4},
    "odd number": {"count": 17, "light": NEBULA},
    "many frames": {"count": 37, "drift": (0.5, -0.3), "stars": 20},
}


# Frames that are all alike gain the root of their number.
ALIKE = ("few stars", "many stars", "nebula", "threads everywhere")


@pytest.mark.parametrize("name", CASES)
def test_gain_and_noise_are_the_true_ones(name):
    track, first, whole = tracked(**CASES[name])
    assert stack_noise(track) == pytest.approx(whole, rel=0.05)
    assert tracked_gain(track) == pytest.approx(first / whole, rel=0.05)
    if name in ALIKE:
        assert tracked_gain(track) == pytest.approx(20**0.5, rel=0.05)


def test_bilinear_smooths_large_boxes_little():
    track, *_ = tracked(box_px=16, interpolation="bilinear", stars=20, seed=4)
    assert tracked_gain(track) == pytest.approx(20**0.5, rel=0.06)


@pytest.mark.parametrize("drift", [(1.0, 0.5), (2.0, 1.0), (5.0, 3.0)])
def test_walking_noise_is_noise(drift):
    pattern = np.random.default_rng(9).normal(0, 10, SKY)
    track, _, whole = tracked(pattern=pattern, drift=drift)
    assert stack_noise(track) == pytest.approx(whole, rel=0.06)
    assert tracked_gain(track) < (1.03 if drift[0] == 5.0 else 0.95) * 20**0.5


def test_a_single_frame_and_too_few():
    rng = np.random.default_rng(0)
    frames = rng.normal(100, 8, (4, *SHAPE))
    track = NoiseTrack.start(frames[0])
    gains, noises = [tracked_gain(track)], [stack_noise(track)]
    for frame in frames[1:]:
        track = track.with_frame(frame)
        gains.append(tracked_gain(track))
        noises.append(stack_noise(track))
    np.testing.assert_allclose(gains, [1.0, np.nan, np.nan, 2.0], rtol=0.05)
    np.testing.assert_allclose(noises, [np.nan, 2**-0.5, 3**-0.5, 0.5], rtol=0.05)


def test_only_boxes_that_nearly_all_frames_cover_count():
    rng = np.random.default_rng(3)
    frames = rng.normal(500.0, 9.0, (16, 400, 640))
    footprint = np.ones((400, 640), bool)
    part = footprint & (np.arange(640) < 320)
    track = NoiseTrack.start(frames[0])
    for index, frame in enumerate(frames[1:]):
        track = track.with_frame(frame, footprint if index < 3 else part)
    assert tracked_gain(track) == pytest.approx(4.0, rel=0.05)
    assert not track.usable[:, 41:].any()


def test_hardly_any_overlap_is_not_known():
    frame = np.random.default_rng(4).normal(0, 1, SHAPE)
    corner = np.zeros(SHAPE, bool)
    corner[:20, :20] = True
    track = NoiseTrack.start(frame)
    for _ in range(5):
        track = track.with_frame(frame, corner)
    assert np.isnan(tracked_gain(track))
    track = NoiseTrack.start(np.full(SHAPE, np.nan))
    for _ in range(5):
        track = track.with_frame(np.full(SHAPE, np.nan))
    assert np.isnan(tracked_gain(track))


def test_a_trail_and_dead_pixels_change_little():
    rng = np.random.default_rng(8)
    frames = rng.normal(500.0, 9.0, (16, *SHAPE))
    frames[9, 200:204] += 2000
    frames[:, rng.uniform(size=SHAPE) < 0.02] = np.nan
    track = NoiseTrack.start(frames[0])
    for frame in frames[1:]:
        track = track.with_frame(frame)
    assert track.usable.mean() > 0.9
    assert tracked_gain(track) == pytest.approx(4.0, rel=0.05)


def test_colours_are_averaged():
    frames = np.random.default_rng(2).normal(300.0, 9.0, (16, *SHAPE, 3)).astype(np.float32)
    inside = np.ones(SHAPE, bool)
    inside[:, 500:] = False
    colour, grey = NoiseTrack.start(frames[0]), NoiseTrack.start(frames[0].mean(axis=2))
    for frame in frames[1:]:
        colour = colour.with_frame(frame, inside)
        grey = grey.with_frame(frame.mean(axis=2), inside)
    np.testing.assert_allclose(colour.mean, grey.mean, rtol=1e-6)
    assert tracked_gain(colour) == pytest.approx(tracked_gain(grey), rel=1e-4)


def test_the_parts_stay_few_and_whole():
    rng = np.random.default_rng(1)
    frames = rng.normal(20_000.0, 9.0, (200, 80, 96)).astype(np.float32)
    weights = rng.uniform(0.5, 2, 200)
    track = NoiseTrack.start(frames[0], weight=weights[0])
    for frame, weight in zip(frames[1:], weights[1:], strict=True):
        before, kept = track, track.mean.copy()
        track = track.with_frame(frame, weight=weight)
        np.testing.assert_array_equal(before.mean, kept)
        assert len(track.parts) <= 16
    assert track.frames == 200
    assert len({part.frames for part in track.parts[:-1]}) == 1
    expected = box_means(np.average(frames.astype(np.float64), axis=0, weights=weights), 8)
    np.testing.assert_allclose(track.mean, expected, rtol=1e-6)


@given(st.floats(1e-3, 1e3), st.floats(-1e4, 1e4), st.integers(4, 20), st.integers(0, 99))
@settings(max_examples=15)
def test_unit_and_level_do_not_change_the_gain(factor, level, count, seed):
    frames = np.random.default_rng(seed).normal(800.0, 30.0, (count, 160, 240))
    frames[:, 60:90, 100:140] += 300.0
    tracks = [NoiseTrack.start(frames[0]), NoiseTrack.start(factor * (frames[0] + level))]
    for frame in frames[1:]:
        tracks = [tracks[0].with_frame(frame), tracks[1].with_frame(factor * (frame + level))]
    one, other = tracks
    assert stack_noise(other) == pytest.approx(factor * stack_noise(one), rel=1e-3)
    assert tracked_gain(other) == pytest.approx(tracked_gain(one), rel=1e-3, nan_ok=True)


@pytest.mark.parametrize(("value", "error", "words"), NOT_POSITIVE)
def test_bad_weight(value, error, words):
    track = NoiseTrack.start(np.zeros(SHAPE))
    with pytest.raises(error, match=f"weight {words}"):
        track.with_frame(np.zeros(SHAPE), weight=value)


def test_bad_shapes():
    track = NoiseTrack.start(np.zeros(SHAPE))
    with pytest.raises(ValueError, match=r"image must have the reference's \(50, 70\) boxes"):
        track.with_frame(np.zeros((400, 400)))
    with pytest.raises(ValueError, match=r"footprint must have the shape \(400, 560\)"):
        track.with_frame(np.zeros(SHAPE), np.ones((4, 5), bool))
    with pytest.raises(ValueError, match=r"image must have shape \(H, W\) or \(H, W, 3\), got"):
        NoiseTrack.start(np.zeros((3, 40, 50)))
