"""What the server refuses, why, and with which status code: one table of them all."""

from __future__ import annotations

from typing import Any

__all__ = ["REFUSALS", "Refusal"]

# Code in the answer: status, what it means.
REFUSALS: dict[str, tuple[int, str]] = {
    "bad_request": (400, "A parameter or the body cannot be read."),
    "no_token": (401, "The token is missing or wrong."),
    "foreign_host": (403, "The Host header names another computer than this server."),
    "foreign_origin": (403, "The request comes from another web page."),
    "read_only": (403, "The setting can be changed only where the server is started."),
    "not_found": (404, "There is nothing at this address."),
    "no_preview": (404, "No frame was stacked yet, so there is no picture."),
    "no_stack": (404, "No frame was stacked yet, so there is no file."),
    "not_allowed": (405, "The address exists, but not for this method; see the Allow header."),
    "already_running": (409, "A session is running; stop it before the next start."),
    "not_running": (409, "No session is running, so there is nothing to stop."),
    "busy": (409, "Another start, stop or reset is under way."),
    "no_camera": (409, "No camera was found, or the one of the settings does not answer."),
    "session_over": (409, "The session that a notebook gave has ended; it starts only once."),
    "too_large": (413, "The body is too long."),
    "not_json": (415, "The body must be application/json."),
    "bad_value": (422, "A setting is wrong; nothing was changed."),
    "too_many_requests": (429, "Too many requests from this address; wait a second."),
    "too_many_viewers": (429, "Too many event streams or downloads are open."),
    "internal": (500, "Something went wrong inside; the server's log says what."),
}


class Refusal(Exception):  # noqa: N818 - an answer, not an error of the program
    """A request is refused; the answer carries `code` and the message.

    Parameters
    ----------
    code : str
        A key of `REFUSALS`.
    message : str, optional
        In words for the user; the meaning of the code by default.

    Examples
    --------
    >>> refusal = Refusal("not_running")
    >>> refusal.status, refusal.body["error"]["code"]
    (409, 'not_running')
    """

    def __init__(self, code: str, message: str | None = None) -> None:
        self.code = code
        self.status, meaning = REFUSALS[code]
        super().__init__(message or meaning)

    @property
    def body(self) -> dict[str, Any]:
        """The answer's body."""
        return {"error": {"code": self.code, "message": str(self)}}
