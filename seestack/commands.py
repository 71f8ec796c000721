"""What the subcommands of ``seestack`` do, once their arguments are read."""

from __future__ import annotations

import argparse
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, fields, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from seestack.terminal import NOTHING, SUCCESS, result_paths, run_session, write_results

if TYPE_CHECKING:
    from seestack.alpaca.simulator import SimulatedTelescope
    from seestack.config import Settings
    from seestack.masters import Calibration
    from seestack.session import CaptureSession
    from seestack.sources.alpaca import AlpacaSource
    from seestack.stacker import LiveStacker
    from seestack.storage.checkpoint import Checkpoint

__all__ = ["OFF", "discover", "live", "merge", "restack", "serve", "simulate", "stack", "watch"]

# What turns an option off on the command line, as null does in a file.
OFF = "off"


def stack(arguments: argparse.Namespace) -> int:
    """Stack files and folders."""
    from seestack.session import CaptureSession
    from seestack.sources.folder import FileSource

    settings = _settings(arguments)
    source = FileSource(arguments.frames)
    results = [path.resolve() for path in result_paths(settings)]
    source.paths = [path for path in source.paths if path.resolve() not in results]
    found = _begun(arguments, settings)
    source.pass_over(found.inputs)
    # What the folder had before counts too: frames of another folder can follow.
    total = len(source) + found.stacker.frames_total
    session = CaptureSession(source, found.stacker, frames=None)
    return run_session(session, settings, total=total, quiet=arguments.quiet)


def watch(arguments: argparse.Namespace) -> int:
    """Stack the frames that appear in a folder."""
    settings = _settings(arguments)
    folder = arguments.folder or settings.image_watcher.watch_path
    return _watched(folder, arguments, settings, existing=not arguments.new_only)


def live(arguments: argparse.Namespace) -> int:
    """Drive a camera and stack its exposures."""
    from seestack.alpaca.errors import AlpacaError
    from seestack.configured import session_of
    from seestack.resuming import saved_since

    settings = _settings(arguments)
    if settings.image_watcher.enabled and not (arguments.simulate or arguments.address):
        return _watched(settings.image_watcher.watch_path, arguments, settings, existing=False)
    try:
        with _camera(arguments, settings) as source:
            found = _begun(arguments, settings)
            saved = saved_since(settings.output.folder, found) if arguments.resume else []
            session = session_of(source, settings, found.stacker, saved=saved)
            return run_session(
                session, settings, total=settings.stacking.frames, quiet=arguments.quiet
            )
    except AlpacaError as error:
        print(f"seestack: {error}", file=sys.stderr)
        return NOTHING


def restack(arguments: argparse.Namespace) -> int:
    """Stack the frames of a session once more."""
    from seestack.afterwards import Switched, run_restack

    arguments.out = arguments.out or arguments.session
    settings = _settings(arguments)
    chosen = {
        key: [int(name) if name.isdecimal() else name for name in names]
        for key in ("without", "again", "only")
        if (names := getattr(arguments, key))
    }
    return run_restack(
        arguments.session,
        settings,
        _masters(arguments),
        switched=cast(Switched, chosen),
        exact=arguments.exact,
        quiet=arguments.quiet,
    )


def merge(arguments: argparse.Namespace) -> int:
    """Merge the stacks of several sessions."""
    from seestack.afterwards import run_merge

    arguments.out = arguments.out or "merged"
    return run_merge(arguments.stacks, _settings(arguments))


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


def serve(arguments: argparse.Namespace) -> int:
    """Run the dashboard until Ctrl-C; each session's results are written at its end."""
    from seestack.configured import configured_session
    from seestack.server.dashboard import serve as begin

    settings = _settings(arguments)
    make = partial(configured_session, make_stacker=lambda chosen: _stacker(arguments, chosen))
    with ExitStack() as stack:
        if arguments.simulate:
            telescope = stack.enter_context(_simulated(arguments))
            settings = settings.with_camera_at(telescope.address)
        try:
            dashboard = begin(make, settings=settings, on_end=partial(_save, settings))
        except OSError as error:
            where = f"{settings.server.address}:{settings.server.port}"
            print(f"seestack: {where} cannot be used: {error.strerror}", file=sys.stderr)
            return NOTHING
        try:
            print(f"dashboard at {dashboard.link}\nCtrl-C ends", flush=True)
            while not threading.Event().wait(0.5):
                pass
        except KeyboardInterrupt:
            pass
        finally:
            dashboard.stop()
    return SUCCESS


