"""Read FITS header cards as they are found in the wild, and what they say of a frame.

astropy parses each card by itself, so one bad card says nothing about the others:
whatever can be read is read; what is wrong with the rest goes, in words, to the
function `complain` of the caller.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from seestack.model import BAYER_PATTERNS

__all__ = [
    "MalformedError",
    "bayer_pattern",
    "exposure_s",
    "number",
    "read_cards",
    "start_of_exposure",
]

_CARD, _BLOCK = 80, 2880
_COMMENTARY = ("", "COMMENT", "HISTORY")
_VALUED = re.compile(r"([A-Z0-9_-]{1,8}) *= ?(.*)", re.IGNORECASE)
_DAY_FIRST = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{2,4})(.*)")

Complain = Callable[[str], None]


class MalformedError(Exception):
    """What is wrong with a file, in words; who reads the file adds its name."""


def read_cards(body: bytes, start: int, complain: Complain) -> tuple[dict[str, Any], int]:
    """Read the header that begins at a byte of a FITS file.

    Returns the values (str, int, float, complex, bool or None) by keyword, and where the
    data begin. Of keywords that occur twice the first counts; the lines of COMMENT and
    HISTORY are joined by newlines. HIERARCH keywords come without that word.

    Examples
    --------
    >>> cards = ["EXPTIME =                 10.0 / s", "OBJECT  = 'M 94    '", "END"]
    >>> body = "".join(card.ljust(80) for card in cards).encode().ljust(2880)
    >>> read_cards(body, 0, print)
    ({'EXPTIME': 10.0, 'OBJECT': 'M 94'}, 2880)
    """
    cards: list[str] = []
    for position in range(start, len(body), _CARD):
        image = body[position : position + _CARD].decode("latin-1").replace("\0", " ")
        if image[:8].rstrip() == "END":
            break
        if image.startswith("CONTINUE") and cards:
            cards[-1] += image.ljust(_CARD)
        else:
            cards.append(image)
    else:
        raise MalformedError("its header has no END card; the file is damaged, copy it again")
    values: dict[str, Any] = {}
    for image in cards:
        name = image[:8].strip().upper()
        if name not in _COMMENTARY:
            _add(values, image, complain)
        elif text := image[8:].rstrip():
            values[name] = f"{values[name]}\n{text}" if name in values else text
    return values, start + -(-(position + _CARD - start) // _BLOCK) * _BLOCK


def exposure_s(values: Mapping[str, Any], complain: Complain) -> float | None:
    """Return the exposure time in seconds from EXPTIME, else EXPOSURE, else None."""
    for keyword in ("EXPTIME", "EXPOSURE"):
        if keyword in values:
            seconds = number(values[keyword])
            if seconds is not None and seconds >= 0:
                return seconds
            complain(f"{keyword} ({values[keyword]!r} is no time in seconds)")
    if "EXPTIME" not in values and "EXPOSURE" not in values:
        complain("EXPTIME (missing, the exposure time is not known)")
    return None


def start_of_exposure(values: Mapping[str, Any], complain: Complain) -> datetime | None:
    """Return DATE-OBS as an aware time in UTC, None if there is none.

    A date alone is completed by TIME-OBS. Besides the ISO form the old day/month/year
    is understood, with the year 102 that some programs wrote for 2002. A time without
    a zone is UTC, as the standard has it.
    """
    date = values.get("DATE-OBS")
    if date is None or date == "":
        return None
    text = str(date).strip()
    if old := _DAY_FIRST.fullmatch(text):
        day, month, year = (int(part) for part in old.groups()[:3])
        year += 0 if year >= 1900 else 2000 if year < 50 else 1900
        text = f"{year:04}-{month:02}-{day:02}{old.group(4)}"
    time = values.get("TIME-OBS")
    if len(text) == 10 and isinstance(time, str):
        text = f"{text}T{time.strip()}"
    try:
        moment = datetime.fromisoformat(text)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        complain(f"DATE-OBS ({date!r} is no date and time)")
        return None


def bayer_pattern(values: Mapping[str, Any], rows: int, complain: Complain) -> str | None:
    """Return the Bayer pattern whose first letter is the colour of the first pixel.

    Parameters
    ----------
    values : mapping
        The cards. BAYERPAT names the 2x2 cell of a picture read from its top row
        down, XBAYROFF and YBAYROFF count from that cell to the corner of the picture,
        and ROWORDER says whether the file has the top row first ("TOP-DOWN", also
        meant where the card is missing) or last ("BOTTOM-UP").
    rows : int
        Height of the image; it decides which row of the cell a picture ends with.
    complain : callable
        Is told of a pattern that is not one of the four, and of unusable offsets.

    Returns
    -------
    {"RGGB", "BGGR", "GRBG", "GBRG"} or None
        For the image in the order of the file. None without a usable BAYERPAT.

    Notes
    -----
    Siril and ASTAP read the four cards the same way, ASTAP for even heights only.

    Examples
    --------
    >>> bayer_pattern({"BAYERPAT": "RGGB", "ROWORDER": "BOTTOM-UP"}, 1920, print)
    'GBRG'
    >>> bayer_pattern({"BAYERPAT": "RGGB", "XBAYROFF": 1}, 1920, print)
    'GRBG'
    """
    cell = str(values.get("BAYERPAT") or "").strip(" '\"").upper()
    if cell in ("", "NONE", "MONO"):
        return None
    if cell not in BAYER_PATTERNS:
        complain(f"BAYERPAT ({cell!r} is none of {', '.join(BAYER_PATTERNS)}; read as one colour)")
        return None
    x, y = (_offset(values, keyword, complain) for keyword in ("XBAYROFF", "YBAYROFF"))
    if str(values.get("ROWORDER") or "").strip().upper().startswith("BOTTOM"):
        y += rows - 1
    return "".join(cell[2 * ((y + row) % 2) + (x + col) % 2] for row in (0, 1) for col in (0, 1))


def number(value: Any) -> float | None:
    """Return a finite float, from text too; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        found = float(value)
    except (ValueError, OverflowError):
        return None
    return found if math.isfinite(found) else None


def _add(values: dict[str, Any], image: str, complain: Complain) -> None:
    """Put what one card says into `values`, mended first if astropy would not know it."""
    from astropy.io import fits

    if not (image.startswith("HIERARCH ") and "=" in image):
        valued = _VALUED.match(image[:_CARD])
        if valued is None:
            complain(f"{image[:8].strip() or image[:20]!r} (not a keyword with a value)")
            return
        if image[8:9] != "=":
            complain(f"{valued[1].upper()} (odd spacing)")
        image = f"{valued[1]:8}= {valued[2]}"[:_CARD].ljust(_CARD) + image[_CARD:]
    card = fits.Card.fromstring(image)
    try:
        value = card.rawvalue
    except fits.VerifyError:
        text = image.partition("=")[2].partition("/")[0].strip()
        complain(f"{card.rawkeyword} ({text!r} is no valid value)")
        value = text.strip("'").rstrip()
    values.setdefault(card.rawkeyword, None if isinstance(value, fits.card.Undefined) else value)


def _offset(values: Mapping[str, Any], keyword: str, complain: Complain) -> int:
    offset = number(values.get(keyword, 0))
    if offset is None or offset != int(offset):
        complain(f"{keyword} ({values[keyword]!r} is no whole number; 0 taken)")
        return 0
    return int(offset)
