"""LiveStacker: the steps assembled, one frame after another.

Nothing changes until a frame is accepted. What makes a frame unusable is raised as
`FrameRejected` inside the steps and becomes a report here, and nowhere else.
"""

from __future__ import annotations

import base64
import copy
import threading
from dataclasses import replace
from typing import Any, Unpack

import numpy as np
from numpy.typing import ArrayLike, NDArray

from seestack.checks import as_real_array
from seestack.gates import Baseline, judge
from seestack.masters import Calibration, CalibrationMismatchError
from seestack.model import (
    Frame,
    FrameQuality,
    FrameRejected,
    FrameReport,
    Image,
    Observation,
    Registration,
    RejectionKind,
    Stack,
    Stars,
    Transform,
)
from seestack.options import MoreOptions, Options
from seestack.pipeline import Prepared, prepare, register, registers, with_stars
from seestack.reports import frame_report
from seestack.running import Running, add, seed
from seestack.steps.colour import luminance, luminance_of_colour
from seestack.steps.forecast import SnrCurve
from seestack.steps.quality import measure_quality
from seestack.steps.rejection import clip_outliers
from seestack.steps.stretching import preview_png
from seestack.steps.targets import Target
from seestack.targeting import Outlook, outlook

__all__ = ["LiveStacker"]

