"""What the commands on finished sessions do: stack their frames once more, merge them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict

from seestack.results import described, made_folder, write_image, write_preview, write_results
from seestack.storage.session_folder import SessionFolder
from seestack.terminal import NOTHING, SUCCESS, complain, print_failures, print_summary
from seestack.version import __version__

if TYPE_CHECKING:
    from seestack.config import Settings
    from seestack.masters import Calibration
    from seestack.stacker import LiveStacker
    from seestack.storage.checkpoint import Checkpoint

__all__ = ["Switched", "run_merge", "run_restack"]


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
    from seestack.storage.checkpoint import read_checkpoint, write_checkpoint

    found = read_checkpoint(SessionFolder(session).checkpoint, calibration=calibration)
    stacker = found.stacker
    written: list[Path] = []
    failed: list[OSError] = []
    try:
        place = made_folder(settings.output.folder)
    except OSError as error:
        complain(error)
        return NOTHING
    out = SessionFolder(place)
    elsewhere = place.resolve() != Path(session).resolve()
    if switched or not exact or elsewhere:
        stacker = _stacked_again(found, switched, quiet=quiet)
        out.exact.unlink(missing_ok=True)  # of the stack before
        written, failed = write_results(stacker, settings)
        try:
            write_checkpoint(out.checkpoint, stacker, finished=True)
        except OSError as error:
            failed.append(error)
    if exact and stacker.frames_stacked:
        try:
            _write_exact(out.exact, stacker, found.folder, settings)
            written.append(out.exact)
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

    try:
        merged = merge_stacks(stacks)
    except FrameRejected as rejection:
        complain(rejection)
        return NOTHING
    lines = [str(part) for part in merged.parts]
    print("\n".join(lines))
    out = SessionFolder(settings.output.folder)
    history = [f"seestack {__version__}", "merged stacks", *lines]
    try:
        write_image(out.stack, merged.stack, merged.observation, settings.output, history=history)
        write_preview(out.preview, merged.stack)
    except OSError as error:
        print_failures([error])
        return NOTHING
    print(f"\nMerged {merged.stack.frames} frames, ", end="")
    print(f"{merged.observation.total_exposure_s:g} s of exposure\n{out.stack}\n{out.preview}")
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


def _write_exact(path: Path, stacker: LiveStacker, folder: str, settings: Settings) -> None:
    """Write the stack of the second pass and say how far it is from the live one."""
    from tqdm import tqdm

    from seestack.second_pass import compare_stacks, exact_stack

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
    history = described(stacker, "every sample judged in a second pass", difference)
    write_image(path, exact, stacker.observation, settings.output, history=history)
