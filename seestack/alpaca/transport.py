"""Calls to one ALPACA device over HTTP: timeouts, transaction ids and safe retries.

A device gets one request at a time. Every wait has an end: connecting, each read,
and the whole answer, so that a device that trickles its bytes is given up as well as
one that falls silent. A call is repeated only where that cannot do anything twice.
What the answers mean is `protocol`.
"""

from __future__ import annotations

import random
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from threading import Event, Lock
from types import TracebackType
from typing import Any, Self

import requests
import urllib3.exceptions
from urllib3.exceptions import NewConnectionError

from seestack.alpaca.errors import (
    AlpacaCancelledError,
    AlpacaConnectionError,
    AlpacaProtocolError,
)
from seestack.alpaca.protocol import IMAGE_BYTES, parse_answer
from seestack.alpaca.timeouts import Timeouts

__all__ = ["Transport"]

_PIECE_BYTES = 1 << 18
_ANSWER_BYTES = 16_000_000


class Transport:
    """The HTTP side of one device, or of a server's management.

    Parameters
    ----------
    address : str
        Host and port, such as ``"192.168.1.20:32323"`` or ``"[fe80::1%eth0]:32323"``.
    path : str
        Where the members lie, such as ``"/api/v1/camera/0"``.
    device : str, optional
        What errors call it; made from `path` and `address` if left out.
    timeouts : Timeouts, optional
        How long to wait.
    retry_pauses_s : tuple of float, optional
        Pauses before a failed call is repeated, one for each repetition.

    Raises
    ------
    ValueError
        If `address` is not a host and a port.

    Notes
    -----
    Only a GET is repeated, and a PUT that certainly never reached the device. An image
    of which bytes have arrived is not asked for again: some cameras give it once only.
    A PUT goes over a new connection, so that an old one which the device has closed is
    not mistaken for a call that may have been carried out.
    """

    def __init__(
        self,
        address: str,
        path: str,
        *,
        device: str = "",
        timeouts: Timeouts | None = None,
        retry_pauses_s: tuple[float, ...] = (0.2, 1.0),
    ) -> None:
        if not re.fullmatch(r"[^/\s]+:\d+", address):
            raise ValueError(f"address must be like '192.168.1.20:32323', got {address!r}")
        self.address = address
        self.device = device or f"{' '.join(path.split('/')[-2:])} at {address}"
        self.timeouts = timeouts or Timeouts()
        self._url = f"http://{_quoted_zone(address)}{path}"
        self._retry_pauses_s = retry_pauses_s
        self._lock = Lock()
        self._client_id = random.randint(1, 65535)
        self._transaction_id = 0
        self._session = requests.Session()
        # Without the environment's proxies and passwords: the device is on this network.
        self._session.trust_env = False
        self._session.headers["Accept-Encoding"] = "identity"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection; the next call opens a new one."""
        self._session.close()

    def get(self, member: str, **parameters: object) -> Any:
        """Return the value of a member.

        Parameters
        ----------
        member : str
            In lower case, such as ``"cameraxsize"``.
        **parameters
            Query parameters.

        Returns
        -------
        object
            As decoded from JSON; None where the device sent no value.

        Raises
        ------
        AlpacaError
            The member of the family that fits: no answer, not an ALPACA answer, or
            an error that the device reports.
        """
        status, _, body = self._fetch("GET", member, parameters, _ANSWER_BYTES)
        answer = parse_answer(status, body, device=self.device, call=f"GET {member}")
        return answer.get("Value")

    def put(self, member: str, **parameters: object) -> None:
        """Set a member or start an action.

        Parameters
        ----------
        member : str
            In lower case, such as ``"startexposure"``.
        **parameters
            Form fields, in the exact case of the standard: ``Duration=10.0``.

        Raises
        ------
        AlpacaError
            As for `get`. After an `AlpacaConnectionError` whose `sent` is True nobody
            knows whether the device has carried out the call.
        """
        status, _, body = self._fetch("PUT", member, parameters, _ANSWER_BYTES)
        parse_answer(status, body, device=self.device, call=f"PUT {member}")

    def get_image(
        self, member: str, *, max_bytes: int, stop: Event | None = None
    ) -> tuple[bytearray, str | None]:
        """Download an image.

        Parameters
        ----------
        member : str
            ``"imagearray"``.
        max_bytes : int
            A longer body is refused before it is kept.
        stop : threading.Event, optional
            Setting it ends the download.

        Returns
        -------
        bytearray, str or None
            The body as it came, and its Content-Type.

        Raises
        ------
        AlpacaCancelledError
            If `stop` was set.
        AlpacaError
            As for `get`.
        """
        stop = stop or Event()
        status, content_type, body = self._fetch("GET", member, {}, max_bytes, image_stop=stop)
        if status != 200:
            parse_answer(status, body, device=self.device, call=f"GET {member}")
        return body, content_type

    def _fetch(
        self,
        method: str,
        member: str,
        parameters: Mapping[str, object],
        max_bytes: int,
        *,
        image_stop: Event | None = None,
    ) -> tuple[int, str | None, bytearray]:
        """Return status, Content-Type and body, after repetitions where they are safe."""
        image = image_stop is not None
        fields = {name: _as_text(value) for name, value in parameters.items()}
        limit_s = self.timeouts.image_s if image else self.timeouts.answer_s
        with self._lock:
            for pause_s in (*self._retry_pauses_s, None):
                arrived = bytearray()
                bounds = _Bounds(max_bytes, time.monotonic() + limit_s, image_stop)
                try:
                    status, kind = self._attempt(method, member, fields, arrived, bounds)
                except AlpacaConnectionError as error:
                    repeatable = not (image and arrived) if method == "GET" else not error.sent
                    if pause_s is None or not repeatable:
                        raise
                    time.sleep(pause_s)
                else:
                    return status, kind, arrived
        raise AssertionError("the last attempt returns or raises")

    def _attempt(
        self,
        method: str,
        member: str,
        fields: dict[str, str],
        arrived: bytearray,
        bounds: _Bounds,
    ) -> tuple[int, str | None]:
        call = f"{method} {member}"
        self._transaction_id += 1
        fields = fields | {
            "ClientID": str(self._client_id),
            "ClientTransactionID": str(self._transaction_id),
        }
        try:
            with self._open(method, member, fields) as response:
                self._read(response, arrived, bounds, call)
                return response.status_code, response.headers.get("Content-Type")
        except requests.exceptions.RequestException as error:
            sent = not (
                isinstance(error, requests.exceptions.ConnectTimeout)
                or isinstance(_reason(error), NewConnectionError)
            )
            raise AlpacaConnectionError(
                _in_words(error, sent=sent), device=self.device, call=call, sent=sent
            ) from error
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise AlpacaConnectionError(
                f"the answer broke off after {len(arrived)} bytes ({type(error).__name__})",
                device=self.device,
                call=call,
            ) from error

    def _open(self, method: str, member: str, fields: dict[str, str]) -> requests.Response:
        timeout = (self.timeouts.connect_s, self.timeouts.read_s)
        url = f"{self._url}/{member}"
        if method == "PUT":
            self._session.close()
            return self._session.put(
                url, data=fields, timeout=timeout, stream=True, allow_redirects=False
            )
        accept = f"{IMAGE_BYTES}, application/json;q=0.5" if member == "imagearray" else "*/*"
        return self._session.get(
            url,
            params=fields,
            timeout=timeout,
            stream=True,
            allow_redirects=False,
            headers={"Accept": accept},
        )

    def _read(
        self, response: requests.Response, arrived: bytearray, bounds: _Bounds, call: str
    ) -> None:
        """Append the body to `arrived`, within `bounds`."""
        while piece := response.raw.read1(_PIECE_BYTES):
            arrived += piece
            if len(arrived) > bounds.max_bytes:
                raise AlpacaProtocolError(
                    f"answer is longer than the {bounds.max_bytes} bytes it may have",
                    device=self.device,
                    call=call,
                )
            if time.monotonic() > bounds.deadline:
                raise AlpacaConnectionError(
                    f"answer took too long, {len(arrived)} bytes had arrived",
                    device=self.device,
                    call=call,
                )
            if bounds.stop is not None and bounds.stop.is_set():
                raise AlpacaCancelledError("stopped on request", device=self.device, call=call)


@dataclass(frozen=True, slots=True)
class _Bounds:
    """Where an answer must end."""

    max_bytes: int
    deadline: float
    stop: Event | None


def _as_text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _quoted_zone(address: str) -> str:
    """Return `address` with the zone of an IPv6 address as a URL writes it."""
    return address.replace("%", "%25") if address.startswith("[") else address


def _reason(error: requests.exceptions.RequestException) -> object:
    cause = error.args[0] if error.args else None
    return getattr(cause, "reason", None)


def _in_words(error: requests.exceptions.RequestException, *, sent: bool) -> str:
    if isinstance(error, requests.exceptions.ConnectTimeout):
        return "no connection within the time allowed"
    if isinstance(error, requests.exceptions.Timeout):
        return "no answer within the time allowed"
    if not sent:
        return "connection refused or host not reachable"
    return f"connection lost before an answer came ({type(error).__name__})"
