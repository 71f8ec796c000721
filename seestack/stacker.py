"""LiveStacker: the steps assembled, one frame after another.

Nothing changes until a frame is accepted. What makes a frame unusable is raised as
`FrameRejected` inside the steps and becomes a report here, and nowhere else.
"""

from __future__ import annotations

import base64
import copy
import threading
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

from seestack.checks import as_real_array
from seestack.masters import Calibration, CalibrationMismatchError
from seestack.model import (
    Frame,
    FrameRejected,
    FrameReport,
    Image,
    Observation,
    Registration,
    Stack,
    Stars,
    Transform,
)
from seestack.options import Options
from seestack.reports import frame_report
from seestack.steps.accumulation import accumulate
from seestack.steps.calibration import calibrate, without_hot_pixels
from seestack.steps.colour import luminance
from seestack.steps.detection import detect
from seestack.steps.refinement import refine
from seestack.steps.snr import measured_gain
from seestack.steps.stretching import preview_png
from seestack.steps.voting import vote
from seestack.steps.warping import warp

__all__ = ["LiveStacker"]

# The reference keeps more stars than a frame, so that a frame's faintest find partners.
_REFERENCE_STARS = 3
_DROPPED = "reference dropped (matched none of the frames that followed)"


@dataclass(frozen=True, slots=True, eq=False)
class _Measured:
    """A frame, its luminance and its stars; `index` counts the frames since the reset."""

    index: int
    frame: Frame
    image: Image
    stars: Stars


