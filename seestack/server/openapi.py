"""The OpenAPI 3.1 description of the dashboard's API."""

from __future__ import annotations

import copy
from collections import defaultdict
from typing import Any

from seestack import __version__
from seestack.server.refusals import REFUSALS
from seestack.server.schemas import SCHEMAS

__all__ = ["description"]

_ALWAYS = ("bad_request", "foreign_host", "foreign_origin", "too_large", "too_many_requests")
_ROWS = [
    {
        "name": "from",
        "in": "query",
        "description": "Number of the first row.",
        "schema": {"type": "integer", "minimum": 0, "maximum": 1_000_000_000, "default": 0},
    },
    {
        "name": "limit",
        "in": "query",
        "description": "Most rows of the answer; CSV has all by default.",
        "schema": {"type": "integer", "minimum": 1, "maximum": 1000, "default": 1000},
    },
    {
        "name": "format",
        "in": "query",
        "schema": {"enum": ["json", "csv"], "default": "json"},
    },
]


def _ref(name: str) -> dict[str, Any]:
    return {"$ref": f"#/components/schemas/{name}"}


def _json(name: str) -> dict[str, Any]:
    return {"application/json": {"schema": _ref(name)}}


def _operation(
    name: str,
    summary: str,
    text: str,
    content: dict[str, Any],
    *refusals: str,
    **more: Any,
) -> dict[str, Any]:
    """Return an operation; `refusals` are those of its own."""
    return {
        "operationId": name,
        "summary": summary,
        "description": text,
        "responses": {"200": {"description": "Done.", "content": content}, **_refused(*refusals)},
        **more,
    }


def _refused(*codes: str) -> dict[str, Any]:
    meanings: dict[int, list[str]] = defaultdict(list)
    for code in REFUSALS:
        if code in codes or code in _ALWAYS:
            status, meaning = REFUSALS[code]
            meanings[status].append(f"`{code}`: {meaning}")
    return {
        str(status): {"description": " ".join(texts), "content": _json("Error")}
        for status, texts in meanings.items()
    }


_PATHS: dict[str, Any] = {
    "/api/stack/start": {
        "post": _operation(
            "start",
            "Begin a session",
            "Resets the accumulator and begins a session with the present settings. "
            "Where it is refused, the last stack stays as it was.",
            _json("Numbers"),
            *("already_running", "busy", "no_camera", "session_over"),
        )
    },
    "/api/stack/stop": {
        "post": _operation(
            "stop",
            "Abort the session",
            "Ends it in mid-exposure too. The stack is kept until the next start or reset.",
            _json("Numbers"),
            *("not_running", "busy"),
        )
    },
    "/api/stack/reset": {
        "post": _operation(
            "reset",
            "Forget the stack",
            "A running session goes on; its next usable frame becomes the reference.",
            _json("Numbers"),
            "busy",
        )
    },
    "/api/status": {
        "get": _operation(
            "status",
            "State, numbers and preview",
            "Every number of the last frame's report, the session's state, the last reasons and "
            "the stretched preview as base64 PNG. The answer never waits for a frame: while "
            "a session runs, the preview can be one frame older than the numbers, and "
            "`preview_number` tells which one it is. A lost camera is told by `error`.",
            _json("Status"),
        )
    },
    "/api/events": {
        "get": _operation(
            "events",
            "Numbers after each frame",
            "Server-sent events named `status`; the data of each is the Numbers schema as "
            "JSON. The first comes at once. A viewer that stops reading is dropped.",
            {"text/event-stream": {"schema": {"type": "string"}}},
            "too_many_viewers",
        )
    },
    "/api/preview.png": {
        "get": _operation(
            "preview",
            "The stretched stack",
            "The newest preview, with an ETag; `If-None-Match` is answered with 304.",
            {"image/png": {"schema": {"type": "string", "contentMediaType": "image/png"}}},
            "no_preview",
        )
    },
    "/api/stack.fits": {
        "get": _operation(
            "stack",
            "The stack as FITS",
            "Mean, variance, mask and coverage.",
            {"application/fits": {"schema": {"type": "string"}}},
            *("no_stack", "too_many_viewers"),
        )
    },
    "/api/frames": {
        "get": _operation(
            "frames",
            "The table of frames",
            "One row for each frame since the last start or reset, accepted or not.",
            _json("Frames") | {"text/csv": {"schema": {"type": "string"}}},
            parameters=_ROWS,
        )
    },
    "/api/config": {
        "get": _operation(
            "settings",
            "The settings",
            "Those that can be changed; folders and the server's own are not among them.",
            _json("Config"),
        ),
        "put": _operation(
            "configure",
            "Change settings",
            "Validated as config.yaml is. What is left out stays as it is; one bad value, and "
            "nothing is changed. The next start uses them.",
            _json("Config"),
            *("read_only", "not_json", "bad_value"),
            requestBody={"required": True, "content": _json("Config")},
        ),
    },
    "/api/cameras": {
        "get": _operation(
            "cameras",
            "Search for cameras",
            "Those that answer ALPACA discovery; takes about two seconds.",
            _json("Cameras"),
        )
    },
    "/api/openapi.json": {
        "get": _operation(
            "description",
            "This document",
            "OpenAPI 3.1.",
            {"application/json": {"schema": {"type": "object"}}},
        )
    },
}
_PATHS["/api/preview.png"]["get"]["responses"] |= {
    "304": {"description": "The preview is the one of If-None-Match."}
}


def description(*, token: bool) -> dict[str, Any]:
    """Return the description of a server.

    Parameters
    ----------
    token : bool
        Whether it asks for a token.

    Examples
    --------
    >>> document = description(token=True)
    >>> document["openapi"], "401" in document["paths"]["/api/status"]["get"]["responses"]
    ('3.1.0', True)
    """
    document: dict[str, Any] = {
        "openapi": "3.1.0",
        "info": {
            "title": "seestack dashboard",
            "version": __version__,
            "description": "Start, stop and watch a live stack.",
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": ".."}],
        "paths": copy.deepcopy(_PATHS),
        "components": {"schemas": copy.deepcopy(SCHEMAS)},
    }
    if token:
        document["components"]["securitySchemes"] = {
            "token": {"type": "http", "scheme": "bearer"},
        }
        document["security"] = [{"token": []}]
        for path in document["paths"].values():
            for operation in path.values():
                operation["responses"] |= {"401": _refused("no_token")["401"]}
    return document
