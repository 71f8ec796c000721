"""The dashboard inside Jupyter Server, at /seestack/, under Jupyter's own authentication.

``jupyter server extension enable seestack.server.extension`` switches it on. The session
then runs in Jupyter's server, not in a kernel.
"""

from __future__ import annotations

from typing import Any

import tornado.ioloop
from jupyter_server.base.handlers import JupyterHandler
from jupyter_server.utils import ensure_async, url_path_join

from seestack.config import load_settings
from seestack.configured import configured_session
from seestack.server.app import ROUTES, pattern_of
from seestack.server.base import Handler
from seestack.server.refusals import Refusal
from seestack.server.security import HEADERS, Guard
from seestack.server.service import Service
from seestack.server.sessions import Sessions

__all__ = ["mount"]

_NAME = "seestack.server.extension"


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    return [{"module": _NAME}]


def _load_jupyter_server_extension(serverapp: Any) -> None:
    mount(serverapp.web_app, Sessions(configured_session, load_settings()))
    serverapp.log.info("seestack dashboard at %sseestack/", serverapp.base_url)


def mount(web_app: Any, sessions: Sessions) -> Service:
    """Add the dashboard's handlers to a Jupyter Server.

    Parameters
    ----------
    web_app : tornado.web.Application
        Of Jupyter Server.
    sessions : Sessions
        Whose stack is shown.

    Returns
    -------
    Service
        What the handlers share.
    """
    service = Service(sessions, Guard("0.0.0.0"))
    loop = tornado.ioloop.IOLoop.current()
    sessions.observe(lambda: loop.add_callback(service.announce))
    prefix = url_path_join(web_app.settings["base_url"], "seestack")
    web_app.add_handlers(
        ".*$",
        [
            (pattern_of(route, prefix), _mounted(handler), {"service": service})
            for route, handler in ROUTES.items()
        ],
    )
    return service


def _mounted(handler: type[Handler]) -> type[Handler]:
    """Return a handler that Jupyter admits; its first base decides what it does."""
    return type(f"Mounted{handler.__name__}", (_Mounted, handler, JupyterHandler), {})


class _Mounted(Handler):
    async def admit(self) -> None:
        """Ask Jupyter who it is and whether they may."""
        if not self.current_user:
            raise Refusal("no_token")
        site = self.request.headers.get("Sec-Fetch-Site", "none").lower()
        if site not in ("none", "same-origin") and not self.navigation:
            raise Refusal("foreign_origin")
        handler: Any = self
        action = "read" if self.request.method == "GET" else "write"
        allowed = handler.authorizer.is_authorized(handler, self.current_user, action, "seestack")
        if not await ensure_async(allowed):
            raise Refusal("no_token")

    def set_default_headers(self) -> None:
        """Set what every answer carries; Jupyter may show the page in a frame."""
        for name, value in HEADERS.items():
            self.set_header(name, value.replace("frame-ancestors 'none'", "frame-ancestors 'self'"))