def _save(settings: Settings, session: CaptureSession) -> None:
    """Write the results of a session to a folder of its own, named after the time."""
    if not session.stacker.frames_total:
        return
    folder = Path(settings.output.folder) / time.strftime("%Y%m%d-%H%M%S")
    try:
        folder.mkdir(parents=True)
    except OSError as error:
        print(f"seestack: {folder} cannot be the folder for results: {error}", file=sys.stderr)
        return
    output = replace(settings.output, folder=str(folder))
    written, failed = write_results(session.stacker, replace(settings, output=output))
    for path in written:
        print(path, flush=True)
    for failure in failed:
        print(f"seestack: a result could not be written: {failure}", file=sys.stderr)


def _watched(
    folder: str | None, arguments: argparse.Namespace, settings: Settings, *, existing: bool
) -> int:
    from seestack.configured import folder_source, session_of

    source = folder_source(settings, folder, existing=existing)
    found = _begun(arguments, settings)
    source.pass_over(found.inputs)
    session = session_of(source, settings, found.stacker)
    total = settings.stacking.frames
    print(f"watching {source.path} for {total} good frames; Ctrl-C ends", flush=True)
    return run_session(session, settings, total=total, quiet=arguments.quiet)


def _settings(arguments: argparse.Namespace) -> Settings:
    """Return the settings of the file with those of the command line over them."""
    from seestack.config import load_settings
    from seestack.options import Options

    settings = load_settings(arguments.config)
    given = {key: value for key, value in vars(arguments).items() if value is not None}

    def chosen(**keys: str) -> dict[str, Any]:
        return {key: given[flag] for key, flag in keys.items() if flag in given}

    names = {field.name: field.name for field in fields(Options)}
    wanted: dict[str, Any] = chosen(**names)
    for name, value in wanted.items():
        wanted[name] = None if value == OFF else value
    options = replace(settings.stacking.options, **wanted)
    return replace(
        settings,
        alpaca=replace(settings.alpaca, **chosen(discovery_timeout="timeout")),
        camera=replace(
            settings.camera,
            **chosen(gain="gain", binning="binning", filter="filter", exposure="exposure"),
        ),
        stacking=replace(
            settings.stacking,
            options=options,
            **chosen(frames="wanted", exposure_s="exposure"),
        ),
        server=replace(
            settings.server,
            **chosen(
                address="listen", port="listen_port", token="token", allowed_hosts="allow_hosts"
            ),
        ),
        output=replace(
            settings.output,
            **chosen(folder="out", save_subs="save_subs", with_site="with_site"),
        ),
    )


def _stacker(arguments: argparse.Namespace, settings: Settings) -> LiveStacker:
    from seestack.stacker import LiveStacker

    return LiveStacker(**asdict(settings.stacking.options), calibration=_masters(arguments))


def _masters(arguments: argparse.Namespace) -> Calibration | None:
    if not (arguments.bias or arguments.dark or arguments.flat):
        if arguments.scale_dark:
            raise ValueError("--scale-dark needs --dark and --bias")
        return None
    from seestack.sources.masters import read_calibration

    masters = read_calibration(
        bias=arguments.bias,
        dark=arguments.dark,
        flat=arguments.flat,
        scale_dark=arguments.scale_dark,
    )
    print(f"calibration: {'; '.join(masters.described())}", flush=True)
    return masters


def _begun(arguments: argparse.Namespace, settings: Settings) -> Checkpoint:
    """Return the stacker to go on with, a new one without --resume, and what it has seen."""
    from seestack.resuming import resume
    from seestack.storage.checkpoint import Checkpoint

    stacker = _stacker(arguments, settings)
    if not arguments.resume:
        return Checkpoint(stacker, frozenset())
    found = resume(settings.output.folder, stacker)
    print(f"resumed with {found.stacker.frames_total} frames", flush=True)
    return found


@contextmanager
def _camera(arguments: argparse.Namespace, settings: Settings) -> Iterator[AlpacaSource]:
    """Provide the camera to use: simulated, at an address, or discovered."""
    from seestack.alpaca.management import Server
    from seestack.configured import camera_source, find_camera

    if arguments.simulate:
        with _simulated(arguments) as telescope:
            yield camera_source(telescope.address, settings)
        return
    where = find_camera(settings, arguments.address)
    if isinstance(where, Server):
        print(f"camera found at {where.address}, {where.name}")
    yield camera_source(where, settings)


@contextmanager
def _simulated(arguments: argparse.Namespace) -> Iterator[SimulatedTelescope]:
    from seestack.alpaca.simulator import SimulatedTelescope

    with SimulatedTelescope(speed=arguments.speed, discovery_port=None) as telescope:
        print(f"simulated telescope at {telescope.address}, {arguments.speed:g} times faster")
        yield telescope
