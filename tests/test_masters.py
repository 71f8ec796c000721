"""Masters fit the frames taken alike, and no others."""

import re

import numpy as np
import pytest
from camera import SHAPE, exposed

from seestack import Calibration, CalibrationMismatchError, Frame, FrameRejected, Master
from seestack.masters import check_match

LEVEL = np.full(SHAPE, 300.0)
TAKEN = {"exposure_s": 10.0, "gain": 80.0, "temperature_c": 20.0, "bayer": "GRBG"}


def master(kind, **different):
    return Master(kind, LEVEL, **(TAKEN | different))


@pytest.mark.parametrize(
    ("kind", "different", "words"),
    [
        ("dark", {"exposure_s": 20.0}, "exposure is 20 s and the frame's is 10 s; .*darks of 10 s"),
        ("dark", {"gain": 120.0}, "gain is 120 and the frame's is 80; .*at gain 80"),
        ("dark", {"temperature_c": 23.5}, "temperature is 23.5 C and the frame's is 20 C; take"),
        ("dark", {"bayer": "RGGB"}, "Bayer pattern is RGGB and the frame's is GRBG; take"),
        ("bias", {"gain": 120.0}, "gain is 120 and the frame's is 80; take bias frames"),
        ("bias", {"temperature_c": 16.5}, "temperature is 16.5 C and the frame's is 20 C; take"),
        ("flat", {"bayer": "RGGB"}, "Bayer pattern is RGGB and the frame's is GRBG; take flats"),
        ("flat", {"bayer": None}, "Bayer pattern is none and the frame's is GRBG; take flats"),
    ],
)
def test_a_mismatch_names_both_values_and_the_remedy(kind, different, words):
    with pytest.raises(CalibrationMismatchError, match=f"{kind} does not fit: its {words}"):
        check_match(exposed(bayer="GRBG"), master(kind, **different))


@pytest.mark.parametrize("kind", ["bias", "dark", "flat"])
def test_another_size_is_refused(kind):
    words = re.escape("size (rows, columns) is (90, 140) and the frame's is (140, 90); take")
    with pytest.raises(CalibrationMismatchError, match=words):
        check_match(exposed(shape=SHAPE[::-1], bayer="GRBG"), master(kind))


@pytest.mark.parametrize(
    ("kind", "different"),
    [
        ("dark", {}),
        ("dark", {"temperature_c": 23.0, "exposure_s": 10.05}),
        ("dark", {"gain": None, "temperature_c": None, "exposure_s": None, "bayer": None}),
        ("bias", {"exposure_s": 0.001}),
        ("flat", {"exposure_s": 0.5, "gain": 0.0, "temperature_c": -10.0}),
    ],
)
def test_what_agrees_or_is_not_known_or_does_not_matter_is_accepted(kind, different):
    check_match(exposed(bayer="GRBG"), master(kind, **different))


def test_a_frame_without_cards_is_accepted():
    check_match(Frame(LEVEL), master("dark"))
    check_match(Frame(LEVEL, header={"GAIN": "high", "CCD-TEMP": None}), master("dark"))


def test_a_mismatch_is_a_verdict_on_the_frame_and_a_wrong_value():
    assert issubclass(CalibrationMismatchError, FrameRejected)
    assert issubclass(CalibrationMismatchError, ValueError)


def test_masters_are_frozen():
    level = LEVEL.copy()
    dark = Master("dark", level)
    level[:] = 0
    assert dark.image[3, 4] == 300.0
    with pytest.raises(ValueError, match="read-only"):
        dark.image[3, 4] = 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"dark": master("bias")}, "dark must be a master of that kind, got a bias"),
        ({"dark": master("dark"), "scale_dark": True}, "scale_dark needs a dark and a bias"),
        ({"bad": np.array([[3, 4]])}, "bad must be a map of bool"),
        ({"bad": np.ones(4, bool)}, r"bad must be a map of bool, .* shape \(4,\)"),
    ],
)
def test_bad_calibrations(arguments, words):
    with pytest.raises(ValueError, match=words):
        Calibration(**arguments)


def test_bad_masters():
    with pytest.raises(ValueError, match="kind must be one of bias, dark, flat, got 'light'"):
        Master("light", LEVEL)
    with pytest.raises(ValueError, match="bayer must be one of"):
        Master("dark", LEVEL, bayer="RGBG")


def test_the_record_tells_what_was_applied():
    calibration = Calibration(
        master("bias", count=30, exposure_s=None),
        master("dark", count=16),
        bad=np.eye(4, 6, dtype=bool),
        scale_dark=True,
    )
    assert calibration.described() == [
        "bias = 30 frames",
        "dark = 16 frames, 10 s, scaled",
        "bad pixels = 4",
    ]
