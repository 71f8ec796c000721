"""refine: to the noise limit, and robust."""

import numpy as np
import pytest
from simulated import NO_POSITIONS, NOT_COUNTS, NOT_POSITIVE, turn

from seestack import FrameRejected, Matches, Stars, Transform, detect, refine, vote
from seestack.bounds import motion_bound
from seestack.simulation import random_field, simulate_frame

SHAPE = (400, 560)
# Stars, FWHM in pixels, brightest and faintest star in ADU, greatest error over the bound.
FIELDS = {
    "rich, FWHM 1.8 px": (75, 1.8, 100_000.0, 1_000.0, 1.2),
    "rich, FWHM 3 px": (75, 3.0, 200_000.0, 1_000.0, 1.2),
    "rich, FWHM 5 px": (75, 5.0, 200_000.0, 1_000.0, 1.2),
    "faint, FWHM 3 px": (75, 3.0, 6_000.0, 500.0, 1.3),
    "ten stars, FWHM 3 px": (10, 3.0, 50_000.0, 5_000.0, 1.3),
}
TRIALS = 70  # two axes each: the ratio is known to 6 %


def pairs(count, motion, *, noise_px=0.0, seed=0):
    """Return reference and frame positions and the matches of all stars."""
    rng = np.random.default_rng(seed)
    reference = rng.uniform(0, SHAPE[::-1], size=(count, 2))
    frame = motion.inverse(reference) + rng.normal(0, noise_px, (count, 2))
    return reference, frame, Matches(np.arange(count), np.arange(count))


@pytest.mark.parametrize("name", FIELDS)
def test_error_of_the_shift_over_the_cramer_rao_bound(name):
    n_stars, fwhm, brightest, faintest, limit = FIELDS[name]
    field = random_field(
        SHAPE, n_stars, seed=3, brightest_adu=brightest, faintest_adu=faintest, margin_px=-8
    )
    rng = np.random.default_rng(4)
    errors = []
    for trial in range(TRIALS):
        truth = Transform.rigid(shift_px=tuple(rng.uniform(-3, 3, 2)))
        first = detect(simulate_frame(field, SHAPE, seed=2 * trial, fwhm_px=fwhm))
        second = detect(
            simulate_frame(field, SHAPE, seed=2 * trial + 1, fwhm_px=fwhm, transform=truth)
        )
        found = refine(first, second, vote(first, second)).transform
        errors.append(np.subtract(found.offset_px(SHAPE), truth.offset_px(SHAPE)))
    ratio = np.sqrt(np.mean(np.square(errors))) / motion_bound(field, SHAPE, fwhm_px=fwhm)
    assert 0.85 <= ratio <= limit
    alone = motion_bound(field, SHAPE, fwhm_px=fwhm, transform="translation")
    print(f"{name}: {ratio:.3f}, over the bound of a shift alone", end=" ")
    print(f"{ratio * motion_bound(field, SHAPE, fwhm_px=fwhm) / alone:.3f}")


@pytest.mark.parametrize("rotation_deg", [0.0, 0.3, -3.0, 77.0, 180.0, -120.0])
def test_exact_without_noise(rotation_deg):
    motion = turn(SHAPE, rotation_deg, (17.25, -8.5))
    registration = refine(*pairs(20, motion))
    np.testing.assert_allclose(registration.transform.matrix, motion.matrix, rtol=0, atol=1e-9)
    assert registration.inliers.sum() == 20
    np.testing.assert_allclose(registration.rms_px, 0.0, rtol=0, atol=1e-9)


def test_translation_is_the_mean_and_never_turns():
    reference, frame, matches = pairs(30, Transform.rigid(shift_px=(5.0, 2.0)), noise_px=0.1)
    found = refine(reference, frame, matches, transform="translation").transform
    np.testing.assert_allclose(found.shift_px, (reference - frame).mean(axis=0), rtol=0, atol=1e-3)
    assert found.rotation_deg == 0.0


def test_noise_averages_down():
    motion = turn(SHAPE, 1.0, (3.0, -2.0))
    errors = []
    for seed in range(60):
        found = refine(*pairs(40, motion, noise_px=0.2, seed=seed)).transform
        errors.append(np.subtract(found.offset_px(SHAPE), motion.offset_px(SHAPE)))
    rms = np.sqrt(np.mean(np.square(errors)))
    np.testing.assert_allclose(rms, 0.2 / np.sqrt(40), rtol=0.25, atol=0)


def test_wrong_pairs_do_not_pull():
    motion = turn(SHAPE, 2.0, (4.0, 9.0))
    reference, frame, matches = pairs(40, motion, noise_px=0.03)
    rng = np.random.default_rng(1)
    frame[:8] += rng.uniform(1.0, 1.9, (8, 2)) * [1, -1]
    registration = refine(reference, frame, matches)
    error = np.subtract(registration.transform.offset_px(SHAPE), motion.offset_px(SHAPE))
    assert np.abs(error).max() < 0.02
    assert 30 <= registration.inliers.sum() <= 32
    assert registration.rms_px < 0.06


