"""What is raised: a verdict on a frame, a frame that cannot be read, a source that failed."""

from __future__ import annotations

__all__ = ["FrameRejected", "SourceError", "UnreadableFrameError"]


class FrameRejected(Exception):  # noqa: N818 - a verdict on a frame, not an error of the program
    """A frame cannot be stacked; `reason` says why in words for the user.

    Parameters
    ----------
    reason : str
        Such as ``"alignment failed (too few matching stars)"``.
    inliers : int, default 0
        Star pairs that agree all the same.
    """

    def __init__(self, reason: str, *, inliers: int = 0) -> None:
        super().__init__(reason)
        self.reason = reason
        self.inliers = inliers


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
