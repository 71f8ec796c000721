"""accumulate and merge: exact statistics for each pixel."""

from dataclasses import replace

import numpy as np
import pytest
from simulated import NO_IMAGES, NOT_POSITIVE

from seestack import Stack, accumulate, merge

SHAPE = (45, 70)  # not a multiple of the band that accumulate works in
ARRAYS = ("mean", "weight", "m2", "coverage")


def frames(count, *, seed=0, level=30_000.0):
    """Return images (N, H, W), footprints and weights; one corner is never covered."""
    rng = np.random.default_rng(seed)
    images = rng.normal(level, 25.0, (count, *SHAPE)).astype(np.float32)
    footprints = rng.uniform(size=images.shape) < 0.8
    footprints[:, :5, :6] = False
    images[rng.uniform(size=images.shape) < 0.02] = np.nan
    return images, footprints, rng.uniform(0.3, 3.0, count)


def stacked(images, footprints, weights):
    stack = None
    for image, footprint, weight in zip(images, footprints, weights, strict=True):
        stack = accumulate(stack, image, footprint, weight=weight)
    return stack


def assert_same(a, b, rtol=1e-12):
    assert a.frames == b.frames
    for name in ARRAYS:
        np.testing.assert_allclose(getattr(a, name), getattr(b, name), rtol=rtol, atol=1e-9)
    np.testing.assert_allclose(a.mean, b.mean, rtol=rtol, atol=0)


