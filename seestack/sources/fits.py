"""Read the first image of a FITS file, whatever the state of its header.

astropy makes the pixels, from nothing but the cards that describe them: read by
`seestack.sources.headers`, checked here, and written anew. So no other card, however
damaged, costs a pixel, and no header makes astropy reserve memory out of proportion
to the file. Nor does a plain image give it anything to warn of; tiles may.
"""

from __future__ import annotations

import gzip
import io
import re
import threading
import warnings
import zlib
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from seestack.sources.headers import Complain, MalformedError, number, read_cards

if TYPE_CHECKING:
    from astropy.io.fits import Header

__all__ = ["read_image"]

Values = dict[str, Any]

_BITS = (8, 16, 32, 64, -32, -64)
_TABLE = re.compile(
    "XTENSION|BITPIX|NAXIS[12]?|PCOUNT|GCOUNT|TFIELDS|THEAP|(TTYPE|TFORM)[0-9]+|BSCALE|BZERO|"
    "Z(IMAGE|CMPTYPE|BITPIX|NAXIS[0-9]*|(TILE|NAME|VAL)[0-9]+|QUANTIZ|DITHER0|BLANK|SCALE|ZERO)"
)
_LARGEST = 1 << 30  # a frame of 89 million pixels in three colours of 32 bits
# Of damaged data its decoder, in C, may write beyond its memory and end the program.
_UNSAFE = "HCOMPRESS"
_TIGHTEST = 1100  # gzip packs no tighter, and the noise of a camera not nearly as tight
# What astropy raises when it meets a damaged table of tiles, besides an error of its own.
_DAMAGE = (
    *(ArithmeticError, AssertionError, AttributeError, EOFError, LookupError, MemoryError),
    *(OSError, RuntimeError, TypeError, ValueError, zlib.error),
)
# Before Python 3.14 the warning filters belong to the whole process: of two threads that
# change them at once, one may leave its own behind. The lock keeps readers apart; other
# code is not held by it, so only tiles come here, with a filter that may well be left.
_FILTERS = threading.Lock()


