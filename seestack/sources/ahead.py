"""Read the next files while the present frame is being stacked."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from pathlib import Path

from seestack.model import Frame, UnreadableFrameError
from seestack.sources.files import read_frame

__all__ = ["read_ahead"]

_AHEAD = 2


def read_ahead(paths: Iterable[Path]) -> Iterator[tuple[Path, Frame | UnreadableFrameError]]:
    """Read files in order, a little ahead of the reader.

    Parameters
    ----------
    paths : iterable of Path
        Frame files.

    Yields
    ------
    path : Path
        Each path, in the order given.
    frame : Frame or UnreadableFrameError
        What it holds, or why it cannot be read; an unreadable file ends nothing.

    Notes
    -----
    At most two files are held in memory beyond the one that was yielded.

    Examples
    --------
    >>> for path, frame in read_ahead([Path("missing.fit")]):
    ...     print(path, type(frame).__name__)
    missing.fit UnreadableFrameError
    """
    waiting: deque[tuple[Path, Future[Frame]]] = deque()
    remaining = iter(paths)
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="seestack-read") as reader:
        for path in islice(remaining, _AHEAD):
            waiting.append((path, reader.submit(read_frame, path)))
        while waiting:
            path, future = waiting.popleft()
            try:
                frame: Frame | UnreadableFrameError = future.result()
            except UnreadableFrameError as error:
                frame = error
            for following in islice(remaining, 1):
                waiting.append((following, reader.submit(read_frame, following)))
            yield path, frame
