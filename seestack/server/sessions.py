"""The owner of the dashboard's sessions: one at a time, kept until the next.

A `CaptureSession` starts once. Here a new one is made for each start, and the old one
stays with its stack until then, so that a browser that comes late sees the result.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from seestack.config import Settings
from seestack.model import SourceError, UnreadableFrameError
from seestack.server.frames import FrameTable
from seestack.server.previews import Previews
from seestack.server.refusals import Refusal
from seestack.session import CaptureSession
from seestack.snapshots import Snapshot

__all__ = ["Run", "Sessions"]

_STOP_TIMEOUT_S = 5.0
_END_TIMEOUT_S = 30.0


@dataclass(frozen=True, slots=True, eq=False)
class Run:
    """A session with what its viewers ask for; `number` counts the sessions."""

    number: int
    session: CaptureSession
    frames: FrameTable
    previews: Previews


class Sessions:
    """Start, stop and reset sessions, from any thread.

    Parameters
    ----------
    make_session : callable
        ``make_session(settings)`` returns a new `CaptureSession`. A `SourceError`,
        `ValueError` or `UnreadableFrameError` means that there is no camera.
    settings : Settings
        Those of the first start.
    given : CaptureSession, optional
        A session made elsewhere, the first to be started or watched. It stays in the
        hands of its owner: `close` leaves it running.
    on_end : callable, optional
        ``on_end(session)`` is called once a session has ended, in its own thread.

    Examples
    --------
    >>> from seestack.simulation import random_field, simulate_frame
    >>> field = random_field((120, 180), 40, seed=5)
    >>> images = [simulate_frame(field, (120, 180), seed=n) for n in range(3)]
    >>> sessions = Sessions(lambda settings: CaptureSession(images), Settings())
    >>> sessions.start()
    >>> sessions.current.session.wait().detail
    'no more frames, 3 frames stacked'
    >>> sessions.stop()
    Traceback (most recent call last):
    seestack.server.refusals.Refusal: No session is running, so there is nothing to stop.
    """

    def __init__(
        self,
        make_session: Callable[[Settings], CaptureSession],
        settings: Settings,
        *,
        given: CaptureSession | None = None,
        on_end: Callable[[CaptureSession], None] | None = None,
    ) -> None:
        self._make, self._settings, self._on_end = make_session, settings, on_end
        self._changing = threading.Lock()
        self._observers: list[Callable[[], None]] = []
        self._count = 0
        self._current: Run | None = None
        self._given = given
        if given is not None:
            self._adopt(given)

    @property
    def current(self) -> Run | None:
        """The session that runs or ran last; None before the first and after a reset."""
        return self._current

    @property
    def settings(self) -> Settings:
        """Those of the next start."""
        return self._settings

    def observe(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Call `callback` after each frame, hitch, start, end, reset and new settings.

        Returns
        -------
        callable
            Ends it.
        """
        self._observers.append(callback)
        return lambda: self._observers.remove(callback)

    def start(self) -> None:
        """Forget the last stack and begin a session with the settings.

        Raises
        ------
        Refusal
            ``already_running``, ``busy``, ``no_camera`` or ``session_over``; what was
            there stays as it was.
        """
        with self._change():
            if self._is_running():
                raise Refusal("already_running")
            current = self._current
            if current is not None and current.session.snapshot().state == "idle":
                current.session.stacker.reset()
                current.session.start()
                return
            session = self._made()
            self._adopt(session)
            session.start()

    def stop(self) -> None:
        """End the session, in mid-exposure too; the stack is kept.

        Raises
        ------
        Refusal
            ``not_running`` or ``busy``.
        """
        with self._change():
            if self._current is None or not self._is_running():
                raise Refusal("not_running")
            self._current.session.stop(timeout_s=_STOP_TIMEOUT_S)

    def reset(self) -> None:
        """Forget the stack; a running session goes on with its next frame.

        Raises
        ------
        Refusal
            ``busy``.
        """
        with self._change():
            if self._current is not None and self._is_running():
                self._current.session.reset()
            elif self._current is not None and self._current.session is not self._given:
                self._current = None
            elif self._current is not None:
                self._current.session.reset()

    def configure(self, settings: Settings) -> None:
        """Take other settings for the next start."""
        self._settings = settings
        self._tell()

    def close(self) -> None:
        """End the session unless it was given, and wait until `on_end` has returned."""
        current = self._current
        if current is not None and current.session is not self._given:
            current.session.stop(timeout_s=_END_TIMEOUT_S)

    def _is_running(self) -> bool:
        return self._current is not None and self._current.session.snapshot().state == "running"

    @contextmanager
    def _change(self) -> Iterator[None]:
        if not self._changing.acquire(blocking=False):
            raise Refusal("busy")
        try:
            yield
        finally:
            self._changing.release()
        self._tell()

    def _made(self) -> CaptureSession:
        try:
            return self._make(self._settings)
        except (SourceError, ValueError, UnreadableFrameError) as error:
            raise Refusal("no_camera", f"No camera: {error}") from error

    def _adopt(self, session: CaptureSession) -> None:
        self._count += 1
        self._current = Run(self._count, session, FrameTable(session), Previews(session))
        ended = threading.Event()

        def take(seen: Snapshot) -> None:
            if seen.state != "running" and not ended.is_set():
                ended.set()
                if self._on_end is not None:
                    self._on_end(session)
            self._tell()

        session.observe(take)

    def _tell(self) -> None:
        for observer in tuple(self._observers):
            observer()
