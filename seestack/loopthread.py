"""A server's own thread with its own event loop.

A server in a notebook's event loop would be silent while a cell runs; in a thread of
its own it answers in milliseconds.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import AbstractAsyncContextManager
from typing import Any

__all__ = ["LoopThread"]

_START_TIMEOUT_S = 20.0


class LoopThread:
    """Run an asynchronous context manager in a thread, from `start` to `stop`.

    Parameters
    ----------
    running : callable
        Returns the context manager. It is entered and left in the thread; what runs
        meanwhile is the loop.
    name : str
        Of the thread.

    Examples
    --------
    >>> from contextlib import asynccontextmanager
    >>> @asynccontextmanager
    ... async def listening():
    ...     print("open")
    ...     yield
    ...     print("closed")
    >>> thread = LoopThread(listening, name="listener")
    >>> thread.start()
    open
    >>> thread.stop()
    closed
    """

    def __init__(self, running: Callable[[], AbstractAsyncContextManager[Any]], *, name: str):
        self._running, self._name = running, name
        self._thread: threading.Thread | None = None

    @property
    def is_running(self) -> bool:
        """Whether it was started and not stopped."""
        return self._thread is not None

    def start(self) -> None:
        """Enter the context manager; returns when it is entered.

        Raises
        ------
        RuntimeError
            If it is running already.
        OSError
            If entering failed so, as when a port is taken.
        """
        if self._thread is not None:
            raise RuntimeError(f"{self._name} is running already")
        ready: Future[None] = Future()
        self._thread = threading.Thread(
            target=self._run, args=(ready,), name=self._name, daemon=True
        )
        self._thread.start()
        try:
            ready.result(_START_TIMEOUT_S)
        except OSError:
            self._thread.join()
            self._thread = None
            raise

    def stop(self) -> None:
        """Leave the context manager and wait for the thread's end; harmless when repeated."""
        if self._thread is None:
            return
        self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join()
        self._thread = None

    def call_soon(self, callback: Callable[..., object], *arguments: Any) -> None:
        """Call something in the loop, from any thread; nothing happens once it is closed."""
        if self._thread is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(callback, *arguments)

    def _run(self, ready: Future[None]) -> None:
        with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:
            runner.run(self._serve(ready))

    async def _serve(self, ready: Future[None]) -> None:
        self._loop, self._stopping = asyncio.get_running_loop(), asyncio.Event()
        try:
            async with self._running():
                ready.set_result(None)
                await self._stopping.wait()
        except OSError as error:
            if ready.done():
                raise
            ready.set_exception(error)
        await self._loop.shutdown_default_executor()
