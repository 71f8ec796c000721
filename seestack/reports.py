"""Say what became of one frame, in plain Python values."""

from __future__ import annotations

import numpy as np

from seestack.model import FrameReport, Registration, Stars
from seestack.steps.quality import median_fwhm

__all__ = ["frame_report"]


def frame_report(
    *,
    index: int,
    source: str,
    reason: str,
    stars: Stars,
    shape: tuple[int, ...],
    registration: Registration | None,
    frames_stacked: int,
    gain_measured: float | None,
    inliers: int = 0,
) -> FrameReport:
    """Return the report of a frame, the same keys for accepted and rejected ones.

    Parameters
    ----------
    index : int
        Number of frames before this one since the reset.
    source, reason : str
        Where the frame came from, and the verdict in words.
    stars : Stars
        What was detected in it; empty where nothing could be.
    shape : tuple of int
        (row, col) of the frame.
    registration : Registration or None
        How it was placed; None for a rejected frame.
    frames_stacked : int
        Frames in the stack after this one.
    gain_measured : float or None
        Measured SNR gain of the stack after this frame.
    inliers : int, default 0
        Star pairs that agree with the motion found, accepted or not.

    Returns
    -------
    FrameReport
        Rounded, without NaN, ready for ``json.dumps``.

    Examples
    --------
    >>> report = frame_report(
    ...     index=4, source="night/0005.fit", reason="frame size differs from reference",
    ...     stars=Stars([]), shape=(8, 9), registration=None, frames_stacked=3,
    ...     gain_measured=1.7,
    ... )
    >>> report["accepted"], report["offset"], report["frames_rejected"], report["snr_gain"]
    (False, (0.0, 0.0), 2, 1.73)
    """
    offset, rotation = (0.0, 0.0), None
    if registration:
        dx, dy = registration.transform.offset_px((shape[0], shape[1]))
        # Adding zero turns -0.0 into 0.0.
        offset = (round(dx, 2) + 0.0, round(dy, 2) + 0.0)
        rotation = round(registration.transform.rotation_deg, 4) + 0.0
    return FrameReport(
        index=index,
        source=source,
        accepted=registration is not None,
        reason=reason,
        frames_stacked=frames_stacked,
        frames_total=index + 1,
        frames_rejected=index + 1 - frames_stacked,
        offset=offset,
        rotation_deg=rotation,
        inliers=inliers,
        rms_px=_known(registration.rms_px, 3) if registration else None,
        stars=len(stars),
        fwhm_px=_known(median_fwhm(stars), 2),
        sky_adu=_known(stars.sky_adu, 1),
        weight=1.0 if registration else 0.0,
        snr_gain=round(float(np.sqrt(frames_stacked)), 2),
        snr_gain_measured=_known(gain_measured, 2),
        amended=[],
    )


def _known(value: float | None, digits: int) -> float | None:
    """Round a number; None where it is not known."""
    return None if value is None or not np.isfinite(value) else round(float(value), digits)
