"""Work on the rows of an image in bands, on as many threads as there are processors.

The arrays of a band stay in the processor's cache, and NumPy and OpenCV let other
threads run meanwhile. Each band writes its own rows only, so the result does not depend
on which thread comes first.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from functools import cache
from typing import TypeVar

__all__ = ["in_bands"]

S = TypeVar("S")
T = TypeVar("T")

# More threads than this wait for the memory.
_MOST_THREADS = 4


def in_bands(work: Callable[[slice], T], rows: int, band: int) -> list[T]:
    """Call `work` for each band of rows, several at a time.

    Parameters
    ----------
    work : callable
        Takes the slice of rows it may write.
    rows : int
        Number of rows.
    band : int
        Rows of a band; the last one may have fewer.

    Returns
    -------
    list
        What `work` returned, in the order of the rows.

    Raises
    ------
    Exception
        What `work` raises, after the bands that were begun are done.

    Examples
    --------
    >>> tens = [0] * 5
    >>> def fill(rows):
    ...     for row in range(rows.start, rows.stop):
    ...         tens[row] = 10 * row
    ...     return rows.stop
    >>> in_bands(fill, 5, 2), tens
    ([2, 4, 5], [0, 10, 20, 30, 40])
    """
    bands = [slice(top, min(top + band, rows)) for top in range(0, rows, band)]
    results: list[T | None] = [None] * len(bands)
    todo = iter(range(len(bands)))

    def work_on() -> None:
        for number in todo:
            results[number] = work(bands[number])

    threads = min(_threads(), len(bands))
    helping = [_asked(work_on) for _ in range(threads - 1)]
    try:
        work_on()
    finally:
        # What no thread had time for has nothing left to do.
        begun = [helper for helper in helping if not helper.cancel()]
        wait(begun)
    for helper in begun:
        helper.result()
    return results  # type: ignore[return-value]


def _asked(work: Callable[[], S]) -> Future[S]:
    """Ask a thread to help; what is returned can be cancelled until one does."""
    try:
        return _helpers().submit(work)
    except RuntimeError:  # the program is at its end, but for the thread that asks
        return Future()


@cache
def _helpers() -> ThreadPoolExecutor:
    """Return the threads that help; starting them anew would take as long as a band.

    There are no more of them than processors, so that hardly one waits for another's turn to end.
    """
    return ThreadPoolExecutor(_threads(), thread_name_prefix="bands")


def _threads() -> int:
    return min(_MOST_THREADS, os.cpu_count() or 1)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_helpers.cache_clear)
