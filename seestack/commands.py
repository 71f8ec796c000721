"""What the subcommands of ``seestack`` do, once their arguments are read."""

from __future__ import annotations

import argparse
import statistics
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seestack import __version__

if TYPE_CHECKING:
    from seestack.alpaca.management import Server
    from seestack.config import Settings
    from seestack.model import FrameReport
    from seestack.session import CaptureSession, Snapshot
    from seestack.sources.alpaca import AlpacaSource
    from seestack.stacker import LiveStacker

__all__ = ["BAD_USAGE", "NOTHING", "SUCCESS", "discover", "live", "simulate", "stack", "watch"]

SUCCESS, NOTHING, BAD_USAGE = 0, 1, 2


def stack(arguments: argparse.Namespace) -> int:
    """Stack files and folders."""
    from seestack.session import CaptureSession
    from seestack.sources.folder import FileSource

    settings = _settings(arguments)
    source = FileSource(arguments.frames)
    session = CaptureSession(source, _stacker(arguments, settings), frames=None)
    return _run(session, settings, total=len(source), quiet=arguments.quiet)


def watch(arguments: argparse.Namespace) -> int:
    """Stack the frames that appear in a folder."""
    from seestack.model import UnreadableFrameError
    from seestack.session import CaptureSession
    from seestack.sources.folder import FolderSource

    settings = _settings(arguments)
    folder = arguments.folder or settings.image_watcher.watch_path
    if folder is None:
        raise UnreadableFrameError("name the folder to watch, or set image_watcher.watch_path")
    source = FolderSource(
        folder, existing=not arguments.new_only, debounce_s=settings.image_watcher.debounce_delay
    )
    session = CaptureSession(
        source,
        _stacker(arguments, settings),
        frames=settings.stacking.frames,
        preview_every=settings.stacking.preview_every,
    )
    print(f"watching {folder} for {settings.stacking.frames} good frames; Ctrl-C ends", flush=True)
    return _run(session, settings, total=settings.stacking.frames, quiet=arguments.quiet)


def live(arguments: argparse.Namespace) -> int:
    """Drive a camera and stack its exposures."""
    from seestack.alpaca.errors import AlpacaError
    from seestack.session import CaptureSession

    settings = _settings(arguments)
    try:
        with _camera(arguments, settings) as source:
            save_to = Path(settings.output.folder) / "subs" if settings.output.save_subs else None
            session = CaptureSession(
                source,
                _stacker(arguments, settings),
                frames=settings.stacking.frames,
                preview_every=settings.stacking.preview_every,
                save_to=save_to,
            )
            return _run(session, settings, total=settings.stacking.frames, quiet=arguments.quiet)
    except AlpacaError as error:
        print(f"seestack: {error}", file=sys.stderr)
        return NOTHING


def discover(arguments: argparse.Namespace) -> int:
    """List the ALPACA servers that answer."""
    from seestack.alpaca.discovery import discover as search

    settings = _settings(arguments).alpaca
    servers = search(timeout_s=settings.discovery_timeout, port=settings.discovery_port)
    for server in servers:
        print(f"{server.address}  {server.name or 'no name'}")
        for device in server.devices:
            print(f"  {device.kind} {device.number}  {device.name}")
    if not servers:
        print(
            "seestack: no ALPACA server answered; is it on, and in this network?", file=sys.stderr
        )
    return SUCCESS if servers else NOTHING


def simulate(arguments: argparse.Namespace) -> int:
    """Run the simulated telescope until Ctrl-C."""
    from seestack.alpaca.simulator import SimulatedTelescope
    from seestack.alpaca.sky import Sky

    sky = Sky(seed=arguments.seed)
    telescope = SimulatedTelescope(sky, port=arguments.port, speed=arguments.speed)
    try:
        telescope.start()
    except OSError as error:
        print(f"seestack: port {arguments.port} cannot be used: {error.strerror}", file=sys.stderr)
        return NOTHING
    try:
        print(f"simulated telescope at {telescope.address}; Ctrl-C ends", flush=True)
        while not threading.Event().wait(0.5):
            pass
    except KeyboardInterrupt:
        pass
    finally:
        telescope.stop()
    return SUCCESS


def _settings(arguments: argparse.Namespace) -> Settings:
    """Return the settings of the file with those of the command line over them."""
    from seestack.config import load_settings
    from seestack.options import Options

    settings = load_settings(arguments.config)
    given = {key: value for key, value in vars(arguments).items() if value is not None}

    def chosen(**keys: str) -> dict[str, Any]:
        return {key: given[flag] for key, flag in keys.items() if flag in given}

    names = {field.name: field.name for field in fields(Options)}
    options = replace(settings.stacking.options, **chosen(**names))
    return replace(
        settings,
        alpaca=replace(settings.alpaca, **chosen(discovery_timeout="timeout")),
        camera=replace(settings.camera, **chosen(gain="gain", binning="binning", filter="filter")),
        stacking=replace(
            settings.stacking,
            options=options,
            **chosen(frames="wanted", exposure_s="exposure"),
        ),
        output=replace(
            settings.output,
            **chosen(folder="out", save_subs="save_subs", with_site="with_site"),
        ),
    )


def _stacker(arguments: argparse.Namespace, settings: Settings) -> LiveStacker:
    from seestack.stacker import LiveStacker

    masters = None
    if arguments.bias or arguments.dark or arguments.flat:
        from seestack.sources.masters import read_calibration

        masters = read_calibration(
            bias=arguments.bias,
            dark=arguments.dark,
            flat=arguments.flat,
            scale_dark=arguments.scale_dark,
        )
        print(f"calibration: {'; '.join(masters.described())}", flush=True)
    elif arguments.scale_dark:
        raise ValueError("--scale-dark needs --dark and --bias")
    return LiveStacker(**asdict(settings.stacking.options), calibration=masters)


