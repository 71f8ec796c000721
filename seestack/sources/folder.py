"""Frames from files: a list of them, or a folder in which new ones appear.

A file that is still being written is not read: its size and time must rest first. The
operating system's notice of a change only wakes the watcher up; what counts is a look
at the folder, which is repeated without a notice too, because network shares send none.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from watchdog.events import FileSystemEvent, FileSystemEventHandler
from watchdog.observers import Observer

from seestack.checks import check_positive
from seestack.model import Frame, UnreadableFrameError
from seestack.sources.files import find_frames, frames_in, read_frame

__all__ = ["FileSource", "FolderSource"]

logger = logging.getLogger(__name__)

_PAUSE_S = 0.05


class FileSource:
    """The frames of files and folders, in order, once.

    Parameters
    ----------
    paths : path-like or iterable of path-like
        As `find_frames` takes them.

    Raises
    ------
    UnreadableFrameError
        If a path does not exist or a folder holds no frame file.

    Notes
    -----
    A file that cannot be read is yielded as the `UnreadableFrameError` that says why,
    and the next one follows.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = (Path(folder) / "light.fit").write_text("not a picture")
    ...     [type(frame).__name__ for frame in FileSource(folder)]
    ['UnreadableFrameError']
    """

    def __init__(self, paths: str | os.PathLike[str] | Iterable[str | os.PathLike[str]]) -> None:
        self.paths = find_frames(paths)
        self._stop = threading.Event()

    def __len__(self) -> int:
        return len(self.paths)

    def __iter__(self) -> Iterator[Frame | UnreadableFrameError]:
        """Yield one frame, or the reason why it cannot be read, for each file."""
        for path in self.paths:
            if self._stop.is_set():
                return
            yield _read(path)

    def pass_over(self, inputs: Collection[str]) -> None:
        """Leave out files that had their verdict before.

        Parameters
        ----------
        inputs : collection of str
            Absolute paths.
        """
        self.paths = [path for path in self.paths if os.path.abspath(path) not in inputs]

    def stop(self) -> None:
        """End the iteration, for good; may be called from another thread."""
        self._stop.set()


@dataclass(slots=True)
class _Candidate:
    """A file that was seen and not taken yet."""

    signature: tuple[int, int]
    since: float
    next_try: float = 0.0


class FolderSource:
    """The frames that appear in a folder, as they are completed.

    Parameters
    ----------
    path : path-like
        The folder; it must exist.
    follow : bool, default True
        Go on waiting for new files; otherwise end after those that are there.
    existing : bool, default True
        Yield the files that are there already first, in natural order.
    debounce_s : float, default 0.5
        A file is read when its size and time have rested for this long.
    give_up_s : float, default 10
        A file that rests and still cannot be read is reported as unreadable after
        this long; until then it may be finished.
    poll_s : float, default 1
        Look at the folder at least this often.

    Raises
    ------
    UnreadableFrameError
        If the folder does not exist.
    ValueError
        If a time is not positive.

    Notes
    -----
    Each file counts once, also when it is renamed afterwards. Files without a frame's
    ending, hidden and empty ones are passed over. Where the folder disappears, as a
    network share may, the source waits for its return.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     list(FolderSource(folder, follow=False))
    []
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        follow: bool = True,
        existing: bool = True,
        debounce_s: float = 0.5,
        give_up_s: float = 10.0,
        poll_s: float = 1.0,
    ) -> None:
        for name, value in (
            ("debounce_s", debounce_s),
            ("give_up_s", give_up_s),
            ("poll_s", poll_s),
        ):
            check_positive(name, value)
        self.path = Path(path)
        if not self.path.is_dir():
            raise UnreadableFrameError(f"{self.path}: there is no such folder; check the name")
        self.follow, self.existing = follow, existing
        self.debounce_s, self.give_up_s, self.poll_s = debounce_s, give_up_s, poll_s
        self._wake = threading.Event()
        self._stop = threading.Event()
        self._taken: set[str] = set()
        self._identities: set[tuple[int, int]] = set()
        self._waiting: dict[str, _Candidate] = {}
        if not existing:
            for path in frames_in(self.path):
                self._take(path)

    def __iter__(self) -> Iterator[Frame | UnreadableFrameError]:
        """Yield frames as they are completed, until `stop`; goes on when repeated."""
        observer = Observer()
        try:
            observer.schedule(_Waker(self._wake), str(self.path))
            observer.start()
        except (OSError, RuntimeError) as error:  # no notices: looking again serves as well
            logger.info("%s is looked at every %g s: %s", self.path, self.poll_s, error)
            yield from self._frames()
            return
        try:
            yield from self._frames()
        finally:
            observer.stop()
            observer.join()

    def pass_over(self, inputs: Collection[str]) -> None:
        """Leave out files that had their verdict before.

        Parameters
        ----------
        inputs : collection of str
            Absolute paths.
        """
        for path in frames_in(self.path):
            if os.path.abspath(path) in inputs:
                self._take(path)

    def stop(self) -> None:
        """End the iteration, for good; may be called from another thread."""
        self._stop.set()
        self._wake.set()

    def _frames(self) -> Iterator[Frame | UnreadableFrameError]:
        while not self._stop.is_set():
            self._wake.clear()
            for path in self._settled():
                frame = self._try(path)
                if frame is not None:
                    yield frame
                if self._stop.is_set():
                    return
            if not self.follow and not self._waiting:
                return
            # A burst of notices is answered by one look.
            self._stop.wait(_PAUSE_S)
            self._wake.wait(min(self.debounce_s, self.poll_s) if self._waiting else self.poll_s)

    def _settled(self) -> list[Path]:
        """Return new files that rest, in natural order."""
        now, rested, present = time.monotonic(), [], set()
        for path in frames_in(self.path):
            name = path.name
            present.add(name)
            signature = None if name in self._taken else _signature(path)
            if signature is None or signature[0] == 0:
                continue
            candidate = self._waiting.get(name)
            if candidate is None or candidate.signature != signature:
                self._waiting[name] = _Candidate(signature, now)
            elif now - candidate.since >= self.debounce_s:
                rested.append(path)
        for name in self._waiting.keys() - present:
            del self._waiting[name]
        return rested

    def _try(self, path: Path) -> Frame | UnreadableFrameError | None:
        """Read a file that rests; None if it may still be finished, or is known."""
        candidate = self._waiting[path.name]
        if _identity(path) in self._identities:
            self._take(path)
            return None
        now = time.monotonic()
        if now < candidate.next_try:
            return None
        frame = _read(path)
        candidate.next_try = now + self.poll_s
        if isinstance(frame, UnreadableFrameError) and now - candidate.since < self.give_up_s:
            return None
        self._take(path)
        return frame

    def _take(self, path: Path) -> None:
        self._taken.add(path.name)
        self._waiting.pop(path.name, None)
        identity = _identity(path)
        if identity is not None:
            self._identities.add(identity)


class _Waker(FileSystemEventHandler):
    """Wake the watcher up when the system reports a change."""

    def __init__(self, wake: threading.Event) -> None:
        self._wake = wake

    def on_any_event(self, event: FileSystemEvent) -> None:
        self._wake.set()


def _read(path: Path) -> Frame | UnreadableFrameError:
    try:
        return read_frame(path)
    except UnreadableFrameError as error:
        return error


def _signature(path: Path) -> tuple[int, int] | None:
    """Return what changes while a file is written; None if it is gone."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_size, status.st_mtime_ns


def _identity(path: Path) -> tuple[int, int] | None:
    """Return what stays when a file is renamed; None where it cannot be told."""
    try:
        status = path.stat()
    except OSError:
        return None
    if status.st_ino == 0:
        return None
    return status.st_dev, status.st_ino
