"""Write the results of a session; one file that fails does not keep the others from it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from seestack.storage.session_folder import SessionFolder
from seestack.version import __version__

if TYPE_CHECKING:
    from seestack.config import OutputSettings, Settings
    from seestack.model import Observation, Stack
    from seestack.stacker import LiveStacker

__all__ = ["described", "made_folder", "write_image", "write_preview", "write_results"]


def made_folder(path: str | Path, *, exist_ok: bool = True) -> Path:
    """Make the folder for the results.

    Parameters
    ----------
    path : path-like
        Of the folder.
    exist_ok : bool, default True
        It may exist already.

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    OSError
        If it cannot be made; the message names it, the reason and the remedy.

    Examples
    --------
    >>> made_folder(".").exists()
    True
    """
    folder = Path(path)
    try:
        folder.mkdir(parents=True, exist_ok=exist_ok)
    except OSError as error:
        raise OSError(
            f"{folder} cannot be the folder for results ({error.strerror}); "
            "name another with -o or output.folder"
        ) from error
    return folder


def described(stacker: LiveStacker, *lines: str) -> list[str]:
    """Return how a stack was made, in lines for the history of its file.

    Examples
    --------
    >>> from seestack.stacker import LiveStacker
    >>> described(LiveStacker(), "by hand")[1:3]
    ['by hand', 'detection_fwhm = 4.0']
    """
    masters = stacker.calibration.described() if stacker.calibration else []
    return [f"seestack {__version__}", *lines, *stacker.options.described(), *masters]


def write_image(
    path: Path,
    stack: Stack,
    observation: Observation,
    output: OutputSettings,
    *,
    history: Iterable[str],
) -> None:
    """Write a stack to a FITS file in place of an older one; OSError if it cannot be."""
    from seestack.storage.fits import write_stack

    write_stack(
        path, stack, observation, history=history, with_site=output.with_site, overwrite=True
    )


def write_preview(path: Path, stack: Stack) -> None:
    """Write a picture of a stack in its full size; OSError if it cannot be."""
    from seestack.steps.stretching import preview_png
    from seestack.storage.replacing import replacing

    with replacing(path) as file:
        file.write(preview_png(stack.mean, max_px=max(stack.shape)))


def write_results(stacker: LiveStacker, settings: Settings) -> tuple[list[Path], list[OSError]]:
    """Write the stack, its picture and the table of frames, as far as there are such.

    Parameters
    ----------
    stacker : LiveStacker
        Of a session that has ended.
    settings : Settings
        Of its section ``output``; the folder must exist.

    Returns
    -------
    tuple of list
        The files written, and why others could not be.
    """
    from seestack.storage.ledger import write_frames_csv

    folder = SessionFolder(settings.output.folder)
    stack, reports = stacker.stack, stacker.reports
    jobs: dict[Path, Callable[[Path], object]] = {}
    if stack is not None:
        jobs[folder.stack] = partial(
            write_image,
            stack=stack,
            observation=stacker.observation,
            output=settings.output,
            history=described(stacker),
        )
        jobs[folder.preview] = partial(write_preview, stack=stack)
    if reports:
        jobs[folder.table] = partial(write_frames_csv, reports=reports)
    written, failed = [], []
    for path, write in jobs.items():
        try:
            write(path)
            written.append(path)
        except OSError as error:
            failed.append(error)
    return written, failed
