"""The camera of the simulated telescope: settings, and exposures that take their time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

from numpy.typing import NDArray

from seestack.alpaca.errors import error_for
from seestack.alpaca.faults import Fault, Habits
from seestack.alpaca.members import (
    INVALID_OPERATION,
    INVALID_VALUE,
    Member,
    SimulatedDevice,
    as_bool,
    as_float,
    as_int,
    constant,
    lacking,
    within,
)
from seestack.alpaca.scene import ELECTRONS_PER_ADU
from seestack.alpaca.sky import Sky, View

__all__ = ["Draw", "SimulatedCamera"]

Draw = Callable[[View, int, bool], NDArray[Any]]

_IDLE, _EXPOSING, _READING, _ERROR = 0, 2, 3, 5
_EXPOSURE_MIN_S, _EXPOSURE_MAX_S = 0.00003, 2000.0
_GAIN_MAX = 400
# Between two exposures of a Seestar pass 1.2 s; no exposure is shorter than 50 ms here,
# so that a client can see that it has begun.
_PAUSE_S = 1.2
_SHORTEST_S = 0.05
_OFFSETS = {"RGGB": (0, 0), "GRBG": (1, 0), "GBRG": (0, 1), "BGGR": (1, 1)}


class SimulatedCamera(SimulatedDevice):
    """A camera that draws what the sky shows.

    Parameters
    ----------
    sky : Sky
        The sky, for its truth and the Bayer pattern.
    shape : tuple of int
        (row, col) of the sensor.
    draw : callable
        ``draw(view, gain, light)`` gives the image of an exposure, of `shape` or with
        three planes.
    habits : Habits
        How it differs.
    speed : float
        How many times shorter an exposure is than it says.
    planes : int, default 1
        3 for a camera that gives colour planes.
    """

    kind = "camera"
    interface_version = 3

    def __init__(
        self,
        sky: Sky,
        shape: tuple[int, int],
        draw: Draw,
        habits: Habits,
        *,
        speed: float,
        planes: int = 1,
    ) -> None:
        self.views: list[View] = []
        self.image: NDArray[Any] | None = None
        self.dark = False
        self._sky, self._shape, self._draw = sky, shape, draw
        self._habits, self._speed, self._planes = habits, speed, planes
        self._clock_s = 0.0
        self._task: asyncio.Task[None] | None = None
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="simulated-camera")
        self._settings()
        super().__init__("Seestar S50 Camera", "seestack-camera-0", lacks=habits.lacks)

    def _settings(self) -> None:
        self.ready = False
        self.state = _IDLE
        self.gain = 80
        self.subframe = {"StartX": 0, "StartY": 0, "NumX": self._shape[1], "NumY": self._shape[0]}
        self._began = 0.0
        self._last: tuple[datetime, float] | None = None
        self._under_way_s = 0.0

    def reset(self) -> None:
        """Forget settings, exposure and image, as when switched off and on."""
        super().reset()
        self.abort()
        self._settings()
        self.image = None

    def close(self) -> None:
        """Abort the exposure and wait for the drawing to end."""
        self.abort()
        self._executor.shutdown(wait=True)

    def start(self, duration_s: float, light: bool, fault: Fault | None = None) -> None:
        """Begin an exposure; `fault` makes it get stuck or fail."""
        within("Duration", duration_s, _EXPOSURE_MIN_S, _EXPOSURE_MAX_S)
        if self._task is not None:
            raise error_for(INVALID_OPERATION, "an exposure is under way")
        x, y = self.subframe["StartX"], self.subframe["StartY"]
        if (
            x + self.subframe["NumX"] > self._shape[1]
            or y + self.subframe["NumY"] > self._shape[0]
            or min(self.subframe["NumX"], self.subframe["NumY"]) < 1
        ):
            raise error_for(INVALID_VALUE, f"the subframe {self.subframe} exceeds the sensor")
        self.ready = self.ready and self._habits.stale_ready
        self.state = _EXPOSING
        self._began, self._under_way_s = time.monotonic(), duration_s
        started = datetime.now(UTC)
        view = self._sky.view(len(self.views), time_s=self._clock_s, exposure_s=duration_s)
        self._task = asyncio.get_running_loop().create_task(self._expose(view, started, fault))

    def abort(self) -> None:
        """End the exposure without an image; nothing happens if there is none."""
        if self._task is not None:
            self._task.cancel()
            self._task = None
            self.ready = False
        self.state = _IDLE

    def take_image(self) -> NDArray[Any]:
        """Return the image, which a camera that `reads_once` then forgets."""
        if self.image is None or (self._task is not None and not self._habits.stale_ready):
            raise error_for(INVALID_OPERATION, "there is no image")
        image = self.image
        if self._habits.reads_once:
            self.image, self.ready = None, False
        return image

    async def _expose(self, view: View, started: datetime, fault: Fault | None) -> None:
        loop = asyncio.get_running_loop()
        drawing = loop.run_in_executor(self._executor, self._draw, view, self.gain, not self.dark)
        shortest_s = min(view.exposure_s, _SHORTEST_S)
        await asyncio.sleep(max(view.exposure_s / self._speed, shortest_s))
        if fault is not None and fault.kind == "stuck":
            await asyncio.Event().wait()
        self.state = _READING
        image = await drawing
        self._task = None
        if fault is not None and fault.kind == "failed":
            self.state = _ERROR
            return
        left, top = self.subframe["StartX"], self.subframe["StartY"]
        rows, cols = self.subframe["NumY"], self.subframe["NumX"]
        self.image = image[top : top + rows, left : left + cols]
        self.views.append(view)
        self._clock_s += view.exposure_s + _PAUSE_S
        self._last = (started, view.exposure_s)
        self.ready, self.state = True, _IDLE

    def _own_members(self) -> dict[str, Member]:
        rows, cols = self._shape
        mosaic = self._sky.bayer is not None and self._planes == 1
        offset = _OFFSETS[self._sky.bayer] if mosaic and self._sky.bayer else None
        x, y = (lacking(), lacking()) if offset is None else map(constant, offset)
        return {
            **self._fixed_members(),
            "bayeroffsetx": x,
            "bayeroffsety": y,
            "sensortype": constant(2 if mosaic else (1 if self._planes == 3 else 0)),
            "cameraxsize": constant(cols),
            "cameraysize": constant(rows),
            "startx": self._subframe_member("StartX", 0, cols - 1),
            "starty": self._subframe_member("StartY", 0, rows - 1),
            "numx": self._subframe_member("NumX", 1, cols),
            "numy": self._subframe_member("NumY", 1, rows),
            "gain": Member(lambda: self.gain, self._set_gain, {"Gain": as_int}),
            "readoutmode": Member(lambda: 0, _only("ReadoutMode", 0), {"ReadoutMode": as_int}),
            "binx": Member(lambda: 1, _only("BinX", 1), {"BinX": as_int}),
            "biny": Member(lambda: 1, _only("BinY", 1), {"BinY": as_int}),
            "camerastate": Member(lambda: self.state),
            "imageready": Member(lambda: self.ready),
            "imagearray": Member(self.take_image),
            "imagearrayvariant": Member(self.take_image),
            "startexposure": Member(
                write=self.start, fields={"Duration": as_float, "Light": as_bool}
            ),
            "abortexposure": Member(write=self.abort),
            "stopexposure": Member(write=self.abort),
            "percentcompleted": Member(self._percent),
            "lastexposurestarttime": Member(lambda: self._last_exposure()[0]),
            "lastexposureduration": Member(lambda: self._last_exposure()[1]),
        }

    def _fixed_members(self) -> dict[str, Member]:
        values = {
            "canabortexposure": True,
            "canstopexposure": True,
            "canasymmetricbin": False,
            "canfastreadout": False,
            "cangetcoolerpower": False,
            "canpulseguide": False,
            "cansetccdtemperature": False,
            "hasshutter": False,
            "maxadu": 65535,
            "maxbinx": 1,
            "maxbiny": 1,
            "pixelsizex": 2.9,
            "pixelsizey": 2.9,
            "exposuremin": _EXPOSURE_MIN_S,
            "exposuremax": _EXPOSURE_MAX_S,
            "exposureresolution": 0.00001,
            "gainmin": 0,
            "gainmax": _GAIN_MAX,
            "ccdtemperature": 24.5,
            "readoutmodes": ["0"],
            "sensorname": "",
            "electronsperadu": ELECTRONS_PER_ADU,
        }
        return {name: constant(value) for name, value in values.items()} | {
            "coolerpower": lacking(),
            "fullwellcapacity": lacking(),
            "gains": lacking(),
            "heatsinktemperature": lacking(),
            "ispulseguiding": lacking(),
            "offsetmax": lacking(),
            "offsetmin": lacking(),
            "offsets": lacking(),
            "cooleron": lacking(True, CoolerOn=as_bool),
            "fastreadout": lacking(True, FastReadout=as_bool),
            "offset": lacking(True, Offset=as_int),
            "setccdtemperature": lacking(True, SetCCDTemperature=as_float),
            "subexposureduration": lacking(True, SubExposureDuration=as_float),
            "pulseguide": lacking(True, False, Direction=as_int, Duration=as_int),
        }

    def _subframe_member(self, name: str, low: int, high: int) -> Member:
        def write(value: int) -> None:
            within(name, value, low, high)
            self.subframe[name] = value

        return Member(lambda: self.subframe[name], write, {name: as_int})

    def _set_gain(self, gain: int) -> None:
        within("Gain", gain, 0, _GAIN_MAX)
        self.gain = gain

    def _percent(self) -> int:
        if self._task is None:
            return 100 if self.ready else 0
        done = (time.monotonic() - self._began) * self._speed / self._under_way_s
        return int(100 * min(done, 1.0))

    def _last_exposure(self) -> tuple[str, float]:
        if self._last is None:
            raise error_for(INVALID_OPERATION, "there was no exposure yet")
        started, exposure_s = self._last
        return started.replace(tzinfo=None).isoformat(timespec="milliseconds"), exposure_s


def _only(name: str, value: int) -> Callable[[int], None]:
    return lambda given: within(name, given, value, value)
