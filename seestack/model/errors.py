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
    >>> RejectionKind.FWHM.hint
    'focus again, or raise max_fwhm'
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
    SWITCHED_OFF = "switched_off"
    """Left out by hand."""
    OTHER = "other"
    """Anything else."""

    @property
    def hint(self) -> str:
        """What can be done about it, in words for the user."""
        return _HINTS[self]


_HINTS = {
    RejectionKind.UNREADABLE: "copy the file again; the reason names what is wrong with it",
    RejectionKind.CALIBRATION: "give a dark and a flat of these frames' size, exposure and gain",
    RejectionKind.SIZE: "stack frames of one camera, binning and colour in one session",
    RejectionKind.FEW_STARS: "focus, expose longer, or lower detection_threshold",
    RejectionKind.NO_MATCH: "clouds or another field? else lower detection_threshold or raise "
    "max_stars",
    RejectionKind.OFFSET: "point the telescope back to the target, or raise max_offset_px",
    RejectionKind.DROPPED: "nothing: the frames that followed agreed with each other without it",
    RejectionKind.FWHM: "focus again, or raise max_fwhm",
    RejectionKind.ELONGATION: "check tracking and wind, or raise max_elongation",
    RejectionKind.TRANSPARENCY: "wait for the cloud to pass, or lower min_transparency",
    RejectionKind.SKY: "shield the telescope from light, or raise max_sky",
    RejectionKind.STARS: "wait for the cloud to pass, or lower min_stars",
    RejectionKind.WEIGHT: "nothing: it would add noise; lower min_weight to have it all the same",
    RejectionKind.SWITCHED_OFF: "switch it on again with seestack restack --with",
    RejectionKind.OTHER: "see the reason",
}


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
