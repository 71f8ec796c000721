"""The way of one frame: prepared, registered on the reference, laid on its grid."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

from seestack.checks import as_real_array
from seestack.masters import Calibration
from seestack.model import (
    BoolArray,
    Frame,
    FrameRejected,
    Image,
    Raw,
    Registration,
    RejectionKind,
    Stars,
    Transform,
    as_pixels,
)
from seestack.options import Options
from seestack.steps.calibration import calibrate, without_hot_pixels
from seestack.steps.colour import luminance
from seestack.steps.detection import detect
from seestack.steps.refinement import refine
from seestack.steps.voting import vote
from seestack.steps.warping import warp, warp_colour, warp_mosaic

__all__ = [
    "Prepared",
    "as_frame",
    "lay",
    "prepare",
    "register",
    "registers",
    "with_own_pixels",
    "with_stars",
]


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """A frame on its way.

    Parameters
    ----------
    index : int
        Number of frames before it since the reset.
    frame : Frame
        Calibrated, without hot pixels.
    light : ndarray of shape (H, W), float32 or uint16
        Its luminance; the pixels themselves where they are whole numbers of 16 bits.
    stars : Stars
        Empty before `with_stars`.
    """

    index: int
    frame: Frame
    light: Raw
    stars: Stars


def as_frame(given: Frame | ArrayLike) -> Frame:
    """Return plain pixels as a frame, their colours averaged; a frame as it is.

    Raises
    ------
    ValueError
        If they are not real numbers in 2 or 3 dimensions.
    """
    if isinstance(given, Frame):
        return given
    pixels = as_real_array("frame", given)
    return Frame(pixels if pixels.ndim == 2 else luminance(pixels))


def prepare(
    frame: Frame, calibration: Calibration | None, options: Options, *, index: int = 0
) -> Prepared:
    """Calibrate a frame, mend its hot pixels and reduce it to luminance.

    Raises
    ------
    CalibrationMismatchError
        If a master does not fit.
    ValueError
        If the pixels are not an image.
    """
    if calibration is not None:
        frame = calibrate(
            frame,
            bias=calibration.bias,
            dark=calibration.dark,
            flat=calibration.flat,
            bad=calibration.bad,
            scale_dark=calibration.scale_dark,
        )
    if frame.bayer:
        frame = replace(frame, image=without_hot_pixels(frame.image, frame.bayer))
    light = _light(frame)
    if frame.image.ndim == 2 and not frame.bayer:
        if options.clip is not None:
            own = light if light is not frame.image else None
            light = without_hot_pixels(light, None, out=own)
        frame = replace(frame, image=light)  # so that the pixels are kept once
    return Prepared(index, frame, light, Stars(np.empty((0, 2))))


def _light(frame: Frame) -> Raw:
    """Return the luminance, the pixels themselves where they are numbers that all steps read."""
    if frame.image.dtype == np.uint16 and frame.image.ndim == 2 and not frame.bayer:
        return as_pixels(frame.image)
    return luminance(frame.image, frame.bayer)


def with_own_pixels(new: Prepared) -> Prepared:
    """Return the frame with a copy of its pixels, which nobody else can write to."""
    image = new.frame.image.copy()
    light = image if new.light is new.frame.image else new.light.copy()
    return replace(new, frame=replace(new.frame, image=image), light=light)


def with_stars(new: Prepared, options: Options, *, share: int = 1) -> Prepared:
    """Return the frame with its stars, `share` times as many as the options say."""
    stars = detect(
        new.light,
        fwhm=options.detection_fwhm,
        threshold=options.detection_threshold,
        max_stars=share * options.max_stars,
    )
    return replace(new, stars=stars)


def register(reference: Prepared, new: Prepared, options: Options) -> Registration:
    """Place a frame on the reference.

    Raises
    ------
    FrameRejected
        If it cannot be placed, or lies too far away.
    """
    if new.light.shape != reference.light.shape:
        raise FrameRejected("frame size differs from reference", kind=RejectionKind.SIZE)
    if _in_colour(new, options) != _in_colour(reference, options):
        raise FrameRejected("frame colours differ from reference", kind=RejectionKind.SIZE)
    matches = vote(
        reference.stars,
        new.stars,
        tolerance_px=options.match_tolerance_px,
        transform=options.transform,
        max_stars=options.max_stars,
    )
    registration = refine(
        reference.stars,
        new.stars,
        matches,
        transform=options.transform,
        tolerance_px=options.match_tolerance_px,
        min_inliers=options.min_inliers,
    )
    dx, dy = registration.transform.offset_px((new.light.shape[0], new.light.shape[1]))
    if max(abs(dx), abs(dy)) > options.max_offset_px:
        raise FrameRejected(
            f"offset out of range ({dx:.1f},{dy:.1f})",
            inliers=int(registration.inliers.sum()),
            kind=RejectionKind.OFFSET,
            value=max(abs(dx), abs(dy)),
            limit=float(options.max_offset_px),
        )
    return registration


def registers(reference: Prepared, frames: list[Prepared], options: Options) -> bool:
    """Return whether all the frames can be placed on the reference."""
    try:
        return all(register(reference, frame, options) for frame in frames)
    except FrameRejected:
        return False


def lay(
    new: Prepared,
    transform: Transform,
    options: Options,
    *,
    out: tuple[Image, BoolArray] | None = None,
) -> tuple[Image, BoolArray]:
    """Return the frame on the grid of the reference, and where it covers it.

    Shape (H, W, 3) for a frame in colour, each colour resampled once, from its own
    pixels; otherwise (H, W). `out` is an earlier result that may be written over.
    """
    kernel = options.interpolation
    if _in_colour(new, options):
        if new.frame.bayer:
            return warp_mosaic(
                new.frame.image, new.frame.bayer, transform, interpolation=kernel, out=out
            )
        return warp_colour(new.frame.image, transform, interpolation=kernel, out=out)
    if np.array_equal(transform.matrix, np.eye(3)):
        image, footprint = (np.empty(new.light.shape, np.float32), None) if out is None else out
        np.copyto(image, new.light)
        return image, np.isfinite(new.light, out=footprint)
    return warp(new.light, transform, interpolation=kernel, out=out)


def _in_colour(new: Prepared, options: Options) -> bool:
    shape = new.frame.image.shape
    complete = len(shape) == 3 and 3 in (shape[0], shape[2])
    return options.colour and (complete or (new.frame.bayer is not None and len(shape) == 2))
