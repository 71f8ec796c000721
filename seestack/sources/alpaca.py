"""Frames from a camera over ALPACA, one exposure after another."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from threading import Event
from typing import Any

from seestack.alpaca.accessories import FilterWheel, Telescope
from seestack.alpaca.client import Camera
from seestack.alpaca.errors import AlpacaCancelledError, AlpacaConnectionError, AlpacaError
from seestack.alpaca.management import ConfiguredDevice, Server
from seestack.alpaca.protocol import Orientation
from seestack.alpaca.timeouts import Timeouts
from seestack.model import Frame

__all__ = ["AlpacaSource"]

logger = logging.getLogger(__name__)


class AlpacaSource:
    """Exposures of an ALPACA camera, an endless iterable of frames.

    Parameters
    ----------
    camera : str, Server or ConfiguredDevice
        Address of the server (``"192.168.1.20:32323"``), or what `discover` found.
    exposure_s : float, default 10
        Exposure time in seconds.
    gain : int or str, optional
        Left as it is by default.
    binning : int, optional
        Left as it is by default.
    filter_name : str, optional
        Filter to turn to, such as ``"LP"``; left as it is by default.
    object_name : str, optional
        What is observed, for the header.
    camera_number : int, default 0
        Which camera of the server, where `camera` does not say.
    orientation : {"auto", "transposed", "as-is"}, default "auto"
        For cameras that send the axes in the wrong order.
    accessories : bool, default True
        Use the server's telescope and filter wheel too: make it track, and write
        position and filter to the header. A server without them is no error.
    overhead_s : float, default 30
        An image must be ready this long after the end of its exposure.
    timeouts : Timeouts, optional
        How long to wait for answers.

    Raises
    ------
    ValueError
        If `exposure_s` is not positive, or a discovered server has no camera.

    Notes
    -----
    Iterating connects, and raises an `AlpacaError` when the camera is lost. Iterating
    again connects again and goes on; an exposure that may still be running is aborted
    first. An exposure takes place while the loop waits for its frame.

    Examples
    --------
    >>> from seestack.alpaca.simulator import SimulatedTelescope
    >>> picture = [[1, 2, 3], [4, 5, 6]]
    >>> with SimulatedTelescope(picture=picture, speed=100, discovery_port=None) as telescope:
    ...     source = AlpacaSource(telescope.address, exposure_s=2.0, gain=80)
    ...     for frame in source:
    ...         source.stop()
    >>> frame.image.tolist(), frame.bayer, frame.header["FILTER"]
    ([[1, 2, 3], [4, 5, 6]], 'GRBG', 'IR')
    """

    def __init__(
        self,
        camera: str | Server | ConfiguredDevice,
        *,
        exposure_s: float = 10.0,
        gain: int | str | None = None,
        binning: int | None = None,
        filter_name: str | None = None,
        object_name: str | None = None,
        camera_number: int = 0,
        orientation: Orientation = "auto",
        accessories: bool = True,
        overhead_s: float = 30.0,
        timeouts: Timeouts | None = None,
    ) -> None:
        if not exposure_s > 0:
            raise ValueError(f"exposure_s must be positive, got {exposure_s!r}")
        address, number = _camera_of(camera, camera_number)
        self.exposure_s = exposure_s
        self.overhead_s = overhead_s
        self.camera = Camera(address, number, orientation=orientation, timeouts=timeouts)
        self._settings: dict[str, Any] = {"gain": gain, "binning": binning}
        self._filter_name, self._object_name = filter_name, object_name
        self._telescope = Telescope(address, timeouts=timeouts) if accessories else None
        self._wheel = FilterWheel(address, timeouts=timeouts) if accessories else None
        self._stop = Event()

    def __iter__(self) -> Iterator[Frame]:
        """Connect, and yield a frame for every exposure until `stop`."""
        with contextlib.ExitStack() as stack:
            for device in (self.camera, self._telescope, self._wheel):
                if device is not None:
                    stack.callback(device.close)
            self.camera.connect()
            self.camera.configure(**self._settings)
            cards = self._fixed_cards()
            telescope = self._tracking_telescope()
            while not self._stop.is_set():
                try:
                    frame = self.camera.expose(
                        self.exposure_s, stop=self._stop, overhead_s=self.overhead_s
                    )
                except AlpacaCancelledError:
                    return
                header = dict(frame.header) | cards | _position_cards(telescope)
                yield replace(frame, header=header)

    def stop(self) -> None:
        """Abort the exposure and end the iteration, for good; from any thread."""
        self._stop.set()

    def _fixed_cards(self) -> dict[str, Any]:
        """Turn to the filter; return the header cards that stay the same."""
        cards = {"OBJECT": self._object_name, "FILTER": self._turned_to_filter()}
        return {name: value for name, value in cards.items() if value is not None}

    def _turned_to_filter(self) -> str | None:
        if self._wheel is None:
            return None
        try:
            self._wheel.connect()
            if self._filter_name is not None:
                self._wheel.select(self._filter_name)
            name = self._wheel.filter
        except AlpacaError as error:
            if self._filter_name is not None or isinstance(error, AlpacaConnectionError):
                raise
            logger.info("going on without a filter wheel: %s", error)
            return None
        return name

    def _tracking_telescope(self) -> Telescope | None:
        """Return the telescope once it tracks; None where there is none that does."""
        if self._telescope is None:
            return None
        try:
            self._telescope.connect()
            self._telescope.track()
        except AlpacaConnectionError:
            raise
        except AlpacaError as error:
            logger.warning("going on without a tracking telescope: %s", error)
            return None
        return self._telescope


def _position_cards(telescope: Telescope | None) -> dict[str, float]:
    """Return where the telescope points; nothing where it does not tell."""
    if telescope is None:
        return {}
    try:
        ra_deg, dec_deg = telescope.position_j2000(datetime.now(UTC))
    except AlpacaError as error:
        logger.info("position is not known: %s", error)
        return {}
    return {"RA": ra_deg, "DEC": dec_deg}


def _camera_of(camera: str | Server | ConfiguredDevice, number: int) -> tuple[str, int]:
    if isinstance(camera, str):
        return camera, number
    found = camera.find("camera") if isinstance(camera, Server) else camera
    if found is None or found.kind != "camera":
        raise ValueError(f"{camera.address} has no camera that could be used, got {camera}")
    return found.address, found.number
