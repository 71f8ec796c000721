"""Masters: what a camera shows without the sky, and which frames they fit.

A bias, a dark or a flat repeats only where the camera works as it did then. What
differs is named with both values, and never corrected silently.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np

from seestack.checks import as_image
from seestack.model import BAYER_PATTERNS, BoolArray, Frame, FrameRejected, Image

__all__ = [
    "Calibration",
    "CalibrationMismatchError",
    "Master",
    "check_match",
    "conditions",
    "dark_level",
]

_KINDS = ("bias", "dark", "flat")
_TEMPERATURE_TOLERANCE_C = 3.0
_EXPOSURE_TOLERANCE = 0.01


class CalibrationMismatchError(FrameRejected, ValueError):
    """A master does not fit a frame; the message names both values and the remedy."""


@dataclass(frozen=True, slots=True, eq=False)
class Master:
    """Many calibration frames of one kind, combined.

    Parameters
    ----------
    kind : {"bias", "dark", "flat"}
        A dark contains the bias. A flat is relative, about 1.
    image : array_like of shape (H, W)
        In ADU for bias and dark. NaN marks pixels that are of no use.
    exposure_s : float, optional
        Exposure time of each frame in seconds.
    gain : float, optional
        Setting of the camera, as in the card GAIN.
    temperature_c : float, optional
        Of the sensor in degrees Celsius, as in the card CCD-TEMP.
    count : int, default 1
        Number of frames.
    bayer : {"RGGB", "BGGR", "GRBG", "GBRG"}, optional
        The colour mosaic; None for none, or where it is not known.

    Raises
    ------
    ValueError
        If `kind` or `bayer` is not one of those, or `image` is no image.

    Examples
    --------
    >>> dark = Master("dark", np.full((4, 6), 12.0), exposure_s=10.0, gain=80)
    >>> dark.image.shape, dark.image.dtype.name
    ((4, 6), 'float32')
    """

    kind: str
    image: Image
    exposure_s: float | None = None
    gain: float | None = None
    temperature_c: float | None = None
    count: int = 1
    bayer: str | None = None

    def __post_init__(self) -> None:
        if self.kind not in _KINDS:
            raise ValueError(f"kind must be one of {', '.join(_KINDS)}, got {self.kind!r}")
        if self.bayer is not None and self.bayer not in BAYER_PATTERNS:
            raise ValueError(
                f"bayer must be one of {', '.join(BAYER_PATTERNS)} or None, got {self.bayer!r}"
            )
        image = np.array(as_image("image", self.image), np.float32)
        image.flags.writeable = False
        object.__setattr__(self, "image", image)


@dataclass(frozen=True, slots=True, eq=False)
class Calibration:
    """The masters for the frames of one session; see `seestack.calibrate`.

    Parameters
    ----------
    bias, dark, flat : Master, optional
        Each of its own kind.
    bad : array_like of bool, shape (H, W), optional
        True for pixels to leave out.
    scale_dark : bool, default False
        Scale the dark current to the exposure of each frame. Needs bias and dark.

    Raises
    ------
    ValueError
        If a master is of another kind, `bad` is not of bool, or a dark is to be
        scaled without a bias.

    Examples
    --------
    >>> Calibration(dark=Master("dark", np.zeros((4, 6)), exposure_s=10.0, count=16)).described()
    ['dark = 16 frames, 10 s']
    """

    bias: Master | None = None
    dark: Master | None = None
    flat: Master | None = None
    bad: BoolArray | None = None
    scale_dark: bool = False

    def __post_init__(self) -> None:
        for kind in _KINDS:
            master = getattr(self, kind)
            if master is not None and master.kind != kind:
                raise ValueError(f"{kind} must be a master of that kind, got a {master.kind}")
        if self.scale_dark and (self.bias is None or self.dark is None):
            raise ValueError(
                "scale_dark needs a dark and a bias: only what exceeds the bias grows with time"
            )
        if self.bad is not None:
            bad = np.array(self.bad)
            if bad.dtype != bool or bad.ndim != 2:
                raise ValueError(
                    f"bad must be a map of bool, shape (H, W), got {bad.dtype} of shape {bad.shape}"
                )
            bad.flags.writeable = False
            object.__setattr__(self, "bad", bad)

    def described(self) -> list[str]:
        """Return one line ``name = value`` for each part, as a record of what was applied."""
        lines = []
        for kind in _KINDS:
            master = getattr(self, kind)
            if master is None:
                continue
            time = "" if master.exposure_s is None else f", {master.exposure_s:g} s"
            scaled = ", scaled" if kind == "dark" and self.scale_dark else ""
            lines.append(f"{kind} = {master.count} frames{time}{scaled}")
        if self.bad is not None:
            lines.append(f"bad pixels = {np.count_nonzero(self.bad)}")
        return lines


def conditions(frame: Frame) -> dict[str, float | None]:
    """Return the gain and temperature of a frame, None where its header does not tell.

    Examples
    --------
    >>> conditions(Frame(np.zeros((4, 6)), header={"GAIN": 80, "CCD-TEMP": "unknown"}))
    {'gain': 80.0, 'temperature_c': None}
    """
    return {
        "gain": _number(frame.header.get("GAIN")),
        "temperature_c": _number(frame.header.get("CCD-TEMP")),
    }


def check_match(frame: Frame, master: Master, *, scaled: bool = False) -> None:
    """Raise unless a master was taken as the frame was.

    Parameters
    ----------
    frame : Frame
        Its size and colour mosaic must be the same. For a bias or dark the gain must
        be the same too, and the temperature within 3 degrees.
    master : Master
        A dark must agree in exposure time, within 1 %.
    scaled : bool, default False
        The dark is to be scaled, its exposure time need not agree.

    Raises
    ------
    CalibrationMismatchError
        If they differ. What is not known on either side is accepted; only a flat with
        a mosaic never fits a frame without, nor the reverse.
    """
    kind, rows_cols = master.kind, frame.image.shape
    if rows_cols != master.image.shape:
        remedy = f"take {_plural(kind)} with the same camera, binning and crop"
        _refuse(kind, "size (rows, columns)", master.image.shape, rows_cols, remedy)
    known = kind == "flat" or (frame.bayer and master.bayer)
    if known and frame.bayer != master.bayer:
        remedy = f"take {_plural(kind)} with the same camera and program"
        _refuse(kind, "Bayer pattern", master.bayer or "none", frame.bayer or "none", remedy)
    if kind == "flat":
        return
    now = conditions(frame)
    if _apart(master.gain, now["gain"], 1e-6):
        remedy = f"take {_plural(kind)} at gain {now['gain']:g}"
        _refuse(kind, "gain", f"{master.gain:g}", f"{now['gain']:g}", remedy)
    if _apart(master.temperature_c, now["temperature_c"], _TEMPERATURE_TOLERANCE_C):
        remedy = f"take {_plural(kind)} within {_TEMPERATURE_TOLERANCE_C:g} C of it"
        celsius = f"{master.temperature_c:g} C", f"{now['temperature_c']:g} C"
        _refuse(kind, "temperature", *celsius, remedy)
    tolerance = _EXPOSURE_TOLERANCE * (frame.exposure_s or 0.0)
    if kind == "dark" and not scaled and _apart(master.exposure_s, frame.exposure_s, tolerance):
        remedy = f"take darks of {frame.exposure_s:g} s, or scale the dark with the help of a bias"
        _refuse(kind, "exposure", f"{master.exposure_s:g} s", f"{frame.exposure_s:g} s", remedy)


def dark_level(frame: Frame, calibration: Calibration) -> Image | None:
    """Return what the frame would show in the dark; None without a bias and a dark.

    Parameters
    ----------
    frame : Frame
        Must fit the masters.
    calibration : Calibration
        The dark counts where there is one: it contains the bias.

    Returns
    -------
    ndarray of shape (H, W), float32, or None
        In ADU; may be the image of a master itself.

    Raises
    ------
    CalibrationMismatchError
        If a master does not fit, or the dark cannot be scaled since an exposure time is
        not known.
    """
    bias, dark = calibration.bias, calibration.dark
    for master in (bias, dark):
        if master is not None:
            check_match(frame, master, scaled=calibration.scale_dark)
    if dark is None:
        return None if bias is None else bias.image
    if bias is None or not calibration.scale_dark:
        return dark.image
    if not dark.exposure_s or frame.exposure_s is None:
        raise CalibrationMismatchError(
            f"dark cannot be scaled: its exposure is {dark.exposure_s or 'unknown'} and the "
            f"frame's is {frame.exposure_s or 'unknown'}; both must be known"
        )
    share = np.float32(frame.exposure_s / dark.exposure_s)
    return bias.image + share * (dark.image - bias.image)


def _refuse(kind: str, what: str, of_master: object, of_frame: object, remedy: str) -> NoReturn:
    raise CalibrationMismatchError(
        f"{kind} does not fit: its {what} is {of_master} and the frame's is {of_frame}; {remedy}"
    )


def _plural(kind: str) -> str:
    return "bias frames" if kind == "bias" else f"{kind}s"


def _apart(one: float | None, other: float | None, tolerance: float) -> bool:
    return one is not None and other is not None and abs(one - other) > tolerance


def _number(card: Any) -> float | None:
    try:
        value = float(card)
    except (TypeError, ValueError):
        return None
    return value if np.isfinite(value) else None
