"""The command ``seestack``: stack files, and see what became of each of them."""

from __future__ import annotations

import argparse
import sys
import warnings
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from seestack import __version__

if TYPE_CHECKING:
    from seestack.model import FrameReport
    from seestack.session import CaptureSession, Snapshot
    from seestack.sources.folder import FileSource
    from seestack.stacker import LiveStacker

__all__ = ["main"]

STACKED, NOTHING_STACKED, BAD_USAGE = 0, 1, 2

_STACK_HELP = """\
Align frames on the first that can serve as reference and average them.

Folders stand for the frame files in them (FITS, TIFF, PNG), in the order of their
names. A frame that does not fit is left out, and its row says why.

OUT receives
  stack.fits    the mean in ADU, with its variance and the number of frames per pixel
  preview.png   a stretched picture of it
  frames.csv    one row for each frame: accepted or not, why, and every number measured
"""
_STACK_END = """\
examples:
  seestack stack lights/                         stack a folder into stacked/
  seestack stack lights/*.fit -o m94             name the folder for the results
  seestack stack lights/ --transform translation for an equatorial mount

The exit code is 0 when something was stacked, 1 when nothing was, 2 for bad usage.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code.

    Parameters
    ----------
    arguments : sequence of str, optional
        As on the command line, without the name of the program; ``sys.argv`` by
        default.

    Returns
    -------
    int
        0 when something was stacked, 1 when nothing was, 2 for bad usage.

    Examples
    --------
    >>> main(["stack", "no/such/folder"])
    2
    """
    parser = _parser()
    try:
        options = parser.parse_args(arguments)
    except SystemExit as leave:  # argparse has said everything
        return int(leave.code or 0)
    with warnings.catch_warnings():
        warnings.simplefilter("always", UserWarning)
        warnings.showwarning = _show_warning  # type: ignore[assignment]
        command: int = options.command(options)
    return command


