"""Write what became of every frame as a table that any program opens."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from seestack.model import FrameReport

__all__ = ["frames_csv", "write_frames_csv"]

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
    and what is not known is left empty. Text is UTF-8.

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
    temporary = Path(f"{os.fspath(path)}.part")
    try:
        with temporary.open("w", newline="", encoding="utf-8", errors="backslashreplace") as file:
            file.write(frames_csv(reports))
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


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
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, _COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(map(_row, reports))
    return text.getvalue()


def _row(report: FrameReport) -> dict[str, Any]:
    row: dict[str, Any] = {}
    for key, value in report.items():
        if key == "offset":
            row["dx_px"], row["dy_px"] = report["offset"]
        elif key == "amended":
            row["amended"] = " ".join(map(str, report["amended"]))
        else:
            row[key] = value
    return row
