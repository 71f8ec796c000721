"""Every input has one row that says when, what, why, and what to do about it."""

import csv
import io
import json
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from seestack import (
    Calibration,
    CaptureSession,
    Frame,
    FrameRejected,
    LiveStacker,
    Master,
    RejectionKind,
    Transform,
    UnreadableFrameError,
    as_table,
)
from seestack.recording import Recorder
from seestack.simulation import random_field, simulate_frame
from seestack.storage.ledger import frames_csv

SHAPE = (120, 180)
FIELD = random_field(SHAPE, 60, seed=5, faintest_adu=3_000.0)
EVENING = datetime(2026, 4, 9, 21, 0, 0, 250_000, tzinfo=UTC)


def frame(n):
    motion = Transform.rigid(rotation_deg=0.3 * n, shift_px=(1.5 * n, -0.7 * n))
    image = simulate_frame(FIELD, SHAPE, transform=motion, seed=n)
    return Frame(image, 10.0, EVENING + n * timedelta(seconds=12), f"sub_{n}.fits")


@pytest.fixture(scope="module")
def session(tmp_path_factory):
    """A recorded session of seven inputs, of which three are good."""
    folder = tmp_path_factory.mktemp("session")
    noise = np.random.default_rng(1).normal(900, 10, SHAPE)
    inputs = [
        frame(0),
        UnreadableFrameError("sub_1.fits: is cut short", source="sub_1.fits"),
        frame(2),
        Frame(noise, 10.0, EVENING, "sub_3.fits"),
        Frame(frame(4).image[:100], 10.0, EVENING + timedelta(seconds=48), "sub_4.fits"),
        frame(5),
        Frame(np.array([["a"]]), 5.0, EVENING + timedelta(seconds=60), "sub_6.fits"),
    ]
    session = CaptureSession(inputs, frames=None)
    recorder = Recorder(session, folder)
    recorder.begin()
    session.start()
    session.wait()
    recorder.finish()
    return session, folder


def rows_of(text):
    return list(csv.DictReader(io.StringIO(text)))


def test_every_input_has_exactly_one_row(session):
    reports = session[0].stacker.reports
    assert [report["index"] for report in reports] == list(range(7))
    accepted = [report["index"] for report in reports if report["accepted"]]
    assert accepted == [0, 2, 5]
    assert [r["rejection"] for r in reports] == [
        *(None, "unreadable", None, "no_match", "size", None, "unreadable")
    ]
    assert json.loads(json.dumps(reports))[2]["transform"] == reports[2]["transform"]


def test_rows_tell_start_and_exposure_of_refused_frames_too(session):
    reports = session[0].stacker.reports
    assert [report["exposure_s"] for report in reports] == [10, None, 10, 10, 10, 10, 5]
    assert reports[0]["start"] == "2026-04-09T21:00:00.250000+00:00"
    assert reports[1]["start"] is None
    assert datetime.fromisoformat(reports[4]["start"]) - EVENING == timedelta(seconds=48)
    assert datetime.fromisoformat(reports[6]["start"]) - EVENING == timedelta(seconds=60)


def test_a_frame_that_no_master_fits_keeps_its_start():
    dark = Master("dark", np.zeros((4, 5), np.float32), 10.0)
    st = LiveStacker(calibration=Calibration(dark=dark))
    report = st.add_frame(frame(2))
    assert (report["rejection"], report["source"]) == ("calibration", "sub_2.fits")
    assert report["start"] == "2026-04-09T21:00:24.250000+00:00"


def test_the_transform_of_a_row_places_the_frame(session):
    for report in session[0].stacker.reports:
        if not report["accepted"]:
            assert report["transform"] is None
            continue
        found = Transform([*np.reshape(report["transform"], (2, 3)), [0, 0, 1]])
        np.testing.assert_allclose(found.offset_px(SHAPE), report["offset"], rtol=0, atol=0.0051)
        assert found.rotation_deg == pytest.approx(report["rotation_deg"], abs=6e-5)
        truth = Transform.rigid(
            rotation_deg=0.3 * report["index"],
            shift_px=(1.5 * report["index"], -0.7 * report["index"]),
        )
        # Of two noisy frames with some thirty stars.
        corners = [[0, 0], [SHAPE[1], SHAPE[0]]]
        np.testing.assert_allclose(found(corners), truth(corners), rtol=0, atol=0.15)


def test_every_refusal_has_a_hint_and_no_stacked_frame_has(session):
    for report in session[0].stacker.reports:
        assert bool(report["hint"]) is not report["accepted"]
        if report["rejection"]:
            assert report["hint"] == RejectionKind(report["rejection"]).hint
    hints = [kind.hint for kind in RejectionKind]
    assert len(set(hints)) == len(hints)
    assert FrameRejected("clouds").kind.hint == "see the reason"


def test_csv_folder_and_table_say_the_same(session):
    reports = session[0].stacker.reports
    text = (session[1] / "frames.csv").read_text(encoding="utf-8")
    assert text == frames_csv(reports)
    table, rows = as_table(reports), rows_of(text)
    assert table.colnames == list(rows[0])
    assert len(table) == len(rows) == 7
    assert table["exposure_s"].unit == "s"
    for name in ("start", "hint", "transform", "source"):
        column = ["" if value is np.ma.masked else str(value) for value in table[name]]
        assert column == [row[name] for row in rows], name
    numbers = [float(part) for part in rows[2]["transform"].split()]
    assert numbers == reports[2]["transform"]
