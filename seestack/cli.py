"""The command ``seestack``: run what its arguments ask for, and answer with an exit code."""

from __future__ import annotations

import io
import os
import signal
import sys
import threading
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from seestack.arguments import parser
from seestack.terminal import BAD_USAGE, INTERRUPTED, SUCCESS, complain

__all__ = ["main"]


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
        options = parser().parse_args(arguments)
    except SystemExit as leave:  # argparse has said everything
        return int(leave.code or 0)
    with warnings.catch_warnings(), _ended_by_sigterm():
        warnings.simplefilter("always", UserWarning)
        warnings.showwarning = _show_warning  # type: ignore[assignment]
        try:
            code: int = options.command(options)
        except (UnreadableFrameError, ValueError) as error:
            complain(error)
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
    complain(f"note: {message}")