def read_image(body: bytes, complain: Complain) -> tuple[NDArray[Any], Values]:
    """Read the first image of a FITS file, plain, gzipped or tile-compressed.

    Returns
    -------
    pixels : ndarray of 2 or 3 axes
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
    try:
        body = _unzipped(body) if body.startswith(b"\x1f\x8b") else body
    except EOFError as error:
        raise MalformedError("it is cut short; copy it again") from error
    except (OSError, zlib.error) as error:
        raise MalformedError(f"it cannot be unzipped ({error}); copy it again") from error
    if not body.startswith(b"SIMPLE"):
        begin = f"begins with {body[:16]!r}" if body else "is empty"
        raise MalformedError(f"it is not a FITS file: it {begin}")
    primary: Values = {}
    position = 0
    while position == 0 or body.startswith(b"XTENSION", position):
        problems: list[str] = []
        values, start = read_cards(body, position, problems.append)
        layout = _layout(values)
        kind = values.get("XTENSION", "IMAGE")
        tiles = kind == "BINTABLE" and values.get("ZIMAGE") is True
        found = tiles or (kind == "IMAGE" and _has_pixels(layout))
        for problem in problems if found or position == 0 else ():
            complain(problem)
        if found:
            data = _present(body, start, layout.data_size)
            make = _unpacked if tiles else _scaled
            pixels, values = make(layout, data, values, complain)
            return pixels, primary | values
        primary = primary or values
        position = start + layout.data_size_padded
    raise MalformedError("it holds no image; a frame has 2, or 3 axes with colours")


def _unzipped(body: bytes) -> bytes:
    """Unzip, in memory that the file cannot choose."""
    with gzip.GzipFile(fileobj=io.BytesIO(body)) as file:
        plain = file.read(_LARGEST + 1)
    if len(plain) > _LARGEST:
        raise MalformedError(f"it unzips to more than {_LARGEST:,} bytes; unzip it first")
    return plain


def _layout(values: Values, prefix: str = "") -> Header:
    """Return a header of nothing but the type and the shape of the data."""
    from astropy.io import fits

    def count(keyword: str, default: int | None = None) -> int:
        value = values.get(prefix + keyword, default)
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            raise MalformedError(f"its header says {keyword} = {value}; the file is damaged")
        return value

    bits, axes = values.get(f"{prefix}BITPIX"), count("NAXIS")
    if bits not in _BITS or axes > 999:
        raise MalformedError(f"its header says BITPIX = {bits}, NAXIS = {axes}; it is damaged")
    layout = fits.Header({"SIMPLE": True, "BITPIX": int(bits), "NAXIS": axes})
    layout.update({f"NAXIS{axis}": count(f"NAXIS{axis}") for axis in range(1, axes + 1)})
    layout.update({"PCOUNT": count("PCOUNT", 0), "GCOUNT": count("GCOUNT", 1)})
    return layout


def _has_pixels(layout: Header) -> bool:
    axes = layout["NAXIS"]
    return axes in (2, 3) and 0 not in (*layout["NAXIS?*"].values(), layout["GCOUNT"])


def _present(body: bytes, start: int, size: int) -> memoryview:
    data = memoryview(body)[start : start + size]
    if len(data) < size:
        raise MalformedError(
            f"it is cut short: {len(data):,} of {size:,} bytes of pixels are there; wait until "
            "it is written, or copy it again"
        )
    return data


def _scaled(
    layout: Header, data: memoryview, values: Values, complain: Complain
) -> tuple[NDArray[Any], Values]:
    from astropy.io import fits

    for keyword in {"BSCALE", "BZERO"} & values.keys():
        factor = number(values[keyword])
        if factor is None or (factor == 0 and keyword == "BSCALE"):
            complain(f"{keyword} ({values[keyword]!r} is no factor; left out)")
        else:
            layout[keyword] = factor
    unit = b"".join((layout.tostring().encode(), data))
    with np.errstate(all="ignore"):
        pixels = fits.PrimaryHDU.fromstring(unit).data
    blank = values.get("BLANK")
    if layout["BITPIX"] > 0 and isinstance(blank, int):
        # astropy would pass over a BLANK of 0 and one among unsigned pixels.
        stored = fits.PrimaryHDU.fromstring(unit, do_not_scale_image_data=True).data
        if (missing := stored == blank).any():
            pixels = pixels.astype(np.result_type(pixels, np.float32))
            pixels[missing] = np.nan
    return pixels, values


def _unpacked(
    _layout_of_table: Header, data: memoryview, values: Values, _complain: Complain
) -> tuple[NDArray[Any], Values]:
    from astropy.io import fits
    from astropy.io.fits.hdu.compressed._compression import CfitsioException  # has no public name
    from astropy.utils.exceptions import AstropyUserWarning

    if str(values.get("ZCMPTYPE")).strip().upper().startswith(_UNSAFE):
        raise MalformedError(
            "its tiles are packed by HCOMPRESS, which cannot be unpacked safely; unpack the file "
            "with funpack, or pack it with fpack -r (Rice)"
        )
    shape = _layout(values, "Z")
    table = {keyword: values[keyword] for keyword in values if _TABLE.fullmatch(keyword)}
    if not _has_pixels(shape) or shape.data_size > _TIGHTEST * len(data):
        raise MalformedError("its header of the tiles is damaged; copy it again")
    try:
        with _FILTERS, warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore", AstropyUserWarning)
            headers = fits.PrimaryHDU().header.tostring() + fits.Header(table).tostring()
            file = io.BytesIO(b"".join((headers.encode(), data, bytes(-len(data) % 2880))))
            with fits.open(file, memmap=False) as units:
                cards, pixels = dict(units[1].header), units[1].data
    except (*_DAMAGE, fits.VerifyError, CfitsioException) as error:
        raise MalformedError(f"its tiles cannot be unpacked ({error}); copy it again") from error
    return pixels, {key: values[key] for key in values if key not in table} | cards
