"""Work on the rows of an image in bands, on as many threads as there are processors.

The arrays of a band stay in the processor's cache, and NumPy and OpenCV let other
threads run meanwhile. Each band writes its own rows only, so the result does not depend
on which thread comes first.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

__all__ = ["in_bands"]

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
    threads = min(_MOST_THREADS, os.cpu_count() or 1, len(bands))
    if threads < 2:
        return [work(rows_of_band) for rows_of_band in bands]
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(work, bands))
