"""The routes of the dashboard, all of them, and the server that limits connections."""

from __future__ import annotations

import re
from typing import Any

import tornado.httpserver
import tornado.iostream
import tornado.web

from seestack.server.base import Handler, NotFoundHandler
from seestack.server.control import (
    CamerasHandler,
    ConfigHandler,
    ResetHandler,
    StartHandler,
    StopHandler,
)
from seestack.server.events import EventsHandler
from seestack.server.pages import IndexHandler, OpenApiHandler, StaticHandler
from seestack.server.results import FitsHandler, FramesHandler, PreviewHandler, StatusHandler
from seestack.server.service import Service

__all__ = ["ROUTES", "BoundedServer", "application", "bounded_server", "pattern_of"]

ROUTES: dict[str, type[Handler]] = {
    "/": IndexHandler,
    "/static/{name}": StaticHandler,
    "/api/stack/start": StartHandler,
    "/api/stack/stop": StopHandler,
    "/api/stack/reset": ResetHandler,
    "/api/status": StatusHandler,
    "/api/events": EventsHandler,
    "/api/preview.png": PreviewHandler,
    "/api/stack.fits": FitsHandler,
    "/api/frames": FramesHandler,
    "/api/config": ConfigHandler,
    "/api/cameras": CamerasHandler,
    "/api/openapi.json": OpenApiHandler,
}

_FULL = (
    b"HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Length: 0\r\n"
    b"Retry-After: 5\r\n\r\n"
)


def pattern_of(route: str, prefix: str = "") -> str:
    """Return the regular expression of a route.

    Examples
    --------
    >>> pattern_of("/static/{name}", "/seestack")
    '/seestack/static/([^/]+)'
    """
    return re.escape(prefix) + re.escape(route).replace(r"\{name\}", "([^/]+)")


def bounded_server(service: Service) -> BoundedServer:
    """Return the server of a dashboard, with the bounds of its limits."""
    limits = service.limits
    server = BoundedServer(
        application(service),
        max_header_size=limits.header_bytes,
        max_body_size=limits.refused_body_bytes,
        max_buffer_size=4 * limits.refused_body_bytes,
        idle_connection_timeout=limits.head_s,
        body_timeout=limits.body_s,
    )
    server.limit_to(limits.connections)
    return server


def application(service: Service) -> tornado.web.Application:
    """Return the web application."""
    shared = {"service": service}
    return tornado.web.Application(
        [(pattern_of(route), handler, shared) for route, handler in ROUTES.items()],
        default_handler_class=NotFoundHandler,
        default_handler_args=shared,
        log_function=lambda handler: None,
    )


class BoundedServer(tornado.httpserver.HTTPServer):
    """An HTTP server that turns connections away beyond a number."""

    def limit_to(self, connections: int) -> None:
        """Set the number of connections."""
        self._most, self._open = connections, 0

    def handle_stream(self, stream: tornado.iostream.IOStream, address: Any) -> None:
        """Serve a connection, or turn it away."""
        if self._open >= self._most:
            stream.write(_FULL)
            stream.close()
            return
        self._open += 1
        super().handle_stream(stream, address)

    def on_close(self, server_conn: object) -> None:
        """Count one connection less."""
        self._open -= 1
        super().on_close(server_conn)
