"""vote: the right pairs or none."""

import numpy as np
import pytest
from simulated import NO_POSITIONS, NOT_COUNTS, NOT_POSITIVE, turn

from seestack import Stars, Transform, vote

SHAPE = (1080, 1920)


def scene(rng, count, *, keep=1.0, spurious=0, motion=None, noise_px=0.3):
    """Return reference and frame positions, shuffled, and the index of each true partner."""
    reference = rng.uniform(0, SHAPE[::-1], size=(count, 2))
    kept = np.sort(rng.permutation(count)[: round(keep * count)])
    frame = motion.inverse(reference[kept]) + rng.normal(0, noise_px, (len(kept), 2))
    frame = np.vstack([frame, rng.uniform(0, SHAPE[::-1], size=(spurious, 2))])
    partner = np.concatenate([kept, np.full(spurious, -1)])
    order = rng.permutation(len(frame))
    return reference, frame[order], partner[order]


def centre_error_px(found, truth):
    return np.linalg.norm(np.subtract(found.offset_px(SHAPE), truth.offset_px(SHAPE)))


@pytest.mark.parametrize("count", [12, 60])
@pytest.mark.parametrize("rotation_deg", [0.0, -1.7, 30.0, 90.0, 133.0, 180.0, 270.0, 359.5])
def test_any_turn_and_shift(count, rotation_deg):
    rng = np.random.default_rng(round(count + rotation_deg + 10))
    motion = turn(SHAPE, rotation_deg, (rng.uniform(-300, 300), rng.uniform(-300, 300)))
    reference, frame, partner = scene(rng, count, motion=motion)
    matches = vote(reference, frame)
    assert len(matches) >= count - 2
    np.testing.assert_array_equal(partner[matches.frame], matches.reference)
    assert centre_error_px(matches.transform, motion) < 1.0
    turned = (matches.transform.rotation_deg - rotation_deg + 180) % 360 - 180
    np.testing.assert_allclose(turned, 0.0, rtol=0, atol=0.1)


@pytest.mark.parametrize("transform", ["rigid", "translation"])
@pytest.mark.parametrize(
    ("count", "keep", "spurious"), [(60, 0.4, 0), (60, 0.4, 36), (30, 0.4, 18)]
)
def test_sixty_percent_missing_and_spurious(transform, count, keep, spurious):
    rng = np.random.default_rng(count + spurious)
    for _ in range(25):
        rotation = rng.uniform(0, 360) if transform == "rigid" else 0.0
        motion = turn(SHAPE, rotation, tuple(rng.uniform(-300, 300, 2)))
        reference, frame, partner = scene(rng, count, keep=keep, spurious=spurious, motion=motion)
        matches = vote(reference, frame, transform=transform)
        assert len(matches) >= keep * count - 2
        right = partner[matches.frame] == matches.reference
        assert right.sum() >= len(right) - 2
        assert centre_error_px(matches.transform, motion) < 2.0


def test_five_common_stars_among_twelve():
    rng = np.random.default_rng(5)
    found = 0
    for _ in range(50):
        motion = turn(SHAPE, rng.uniform(0, 360), tuple(rng.uniform(-300, 300, 2)))
        reference, frame, _partner = scene(
            rng, 12, keep=0.42, spurious=7, motion=motion, noise_px=0.25
        )
        matches = vote(reference, frame)
        found += len(matches) > 0
        if len(matches):
            assert centre_error_px(matches.transform, motion) < 2.0
    assert found >= 48


def test_lists_in_opposite_order():
    rng = np.random.default_rng(11)
    motion = turn(SHAPE, 25.0, (40.0, 10.0))
    reference = rng.uniform(0, SHAPE[::-1], size=(12, 2))
    matches = vote(reference, motion.inverse(reference)[::-1])
    np.testing.assert_array_equal(matches.reference, np.arange(12))
    np.testing.assert_array_equal(matches.frame, np.arange(12)[::-1])


def test_a_flipped_field_of_a_long_session():
    rng = np.random.default_rng(6)
    motion = turn(SHAPE, 180.0, (12.3, -45.6))
    reference, frame, _partner = scene(rng, 60, keep=0.6, spurious=20, motion=motion)
    matches = vote(reference, frame)
    assert len(matches) >= 34
    assert abs(abs(matches.transform.rotation_deg) - 180.0) < 0.1


