"""Find ALPACA servers on the network and on this computer.

Every interface gets the question as a broadcast, loopback directly (a server bound to
it hears no broadcast), and IPv6 as a multicast where there is an interface for it. Each
server that answers is asked what it is, all of them at the same time.
"""

from __future__ import annotations

import contextlib
import ipaddress
import json
import logging
import selectors
import socket
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import psutil

from seestack.alpaca.errors import AlpacaError
from seestack.alpaca.management import Server, describe
from seestack.alpaca.timeouts import Timeouts

__all__ = ["DISCOVERY_PORT", "QUESTION", "discover"]

DISCOVERY_PORT = 32227
QUESTION = b"alpacadiscovery1"
_IPV6_GROUP = "ff12::a1:9aca"
_LONGEST_ANSWER = 1500
# Part of the time in which answers are collected; the rest is for the descriptions.
_LISTENING = 0.6

logger = logging.getLogger(__name__)


def discover(
    *,
    timeout_s: float = 1.5,
    port: int = DISCOVERY_PORT,
    hosts: Iterable[str] = (),
) -> list[Server]:
    """Return the ALPACA servers that answer.

    Parameters
    ----------
    timeout_s : float, default 1.5
        Time for the whole search, in seconds.
    port : int, default 32227
        UDP port of discovery.
    hosts : iterable of str, optional
        Further IPv4 addresses to ask directly.

    Returns
    -------
    list of Server
        In the order of their answers, each server once. A server that answers the
        search but no call has no name and no devices. Empty if nobody answers.

    Raises
    ------
    ValueError
        If `timeout_s` is not positive.

    Examples
    --------
    >>> from seestack.alpaca.simulator import SimulatedTelescope
    >>> with SimulatedTelescope(picture=[[0, 1], [2, 3]], discovery_port=0) as telescope:
    ...     servers = discover(port=telescope.discovery_port, timeout_s=0.6)
    >>> [server.name for server in servers]
    ['Simulated Seestar S50']
    """
    if not timeout_s > 0:
        raise ValueError(f"timeout_s must be positive, got {timeout_s!r}")
    started = time.monotonic()
    with ThreadPoolExecutor(16, thread_name_prefix="discovery") as pool:
        described: dict[str, Future[Server]] = {}
        left_s = timeout_s * (1 - _LISTENING)
        for address in _answers(started + timeout_s * _LISTENING, port, hosts):
            if address not in described:
                described[address] = pool.submit(_described, address, left_s)
        return _each_once([future.result() for future in described.values()])


def _answers(deadline: float, port: int, hosts: Iterable[str]) -> Iterator[str]:
    """Ask on every network and yield the addresses that answer until `deadline`."""
    with contextlib.ExitStack() as stack, selectors.DefaultSelector() as selector:
        ipv4 = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        ipv4.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        ipv4.bind(("", 0))
        for host in ("127.0.0.1", *hosts, *_broadcast_addresses()):
            _ask(ipv4, (host, port))
        ipv6 = _ipv6_socket()
        if ipv6 is not None:
            stack.enter_context(ipv6)
            for index, _ in socket.if_nameindex():
                _ask(ipv6, (_IPV6_GROUP, port, 0, index))
        for asked in (ipv4, ipv6):
            if asked is not None:
                asked.setblocking(False)
                selector.register(asked, selectors.EVENT_READ)
        while (left_s := deadline - time.monotonic()) > 0:
            for key, _ in selector.select(left_s):
                assert isinstance(key.fileobj, socket.socket)
                yield from _heard(key.fileobj)


def _ipv6_socket() -> socket.socket | None:
    """Return a socket for IPv6; None where this computer does without it."""
    try:
        return socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    except OSError as error:
        logger.debug("discovery goes without IPv6: %s", error)
        return None


def _ask(sender: socket.socket, target: tuple[str, int] | tuple[str, int, int, int]) -> None:
    try:
        sender.sendto(QUESTION, target)
    except OSError as error:
        # An interface that is down or cannot broadcast; the others are asked.
        logger.debug("discovery cannot ask %s: %s", target[0], error)


def _broadcast_addresses() -> set[str]:
    """Return the broadcast address of each IPv4 network of this computer."""
    addresses = {"255.255.255.255"}
    for entries in psutil.net_if_addrs().values():
        for entry in entries:
            if entry.family != socket.AF_INET or not entry.netmask:
                continue
            # Computed, because some systems do not name it.
            network = ipaddress.IPv4Interface(f"{entry.address}/{entry.netmask}").network
            if network.prefixlen < 31 and not network.is_loopback:
                addresses.add(str(network.broadcast_address))
    return addresses


def _heard(receiver: socket.socket) -> Iterator[str]:
    """Yield the server's address if a datagram is the answer of one."""
    try:
        data, sender = receiver.recvfrom(_LONGEST_ANSWER)
        port = json.loads(data)["AlpacaPort"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        # Not an answer, or the report that nobody listens at an address.
        return
    if type(port) is not int or not 0 < port < 65536:
        return
    if receiver.family == socket.AF_INET:
        yield f"{sender[0]}:{port}"
        return
    zone = f"%{sender[3]}" if sender[3] and "%" not in sender[0] else ""
    yield f"[{sender[0]}{zone}]:{port}"


def _described(address: str, timeout_s: float) -> Server:
    # Two calls, each of which may take a while to connect and to answer.
    each_s = timeout_s / 4
    timeouts = Timeouts(connect_s=each_s, read_s=each_s, answer_s=each_s)
    try:
        return describe(address, timeouts=timeouts, retry_pauses_s=())
    except AlpacaError as error:
        logger.info("%s answers discovery only: %s", address, error)
        return Server(address=address)


def _each_once(servers: list[Server]) -> list[Server]:
    """Drop a server that was found again at another of its addresses."""
    found: dict[object, Server] = {}
    for server in servers:
        port = server.address.rpartition(":")[2]
        identities = frozenset(device.unique_id for device in server.devices)
        found.setdefault((port, identities) if identities else server.address, server)
    return list(found.values())
