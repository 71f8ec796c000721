"""The numbers of a session as the API gives them."""

from __future__ import annotations

from typing import Any

from seestack.model import FrameReport, SourceError
from seestack.server.redaction import without_folders, without_folders_in_report
from seestack.server.sessions import Sessions
from seestack.session import CaptureSession
from seestack.snapshots import Snapshot

__all__ = ["status_of"]

_NOTHING: dict[str, Any] = {
    "offset": [0.0, 0.0],
    "inliers": 0,
    "snr_gain": 0.0,
}


def status_of(sessions: Sessions) -> dict[str, Any]:
    """Return the state and every number of the last report; ready for ``json.dumps``.

    Parameters
    ----------
    sessions : Sessions
        Whose current session is meant.

    Returns
    -------
    dict
        The keys of a frame's report, None where no frame came yet, and those of a
        `Snapshot`. `error` is None, or says in words what is wrong.

    Examples
    --------
    >>> from seestack.config import Settings
    >>> status = status_of(Sessions(lambda settings: None, Settings()))
    >>> status["state"], status["frames_stacked"], status["accepted"], status["frames_wanted"]
    ('idle', 0, None, 20)
    """
    run = sessions.current
    status: dict[str, Any] = dict.fromkeys(FrameReport.__annotations__) | _NOTHING
    if run is None:
        return status | {
            "session": 0,
            "state": "idle",
            "detail": "not started",
            "frames_wanted": sessions.settings.stacking.frames,
            **dict.fromkeys(("frames_stacked", "frames_total", "frames_rejected"), 0),
            "frames_waiting": 0,
            "last_reasons": [],
            "preview_number": 0,
            "elapsed_s": 0.0,
            "left_s": None,
            "error": None,
        }
    seen = run.session.snapshot()
    if seen.last_report is not None:
        status |= without_folders_in_report(seen.last_report)
    known = (seen.last_report["source"],) if seen.last_report else ()
    return status | {
        "session": run.number,
        "state": seen.state,
        "detail": without_folders(seen.detail, known),
        "frames_wanted": seen.frames_wanted,
        "frames_stacked": seen.frames_stacked,
        "frames_total": seen.frames_total,
        "frames_rejected": seen.frames_rejected,
        "frames_waiting": seen.frames_waiting,
        "snr_gain": round(seen.snr_gain, 2),
        "last_reasons": [without_folders(reason, known) for reason in seen.last_reasons],
        "preview_number": seen.preview_number,
        "elapsed_s": round(seen.elapsed_s, 3),
        "left_s": None if seen.left_s is None else round(seen.left_s, 1),
        "error": _error(run.session, seen),
    }


def _error(session: CaptureSession, seen: Snapshot) -> dict[str, str] | None:
    """Say what is wrong with a session; None where nothing is."""
    trouble = session.trouble
    if seen.state == "failed":
        lost = isinstance(session.error, SourceError)
        code, message = "camera_lost" if lost else "session_failed", seen.detail
    elif seen.state == "running" and trouble is not None:
        code, message = "interrupted", trouble
    else:
        return None
    return {"code": code, "message": without_folders(message)}
