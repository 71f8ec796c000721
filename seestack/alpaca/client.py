"""A camera over ALPACA: exposures that end, and images as frames.

The camera is asked gently: the pause between two questions is as long as the time
already waited, so a ten-second exposure costs about eight, and half a second once the
image is due. `protocol` turns the axes of an image, nothing here does.
"""

from __future__ import annotations

import contextlib
import logging
import time
from datetime import UTC, datetime, timedelta
from threading import Event
from typing import Any

import numpy as np

from seestack.alpaca.camera_info import CameraInfo, camera_info
from seestack.alpaca.device import Device
from seestack.alpaca.errors import (
    AlpacaCancelledError,
    AlpacaConnectionError,
    AlpacaError,
    AlpacaExposureError,
    AlpacaInvalidValueError,
    AlpacaProtocolError,
)
from seestack.alpaca.protocol import Orientation, bayer_pattern, decode_image
from seestack.alpaca.timeouts import Timeouts
from seestack.model import Frame

__all__ = ["Camera"]

_EXPOSING = (1, 2, 3)  # CameraState: waiting, exposing, reading
_FAILED = 5
_CLOCK_TRUST_S = 5.0
# The longest image believed: three planes of twelve digits, and a tail.
_BYTES_PER_PIXEL = 3 * 12
_SPARE_BYTES = 64_000_000

logger = logging.getLogger(__name__)


