"""What an accepted frame changes: the stack, and what is known of it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from seestack.model import (
    BoolArray,
    FrameQuality,
    FrameRejected,
    Image,
    Observation,
    Registration,
    RejectionKind,
    Stack,
    Transform,
)
from seestack.numerics.boxmeans import BoxLines
from seestack.numerics.noise import NoiseTrack
from seestack.options import Options
from seestack.pipeline import Prepared, lay
from seestack.steps.accumulation import accumulate
from seestack.steps.forecast import SnrCurve
from seestack.steps.normalization import SkyBoxes, SkyCorrection, sky_boxes, sky_correction
from seestack.steps.quality import frame_weight, measure_quality
from seestack.steps.snr import tracked_gain

__all__ = ["Running", "add", "place", "seed"]

# How many of the highest and of the lowest samples of each pixel are kept apart.
_EXTREMES = (2, 1)
# Of so many boxes the noise is known to 0.3 %; more would only take longer.
_NOISE_BOX_PX, _ENOUGH_BOXES = 8, 60_000
_ORDERS = {"level": 0, "gradient": 2}


@dataclass(frozen=True, slots=True, eq=False)
class Running:
    """The stack as it stands, with what the next frame is measured against.

    Parameters
    ----------
    reference : Prepared
        The frame whose grid the stack has, without its pixels.
    quality : FrameQuality
        Its quality.
    sky : SkyBoxes
        Its sky.
    stack : Stack
        The running sums; the next frame is added to these very arrays.
    noise : NoiseTrack
        The stack in boxes, in parts.
    gain : SnrCurve
        Measured SNR gain against the number of frames.
    observation : Observation
        When and with what the frames were taken.
    registration : Registration or None
        How the last frame was placed; None for the reference.
    weight : float
        Weight of the last frame.
    canvas : tuple of ndarray or None
        Image and footprint of the last frame, which the next one is laid over.
    """

    reference: Prepared
    quality: FrameQuality
    sky: SkyBoxes
    stack: Stack
    noise: NoiseTrack
    gain: SnrCurve
    observation: Observation
    registration: Registration | None = None
    weight: float = 1.0
    canvas: tuple[Image, BoolArray] | None = None


def seed(new: Prepared, options: Options) -> Running:
    """Start a stack with its reference.

    Raises
    ------
    FrameRejected
        If the frame has too few stars to serve as reference.
    """
    if len(new.stars) < options.min_inliers:
        raise FrameRejected("reference frame has too few stars", kind=RejectionKind.FEW_STARS)
    image, footprint = lay(new, Transform.identity(), options)
    extremes = _EXTREMES if options.clip is not None else (0, 0)
    kept = _without_pixels(new)
    stack = accumulate(None, image, footprint, extremes=extremes)
    return Running(
        reference=kept,
        quality=measure_quality(new.stars),
        sky=sky_boxes(image),
        stack=replace(stack, coverage=stack.coverage.astype(np.uint16)),
        noise=NoiseTrack.start(image, box_px=_noise_box_px(new.light.size)),
        gain=SnrCurve().with_point(1, 1.0),
        observation=Observation().with_frame(kept.frame),
        canvas=(image, footprint),
    )


def _noise_box_px(pixels: int) -> int:
    """Return the side of the boxes that tell the noise: 8 pixels, 16 in a large image."""
    return _NOISE_BOX_PX if pixels <= _ENOUGH_BOXES * _NOISE_BOX_PX**2 else 2 * _NOISE_BOX_PX


def _without_pixels(new: Prepared) -> Prepared:
    """Return the frame with its shape, its stars and its header.

    All pixels are one and the same zero, which takes no memory.
    """
    image, light = (
        np.broadcast_to(np.zeros((), array.dtype), array.shape)
        for array in (new.frame.image, new.light)
    )
    return replace(new, frame=replace(new.frame, image=image), light=light)


def place(
    running: Running,
    new: Prepared,
    registration: Registration,
    quality: FrameQuality,
    options: Options,
    *,
    out: tuple[Image, BoolArray] | None = None,
) -> tuple[Image, BoolArray, SkyCorrection | None, float]:
    """Return a frame on the grid of the reference, and where it covers that.

    And what gives it the sky of the reference, None where nothing must be done, and its
    weight. `out` is an earlier result that may be written over.
    """
    image, footprint = lay(new, registration.transform, options, out=out)
    change = None
    if options.normalize is not None:
        scale, order = 1.0 / quality.flux_scale, _ORDERS[options.normalize]
        change = sky_correction(image, running.sky, scale=scale, order=order)
    weight = 1.0 if options.weighting is None else frame_weight(quality, running.quality)
    return image, footprint, change, weight


def add(
    running: Running,
    new: Prepared,
    registration: Registration,
    quality: FrameQuality,
    options: Options,
) -> Running:
    """Lay a frame on the reference, match its sky and add it with its weight."""
    canvas = running.canvas
    image, footprint, change, weight = place(
        running, new, registration, quality, options, out=canvas
    )
    boxes = BoxLines.of(image.shape, running.noise.box_px)

    def before(rows: slice) -> None:
        if change is not None:
            change.apply(image, rows)
        boxes.measure(image, rows)

    stack = running.stack
    stack = accumulate(stack, image, footprint, weight=weight, out=stack, before=before)
    noise = running.noise.with_boxes(boxes.means, weight=weight)
    return replace(
        running,
        stack=stack,
        noise=noise,
        gain=running.gain.with_point(noise.frames, tracked_gain(noise)),
        observation=running.observation.with_frame(new.frame),
        registration=registration,
        weight=weight,
        canvas=(image, footprint),
    )
