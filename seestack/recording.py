"""Keep the folder of a session up to date while it runs.

Each frame has its row in frames.csv at once. The checkpoint, which is as large as the
stack, follows in growing distances, so that it takes little of the time. A disk that is
full or gone is told as the session's trouble and tried again; it ends no session.
"""

from __future__ import annotations

import threading
import time
from pathlib import Path

from seestack.session import CaptureSession
from seestack.snapshots import Snapshot
from seestack.storage.checkpoint import checkpoint_bytes, unfinished_frames, write_checkpoint
from seestack.storage.ledger import Ledger
from seestack.storage.session_folder import SessionFolder

__all__ = ["Recorder"]

# A checkpoint waits for so many times what the last one took: it has 1 part in 21.
_WORTH = 20.0
# Before the first one it is taken to be written at this speed.
_BYTES_PER_S = 100e6
_SHORTEST_S = 0.05


class Recorder:
    """An observer that writes a session's frames.csv and checkpoint as it goes on.

    Parameters
    ----------
    session : CaptureSession
        Not started yet.
    folder : path-like
        Must exist.
    checkpoints : bool, default True
        Write checkpoints; frames.csv is written either way.

    Examples
    --------
    >>> import tempfile
    >>> from seestack.simulation import random_field, simulate_frame
    >>> field = random_field((120, 180), 40, seed=5)
    >>> session = CaptureSession(simulate_frame(field, (120, 180), seed=n) for n in range(4))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     recorder = Recorder(session, folder)
    ...     recorder.begin()
    ...     session.start()
    ...     seen = session.wait()
    ...     recorder.finish()
    ...     (Path(folder) / "frames.csv").read_text().count("stacked"), sorted(
    ...         path.name for path in Path(folder).iterdir())
    (4, ['frames.csv', 'session.checkpoint'])
    """

    def __init__(
        self, session: CaptureSession, folder: str | Path, *, checkpoints: bool = True
    ) -> None:
        self._folder = SessionFolder(folder)
        self.path = self._folder.checkpoint
        self.checkpoints = checkpoints
        self._session = session
        self._ledger = Ledger(self._folder.table)
        self._lock = threading.Lock()
        self._frames = session.stacker.frames_total
        self._cost_s: float | None = None
        self._written = time.monotonic()

    def begin(self) -> str | None:
        """Make the folder that of this session, and observe it.

        The checkpoint of a session that did not end is moved aside, to previous.checkpoint, so that
        it can never be taken for one of this session.

        Returns
        -------
        str or None
            A note for the user, if there was one.
        """
        note = None
        if self._frames == 0:
            try:
                note = self._move_aside()
                self.path.unlink(missing_ok=True)
            except OSError as error:
                note = f"{self.path} cannot be replaced: {error.strerror}"
            # The table first: where there is a checkpoint, there is a table too.
            self._attempt_row(None)
            self._attempt_checkpoint()
            self._cost_s = None
        else:
            self._attempt_row(None)
        self._written = time.monotonic()
        self._session.observe(self)
        return note

    def finish(self) -> None:
        """Write the last checkpoint; of a session without any frame, leave nothing behind.

        Raises
        ------
        OSError
            If it cannot be written; the last one stays.
        """
        stacker = self._session.stacker
        with self._lock:
            if stacker.frames_total:
                if self.checkpoints:
                    write_checkpoint(self.path, stacker, finished=True)
                return
            for path in (self.path, self._ledger.path):
                path.unlink(missing_ok=True)

    def __call__(self, seen: Snapshot) -> None:
        """Write what a new frame makes necessary."""
        with self._lock:
            if seen.frames_total == self._frames:
                return
            reset, self._frames = seen.frames_total < self._frames, seen.frames_total
            failures = [self._attempt_row(seen)]
            if reset or self._is_due():
                failures.append(self._attempt_checkpoint())
        for failure in filter(None, failures):
            self._session.tell(f"{failure.filename} cannot be written: {failure.strerror}")

    def _is_due(self) -> bool:
        if not self.checkpoints:
            return False
        if self._cost_s is None:
            cost_s = checkpoint_bytes(self._session.stacker) / _BYTES_PER_S
        else:
            cost_s = self._cost_s
        return time.monotonic() - self._written > max(_WORTH * cost_s, _SHORTEST_S)

    def _attempt_row(self, seen: Snapshot | None) -> OSError | None:
        stacker = self._session.stacker
        try:
            self._ledger.add(seen.last_report if seen else None, lambda: stacker.reports)
        except OSError as error:
            return error
        return None

    def _attempt_checkpoint(self) -> OSError | None:
        if not self.checkpoints:
            return None
        began = time.monotonic()
        try:
            write_checkpoint(self.path, self._session.stacker)
        except OSError as error:
            return error
        finally:
            self._written = time.monotonic()
            self._cost_s = self._written - began
        return None

    def _move_aside(self) -> str | None:
        """Keep the checkpoint of a session that did not end under another name."""
        count = unfinished_frames(self.path)
        if not self.path.exists() or count == 0:
            return None
        aside = self._folder.previous
        self.path.replace(aside)
        held = "a damaged checkpoint" if count is None else f"a session of {count} frames"
        return (
            f"{self.path.parent} held {held}, kept as {aside.name}; "
            f"to go on with it, name it {self.path.name} and give --resume"
        )
