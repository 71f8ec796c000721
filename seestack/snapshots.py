"""A session at one moment, for observers."""

from __future__ import annotations

from dataclasses import dataclass

from seestack.model import FrameReport

__all__ = ["Snapshot", "seconds_left"]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A session at one moment; changes no more.

    Parameters
    ----------
    state : {"idle", "running", "finished", "stopped", "failed"}
        What the session does.
    detail : str
        The state in words: what is waited for, why it ended.
    frames_wanted : int or None
        Accepted frames that end the session.
    frames_stacked, frames_total, frames_rejected : int
        As `LiveStacker` counts them.
    frames_waiting : int
        Frames read but not yet stacked; at its limit the source is held back.
    snr_gain : float
        Square root of the stacked frames.
    last_report : FrameReport or None
        What became of the last frame.
    last_reasons : tuple of str
        Reasons of the last few frames, newest last.
    preview_number : int
        Changes when there is a new preview.
    elapsed_s : float
        Time since the start, until the end.
    left_s : float or None
        Estimate of the time to the end; None where it cannot be told.
    """

    state: str
    detail: str
    frames_wanted: int | None
    frames_stacked: int
    frames_total: int
    frames_rejected: int
    frames_waiting: int
    snr_gain: float
    last_report: FrameReport | None
    last_reasons: tuple[str, ...]
    preview_number: int
    elapsed_s: float
    left_s: float | None


def seconds_left(elapsed_s: float, stacked: int, wanted: int | None) -> float | None:
    """Return the time to the end if frames go on as before; None where it cannot be told.

    Examples
    --------
    >>> seconds_left(60.0, 6, 20), seconds_left(60.0, 6, None)
    (140.0, None)
    """
    if wanted is None or stacked == 0:
        return None
    return elapsed_s / stacked * max(wanted - stacked, 0)
