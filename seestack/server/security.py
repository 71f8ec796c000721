"""Who may ask: the Host and Origin of a request, its token, and the headers of an answer.

A browser lets any page send requests to this computer. What keeps a foreign page out is
that it cannot choose these headers: ``Host`` names the site it believes to talk to, which
unmasks DNS rebinding; ``Origin`` and ``Sec-Fetch-Site`` name where the request comes from.
"""

from __future__ import annotations

import hmac
import ipaddress
import secrets
import socket
from collections.abc import Iterable
from urllib.parse import urlsplit

from tornado.httputil import HTTPServerRequest

from seestack.server.refusals import Refusal

__all__ = ["HEADERS", "Guard", "is_loopback", "new_token"]

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
        "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}

_LOOPBACK_NAMES = ("localhost", "127.0.0.1", "::1")
_BEARER = "bearer "


def new_token() -> str:
    """Return a token that nobody guesses: 192 random bits."""
    return secrets.token_urlsafe(24)


def is_loopback(address: str) -> bool:
    """Tell whether only this computer reaches an address.

    Examples
    --------
    >>> is_loopback("127.0.0.1"), is_loopback("localhost"), is_loopback("0.0.0.0")
    (True, True, False)
    """
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return address == "localhost"


class Guard:
    """Lets requests in or refuses them.

    Parameters
    ----------
    address : str
        What the server listens on. On loopback only the names of loopback are hosts;
        elsewhere also every IP address, which no rebinding can fake, and this
        computer's name.
    token : str or None
        None asks for none.
    allowed_hosts : iterable of str, optional
        Further names of this server, such as that of a proxy.

    Examples
    --------
    >>> guard = Guard("127.0.0.1", token="s3cret")
    >>> guard.knows("s3cret"), guard.knows("guess")
    (True, False)
    """

    def __init__(
        self, address: str, *, token: str | None = None, allowed_hosts: Iterable[str] = ()
    ) -> None:
        self.token = token
        self._any_ip = not is_loopback(address)
        name = socket.gethostname().lower()
        own = (name, f"{name}.local") if self._any_ip else ()
        self._hosts = {*_LOOPBACK_NAMES, *own, *(host.lower() for host in allowed_hosts)}

    def check_source(self, request: HTTPServerRequest, *, navigation: bool = False) -> None:
        """Refuse a foreign Host, and a request that another web page sends.

        Parameters
        ----------
        request : HTTPServerRequest
            The request.
        navigation : bool, default False
            Whether a link on another page may lead here, as to the page itself.

        Raises
        ------
        Refusal
            ``foreign_host`` or ``foreign_origin``.
        """
        host = request.headers.get("Host", "")
        if not self._is_own(host):
            raise Refusal("foreign_host")
        origins = request.headers.get_list("Origin")
        if any(_authority(origin) != host.lower() for origin in origins):
            raise Refusal("foreign_origin")
        site = request.headers.get("Sec-Fetch-Site", "none").lower()
        linked = navigation and request.headers.get("Sec-Fetch-Mode", "").lower() == "navigate"
        if site not in ("none", "same-origin") and not linked:
            raise Refusal("foreign_origin")

    def check_token(self, request: HTTPServerRequest, cookie: str | None) -> None:
        """Refuse a request without the token in its Authorization header or its cookie.

        Raises
        ------
        Refusal
            ``no_token``.
        """
        if self.token is None:
            return
        given = request.headers.get("Authorization", "")
        if given.lower().startswith(_BEARER) and self.knows(given[len(_BEARER) :].strip()):
            return
        if cookie is None or not self.knows(cookie):
            raise Refusal("no_token")

    def knows(self, token: str) -> bool:
        """Compare a token in constant time."""
        return self.token is not None and hmac.compare_digest(
            token.encode("utf-8", "replace"), self.token.encode()
        )

    def _is_own(self, host: str) -> bool:
        try:
            name = urlsplit(f"//{host}").hostname or ""
        except ValueError:
            return False
        return name in self._hosts or (self._any_ip and _is_ip(name))


def _authority(origin: str) -> str | None:
    """Return host and port of an Origin; None where it has no host, as ``null``.

    Examples
    --------
    >>> _authority("http://LOCALHOST:5173"), _authority("null")
    ('localhost:5173', None)
    """
    try:
        return urlsplit(origin).netloc.lower() or None
    except ValueError:
        return None


def _is_ip(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
