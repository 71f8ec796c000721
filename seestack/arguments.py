"""The subcommands of ``seestack`` and their arguments."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import NoReturn

from seestack import commands
from seestack.flags import (
    add_calibration,
    add_camera,
    add_output,
    add_stacking,
    port,
    positive,
)
from seestack.version import __version__

__all__ = ["parser"]

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


class _Parser(argparse.ArgumentParser):
    """Says what to do about a value that is given to a switch."""

    def error(self, message: str) -> NoReturn:
        if "ignored explicit argument" in message:
            message += "; a switch takes no value: give it alone, or leave it out"
        super().error(message)


def parser() -> argparse.ArgumentParser:
    """Return what reads the arguments; its ``command`` is the function to call.

    Examples
    --------
    >>> read = parser().parse_args(["merge", "a.fits", "b.fits"])
    >>> read.command.__name__, read.stacks
    ('merge', ['a.fits', 'b.fits'])
    """
    whole = _Parser(prog="seestack", description="Live stacking of telescope frames.")
    whole.add_argument("--version", action="version", version=f"seestack {__version__}")
    adder = whole.add_subparsers(title="commands", metavar="COMMAND", required=True)
    stack = _command(adder, "stack", "stack the frames of files and folders", _STACK_HELP)
    stack.epilog = _STACK_END
    stack.add_argument("frames", nargs="+", metavar="FILES_OR_FOLDER", help="frames to stack")
    live = _command(adder, "live", "drive a camera and stack its exposures", _LIVE_HELP)
    add_camera(live)
    watch = _command(adder, "watch", "stack frames as they appear in a folder", None)
    watch.add_argument("folder", nargs="?", metavar="FOLDER", help="the folder to watch")
    watch.add_argument("--new-only", action="store_true", help="pass over files already there")
    _add_restack(_command(adder, "restack", "stack a session's frames once more", _RESTACK_HELP))
    merge = _command(adder, "merge", "merge the stacks of several nights", _MERGE_HELP)
    merge.add_argument("stacks", nargs="+", metavar="STACK", help="a stack.fits or its folder")
    add_output(merge, default="merged", each=False)
    serve = _command(adder, "serve", "serve the dashboard for a browser", _SERVE_HELP)
    add_camera(serve, address=False)
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
        add_output(parser_of)
        add_calibration(parser_of)
        add_stacking(parser_of)
    discover = _command(adder, "discover", "list the ALPACA devices of this network", None)
    discover.add_argument("--timeout", type=float, metavar="S", help="seconds (default: 2)")
    summary = "run a simulated telescope for other programs"
    _add_simulation(_command(adder, "simulate", summary, _SIMULATE_HELP))
    return whole


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
    add_output(restack, default="OUT itself")
    add_calibration(restack)


def _add_server(serve: argparse.ArgumentParser) -> None:
    group = serve.add_argument_group("server")
    group.add_argument(
        "--listen", metavar="ADDRESS", help="address to listen on (default: 127.0.0.1)"
    )
    group.add_argument(
        "--port",
        dest="listen_port",
        type=port,
        metavar="N",
        help="TCP port; 0 takes a free one (default: 5173)",
    )
    group.add_argument("--token", metavar="TEXT", help="ask everyone for this token")
    group.add_argument(
        "--allow-hosts",
        metavar="NAMES",
        help="further names of this server, such as that of a proxy; spaces between",
    )


def _add_simulation(simulate: argparse.ArgumentParser) -> None:
    for flag, kind, default, text in (
        ("--port", port, 32323, "TCP port"),
        ("--speed", positive, 1.0, "times faster than real exposures"),
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