def test_weighted_mean_variance_and_coverage_of_each_pixel():
    images, footprints, weights = frames(9)
    stack = stacked(images, footprints, weights)
    used = footprints & np.isfinite(images)
    w = weights[:, None, None] * used
    x = np.where(used, images, 0).astype(np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = (w * x).sum(axis=0) / w.sum(axis=0)
        m2 = (w * (x - mean) ** 2).sum(axis=0)
        count = used.sum(axis=0)
        variance = m2 / ((count - 1) * w.sum(axis=0))
    np.testing.assert_array_equal(stack.coverage, count)
    np.testing.assert_allclose(stack.weight, w.sum(axis=0), rtol=1e-12, atol=0)
    np.testing.assert_allclose(stack.mean, mean, rtol=1e-12, atol=0)
    np.testing.assert_allclose(
        stack.variance, np.where(count > 1, variance, np.nan), rtol=1e-9, atol=0
    )
    assert stack.frames == 9
    assert stack.shape == SHAPE


def test_uncovered_pixels_are_nan_with_coverage_zero():
    stack = stacked(*frames(4))
    assert np.isnan(stack.mean[:5, :6]).all()
    assert np.isnan(stack.variance[:5, :6]).all()
    np.testing.assert_array_equal(stack.coverage[:5, :6], 0)
    np.testing.assert_array_equal(np.isfinite(stack.mean), stack.coverage > 0)
    np.testing.assert_array_equal(np.isfinite(stack.variance), stack.coverage > 1)


def test_the_variance_is_that_of_the_mean():
    rng = np.random.default_rng(1)
    everywhere = np.ones((200, 300), bool)
    weights = rng.uniform(0.5, 2.0, 12)
    stack = None
    for weight in weights:
        noise = rng.normal(0.0, 8.0 / np.sqrt(weight), (200, 300))
        stack = accumulate(stack, noise, everywhere, weight=weight)
    expected = 64 / weights.sum()
    np.testing.assert_allclose(stack.variance.mean(), expected, rtol=0.02, atol=0)
    np.testing.assert_allclose(stack.mean.var(), expected, rtol=0.02, atol=0)


def test_ten_thousand_frames_at_a_high_level_lose_nothing():
    rng = np.random.default_rng(2)
    pixels = rng.normal(30_000.0, 3.0, (10_000, 2, 3)).astype(np.float32)
    stack = None
    for image in pixels:
        stack = accumulate(stack, image, np.ones((2, 3), bool), out=stack)
    exact = pixels.astype(np.float64)
    np.testing.assert_allclose(stack.mean, exact.mean(axis=0), rtol=1e-12, atol=0)
    np.testing.assert_allclose(
        stack.variance, exact.var(axis=0, ddof=1) / 10_000, rtol=1e-9, atol=0
    )


@pytest.mark.parametrize("split", [0, 1, 4, 8])
def test_merge_equals_stacking_everything_at_once(split):
    images, footprints, weights = frames(9, seed=3)
    nothing = stacked(images[:1], np.zeros_like(footprints[:1]), weights[:1])
    first = stacked(images[:split], footprints[:split], weights[:split]) if split else nothing
    second = stacked(images[split:], footprints[split:], weights[split:])
    whole = stacked(images, footprints, weights)
    merged = merge(first, second)
    np.testing.assert_allclose(merged.mean, whole.mean, rtol=1e-12, atol=0)
    np.testing.assert_allclose(merged.weight, whole.weight, rtol=1e-12, atol=0)
    np.testing.assert_allclose(merged.m2, whole.m2, rtol=1e-9, atol=1e-6)
    np.testing.assert_allclose(merged.variance, whole.variance, rtol=1e-9, atol=0)
    np.testing.assert_array_equal(merged.coverage, whole.coverage)
    assert merged.frames == whole.frames + (split == 0)


def test_out_gives_the_same_and_reuses_the_arrays():
    images, footprints, weights = frames(6, seed=4)
    kept = stacked(images, footprints, weights)
    stack = None
    for image, footprint, weight in zip(images, footprints, weights, strict=True):
        before = stack
        stack = accumulate(stack, image, footprint, weight=weight, out=stack)
        assert before is None or stack.mean is before.mean
    assert_same(stack, kept)


@pytest.mark.parametrize("again", [True, False])
def test_arrays_in_another_order_are_added_to_as_well(again):
    images, footprints, weights = frames(3, seed=8)
    stack = accumulate(None, images[0], footprints[0], weight=weights[0], extremes=(2, 1))
    kept = stack.extremes
    odd = replace(
        stack,
        **{name: np.asfortranarray(getattr(stack, name)) for name in ARRAYS},
        extremes=replace(kept, high=np.asfortranarray(kept.high), low=np.asfortranarray(kept.low)),
    )
    stack = accumulate(stack, images[1], footprints[1], weight=weights[1])
    odd = accumulate(odd, images[1], footprints[1], weight=weights[1], out=odd if again else None)
    assert_same(odd, stack, rtol=0)
    for name in ("high", "low", "high_frame", "low_frame"):
        np.testing.assert_array_equal(getattr(odd.extremes, name), getattr(stack.extremes, name))


def test_without_out_the_old_stack_stays_as_it_was():
    images, footprints, _ = frames(2, seed=5)
    first = accumulate(None, images[0], footprints[0])
    copy = first.copy()
    accumulate(first, images[1], footprints[1])
    merge(first, first)
    assert_same(first, copy, rtol=0)


def test_image_and_footprint_stay_as_they_were():
    images, footprints, _ = frames(1, seed=6)
    image, footprint = images[0].copy(), footprints[0].copy()
    accumulate(None, images[0], footprints[0])
    np.testing.assert_array_equal(images[0], image)
    np.testing.assert_array_equal(footprints[0], footprint)


def test_infinite_pixels_take_no_part():
    stack = accumulate(None, [[1.0, np.inf, -np.inf]], np.ones((1, 3), bool))
    np.testing.assert_array_equal(stack.coverage, [[1, 0, 0]])
    np.testing.assert_array_equal(stack.mean, [[1.0, np.nan, np.nan]])


@pytest.mark.parametrize("dtype", [np.bool_, np.uint8, np.int64])
def test_footprints_of_zeros_and_ones(dtype):
    stack = accumulate(None, [[1.0, 2.0]], np.array([[0, 1]], dtype))
    np.testing.assert_array_equal(stack.coverage, [[0, 1]])


@pytest.mark.parametrize(("image", "words"), NO_IMAGES.values(), ids=NO_IMAGES)
def test_no_image(image, words):
    words = words.replace("2-D ", "").replace(r"\(H, W\)", r"\(H, W\) or \(H, W, 3\)")
    with pytest.raises(ValueError, match=f"image must .*{words}"):
        accumulate(None, image, np.ones((20, 30), bool))


@pytest.mark.parametrize("dtype", [float, complex, object, "U1"])
def test_footprint_of_another_kind(dtype):
    with pytest.raises(ValueError, match="footprint must hold True and False, got dtype"):
        accumulate(None, np.ones((2, 3)), np.ones((2, 3)).astype(dtype))


@pytest.mark.parametrize("shape", [(3, 2), (6,), (1, 2, 3), (0, 3)])
def test_footprint_of_another_shape(shape):
    with pytest.raises(ValueError, match=r"same shape \(H, W\), got \(2, 3\) and"):
        accumulate(None, np.ones((2, 3)), np.ones(shape, bool))


@pytest.mark.parametrize(("value", "error", "words"), NOT_POSITIVE)
def test_bad_weight(value, error, words):
    with pytest.raises(error, match=f"weight {words}"):
        accumulate(None, np.ones((2, 3)), np.ones((2, 3), bool), weight=value)


def test_bad_input_changes_nothing():
    stack = accumulate(None, np.ones((2, 3)), np.ones((2, 3), bool))
    before = stack.copy()
    small = accumulate(None, np.ones((1, 3)), np.ones((1, 3), bool))
    everywhere = np.ones((2, 3), bool)
    for call in (
        lambda: accumulate(stack, np.ones((3, 2)), np.ones((3, 2), bool), out=stack),
        lambda: accumulate(stack, np.ones((2, 3)), everywhere, weight=-1.0, out=stack),
        lambda: accumulate(stack, np.ones((2, 3)), everywhere, out=small),
    ):
        with pytest.raises(ValueError, match="must"):
            call()
    assert_same(stack, before, rtol=0)


@pytest.mark.parametrize("bad", [np.ones((2, 3)), "stack", 3])
def test_no_stack(bad):
    stack = accumulate(None, np.ones((2, 3)), np.ones((2, 3), bool))
    with pytest.raises(TypeError, match="stack must be a Stack, got"):
        accumulate(bad, np.ones((2, 3)), np.ones((2, 3), bool))
    with pytest.raises(TypeError, match="a must be a Stack, got"):
        merge(bad, stack)
    with pytest.raises(TypeError, match="b must be a Stack, got"):
        merge(stack, bad)


def test_merge_of_different_shapes():
    one, other = (accumulate(None, np.ones(s), np.ones(s, bool)) for s in ((2, 3), (3, 2)))
    with pytest.raises(ValueError, match=r"b must have shape \(2, 3\), got \(3, 2\)"):
        merge(one, other)


def test_copy_has_arrays_of_its_own():
    stack = accumulate(None, np.ones((2, 3)), np.ones((2, 3), bool))
    copy = stack.copy()
    copy.mean[:] = 7.0
    assert isinstance(copy, Stack)
    np.testing.assert_array_equal(stack.mean, 1.0)


def test_counts_get_more_bits_when_16_are_full():
    image, covered = np.full((2, 3), 7.0, np.float32), np.ones((2, 3), bool)
    stack = accumulate(None, image, covered)
    near_the_end = np.full((2, 3), 65_534, np.uint16)
    near_the_end[0, 0] = 9
    stack = replace(stack, coverage=near_the_end, frames=65_534)
    for frames, kind in ((65_535, np.uint16), (65_536, np.int32), (65_537, np.int32)):
        stack = accumulate(stack, image, covered, out=stack)
        assert stack.coverage.dtype == kind
        assert (stack.coverage[0, 0], stack.coverage[1, 2]) == (frames - 65_525, frames)
    assert stack.copy().coverage.dtype == np.int32


def test_a_sum_of_two_stacks_counts_in_32_bits():
    image, covered = np.full((2, 3), 7.0, np.float32), np.ones((2, 3), bool)
    half = accumulate(None, image, covered)
    half = replace(half, coverage=np.full((2, 3), 40_000, np.uint16), frames=40_000)
    assert merge(half, half).coverage.tolist() == [[80_000] * 3] * 2


def test_rows_may_be_written_just_before_they_are_added():
    image = np.random.default_rng(5).normal(700, 9, (210, 3001)).astype(np.float32)
    covered, seen = np.ones(image.shape, bool), []
    expected = accumulate(None, image * np.float32(2), covered)

    def double(rows):
        seen.append((rows.start, rows.stop))
        image[rows] *= 2

    found = accumulate(None, image, covered, before=double)
    np.testing.assert_array_equal(found.mean, expected.mean)
    starts, stops = zip(*sorted(seen), strict=True)
    assert starts[0] == 0
    assert starts[1:] == stops[:-1]
    assert stops[-1] == 210
    assert len(seen) > 1
    assert not any(start % 16 for start in starts)
