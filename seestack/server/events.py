"""GET /api/events: the numbers after each frame, for as long as the viewer reads."""

from __future__ import annotations

import asyncio
import socket
from typing import cast

from tornado.http1connection import HTTP1Connection
from tornado.iostream import StreamClosedError

from seestack.server.base import Handler

__all__ = ["EventsHandler"]

# What the system may hold for a viewer that does not read.
_SEND_BUFFER = 65_536


class EventsHandler(Handler):
    """Server-sent events named ``status``; the first tells the present state."""

    async def get(self) -> None:
        """Stream until the viewer leaves, stops reading or the server ends."""
        with self.service.viewers.joined() as queue:
            self._queue = queue
            self.set_header("Content-Type", "text/event-stream")
            self.set_header("X-Accel-Buffering", "no")
            stream = cast(HTTP1Connection, self.request.connection).stream
            stream.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER)
            try:
                await self._stream(queue)
            except StreamClosedError:
                return
        self.finish()

    async def _stream(self, queue: asyncio.Queue[str | None]) -> None:
        text: str | None = self.service.event()
        while text is not None:
            self.write(text)
            await self.flush_in_time()
            try:
                text = await asyncio.wait_for(queue.get(), self.service.limits.keepalive_s)
            except TimeoutError:
                text = ": nothing new\n\n"

    def on_connection_close(self) -> None:
        """End the stream of a viewer who has left."""
        if hasattr(self, "_queue"):
            self.service.viewers.drop(self._queue)
