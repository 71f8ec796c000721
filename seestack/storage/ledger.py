"""Write what became of every frame as a table that any program opens."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from seestack.model import FrameReport
from seestack.storage.replacing import replacing

__all__ = ["Ledger", "frames_csv", "write_frames_csv"]

_COLUMNS = [
    column
    for key in FrameReport.__annotations__
    for column in (("dx_px", "dy_px") if key == "offset" else (key,))
]


def write_frames_csv(path: str | os.PathLike[str], reports: Iterable[FrameReport]) -> None:
    """Write one row for each frame, accepted or not.

    Parameters
    ----------
    path : path-like
        The CSV file; an older one is replaced.
    reports : iterable of FrameReport
        In the order of the rows, such as `LiveStacker.reports`.

    Raises
    ------
    OSError
        If the file cannot be written.

    Notes
    -----
    The columns are the keys of a report; ``offset`` becomes ``dx_px`` and ``dy_px``,
    lists are separated by blanks, and what is not known is left empty. Text is UTF-8. The
    file is complete or not there.

    Examples
    --------
    >>> import tempfile
    >>> from seestack.stacker import LiveStacker
    >>> st = LiveStacker()
    >>> report = st.reject("file cannot be read", source="night/0001.fit")
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_frames_csv(Path(folder) / "frames.csv", [report])
    ...     rows = (Path(folder) / "frames.csv").read_text().splitlines()
    >>> rows[1].split(",")[:4]
    ['0', 'night/0001.fit', 'False', 'file cannot be read']
    """
    with replacing(path) as file:
        file.write(_encoded(frames_csv(reports)))


def frames_csv(reports: Iterable[FrameReport]) -> str:
    """Return the table that `write_frames_csv` writes.

    Parameters
    ----------
    reports : iterable of FrameReport
        In the order of the rows.

    Returns
    -------
    str
        A line of column names and one for each report.

    Examples
    --------
    >>> frames_csv([]).split(",")[:4]
    ['index', 'source', 'accepted', 'reason']
    """
    return _lines(reports, title=True)


class Ledger:
    """The table of a running session, which grows by a row as soon as a frame has one.

    Parameters
    ----------
    path : path-like
        The CSV file.

    Notes
    -----
    A row is appended and handed to the system at once, so that the death of the program
    costs none. One that does not fit on a full disk leaves no part of itself.

    Examples
    --------
    >>> import tempfile
    >>> from seestack.stacker import LiveStacker
    >>> st = LiveStacker()
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     ledger = Ledger(Path(folder) / "frames.csv")
    ...     for name in ("1.fit", "2.fit"):
    ...         report = st.reject("file cannot be read", source=name)
    ...         ledger.add(report, lambda: st.reports)
    ...     ledger.path.read_text() == frames_csv(st.reports)
    True
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self._rows: int | None = None

    def add(self, report: FrameReport | None, reports: Callable[[], Iterable[FrameReport]]) -> None:
        """Write the row of one more frame, and all of them where that is not enough.

        Parameters
        ----------
        report : FrameReport or None
            Of the last frame; None if there is none.
        reports : callable
            Returns all of them; asked at the first call, where a frame changed rows
            before its own, and after a row that could not be written.

        Raises
        ------
        OSError
            If the file cannot be written. It is as it was, and the next call tries again.
        """
        known, self._rows = self._rows, None
        fits = report is not None and report["index"] == known and not report["amended"]
        if report is None or not fits or not self.path.exists():
            rows = list(reports())
            write_frames_csv(self.path, rows)
            self._rows = len(rows)
            return
        _append(self.path, _encoded(_lines([report])))
        self._rows = report["index"] + 1


def _append(path: Path, content: bytes) -> None:
    """Add to the end of a file all of the content, or nothing."""
    with path.open("ab", buffering=0) as file:
        before = file.tell()
        try:
            left = memoryview(content)
            while left:  # a disk that is filling up may take a part at first
                left = left[file.write(left) or 0 :]
        except OSError as error:
            file.truncate(before)
            raise OSError(error.errno, error.strerror, str(path)) from error


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "backslashreplace")


def _lines(reports: Iterable[FrameReport], *, title: bool = False) -> str:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, _COLUMNS, lineterminator="\n")
    if title:
        writer.writeheader()
    writer.writerows(map(_row, reports))
    return text.getvalue()


def _row(report: FrameReport) -> dict[str, Any]:
    row: dict[str, Any] = {}
    for key, value in report.items():
        if key == "offset":
            row["dx_px"], row["dy_px"] = report["offset"]
        elif isinstance(value, list):
            row[key] = " ".join(map(str, value))
        else:
            row[key] = value
    return row
