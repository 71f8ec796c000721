"""The table of a session's frames, kept up to date without disturbing the stacker."""

from __future__ import annotations

import threading

from seestack.model import FrameReport
from seestack.reports import packed, unpacked
from seestack.rows import Row, Rows
from seestack.server.redaction import without_folders_in_report
from seestack.session import CaptureSession
from seestack.snapshots import Snapshot

__all__ = ["FrameTable"]


class FrameTable:
    """One row for each frame of a session since its last reset.

    Asking the stacker for its reports waits for the frame in work and copies them all,
    so the rows are collected as they come. Only where a frame changed earlier rows are
    they read again.

    Parameters
    ----------
    session : CaptureSession
        It is observed from now on.
    """

    def __init__(self, session: CaptureSession) -> None:
        self._session = session
        self._lock = threading.Lock()
        self._rows = Rows()
        session.observe(self._take)
        if session.snapshot().frames_total:
            self._read_again()

    def rows(self, start: int = 0, limit: int | None = None) -> list[FrameReport]:
        """Return `limit` rows from number `start` on; without folders in their texts."""
        chosen = self._rows[start : None if limit is None else start + limit]
        return list(map(unpacked, chosen))

    def __len__(self) -> int:
        return len(self._rows)

    def _take(self, seen: Snapshot) -> None:
        report = seen.last_report
        with self._lock:
            if report is None:
                self._rows = Rows()
                return
            count = len(self._rows)
            if report["index"] == count and not report["amended"]:
                self._rows = self._rows.with_row(count, _row(report))
                return
            if report["index"] == count - 1:  # a hitch between two frames, or the end
                return
        self._read_again()

    def _read_again(self) -> None:
        rows = Rows.of(map(_row, self._session.stacker.reports))
        with self._lock:
            self._rows = rows


def _row(report: FrameReport) -> Row:
    return packed(without_folders_in_report(report))
