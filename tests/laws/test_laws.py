"""Laws that hold for all inputs: equivariance, order, merging, identity, equal outputs."""

import numpy as np
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from simulated import distance_px

from seestack import Stars, Transform, accumulate, detect, merge, refine, stretch, vote, warp
from seestack.simulation import random_field, simulate_frame

SHAPE = (300, 420)

seeds = st.integers(0, 2**32 - 1)
angles = st.floats(-180, 180, width=32)
shifts = st.tuples(st.floats(-300, 300, width=32), st.floats(-300, 300, width=32))


def motions():
    return st.builds(lambda a, s: Transform.rigid(rotation_deg=a, shift_px=s), angles, shifts)


@st.composite
def fields(draw, least=8, most=40):
    """Draw star positions that keep a few pixels away from each other."""
    rng = np.random.default_rng(draw(seeds))
    xy = rng.uniform(0, SHAPE[::-1], (draw(st.integers(least, most)), 2))
    apart = np.linalg.norm(xy[:, None] - xy[None], axis=2) + 1e3 * np.eye(len(xy))
    assume(apart.min() > 5.0)
    return xy


@st.composite
def exposures(draw, most=5):
    """Draw images (N, H, W), footprints and weights for a stack."""
    rng = np.random.default_rng(draw(seeds))
    count = draw(st.integers(1, most))
    images = rng.normal(draw(st.sampled_from([0.0, 800.0, 30_000.0])), 25.0, (count, 7, 11))
    return images, rng.uniform(size=images.shape) < 0.7, rng.uniform(0.1, 10, count)


def stacked(images, footprints, weights):
    stack = None
    for image, footprint, weight in zip(images, footprints, weights, strict=True):
        stack = accumulate(stack, image, footprint, weight=weight)
    return stack


def assert_stacks_equal(a, b, scale):
    """Compare to 1e-12 of the pixels' level, the squares to 1e-12 of its square."""
    np.testing.assert_allclose(a.mean, b.mean, rtol=1e-12, atol=1e-12 * scale)
    np.testing.assert_allclose(a.weight, b.weight, rtol=1e-12, atol=0)
    np.testing.assert_allclose(a.m2, b.m2, rtol=1e-12, atol=1e-12 * scale**2)
    np.testing.assert_array_equal(a.coverage, b.coverage)
    assert a.frames == b.frames


@given(fields(), motions())
def test_vote_finds_any_motion(reference, motion):
    matches = vote(reference, motion.inverse(reference))
    assert len(matches) == len(reference)
    np.testing.assert_array_equal(matches.reference, matches.frame)
    np.testing.assert_allclose(matches.transform(motion.inverse(reference)), reference, atol=2.0)


@given(fields(), motions(), motions())
def test_vote_and_refine_are_equivariant(reference, motion, other):
    # Moving the frame by `other` moves the answer by its inverse, and no pair changes.
    frame = motion.inverse(reference)[: len(reference) - 2]
    moved = other(frame)
    first, second = vote(reference, frame), vote(reference, moved)
    np.testing.assert_array_equal(first.reference, second.reference)
    np.testing.assert_array_equal(first.frame, second.frame)
    found = refine(reference, frame, first).transform
    again = refine(reference, moved, second).transform
    np.testing.assert_allclose((again @ other).matrix, found.matrix, rtol=0, atol=1e-7)


@given(fields(), motions(), seeds)
def test_the_order_of_the_stars_is_no_matter(reference, motion, seed):
    frame = motion.inverse(reference)
    rng = np.random.default_rng(seed)
    shuffled = rng.permutation(len(frame))
    plain, mixed = vote(reference, frame), vote(reference, frame[shuffled])
    np.testing.assert_array_equal(mixed.reference, plain.reference)
    np.testing.assert_array_equal(shuffled[mixed.frame], plain.frame)
    one = refine(reference, frame, plain).transform
    other = refine(reference, frame[shuffled], mixed).transform
    np.testing.assert_allclose(one.matrix, other.matrix, rtol=0, atol=1e-7)


@given(fields(), motions())
def test_swapping_reference_and_frame_inverts_the_motion(reference, motion):
    frame = motion.inverse(reference)
    forth = refine(reference, frame, vote(reference, frame)).transform
    back = refine(frame, reference, vote(frame, reference)).transform
    np.testing.assert_allclose((forth @ back).matrix, np.eye(3), rtol=0, atol=1e-6)


