"""What the commands on finished sessions do: stack their frames once more, merge them."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict

from seestack import __version__
from seestack.terminal import (
    NOTHING,
    SUCCESS,
    print_failures,
    print_summary,
    result_paths,
    write_results,
)

if TYPE_CHECKING:
    from seestack.config import Settings
    from seestack.masters import Calibration
    from seestack.stacker import LiveStacker
    from seestack.storage.checkpoint import Checkpoint

__all__ = ["Switched", "run_merge", "run_restack"]

_EXACT = "exact.fits"


class Switched(TypedDict, total=False):
    """Which frames are off, as `seestack.restack` takes it."""

    without: Sequence[int | str]
    again: Sequence[int | str]
    only: Sequence[int | str]


def run_restack(
    session: str,
    settings: Settings,
    calibration: Calibration | None,
    *,
    switched: Switched,
    exact: bool,
    quiet: bool,
) -> int:
    """Stack the frames of a session once more and write the results.

    Parameters
    ----------
    session : str
        The folder of the session.
    settings : Settings
        Of its section ``output``: where the results go.
    calibration : Calibration or None
        The masters that the session had.
    switched : Switched
        Which frames are off.
    exact : bool
        Judge every sample in a second pass too.
    quiet : bool
        Print no line for each frame that is left out.

    Returns
    -------
    int
        Exit code.
    """
    from seestack.recording import checkpoint_path
    from seestack.storage.checkpoint import read_checkpoint, write_checkpoint

    found = read_checkpoint(checkpoint_path(session), calibration=calibration)
    stacker = found.stacker
    written: list[Path] = []
    failed: list[OSError] = []
    out = Path(settings.output.folder)
    out.mkdir(parents=True, exist_ok=True)
    if switched or not exact or out.resolve() != Path(session).resolve():
        stacker = _stacked_again(found, switched, quiet=quiet)
        (out / _EXACT).unlink(missing_ok=True)  # of the stack before
        written, failed = write_results(stacker, settings)
        try:
            write_checkpoint(checkpoint_path(out), stacker, finished=True)
        except OSError as error:
            failed.append(error)
    if exact and stacker.frames_stacked:
        try:
            written.append(_write_exact(out, stacker, found.folder, settings))
        except OSError as error:
            failed.append(error)
    print_summary(stacker, written)
    print_failures(failed)
    return SUCCESS if stacker.frames_stacked and not failed else NOTHING


def run_merge(stacks: Sequence[str], settings: Settings) -> int:
    """Merge stacks of several sessions and write the result.

    Parameters
    ----------
    stacks : sequence of str
        Files or folders, as `seestack.merge_stacks` takes them.
    settings : Settings
        Of its section ``output``: where the results go.

    Returns
    -------
    int
        Exit code.
    """
    from seestack.merging import merge_stacks
    from seestack.model import FrameRejected
    from seestack.steps.stretching import preview_png
    from seestack.storage.fits import write_stack
    from seestack.storage.replacing import replacing

    try:
        merged = merge_stacks(stacks)
    except FrameRejected as rejection:
        print(f"seestack: {rejection}", file=sys.stderr)
        return NOTHING
    lines = [str(part) for part in merged.parts]
    print("\n".join(lines))
    image, preview, _ = result_paths(settings)
    try:
        write_stack(
            image,
            merged.stack,
            merged.observation,
            history=[f"seestack {__version__}", "merged stacks", *lines],
            with_site=settings.output.with_site,
            overwrite=True,
        )
        with replacing(preview) as file:
            file.write(preview_png(merged.stack.mean, max_px=max(merged.stack.shape)))
    except OSError as error:
        print_failures([error])
        return NOTHING
    print(f"\nMerged {merged.stack.frames} frames, ", end="")
    print(f"{merged.observation.total_exposure_s:g} s of exposure\n{image}\n{preview}")
    return SUCCESS


def _stacked_again(found: Checkpoint, switched: Switched, *, quiet: bool) -> LiveStacker:
    from tqdm import tqdm

    from seestack.restacking import restack

    with tqdm(total=found.stacker.frames_total, unit="frame", leave=False, disable=None) as bar:

        def show(report: Any) -> None:
            bar.update()
            if not quiet and not report["accepted"]:
                name = Path(report["source"]).name
                bar.write(f"{report['index'] + 1:>3}  {name}  left out: {report['reason']}")

        return restack(found.stacker, folder=found.folder, progress=show, **switched)


def _write_exact(out: Path, stacker: LiveStacker, folder: str, settings: Settings) -> Path:
    """Write the stack of the second pass and say how far it is from the live one."""
    from tqdm import tqdm

    from seestack.second_pass import compare_stacks, exact_stack
    from seestack.storage.fits import write_stack

    with tqdm(total=stacker.frames_stacked, unit="frame", leave=False, disable=None) as bar:
        exact = exact_stack(stacker, folder=folder, progress=lambda _: bar.update())
    live = stacker.stack
    assert live is not None
    difference = str(compare_stacks(live, exact))
    before, now = (
        0 if stack.rejected is None else int(stack.rejected.sum()) for stack in (live, exact)
    )
    print(f"exact second pass: {difference}")
    print(f"exact second pass: {now} samples left out, by the live stack {before}")
    path = out / _EXACT
    history = [
        f"seestack {__version__}",
        "every sample judged in a second pass",
        difference,
        *stacker.options.described(),
        *(stacker.calibration.described() if stacker.calibration else []),
    ]
    write_stack(
        path,
        exact,
        stacker.observation,
        history=history,
        with_site=settings.output.with_site,
        overwrite=True,
    )
    return path
