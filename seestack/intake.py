"""Read ahead of whoever takes the frames, in a thread of its own.

At most two frames wait. When they are taken slower than they come, the source is held back.
"""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Iterable

from seestack.sources.persistence import Item

__all__ = ["Intake", "stop_source"]

logger = logging.getLogger(__name__)

_MOST_WAITING = 2
_LOOK_S = 0.1


class Intake:
    """What was read and not taken yet.

    Parameters
    ----------
    items : iterable
        Iterated in the thread of the intake.

    Attributes
    ----------
    error : Exception or None
        What ended the items early.

    Examples
    --------
    >>> intake = Intake([1, 2, 3])
    >>> intake.start()
    >>> [intake.take() for _ in range(3)], intake.waiting
    ([1, 2, 3], 0)
    """

    def __init__(self, items: Iterable[Item]) -> None:
        self.error: Exception | None = None
        self.thread = threading.Thread(target=self._read, name="seestack-read", daemon=True)
        self._items = items
        self._waiting: queue.Queue[Item] = queue.Queue(_MOST_WAITING)
        self._closed, self._read_all = threading.Event(), threading.Event()

    def start(self) -> None:
        """Begin to read; returns at once."""
        self.thread.start()

    def take(self) -> Item:
        """Return the next item; waits a moment for it.

        Raises
        ------
        queue.Empty
            If none came in that time; look whether the intake is exhausted.
        """
        return self._waiting.get(timeout=_LOOK_S)

    def is_exhausted(self) -> bool:
        """Tell whether everything was read and taken."""
        return self._read_all.is_set() and self._waiting.empty()

    def close(self) -> None:
        """Read no more; what is read in this moment is dropped."""
        self._closed.set()

    @property
    def waiting(self) -> int:
        """How many items were read and not taken."""
        return self._waiting.qsize()

    def _read(self) -> None:
        try:
            for item in self._items:
                if not self._hand_over(item):
                    break
        except Exception as error:
            logger.debug("the source of frames failed", exc_info=True)
            self.error = error
        finally:
            self._read_all.set()

    def _hand_over(self, item: Item) -> bool:
        """Wait for room in the queue; False when the intake is closed meanwhile."""
        while not self._closed.is_set():
            try:
                self._waiting.put(item, timeout=_LOOK_S)
            except queue.Full:
                continue
            return True
        return False


def stop_source(source: object) -> None:
    """End the exposure of a source, where it has a method for that.

    Examples
    --------
    >>> stop_source([1, 2])
    """
    stop = getattr(source, "stop", None)
    if callable(stop):
        stop()
