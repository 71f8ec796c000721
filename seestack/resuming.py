"""Go on with the session of a folder: its stack, and what it has not stacked yet."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from seestack.intake import stop_source
from seestack.sources.files import frames_in
from seestack.sources.folder import FileSource
from seestack.sources.persistence import Item
from seestack.stacker import LiveStacker
from seestack.storage.checkpoint import Checkpoint, read_checkpoint
from seestack.storage.session_folder import SessionFolder

__all__ = ["SavedFirst", "resume", "saved_since"]


def resume(folder: str | Path, stacker: LiveStacker) -> Checkpoint:
    """Return the stack of a session's folder, and the inputs that it has seen.

    Parameters
    ----------
    folder : path-like
        Of the session.
    stacker : LiveStacker
        A new one, with the options and the masters that the session must have had.

    Returns
    -------
    Checkpoint
        With `stacker` itself and no inputs where the folder has no checkpoint, which is
        said on the standard error.

    Raises
    ------
    CheckpointError
        If the checkpoint is damaged, foreign, or of other options or masters.

    Examples
    --------
    >>> st = LiveStacker()
    >>> resume("no/such/folder", st).stacker is st
    True
    """
    path = SessionFolder(folder).checkpoint
    if not path.exists():
        print(f"seestack: note: {path} is not there; starting anew", file=sys.stderr)
        return Checkpoint(stacker, frozenset())
    return read_checkpoint(path, options=stacker.options, calibration=stacker.calibration)


def saved_since(folder: str | Path, found: Checkpoint) -> list[Path]:
    """Return the sub-frames that a session saved and that are not in its stack yet.

    Parameters
    ----------
    folder : path-like
        Of the session; its sub-frames are in ``subs``.
    found : Checkpoint
        What `resume` returned.

    Returns
    -------
    list of Path
        In the order of their names. Files older than the session's first, which an
        earlier session may have left, are not among them.

    Examples
    --------
    >>> saved_since("no/such/folder", Checkpoint(LiveStacker(), frozenset()))
    []
    """
    saved = frames_in(SessionFolder(folder).sub_frames)
    # A session begins with an empty checkpoint; from then on its first frame tells.
    known = [path for path in saved if os.path.abspath(path) in found.inputs]
    began = known if found.stacker.frames_total else [SessionFolder(folder).checkpoint]
    if not all(path.exists() for path in began) or not began:
        return []
    first = min(path.stat().st_mtime_ns for path in began)
    left = [path for path in saved if os.path.abspath(path) not in found.inputs]
    return [path for path in left if path.stat().st_mtime_ns >= first]


class SavedFirst:
    """A camera's frames, after those that were saved before a break.

    Parameters
    ----------
    saved : iterable of path-like
        Files, each of which is yielded once, however often the camera is lost.
    source : iterable
        The camera.

    Examples
    --------
    >>> list(SavedFirst([], [1, 2]))
    [1, 2]
    """

    def __init__(self, saved: Iterable[Path], source: Iterable[Item]) -> None:
        paths = list(saved)
        self._files = FileSource(paths) if paths else None
        self._saved: Iterator[Item] = iter(self._files or ())
        self._source = source

    def __iter__(self) -> Iterator[Item]:
        """Yield the frames of the files that are left, then those of the camera."""
        yield from self._saved
        yield from self._source

    def stop(self) -> None:
        """End the iteration; may be called from another thread."""
        for source in (self._files, self._source):
            stop_source(source)
