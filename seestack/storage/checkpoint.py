"""A stack in mid-session as one file, from which stacking goes on as if never stopped.

The file holds every value that a later frame is measured against, bit for bit, and a
checksum over all of it. It takes the place of the one before only when it is complete.

==========  =================================================================
bytes       content
==========  =================================================================
22          ``seestack checkpoint``, CR, LF, Ctrl-Z
8           length of the header, little-endian
length      header: JSON with versions, options and all numbers
...         the arrays one after the other in numpy's ``.npy`` format
32          SHA-256 of everything before
==========  =================================================================
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from seestack.masters import Calibration
from seestack.options import Options
from seestack.stacker import LiveStacker
from seestack.storage.replacing import replacing
from seestack.storage.values import flatten, rebuild
from seestack.version import __version__

__all__ = [
    "Checkpoint",
    "CheckpointError",
    "checkpoint_bytes",
    "read_checkpoint",
    "unfinished_frames",
    "write_checkpoint",
]

_MAGIC = b"seestack checkpoint\r\n\x1a"
_FORMAT = 4
_DIGEST = 32
_CHUNK = 1 << 20
_ANEW = "start anew without --resume"


class CheckpointError(ValueError):
    """A checkpoint cannot be used; the message names the file, the reason and the remedy."""


@dataclass(frozen=True, slots=True, eq=False)
class Checkpoint:
    """What a checkpoint held.

    Parameters
    ----------
    stacker : LiveStacker
        The stack, ready for the next frame.
    inputs : frozenset of str
        Absolute paths of the frames that have their verdict, accepted or not. A frame
        that came from no file is in it under the name of its camera.
    folder : str, default "."
        What relative paths in the reports are relative to.
    """

    stacker: LiveStacker
    inputs: frozenset[str]
    folder: str = "."


def write_checkpoint(
    path: str | os.PathLike[str], stacker: LiveStacker, *, finished: bool = False
) -> None:
    """Write a stack in mid-session to a file.

    Parameters
    ----------
    path : path-like
        The file; an older one is replaced when the new one is complete.
    stacker : LiveStacker
        No frame is added while it is written.
    finished : bool, default False
        The results of the session are written; it can go on all the same.

    Raises
    ------
    OSError
        If the file cannot be written, for want of space or rights; it names the file,
        and an older one stays as it was.

    Examples
    --------
    >>> import tempfile
    >>> st = LiveStacker(max_stars=80)
    >>> report = st.reject("file cannot be read", source="/night/0001.fit")
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_checkpoint(Path(folder) / "session.checkpoint", st)
    ...     found = read_checkpoint(Path(folder) / "session.checkpoint")
    >>> found.stacker.frames_total, found.stacker.options.max_stars, sorted(found.inputs)
    (1, 80, ['/night/0001.fit'])
    """
    with stacker.assembly() as assembly:
        state, arrays = flatten(assembly.state)
        header = {
            "format": _FORMAT,
            "seestack": __version__,
            "frames": assembly.log.total,
            "finished": finished,
            "folder": str(Path.cwd()),
            "options": flatten(stacker.options)[0],
            "masters": _fingerprint(stacker.calibration),
            "arrays": len(arrays),
            "state": state,
        }
        with replacing(path) as file:
            summed = _Summed(file)
            text = json.dumps(header).encode()
            summed.write(_MAGIC + len(text).to_bytes(8, "little") + text)
            for array in arrays:
                np.lib.format.write_array(summed, array, allow_pickle=False)
            file.write(summed.digest())


def read_checkpoint(
    path: str | os.PathLike[str],
    *,
    options: Options | None = None,
    calibration: Calibration | None = None,
) -> Checkpoint:
    """Read what `write_checkpoint` wrote.

    Parameters
    ----------
    path : path-like
        The file.
    options : Options, optional
        The options that the stack must have been made with; any by default.
    calibration : Calibration, optional
        The masters, which the file does not hold. They must be those of the stack.

    Returns
    -------
    Checkpoint
        The frames that follow give, bit for bit, what they would have given without
        the break.

    Raises
    ------
    CheckpointError
        If the file is not there, is no checkpoint, is damaged, comes from another
        version of seestack, or was made with other options or masters.
    """
    path = Path(path)
    try:
        with path.open("rb") as file:
            header = _checked_header(file, path)
            _check_options(header, path, options, calibration)
            arrays = [
                np.lib.format.read_array(file, allow_pickle=False) for _ in range(header["arrays"])
            ]
    except OSError as error:
        reason = error.strerror or str(error)
        raise CheckpointError(f"{path}: cannot be read ({reason}); {_ANEW}") from error
    try:
        known = rebuild(header["options"], [])
        stacker = LiveStacker(
            **{field.name: getattr(known, field.name) for field in fields(Options)},
            calibration=calibration,
        )
        with stacker.assembly() as assembly:
            assembly.resume(rebuild(header["state"], arrays))
    except (TypeError, ValueError, LookupError, AttributeError) as error:
        raise CheckpointError(
            f"{path}: was written by another state of seestack {__version__} ({error}); {_ANEW}"
        ) from error
    sources = (report["source"] for report in stacker.reports)
    inputs = (os.path.join(header["folder"], source) for source in sources if source)
    return Checkpoint(stacker, frozenset(map(os.path.abspath, inputs)), header["folder"])


def checkpoint_bytes(stacker: LiveStacker) -> int:
    """Return about how large the checkpoint of a stack would be.

    Examples
    --------
    >>> checkpoint_bytes(LiveStacker())
    0
    """
    with stacker.assembly() as assembly:
        return sum(array.nbytes for array in flatten(assembly.state)[1])


def unfinished_frames(path: str | os.PathLike[str]) -> int | None:
    """Return how many frames a session had that has not ended; 0 for one that has.

    None where the file cannot be read. It is not looked at as a whole.

    Examples
    --------
    >>> unfinished_frames("no/such/file") is None
    True
    """
    try:
        with open(path, "rb") as file:
            header = _header(file)
            return 0 if header["finished"] else int(header["frames"])
    except (OSError, ValueError, LookupError, TypeError, OverflowError, MemoryError):
        return None


class _Summed:
    """A file that sums up what is written to it."""

    def __init__(self, file: BinaryIO) -> None:
        self._file, self._sum = file, hashlib.sha256()

    def write(self, data: bytes) -> int:
        self._sum.update(data)
        return self._file.write(data)

    def digest(self) -> bytes:
        return self._sum.digest()


def _header(file: BinaryIO) -> dict[str, Any]:
    """Read the header at the beginning of a file; ValueError if there is none."""
    if file.read(len(_MAGIC)) != _MAGIC:
        raise ValueError("not a checkpoint")
    length = int.from_bytes(file.read(8), "little")
    if length > os.fstat(file.fileno()).st_size:
        raise ValueError("the header is longer than the file")
    header: dict[str, Any] = json.loads(file.read(length))
    return header


def _checked_header(file: BinaryIO, path: Path) -> dict[str, Any]:
    """Return the header of a file that is whole and of this version; stay behind it."""
    if file.read(len(_MAGIC)) != _MAGIC:
        raise CheckpointError(
            f"{path}: is no checkpoint of seestack, or its beginning is damaged; {_ANEW}"
        )
    if not _is_whole(file):
        raise CheckpointError(
            f"{path}: is damaged or cut short, its checksum does not fit; {_ANEW}"
        )
    file.seek(0)
    header = _header(file)
    if (header["format"], header["seestack"]) != (_FORMAT, __version__):
        raise CheckpointError(
            f"{path}: was written by seestack {header['seestack']} (format {header['format']}) "
            f"and this is {__version__} (format {_FORMAT}); go on with that version, or {_ANEW}"
        )
    return header


def _is_whole(file: BinaryIO) -> bool:
    """Tell whether a file ends with the sum of what is before."""
    left = file.seek(0, os.SEEK_END) - _DIGEST
    file.seek(0)
    found = hashlib.sha256()
    while left > 0:
        chunk = file.read(min(left, _CHUNK))
        if not chunk:
            return False
        found.update(chunk)
        left -= len(chunk)
    return left == 0 and file.read() == found.digest()


def _check_options(
    header: dict[str, Any], path: Path, options: Options | None, calibration: Calibration | None
) -> None:
    (made,) = header["options"].values()
    if options is not None:
        (now,) = flatten(options)[0].values()
        differing = [
            f"{name} = {made.get(name)} and is now {now.get(name)}"
            for name in sorted(made.keys() | now.keys())
            if made.get(name) != now.get(name)
        ]
        if differing:
            raise CheckpointError(
                f"{path}: was made with {'; '.join(differing)}; give the same options, or {_ANEW}"
            )
    if header["masters"] != _fingerprint(calibration):
        had = "other" if header["masters"] else "no"
        given = "these" if calibration is not None else "none"
        raise CheckpointError(
            f"{path}: was made with {had} calibration frames, and now there are {given}; "
            f"give the same ones, or {_ANEW}"
        )


def _fingerprint(calibration: Calibration | None) -> str | None:
    """Return a sum of the masters; None without any."""
    if calibration is None:
        return None
    plain, arrays = flatten(calibration)
    found = hashlib.sha256(json.dumps(plain).encode())
    for array in arrays:
        found.update(_described(array))
    return found.hexdigest()


def _described(array: NDArray[Any]) -> bytes:
    return f"{array.dtype.str} {array.shape}".encode() + array.tobytes()
