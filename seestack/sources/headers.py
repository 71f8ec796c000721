"""Read FITS header cards as they are found in the wild, and what they say of a frame.

A header is a list of cards of 80 characters. One bad card says nothing about the
others, so whatever can be read is read; what is wrong with the rest goes, in words,
to the function `complain` of the caller.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from seestack.model import BAYER_PATTERNS

__all__ = ["MalformedError", "bayer_pattern", "exposure_s", "read_cards", "start_of_exposure"]

BLOCK = 2880
_CARD = 80
_MAX_CARDS = 20_000  # a frame's header has a few hundred at most
_COMMENTARY = ("", "COMMENT", "HISTORY")
_VALUED = re.compile(r"([A-Z0-9_-]{1,8}) *=(.*)", re.IGNORECASE)
_HIERARCH = re.compile(r"HIERARCH +(.+?) *=(.*)", re.IGNORECASE)
_STRING = re.compile(r" *'((?:[^']|'')*)' *(?:/.*)?")
_INTEGER = re.compile(r"[+-]?\d+")
_REAL = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[EeDd][+-]?\d+)?")
_DAY_FIRST = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{2,4})(.*)")

Complain = Callable[[str], None]


class MalformedError(Exception):
    """What is wrong with a file, in words; who reads the file adds its name."""


def read_cards(body: bytes, start: int, complain: Complain) -> tuple[dict[str, Any], int]:
    """Read the header that begins at a byte of a FITS file.

    Parameters
    ----------
    body : bytes
        The whole file.
    start : int
        Where the header begins.
    complain : callable
        Is given one sentence fragment for each card with a problem, the keyword first.

    Returns
    -------
    values : dict
        Keyword to value (str, int, float, bool or None). Of keywords that occur
        twice the first counts; the lines of COMMENT and HISTORY are joined by
        newlines. HIERARCH keywords come without that word.
    end : int
        Where the data begin.

    Raises
    ------
    MalformedError
        If there is no END card.

    Examples
    --------
    >>> cards = ["EXPTIME =                 10.0 / s", "OBJECT  = 'M 94    '", "END"]
    >>> body = "".join(card.ljust(80) for card in cards).encode().ljust(2880)
    >>> read_cards(body, 0, print)
    ({'EXPTIME': 10.0, 'OBJECT': 'M 94'}, 2880)
    """
    values: dict[str, Any] = {}
    continued = ""
    stop = min(len(body), start + _CARD * _MAX_CARDS)
    for position in range(start, stop, _CARD):
        card = body[position : position + _CARD].decode("latin-1").rstrip(" \0")
        name = card[:8].strip().upper()
        if name == "END":
            blocks = -(-(position + _CARD - start) // BLOCK)
            return values, start + blocks * BLOCK
        if name in _COMMENTARY:
            if text := card[8:].rstrip():
                values[name] = f"{values[name]}\n{text}" if name in values else text
        elif name == "CONTINUE" and continued:
            values[continued] = values[continued][:-1] + _value(name, card[8:], complain)
        else:
            continued = _add(values, card, complain)
    raise MalformedError("its header has no END card; the file is damaged, copy it again")


def exposure_s(values: Mapping[str, Any], complain: Complain) -> float | None:
    """Return the exposure time in seconds from EXPTIME, else EXPOSURE, else None."""
    for keyword in ("EXPTIME", "EXPOSURE"):
        if keyword in values:
            seconds = _number(values[keyword])
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


def _add(values: dict[str, Any], card: str, complain: Complain) -> str:
    """Put one card into `values`; return its keyword if CONTINUE cards may follow."""
    valued = _HIERARCH.match(card) or _VALUED.match(card)
    if valued is None:
        complain(f"{card[:8].strip() or card[:20]!r} (not a keyword with a value)")
        return ""
    name = valued.group(1).upper()
    if card[8:9] != "=" and not card.upper().startswith("HIERARCH"):
        complain(f"{name} (odd spacing)")
    value = _value(name, valued.group(2), complain)
    if name in values:
        return ""
    values[name] = value
    return name if isinstance(value, str) and value.endswith("&") else ""


def _value(name: str, text: str, complain: Complain) -> Any:
    if string := _STRING.fullmatch(text):
        return string.group(1).replace("''", "'").rstrip()
    plain = text.split("/", 1)[0].strip()
    if plain in ("T", "F"):
        return plain == "T"
    if not plain:
        return None
    if _INTEGER.fullmatch(plain):
        return int(plain)
    if _REAL.fullmatch(plain):
        return float(plain.upper().replace("D", "E"))
    complain(f"{name} ({plain!r} is no valid value)")
    return plain.strip("'").rstrip()


def _number(value: Any) -> float | None:
    """Return a finite float, from text too; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _offset(values: Mapping[str, Any], keyword: str, complain: Complain) -> int:
    offset = _number(values.get(keyword, 0))
    if offset is None or offset != int(offset):
        complain(f"{keyword} ({values[keyword]!r} is no whole number; 0 taken)")
        return 0
    return int(offset)
