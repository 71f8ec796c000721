"""One thread for what takes long; it lives only while there is something to do."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextvars import Context

__all__ = ["Refresher"]

NAME = "seestack-panel"


class Refresher:
    """Do jobs one after another, apart; of equal name the newest wins.

    Parameters
    ----------
    on_error : callable
        ``on_error(error)`` is given what a job raises, in the thread of the jobs.
    context : Context, optional
        The jobs run in a copy of it; an empty one by default.

    Notes
    -----
    The thread is started with the first job and ends after the last one, so that a panel
    at rest has none. It is a daemon: the end of the kernel does not wait for it.

    Examples
    --------
    >>> seen = []
    >>> refresher = Refresher(on_error=seen.append)
    >>> refresher.ask("picture", lambda: seen.append("drawn"))
    >>> refresher.wait(5.0), seen
    (True, ['drawn'])
    """

    def __init__(
        self, *, on_error: Callable[[Exception], None], context: Context | None = None
    ) -> None:
        self._on_error, self._context = on_error, context or Context()
        self._wake = threading.Condition()
        self._jobs: dict[str, tuple[Callable[[], object], float, str]] = {}
        self._rests_until: dict[str, float] = {}
        self._thread: threading.Thread | None = None
        self._closed = False

    def ask(
        self, name: str, job: Callable[[], object], *, rest: float = 0.0, group: str | None = None
    ) -> None:
        """Do `job` soon, in place of one of the same name that has not begun.

        Parameters
        ----------
        name : str
            What the job renews.
        job : callable
            Called without arguments. After `close` it is not.
        rest : float, default 0
            Pause before the next job of this name, in units of the time that this one
            takes. With 0 this one itself is done without waiting for such a pause.
        group : str, optional
            Jobs of one group rest after each other; those of one name by default.
        """
        with self._wake:
            if self._closed:
                return
            self._jobs[name] = job, rest, group or name
            if self._thread is None:
                run = self._context.copy().run
                self._thread = threading.Thread(
                    target=run, args=(self._work,), name=NAME, daemon=True
                )
                self._thread.start()
            self._wake.notify_all()

    def wait(self, timeout_s: float) -> bool:
        """Wait until nothing is left to do; False when the time was too short."""
        with self._wake:
            return self._wake.wait_for(lambda: self._thread is None, timeout_s)

    def close(self, *, timeout_s: float = 5.0) -> None:
        """Forget what has not begun, and wait for what has."""
        with self._wake:
            self._closed = True
            self._jobs.clear()
            self._wake.notify_all()
            thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join(timeout_s)

    def _work(self) -> None:
        while (taken := self._next()) is not None:
            job, rest, group = taken
            began = time.monotonic()
            try:
                job()
            except Exception as error:  # noqa: BLE001 - shown in the panel, in words
                self._on_error(error)
            ended = time.monotonic()
            with self._wake:
                self._rests_until[group] = ended + rest * (ended - began)

    def _next(self) -> tuple[Callable[[], object], float, str] | None:
        """Return the first job whose rest is over; None, and the thread is gone, without any."""
        with self._wake:
            while self._jobs:
                now = time.monotonic()
                # Looked up now: the pause may have begun after an urgent job was asked for.
                due = {
                    name: self._rests_until.get(group, now) if rest else now
                    for name, (_, rest, group) in self._jobs.items()
                }
                name = next((name for name in due if due[name] <= now), None)
                if name is not None:
                    return self._jobs.pop(name)
                self._wake.wait(min(due.values()) - now)
            self._thread = None
            self._wake.notify_all()
            return None
