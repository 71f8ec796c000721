"""A sub-frame, the report on it, and when and with what a stack was taken."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any, TypedDict

from numpy.typing import NDArray

__all__ = ["BAYER_PATTERNS", "Frame", "FrameReport", "Observation"]

BAYER_PATTERNS = ("RGGB", "BGGR", "GRBG", "GBRG")


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One sub-frame, linear, as it came from a camera or a file.

    Parameters
    ----------
    image : ndarray of shape (H, W)
        Pixels in ADU, a Bayer mosaic where `bayer` is set. Colour of shape
        (H, W, 3) or (3, H, W) is allowed.
    exposure_s : float, optional
        Exposure time in seconds; None where unknown.
    start : datetime, optional
        Start of the exposure (UTC, with time zone); None where unknown.
    source : str, optional
        Where the frame came from (a path, a camera); used in reports only.
    bayer : {"RGGB", "BGGR", "GRBG", "GBRG"}, optional
        Colours of the 2x2 cell whose first pixel is ``image[0, 0]``; None for a
        frame without a colour mosaic.
    header : mapping, optional
        Header cards as read. Steps do not look inside.

    Raises
    ------
    ValueError
        If `bayer` is not one of the four patterns.

    Examples
    --------
    >>> import numpy as np
    >>> frame = Frame(np.zeros((4, 6)), exposure_s=10.0, source="M 94")
    >>> frame.image.shape, frame.exposure_s
    ((4, 6), 10.0)
    """

    image: NDArray[Any]
    exposure_s: float | None = None
    start: datetime | None = None
    source: str = ""
    bayer: str | None = None
    header: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))

    def __post_init__(self) -> None:
        if self.bayer is not None and self.bayer not in BAYER_PATTERNS:
            raise ValueError(
                f"bayer must be one of {', '.join(BAYER_PATTERNS)} or None, got {self.bayer!r}"
            )


class FrameReport(TypedDict):
    """What became of one frame; plain Python values, ready for ``json.dumps``."""

    index: int
    source: str
    accepted: bool
    reason: str
    rejection: str | None
    rejection_value: float | None
    rejection_limit: float | None
    hint: str
    start: str | None
    exposure_s: float | None
    frames_stacked: int
    frames_total: int
    frames_rejected: int
    offset: tuple[float, float]
    rotation_deg: float | None
    transform: list[float] | None
    inliers: int
    rms_px: float | None
    stars: int
    fwhm_px: float | None
    elongation: float | None
    sky_adu: float | None
    sky_sigma_adu: float | None
    transparency: float | None
    transparency_err: float | None
    weight: float
    clipped_samples: int | None
    snr_gain: float
    snr_gain_measured: float | None
    amended: list[int]


@dataclass(frozen=True, slots=True, eq=False)
class Observation:
    """When and with what the frames of a stack were taken; goes into the file's header.

    Parameters
    ----------
    reference : Frame, optional
        The frame whose pixel grid the stack has, for its header. `LiveStacker` keeps
        the shape of its image, not the pixels.
    total_exposure_s : float, default 0
        Sum of the known exposure times.
    start, end : datetime, optional
        Start of the earliest and end of the latest exposure (UTC).
    middle : datetime, optional
        Mean of the middles of the exposures, all frames alike.
    timed_frames : int, default 0
        Number of frames with a known start, which `middle` is the mean of.

    Examples
    --------
    >>> from datetime import timezone
    >>> import numpy as np
    >>> evening = datetime(2026, 4, 9, 21, 0, 0, tzinfo=timezone.utc)
    >>> one = Frame(np.zeros((4, 6)), exposure_s=10.0, start=evening)
    >>> seen = Observation().with_frame(one)
    >>> seen.total_exposure_s, seen.end.isoformat()
    (10.0, '2026-04-09T21:00:10+00:00')
    """

    reference: Frame | None = None
    total_exposure_s: float = 0.0
    start: datetime | None = None
    end: datetime | None = None
    middle: datetime | None = None
    timed_frames: int = 0

    def with_frame(self, frame: Frame) -> Observation:
        """Return the observation with one more frame; the first one is the reference."""
        exposure = timedelta(seconds=frame.exposure_s or 0.0)
        total = self.total_exposure_s + (frame.exposure_s or 0.0)
        reference = self.reference or frame
        if frame.start is None:
            return replace(self, reference=reference, total_exposure_s=total)
        middle = frame.start + exposure / 2
        count = self.timed_frames + 1
        if self.start is None or self.end is None or self.middle is None:
            start, end, mean = frame.start, frame.start + exposure, middle
        else:
            start = min(self.start, frame.start)
            end = max(self.end, frame.start + exposure)
            mean = self.middle + (middle - self.middle) / count
        return Observation(reference, total, start, end, mean, count)
