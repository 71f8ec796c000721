"""The table of a session's frames, kept up to date without disturbing the stacker."""

from __future__ import annotations

import threading
from typing import Any

from seestack.model import FrameReport
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
        # Values without keys, which every row shares: a night has thousands.
        self._keys = tuple(FrameReport.__annotations__)
        self._rows: list[tuple[Any, ...]] = []
        session.observe(self._take)
        if session.snapshot().frames_total:
            self._read_again()

    def rows(self, start: int = 0, limit: int | None = None) -> list[dict[str, Any]]:
        """Return `limit` rows from number `start` on; without folders in their texts."""
        with self._lock:
            chosen = self._rows[start : None if limit is None else start + limit]
        return [dict(zip(self._keys, row, strict=True)) for row in chosen]

    def __len__(self) -> int:
        return len(self._rows)

    def _take(self, seen: Snapshot) -> None:
        report = seen.last_report
        with self._lock:
            if report is None:
                self._rows = []
                return
            count = len(self._rows)
            if report["index"] == count and not report["amended"]:
                self._rows.append(self._row(report))
                return
            if report["index"] == count - 1:  # a hitch between two frames, or the end
                return
        self._read_again()

    def _read_again(self) -> None:
        rows = [self._row(report) for report in self._session.stacker.reports]
        with self._lock:
            self._rows = rows

    def _row(self, report: FrameReport) -> tuple[Any, ...]:
        plain = without_folders_in_report(report)
        return tuple(plain[key] for key in self._keys)
