"""What the panel does, without a widget: where frames come from, and one session at a time."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Literal

from seestack.alpaca.client import Camera
from seestack.alpaca.discovery import discover
from seestack.alpaca.management import ConfiguredDevice
from seestack.alpaca.sky import Sky
from seestack.config import ConfigError, Settings
from seestack.configured import camera_source, find_camera, folder_source, session_of
from seestack.model import Image
from seestack.pipeline import Prepared
from seestack.session import CaptureSession
from seestack.snapshots import Snapshot
from seestack.sources.files import frames_in
from seestack.sources.simulated import SimulatedSource
from seestack.terminal import write_results
from seestack.widgets.keeping import KeepingStacker, LastFrame, quick_image

__all__ = ["Control", "Place"]

_SENSORS = {0: "monochrome", 1: "colour", 2: "Bayer mosaic"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where frames come from.

    Parameters
    ----------
    kind : {"network", "address", "simulated", "folder"}
        A camera that answers the search, or at an address; a simulated one; a folder in
        which frames appear.
    address : str, optional
        Host, and port where it is not the usual one.
    speed : float, default 10
        The simulated camera is so many times faster than it says.
    folder : str, optional
        The folder.
    existing : bool, default False
        Begin with the files that are there.
    """

    kind: Literal["network", "address", "simulated", "folder"] = "network"
    address: str = ""
    speed: float = 10.0
    folder: str = ""
    existing: bool = False


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
        place = self.place
        if place.kind == "simulated":
            rows, cols = Sky().shape
            return f"Simulated camera, {cols} × {rows} px, {place.speed:g} times faster"
        if place.kind == "folder":
            _ = folder_source(self.settings, place.folder or None)
            folder = Path(place.folder or str(self.settings.image_watcher.watch_path))
            return f"{folder.name}: {len(frames_in(folder))} frames are there"
        where = find_camera(self.settings, self._address())
        address = where if isinstance(where, str) else where.address
        with Camera(address, self.settings.camera.number) as camera:
            info = camera.info
            kind = _SENSORS.get(info.sensor_type, "camera")
            return f"{info.name} at {address}, {info.width_px} × {info.height_px} px, {kind}"

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
                waiting = self._made()
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

    def _made(self) -> CaptureSession:
        settings, place = self.settings, self.place
        stacking = settings.stacking
        stacker = KeepingStacker(**asdict(stacking.options))
        if place.kind == "folder":
            source = folder_source(settings, place.folder or None, existing=place.existing)
            return session_of(source, settings, stacker)
        if place.kind != "simulated":
            where = find_camera(settings, self._address())
            return session_of(camera_source(where, settings), settings, stacker)
        return CaptureSession(
            SimulatedSource(
                exposure_s=settings.camera.exposure or stacking.exposure_s,
                gain=80 if settings.camera.gain is None else settings.camera.gain,
                speed=place.speed,
            ),
            stacker,
            frames=stacking.frames,
            preview_every=stacking.preview_every,
            save_to=Path(settings.output.folder) / "subs" if settings.output.save_subs else None,
        )

    def _address(self) -> str | None:
        """Return the address that was typed or found; None asks the network."""
        if self.place.kind == "address" and not self.place.address:
            raise ConfigError("type the address of the camera, such as 192.168.1.20:32323")
        return self.place.address or None

    def _adopt(self, session: CaptureSession) -> None:
        self.session = session
        self.sessions_made += 1
        session.observe(lambda seen: self._tell())

    def _tell(self) -> None:
        for observer in tuple(self._observers):
            observer()
