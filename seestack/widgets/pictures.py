"""The preview as a small JPEG: the whole picture, or a window of it at 1:1."""

from __future__ import annotations

import io
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image as PillowImage

from seestack.model import Image
from seestack.steps.stretching import stretch

__all__ = ["Look", "Picture", "as_jpeg"]

MAX_BYTES = 250_000
FIT_PX = 960
_QUALITIES = (85, 75, 60, 40)


@dataclass(frozen=True, slots=True)
class Look:
    """How a stack is shown.

    Parameters
    ----------
    low_percent, high_percent, strength : float
        See `seestack.stretch`.
    zoom : int, default 0
        Screen pixels for each pixel of the stack; 0 fits the whole picture in.
    x, y : float, default 0.5
        Where the middle of the window lies, as shares of width and height.
    """

    low_percent: float = 1.0
    high_percent: float = 99.5
    strength: float = 10.0
    zoom: int = 0
    x: float = 0.5
    y: float = 0.5

    @property
    def curve(self) -> tuple[float, float, float]:
        """What of it changes the stretch."""
        return self.low_percent, self.high_percent, self.strength


class Picture:
    """One stack on its way to the screen; what a change does not touch is not made again.

    Parameters
    ----------
    image : ndarray of shape (H, W) or (H, W, 3)
        Linear pixels; NaN marks those without a value.

    Examples
    --------
    >>> picture = Picture(np.arange(2400.0).reshape(40, 60))
    >>> PillowImage.open(io.BytesIO(picture.jpeg(Look()))).size
    (60, 40)
    >>> PillowImage.open(io.BytesIO(picture.jpeg(Look(zoom=2), window=(30, 20)))).size
    (30, 20)
    """

    def __init__(self, image: Image) -> None:
        self.image = image
        self._small: Image | None = None
        self._bits: dict[tuple[object, ...], NDArray[np.uint8]] = {}

    def jpeg(self, look: Look, *, window: tuple[int, int] = (540, 720)) -> bytes:
        """Return the picture, or a window of at most (width, height) screen pixels of it."""
        key = (look.zoom > 0, look.curve)
        if key not in self._bits:
            low, high, strength = look.curve
            pixels = self.image if look.zoom else self._fitting()
            bits = stretch(pixels, low_percent=low, high_percent=high, strength=strength)
            self._bits = {key: bits}
        bits = self._bits[key]
        return as_jpeg(_window(bits, look, window) if look.zoom else bits)

    def _fitting(self) -> Image:
        if self._small is None:
            self._small = _smaller(self.image, FIT_PX)
        return self._small


def as_jpeg(bits: NDArray[np.uint8], *, max_bytes: int = MAX_BYTES) -> bytes:
    """Return an 8-bit picture as JPEG, of lower quality where it would be large."""
    picture = PillowImage.fromarray(bits)
    for quality in _QUALITIES:
        buffer = io.BytesIO()
        picture.save(buffer, "JPEG", quality=quality)
        if buffer.tell() <= max_bytes:
            break
    return buffer.getvalue()


def _window(bits: NDArray[np.uint8], look: Look, window: tuple[int, int]) -> NDArray[np.uint8]:
    """Return the part of the picture around the middle of the window, enlarged."""
    cuts = []
    for share, length, shown in (
        (look.y, bits.shape[0], window[1]),
        (look.x, bits.shape[1], window[0]),
    ):
        seen = min(max(shown // look.zoom, 1), length)
        first = round(share * (length - seen))
        cuts.append(slice(first, first + seen))
    part = bits[cuts[0], cuts[1]]
    return part.repeat(look.zoom, axis=0).repeat(look.zoom, axis=1)


def _smaller(image: Image, max_px: int) -> Image:
    """Return an image of at most `max_px`, NaN only where no pixel is known."""
    factor = max_px / max(image.shape[:2])
    if factor >= 1:
        return image
    rows, cols = (max(round(side * factor), 1) for side in image.shape[:2])
    known = np.isfinite(image)
    if known.all():
        return cv2.resize(image, (cols, rows), interpolation=cv2.INTER_AREA)
    light = np.where(known, image, np.float32(0))
    small = cv2.resize(light, (cols, rows), interpolation=cv2.INTER_AREA)
    share = cv2.resize(known.astype(np.float32), (cols, rows), interpolation=cv2.INTER_AREA)
    return np.where(share > 0, small / np.maximum(share, 1e-6), np.nan).astype(np.float32)
