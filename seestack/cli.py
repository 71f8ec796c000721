"""The command ``seestack``: its subcommands and their arguments."""

from __future__ import annotations

import argparse
import io
import os
import signal
import sys
import threading
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

from seestack import __version__, commands
from seestack.terminal import BAD_USAGE, INTERRUPTED, SUCCESS

__all__ = ["main"]

_STACK_HELP = """\
Align frames on the first that can serve as reference and average them.

Folders stand for the frame files in them (FITS, TIFF, PNG), in the order of their
names. A frame that does not fit is left out, and its row says why.

OUT receives
  stack.fits    the mean in ADU, with its variance, coverage and rejections per pixel
  preview.png   a stretched picture of it
  frames.csv    one row for each frame: accepted or not, why, and every number measured
  session.checkpoint    from which --resume goes on, also after a crash or a power cut

Frames with a Bayer mosaic make a colour stack, or with --mono one of their luminance. The
SNR gain is the square root of the number of frames; beside it stands what was measured
between the halves of the stack.
"""
_STACK_END = """\
examples:
  seestack stack lights/                         stack a folder into stacked/
  seestack stack lights/*.fit -o m94             name the folder for the results
  seestack stack lights/ --dark darks/ --flat flats/ --bias bias/
  seestack stack lights/ --transform translation for an equatorial mount
  seestack stack lights/ -o m94 --resume         go on after a break, or with more frames

The exit code is 0 when something was stacked, 1 when nothing was, 2 for bad usage.
"""
_LIVE_HELP = """\
Take exposures with an ALPACA camera and stack each as it arrives.

The camera is the one at --address, else alpaca.default_server of the configuration,
else the first that discovery finds. --simulate uses a simulated telescope instead.
"""
_RESTACK_HELP = """\
Stack the frames of the session in OUT once more, some of them switched off or on.

The results in OUT are replaced (with -o, they are written elsewhere). The stack is, bit for
bit, that of a session to which the frames that are off never came; their rows in frames.csv
say so, and --with brings them back. Frames are named by file name, path or number (index in
frames.csv). The files must be there: those of a camera are with --save-subs.

--exact judges every sample of the stacked frames in a second pass, where the live stack
judges the three extremes of each pixel. It writes exact.fits, and prints how far it is from
the live stack.
"""
_MERGE_HELP = """\
Align the stacks of several nights on the first, and combine them by weight.

They may be turned by any angle, mirrored, of other sizes and of scales that differ by up to
3 %. The result has the grid, the flux and the sky of the first; each stack counts as the
inverse of its variance. STACK is a stack.fits or the folder of a session.
"""
_SERVE_HELP = """\
Serve the dashboard: a page to start, stop and watch sessions, and its API.

It listens on this computer only. Any other address, such as 0.0.0.0 for a phone in the
same network, needs a token; one is made up and printed where none is given. The results of
each session are written to a folder of its own in OUT, named after the time.
"""
_SIMULATE_HELP = """\
Run a telescope on this computer that any ALPACA program can drive, until Ctrl-C.

It looks like a Seestar S50. Discovery finds it, and so does
  seestack live --address 127.0.0.1
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
        0 when something was stacked or found, 1 when nothing was, 2 for bad usage.

    Examples
    --------
    >>> main(["stack", "no/such/folder"])
    2
    """
    from seestack.model import UnreadableFrameError

    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a name the terminal cannot show is no error
            stream.reconfigure(errors="backslashreplace")
    try:
        options = _parser().parse_args(arguments)
    except SystemExit as leave:  # argparse has said everything
        return int(leave.code or 0)
    with warnings.catch_warnings(), _ended_by_sigterm():
        warnings.simplefilter("always", UserWarning)
        warnings.showwarning = _show_warning  # type: ignore[assignment]
        try:
            code: int = options.command(options)
        except (UnreadableFrameError, ValueError) as error:
            print(f"seestack: {error}", file=sys.stderr)
            return BAD_USAGE
        except KeyboardInterrupt:
            return INTERRUPTED
        except BrokenPipeError:  # whoever read the output has gone; the results are written
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return SUCCESS
    return code


