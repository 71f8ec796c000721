"""The picture of a session, made once for all viewers."""

from __future__ import annotations

import base64
import hashlib
import threading
from dataclasses import dataclass

from seestack.session import CaptureSession

__all__ = ["Preview", "Previews"]


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

    @property
    def latest(self) -> Preview | None:
        """What was made last; None before the first, and after a reset."""
        latest = self._latest
        return latest if self._session.snapshot().frames_stacked else None

    @property
    def is_stale(self) -> bool:
        """Whether the stack has grown since the latest was made."""
        number = self._session.snapshot().preview_number
        return number != (self._latest.number if self._latest else 0)

    def render(self) -> Preview | None:
        """Make the newest picture, waiting for the frame that is being stacked."""
        with self._lock:
            number = self._session.snapshot().preview_number
            if self._latest is None or self._latest.number != number:
                png = self._session.preview()
                self._latest = None if png is None else _preview(number, png)
            return self._latest


def _preview(number: int, png: bytes) -> Preview:
    etag = f'"{hashlib.sha256(png).hexdigest()[:32]}"'
    return Preview(number, png, base64.b64encode(png).decode(), etag)
