"""The values: what they hold, what they refuse, and that they stay."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from simulated import NO_POSITIONS

from seestack import Frame, Matches, Observation, Registration, Stars, Transform

XY = [[1.0, 2.0], [30.5, 7.25]]


def test_stars_from_positions_alone():
    stars = Stars(XY)
    assert len(stars) == 2
    np.testing.assert_array_equal(stars.flux, [1.0, 1.0])
    for name in ("fwhm_px", "xy_err_px", "elongation"):
        assert np.isnan(getattr(stars, name)).all()
    assert np.isnan(stars.sky_adu)


@pytest.mark.parametrize("nothing", [[], np.empty((0, 2)), [[]]])
def test_no_stars(nothing):
    assert Stars(nothing).xy.shape == (0, 2)


def test_values_are_copies_that_nobody_can_write():
    xy = np.array(XY)
    stars = Stars(xy, flux=[5.0, 4.0])
    matches = Matches([0], [1])
    turn = Transform.rigid(rotation_deg=5.0)
    registration = Registration(turn, XY, XY)
    xy[0] = 99.0
    np.testing.assert_array_equal(stars.xy, XY)
    for array in (
        stars.xy,
        stars.flux,
        matches.frame,
        turn.matrix,
        registration.inliers,
        registration.reference_xy,
    ):
        with pytest.raises(ValueError, match="read-only"):
            array[...] = 0


@pytest.mark.parametrize(("xy", "words"), NO_POSITIONS.values(), ids=NO_POSITIONS)
def test_stars_without_positions(xy, words):
    with pytest.raises(ValueError, match=f"xy .*{words}"):
        Stars(xy)


@pytest.mark.parametrize("name", ["flux", "fwhm_px", "xy_err_px", "elongation"])
def test_star_columns_of_another_length_or_kind(name):
    with pytest.raises(ValueError, match=f"{name} must have one value for each of the 2 stars"):
        Stars(XY, **{name: [1.0]})
    with pytest.raises(ValueError, match=f"{name} must hold real numbers, got dtype <U1"):
        Stars(XY, **{name: ["a", "b"]})


@pytest.mark.parametrize(
    ("indices", "words"),
    [
        ([0.5], "must hold integer indices, got dtype float64"),
        ([[0, 1]], "must be 1-D with indices from 0 on"),
        ([-1], "must be 1-D with indices from 0 on"),
        (["a"], "must hold real numbers"),
    ],
)
def test_matches_that_are_no_indices(indices, words):
    with pytest.raises(ValueError, match=f"reference {words}"):
        Matches(indices, [0])
    with pytest.raises(ValueError, match=f"frame {words}"):
        Matches([0], indices)


def test_matches_of_different_lengths():
    with pytest.raises(ValueError, match="same length, got 1 and 2"):
        Matches([0], [1, 2])


@pytest.mark.parametrize("rotation_deg", [0.0, 33.0, 90.0, 180.0, -120.0])
def test_a_rigid_transform_is_what_it_says(rotation_deg):
    motion = Transform.rigid(rotation_deg=rotation_deg, shift_px=(3.0, -4.0))
    angle = np.deg2rad(rotation_deg)
    x, y = XY[1]
    expected = [
        np.cos(angle) * x - np.sin(angle) * y + 3,
        np.sin(angle) * x + np.cos(angle) * y - 4,
    ]
    np.testing.assert_allclose(motion(XY)[1], expected, rtol=0, atol=1e-12)
    np.testing.assert_allclose(motion.rotation_deg, rotation_deg, rtol=0, atol=1e-9)
    np.testing.assert_allclose(motion.scale, 1.0, rtol=0, atol=1e-12)
    assert motion.shift_px == (3.0, -4.0)
    np.testing.assert_allclose(motion.inverse(motion(XY)), XY, rtol=0, atol=1e-12)
    there_and_back = motion @ motion.inverse
    np.testing.assert_allclose(there_and_back.matrix, np.eye(3), rtol=0, atol=1e-12)


def test_a_turn_goes_from_x_to_y():
    quarter = Transform.rigid(rotation_deg=90.0)
    np.testing.assert_allclose(quarter([[1.0, 0.0]]), [[0.0, 1.0]], rtol=0, atol=1e-12)


def test_matmul_applies_the_right_one_first():
    shift, turn = Transform.rigid(shift_px=(10.0, 0.0)), Transform.rigid(rotation_deg=90.0)
    np.testing.assert_allclose((turn @ shift)(XY), turn(shift(XY)), rtol=0, atol=1e-12)


def test_offset_is_that_of_the_centre():
    half_turn = Transform.rigid(rotation_deg=180.0, shift_px=(99.0 + 5, 59.0 - 2))
    np.testing.assert_allclose(half_turn.offset_px((60, 100)), (5.0, -2.0), rtol=0, atol=1e-9)


@pytest.mark.parametrize(
    ("matrix", "words"),
    [
        (np.eye(2), "finite with shape"),
        (np.full((3, 3), np.nan), "finite with shape"),
        (np.zeros((3, 3)), "invertible affine map"),
        (np.diag([1.0, 0.0, 1.0]), "invertible affine map"),
        (np.ones((3, 3)) + np.eye(3), "invertible affine map"),
        ("abc", "real numbers"),
        (np.eye(3) + 1j, "real numbers"),
        (None, "real numbers"),
    ],
)
def test_no_transform(matrix, words):
    with pytest.raises(ValueError, match=f"matrix must .*{words}"):
        Transform(matrix)


def test_residuals_of_the_inliers():
    registration = Registration(
        Transform.rigid(shift_px=(1.0, 0.0)),
        [[1, 3], [1, 0], [9, 0]],
        [[0, 0], [0, 4], [0, 0]],
        [True, True, False],
    )
    np.testing.assert_allclose(registration.residuals_px, [3, 4, 8], rtol=0, atol=1e-12)
    np.testing.assert_allclose(registration.rms_px, np.sqrt(12.5), rtol=1e-12, atol=0)
    assert np.isnan(Registration(Transform.identity()).rms_px)


def test_registration_of_different_lengths():
    for arguments in ((XY, XY[:1]), (XY, XY, [True])):
        with pytest.raises(ValueError, match="must have the same length, got 2"):
            Registration(Transform.identity(), *arguments)


@pytest.mark.parametrize("bayer", ["RGB", "rggb", "", 3])
def test_frame_with_an_unknown_mosaic(bayer):
    with pytest.raises(ValueError, match="bayer must be one of RGGB, BGGR, GRBG, GBRG or None"):
        Frame(np.zeros((4, 6)), bayer=bayer)


def test_observation_of_frames_out_of_order():
    evening = datetime(2026, 4, 9, 21, 0, tzinfo=UTC)
    frames = [
        Frame(np.zeros((4, 6)), exposure_s=10.0, start=evening + timedelta(seconds=s))
        for s in (60, 0, 30)
    ]
    unknown = Frame(np.zeros((4, 6)))
    seen = Observation()
    for frame in (frames[0], unknown, *frames[1:]):
        seen = seen.with_frame(frame)
    assert seen.reference is frames[0]
    assert seen.total_exposure_s == 30.0
    assert (seen.start, seen.end) == (evening, evening + timedelta(seconds=70))
    assert seen.middle == evening + timedelta(seconds=35)
    assert seen.timed_frames == 3


def test_a_registration_names_its_stars():
    one = Registration(Transform.identity(), [[1.0, 2.0]], [[1.5, 2.0]], matches=Matches([4], [7]))
    assert one.matches.frame.tolist() == [7]
    with pytest.raises(ValueError, match="matches must have one pair for each of the 1 positions"):
        Registration(Transform.identity(), [[1.0, 2.0]], [[1.5, 2.0]], matches=Matches([], []))