def _show_warning(message: Warning | str, *_: object) -> None:
    print(f"seestack: note: {message}", file=sys.stderr)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="seestack", description="Live stacking of telescope frames."
    )
    parser.add_argument("--version", action="version", version=f"seestack {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    stack = commands.add_parser(
        "stack",
        help="stack the frames of files and folders",
        description=_STACK_HELP,
        epilog=_STACK_END,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    stack.set_defaults(command=_stack)
    stack.add_argument("frames", nargs="+", metavar="FILES_OR_FOLDER", help="frames to stack")
    _add_output(stack)
    _add_stacking(stack)
    demo = commands.add_parser(
        "demo",
        help="make a small simulated night and stack it",
        description="Write a few simulated frames to OUT/frames and stack them like any others.",
    )
    demo.set_defaults(command=_demo)
    _add_output(demo)
    _add_stacking(demo)
    return parser


def _add_output(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "-o",
        "--out",
        type=Path,
        default=Path("stacked"),
        metavar="OUT",
        help="folder for the results, made if it is missing (default: %(default)s)",
    )
    parser.add_argument(
        "--with-site",
        action="store_true",
        help="copy the observer's coordinates into stack.fits; they stay private otherwise",
    )
    parser.add_argument(
        "-q", "--quiet", action="store_true", help="print the summary only, not each frame"
    )


def _add_stacking(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("stacking")
    group.add_argument(
        "--transform",
        choices=("rigid", "translation"),
        default="rigid",
        help="motion to correct: shift and rotation, or shift alone (default: %(default)s)",
    )
    group.add_argument(
        "--interpolation",
        choices=("lanczos", "bilinear", "nearest"),
        default="lanczos",
        help="how frames are resampled (default: %(default)s)",
    )
    for flag, kind, default, text in (
        ("--detection-fwhm", float, 4.0, "width of the search kernel in pixels"),
        ("--detection-threshold", float, 5.0, "height of a star above the sky, in sigma"),
        ("--max-stars", int, 60, "brightest stars that register a frame"),
        ("--match-tolerance-px", float, 2.0, "how close a star must come to its partner"),
        ("--min-inliers", int, 4, "stars that must agree"),
        ("--max-offset-px", float, 300.0, "largest displacement along x or y"),
    ):
        group.add_argument(
            flag,
            type=kind,
            default=default,
            metavar="N",
            help=f"{text} (default: %(default)s)",
        )


def _stack(options: argparse.Namespace) -> int:
    from seestack.model import UnreadableFrameError
    from seestack.sources.folder import FileSource

    try:
        source = FileSource(options.frames)
        stacker = _stacker(options)
    except (UnreadableFrameError, ValueError) as error:
        print(f"seestack: {error}", file=sys.stderr)
        return BAD_USAGE
    return _run(source, stacker, options)


def _demo(options: argparse.Namespace) -> int:
    from seestack.sources.demo import write_demo_frames

    options.frames = write_demo_frames(options.out / "frames")
    return _stack(options)


def _stacker(options: argparse.Namespace) -> LiveStacker:
    from seestack.stacker import LiveStacker

    return LiveStacker(
        options.detection_fwhm,
        options.detection_threshold,
        options.max_stars,
        options.match_tolerance_px,
        options.min_inliers,
        options.max_offset_px,
        transform=options.transform,
        interpolation=options.interpolation,
    )


def _run(source: FileSource, stacker: LiveStacker, options: argparse.Namespace) -> int:
    """Stack the files, write the results, say what became of them."""
    from seestack.session import CaptureSession

    session = CaptureSession(source, stacker, frames=None)
    _show_progress(session, len(source), quiet=options.quiet)
    try:
        written = _write_results(stacker, options)
    except OSError as error:
        print(f"seestack: the results could not be written: {error}", file=sys.stderr)
        return NOTHING_STACKED
    _print_summary(stacker, written)
    return STACKED if stacker.frames_stacked else NOTHING_STACKED


def _show_progress(session: CaptureSession, count: int, *, quiet: bool) -> None:
    """Run the session to its end, or to Ctrl-C, with a line for each frame."""
    from tqdm import tqdm

    with tqdm(total=count, unit="frame", leave=False, disable=None) as bar:

        def show(snapshot: Snapshot) -> None:
            if snapshot.state == "running" and snapshot.last_report:
                if not quiet:
                    bar.write(_line(snapshot.last_report, count))
                bar.update()

        session.observe(show)
        session.start()
        try:
            session.wait()
        except KeyboardInterrupt:
            session.stop()
            print("seestack: stopped; what was stacked so far is kept", file=sys.stderr)


def _line(report: FrameReport, count: int) -> str:
    name = Path(report["source"]).name
    number = f"{report['index'] + 1:{len(str(count))}}/{count}"
    if not report["accepted"]:
        return f"{number}  {name}  left out: {report['reason']}"
    dx, dy = report["offset"]
    return (
        f"{number}  {name}  {report['reason']}  "
        f"shift {dx:+.2f} {dy:+.2f} px  rotation {report['rotation_deg']:+.3f} deg  "
        f"{report['inliers']} of {report['stars']} stars  FWHM {report['fwhm_px'] or 0:.2f} px"
    )


def _write_results(stacker: LiveStacker, options: argparse.Namespace) -> list[Path]:
    from seestack.steps.stretching import preview_png
    from seestack.storage.fits import write_stack
    from seestack.storage.ledger import write_frames_csv

    options.out.mkdir(parents=True, exist_ok=True)
    table = options.out / "frames.csv"
    write_frames_csv(table, stacker.reports)
    stack = stacker.stack
    if stack is None:
        return [table]
    image, preview = options.out / "stack.fits", options.out / "preview.png"
    write_stack(
        image,
        stack,
        stacker.observation,
        history=[f"seestack {__version__}", *stacker.options.described()],
        with_site=options.with_site,
        overwrite=True,
    )
    preview.write_bytes(preview_png(stack.mean, max_px=max(stack.shape)))
    return [image, preview, table]


def _print_summary(stacker: LiveStacker, written: list[Path]) -> None:
    reports = stacker.reports
    exposure = stacker.observation.total_exposure_s
    print(f"\nStacked {stacker.frames_stacked} of {stacker.frames_total} frames", end="")
    print(f", {exposure:g} s of exposure" if exposure else "")
    accepted = [report for report in reports if report["accepted"]]
    if accepted:
        measured = accepted[-1]["snr_gain_measured"]
        seen = f", measured {measured:.2f}" if measured else ""
        print(f"SNR gain {stacker.snr_gain():.2f}{seen}")
    refused = Counter(report["reason"] for report in reports if not report["accepted"])
    for reason, count in refused.most_common():
        print(f"  {count} left out: {reason}")
    for path in written:
        print(path)
