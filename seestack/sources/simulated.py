"""Frames of the simulated sky, without a camera or a network."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from threading import Event

from seestack.alpaca.scene import Scene
from seestack.alpaca.sky import Sky, View
from seestack.model import Frame

__all__ = ["SimulatedSource"]

_PAUSE_S = 1.2
_FIRST_START = datetime(2026, 1, 15, 21, 0, 0, tzinfo=UTC)


class SimulatedSource:
    """Exposures of a simulated sky, an iterable of frames; each time the same.

    Parameters
    ----------
    sky : Sky, optional
        What there is to see.
    exposure_s : float, default 10
        Exposure time in seconds.
    gain : int, default 80
        In tenths of a decibel.
    frames : int, optional
        How many frames there are; without end by default.
    speed : float, optional
        Frames come this many times faster than they would be exposed; as fast as they
        are asked for by default.

    Raises
    ------
    ValueError
        If `exposure_s` or `speed` is not positive.

    Examples
    --------
    >>> source = SimulatedSource(Sky(shape=(120, 80), target=None), frames=2)
    >>> [frame.image.shape for frame in source]
    [(120, 80), (120, 80)]
    >>> round(source.truth(1).transform.rotation_deg, 3)
    0.056
    """

    def __init__(
        self,
        sky: Sky | None = None,
        *,
        exposure_s: float = 10.0,
        gain: int = 80,
        frames: int | None = None,
        speed: float | None = None,
    ) -> None:
        if not exposure_s > 0:
            raise ValueError(f"exposure_s must be positive, got {exposure_s!r}")
        if speed is not None and not speed > 0:
            raise ValueError(f"speed must be positive, got {speed!r}")
        self.exposure_s = exposure_s
        self.gain = gain
        self.frames = frames
        self._scene = Scene(sky or Sky())
        self._speed = speed
        self._stop = Event()

    def __iter__(self) -> Iterator[Frame]:
        """Yield the frames from the first on, until there are `frames`, or until `stop`."""
        for index in itertools.count() if self.frames is None else range(self.frames):
            if self._stop.is_set():
                return
            began = time.monotonic()
            frame = self._frame(index)
            if self._speed is not None:
                left_s = self.exposure_s / self._speed - (time.monotonic() - began)
                if self._stop.wait(max(left_s, 0.0)):
                    return
            yield frame

    def stop(self) -> None:
        """End the iteration, for good; may be called from another thread."""
        self._stop.set()

    def truth(self, index: int) -> View:
        """Return the truth about a frame, counted from 0, taken or not."""
        time_s = index * (self.exposure_s + _PAUSE_S)
        return self._scene.sky.view(index, time_s=time_s, exposure_s=self.exposure_s)

    def _frame(self, index: int) -> Frame:
        view = self.truth(index)
        return Frame(
            self._scene.expose(view, gain=self.gain),
            exposure_s=self.exposure_s,
            start=_FIRST_START + timedelta(seconds=view.time_s),
            source=f"simulated frame {index}",
            bayer=self._scene.sky.bayer,
            header={"INSTRUME": "Simulated camera", "EXPTIME": self.exposure_s, "GAIN": self.gain},
        )
