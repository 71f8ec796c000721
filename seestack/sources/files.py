"""Frames from files: FITS in all its states, TIFF and PNG.

A frame is worth more than its header. Whatever of a header can be read is read, one
warning a file names the rest, and only a file without usable pixels is an error.
"""

from __future__ import annotations

import io
import os
import re
import struct
import warnings
import zlib
from collections.abc import Callable, Iterable
from datetime import datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seestack.model import Frame, UnreadableFrameError
from seestack.sources.fits import read_image
from seestack.sources.headers import (
    Complain,
    MalformedError,
    bayer_pattern,
    exposure_s,
    start_of_exposure,
)

__all__ = ["FrameWarning", "find_frames", "frames_in", "read_frame"]

_FITS = (".fit", ".fits", ".fts")
_ENDINGS = (*_FITS, *(e + z for e in _FITS for z in (".gz", ".fz")), ".tif", ".tiff", ".png")
_DIGITS = re.compile("([0-9]+)")
_MAX_NAMED = 6
# No packing of pixels is much tighter, and so many bytes are no burden.
_TIGHTEST, _HARMLESS = 1100, 1 << 26
# What decoders raise when they meet bytes that make no sense.
_DAMAGE = (OSError, ValueError, TypeError, SyntaxError, LookupError, MemoryError, struct.error)

StrPath = str | os.PathLike[str]


class FrameWarning(UserWarning):
    """A frame was read, but something in its file was not as it should be."""


def read_frame(path: StrPath) -> Frame:
    """Read one frame from a file.

    Parameters
    ----------
    path : path-like
        A FITS (``.fit``, ``.fits``, ``.fts``, also with ``.gz`` or ``.fz``), TIFF
        (``.tif``, ``.tiff``) or PNG (``.png``) file.

    Returns
    -------
    Frame
        `image` has the rows in the order of the file, shape (H, W), or (3, H, W) or
        (H, W, 3) with colours, in the number type of the file and native byte order.
        Of a FITS file the first image counts; `exposure_s` is EXPTIME or EXPOSURE,
        `start` DATE-OBS, `bayer` the pattern of the image in the order of the file,
        and `header` a read-only mapping of all cards. TIFF and PNG tell the pixels
        only; transparency is left out.

    Raises
    ------
    UnreadableFrameError
        If the file is missing, a folder, of another kind, damaged, cut short, or holds
        no image of one frame. The message names the file, the reason and the remedy.

    Warns
    -----
    FrameWarning
        Once a file, naming the header cards that could not be read or used.

    Examples
    --------
    >>> import tempfile
    >>> from astropy.io import fits
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "light.fit"
    ...     cards = fits.Header({"EXPTIME": 10.0, "BAYERPAT": "GRBG"})
    ...     fits.writeto(path, np.zeros((4, 6), np.uint16), cards)
    ...     frame = read_frame(path)
    >>> frame.image.shape, frame.image.dtype.name, frame.exposure_s, frame.bayer
    ((4, 6), 'uint16', 10.0, 'GRBG')
    """
    path = Path(path)
    problems: list[str] = []
    try:
        pixels, header = _reader(path)(_contents(path), problems.append)
        image = _one_frame(pixels)
        exposure, start, bayer = _described(header, image, problems.append)
    except MalformedError as error:
        raise UnreadableFrameError(f"{path}: {error}", source=str(path)) from error
    if problems:
        more = f" and {len(problems) - _MAX_NAMED} more" if len(problems) > _MAX_NAMED else ""
        named = "; ".join(problems[:_MAX_NAMED])
        warnings.warn(f"{path}: header cards with a problem: {named}{more}", FrameWarning, 2)
    return Frame(image, exposure, start, str(path), bayer, MappingProxyType(header))


def find_frames(paths: StrPath | Iterable[StrPath]) -> list[Path]:
    """List the frame files that files and folders stand for.

    Parameters
    ----------
    paths : path-like or iterable of path-like
        A folder stands for the files in it (not in its subfolders) with an ending
        that `read_frame` knows, hidden ones left out. A file stands for itself,
        whatever its ending.

    Returns
    -------
    list of Path
        In the order given; within a folder in natural order, 2 before 10. A file that
        occurs twice is listed once.

    Raises
    ------
    UnreadableFrameError
        If a path does not exist or a folder holds no frame file.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for name in ("L_10.fit", "L_2.fit", "notes.txt", ".L_3.fit"):
    ...         (Path(folder) / name).touch()
    ...     [path.name for path in find_frames(folder)]
    ['L_2.fit', 'L_10.fit']
    """
    given = [paths] if isinstance(paths, (str, os.PathLike)) else list(paths)
    found: dict[Path, None] = {}
    for path in map(Path, given):
        if path.is_dir():
            frames = frames_in(path)
            if not frames:
                raise UnreadableFrameError(
                    f"{path}: the folder holds no frames (subfolders are not searched); "
                    f"their names end in {', '.join(_ENDINGS)}"
                )
            found |= dict.fromkeys(frames)
        elif _exists(path):
            found[path] = None
        else:
            raise UnreadableFrameError(f"{path}: there is no such file or folder; check the name")
    return list(found)


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # such as a name that is too long
        return False


