"""The page at / with its style and modules, and the description of the API."""

from __future__ import annotations

import mimetypes
from functools import cache
from importlib.resources import files

from seestack.server.base import Handler
from seestack.server.openapi import description
from seestack.server.refusals import Refusal

__all__ = ["IndexHandler", "OpenApiHandler", "StaticHandler"]

_COOKIE_DAYS = 30
_ASK = """<!DOCTYPE html><html lang="en"><meta charset="utf-8"><title>seestack</title>
<meta name="viewport" content="width=device-width"><main><h1>seestack</h1>
<form><p><label>Token, as printed by the server
<input name="token" type="password" autocomplete="current-password" required></label>
<button>Open</button></p></form></main></html>
"""


class IndexHandler(Handler):
    """GET /, the dashboard; a token in its address becomes a cookie."""

    navigation = True

    async def prepare(self) -> None:
        """Exchange a token in the address, before the guard asks for the cookie."""
        token = self.get_query_argument("token", None)
        if token is not None and self.service.guard.knows(token):
            self.service.guard.check_source(self.request, navigation=True)
            self.set_cookie(
                self.service.cookie,
                token,
                expires_days=_COOKIE_DAYS,
                httponly=True,
                samesite="Strict",
                path="/",
            )
            self.redirect("./", status=303)
            return
        await super().prepare()

    async def get(self) -> None:
        """Send the page."""
        await self.send(static_files()["index.html"], "text/html; charset=utf-8")

    def refuse(self, error: Refusal) -> None:
        """Ask people for the token with a form; the status is the same."""
        if error.code != "no_token":
            super().refuse(error)
            return
        self.set_header("Content-Type", "text/html; charset=utf-8")
        self.finish(_ASK)


class StaticHandler(Handler):
    """GET /static/NAME, from a table in memory: the name never becomes a path."""

    async def get(self, name: str) -> None:
        """Send the file."""
        body = static_files().get(name)
        if body is None:
            raise Refusal("not_found")
        self.set_header("Cache-Control", "no-cache")
        kind = "text/javascript" if name.endswith(".js") else mimetypes.guess_type(name)[0]
        suffix = "" if name.endswith(".png") else "; charset=utf-8"
        await self.send(body, f"{kind}{suffix}")


class OpenApiHandler(Handler):
    """GET /api/openapi.json."""

    async def get(self) -> None:
        """Send the description of this server's API."""
        await self.answer(description(token=self.service.guard.token is not None))


@cache
def static_files() -> dict[str, bytes]:
    """Return the page and what belongs to it, by name."""
    folder = files("seestack.server") / "static"
    return {file.name: file.read_bytes() for file in folder.iterdir() if file.is_file()}
