"""Replace a file as a whole: whoever looks finds the old one or the new one, complete."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

__all__ = ["replacing"]


@contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """Provide a file to write that takes the place of another when all is written.

    Parameters
    ----------
    path : path-like
        The file to replace. Its folder must exist.

    Yields
    ------
    binary file
        Of a hidden name beside `path`. One that a killed program left behind is
        written over.

    Raises
    ------
    OSError
        If the file cannot be written; it names `path`, which is as it was, and nothing
        else is left in the folder.

    Notes
    -----
    The bytes are on the disk before the name is, and the name before this returns
    (``fsync`` of the file and, where the system has it, of the folder): a power cut at
    any moment leaves one of the two files.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for text in (b"first", b"second"):
    ...         with replacing(Path(folder) / "notes.txt") as file:
    ...             _ = file.write(text)
    ...     [(path.name, path.read_text()) for path in Path(folder).iterdir()]
    [('notes.txt', 'second')]
    """
    target = Path(path)
    temporary = target.with_name(f".{target.name}.part")
    try:
        try:
            with temporary.open("wb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(target)
        finally:
            temporary.unlink(missing_ok=True)
        _settle(target.parent)
    except OSError as error:
        reason = error.strerror or str(error)
        raise OSError(error.errno or errno.EIO, reason, str(target)) from error


def _settle(folder: Path) -> None:
    """Write the names in a folder to the disk, where the system can."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        with suppress(OSError):  # some network shares cannot; the file itself is written
            os.fsync(handle)
    finally:
        os.close(handle)
