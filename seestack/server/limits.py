"""What one server grants: bodies, headers, connections, viewers, rates, times."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["Limits", "RateLimit"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bounds of a server; beyond them requests are refused.

    Parameters
    ----------
    body_bytes : int
        Longest body that is read.
    refused_body_bytes : int
        Longest body that is answered with a reason; beyond it the connection is closed.
    header_bytes : int
        Longest head of a request; beyond it the connection is closed.
    connections : int
        Open at a time; one more is answered with 503 and closed.
    viewers : int
        Open event streams.
    downloads : int
        Files that are sent at a time.
    waiting_events : int
        A viewer who has left so many events unread is dropped.
    requests_per_s, burst : float
        Of one address, on average and at once.
    head_s, body_s : float
        A request's head and its body must arrive within these times.
    stall_s : float
        A reader that takes nothing for so long is dropped.
    keepalive_s : float
        Pause after which an event stream sends a comment, so that proxies keep it.
    """

    body_bytes: int = 16_384
    refused_body_bytes: int = 65_536
    header_bytes: int = 16_384
    connections: int = 256
    viewers: int = 100
    downloads: int = 4
    waiting_events: int = 64
    requests_per_s: float = 500.0
    burst: float = 1000.0
    head_s: float = 20.0
    body_s: float = 10.0
    stall_s: float = 10.0
    keepalive_s: float = 15.0


class RateLimit:
    """A bucket of requests for each address; it fills at a steady rate.

    Parameters
    ----------
    per_s, burst : float
        Requests granted on average and at once.
    addresses : int, default 1024
        Buckets that are remembered; the one unused for longest is forgotten first.
    clock : callable, optional
        Returns seconds.

    Examples
    --------
    >>> now = [0.0]
    >>> limit = RateLimit(2.0, 3.0, clock=lambda: now[0])
    >>> [limit.grants("10.0.0.7") for _ in range(4)]
    [True, True, True, False]
    >>> now[0] = 0.5
    >>> limit.grants("10.0.0.7"), limit.grants("10.0.0.7")
    (True, False)
    """

    def __init__(
        self,
        per_s: float,
        burst: float,
        *,
        addresses: int = 1024,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._per_s, self._burst, self._most, self._clock = per_s, burst, addresses, clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def grants(self, address: str) -> bool:
        """Take one request from the address's bucket; False where it is empty."""
        now = self._clock()
        level, seen = self._buckets.pop(address, (self._burst, now))
        level = min(level + (now - seen) * self._per_s, self._burst)
        granted = level >= 1
        self._buckets[address] = (level - granted, now)
        if len(self._buckets) > self._most:
            self._buckets.popitem(last=False)
        return granted
