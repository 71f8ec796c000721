"""What every handler does: admit the request, answer, refuse in words."""

from __future__ import annotations

import asyncio
import json
from inspect import isawaitable
from typing import TYPE_CHECKING, Any, cast

import tornado.web
from tornado.http1connection import HTTP1Connection
from tornado.iostream import StreamClosedError

from seestack.server.refusals import Refusal
from seestack.server.security import HEADERS

if TYPE_CHECKING:
    from seestack.server.service import Service

__all__ = ["Handler", "NotFoundHandler"]

_PIECE = 65_536
_CODES = {400: "bad_request", 403: "foreign_origin", 404: "not_found", 405: "not_allowed"}
_METHODS = ("get", "post", "put")


class Handler(tornado.web.RequestHandler):
    """A request of the dashboard; answers are JSON unless they say otherwise."""

    # Whether a link on another web page may lead here.
    navigation = False

    def initialize(self, service: Service) -> None:
        """Take what all handlers share."""
        self.service = service

    async def prepare(self) -> None:
        """Admit the request, or refuse it before anything is done."""
        prepared = super().prepare()
        if isawaitable(prepared):
            await prepared
        if self._finished:
            return
        await self.admit()
        if len(self.request.body) > self.service.limits.body_bytes:
            raise Refusal("too_large")

    async def admit(self) -> None:
        """Raise `Refusal` unless host, origin, rate and token are right."""
        guard = self.service.guard
        guard.check_source(self.request, navigation=self.navigation)
        if not self.service.rates.grants(self.request.remote_ip or ""):
            raise Refusal("too_many_requests")
        guard.check_token(self.request, self.get_cookie(self.service.cookie))

    def set_default_headers(self) -> None:
        """Set what every answer carries."""
        self.clear_header("Server")
        for name, value in HEADERS.items():
            self.set_header(name, value)

    def compute_etag(self) -> None:
        """Leave it out where no handler sets one."""

    def log_exception(self, kind: Any, value: Any, traceback: Any) -> None:
        """Leave out what clients get wrong, and who left; the rest goes to the log."""
        if not isinstance(value, Refusal | tornado.web.HTTPError | StreamClosedError):
            super().log_exception(kind, value, traceback)

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Answer every error in words, as JSON, without a path."""
        error = kwargs.get("exc_info", (None, None))[1]
        if not isinstance(error, Refusal):
            error = Refusal(_CODES.get(status_code, "internal"))
        self.set_status(error.status)
        extra = {
            401: ("WWW-Authenticate", "Bearer"),
            405: ("Allow", ", ".join(self._allowed())),
            429: ("Retry-After", "1"),
        }
        if error.status in extra:
            self.set_header(*extra[error.status])
        self.refuse(error)

    def refuse(self, error: Refusal) -> None:
        """Send a refusal."""
        self.set_header("Content-Type", "application/json")
        self.finish(json.dumps(error.body))

    async def answer(self, body: Any, status: int = 200) -> None:
        """Send JSON."""
        self.set_status(status)
        await self.send(json.dumps(body).encode(), "application/json")

    async def send(self, body: bytes, content_type: str) -> None:
        """Send a body piece by piece; a reader that takes none of it is dropped."""
        self.set_header("Content-Type", content_type)
        self.set_header("Content-Length", str(len(body)))
        for start in range(0, max(len(body), 1), _PIECE):
            self.write(body[start : start + _PIECE])
            await self.flush_in_time()
        self.finish()

    async def flush_in_time(self) -> None:
        """Send what was written; drop a reader that takes nothing for too long."""
        try:
            await asyncio.wait_for(self.flush(), self.service.limits.stall_s)
        except TimeoutError:
            self.hang_up()
            raise StreamClosedError from None

    def hang_up(self) -> None:
        """Close the connection at once."""
        stream = cast(HTTP1Connection, self.request.connection).stream
        if stream is not None:
            stream.close()

    def _allowed(self) -> list[str]:
        own, plain = type(self), tornado.web.RequestHandler
        return [name.upper() for name in _METHODS if getattr(own, name) != getattr(plain, name)]


class NotFoundHandler(Handler):
    """Answers where there is nothing, to those who may ask."""

    async def prepare(self) -> None:
        """Refuse."""
        await super().prepare()
        raise Refusal("not_found")
