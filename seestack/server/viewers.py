"""The open event streams and what waits to be sent to them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from seestack.server.refusals import Refusal

__all__ = ["Viewers"]


class Viewers:
    """Each viewer has a short queue; who lets it fill up is dropped.

    Parameters
    ----------
    most : int
        How many viewers there may be.
    waiting : int
        Longest queue of one.

    Examples
    --------
    >>> viewers = Viewers(most=1, waiting=2)
    >>> with viewers.joined() as queue:
    ...     viewers.send("one")
    ...     len(viewers), queue.get_nowait()
    (1, 'one')
    >>> len(viewers)
    0
    """

    def __init__(self, most: int, waiting: int) -> None:
        self._most, self._waiting = most, waiting
        self._queues: set[asyncio.Queue[str | None]] = set()

    def __len__(self) -> int:
        return len(self._queues)

    @contextmanager
    def joined(self) -> Iterator[asyncio.Queue[str | None]]:
        """Take part; the queue yields texts to send, and None when that is over.

        Raises
        ------
        Refusal
            ``too_many_viewers``.
        """
        if len(self._queues) >= self._most:
            raise Refusal("too_many_viewers")
        queue: asyncio.Queue[str | None] = asyncio.Queue(self._waiting)
        self._queues.add(queue)
        try:
            yield queue
        finally:
            self._queues.discard(queue)

    def send(self, text: str) -> None:
        """Put a text into every queue; the viewers of full ones are dropped."""
        for queue in tuple(self._queues):
            if queue.full():
                self.drop(queue)
            else:
                queue.put_nowait(text)

    def drop(self, queue: asyncio.Queue[str | None]) -> None:
        """Forget what waits in a queue and end it."""
        self._queues.discard(queue)
        while not queue.empty():
            queue.get_nowait()
        queue.put_nowait(None)

    def close(self) -> None:
        """End every queue."""
        for queue in tuple(self._queues):
            self.drop(queue)
