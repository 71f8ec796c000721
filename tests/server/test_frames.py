"""The dashboard's table: one row for each frame, in little memory."""

import gc
import tracemalloc

import pytest

from seestack import CaptureSession, UnreadableFrameError
from seestack.recording import Recorder
from seestack.server.frames import FrameTable

COUNT, SETTLED = 1536, 512


@pytest.fixture(scope="module")
def night(tmp_path_factory):
    """Run a recorded session of frames that nobody can read; return its table and memory."""
    paths = [f"/home/anna/lights/light_{n:05d}.fit" for n in range(COUNT)]
    errors = (UnreadableFrameError(f"{path}: is cut short", source=path) for path in paths)
    session, kept = CaptureSession(errors, frames=None), {}
    recorder, table = Recorder(session, tmp_path_factory.mktemp("session")), FrameTable(session)

    def look(seen):
        if seen.frames_total in (SETTLED, COUNT) and seen.frames_total not in kept:
            gc.collect()
            kept[seen.frames_total] = tracemalloc.get_traced_memory()[0]

    recorder.begin()
    session.observe(look)
    tracemalloc.start()
    try:
        session.start()
        session.wait()
    finally:
        tracemalloc.stop()
    recorder.finish()
    return table, (kept[COUNT] - kept[SETTLED]) / (COUNT - SETTLED)


def test_every_frame_has_its_row_without_folders(night):
    table, _ = night
    assert len(table) == COUNT
    rows = table.rows()
    assert [row["source"] for row in rows] == [f"light_{n:05d}.fit" for n in range(COUNT)]
    assert rows[700]["reason"] == "light_00700.fit: is cut short"
    assert table.rows(700, 3) == rows[700:703]
    assert table.rows(COUNT - 2, 9) == rows[-2:]
    assert table.rows(COUNT) == []
    assert isinstance(rows[0]["amended"], list)


def test_log_recorder_table_and_session_keep_little_of_each_frame(night):
    # Two packed rows that tell little but a name; as objects they were 1,000 bytes.
    assert 10 < night[1] < 120
