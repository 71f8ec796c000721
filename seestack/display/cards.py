"""The values of seestack as HTML: a small picture, and the numbers that matter."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seestack.display.fragments import card, counted, known, map_of_stars, picture, table
from seestack.model import Frame, FrameReport, Registration, Stack, Stars
from seestack.session import CaptureSession
from seestack.stacker import LiveStacker
from seestack.steps.colour import debayer

__all__ = [
    "frame_html",
    "registration_html",
    "session_html",
    "stack_html",
    "stacker_html",
    "stars_html",
]

# As many stars as the eye makes use of; a list may hold thousands.
_MAX_DRAWN = 300
_LAST_REPORTS = 5
_BRIGHTEST = 5


def frame_html(frame: Frame) -> str:
    """Return a frame as HTML; a colour mosaic is shown in colour.

    Examples
    --------
    >>> "6 × 4 px" in frame_html(Frame(np.arange(24.0).reshape(4, 6), source="M 94"))
    True
    """
    colour = _as_colour(frame)
    drawable = colour.size and (colour.ndim == 2 or colour.shape[2:] == (3,))
    pixels = np.asarray(frame.image)
    seen = pixels[np.isfinite(pixels)]
    facts = {
        "Size": _size(colour.shape) if drawable else f"{pixels.shape}, not a picture",
        "Source": frame.source or "–",
        "Start": frame.start.strftime("%Y-%m-%d %H:%M:%S %Z") if frame.start else "–",
        "Exposure": known(frame.exposure_s, 2, "s"),
        "Colour": f"Bayer {frame.bayer}"
        if frame.bayer
        else ("three planes" if pixels.ndim == 3 else "none"),
        "Median": known(float(np.median(seen)), 1, "ADU") if seen.size else "–",
        "Range": f"{known(seen.min(), 1)} to {known(seen.max(), 1, 'ADU')}" if seen.size else "–",
    }
    return card("Frame", facts, left=picture(colour, "the frame") if drawable else "")


def stars_html(stars: Stars) -> str:
    """Return a list of stars as HTML, with a map and the brightest ones.

    Examples
    --------
    >>> "2 stars" in stars_html(Stars([[10.0, 20.0], [30.5, 7.25]]))
    True
    """
    facts = {
        "Median FWHM": known(_median(stars.fwhm_px), 2, "px"),
        "Median elongation": known(_median(stars.elongation), 2),
        "Sky": known(stars.sky_adu, 1, "ADU"),
        "Noise of the sky": known(stars.sky_sigma_adu, 1, "ADU"),
    }
    drawn = stars.xy[:_MAX_DRAWN]
    rows = [
        (f"{x:.2f}", f"{y:.2f}", known(flux, 0), known(fwhm, 2))
        for (x, y), flux, fwhm in zip(
            stars.xy[:_BRIGHTEST], stars.flux, stars.fwhm_px, strict=False
        )
    ]
    header = ("x (px)", "y (px)", "flux (ADU)", "FWHM (px)")
    return card(
        f"Stars: {counted(len(stars), 'star')}",
        facts,
        left=map_of_stars(drawn, _radii(stars.flux[:_MAX_DRAWN]), "map of the stars"),
        below=table(header, rows) if rows else "",
    )


def registration_html(registration: Registration) -> str:
    """Return a registration as HTML: pairs that agree are circles, others crosses.

    Examples
    --------
    >>> from seestack.model import Transform
    >>> "3.00, -1.50 px" in registration_html(Registration(Transform.rigid(shift_px=(3.0, -1.5))))
    True
    """
    agree, transform = registration.inliers, registration.transform
    dx, dy = transform.shift_px
    facts = {
        "Shift of pixel (0, 0)": f"{dx:.2f}, {dy:.2f} px",
        "Rotation": known(transform.rotation_deg, 4, "°"),
        "Scale": known(transform.scale, 5),
        "Inliers": f"{agree.sum()} of {counted(len(agree), 'pair')}",
        "Residual (rms)": known(registration.rms_px, 3, "px"),
    }
    inside = registration.frame_xy[agree]
    lines = list(zip(registration.frame_xy, registration.reference_xy, strict=True))
    left = map_of_stars(
        inside,
        [3.5] * len(inside),
        "star pairs",
        outliers=registration.frame_xy[~agree],
        lines=lines,
    )
    return card("Registration", facts, left=left)


def stack_html(stack: Stack) -> str:
    """Return a stack as HTML, stretched as its preview is.

    Examples
    --------
    >>> from seestack.steps.accumulation import accumulate
    >>> stack = accumulate(None, np.arange(24.0).reshape(4, 6), np.ones((4, 6), bool))
    >>> "1 frame" in stack_html(stack)
    True
    """
    seen = stack.mean[np.isfinite(stack.mean)]
    variance = stack.variance
    variance = variance[np.isfinite(variance)]
    noise = float(np.sqrt(np.median(variance))) if variance.size else None
    facts = {
        "Size": _size(stack.mean.shape),
        "Covered": f"{np.mean(stack.coverage > 0):.1%}".replace("%", " %"),
        "Frames in a pixel": f"{stack.coverage.min()} to {stack.coverage.max()}",
        "Median": known(float(np.median(seen)), 1, "ADU") if seen.size else "–",
        "Median noise": known(noise, 2, "ADU"),
    }
    title = f"Stack: {counted(stack.frames, 'frame')}"
    return card(title, facts, left=picture(stack.mean, "the stack"))


def stacker_html(stacker: LiveStacker) -> str:
    """Return a stacker as HTML: the stack as it is now, and the last frames.

    Examples
    --------
    >>> "0 of 0 frames stacked" in stacker_html(LiveStacker())
    True
    """
    return _progress("LiveStacker", {}, stacker)


def session_html(session: CaptureSession) -> str:
    """Return a session as HTML: its state, the stack as it is now, and the last frames.

    Examples
    --------
    >>> "not started" in session_html(CaptureSession([]))
    True
    """
    now = session.snapshot()
    facts = {
        "State": f"{now.state}: {now.detail}",
        "Wanted": "all frames"
        if now.frames_wanted is None
        else counted(now.frames_wanted, "frame"),
        "Elapsed": known(now.elapsed_s, 0, "s"),
        "Left": known(now.left_s, 0, "s"),
    }
    return _progress("CaptureSession", facts, session.stacker)


def _progress(name: str, facts: dict[str, str], stacker: LiveStacker) -> str:
    reports, image = stacker.reports, stacker.stacked_image(colour=True)
    last = reports[-1] if reports else None
    stacked = last["frames_stacked"] if last else 0
    facts = facts | {
        "Rejected": counted(len(reports) - stacked, "frame"),
        "SNR gain": known(stacker.snr_gain(), 2),
        "SNR gain, measured": known(last["snr_gain_measured"], 2) if last else "–",
    }
    left = "" if image is None else picture(image, "the stack")
    title = f"{name}: {stacked} of {counted(len(reports), 'frame')} stacked"
    below = _last_frames(reports[-_LAST_REPORTS:]) if reports else ""
    return card(title, facts, left=left, below=below)


def _last_frames(reports: Sequence[FrameReport]) -> str:
    header = ("Frame", "Verdict", "Offset (px)", "Rotation (°)", "Stars", "FWHM (px)")
    rows = [
        (
            str(report["index"]),
            "\n".join(filter(None, (_verdict(report), report["hint"]))),
            "{:.2f}, {:.2f}".format(*report["offset"]) if report["accepted"] else "–",
            known(report["rotation_deg"], 3),
            str(report["stars"]),
            known(report["fwhm_px"], 2),
        )
        for report in reports
    ]
    return table(header, rows)


def _verdict(report: FrameReport) -> str:
    return ("✓ " if report["accepted"] else "✗ ") + report["reason"]


def _as_colour(frame: Frame) -> NDArray[Any]:
    """Return the pixels of a frame with the shape (H, W) or (H, W, 3)."""
    pixels = np.asarray(frame.image)
    if frame.bayer and pixels.ndim == 2 and min(pixels.shape) > 1:
        return debayer(pixels, frame.bayer)
    if pixels.ndim == 3 and pixels.shape[0] == 3 and pixels.shape[2] != 3:
        return np.moveaxis(pixels, 0, 2)
    return pixels


def _size(shape: tuple[int, ...]) -> str:
    return f"{shape[1]} × {shape[0]} px"


def _median(values: NDArray[np.floating]) -> float | None:
    finite = values[np.isfinite(values)]
    return float(np.median(finite)) if finite.size else None


def _radii(flux: NDArray[np.floating]) -> list[float]:
    """Return radii from 1 to 5 CSS pixels, whose areas follow the flux."""
    flux = np.where(flux > 0, flux, 0.0)
    brightest = flux.max(initial=0.0)
    return (1 + 4 * np.sqrt(flux / brightest) if brightest else np.full(len(flux), 2.0)).tolist()
