"""Where frames come from: a camera, a simulated one or a folder, and a session with it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from seestack.alpaca.client import Camera
from seestack.alpaca.sky import Sky
from seestack.config import ConfigError, Settings
from seestack.configured import camera_source, find_camera, folder_source, session_of
from seestack.session import CaptureSession
from seestack.sources.files import frames_in
from seestack.sources.simulated import SimulatedSource
from seestack.widgets.keeping import KeepingStacker

__all__ = ["Place", "described", "session_at", "usual_place"]

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


def usual_place(settings: Settings) -> Place:
    """Return the place that settings name: a watched folder, a server, or the network.

    Examples
    --------
    >>> server = {"default_server": {"address": "192.168.1.20", "port": 32323}}
    >>> usual_place(Settings.from_mapping({"alpaca": server})).address
    '192.168.1.20:32323'
    """
    watcher = settings.image_watcher
    if watcher.enabled:
        return Place(kind="folder", folder=watcher.watch_path or "")
    server = settings.alpaca.default_server
    if server.address:
        address = server.address if ":" in server.address else f"{server.address}:{server.port}"
        return Place(kind="address", address=address)
    return Place()


def described(place: Place, settings: Settings) -> str:
    """Look whether frames can come from a place, and say what is there.

    Raises
    ------
    AlpacaError, ConfigError, UnreadableFrameError
        If not; the message says why.

    Examples
    --------
    >>> described(Place(kind="simulated"), Settings())
    'Simulated camera, 1080 × 1920 px, 10 times faster'
    """
    if place.kind == "simulated":
        rows, cols = Sky().shape
        return f"Simulated camera, {cols} × {rows} px, {place.speed:g} times faster"
    if place.kind == "folder":
        _ = folder_source(settings, place.folder or None)
        folder = Path(place.folder or str(settings.image_watcher.watch_path))
        return f"{folder.name}: {len(frames_in(folder))} frames are there"
    where = find_camera(settings, _address(place))
    address = where if isinstance(where, str) else where.address
    with Camera(address, settings.camera.number) as camera:
        info = camera.info
        kind = _SENSORS.get(info.sensor_type, "camera")
        return f"{info.name} at {address}, {info.width_px} × {info.height_px} px, {kind}"


def session_at(place: Place, settings: Settings) -> CaptureSession:
    """Return a session with the frames of a place, not started.

    Its stacker keeps its last frame, see `KeepingStacker`.

    Raises
    ------
    AlpacaError, ConfigError, UnreadableFrameError
        If there is nothing to take frames from.

    Examples
    --------
    >>> settings = Settings.from_mapping({"stacking": {"frames": 7}})
    >>> session_at(Place(kind="simulated"), settings).frames
    7
    """
    stacking = settings.stacking
    stacker = KeepingStacker(**asdict(stacking.options))
    if place.kind == "folder":
        source = folder_source(settings, place.folder or None, existing=place.existing)
        return session_of(source, settings, stacker)
    if place.kind != "simulated":
        where = find_camera(settings, _address(place))
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


def _address(place: Place) -> str | None:
    """Return the address that was typed or found; None asks the network."""
    if place.kind == "address" and not place.address:
        raise ConfigError("type the address of the camera, such as 192.168.1.20:32323")
    return place.address or None
