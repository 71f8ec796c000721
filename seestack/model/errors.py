"""What is raised: a verdict on a frame, a frame that cannot be read, a source that failed."""

from __future__ import annotations

from enum import StrEnum

__all__ = ["FrameRejected", "RejectionKind", "SourceError", "UnreadableFrameError"]


class RejectionKind(StrEnum):
    """Why a frame was rejected, in one word that a program can count.

    A member is a plain string too.

    Examples
    --------
    >>> RejectionKind.NO_MATCH == "no_match"
    True
    """

    UNREADABLE = "unreadable"
    """The file or the answer holds no frame."""
    CALIBRATION = "calibration"
    """The dark or the flat does not fit."""
    SIZE = "size"
    """Not the size of the reference."""
    FEW_STARS = "few_stars"
    """Too few stars for a reference."""
    NO_MATCH = "no_match"
    """Too few stars that agree with the reference."""
    OFFSET = "offset"
    """Displaced further than allowed."""
    DROPPED = "dropped"
    """A reference that no other frame matched."""
    FWHM = "fwhm"
    """Stars wider than allowed."""
    ELONGATION = "elongation"
    """Stars longer than allowed."""
    TRANSPARENCY = "transparency"
    """Less light came through than allowed."""
    SKY = "sky"
    """The sky is brighter than allowed."""
    STARS = "stars"
    """Fewer stars than allowed."""
    WEIGHT = "weight"
    """The frame would add next to nothing."""
    OTHER = "other"
    """Anything else."""


class FrameRejected(Exception):  # noqa: N818 - a verdict on a frame, not an error of the program
    """A frame cannot be stacked; `reason` says why in words for the user.

    Parameters
    ----------
    reason : str
        Such as ``"alignment failed (too few matching stars)"``.
    inliers : int, default 0
        Star pairs that agree all the same.
    kind : RejectionKind, default "other"
        The same in one word.
    value, limit : float, optional
        What was measured and what is allowed, where the reason is a number.

    Examples
    --------
    >>> reason = "elongation 3.42 is over max_elongation 3"
    >>> rejection = FrameRejected(reason, kind=RejectionKind.ELONGATION, value=3.42, limit=3.0)
    >>> str(rejection.kind), rejection.value, rejection.limit
    ('elongation', 3.42, 3.0)
    """

    def __init__(
        self,
        reason: str,
        *,
        inliers: int = 0,
        kind: RejectionKind = RejectionKind.OTHER,
        value: float | None = None,
        limit: float | None = None,
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.inliers = inliers
        self.kind = RejectionKind(kind)
        self.value = value
        self.limit = limit


class UnreadableFrameError(Exception):
    """A file or an answer holds no frame; the message names it and says why.

    Parameters
    ----------
    message : str
        Names what was read, the reason and the remedy.
    source : str, optional
        What was read, for the frame's report.
    """

    def __init__(self, message: str, *, source: str = "") -> None:
        super().__init__(message)
        self.source = source


class SourceError(Exception):
    """A source of frames failed.

    Where `permanent` is False, iterating the source again may go on.
    """

    permanent = False