def test_few_matches_grow_to_all_pairs():
    motion = turn(SHAPE, 12.0, (40.0, -70.0))
    reference, frame, _ = pairs(50, motion, noise_px=0.05)
    registration = refine(reference, frame, Matches(range(6), range(6)))
    assert registration.inliers.sum() >= 48
    assert len(registration.reference_xy) == 50


def test_exact_stars_weigh_more():
    motion = Transform.rigid(shift_px=(2.0, 1.0))
    reference, frame, matches = pairs(30, motion)
    rng = np.random.default_rng(2)
    error = np.where(np.arange(30) < 10, 0.01, 0.5)
    frame += rng.normal(size=(30, 2)) * error[:, None]
    plain = refine(reference, frame, matches, transform="translation")
    first = Stars(reference, xy_err_px=np.full(30, 1e-3))
    weighted = refine(first, Stars(frame, xy_err_px=error), matches, transform="translation")
    assert np.abs(np.subtract(weighted.transform.shift_px, (2.0, 1.0))).max() < 0.01
    assert np.abs(np.subtract(plain.transform.shift_px, (2.0, 1.0))).max() > 0.01


def test_pairs_come_in_the_order_of_the_reference():
    reference, frame, _matches = pairs(15, turn(SHAPE, 5.0), noise_px=0.02)
    registration = refine(reference, frame[::-1], Matches(range(15), range(14, -1, -1)))
    np.testing.assert_array_equal(registration.reference_xy, reference)
    np.testing.assert_array_equal(registration.frame_xy, frame)


def test_too_few_inliers_reject_the_frame():
    reference, frame, matches = pairs(10, turn(SHAPE, 5.0))
    words = r"^alignment failed \(too few matching stars\)$"
    for given, least in ((Matches([], []), 4), (Matches([0, 1], [0, 1]), 4), (matches, 11)):
        with pytest.raises(FrameRejected, match=words):
            refine(reference, frame, given, min_inliers=least)
    with pytest.raises(FrameRejected, match=words):
        refine(reference, reference[::-1] * 3.0, Matches(range(10), range(10)))


@pytest.mark.parametrize(
    "bad", [Matches([0, 1, 2, 20], [0, 1, 2, 3]), Matches(range(4), range(7, 11))]
)
def test_match_without_a_star(bad):
    reference, frame, _ = pairs(10, turn(SHAPE))
    with pytest.raises(ValueError, match="matches must index stars of reference and frame"):
        refine(reference, frame, bad)


@pytest.mark.parametrize("bad", [None, [[0, 0], [1, 1]], "all"])
def test_matches_of_another_type(bad):
    with pytest.raises(TypeError, match="matches must be Matches"):
        refine([[1.0, 2.0]], [[1.0, 2.0]], bad)


@pytest.mark.parametrize(("xy", "words"), NO_POSITIONS.values(), ids=NO_POSITIONS)
def test_no_positions(xy, words):
    good, _, matches = pairs(10, turn(SHAPE))
    with pytest.raises(ValueError, match=f"reference .*{words}"):
        refine(xy, good, matches)
    with pytest.raises(ValueError, match=f"frame .*{words}"):
        refine(good, xy, matches)


@pytest.mark.parametrize(("value", "error", "words"), NOT_POSITIVE)
def test_bad_tolerance(value, error, words):
    reference, frame, matches = pairs(10, turn(SHAPE))
    with pytest.raises(error, match=f"tolerance_px {words}"):
        refine(reference, frame, matches, tolerance_px=value)


@pytest.mark.parametrize(("value", "error", "words"), NOT_COUNTS)
def test_bad_count(value, error, words):
    reference, frame, matches = pairs(10, turn(SHAPE))
    with pytest.raises(error, match=f"min_inliers {words}"):
        refine(reference, frame, matches, min_inliers=value)


@pytest.mark.parametrize("value", ["affine", None, 3])
def test_unknown_transform(value):
    reference, frame, matches = pairs(10, turn(SHAPE))
    with pytest.raises(
        ValueError, match="transform must be one of rigid, translation, similarity, got"
    ):
        refine(reference, frame, matches, transform=value)


def test_the_pairs_are_known_as_positions_and_as_stars():
    rng = np.random.default_rng(3)
    reference = rng.uniform(0, 300, (20, 2))
    shuffled = rng.permutation(20)
    frame = Transform.rigid(shift_px=(4.0, -2.0)).inverse(reference)[shuffled]
    registration = refine(reference, frame, Matches(shuffled[:8], np.arange(8)))
    pairs = registration.matches
    assert len(pairs) == 20
    np.testing.assert_array_equal(registration.reference_xy, reference[pairs.reference])
    np.testing.assert_array_equal(registration.frame_xy, frame[pairs.frame])
    np.testing.assert_array_equal(pairs.reference, shuffled[pairs.frame])
