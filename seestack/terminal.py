"""Run a session in a terminal: a line for each frame, the results, a summary."""

from __future__ import annotations

import signal
import statistics
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from seestack.results import made_folder, write_results
from seestack.storage.session_folder import SessionFolder

if TYPE_CHECKING:
    from seestack.config import Settings
    from seestack.model import FrameReport
    from seestack.session import CaptureSession
    from seestack.snapshots import Snapshot
    from seestack.stacker import LiveStacker

__all__ = [
    "BAD_USAGE",
    "INTERRUPTED",
    "NOTHING",
    "SUCCESS",
    "complain",
    "print_failures",
    "print_summary",
    "run_session",
    "write_results",
]

SUCCESS, NOTHING, BAD_USAGE, INTERRUPTED = 0, 1, 2, 130


def run_session(session: CaptureSession, settings: Settings, *, total: int, quiet: bool) -> int:
    """Run the session, write the results, say what became of the frames.

    Parameters
    ----------
    session : CaptureSession
        Not started yet.
    settings : Settings
        Of its section ``output``.
    total : int
        Frames that are expected, for the progress bar.
    quiet : bool
        Print no line for each frame.

    Returns
    -------
    int
        Exit code: `SUCCESS` when something was stacked and written, else `NOTHING`.
    """
    from seestack.recording import Recorder

    try:
        out = made_folder(settings.output.folder)
    except OSError as error:
        complain(error)
        return NOTHING
    recorder = Recorder(session, out, checkpoints=settings.output.checkpoint)
    if note := recorder.begin():
        complain(f"note: {note}")
    seen, interrupted = _show_progress(session, settings, total, quiet=quiet)
    with _undisturbed(interrupted):
        written, failed = write_results(session.stacker, settings)
        try:
            recorder.finish()
        except OSError as error:
            failed.append(error)
        print_summary(session.stacker, written)
    print_failures(failed)
    if seen.state == "failed":
        complain(f"the session ended early: {seen.detail}")
    return SUCCESS if session.stacker.frames_stacked and not failed else NOTHING


@contextmanager
def _undisturbed(interrupted: bool) -> Iterator[None]:
    """Ignore a second Ctrl-C while the results are written."""
    if not interrupted:
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _show_progress(
    session: CaptureSession, settings: Settings, total: int, *, quiet: bool
) -> tuple[Snapshot, bool]:
    """Run the session to its end, or to Ctrl-C, with a line for each frame."""
    from tqdm import tqdm

    with tqdm(total=total, unit="frame", leave=False, disable=None) as bar:
        session.observe(_printer(bar.write, bar.update, session, total, quiet))
        if session.frames is not None:
            session.observe(_previewer(session, settings))
        session.start()
        try:
            return session.wait(), False
        except KeyboardInterrupt:
            with _undisturbed(True):
                complain("stopped; what was stacked so far is kept")
                return session.stop(timeout_s=10.0), True


def _previewer(session: CaptureSession, settings: Settings) -> Callable[[Snapshot], None]:
    """Return an observer that renews preview.png as the stack grows."""
    from seestack.storage.replacing import replacing

    preview = SessionFolder(settings.output.folder).preview
    shown = {"number": 0}

    def renew(seen: Snapshot) -> None:
        if seen.preview_number == shown["number"]:
            return
        shown["number"] = seen.preview_number
        png = session.preview(max_px=1080)
        try:
            if png is not None:
                with replacing(preview) as file:
                    file.write(png)
        except OSError as error:
            session.tell(f"{error.filename} cannot be written: {error.strerror}")

    return renew


def _printer(
    write: Callable[[str], None],
    update: Callable[[int], object],
    session: CaptureSession,
    total: int,
    quiet: bool,
) -> Callable[[Snapshot], None]:
    """Return an observer that prints a line for each new frame and moves the bar."""
    shown = {"frame": -1, "bar": 0}
    count = str(total) if session.frames is None else "-"

    def show(seen: Snapshot) -> None:
        if seen.last_report is None or seen.last_report["index"] == shown["frame"]:
            if seen.state == "running":
                write(f"      {seen.detail}")
            return
        shown["frame"] = seen.last_report["index"]
        if not quiet:
            write(_line(seen.last_report, count))
        done = seen.frames_total if session.frames is None else seen.frames_stacked
        update(done - shown["bar"])
        shown["bar"] = done

    return show


def _line(report: FrameReport, count: str) -> str:
    name = Path(report["source"]).name
    number = f"{report['index'] + 1:>{max(len(count), 3)}}"
    if count.isdigit():
        number += f"/{count}"
    if not report["accepted"]:
        return f"{number}  {name}  left out: {report['reason']}"
    if report["rms_px"] is None:
        return f"{number}  {name}  {report['reason']}  {report['stars']} stars"
    dx, dy = report["offset"]
    return (
        f"{number}  {name}  {report['reason']}  "
        f"shift {dx:+.2f} {dy:+.2f} px  rotation {report['rotation_deg']:+.3f} deg  "
        f"{report['inliers']} of {report['stars']} stars  FWHM {report['fwhm_px'] or 0:.2f} px"
    )


def complain(what: object) -> None:
    """Tell the user on the standard error, under the name of the program."""
    print(f"seestack: {what}", file=sys.stderr)


def print_failures(failed: list[OSError]) -> None:
    """Name the results that could not be written."""
    for failure in failed:
        complain(f"a result could not be written: {failure}")


def print_summary(stacker: LiveStacker, written: list[Path]) -> None:
    """Print how many frames met which fate, the middle of what was measured, the files."""
    reports = stacker.reports
    exposure = stacker.observation.total_exposure_s
    print(f"\nStacked {stacker.frames_stacked} of {stacker.frames_total} frames", end="")
    print(f", {exposure:g} s of exposure" if exposure else "")
    accepted = [report for report in reports if report["accepted"]]
    if accepted:
        print(f"  SNR gain         {stacker.snr_gain():8.2f}", end="")
        measured = accepted[-1]["snr_gain_measured"]
        print(f"   measured {measured:.2f}" if measured else "")
        for label, values, unit in (
            ("stars used", [report["inliers"] for report in accepted[1:]], ""),
            ("FWHM", [report["fwhm_px"] for report in accepted], "px"),
            ("sky", [report["sky_adu"] for report in accepted], "ADU"),
            ("registration", [report["rms_px"] for report in accepted], "px rms"),
            ("transparency", [report["transparency"] for report in accepted], ""),
            ("weight", [report["weight"] for report in accepted], ""),
            ("samples clipped", [report["clipped_samples"] for report in accepted], ""),
        ):
            known = [value for value in values if value is not None]
            if known:
                low, middle, high = min(known), statistics.median(known), max(known)
                print(f"  {label:16} {middle:8.5g}   {low:g} to {high:g} {unit}".rstrip())
    refused = Counter(report["reason"] for report in reports if not report["accepted"])
    for reason, count in refused.most_common():
        print(f"  {count} left out: {reason}")
    for path in written:
        print(path)
