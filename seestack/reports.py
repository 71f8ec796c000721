"""Say what became of one frame, in plain Python values."""

from __future__ import annotations

import math
from collections.abc import Iterable
from datetime import UTC
from typing import TypedDict, Unpack, cast

import numpy as np

from seestack.model import Frame, FrameQuality, FrameRejected, FrameReport, Registration, Stack
from seestack.rows import Row, Rows

__all__ = ["ReportLog", "frame_report", "packed", "unpacked"]

_KEYS = tuple(FrameReport.__annotations__)
_LISTS = ("transform", "amended")


class ReportLog:
    """The reports of a stack, one for each frame; written by one thread at a time.

    Parameters
    ----------
    rows : iterable of tuple, optional
        Those of the frames so far, as `rows` of another log.
    stacked : int, default 0
        How many of these frames are in the stack.

    Examples
    --------
    >>> log = ReportLog()
    >>> refusal = FrameRejected("cannot be read", kind="unreadable")
    >>> report = log.record(
    ...     index=0, frame=Frame(np.empty((0, 0))), verdict=refusal, reason="", shape=(0, 0),
    ...     quality=FrameQuality(), weight=1.0, frames_stacked=0, gain_measured=None,
    ... )
    >>> log.counts
    (0, 1)
    """

    def __init__(self, rows: Iterable[Row] = (), *, stacked: int = 0) -> None:
        self._rows = Rows.of(rows)
        self.counts = (stacked, len(self._rows))
        """(stacked, total), replaced as one: any thread reads both of one moment."""

    @property
    def rows(self) -> Rows:
        """The values of each report, in the order of the keys."""
        return self._rows

    @property
    def total(self) -> int:
        """Number of frames."""
        return len(self._rows)

    def record(self, **measured: Unpack[Measured]) -> FrameReport:
        """Write a frame's row, over the one it had before if there is one; return a copy."""
        report = frame_report(**measured)
        self._rows = self._rows.with_row(report["index"], packed(report))
        self.counts = (report["frames_stacked"], len(self._rows))
        return report

    def amend(self, index: int, reason: str, amended: list[int]) -> FrameReport:
        """Say in a frame's row which rows before it have changed; return a copy."""
        report = unpacked(self._rows[index])
        report["reason"], report["amended"] = reason, amended
        self._rows = self._rows.with_row(index, packed(report))
        return report

    def reports(self, stack: Stack | None = None) -> list[FrameReport]:
        """Return copies of all rows.

        Parameters
        ----------
        stack : Stack, optional
            The stack without its outliers, which tells how many each frame had.
        """
        rows = list(map(unpacked, self._rows))
        counts = None if stack is None else stack.rejected_of_frame
        if counts is not None:
            stacked = [row for row in rows if row["accepted"]]
            for row, count in zip(stacked, counts.tolist(), strict=True):
                row["clipped_samples"] = count
        return rows


class Measured(TypedDict):
    """What `frame_report` is told."""

    index: int
    frame: Frame
    verdict: Registration | FrameRejected
    reason: str
    quality: FrameQuality
    shape: tuple[int, int]
    weight: float
    frames_stacked: int
    gain_measured: float | None