def frames_in(folder: Path) -> list[Path]:
    """Return the frame files of a folder in natural order; none if it is not there.

    Parameters
    ----------
    folder : Path
        Its subfolders and hidden files are passed over.

    Returns
    -------
    list of Path
        Files with an ending that `read_frame` knows.

    Examples
    --------
    >>> frames_in(Path("no/such/folder"))
    []
    """
    try:
        entries = list(folder.iterdir())
    except OSError:
        return []
    frames = [
        path
        for path in entries
        if path.name.lower().endswith(_ENDINGS) and not path.name.startswith(".") and path.is_file()
    ]
    return sorted(frames, key=_natural)


def _natural(path: Path) -> tuple[list[str | int], str]:
    parts = _DIGITS.split(path.name.lower())
    return [int(part) if part.isascii() and part.isdigit() else part for part in parts], path.name


def _reader(path: Path) -> Callable[[bytes, Complain], tuple[NDArray[Any], dict[str, Any]]]:
    name = path.name.lower()
    if not path.exists():
        raise MalformedError("there is no such file; check the name")
    if path.is_dir():
        raise MalformedError("it is a folder; name the files in it, or use find_frames")
    if not name.endswith(_ENDINGS):
        raise MalformedError(
            f"its ending is none of {', '.join(_ENDINGS)}; convert it to FITS or rename it"
        )
    return _png if name.endswith(".png") else _tiff if ".tif" in path.suffix.lower() else read_image


def _contents(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise MalformedError(f"it cannot be opened ({error.strerror}); check its rights") from error


def _tiff(body: bytes, _complain: Complain) -> tuple[NDArray[Any], dict[str, Any]]:
    import tifffile

    try:
        with tifffile.TiffFile(io.BytesIO(body)) as file:
            page = file.pages.first
            _check_size(page.size * (page.dtype.itemsize if page.dtype else 8), body)
            pixels = page.asarray()
            opaque = page.samplesperpixel - len(page.extrasamples)
    except (*_DAMAGE, zlib.error) as error:
        raise MalformedError(f"its TIFF cannot be read ({error}); save it uncompressed") from error
    if page.samplesperpixel > 1 and page.axes.endswith("S"):
        pixels = pixels[..., :opaque]
    elif page.samplesperpixel > 1:
        pixels = pixels[:opaque]
    return pixels, {}


def _png(body: bytes, _complain: Complain) -> tuple[NDArray[Any], dict[str, Any]]:
    from PIL import Image

    try:
        # The first chunk, which Pillow would warn of before anybody can say no.
        _check_size(int.from_bytes(body[16:20]) * int.from_bytes(body[20:24]), body)
        with Image.open(io.BytesIO(body), formats=["PNG"]) as picture:
            picture.load()
            deep_colour = body[24] == 16 and len(picture.getbands()) > 1
            mode = "RGB" if picture.mode in ("P", "RGBA") else "L" if picture.mode == "LA" else ""
            pixels = np.asarray(picture.convert(mode) if mode else picture)
    except (*_DAMAGE, zlib.error, Image.DecompressionBombError) as error:
        raise MalformedError(f"its PNG cannot be read ({error}); save it again") from error
    return (_deep_png(body) if deep_colour else pixels), {}


def _check_size(announced: int, body: bytes) -> None:
    """Refuse a header that announces more pixels than the file can hold."""
    if announced > max(_TIGHTEST * len(body), _HARMLESS):
        raise MalformedError(
            f"its header announces {announced:,} bytes of pixels, which {len(body):,} bytes cannot "
            "hold; it is damaged, save it again"
        )


def _deep_png(body: bytes) -> NDArray[Any]:
    """Decode colour of 16 bits, which Pillow cuts to 8."""
    import cv2

    blue_first = cv2.imdecode(np.frombuffer(body, np.uint8), cv2.IMREAD_UNCHANGED)
    if blue_first is None or blue_first.ndim != 3:
        raise MalformedError("its PNG cannot be read; save it again")
    return blue_first[..., 2::-1]


def _one_frame(pixels: NDArray[Any]) -> NDArray[Any]:
    """Return the pixels with one plane or three, in native byte order, C order, writeable."""
    if pixels.ndim == 3 and 1 in (pixels.shape[0], pixels.shape[2]):
        pixels = pixels[0] if pixels.shape[0] == 1 else pixels[..., 0]
    if pixels.dtype.kind not in "iufb" or pixels.size == 0:
        raise MalformedError(f"its pixels are of type {pixels.dtype}; save it as plain numbers")
    if pixels.ndim not in (2, 3) or (pixels.ndim == 3 and 3 not in pixels.shape[::2]):
        raise MalformedError(
            f"its image has shape {pixels.shape}; a frame has (H, W), (3, H, W) or (H, W, 3), "
            "so save each frame as a file of its own"
        )
    kind = np.dtype(np.uint8) if pixels.dtype.kind == "b" else pixels.dtype.newbyteorder("=")
    return np.require(pixels, kind, ["C", "W"])


def _described(
    header: dict[str, Any], image: NDArray[Any], complain: Complain
) -> tuple[float | None, datetime | None, str | None]:
    if not header:
        return None, None, None
    bayer = bayer_pattern(header, len(image), complain) if image.ndim == 2 else None
    return exposure_s(header, complain), start_of_exposure(header, complain), bayer
