"""What the arguments mean: settings over those of the file, the stacker, the masters."""

from __future__ import annotations

import argparse
from dataclasses import asdict, fields, replace
from typing import TYPE_CHECKING, Any

from seestack.flags import OFF

if TYPE_CHECKING:
    from seestack.config import Settings
    from seestack.masters import Calibration
    from seestack.stacker import LiveStacker
    from seestack.storage.checkpoint import Checkpoint

__all__ = ["begun_of", "masters_of", "settings_of", "stacker_of"]


def settings_of(arguments: argparse.Namespace) -> Settings:
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


def stacker_of(arguments: argparse.Namespace, settings: Settings) -> LiveStacker:
    """Return a new stacker with the options and the masters that were given."""
    from seestack.stacker import LiveStacker

    return LiveStacker(**asdict(settings.stacking.options), calibration=masters_of(arguments))


def masters_of(arguments: argparse.Namespace) -> Calibration | None:
    """Return the masters of the calibration frames that were given; None without any."""
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


def begun_of(arguments: argparse.Namespace, settings: Settings) -> Checkpoint:
    """Return the stacker to go on with, a new one without --resume, and what it has seen."""
    from seestack.resuming import resume
    from seestack.storage.checkpoint import Checkpoint

    stacker = stacker_of(arguments, settings)
    if not arguments.resume:
        return Checkpoint(stacker, frozenset())
    found = resume(settings.output.folder, stacker)
    print(f"resumed with {found.stacker.frames_total} frames", flush=True)
    return found
