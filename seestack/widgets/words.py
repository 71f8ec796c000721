"""What the panel says: the state, the progress, an error."""

from __future__ import annotations

from pathlib import Path

from seestack.model import FrameReport
from seestack.snapshots import Snapshot
from seestack.widgets.fields import named_as_shown

__all__ = ["duration", "error_words", "hint_words", "progress_words", "state_words"]


def state_words(seen: Snapshot | None, trouble: str | None = None) -> str:
    """Say what a session does.

    Parameters
    ----------
    seen : Snapshot or None
        The session; None before the first.
    trouble : str, optional
        What hinders it.

    Examples
    --------
    >>> state_words(None)
    'Ready. Choose where the frames come from and press Start.'
    """
    if seen is None or seen.state == "idle":
        return "Ready. Choose where the frames come from and press Start."
    if seen.state != "running":
        return _sentence(seen.detail)
    if trouble is not None:
        return _sentence(trouble)
    report = _frame_told_of(seen, trouble)
    if report is None:
        return _sentence(seen.detail)
    name = Path(report["source"]).name or f"frame {report['index']}"
    verdict = "" if report["accepted"] else "left out: "
    return _sentence(f"{name}: {verdict}{report['reason']}")


def hint_words(seen: Snapshot | None, trouble: str | None = None) -> str:
    """Say what can be done about the frame that `state_words` says was left out.

    Returns
    -------
    str
        Empty where it says nothing of the kind.

    Examples
    --------
    >>> hint_words(None)
    ''
    """
    report = None if seen is None else _frame_told_of(seen, trouble)
    return "" if report is None else named_as_shown(report["hint"])


def progress_words(seen: Snapshot | None, wanted: int) -> str:
    """Say how far it is.

    Examples
    --------
    >>> progress_words(None, 20)
    '0 of 20 frames'
    """
    if seen is None:
        return f"0 of {wanted} frames"
    of = "" if seen.frames_wanted is None else f" of {seen.frames_wanted}"
    words = [f"{seen.frames_stacked}{of} frames"]
    if seen.frames_rejected:
        words.append(f"{seen.frames_rejected} left out")
    if seen.left_s is not None:
        words.append(f"{duration(seen.left_s)} left")
    elif seen.state != "running" and seen.elapsed_s:
        words.append(f"took {duration(seen.elapsed_s)}")
    return " · ".join(words)


def duration(seconds: float) -> str:
    """Return a time as minutes and seconds, or hours and minutes.

    Examples
    --------
    >>> duration(48.4), duration(754), duration(7_500)
    ('0:48', '12:34', '2 h 05 min')
    """
    whole = round(seconds)
    if whole < 3600:
        return f"{whole // 60}:{whole % 60:02}"
    return f"{whole // 3600} h {whole % 3600 // 60:02} min"


def error_words(error: BaseException) -> str:
    """Return an error as a sentence; with its kind where it says nothing by itself.

    Examples
    --------
    >>> error_words(ValueError("settings: frames must be positive")), error_words(KeyError("x"))
    ('Settings: frames must be positive', "KeyError: 'x'")
    """
    text = str(error)
    known = isinstance(error, OSError | ValueError | RuntimeError) or hasattr(error, "permanent")
    return _sentence(text) if text and (known or " " in text) else f"{type(error).__name__}: {text}"


def _frame_told_of(seen: Snapshot, trouble: str | None) -> FrameReport | None:
    """Return the report of the last frame while there is nothing else to tell."""
    report = seen.last_report
    if seen.state != "running" or trouble or report is None or seen.detail != report["reason"]:
        return None
    return report


def _sentence(text: str) -> str:
    """Begin with a capital letter, unless it is the name of a file or a device."""
    first = text.split(" ")[0].rstrip(",:")
    return text[:1].upper() + text[1:] if first.isalpha() else text