@pytest.mark.parametrize("count", [12, 60])
def test_mirrored_fields_never_match(count):
    rng = np.random.default_rng(count)
    for _ in range(40):
        reference = rng.uniform(0, SHAPE[::-1], size=(count, 2))
        angle = rng.uniform(0, 360)
        mirrored = turn(SHAPE, angle)(reference * [-1, 1] + [SHAPE[1], 0])
        assert len(vote(reference, mirrored)) == 0


@pytest.mark.parametrize("transform", ["rigid", "translation"])
def test_no_unrelated_fields_match_in_a_thousand(transform):
    rng = np.random.default_rng(7)
    accepted = 0
    for _ in range(1000):
        sizes = rng.integers(5, 61, 2)
        reference, frame = (rng.uniform(0, SHAPE[::-1], size=(n, 2)) for n in sizes)
        accepted += len(vote(reference, frame, transform=transform)) > 0
    assert accepted == 0


def test_translation_does_not_follow_a_turn():
    rng = np.random.default_rng(8)
    reference, frame, _ = scene(rng, 40, motion=turn(SHAPE, 20.0))
    assert len(vote(reference, frame, transform="translation")) == 0


def test_no_star_occurs_twice():
    rng = np.random.default_rng(9)
    reference, frame, _ = scene(rng, 50, motion=turn(SHAPE, 3.0, (20, 30)))
    crowded = np.vstack([frame, frame + 0.7])
    matches = vote(reference, crowded, max_stars=100)
    assert len(set(matches.reference)) == len(set(matches.frame)) == len(matches) >= 48
    assert (np.diff(matches.reference) > 0).all()


def test_stars_beyond_max_stars_take_no_part():
    rng = np.random.default_rng(10)
    reference, frame, _ = scene(rng, 50, motion=turn(SHAPE), noise_px=0.0)
    matches = vote(reference, frame, max_stars=20)
    assert matches.reference.max() < 20
    assert matches.frame.max() < 20


@pytest.mark.parametrize("count", [0, 1, 2])
@pytest.mark.parametrize("transform", ["rigid", "translation"])
def test_too_few_stars_make_no_match(count, transform):
    xy = np.random.default_rng(0).uniform(0, 500, (count, 2))
    for reference, frame in ((xy, xy), (xy, np.zeros((30, 2))), (np.zeros((30, 2)), xy)):
        matches = vote(reference, frame, transform=transform)
        assert len(matches) == 0
        assert matches.transform is None


@pytest.mark.parametrize("transform", ["rigid", "translation"])
def test_all_stars_in_one_place_make_no_match(transform):
    assert len(vote(np.full((20, 2), 3.0), np.full((20, 2), 9.0), transform=transform)) <= 1


@pytest.mark.parametrize(("xy", "words"), NO_POSITIONS.values(), ids=NO_POSITIONS)
def test_no_positions(xy, words):
    good = Stars(np.random.default_rng(0).uniform(0, 500, (9, 2)))
    with pytest.raises(ValueError, match=f"reference .*{words}"):
        vote(xy, good)
    with pytest.raises(ValueError, match=f"frame .*{words}"):
        vote(good, xy)


@pytest.mark.parametrize(("value", "error", "words"), NOT_POSITIVE)
def test_bad_tolerance(value, error, words):
    with pytest.raises(error, match=f"tolerance_px {words}"):
        vote([[1.0, 2.0]], [[1.0, 2.0]], tolerance_px=value)


@pytest.mark.parametrize(("value", "error", "words"), NOT_COUNTS)
def test_bad_count(value, error, words):
    with pytest.raises(error, match=f"max_stars {words}"):
        vote([[1.0, 2.0]], [[1.0, 2.0]], max_stars=value)


@pytest.mark.parametrize("value", ["affine", None, 3, Transform.identity()])
def test_unknown_transform(value):
    with pytest.raises(ValueError, match="transform must be one of translation, rigid, got"):
        vote([[1.0, 2.0]], [[1.0, 2.0]], transform=value)
