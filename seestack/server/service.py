"""What the handlers share: the sessions, the guard, the limits, and work done once for all."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from seestack.server.limits import Limits, RateLimit
from seestack.server.previews import Preview
from seestack.server.security import Guard
from seestack.server.sessions import Run, Sessions
from seestack.server.status import status_of
from seestack.server.viewers import Viewers

__all__ = ["Service"]

Result = TypeVar("Result")

_WORKERS = 4


class Service:
    """The state of one server; used in its loop's thread only.

    Parameters
    ----------
    sessions : Sessions
        The owner of the stack.
    guard : Guard
        Who may ask.
    limits : Limits, optional
        What is granted.
    cookie : str, default "seestack"
        Name of the cookie with the token. Cookies are shared by the ports of a host, so
        a port belongs into it.
    """

    def __init__(
        self,
        sessions: Sessions,
        guard: Guard,
        limits: Limits | None = None,
        *,
        cookie: str = "seestack",
    ) -> None:
        self.sessions, self.guard, self.cookie = sessions, guard, cookie
        self.limits = limits or Limits()
        self.rates = RateLimit(self.limits.requests_per_s, self.limits.burst)
        self.viewers = Viewers(self.limits.viewers, self.limits.waiting_events)
        self.downloads = 0
        self._pool = ThreadPoolExecutor(_WORKERS, thread_name_prefix="dashboard")
        self._shared: dict[str, asyncio.Task[Any]] = {}

    async def apart(self, work: Callable[[], Result]) -> Result:
        """Do what blocks in another thread."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, work)

    async def once(self, name: str, work: Callable[[], Result]) -> Result:
        """Do what blocks in another thread, once for all who ask meanwhile."""
        result: Result = await asyncio.shield(self._begin(name, work))
        return result

    async def preview(self, run: Run) -> Preview | None:
        """Return a picture as new as the question, made once for all who ask for it."""
        wanted = run.previews.wanted
        while run.previews.number < wanted:
            made = await self.once(f"preview {run.number}", run.previews.render)
            if made is None:
                break
        return run.previews.latest

    def event(self) -> str:
        """Return the numbers as an event."""
        return f"event: status\ndata: {json.dumps(status_of(self.sessions))}\n\n"

    def announce(self) -> None:
        """Send the numbers to every viewer, and prepare the picture they will ask for."""
        if len(self.viewers):
            self.viewers.send(self.event())
            self.prepare_preview()

    def prepare_preview(self) -> None:
        """Begin to make the newest picture, without waiting for it."""
        run = self.sessions.current
        if run is not None and run.previews.number != run.previews.wanted:
            self._begin(f"preview {run.number}", run.previews.render)

    def _begin(self, name: str, work: Callable[[], Any]) -> asyncio.Task[Any]:
        task = self._shared.get(name)
        if task is None or task.done():
            task = asyncio.get_running_loop().create_task(self.apart(work))
            self._shared = {key: old for key, old in self._shared.items() if not old.done()}
            self._shared[name] = task
        return task

    def close(self) -> None:
        """End the threads; what they do is finished first."""
        self.viewers.close()
        self._pool.shutdown(wait=True)