def frame_report(
    *,
    index: int,
    frame: Frame,
    verdict: Registration | FrameRejected,
    reason: str,
    quality: FrameQuality,
    shape: tuple[int, int],
    weight: float,
    frames_stacked: int,
    gain_measured: float | None,
) -> FrameReport:
    """Return the report of a frame, the same keys for accepted and rejected ones.

    Parameters
    ----------
    index : int
        Number of frames before this one since the reset.
    frame : Frame
        Where it came from, its start and its exposure; its pixels are not looked at.
    verdict : Registration or FrameRejected
        How it was placed, or why it was not.
    reason : str
        The verdict on an accepted frame in words.
    quality : FrameQuality
        What was measured.
    shape : tuple of int
        (row, col) of the frame.
    weight : float
        Its weight in the stack if it was accepted.
    frames_stacked : int
        Frames in the stack after this one.
    gain_measured : float or None
        Measured SNR gain of the stack after this frame.

    Returns
    -------
    FrameReport
        Rounded, without NaN, ready for ``json.dumps``.

    Examples
    --------
    >>> report = frame_report(
    ...     index=4, frame=Frame(np.empty((8, 9)), 10.0, source="night/0005.fit"),
    ...     verdict=FrameRejected("frame size differs from reference", kind="size"),
    ...     reason="", quality=FrameQuality(),
    ...     shape=(8, 9), weight=1.0, frames_stacked=3, gain_measured=1.7,
    ... )
    >>> report["accepted"], report["offset"], report["frames_rejected"], report["snr_gain"]
    (False, (0.0, 0.0), 2, 1.73)
    >>> report["rejection"], report["weight"], report["exposure_s"]
    ('size', 0.0, 10.0)
    >>> report["hint"]
    'stack frames of one camera, binning and colour in one session'
    """
    rejection = verdict if isinstance(verdict, FrameRejected) else None
    registration = verdict if isinstance(verdict, Registration) else None
    offset, rotation, transform, rms = (0.0, 0.0), None, None, None
    inliers = rejection.inliers if rejection else 0
    if registration:
        dx, dy = registration.transform.offset_px(shape)
        # Adding zero turns -0.0 into 0.0.
        offset = (round(dx, 2) + 0.0, round(dy, 2) + 0.0)
        rotation = round(registration.transform.rotation_deg, 4) + 0.0
        transform = [value + 0.0 for value in registration.transform.matrix[:2].ravel().tolist()]
        rms, inliers = _known(registration.rms_px, 3), int(np.count_nonzero(registration.inliers))
    return FrameReport(
        index=index,
        source=frame.source,
        accepted=registration is not None,
        reason=rejection.reason if rejection else reason,
        rejection=str(rejection.kind) if rejection else None,
        rejection_value=_known(rejection.value, 4) if rejection else None,
        rejection_limit=_known(rejection.limit, 4) if rejection else None,
        hint=rejection.kind.hint if rejection else "",
        start=None if frame.start is None else frame.start.astimezone(UTC).isoformat(),
        exposure_s=_known(frame.exposure_s, 6),
        frames_stacked=frames_stacked,
        frames_total=index + 1,
        frames_rejected=index + 1 - frames_stacked,
        offset=offset,
        rotation_deg=rotation,
        transform=transform,
        inliers=inliers,
        rms_px=rms,
        stars=quality.stars,
        fwhm_px=_known(quality.fwhm_px, 2),
        elongation=_known(quality.elongation, 2),
        sky_adu=_known(quality.sky_adu, 1),
        sky_sigma_adu=_known(quality.sky_sigma_adu, 2),
        transparency=_known(quality.transparency, 4),
        transparency_err=_known(quality.transparency_err, 5),
        weight=round(weight, 4) if registration else 0.0,
        clipped_samples=None,
        snr_gain=round(math.sqrt(frames_stacked), 2),
        snr_gain_measured=_known(gain_measured, 2),
        amended=[],
    )


def packed(report: FrameReport) -> Row:
    """Return the values of a report, lists as tuples, in the order of the keys."""
    values = (report[key] for key in _KEYS)  # type: ignore[literal-required]
    return tuple(tuple(value) if isinstance(value, list) else value for value in values)


def unpacked(row: Row) -> FrameReport:
    """Return the report that `packed` took apart.

    Raises
    ------
    ValueError
        If the row has another number of values than a report.

    Examples
    --------
    >>> from seestack.stacker import LiveStacker
    >>> report = LiveStacker().reject("file cannot be read", source="night/0001.fit")
    >>> unpacked(packed(report)) == report
    True
    """
    report = dict(zip(_KEYS, row, strict=True))
    for key in _LISTS:
        report[key] = None if report[key] is None else list(report[key])
    return cast(FrameReport, report)


def _known(value: float | None, digits: int) -> float | None:
    """Round a number; None where it is not known."""
    return None if value is None or not math.isfinite(value) else round(float(value), digits)