class LiveStacker:
    """Stack frames live, one by one, onto the first that can serve as reference.

    Parameters
    ----------
    detection_fwhm : float, default 4.0
        Width of the search kernel in pixels, see `seestack.detect`.
    detection_threshold : float, default 5.0
        Height of a star above the sky in units of the noise.
    max_stars : int, default 60
        The brightest stars that register a frame.
    match_tolerance_px : float, default 2.0
        How close a star must come to its partner.
    min_inliers : int, default 4
        A frame with fewer stars in agreement is rejected.
    max_offset_px : float, default 300.0
        A frame whose centre is displaced further than this, along x or along y, is
        rejected.
    transform : {"rigid", "translation"}
        The motion corrected: shift and any rotation, or a shift alone.
    interpolation : {"lanczos", "bilinear", "nearest"}
        See `seestack.warp`.
    reseed_after : int or None, default 3
        When the reference is alone in the stack and this many frames in a row match
        each other but not it, the first of them becomes the reference and the old
        one is dropped. None keeps the first reference come what may.
    clip, weighting, normalize : None
        Every pixel of every accepted frame counts alike.
    calibration : Calibration, optional
        Masters applied to each frame before anything else. A frame they do not fit is
        rejected.

    Raises
    ------
    ValueError
        If an option is out of range; the message names it.

    Notes
    -----
    All methods may be called from any thread, one frame is stacked at a time.

    Examples
    --------
    >>> from seestack.simulation import random_field, simulate_frame
    >>> field = random_field((120, 180), 40, seed=5)
    >>> st = LiveStacker()
    >>> for n in range(4):
    ...     motion = Transform.rigid(rotation_deg=0.2 * n, shift_px=(1.5 * n, -0.7 * n))
    ...     info = st.add_frame(simulate_frame(field, (120, 180), transform=motion, seed=n))
    >>> info["reason"], info["frames_stacked"], info["snr_gain"]
    ('stacked', 4, 2.0)
    >>> st.stacked_image().shape
    (120, 180)
    """

    def __init__(
        self,
        detection_fwhm: float = 4.0,
        detection_threshold: float = 5.0,
        max_stars: int = 60,
        match_tolerance_px: float = 2.0,
        min_inliers: int = 4,
        max_offset_px: float = 300.0,
        *,
        transform: str = "rigid",
        interpolation: str = "lanczos",
        reseed_after: int | None = 3,
        clip: None = None,
        weighting: None = None,
        normalize: None = None,
        calibration: Calibration | None = None,
    ) -> None:
        self.calibration = calibration
        self.options = Options(
            detection_fwhm,
            detection_threshold,
            max_stars,
            match_tolerance_px,
            min_inliers,
            max_offset_px,
            transform,
            interpolation,
            reseed_after,
            clip,
            weighting,
            normalize,
        )
        self._lock = threading.RLock()
        self.reset()

    def reset(self) -> None:
        """Forget every frame; the next usable one becomes the reference."""
        with self._lock:
            self._reports: list[FrameReport] = []
            # (stacked, total), replaced as one so that any thread reads both of one moment.
            self._counts = (0, 0)
            self._start()

    def add_frame(self, frame: Frame | ArrayLike) -> FrameReport:
        """Stack one frame, or say why it was rejected.

        Parameters
        ----------
        frame : Frame or array_like
            A `Frame`, or pixels of shape (H, W), or colour whose smallest axis is
            averaged. NaN marks pixels without a value. A `Frame` with a Bayer
            pattern is turned into luminance first.

        Returns
        -------
        FrameReport
            A plain dict, the same keys for accepted and rejected frames.

        Raises
        ------
        ValueError
            If the pixels are not real numbers in 2 or 3 dimensions. The stack is as
            it was, and the frame is not counted.
        """
        given = frame if isinstance(frame, Frame) else Frame(as_real_array("frame", frame))
        try:
            given = _calibrated(given, self.calibration)
        except CalibrationMismatchError as mismatch:
            return self.reject(mismatch.reason, source=given.source)
        image = luminance(without_hot_pixels(given.image, given.bayer), given.bayer)
        with self._lock:
            measured = self._measure(given, image)
            try:
                return self._stack_frame(measured)
            except FrameRejected as rejection:
                if rejection.inliers:  # it matches the reference, and is out of range
                    self._strays.clear()
                    return self._record(measured, rejection.reason, inliers=rejection.inliers)
                return self._reseed(measured) or self._record(measured, rejection.reason)

    def reject(self, reason: str, *, source: str = "") -> FrameReport:
        """Count a frame that never became pixels, such as an unreadable file.

        Parameters
        ----------
        reason : str
            Why, in words for the user.
        source : str, optional
            What was to be read.

        Returns
        -------
        FrameReport
            As `add_frame` returns it for a rejected frame.
        """
        with self._lock:
            nothing = Frame(np.empty((0, 0), np.float32), source=source)
            new = _Measured(len(self._reports), nothing, nothing.image, Stars(np.empty((0, 2))))
            return self._record(new, reason)

    def stacked_image(self) -> Image | None:
        """Return the mean in ADU, shape (H, W), float32; None before the first frame.

        NaN where no frame covered the pixel.
        """
        with self._lock:
            return None if self._stack is None else self._stack.mean.astype(np.float32)

    def preview_png_b64(self, max_px: int = 720) -> str | None:
        """Return the stretched stack as a base64 PNG; None before the first frame.

        Parameters
        ----------
        max_px : int, default 720
            Longest side of the picture.
        """
        image = self.stacked_image()
        return (
            None if image is None else base64.b64encode(preview_png(image, max_px=max_px)).decode()
        )

    def snr_gain(self) -> float:
        """Return the square root of the number of stacked frames, 0.0 before the first."""
        return float(np.sqrt(self.frames_stacked))

    @property
    def frames_stacked(self) -> int:
        """Frames in the stack."""
        return self._counts[0]

    @property
    def frames_total(self) -> int:
        """Frames since the last reset, rejected ones included."""
        return self._counts[1]

    @property
    def frames_rejected(self) -> int:
        """Frames since the last reset that are not in the stack."""
        stacked, total = self._counts
        return total - stacked

    @property
    def last_registration(self) -> Registration | None:
        """How the last accepted frame was placed; None for a reference."""
        return self._registration

    @property
    def observation(self) -> Observation:
        """When and with what the stacked frames were taken."""
        return self._observation

    @property
    def reports(self) -> list[FrameReport]:
        """One report for each frame since the last reset, in order, as they stand now."""
        with self._lock:
            return copy.deepcopy(self._reports)

    @property
    def stack(self) -> Stack | None:
        """A copy of the running sums; None before the first frame."""
        with self._lock:
            return None if self._stack is None else self._stack.copy()

    def _start(self) -> None:
        self._stack: Stack | None = None
        self._reference: _Measured | None = None
        self._registration: Registration | None = None
        self._observation = Observation()
        self._gain_measured: float | None = None
        self._strays: list[_Measured] = []

    def _measure(self, frame: Frame, image: Image) -> _Measured:
        options = self.options
        share = 1 if self._reference else _REFERENCE_STARS
        stars = detect(
            image,
            fwhm=options.detection_fwhm,
            threshold=options.detection_threshold,
            max_stars=share * options.max_stars,
        )
        return _Measured(len(self._reports), frame, image, stars)

    def _stack_frame(self, new: _Measured) -> FrameReport:
        if self._reference is None:
            return self._seed(new)
        registration = _register(self._reference, new, self.options)
        image, footprint = warp(
            new.image, registration.transform, interpolation=self.options.interpolation
        )
        self._stack = accumulate(self._stack, image, footprint, out=self._stack)
        self._registration = registration
        self._observation = self._observation.with_frame(new.frame)
        self._gain_measured = measured_gain(self._reference.image, self._stack)
        self._strays = []
        inliers = int(registration.inliers.sum())
        return self._record(new, "stacked", registration, inliers=inliers)

    def _seed(self, new: _Measured) -> FrameReport:
        if len(new.stars) < self.options.min_inliers:
            raise FrameRejected("reference frame has too few stars")
        self._stack = accumulate(None, new.image, np.isfinite(new.image))
        self._reference = new
        self._observation = Observation().with_frame(new.frame)
        self._gain_measured = 1.0
        return self._record(new, "reference frame", Registration(Transform.identity()))

    def _reseed(self, new: _Measured) -> FrameReport | None:
        """Start again on frames in a row that match each other; None if these do not."""
        after, dropped = self.options.reseed_after, self._reference
        if after is None or dropped is None or self.frames_stacked > 1:
            return None
        self._strays = [*self._strays, new][-after:]
        first, *others = self._strays
        if len(self._strays) < after or not _all_register(first, others, self.options):
            return None
        self._start()
        self._record(dropped, _DROPPED)
        self._seed(replace(self._measure(first.frame, first.image), index=first.index))
        for stray in others:
            self._stack_frame(stray)
        report = self._reports[new.index]
        report["reason"] = f"stacked (frame {first.index} is the new reference)"
        report["amended"] = [dropped.index, first.index, *(stray.index for stray in others[:-1])]
        return copy.deepcopy(report)

    def _record(
        self,
        new: _Measured,
        reason: str,
        registration: Registration | None = None,
        *,
        inliers: int = 0,
    ) -> FrameReport:
        """Write the frame's row, over the one it had before if there is one."""
        stacked = 0 if self._stack is None else self._stack.frames
        report = frame_report(
            index=new.index,
            source=new.frame.source,
            reason=reason,
            stars=new.stars,
            shape=new.image.shape,
            registration=registration,
            frames_stacked=stacked,
            gain_measured=self._gain_measured,
            inliers=inliers,
        )
        self._reports[new.index : new.index + 1] = [report]
        self._counts = (stacked, len(self._reports))
        return copy.deepcopy(report)


def _calibrated(frame: Frame, masters: Calibration | None) -> Frame:
    if masters is None:
        return frame
    return calibrate(
        frame,
        bias=masters.bias,
        dark=masters.dark,
        flat=masters.flat,
        bad=masters.bad,
        scale_dark=masters.scale_dark,
    )


def _register(reference: _Measured, new: _Measured, options: Options) -> Registration:
    """Place a frame on the reference, or raise `FrameRejected`."""
    if new.image.shape != reference.image.shape:
        raise FrameRejected("frame size differs from reference")
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
    dx, dy = registration.transform.offset_px(new.image.shape)
    if max(abs(dx), abs(dy)) > options.max_offset_px:
        inliers = int(registration.inliers.sum())
        raise FrameRejected(f"offset out of range ({dx:.1f},{dy:.1f})", inliers=inliers)
    return registration


def _all_register(reference: _Measured, frames: list[_Measured], options: Options) -> bool:
    try:
        return all(_register(reference, frame, options) for frame in frames)
    except FrameRejected:
        return False
