"""Stack the frames of a session once more, without some of them.

The table of frames names every input and its order. Read again in that order, with the
same options, they make the same stack bit for bit; without some of them, the stack that a
session would have made which these never reached.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import asdict, replace
from datetime import datetime
from pathlib import Path

import numpy as np

from seestack.model import Frame, FrameReport, RejectionKind, UnreadableFrameError
from seestack.sources.files import read_frame
from seestack.sources.persistence import Item
from seestack.stacker import LiveStacker
from seestack.verdicts import verdict

__all__ = ["Item", "MissingFramesError", "read_again", "restack"]

Names = Collection[int | str]
_SWITCHED_OFF = "switched off"


class MissingFramesError(ValueError):
    """Frames cannot be read again; the message says which, why, and the remedy."""


def restack(
    stacker: LiveStacker,
    *,
    without: Names = (),
    again: Names = (),
    only: Names | None = None,
    frames: Sequence[Item] | None = None,
    folder: str | os.PathLike[str] = ".",
    progress: Callable[[FrameReport], object] | None = None,
) -> LiveStacker:
    """Stack the frames of a stacker once more, some of them switched off or on.

    Parameters
    ----------
    stacker : LiveStacker
        It stays as it is. Its options, masters and `reports` are those of the new one.
    without : collection of int or str, optional
        Frames to switch off: numbers (`index` of their reports), file names or paths.
    again : collection of int or str, optional
        Frames to switch on that are switched off in `stacker`.
    only : collection of int or str, optional
        Switch off all frames but these; not together with the two above.
    frames : sequence, optional
        The inputs, one for each report, where they are no files: `Frame`, pixels, or the
        `UnreadableFrameError` that stood in for one.
    folder : path-like, default "."
        What relative paths in the reports are relative to.
    progress : callable, optional
        Called with the report of each frame.

    Returns
    -------
    LiveStacker
        Its stack equals, bit for bit, that of a stacker that never saw the frames that
        are switched off. They have their rows all the same, ``rejection`` being
        ``"switched_off"``.

    Raises
    ------
    MissingFramesError
        If a frame is no file, as the sub-frames of a camera that were not kept, or its
        file is not there any more.
    ValueError
        If a name stands for no frame or for several, `only` is given with others, or
        `frames` has another length than the reports.

    Examples
    --------
    >>> from seestack.simulation import random_field, simulate_frame
    >>> field = random_field((120, 180), 40, seed=5)
    >>> images = [simulate_frame(field, (120, 180), seed=n) for n in range(5)]
    >>> st = LiveStacker()
    >>> for image in images:
    ...     report = st.add_frame(image)
    >>> fewer = restack(st, without=[3], frames=images)
    >>> fewer.frames_stacked, fewer.reports[3]["reason"]
    (4, 'switched off')
    >>> bool((restack(fewer, again=[3], frames=images).stack.mean == st.stack.mean).all())
    True
    """
    reports = stacker.reports
    off = _switched_off(reports, without, again, only)
    wanted = [report for report in reports if report["index"] not in off]
    items = read_again(wanted, frames, folder, len(reports))
    new = LiveStacker(**asdict(stacker.options), calibration=stacker.calibration)
    for report in reports:
        if report["index"] in off:
            blank = _blank(report)
            found = new.reject(_SWITCHED_OFF, kind=RejectionKind.SWITCHED_OFF, frame=blank)
        else:
            found = verdict(new, next(items))
        if progress is not None:
            progress(found)
    return new


def read_again(
    reports: Sequence[FrameReport],
    frames: Sequence[Item] | None,
    folder: str | os.PathLike[str],
    count: int,
) -> Iterator[Item]:
    """Return the inputs of some reports, one after another.

    Parameters
    ----------
    reports : sequence of FrameReport
        Of the inputs that are wanted.
    frames, folder
        As for `restack`.
    count : int
        The number of all reports.

    Raises
    ------
    MissingFramesError, ValueError
        At once, before the first is read, if one is not there.

    Examples
    --------
    >>> list(read_again([], None, ".", 0))
    []
    """
    if frames is not None:
        if len(frames) != count:
            raise ValueError(
                f"frames must have one item for each of the {count} reports, got {len(frames)}"
            )
        return (frames[report["index"]] for report in reports)
    sources = [report["source"] for report in reports]
    paths = [Path(folder, source) for source in sources]
    _check_there(sources, paths)
    return map(_read, sources, paths)


def _switched_off(
    reports: Sequence[FrameReport], without: Names, again: Names, only: Names | None
) -> set[int]:
    if only is not None:
        if without or again:
            raise ValueError("only names all frames that are on; give no others with it")
        return {report["index"] for report in reports} - _numbers(reports, only)
    off = {r["index"] for r in reports if r["rejection"] == RejectionKind.SWITCHED_OFF}
    return off - _numbers(reports, again) | _numbers(reports, without)


def _numbers(reports: Sequence[FrameReport], names: Names) -> set[int]:
    """Return the indices of the frames that some names stand for."""
    return {_number(reports, name) for name in names}


def _number(reports: Sequence[FrameReport], name: int | str) -> int:
    if not isinstance(name, str):
        if not 0 <= name < len(reports):
            raise ValueError(f"there is no frame {name}; they are numbered 0 to {len(reports) - 1}")
        return int(name)
    paths = [report["index"] for report in reports if _is_path(report["source"], name)]
    found = paths or [r["index"] for r in reports if Path(r["source"]).name == name]
    if len(found) != 1:
        many = f"is the name of {len(found)} frames; give its path or its number"
        none = "is no frame of the session; frames.csv lists them"
        raise ValueError(f"{name!r} {many if found else none}")
    return found[0]


def _is_path(source: str, name: str) -> bool:
    return bool(source) and (source == name or os.path.abspath(source) == os.path.abspath(name))


def _check_there(sources: Iterable[str], paths: Sequence[Path]) -> None:
    absent = [
        source for source, path in zip(sources, paths, strict=True) if source and not path.is_file()
    ]
    nameless = [source for source in sources if not source]
    kept = "they were not kept; a session keeps them with --save-subs or save_to"
    if nameless:
        raise MissingFramesError(
            f"{len(nameless)} of {len(paths)} frames never were files: give them as frames, "
            f"or, if a camera took them, {kept}"
        )
    if absent:
        raise MissingFramesError(
            f"{len(absent)} of {len(paths)} frames are not there, such as {absent[0]}: bring "
            f"them back or switch them off; if a camera took them, {kept}"
        )


def _read(source: str, path: Path) -> Frame | UnreadableFrameError:
    """Read a frame under the name it had, where that still leads to it."""
    name = source if os.path.abspath(source) == os.path.abspath(path) else str(path)
    try:
        return replace(read_frame(path), source=name)
    except UnreadableFrameError as error:
        return UnreadableFrameError(str(error), source=name)


def _blank(report: FrameReport) -> Frame:
    start = None if report["start"] is None else datetime.fromisoformat(report["start"])
    return Frame(np.empty((0, 0)), report["exposure_s"], start, report["source"])