@contextmanager
def _camera(arguments: argparse.Namespace, settings: Settings) -> Iterator[AlpacaSource]:
    """Provide the camera to use: simulated, at an address, or discovered."""
    from seestack.alpaca.simulator import SimulatedTelescope
    from seestack.sources.alpaca import AlpacaSource

    camera = settings.camera

    def source(where: str | Server) -> AlpacaSource:
        return AlpacaSource(
            where,
            exposure_s=camera.exposure or settings.stacking.exposure_s,
            gain=camera.gain,
            binning=camera.binning,
            filter_name=camera.filter,
            camera_number=camera.number,
        )

    if arguments.simulate:
        with SimulatedTelescope(speed=arguments.speed, discovery_port=None) as telescope:
            print(f"simulated telescope at {telescope.address}, {arguments.speed:g} times faster")
            yield source(telescope.address)
        return
    server = settings.alpaca.default_server
    address = arguments.address or (server.address and f"{server.address}:{server.port}")
    yield source(address or _discovered(settings))


def _discovered(settings: Settings) -> Server:
    from seestack.alpaca.discovery import discover as search
    from seestack.alpaca.errors import AlpacaError

    alpaca = settings.alpaca
    for server in search(timeout_s=alpaca.discovery_timeout, port=alpaca.discovery_port):
        if server.find("camera") is not None:
            print(f"camera found at {server.address}, {server.name}")
            return server
    raise AlpacaError("no camera was found; is it on, in this network, or known by --address?")


def _run(session: CaptureSession, settings: Settings, *, total: int, quiet: bool) -> int:
    """Run the session, write the results, say what became of the frames."""
    seen = _show_progress(session, total, quiet=quiet)
    try:
        written = _write_results(session.stacker, settings)
    except OSError as error:
        print(f"seestack: the results could not be written: {error}", file=sys.stderr)
        return NOTHING
    _print_summary(session.stacker, written)
    if seen.state == "failed":
        print(f"seestack: the session ended early: {seen.detail}", file=sys.stderr)
    return SUCCESS if session.stacker.frames_stacked else NOTHING


def _show_progress(session: CaptureSession, total: int, *, quiet: bool) -> Snapshot:
    """Run the session to its end, or to Ctrl-C, with a line for each frame."""
    from tqdm import tqdm

    with tqdm(total=total, unit="frame", leave=False, disable=None) as bar:
        session.observe(_printer(bar.write, bar.update, session, total, quiet))
        session.start()
        try:
            return session.wait()
        except KeyboardInterrupt:
            print("seestack: stopped; what was stacked so far is kept", file=sys.stderr)
            return session.stop(timeout_s=10.0)


def _printer(
    write: Callable[[str], None],
    update: Callable[[int], object],
    session: CaptureSession,
    total: int,
    quiet: bool,
) -> Callable[[Snapshot], None]:
    """Return an observer that prints a line for each new frame and moves the bar."""
    shown = {"frames": 0, "bar": 0}

    def show(seen: Snapshot) -> None:
        if seen.frames_total == shown["frames"] or seen.last_report is None:
            if seen.state == "running":
                write(f"      {seen.detail}")
            return
        shown["frames"] = seen.frames_total
        if not quiet:
            write(_line(seen.last_report, total))
        done = seen.frames_total if session.frames is None else seen.frames_stacked
        update(done - shown["bar"])
        shown["bar"] = done

    return show


def _line(report: FrameReport, total: int) -> str:
    name = Path(report["source"]).name
    number = f"{report['index'] + 1:{len(str(total))}}/{total}"
    if not report["accepted"]:
        return f"{number}  {name}  left out: {report['reason']}"
    dx, dy = report["offset"]
    return (
        f"{number}  {name}  {report['reason']}  "
        f"shift {dx:+.2f} {dy:+.2f} px  rotation {report['rotation_deg']:+.3f} deg  "
        f"{report['inliers']} of {report['stars']} stars  FWHM {report['fwhm_px'] or 0:.2f} px"
    )


def _write_results(stacker: LiveStacker, settings: Settings) -> list[Path]:
    from seestack.steps.stretching import preview_png
    from seestack.storage.fits import write_stack
    from seestack.storage.ledger import write_frames_csv

    out = Path(settings.output.folder)
    out.mkdir(parents=True, exist_ok=True)
    table, image, preview = out / "frames.csv", out / "stack.fits", out / "preview.png"
    write_frames_csv(table, stacker.reports)
    stack = stacker.stack
    if stack is None:
        return [table]
    masters = stacker.calibration.described() if stacker.calibration else []
    write_stack(
        image,
        stack,
        stacker.observation,
        history=[f"seestack {__version__}", *stacker.options.described(), *masters],
        with_site=settings.output.with_site,
        overwrite=True,
    )
    preview.write_bytes(preview_png(stack.mean, max_px=max(stack.shape)))
    return [image, preview, table]


def _print_summary(stacker: LiveStacker, written: list[Path]) -> None:
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
            ("stars", [report["stars"] for report in accepted], ""),
            ("FWHM", [report["fwhm_px"] for report in accepted], "px"),
            ("sky", [report["sky_adu"] for report in accepted], "ADU"),
            ("registration", [report["rms_px"] for report in accepted], "px rms"),
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
