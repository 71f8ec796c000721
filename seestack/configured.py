"""What the settings describe: the camera, the folder, the session.

The command line, the dashboard and a notebook make their sessions here, so that equal
settings mean the same everywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

from seestack.alpaca.discovery import discover
from seestack.alpaca.errors import AlpacaError
from seestack.alpaca.management import Server, describe
from seestack.config import ConfigError, Settings
from seestack.resuming import SavedFirst
from seestack.session import CaptureSession
from seestack.sources.alpaca import AlpacaSource
from seestack.sources.folder import FolderSource
from seestack.stacker import LiveStacker
from seestack.storage.session_folder import SessionFolder

__all__ = [
    "camera_source",
    "configured_session",
    "configured_stacker",
    "find_camera",
    "folder_source",
    "session_of",
]


def configured_session(
    settings: Settings, *, make_stacker: Callable[[Settings], LiveStacker] | None = None
) -> CaptureSession:
    """Return a new session with the camera or the folder of the settings.

    Parameters
    ----------
    settings : Settings
        With ``image_watcher.enabled`` the folder is followed, otherwise the camera is
        looked up.
    make_stacker : callable, optional
        Makes the stacker of the settings; `configured_stacker` by default.

    Raises
    ------
    AlpacaError
        If no camera is found, or the one at the address does not answer.
    ConfigError
        If a folder is to be followed and none is named.
    UnreadableFrameError
        If the folder does not exist.

    Examples
    --------
    >>> from seestack.alpaca.simulator import SimulatedTelescope
    >>> picture = [[0, 1, 2], [3, 4, 5]]
    >>> with SimulatedTelescope(picture=picture, discovery_port=None) as telescope:
    ...     server = {"default_server": {"address": telescope.address}}
    ...     settings = Settings.from_mapping({"alpaca": server, "stacking": {"frames": 7}})
    ...     session = configured_session(settings)
    >>> session.frames, session.snapshot().state
    (7, 'idle')
    """
    stacker = (make_stacker or configured_stacker)(settings)
    if settings.image_watcher.enabled:
        return session_of(folder_source(settings), settings, stacker)
    where = find_camera(settings)
    if isinstance(where, str):
        _check_camera(where, settings.camera.number)
    return session_of(camera_source(where, settings), settings, stacker)


def session_of(
    source: AlpacaSource | FolderSource,
    settings: Settings,
    stacker: LiveStacker,
    *,
    saved: Sequence[Path] = (),
) -> CaptureSession:
    """Return a session of the section ``stacking``; a camera's sub-frames can be kept.

    Those in `saved`, which a session kept before a break, are stacked first.
    """
    keep = settings.output.save_subs and isinstance(source, AlpacaSource)
    return CaptureSession(
        SavedFirst(saved, source) if saved else source,
        stacker,
        frames=settings.stacking.frames,
        preview_every=settings.stacking.preview_every,
        save_to=SessionFolder(settings.output.folder).sub_frames if keep else None,
    )


def configured_stacker(settings: Settings) -> LiveStacker:
    """Return a stacker with the options of the section ``stacking``."""
    return LiveStacker(**asdict(settings.stacking.options))


def folder_source(
    settings: Settings, folder: str | None = None, *, existing: bool = False
) -> FolderSource:
    """Return the source of the section ``image_watcher``, or of another folder."""
    watched = folder or settings.image_watcher.watch_path
    if watched is None:
        raise ConfigError("name the folder to watch, or set image_watcher.watch_path")
    return FolderSource(
        watched, existing=existing, debounce_s=settings.image_watcher.debounce_delay
    )


def camera_source(where: str | Server, settings: Settings) -> AlpacaSource:
    """Return the source of the section ``camera``, at an address or a discovered server."""
    camera = settings.camera
    return AlpacaSource(
        where,
        exposure_s=camera.exposure or settings.stacking.exposure_s,
        gain=camera.gain,
        binning=camera.binning,
        filter_name=camera.filter,
        camera_number=camera.number,
    )


def find_camera(settings: Settings, address: str | None = None) -> str | Server:
    """Return where the camera is: at the address given or configured, else discovered.

    Raises
    ------
    AlpacaError
        If discovery finds none.
    """
    alpaca = settings.alpaca
    address = address or alpaca.default_server.address
    if address:
        return address if ":" in address else f"{address}:{alpaca.default_server.port}"
    for server in discover(timeout_s=alpaca.discovery_timeout, port=alpaca.discovery_port):
        if server.find("camera") is not None:
            return server
    raise AlpacaError("no camera was found; is it on, in this network, or known by its address?")


def _check_camera(address: str, number: int) -> None:
    server = describe(address, retry_pauses_s=())
    cameras = [device.number for device in server.devices if device.kind == "camera"]
    if number not in cameras:
        known = ", ".join(map(str, cameras)) or "none"
        raise AlpacaError(f"{address} has no camera {number}; it has: {known}")
