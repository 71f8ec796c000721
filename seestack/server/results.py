"""The handlers that only read: status, picture, table and FITS file."""

from __future__ import annotations

import tempfile
from pathlib import Path

from seestack.results import described
from seestack.server.base import Handler
from seestack.server.refusals import Refusal
from seestack.server.sessions import Run
from seestack.server.status import status_of
from seestack.storage.fits import write_stack
from seestack.storage.ledger import frames_csv

__all__ = ["FitsHandler", "FramesHandler", "PreviewHandler", "StatusHandler"]

_MOST_ROWS = 1000


class StatusHandler(Handler):
    """GET /api/status."""

    async def get(self) -> None:
        """Send the numbers and the picture made last; waits for no frame.

        Once the session has ended, the picture is the newest.
        """
        run = self.service.sessions.current
        preview = None
        if run is not None:
            if run.session.snapshot().state == "running":
                self.service.prepare_preview()
                preview = run.previews.latest
            else:
                preview = await self.service.preview(run)
        status = status_of(self.service.sessions)
        status["preview_number"] = preview.number if preview else 0
        status["preview_png_b64"] = preview.text if preview else None
        await self.answer(status)


class PreviewHandler(Handler):
    """GET /api/preview.png."""

    async def get(self) -> None:
        """Send the newest picture, or 304 to those who have it."""
        run = self.service.sessions.current
        preview = await self.service.preview(run) if run else None
        if preview is None:
            raise Refusal("no_preview")
        self.set_header("Etag", preview.etag)
        self.set_header("Cache-Control", "no-cache, private")
        if self.check_etag_header():
            self.set_status(304)
            self.finish()
            return
        await self.send(preview.png, "image/png")


class FramesHandler(Handler):
    """GET /api/frames."""

    async def get(self) -> None:
        """Send rows of the table, as JSON or CSV."""
        first, count = self._number("from", 0, 0), self._number("limit", 1, _MOST_ROWS)
        wanted = self.get_query_argument("format", "json")
        if wanted not in ("json", "csv"):
            raise Refusal("bad_request", f"format must be json or csv, got {wanted[:40]!r}")
        run = self.service.sessions.current
        if wanted == "csv":
            limit = count if "limit" in self.request.query_arguments else None
            text = await self.service.apart(
                lambda: frames_csv(run.frames.rows(first, limit) if run else [])
            )
            self.set_header("Content-Disposition", 'attachment; filename="frames.csv"')
            await self.send(text.encode(), "text/csv; charset=utf-8")
            return
        rows = await self.service.apart(lambda: run.frames.rows(first, count)) if run else []
        await self.answer({"frames": rows, "total": len(run.frames) if run else 0})

    def _number(self, name: str, least: int, default: int) -> int:
        text = self.get_query_argument(name, str(default), strip=False)
        most = _MOST_ROWS if name == "limit" else 10**9
        if text.isascii() and text.isdigit() and len(text) < 12 and least <= int(text) <= most:
            return int(text)
        raise Refusal(
            "bad_request",
            f"{name} must be a whole number from {least} to {most}, got {text[:40]!r}",
        )


class FitsHandler(Handler):
    """GET /api/stack.fits."""

    async def get(self) -> None:
        """Send the stack with its variance and coverage."""
        run = self.service.sessions.current
        if run is None or not run.session.stacker.frames_stacked:
            raise Refusal("no_stack")
        if self.service.downloads >= self.service.limits.downloads:
            raise Refusal("too_many_viewers")
        self.service.downloads += 1
        try:
            body = await self.service.apart(lambda: _fits(run))
            if body is None:
                raise Refusal("no_stack")
            self.set_header("Content-Disposition", 'attachment; filename="stack.fits"')
            await self.send(body, "application/fits")
        finally:
            self.service.downloads -= 1


def _fits(run: Run) -> bytes | None:
    stacker = run.session.stacker
    stack = stacker.stack
    if stack is None:
        return None
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "stack.fits"
        write_stack(path, stack, stacker.observation, history=described(stacker))
        return path.read_bytes()
