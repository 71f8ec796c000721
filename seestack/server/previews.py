"""The picture of a session, made once for all viewers."""

from __future__ import annotations

import base64
import hashlib
import threading
import time
from dataclasses import dataclass

from seestack.session import CaptureSession

__all__ = ["Preview", "Previews"]

# Pause after each picture, in units of the time that it took: frames that come faster than
# pictures can be made are stacked all the same.
_REST = 5.0
_LOOK_S = 0.01


@dataclass(frozen=True, slots=True)
class Preview:
    """A stretched PNG, its base64 text and the tag by which browsers know it again."""

    number: int
    png: bytes
    text: str
    etag: str


class Previews:
    """The newest picture of a session; `latest` never waits, `render` may.

    Parameters
    ----------
    session : CaptureSession
        Whose stack is shown.
    """

    def __init__(self, session: CaptureSession) -> None:
        self._session = session
        self._lock = threading.Lock()
        self._latest: Preview | None = None
        self._rests_until = 0.0

    @property
    def latest(self) -> Preview | None:
        """What was made last; None before the first, and after a reset."""
        latest = self._latest
        return latest if self._session.snapshot().frames_stacked else None

    @property
    def number(self) -> int:
        """Of the latest; 0 before the first."""
        return self._latest.number if self._latest else 0

    @property
    def wanted(self) -> int:
        """The number that the latest would have if it were new."""
        return self._session.snapshot().preview_number

    def render(self) -> Preview | None:
        """Make the newest picture, waiting for the frame that is being stacked."""
        with self._lock:
            while time.monotonic() < self._rests_until and self._is_running():
                time.sleep(_LOOK_S)
            number = self.wanted
            if self.number != number:
                began = time.monotonic()
                png = self._session.preview()
                self._latest = None if png is None else _preview(number, png)
                ended = time.monotonic()
                self._rests_until = ended + _REST * (ended - began)
            return self._latest

    def _is_running(self) -> bool:
        return self._session.snapshot().state == "running"


def _preview(number: int, png: bytes) -> Preview:
    etag = f'"{hashlib.sha256(png).hexdigest()[:32]}"'
    return Preview(number, png, base64.b64encode(png).decode(), etag)