@contextmanager
def _ended_by_sigterm() -> Iterator[None]:
    """Let SIGTERM end a command as Ctrl-C does: with its results written."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _show_warning(message: Warning | str, *_: object) -> None:
    print(f"seestack: note: {message}", file=sys.stderr)


class _Parser(argparse.ArgumentParser):
    """Says what to do about a value that is given to a switch."""

    def error(self, message: str) -> NoReturn:
        if "ignored explicit argument" in message:
            message += "; a switch takes no value: give it alone, or leave it out"
        super().error(message)


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="seestack", description="Live stacking of telescope frames.")
    parser.add_argument("--version", action="version", version=f"seestack {__version__}")
    adder = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    stack = _command(adder, "stack", "stack the frames of files and folders", _STACK_HELP)
    stack.epilog = _STACK_END
    stack.add_argument("frames", nargs="+", metavar="FILES_OR_FOLDER", help="frames to stack")
    live = _command(adder, "live", "drive a camera and stack its exposures", _LIVE_HELP)
    _add_camera(live)
    watch = _command(adder, "watch", "stack frames as they appear in a folder", None)
    watch.add_argument("folder", nargs="?", metavar="FOLDER", help="the folder to watch")
    watch.add_argument("--new-only", action="store_true", help="pass over files already there")
    _add_restack(_command(adder, "restack", "stack a session's frames once more", _RESTACK_HELP))
    merge = _command(adder, "merge", "merge the stacks of several nights", _MERGE_HELP)
    merge.add_argument("stacks", nargs="+", metavar="STACK", help="a stack.fits or its folder")
    _add_output(merge, default="merged", each=False)
    serve = _command(adder, "serve", "serve the dashboard for a browser", _SERVE_HELP)
    _add_camera(serve, address=False)
    _add_server(serve)
    for parser_of in (live, watch, serve):
        parser_of.add_argument(
            "--frames",
            dest="wanted",
            type=int,
            metavar="N",
            help="good frames that end the session (default: 20)",
        )
    serve.set_defaults(resume=False)
    for parser_of in (stack, live, watch):
        parser_of.add_argument(
            "--resume", action="store_true", help="go on where the session in OUT stood"
        )
    for parser_of in (stack, live, watch, serve):
        _add_output(parser_of)
        _add_calibration(parser_of)
        _add_stacking(parser_of)
    discover = _command(adder, "discover", "list the ALPACA devices of this network", None)
    discover.add_argument("--timeout", type=float, metavar="S", help="seconds (default: 2)")
    summary = "run a simulated telescope for other programs"
    _add_simulation(_command(adder, "simulate", summary, _SIMULATE_HELP))
    return parser


def _add_restack(restack: argparse.ArgumentParser) -> None:
    restack.add_argument("session", metavar="OUT", help="folder of the session")
    for flag, key, text in (
        ("--without", "without", "switch these frames off"),
        ("--with", "again", "switch these frames on again"),
        ("--only", "only", "switch all frames off but these"),
    ):
        restack.add_argument(flag, dest=key, nargs="+", metavar="NAME", help=text)
    restack.add_argument(
        "--exact", action="store_true", help="judge every sample, in a second pass"
    )
    _add_output(restack, default="OUT itself")
    _add_calibration(restack)


def _add_server(serve: argparse.ArgumentParser) -> None:
    group = serve.add_argument_group("server")
    group.add_argument(
        "--listen", metavar="ADDRESS", help="address to listen on (default: 127.0.0.1)"
    )
    group.add_argument(
        "--port",
        dest="listen_port",
        type=_port,
        metavar="N",
        help="TCP port; 0 takes a free one (default: 5173)",
    )
    group.add_argument("--token", metavar="TEXT", help="ask everyone for this token")
    group.add_argument(
        "--allow-hosts",
        metavar="NAMES",
        help="further names of this server, such as that of a proxy; spaces between",
    )


def _add_camera(live: argparse.ArgumentParser, *, address: bool = True) -> None:
    where = live.add_mutually_exclusive_group()
    if address:
        text = "address of the ALPACA server"
        where.add_argument("--address", metavar="HOST[:PORT]", help=text)
    where.add_argument("--simulate", action="store_true", help="use a simulated telescope")
    live.add_argument(
        "--speed",
        type=_positive,
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


def _add_simulation(simulate: argparse.ArgumentParser) -> None:
    for flag, kind, default, text in (
        ("--port", _port, 32323, "TCP port"),
        ("--speed", _positive, 1.0, "times faster than real exposures"),
        ("--seed", int, 0, "another sky"),
    ):
        simulate.add_argument(
            flag, type=kind, default=default, metavar="N", help=f"{text} (default: %(default)s)"
        )


def _command(
    adder: argparse._SubParsersAction[_Parser],
    name: str,
    summary: str,
    description: str | None,
) -> argparse.ArgumentParser:
    parser = adder.add_parser(
        name,
        help=summary,
        description=description or f"{summary[0].upper()}{summary[1:]}.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--config", type=Path, metavar="FILE", help="default: ./config.yaml")
    parser.set_defaults(command=getattr(commands, name))
    return parser


def _positive(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not value > 0:
        raise argparse.ArgumentTypeError(f"must be a positive number, got {text}")
    return value


def _off_or(kind: Callable[[str], Any]) -> Callable[[str], Any]:
    """Return a reader of a value that may be turned off."""

    def read(text: str) -> Any:
        return commands.OFF if text == commands.OFF else kind(text)

    read.__name__ = kind.__name__  # argparse says "invalid float value"
    return read


def _folder(text: str) -> str:
    if not text.strip():
        raise argparse.ArgumentTypeError(
            f"must be the name of a folder, got {text!r}; a dot is the present one"
        )
    return text


def _port(text: str) -> int:
    if not (text.isdigit() and int(text) <= 65535):
        raise argparse.ArgumentTypeError(f"must be a port from 0 to 65535, got {text}")
    return int(text)


def _add_output(
    parser: argparse.ArgumentParser, *, default: str = "stacked", each: bool = True
) -> None:
    parser.add_argument(
        "-o",
        "--out",
        type=_folder,
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


def _add_calibration(parser: argparse.ArgumentParser) -> None:
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


def _add_stacking(parser: argparse.ArgumentParser) -> None:
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
