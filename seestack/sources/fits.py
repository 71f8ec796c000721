"""Read the first image of a FITS file, whatever the state of its header.

Headers are read by `seestack.sources.headers`, which forgives what can be forgiven.
The pixels of a plain image follow from five keywords and are taken as they lie in the
file; only tile-compressed images need a library.
"""

from __future__ import annotations

import gzip
import io
import math
import re
import warnings
import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seestack.sources.headers import BLOCK, Complain, MalformedError, read_cards

__all__ = ["read_image"]

_GZIP = b"\x1f\x8b"
_FIRST_CARD = re.compile(rb"SIMPLE *=", re.IGNORECASE)
# What astropy raises when it meets a damaged table of tiles, besides errors of its own.
_DAMAGE = (
    *(ArithmeticError, EOFError, LookupError, MemoryError, OSError, RuntimeError),
    *(TypeError, ValueError, zlib.error),
)
_TYPES = {8: "u1", 16: ">i2", 32: ">i4", 64: ">i8", -32: ">f4", -64: ">f8"}


def read_image(body: bytes, complain: Complain) -> tuple[NDArray[Any], dict[str, Any]]:
    """Read the first image of a FITS file, plain, gzipped or tile-compressed.

    Parameters
    ----------
    body : bytes
        The whole file.
    complain : callable
        Is given one sentence fragment for each header card with a problem.

    Returns
    -------
    pixels : ndarray of shape (H, W), (3, H, W) or (H, W, 3)
        Unsigned integers (BZERO) stay integers; other scaling and BLANK pixels, which
        become NaN, make floats.
    values : dict
        The header of that image, keyword to value; for an image in an extension, the
        cards of the primary header that it lacks too.

    Raises
    ------
    MalformedError
        If there is no such image.
    """
    if body.startswith(_GZIP):
        body = _unzipped(body)
    if not _FIRST_CARD.match(body):
        begin = f"begins with {body[:16]!r}" if body else "is empty"
        raise MalformedError(f"it is not a FITS file: it {begin}")
    position = number = 0
    primary: dict[str, Any] = {}
    refusal = "it holds no image"
    while position == 0 or body.startswith(b"XTENSION", position):
        problems: list[str] = []
        note = problems.append if position else complain
        values, data = read_cards(body, position, note)
        if values.get("ZIMAGE") is True:
            pixels, values = _tiles(body, number, complain)
            return pixels, primary | values
        shape = _shape(values)
        if _is_image(values) and shape and math.prod(shape) > 0:
            for problem in problems:
                complain(problem)
            if len(shape) in (2, 3):
                return _pixels(body, data, shape, values, complain), primary | values
            refusal = f"its image has {len(shape)} axes; a frame has 2, or 3 with colours"
        primary = primary or values
        position = data + -(-_data_size(values, shape) // BLOCK) * BLOCK
        number += 1
    raise MalformedError(refusal)


def _unzipped(body: bytes) -> bytes:
    try:
        return gzip.decompress(body)
    except EOFError as error:
        raise MalformedError("it is cut short; copy it again") from error
    except (OSError, zlib.error) as error:
        raise MalformedError(f"it cannot be unzipped ({error}); copy it again") from error


def _is_image(values: Mapping[str, Any]) -> bool:
    return "XTENSION" not in values or values["XTENSION"] == "IMAGE"


def _shape(values: Mapping[str, Any]) -> tuple[int, ...]:
    axes = _count(values, "NAXIS")
    if axes > 999:
        raise MalformedError(f"its header says NAXIS = {axes}; the file is damaged")
    return tuple(_count(values, f"NAXIS{axis}") for axis in range(axes, 0, -1))


def _count(values: Mapping[str, Any], keyword: str, default: int | None = None) -> int:
    value = values.get(keyword, default)
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise MalformedError(f"its header says {keyword} = {value}; the file is damaged")
    return value


def _data_size(values: Mapping[str, Any], shape: tuple[int, ...]) -> int:
    """Return the number of bytes of the data, without the filling of the last block."""
    if not shape:
        return 0
    groups, extra = _count(values, "GCOUNT", 1), _count(values, "PCOUNT", 0)
    return _type(values).itemsize * groups * (extra + math.prod(shape))


def _type(values: Mapping[str, Any]) -> np.dtype[Any]:
    bits = values.get("BITPIX")
    if bits not in _TYPES:
        raise MalformedError(f"its header says BITPIX = {bits}; the file is damaged")
    return np.dtype(_TYPES[bits])


def _pixels(
    body: bytes, data: int, shape: tuple[int, ...], values: Mapping[str, Any], complain: Complain
) -> NDArray[Any]:
    kind = _type(values)
    needed, there = kind.itemsize * math.prod(shape), max(len(body) - data, 0)
    if there < needed:
        raise MalformedError(
            f"it is cut short: {there:,} of {needed:,} bytes of pixels are there; wait until "
            "it is written, or copy it again"
        )
    stored = np.frombuffer(body, kind, math.prod(shape), data).reshape(shape)
    scale = _factor(values, "BSCALE", 1.0, complain)
    zero = _factor(values, "BZERO", 0.0, complain)
    pixels = _scaled(stored, scale, zero)
    blank = values.get("BLANK")
    if kind.kind in "iu" and isinstance(blank, int):
        pixels = _without_blank(pixels, stored == blank)
    return pixels


def _factor(values: Mapping[str, Any], keyword: str, default: float, complain: Complain) -> float:
    value = values.get(keyword, default)
    usable = isinstance(value, (int, float)) and math.isfinite(value)
    if not usable or (keyword == "BSCALE" and value == 0):
        complain(f"{keyword} ({value!r} is no factor; {default:g} taken)")
        return default
    return float(value)


def _scaled(stored: NDArray[Any], scale: float, zero: float) -> NDArray[Any]:
    bits = 8 * stored.dtype.itemsize
    integer = stored.dtype.kind in "iu"
    if scale == 1 and zero == 0:
        return stored.astype(stored.dtype.newbyteorder("="))
    if scale == 1 and integer and bits > 8 and zero == 2.0 ** (bits - 1):
        unsigned = stored.astype(stored.dtype.newbyteorder("=")).view(f"u{bits // 8}")
        unsigned ^= unsigned.dtype.type(1 << (bits - 1))
        return unsigned
    wide = bits > 32 or (integer and bits > 16)
    pixels: NDArray[np.floating[Any]] = stored.astype(np.float64 if wide else np.float32)
    pixels *= scale
    pixels += zero
    return pixels


def _without_blank(pixels: NDArray[Any], blank: NDArray[np.bool_]) -> NDArray[Any]:
    if not blank.any():
        return pixels
    pixels = pixels.astype(np.float32 if pixels.dtype.itemsize <= 2 else np.float64, copy=False)
    pixels[blank] = np.nan
    return pixels


def _tiles(body: bytes, number: int, complain: Complain) -> tuple[NDArray[Any], dict[str, Any]]:
    from astropy.io import fits
    from astropy.io.fits.hdu.compressed._compression import CfitsioException

    with warnings.catch_warnings():
        # What is wrong with the cards is found again below, in words of our own.
        warnings.simplefilter("ignore")
        try:
            with fits.open(io.BytesIO(body), memmap=False) as units:
                unit = units[number]
                if not isinstance(unit, fits.CompImageHDU):
                    raise MalformedError("its header of the tiles is damaged; copy it again")
                pixels, cards = unit.data, unit.header.tostring()
        except (*_DAMAGE, fits.VerifyError, CfitsioException) as error:
            reason = f"its tiles cannot be unpacked ({error}); copy it again"
            raise MalformedError(reason) from error
    if pixels is None or pixels.ndim not in (2, 3):
        axes = 0 if pixels is None else pixels.ndim
        raise MalformedError(f"its image has {axes} axes; a frame has 2, or 3 with colours")
    return pixels, read_cards(cards.encode("latin-1", "replace"), 0, complain)[0]
