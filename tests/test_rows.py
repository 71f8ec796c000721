"""Packed rows are a list of tuples, in less memory."""

import json
import tracemalloc
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seestack import Frame, FrameRejected, RejectionKind, Transform
from seestack.model import FrameQuality, Registration
from seestack.reports import ReportLog, packed, unpacked
from seestack.rows import Rows

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3).map(tuple),
    max_leaves=4,
)
EVENING = datetime(2026, 4, 9, 21, 0, 0, tzinfo=UTC)


def numbered(count):
    rows = Rows()
    for n in range(count):
        rows = rows.with_row(n, (n, f"{n}.fits"))
    return rows


@given(
    rows=st.lists(st.tuples(VALUES, VALUES), min_size=1, max_size=4),
    count=st.integers(0, 300),
    changes=st.lists(st.tuples(st.integers(0, 299), VALUES), max_size=3),
    cut=st.slices(300),
)
@settings(max_examples=40, deadline=None)
def test_rows_are_a_list_of_tuples(rows, count, changes, cut):
    model = [rows[n % len(rows)] for n in range(count)]
    made = Rows.of(model)
    for index, value in changes:
        if index < count:
            model[index] = (value, index)
            made = made.with_row(index, model[index])
    assert (len(made), list(made)) == (count, model)
    assert made[cut] == tuple(model[cut])
    # As text, so that 1, 1.0 and True, and 0.0 and -0.0, are told apart.
    assert list(map(repr, made)) == list(map(repr, model))
    if count:
        assert (made[0], made[-1]) == (model[0], model[-1])
        with pytest.raises(IndexError):
            made[count]


def test_a_row_that_is_neither_there_nor_next_is_refused():
    rows = numbered(200)
    for index in (-1, 201):
        with pytest.raises(IndexError, match=f"index must be from 0 to 200, got {index}"):
            rows.with_row(index, (index, ""))


def test_rows_change_no_more():
    before = numbered(300)
    after = before.with_row(5, (5, "changed")).with_row(299, (299, "changed"))
    assert (before[5][1], before[299][1]) == ("5.fits", "299.fits")
    assert (after[5][1], after[299][1], len(after)) == ("changed", "changed", 300)
    # The cost of one more row does not grow with the rows: what is packed is shared.
    assert before.with_row(300, (300, "")).blocks[0] is before.blocks[0]


def test_only_the_blocks_that_are_asked_for_are_read():
    rows = numbered(300)
    damaged = Rows((np.zeros(40, np.uint8), *rows.blocks[1:]), rows.newest)
    assert damaged[128:300] == rows[128:300]
    assert damaged[-1] == (299, "299.fits")
    with pytest.raises(ValueError, match="a block of rows is damaged"):
        damaged[127]


def record(log, n, rng):
    """Record what a real frame leaves: hardly a number of it is foreseeable."""
    verdict = Registration(Transform.rigid(rotation_deg=rng.normal(), shift_px=rng.normal(size=2)))
    if n % 20 == 7:
        verdict = FrameRejected("too few matching stars", kind=RejectionKind.NO_MATCH)
    sky, sigma, fwhm, elongation, transparency, err, weight = rng.random(7).tolist()
    name = f"/home/anna/nights/2026-04-09/lights/light_{n:05d}.fits"
    return log.record(
        index=n,
        frame=Frame(np.empty((0, 0)), 10.0, EVENING + n * timedelta(seconds=10.37), name),
        verdict=verdict,
        reason="stacked",
        quality=FrameQuality(900 + sky, 10 + sigma, 40 + n % 9, 3 + fwhm, 1 + elongation,
                             transparency, err),
        shape=(1080, 1920),
        weight=weight,
        frames_stacked=n + 1,
        gain_measured=(n + weight) ** 0.5,
    )  # fmt: skip


def test_a_log_keeps_little_of_each_frame():
    rng, log, kept = np.random.default_rng(3), ReportLog(), []
    tracemalloc.start()
    try:
        for n in range(2048):
            record(log, n, rng)
            if n + 1 in (1024, 2048):
                kept.append(tracemalloc.get_traced_memory()[0])
    finally:
        tracemalloc.stop()
    # Some 20 numbers of which half the digits are noise; as objects it was 1,200.
    assert 60 < (kept[1] - kept[0]) / 1024 < 180


def test_reports_come_back_as_they_were():
    rng, log = np.random.default_rng(3), ReportLog()
    reports = [record(log, n, rng) for n in range(300)]
    assert log.reports() == reports
    assert json.dumps(log.reports()) == json.dumps(reports)
    changed = log.amend(4, "stacked (frame 2 is the new reference)", [0, 2, 3])
    assert changed == log.reports()[4] == reports[4] | changed
    assert changed["amended"] == [0, 2, 3]
    assert [unpacked(packed(report)) for report in reports] == reports
    assert log.counts == (300, 300)