class Camera(Device):
    """An ALPACA camera.

    Parameters
    ----------
    address : str
        Host and port of the server, such as ``"192.168.1.20:32323"``.
    number : int, default 0
        Which camera of the server.
    orientation : {"auto", "transposed", "as-is"}, default "auto"
        For cameras that send the axes in the wrong order, see `protocol.decode_image`.
    timeouts : Timeouts, optional
        How long to wait for answers.

    Examples
    --------
    >>> from seestack.alpaca.simulator import SimulatedTelescope
    >>> with SimulatedTelescope(speed=100, discovery_port=None) as telescope:
    ...     with Camera(telescope.address) as camera:
    ...         frame = camera.expose(10.0)
    >>> frame.image.shape, frame.bayer, frame.exposure_s
    ((1920, 1080), 'GRBG', 10.0)
    """

    kind = "camera"

    def __init__(
        self,
        address: str,
        number: int = 0,
        *,
        orientation: Orientation = "auto",
        timeouts: Timeouts | None = None,
    ) -> None:
        super().__init__(address, number, timeouts=timeouts)
        self.orientation = orientation
        self._info: CameraInfo | None = None
        self._subframe: tuple[int, int, int, int] | None = None
        self._may_be_exposing = False

    @property
    def info(self) -> CameraInfo:
        """What does not change about the camera; asked for once."""
        if self._info is None:
            self._info = camera_info(self)
        return self._info

    @property
    def gain(self) -> int | str | None:
        """The gain: a value, or the name of a setting; None where the camera has none."""
        gain = self.get_optional("gain")
        names = self.get_optional("gains")
        if gain is None:
            return None
        return str(names[int(gain)]) if names else int(gain)

    @property
    def temperature_c(self) -> float | None:
        """Temperature of the sensor in degrees Celsius; None where it is not known."""
        value = self.get_optional("ccdtemperature")
        return None if value is None else float(value)

    def configure(self, *, gain: int | str | None = None, binning: int | None = None) -> None:
        """Set gain and binning, and use the whole sensor.

        Parameters
        ----------
        gain : int or str, optional
            A value, or the name of a setting for a camera that names them; left as it
            is by default.
        binning : int, optional
            Pixels along each axis that are read as one; left as it is by default.

        Raises
        ------
        AlpacaError
            If the camera does not accept a value.
        """
        if gain is not None:
            self.transport.put("gain", Gain=self._gain_setting(gain))
        if binning is not None:
            self.transport.put("binx", BinX=binning)
            self.transport.put("biny", BinY=binning)
        cells = int(self.transport.get("binx")), int(self.transport.get("biny"))
        whole = (0, 0, self.info.width_px // cells[0], self.info.height_px // cells[1])
        names = ("StartX", "StartY", "NumX", "NumY")
        for name, wanted in zip(names, whole, strict=True):
            if int(self.transport.get(name.lower())) != wanted:
                self.transport.put(name.lower(), **{name: wanted})
        self._subframe = whole

    def expose(
        self,
        exposure_s: float,
        *,
        light: bool = True,
        stop: Event | None = None,
        overhead_s: float = 30.0,
    ) -> Frame:
        """Take one exposure and return its frame.

        Parameters
        ----------
        exposure_s : float
            Exposure time in seconds.
        light : bool, default True
            False for a dark frame, with a camera that has a shutter.
        stop : threading.Event, optional
            Setting it aborts the exposure.
        overhead_s : float, default 30
            The image must be ready this long after the end of the exposure.

        Returns
        -------
        Frame
            Pixels as (row, col), with the Bayer pattern, the start in UTC and a few
            header cards.

        Raises
        ------
        AlpacaCancelledError
            If `stop` was set.
        AlpacaExposureError
            If the camera failed, or no image was ready in time.
        AlpacaError
            If a call failed; the exposure has been aborted if that was possible.

        Notes
        -----
        The exposure is started once: a start whose answer is lost is an error.
        """
        stop = stop or Event()
        start = self.start_exposure(exposure_s, light=light)
        started = time.monotonic()
        try:
            self._wait(exposure_s, started, started + exposure_s + overhead_s, stop)
            self._may_be_exposing = False
        finally:
            # Also when the user interrupts.
            if self._may_be_exposing:
                with contextlib.suppress(AlpacaError):
                    self.abort()
        return self._read_frame(exposure_s, start, stop)

    def start_exposure(self, exposure_s: float, *, light: bool = True) -> datetime:
        """Start an exposure and return its start (UTC).

        An exposure of ours whose fate is unknown is aborted first.
        """
        if self._may_be_exposing:
            try:
                self.abort()
            except AlpacaConnectionError:
                raise
            except AlpacaError as error:
                # Nothing to abort, perhaps; a busy camera will refuse to start.
                logger.info("abort before an exposure: %s", error)
        self._current_subframe()
        self._may_be_exposing = True
        before = datetime.now(UTC)
        try:
            self.transport.put("startexposure", Duration=float(exposure_s), Light=light)
        except AlpacaError as error:
            self._may_be_exposing = getattr(error, "sent", False)
            raise
        return before + (datetime.now(UTC) - before) / 2

    def abort(self) -> None:
        """Abort the exposure, if one is under way and the camera can do it."""
        if self.info.can_abort:
            self.transport.put("abortexposure")
        self._may_be_exposing = False

    def _gain_setting(self, gain: int | str) -> int:
        if isinstance(gain, int):
            return gain
        names = self.get_optional("gains") or []
        if gain not in names:
            raise AlpacaInvalidValueError(
                f"gain must be a number or one of {names}, got {gain!r}",
                device=self.transport.device,
            )
        return int(names.index(gain))

    def _current_subframe(self) -> tuple[int, int, int, int]:
        """Return (StartX, StartY, NumX, NumY) in binned pixels; asked for once."""
        if self._subframe is None:
            get = self.transport.get
            self._subframe = (
                int(get("startx")),
                int(get("starty")),
                int(get("numx")),
                int(get("numy")),
            )
        return self._subframe

    def _wait(self, exposure_s: float, started: float, deadline: float, stop: Event) -> None:
        """Return when the image is ready."""
        seen_not_ready = False
        while True:
            ready = bool(self.transport.get("imageready"))
            state = self.get_optional("camerastate")
            elapsed_s = time.monotonic() - started
            # Some cameras go on reporting the last image: an early one must be new.
            if ready and (elapsed_s >= exposure_s or (seen_not_ready and state not in _EXPOSING)):
                return
            seen_not_ready |= not ready
            if state == _FAILED:
                raise self._error(AlpacaExposureError, "the camera reports that it failed")
            if time.monotonic() > deadline:
                late_s = elapsed_s - exposure_s
                raise self._error(
                    AlpacaExposureError, f"no image {late_s:.0f} s after the end of the exposure"
                )
            if stop.wait(_pause_s(elapsed_s, exposure_s)):
                raise self._error(AlpacaCancelledError, "stopped on request")

    def _read_frame(self, exposure_s: float, start: datetime, stop: Event) -> Frame:
        start_x, start_y, cols, rows = self._current_subframe()
        body, kind = self.transport.get_image(
            "imagearray", max_bytes=_SPARE_BYTES + _BYTES_PER_PIXEL * rows * cols, stop=stop
        )
        image = decode_image(
            body,
            kind,
            orientation=self.orientation,
            size=(cols, rows),
            device=self.transport.device,
        )
        if image.shape[:2] != (rows, cols):
            raise AlpacaProtocolError(
                f"image has shape {image.shape}, asked for were {rows} rows and {cols} columns",
                device=self.transport.device,
                call="GET imagearray",
            )
        info = self.info
        return Frame(
            np.ascontiguousarray(image),
            exposure_s=exposure_s,
            start=self._start_by_camera(start),
            source=self.transport.device,
            bayer=bayer_pattern(info.sensor_type, info.bayer_offset, (start_x, start_y)),
            header=self._cards(exposure_s),
        )

    def _start_by_camera(self, start: datetime) -> datetime:
        """Return the camera's own time of the start, unless its clock is wrong."""
        text = self.get_optional("lastexposurestarttime")
        try:
            told = datetime.fromisoformat(str(text))
        except ValueError:
            return start
        told = told.replace(tzinfo=told.tzinfo or UTC).astimezone(UTC)
        return told if abs(told - start) < timedelta(seconds=_CLOCK_TRUST_S) else start

    def _cards(self, exposure_s: float) -> dict[str, Any]:
        cards = {
            "INSTRUME": self.info.name,
            "EXPTIME": exposure_s,
            "GAIN": self.gain,
            "CCD-TEMP": self.temperature_c,
            "XPIXSZ": self.info.pixel_size_um,
            "EGAIN": self.info.electrons_per_adu,
        }
        return {name: value for name, value in cards.items() if value is not None}

    def _error(self, kind: type[AlpacaError], message: str) -> AlpacaError:
        return kind(message, device=self.transport.device, call="exposure")


def _pause_s(elapsed_s: float, exposure_s: float) -> float:
    """Return how long to wait before the camera is asked again."""
    remaining_s = exposure_s - elapsed_s
    if remaining_s > 0:
        return min(max(elapsed_s, 0.05), remaining_s)
    return min(0.5, max(0.02, exposure_s / 20))