@given(fields(), shifts)
def test_translation_finds_any_shift(reference, shift):
    matches = vote(reference, reference - shift, transform="translation")
    found = refine(reference, reference - shift, matches, transform="translation").transform
    np.testing.assert_allclose(found.shift_px, shift, rtol=0, atol=1e-9)
    assert found.rotation_deg == 0.0


@given(exposures(), exposures())
def test_merge_equals_stacking_everything_at_once(one, other):
    whole = stacked(*(np.concatenate(parts) for parts in zip(one, other, strict=True)))
    assert_stacks_equal(merge(stacked(*one), stacked(*other)), whole, 3e4)


@given(exposures(), exposures(), exposures())
def test_merge_is_associative_and_commutative(one, two, three):
    a, b, c = (stacked(*part) for part in (one, two, three))
    assert_stacks_equal(merge(merge(a, b), c), merge(a, merge(b, c)), 3e4)
    assert_stacks_equal(merge(a, b), merge(b, a), 3e4)


@given(exposures(), seeds)
def test_the_order_of_the_frames_is_no_matter(exposure, seed):
    order = np.random.default_rng(seed).permutation(len(exposure[0]))
    assert_stacks_equal(stacked(*exposure), stacked(*(part[order] for part in exposure)), 3e4)


@given(exposures(), st.floats(0.01, 100))
def test_a_common_factor_of_the_weights_is_no_matter(exposure, factor):
    images, footprints, weights = exposure
    one, other = stacked(*exposure), stacked(images, footprints, factor * weights)
    np.testing.assert_allclose(one.mean, other.mean, rtol=1e-12, atol=1e-8)
    np.testing.assert_allclose(one.variance, other.variance, rtol=1e-6, atol=1e-6)


@given(seeds, st.sampled_from(["lanczos", "bilinear", "nearest"]), st.floats(0, 0.3))
def test_the_identity_changes_nothing(seed, interpolation, holes):
    rng = np.random.default_rng(seed)
    image = rng.normal(800, 30, tuple(rng.integers(1, 40, 2))).astype(np.float32)
    image[rng.uniform(size=image.shape) < holes] = np.nan
    warped, footprint = warp(image, Transform.identity(), interpolation=interpolation)
    np.testing.assert_array_equal(warped, image)
    np.testing.assert_array_equal(footprint, np.isfinite(image))


@given(seeds, motions(), st.floats(-1e4, 1e4), st.sampled_from(["lanczos", "bilinear"]))
@settings(max_examples=40)
def test_warp_moves_with_the_level_and_covers_alike(seed, motion, level, interpolation):
    image = np.random.default_rng(seed).normal(0, 30, (60, 91)).astype(np.float32)
    low, covered = warp(image, motion, interpolation=interpolation)
    high, same = warp(image + np.float32(level), motion, interpolation=interpolation)
    np.testing.assert_array_equal(covered, same)
    np.testing.assert_allclose(high[covered], low[covered] + level, rtol=1e-5, atol=0.05)


@given(seeds, st.integers(-15, 15), st.integers(-15, 15))
@settings(max_examples=8)
def test_detect_moves_with_the_image(seed, dx, dy):
    field = random_field(SHAPE, 20, seed=seed, faintest_adu=2e4, margin_px=-40)
    frame = simulate_frame(field, SHAPE, seed=seed)
    stars, moved = detect(frame), detect(np.roll(frame, (dy, dx), axis=(0, 1)))
    assert distance_px(stars.xy[:10] + np.array([dx, dy]), moved.xy).max() < 0.05


@given(seeds)
@settings(max_examples=5)
def test_equal_inputs_give_equal_outputs(seed):
    field = random_field(SHAPE, 40, seed=seed, faintest_adu=1e4)
    frame = simulate_frame(field, SHAPE, seed=seed)
    motion = Transform.rigid(rotation_deg=3.0, shift_px=(12.5, -7.25))
    outputs = []
    for image in (frame, frame.copy()):
        stars = detect(image)
        moved = Stars(motion.inverse(stars.xy), xy_err_px=stars.xy_err_px)
        registration = refine(stars, moved, vote(stars, moved))
        warped, footprint = warp(image, registration.transform)
        stack = accumulate(None, warped, footprint)
        outputs.append((stars.xy, registration.transform.matrix, stack.mean, stretch(stack.mean)))
    for one, other in zip(*outputs, strict=True):
        np.testing.assert_array_equal(one, other)
