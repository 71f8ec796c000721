"""What the subcommands of ``seestack`` do, once their arguments are read."""

from __future__ import annotations

import argparse
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, cast

from seestack.overrides import begun_of, masters_of, settings_of, stacker_of
from seestack.results import made_folder, write_results
from seestack.storage.session_folder import SessionFolder
from seestack.terminal import NOTHING, SUCCESS, complain, print_failures, run_session

if TYPE_CHECKING:
    from seestack.alpaca.simulator import SimulatedTelescope
    from seestack.config import Settings
    from seestack.session import CaptureSession
    from seestack.sources.alpaca import AlpacaSource

__all__ = ["discover", "live", "merge", "restack", "serve", "simulate", "stack", "watch"]


def stack(arguments: argparse.Namespace) -> int:
    """Stack files and folders."""
    from seestack.session import CaptureSession
    from seestack.sources.folder import FileSource

    settings = settings_of(arguments)
    source = FileSource(arguments.frames)
    results = [path.resolve() for path in SessionFolder(settings.output.folder).results]
    source.paths = [path for path in source.paths if path.resolve() not in results]
    found = begun_of(arguments, settings)
    source.pass_over(found.inputs)
    # What the folder had before counts too: frames of another folder can follow.
    total = len(source) + found.stacker.frames_total
    session = CaptureSession(source, found.stacker, frames=None)
    return run_session(session, settings, total=total, quiet=arguments.quiet)


def watch(arguments: argparse.Namespace) -> int:
    """Stack the frames that appear in a folder."""
    settings = settings_of(arguments)
    folder = arguments.folder or settings.image_watcher.watch_path
    return _watched(folder, arguments, settings, existing=not arguments.new_only)


def live(arguments: argparse.Namespace) -> int:
    """Drive a camera and stack its exposures."""
    from seestack.alpaca.errors import AlpacaError
    from seestack.configured import session_of
    from seestack.resuming import saved_since

    settings = settings_of(arguments)
    if settings.image_watcher.enabled and not (arguments.simulate or arguments.address):
        return _watched(settings.image_watcher.watch_path, arguments, settings, existing=False)
    try:
        with _camera(arguments, settings) as source:
            found = begun_of(arguments, settings)
            saved = saved_since(settings.output.folder, found) if arguments.resume else []
            session = session_of(source, settings, found.stacker, saved=saved)
            return run_session(
                session, settings, total=settings.stacking.frames, quiet=arguments.quiet
            )
    except AlpacaError as error:
        complain(error)
        return NOTHING


def restack(arguments: argparse.Namespace) -> int:
    """Stack the frames of a session once more."""
    from seestack.afterwards import Switched, run_restack

    arguments.out = arguments.out or arguments.session
    settings = settings_of(arguments)
    chosen = {
        key: [int(name) if name.isdecimal() else name for name in names]
        for key in ("without", "again", "only")
        if (names := getattr(arguments, key))
    }
    return run_restack(
        arguments.session,
        settings,
        masters_of(arguments),
        switched=cast(Switched, chosen),
        exact=arguments.exact,
        quiet=arguments.quiet,
    )


def merge(arguments: argparse.Namespace) -> int:
    """Merge the stacks of several sessions."""
    from seestack.afterwards import run_merge

    arguments.out = arguments.out or "merged"
    return run_merge(arguments.stacks, settings_of(arguments))


def discover(arguments: argparse.Namespace) -> int:
    """List the ALPACA servers that answer."""
    from seestack.alpaca.discovery import discover as search

    settings = settings_of(arguments).alpaca
    servers = search(timeout_s=settings.discovery_timeout, port=settings.discovery_port)
    for server in servers:
        print(f"{server.address}  {server.name or 'no name'}")
        for device in server.devices:
            print(f"  {device.kind} {device.number}  {device.name}")
    if not servers:
        complain("no ALPACA server answered; is it on, and in this network?")
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
        complain(f"port {arguments.port} cannot be used: {error.strerror}")
        return NOTHING
    _run_until_interrupted(
        f"simulated telescope at {telescope.address}; Ctrl-C ends", end=telescope.stop
    )
    return SUCCESS


def serve(arguments: argparse.Namespace) -> int:
    """Run the dashboard until Ctrl-C; each session's results are written at its end."""
    from seestack.configured import configured_session
    from seestack.server.dashboard import serve as begin

    settings = settings_of(arguments)
    make = partial(configured_session, make_stacker=lambda chosen: stacker_of(arguments, chosen))
    with ExitStack() as stack:
        if arguments.simulate:
            telescope = stack.enter_context(_simulated(arguments))
            settings = settings.with_camera_at(telescope.address)
        try:
            dashboard = begin(make, settings=settings, on_end=partial(_save, settings))
        except OSError as error:
            where = f"{settings.server.address}:{settings.server.port}"
            complain(f"{where} cannot be used: {error.strerror}")
            return NOTHING
        _run_until_interrupted(f"dashboard at {dashboard.link}\nCtrl-C ends", end=dashboard.stop)
    return SUCCESS


def _save(settings: Settings, session: CaptureSession) -> None:
    """Write the results of a session to a folder of its own, named after the time."""
    if not session.stacker.frames_total:
        return
    folder = Path(settings.output.folder) / time.strftime("%Y%m%d-%H%M%S")
    try:
        made_folder(folder, exist_ok=False)
    except OSError as error:
        complain(error)
        return
    output = replace(settings.output, folder=str(folder))
    written, failed = write_results(session.stacker, replace(settings, output=output))
    for path in written:
        print(path, flush=True)
    print_failures(failed)


def _run_until_interrupted(text: str, *, end: Callable[[], object]) -> None:
    """Say what runs, and end it on Ctrl-C."""
    try:
        print(text, flush=True)
        while not threading.Event().wait(0.5):
            pass
    except KeyboardInterrupt:
        pass
    finally:
        end()


def _watched(
    folder: str | None, arguments: argparse.Namespace, settings: Settings, *, existing: bool
) -> int:
    from seestack.configured import folder_source, session_of

    source = folder_source(settings, folder, existing=existing)
    found = begun_of(arguments, settings)
    source.pass_over(found.inputs)
    session = session_of(source, settings, found.stacker)
    total = settings.stacking.frames
    print(f"watching {source.path} for {total} good frames; Ctrl-C ends", flush=True)
    return run_session(session, settings, total=total, quiet=arguments.quiet)


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
