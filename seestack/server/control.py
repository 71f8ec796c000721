"""The handlers that change something: start, stop, reset, settings; and the cameras."""

from __future__ import annotations

import json
from typing import Any

from seestack.alpaca.discovery import discover
from seestack.server.base import Handler
from seestack.server.editing import changed_settings, editable
from seestack.server.redaction import without_folders
from seestack.server.refusals import Refusal
from seestack.server.status import status_of

__all__ = ["CamerasHandler", "ConfigHandler", "ResetHandler", "StartHandler", "StopHandler"]

_LONGEST_SEARCH_S = 5.0


class StartHandler(Handler):
    """POST /api/stack/start."""

    async def post(self) -> None:
        """Reset the stack and begin a session with the present settings."""
        try:
            await self.service.apart(self.service.sessions.start)
        except Refusal as refusal:
            raise Refusal(refusal.code, without_folders(str(refusal))) from refusal
        await self.answer(status_of(self.service.sessions))


class StopHandler(Handler):
    """POST /api/stack/stop."""

    async def post(self) -> None:
        """End the session; its stack is kept."""
        await self.service.apart(self.service.sessions.stop)
        await self.answer(status_of(self.service.sessions))


class ResetHandler(Handler):
    """POST /api/stack/reset."""

    async def post(self) -> None:
        """Forget the stack; a running session goes on."""
        await self.service.apart(self.service.sessions.reset)
        await self.answer(status_of(self.service.sessions))


class ConfigHandler(Handler):
    """GET and PUT /api/config."""

    async def get(self) -> None:
        """Send the settings that can be changed."""
        await self.answer(editable(self.service.sessions.settings))

    async def put(self) -> None:
        """Change the settings that are named; all of them or none."""
        kind = self.request.headers.get("Content-Type", "").split(";")[0].strip().lower()
        if kind != "application/json":
            raise Refusal("not_json")
        sessions = self.service.sessions
        sessions.configure(changed_settings(sessions.settings, _read_json(self.request.body)))
        await self.answer(editable(sessions.settings))


class CamerasHandler(Handler):
    """GET /api/cameras."""

    async def get(self) -> None:
        """Search the network; those who ask meanwhile share the answer."""
        cameras = await self.service.once("cameras", self._found)
        await self.answer({"cameras": cameras})

    def _found(self) -> list[dict[str, Any]]:
        alpaca = self.service.sessions.settings.alpaca
        timeout_s = min(alpaca.discovery_timeout, _LONGEST_SEARCH_S)
        return [
            {
                "address": device.address,
                "number": device.number,
                "name": device.name,
                "server": server.name,
            }
            for server in discover(timeout_s=timeout_s, port=alpaca.discovery_port)
            for device in server.devices
            if device.kind == "camera"
        ]


def _read_json(body: bytes) -> Any:
    def refuse(constant: str) -> Any:
        raise ValueError(f"{constant} is not JSON")

    try:
        return json.loads(body.decode("utf-8"), parse_constant=refuse, parse_float=_number)
    except (ValueError, RecursionError) as error:
        raise Refusal("bad_request", f"The body is not JSON: {error}") from error


def _number(text: str) -> float | int:
    """Return a number; JSON knows no difference between 2.0 and 2."""
    value = float(text)
    return int(value) if value.is_integer() else value
