"""What the panel does, without a widget: one session at a time."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from seestack.alpaca.discovery import discover
from seestack.alpaca.management import ConfiguredDevice
from seestack.config import Settings
from seestack.model import Image
from seestack.pipeline import Prepared
from seestack.session import CaptureSession
from seestack.snapshots import Snapshot
from seestack.terminal import write_results
from seestack.widgets.keeping import KeepingStacker, LastFrame, quick_image
from seestack.widgets.place import Place, described, session_at

__all__ = ["Control", "Place"]


class Control:
    """One session at a time, made of a place and of settings; from any thread.

    Parameters
    ----------
    settings : Settings
        Those of the next start.
    place : Place, optional
        Where its frames come from.
    session : CaptureSession, optional
        A session made elsewhere, to begin with.

    Examples
    --------
    >>> settings = Settings.from_mapping({"stacking": {"frames": 2}})
    >>> control = Control(settings, Place(kind="simulated", speed=1000.0))
    >>> control.connect()
    'Simulated camera, 1080 × 1920 px, 1000 times faster'
    >>> control.start()
    >>> control.session.wait().detail
    '2 frames stacked'
    """

    def __init__(
        self,
        settings: Settings,
        place: Place | None = None,
        *,
        session: CaptureSession | None = None,
    ) -> None:
        self.settings, self.place = settings, place or Place()
        self.session: CaptureSession | None = None
        self.sessions_made = 0
        self._changing = threading.Lock()
        self._observers: list[Callable[[], None]] = []
        if session is not None:
            self._adopt(session)

    def observe(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Call `callback` after each frame, hitch, start, end and reset; return what ends it."""
        self._observers.append(callback)
        return lambda: self._observers.remove(callback)

    @property
    def snapshot(self) -> Snapshot | None:
        """The session as it is now; None before the first."""
        session = self.session
        return None if session is None else session.snapshot()

    @property
    def is_running(self) -> bool:
        """Whether a session runs."""
        seen = self.snapshot
        return seen is not None and seen.state == "running"

    def search(self) -> list[ConfiguredDevice]:
        """Return the cameras on the network; empty where none answers."""
        alpaca = self.settings.alpaca
        servers = discover(timeout_s=alpaca.discovery_timeout, port=alpaca.discovery_port)
        return [
            device for server in servers for device in server.devices if device.kind == "camera"
        ]

    def connect(self) -> str:
        """Look whether frames can come from the place, and say what is there.

        Raises
        ------
        AlpacaError, ConfigError, UnreadableFrameError
            If not; the message says why.
        """
        return described(self.place, self.settings)

    def start(self) -> None:
        """Forget the last stack and begin a session with the settings.

        Raises
        ------
        RuntimeError
            If one runs.
        AlpacaError, ConfigError, UnreadableFrameError
            If there is nothing to take frames from.
        """
        with self._changing:
            if self.is_running:
                raise RuntimeError("a session is running; stop it first")
            waiting = self.session
            if waiting is None or waiting.snapshot().state != "idle":
                waiting = session_at(self.place, self.settings)
                self._adopt(waiting)
            waiting.start()
        self._tell()

    def stop(self) -> None:
        """End the session, in mid-exposure too, without waiting for it; the stack is kept."""
        session = self.session
        if session is not None and self.is_running:
            session.stop(timeout_s=0.0)

    def reset(self) -> None:
        """Forget the stack; a running session goes on with its next frame."""
        session = self.session
        if session is not None and self.is_running:
            session.reset()
            return
        with self._changing:
            self.session = None
        self._tell()

    def save(self) -> list[Path]:
        """Write stack, picture and table to a folder of their own, named after the time.

        Returns
        -------
        list of Path
            What was written.

        Raises
        ------
        RuntimeError
            If there is nothing to save.
        OSError
            If a file could not be written.
        """
        session = self.session
        if session is None or not session.stacker.frames_total:
            raise RuntimeError("there is nothing to save yet")
        output = self.settings.output
        folder = Path(output.folder) / time.strftime("%Y%m%d-%H%M%S")
        folder.mkdir(parents=True, exist_ok=True)
        kept = replace(self.settings, output=replace(output, folder=str(folder)))
        written, failed = write_results(session.stacker, kept)
        if failed:
            raise failed[0]
        return written

    def set_frames(self, frames: int) -> None:
        """Change how many accepted frames end the session, the running one too."""
        self.settings = replace(
            self.settings, stacking=replace(self.settings.stacking, frames=frames)
        )
        if self.session is not None and self.is_running:
            self.session.frames = frames
            self._tell()

    def image(self, *, clean: bool) -> Image | None:
        """Return the linear stack: without outliers, or at once; None before the first frame."""
        if self.session is None:
            return None
        stacker = self.session.stacker
        return stacker.stacked_image(colour=True) if clean else quick_image(stacker)

    def last_frame(self) -> tuple[Prepared, LastFrame] | None:
        """Return the last frame, anew as it was registered; None where none is kept."""
        stacker = None if self.session is None else self.session.stacker
        last = stacker.last_frame if isinstance(stacker, KeepingStacker) else None
        if last is None or not isinstance(stacker, KeepingStacker):
            return None
        return stacker.prepared(last), last

    def _adopt(self, session: CaptureSession) -> None:
        self.session = session
        self.sessions_made += 1
        session.observe(lambda seen: self._tell())

    def _tell(self) -> None:
        for observer in tuple(self._observers):
            observer()
