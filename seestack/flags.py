"""Groups of arguments that several commands share, and how their values are read."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

__all__ = [
    "OFF",
    "add_calibration",
    "add_camera",
    "add_output",
    "add_stacking",
    "folder",
    "port",
    "positive",
]

# What turns an option off on the command line, as null does in a file.
OFF = "off"


def add_camera(live: argparse.ArgumentParser, *, address: bool = True) -> None:
    """Add what drives a camera, real or simulated."""
    where = live.add_mutually_exclusive_group()
    if address:
        text = "address of the ALPACA server"
        where.add_argument("--address", metavar="HOST[:PORT]", help=text)
    where.add_argument("--simulate", action="store_true", help="use a simulated telescope")
    live.add_argument(
        "--speed",
        type=positive,
        default=10.0,
        metavar="X",
        help="with --simulate: times faster than real exposures (default: %(default)s)",
    )
    for flag, kind, text in (
        ("--exposure", float, "exposure time in seconds (default: 10)"),
        ("--gain", int, "gain (default: as the camera has it)"),
        ("--binning", int, "binning (default: as the camera has it)"),
        ("--filter", str, "filter such as LP (default: as it stands)"),
    ):
        live.add_argument(flag, type=kind, metavar="N", help=text)
    live.add_argument(
        "--save-subs", action="store_true", default=None, help="keep every frame in OUT/subs"
    )


def add_output(
    parser: argparse.ArgumentParser, *, default: str = "stacked", each: bool = True
) -> None:
    """Add where the results go; `each` is for commands with a line for each frame."""
    parser.add_argument(
        "-o",
        "--out",
        type=folder,
        metavar="OUT",
        help=f"folder for the results (default: {default})",
    )
    parser.add_argument(
        "--with-site",
        action="store_true",
        default=None,
        help="copy the observer's coordinates into stack.fits; they stay private otherwise",
    )
    if each:
        text = "print the summary only, not each frame"
        parser.add_argument("-q", "--quiet", action="store_true", help=text)


def add_calibration(parser: argparse.ArgumentParser) -> None:
    """Add where the calibration frames are."""
    group = parser.add_argument_group(
        "calibration", "Raw frames, as files or folders; those of a kind are combined at the start."
    )
    for kind, text in (
        ("dark", "of the same exposure, gain and temperature as the frames"),
        ("flat", "evenly lit frames; add darks of their exposure or bias frames"),
        ("bias", "shortest exposures in the dark"),
    ):
        group.add_argument(f"--{kind}", nargs="+", metavar="PATH", help=text)
    group.add_argument(
        "--scale-dark",
        action="store_true",
        help="scale the darks to the exposure of the frames; needs --bias",
    )


def add_stacking(parser: argparse.ArgumentParser) -> None:
    """Add the options of the stacker."""
    group = parser.add_argument_group("stacking")
    group.add_argument(
        "--transform",
        choices=("rigid", "translation"),
        help="motion to correct: shift and rotation, or shift alone (default: rigid)",
    )
    group.add_argument(
        "--interpolation",
        choices=("lanczos", "bilinear", "nearest"),
        help="how frames are resampled (default: lanczos)",
    )
    group.add_argument(
        "--mono",
        dest="colour",
        action="store_false",
        default=None,
        help="stack the luminance of a colour camera",
    )
    for flag, kind, text in (
        ("--clip", _off_or(float), "sigma beyond which a sample is left out (default: 4)"),
        ("--weighting", _off_or(str), "noise: frames weigh by their noise (default: noise)"),
        ("--normalize", _off_or(str), "sky to match: gradient or level (default: gradient)"),
        ("--max-fwhm", _off_or(float), "widest stars, times the usual (default: off)"),
        ("--max-elongation", _off_or(float), "longest stars, axis over axis (default: 3)"),
        ("--min-transparency", _off_or(float), "least star light, of the usual (default: off)"),
        ("--max-sky", _off_or(float), "brightest sky, times the usual (default: off)"),
        ("--min-stars", _off_or(float), "fewest stars, of the usual (default: off)"),
        ("--min-weight", _off_or(float), "least weight, of the usual (default: 0.01)"),
    ):
        group.add_argument(flag, type=kind, metavar="N|off", help=text)
    for flag, kind, text in (
        ("--detection-fwhm", float, "width of the search kernel in pixels (default: 4)"),
        ("--detection-threshold", float, "height of a star above the sky, in sigma (default: 5)"),
        ("--max-stars", int, "brightest stars that register a frame (default: 60)"),
        ("--match-tolerance-px", float, "how close a star must come to its partner (default: 2)"),
        ("--min-inliers", int, "stars that must agree (default: 4)"),
        ("--max-offset-px", float, "largest displacement along x or y (default: 300)"),
    ):
        group.add_argument(flag, type=kind, metavar="N", help=text)


def folder(text: str) -> str:
    """Read the name of a folder."""
    if not text.strip():
        raise argparse.ArgumentTypeError(
            f"must be the name of a folder, got {text!r}; a dot is the present one"
        )
    return text


def positive(text: str) -> float:
    """Read a number above 0."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not value > 0:
        raise argparse.ArgumentTypeError(f"must be a positive number, got {text}")
    return value


def port(text: str) -> int:
    """Read a TCP port."""
    if not (text.isdigit() and int(text) <= 65535):
        raise argparse.ArgumentTypeError(f"must be a port from 0 to 65535, got {text}")
    return int(text)


def _off_or(kind: Callable[[str], Any]) -> Callable[[str], Any]:
    """Return a reader of a value that may be turned off."""

    def read(text: str) -> Any:
        return OFF if text == OFF else kind(text)

    read.__name__ = kind.__name__  # argparse says "invalid float value"
    return read
