"""Take a source up again when it was lost, with growing pauses."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from threading import Event

from numpy.typing import ArrayLike

from seestack.model import Frame, SourceError, UnreadableFrameError

__all__ = ["Item", "persistent"]

Item = Frame | UnreadableFrameError | ArrayLike

_PAUSES_S = (1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 60.0)


def persistent(
    source: Iterable[Item], *, stopping: Event, tell: Callable[[str], None], give_up_s: float
) -> Iterator[Item]:
    """Yield what a source yields, and iterate it again after a `SourceError`.

    Parameters
    ----------
    source : iterable
        A camera or the like. An iterator that cannot be begun again is not.
    stopping : Event
        Ends the iteration, pauses included.
    tell : callable
        Is given a sentence for the user before each pause.
    give_up_s : float
        Time without a frame after which the error is final.

    Yields
    ------
    Frame, UnreadableFrameError or array_like

    Raises
    ------
    SourceError
        If it is permanent, if no frame came before it, or after `give_up_s`.

    Examples
    --------
    >>> list(persistent([1, 2], stopping=Event(), tell=print, give_up_s=1.0))
    [1, 2]
    """
    received, lost_at, attempt = False, 0.0, 0
    while not stopping.is_set():
        try:
            for item in source:
                received, attempt = True, 0
                yield item
                if stopping.is_set():
                    return
        except SourceError as error:
            if stopping.is_set():
                return
            lost_at = time.monotonic() if attempt == 0 else lost_at
            gone_s = time.monotonic() - lost_at
            one_way = iter(source) is source
            if error.permanent or not received or one_way or gone_s > give_up_s:
                raise
            pause_s = _PAUSES_S[min(attempt, len(_PAUSES_S) - 1)]
            attempt += 1
            tell(f"{error}; trying again in {pause_s:g} s")
            stopping.wait(pause_s)
        else:
            return