# The reference keeps more stars than a frame, so that a frame's faintest find partners.
_REFERENCE_STARS = 3
_DROPPED = "reference dropped (matched none of the frames that followed)"


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
    calibration : Calibration, optional
        Masters applied to each frame before anything else. A frame they do not fit is
        rejected.
    transform : {"rigid", "translation"}
        The motion corrected: shift and any rotation, or a shift alone.
    interpolation : {"lanczos", "bilinear", "nearest"}
        See `seestack.warp`.
    reseed_after : int or None, default 3
        When the reference is alone in the stack and this many frames in a row match
        each other but not it, the first of them becomes the reference and the old
        one is dropped. None keeps the first reference come what may.
    clip : float or None, default 4.0
        Samples further than this many standard deviations from the others of their
        pixel are left out, see `seestack.clip_outliers`, and single hot pixels are
        mended before. None keeps every sample.
    weighting : {"noise", None}
        Frames weigh as the inverse of their noise, star light being equal, see
        `seestack.steps.quality.frame_weight`; or all alike.
    normalize : {"gradient", "level", None}
        What of the sky is matched to the reference, see `seestack.normalize`, with the
        star light; or nothing.
    colour : bool, default True
        A `Frame` with a Bayer pattern, or with three colours, makes a stack of shape
        (H, W, 3). A plain array is always reduced to luminance.
    max_fwhm, max_elongation, min_transparency, max_sky, min_stars, min_weight : float
        Limits that reject a frame, see `seestack.gates.Gates`; None for no limit.

    Raises
    ------
    ValueError, TypeError
        If an option is out of range or unknown; the message names it.

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
        calibration: Calibration | None = None,
        **more: Unpack[MoreOptions],
    ) -> None:
        self.calibration = calibration
        self.options = Options(
            detection_fwhm,
            detection_threshold,
            max_stars,
            match_tolerance_px,
            min_inliers,
            max_offset_px,
            **more,
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

    def _start(self) -> None:
        self._running: Running | None = None
        self._baseline = Baseline()
        self._strays: list[Prepared] = []
        self._read_out: Stack | None = None

    def add_frame(self, frame: Frame | ArrayLike) -> FrameReport:
        """Stack one frame, or say why it was rejected.

        Parameters
        ----------
        frame : Frame or array_like
            A `Frame`, or pixels of shape (H, W), or colour whose smallest axis is
            averaged. NaN marks pixels without a value.

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
        given = frame if isinstance(frame, Frame) else _grey(as_real_array("frame", frame))
        try:
            new = prepare(given, self.calibration, self.options)
        except CalibrationMismatchError as mismatch:
            kind = RejectionKind.CALIBRATION
            return self.reject(mismatch.reason, source=given.source, kind=kind)
        with self._lock:
            share = 1 if self._running else _REFERENCE_STARS
            new = with_stars(replace(new, index=len(self._reports)), self.options, share=share)
            try:
                return self._stack_frame(new)
            except FrameRejected as rejection:
                return self._refuse(new, rejection)

    def reject(
        self,
        reason: str,
        *,
        source: str = "",
        kind: RejectionKind = RejectionKind.UNREADABLE,
    ) -> FrameReport:
        """Count a frame that never became pixels, such as an unreadable file.

        Parameters
        ----------
        reason : str
            Why, in words for the user.
        source : str, optional
            What was to be read.
        kind : RejectionKind, default "unreadable"
            The same in one word.

        Returns
        -------
        FrameReport
            As `add_frame` returns it for a rejected frame.
        """
        nothing = Frame(np.empty((0, 0), np.float32), source=source)
        with self._lock:
            new = Prepared(len(self._reports), nothing, nothing.image, Stars(np.empty((0, 2))))
            return self._record(new, FrameRejected(reason, kind=kind))

    def stacked_image(self, *, colour: bool = False) -> Image | None:
        """Return the mean in ADU, float32; None before the first frame.

        Parameters
        ----------
        colour : bool, default False
            Return (H, W, 3) where the frames have colours, not their luminance.

        Returns
        -------
        ndarray of shape (H, W) or (H, W, 3), or None
            NaN where no frame covered the pixel.
        """
        stack = self._clean_stack()
        if stack is None:
            return None
        if stack.mean.ndim == 3 and not colour:
            return luminance_of_colour(stack.mean)
        return stack.mean.astype(np.float32)

    def preview_png_b64(self, max_px: int = 720) -> str | None:
        """Return the stretched stack as a base64 PNG; None before the first frame.

        Parameters
        ----------
        max_px : int, default 720
            Longest side of the picture, in colour where the frames have colours.
        """
        image = self.stacked_image(colour=True)
        return (
            None if image is None else base64.b64encode(preview_png(image, max_px=max_px)).decode()
        )

    def snr_gain(self) -> float:
        """Return the square root of the number of stacked frames, 0.0 before the first."""
        return float(np.sqrt(self.frames_stacked))

    def outlook(
        self, target: Target | None = None, *, wanted_snr: float | None = None
    ) -> Outlook | None:
        """Measure the SNR of a target, and foresee how many frames a wanted one takes.

        Parameters
        ----------
        target : Target, optional
            A circle or a box; the brightest extended region by default.
        wanted_snr : float, optional
            The SNR to reach.

        Returns
        -------
        Outlook or None
            None before the first frame, and where nothing extended stands out.
        """
        stack = self._clean_stack()
        running = self._running
        if stack is None or running is None:
            return None
        return outlook(running.noise, stack, target, wanted_snr=wanted_snr)

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
        return self._running.registration if self._running else None

    @property
    def observation(self) -> Observation:
        """When and with what the stacked frames were taken."""
        return self._running.observation if self._running else Observation()

    @property
    def gain_curve(self) -> SnrCurve:
        """Measured SNR gain against the number of frames."""
        return self._running.gain if self._running else SnrCurve()

    @property
    def reports(self) -> list[FrameReport]:
        """One report for each frame since the last reset, in order, as they stand now."""
        with self._lock:
            return copy.deepcopy(self._reports)

    @property
    def stack(self) -> Stack | None:
        """The stack without outliers, a copy; None before the first frame."""
        stack = self._clean_stack()
        return None if stack is None else stack.copy()

    @property
    def running_stack(self) -> Stack | None:
        """A copy of the running sums, outliers included, to merge with others."""
        with self._lock:
            return self._running.stack.copy() if self._running else None

    def _clean_stack(self) -> Stack | None:
        """Return the stack without outliers, decided once for each state of the stack."""
        with self._lock:
            if self._read_out is None and self._running is not None:
                clip = self.options.clip
                stack = self._running.stack
                self._read_out = stack.copy() if clip is None else clip_outliers(stack, kappa=clip)
            return self._read_out

    def _stack_frame(self, new: Prepared) -> FrameReport:
        if self._running is None:
            seeded = seed(new, self.options)
            self._adopt(seeded)
            placed = Registration(Transform.identity())
            return self._record(new, placed, quality=seeded.quality, reason="reference frame")
        reference = self._running.reference
        registration = register(reference, new, self.options)
        quality = measure_quality(new.stars, registration, reference.stars)
        # A frame counts for what is usual whether or not a gate refuses it.
        baseline, self._baseline = self._baseline, self._baseline.with_frame(quality)
        try:
            judge(quality, baseline, self.options.gates)
        except FrameRejected as refusal:
            refusal.inliers = int(registration.inliers.sum())
            return self._refuse(new, refusal, quality)
        self._adopt(add(self._running, new, registration, quality, self.options))
        return self._record(new, registration, quality=quality)

    def _adopt(self, running: Running) -> None:
        if self._running is None:
            self._baseline = Baseline((running.quality,))
        self._running, self._read_out, self._strays = running, None, []

    def _refuse(
        self, new: Prepared, rejection: FrameRejected, quality: FrameQuality | None = None
    ) -> FrameReport:
        if rejection.inliers:  # it matches the reference all the same
            self._strays.clear()
            return self._record(new, rejection, quality=quality)
        return self._reseed(new) or self._record(new, rejection)

    def _reseed(self, new: Prepared) -> FrameReport | None:
        """Start again on frames in a row that match each other; None if these do not."""
        after, running = self.options.reseed_after, self._running
        if after is None or running is None or self.frames_stacked > 1:
            return None
        self._strays = [*self._strays, new][-after:]
        first, *others = self._strays
        if len(self._strays) < after or not registers(first, others, self.options):
            return None
        self._start()
        self._record(running.reference, FrameRejected(_DROPPED, kind=RejectionKind.DROPPED))
        for frame in (with_stars(first, self.options, share=_REFERENCE_STARS), *others):
            self._stack_frame(frame)
        report = self._reports[new.index]
        report["reason"] = f"stacked (frame {first.index} is the new reference)"
        indices = [running.reference.index, first.index, *(stray.index for stray in others[:-1])]
        report["amended"] = indices
        return copy.deepcopy(report)

    def _record(
        self,
        new: Prepared,
        verdict: Registration | FrameRejected,
        *,
        quality: FrameQuality | None = None,
        reason: str = "stacked",
    ) -> FrameReport:
        """Write the frame's row, over the one it had before if there is one."""
        running = self._running
        stacked = 0 if running is None else running.stack.frames
        report = frame_report(
            index=new.index,
            source=new.frame.source,
            verdict=verdict,
            reason=reason,
            quality=quality or replace(measure_quality(new.stars), transparency=np.nan),
            shape=(new.light.shape[0], new.light.shape[1]),
            weight=running.weight if running else 1.0,
            frames_stacked=stacked,
            gain_measured=running.gain.value_at(stacked) if running else None,
        )
        self._reports[new.index : new.index + 1] = [report]
        self._counts = (stacked, len(self._reports))
        return copy.deepcopy(report)


def _grey(pixels: NDArray[Any]) -> Frame:
    """Return plain pixels as a frame, colours averaged as documented."""
    return Frame(pixels if pixels.ndim == 2 else luminance(pixels))
