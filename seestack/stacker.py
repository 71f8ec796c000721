"""LiveStacker: the steps assembled, one frame after another.

Nothing changes until a frame is accepted. What makes a frame unusable is raised as
`FrameRejected` inside the steps and becomes a report here, and nowhere else.
"""

from __future__ import annotations

import base64
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Unpack

import numpy as np
from numpy.typing import ArrayLike

from seestack.assembly import Assembly
from seestack.checks import check_positive
from seestack.masters import Calibration, CalibrationMismatchError
from seestack.model import (
    Frame,
    FrameRejected,
    FrameReport,
    Image,
    Observation,
    Registration,
    RejectionKind,
    Stack,
    UnreadableFrameError,
)
from seestack.options import MoreOptions, Options
from seestack.pipeline import as_frame, prepare
from seestack.running import Running
from seestack.steps.colour import luminance_of_colour
from seestack.steps.forecast import SnrCurve
from seestack.steps.reduction import reduce_stack
from seestack.steps.rejection import clip_outliers
from seestack.steps.stretching import preview_png
from seestack.steps.targets import Target
from seestack.targeting import Outlook, outlook

__all__ = ["LiveStacker"]


class LiveStacker:
    """Stack frames live, one by one, onto the first that can serve as reference.

    Any thread may call any method; one frame is stacked at a time.

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
        A frame displaced further than this along x or y, at its centre, is rejected.
    calibration : Calibration, optional
        Masters applied to each frame first. A frame they do not fit is rejected.
    **more
        Further options by keyword, see `seestack.options.Options`: `transform`,
        `interpolation`, `reseed_after`, `clip`, `weighting`, `normalize`, `colour`, and the
        limits `max_fwhm`, `max_elongation`, `min_transparency`, `max_sky`, `min_stars`,
        `min_weight`.

    Raises
    ------
    ValueError, TypeError
        If an option is out of range or unknown; the message names it.

    Examples
    --------
    >>> from seestack import Transform
    >>> from seestack.simulation import random_field, simulate_frame
    >>> field = random_field((120, 180), 40, seed=5)
    >>> st = LiveStacker()
    >>> for n in range(4):
    ...     motion = Transform.rigid(rotation_deg=0.2 * n, shift_px=(1.5 * n, -0.7 * n))
    ...     info = st.add_frame(simulate_frame(field, (120, 180), transform=motion, seed=n))
    >>> info["reason"], info["frames_stacked"], info["snr_gain"]
    ('stacked', 4, 2.0)
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
            self._assembly = Assembly(self.options)
            self._clean: tuple[Running, Stack] | None = None  # made of, without outliers

    @contextmanager
    def assembly(self) -> Iterator[Assembly]:
        """Hold the frames' assembly between two frames, such as for a checkpoint."""
        with self._lock:
            yield self._assembly

    def add_frame(self, frame: Frame | ArrayLike | UnreadableFrameError) -> FrameReport:
        """Stack one frame, or say why it was rejected.

        Parameters
        ----------
        frame : Frame or array_like
            A `Frame`, or pixels of shape (H, W), or colour whose smallest axis is
            averaged. NaN marks pixels without a value. What a source yields for a file
            that cannot be read, an `UnreadableFrameError`, is counted as rejected.

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
        if isinstance(frame, UnreadableFrameError):
            return self.reject(str(frame), source=frame.source)
        given = as_frame(frame)
        try:
            new = prepare(given, self.calibration, self.options)
        except CalibrationMismatchError as mismatch:
            return self.reject(mismatch.reason, kind=RejectionKind.CALIBRATION, frame=given)
        with self._lock:
            return self._assembly.add(new)

    def reject(
        self,
        reason: str,
        *,
        source: str = "",
        kind: RejectionKind = RejectionKind.UNREADABLE,
        frame: Frame | None = None,
    ) -> FrameReport:
        """Count a frame that is not stacked: why in words and in one; `frame` tells its start."""
        given = frame or Frame(np.empty((0, 0)), source=source)
        with self._lock:
            return self._assembly.refuse(FrameRejected(reason, kind=kind), given)

    def stacked_image(self, *, colour: bool = False) -> Image | None:
        """Return the mean in ADU, float32; None before the first frame.

        Parameters
        ----------
        colour : bool, default False
            Return (H, W, 3) where the frames have colours, not their luminance.

        Returns
        -------
        ndarray or None
            NaN where no frame covered the pixel.
        """
        stack = self._clean_stack()
        if stack is None:
            return None
        grey = stack.mean.ndim == 3 and not colour
        return luminance_of_colour(stack.mean) if grey else stack.mean.astype(np.float32)

    def preview_png(self, max_px: int = 720) -> bytes | None:
        """Return the stretched stack as a PNG; None before the first frame.

        It is in colour where the frames are, with `max_px` along its longest side. Where that is
        half of the stack's or less, no frame waits for a verdict on each of its samples.
        """
        check_positive("max_px", max_px)
        with self._lock:
            image = _reduced(self._assembly.running, max_px, self.options.clip)
        image = self.stacked_image(colour=True) if image is None else image
        return None if image is None else preview_png(image, max_px=max_px)

    def preview_png_b64(self, max_px: int = 720) -> str | None:
        """Return `preview_png` in base64."""
        return base64.b64encode(png).decode() if (png := self.preview_png(max_px)) else None

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
        with self._lock:
            stack, running = self._clean_stack(), self._assembly.running
        if running and stack:
            return outlook(running.noise, stack, target, wanted_snr=wanted_snr)
        return None

    @property
    def frames_stacked(self) -> int:
        """Frames in the stack."""
        return self._assembly.log.counts[0]

    @property
    def frames_total(self) -> int:
        """Frames since the last reset, rejected ones included."""
        return self._assembly.log.counts[1]

    @property
    def frames_rejected(self) -> int:
        """Frames since the last reset that are not in the stack."""
        stacked, total = self._assembly.log.counts
        return total - stacked

    @property
    def last_registration(self) -> Registration | None:
        """How the last accepted frame was placed; None for a reference."""
        return self._assembly.running.registration if self._assembly.running else None

    @property
    def observation(self) -> Observation:
        """When and with what the stacked frames were taken."""
        return self._assembly.running.observation if self._assembly.running else Observation()

    @property
    def gain_curve(self) -> SnrCurve:
        """Measured SNR gain against the number of frames."""
        return self._assembly.running.gain if self._assembly.running else SnrCurve()

    @property
    def reports(self) -> list[FrameReport]:
        """One report for each frame since the last reset, in order, as they stand now."""
        with self._lock:
            return self._assembly.log.reports(self._known_clean())

    @property
    def stack(self) -> Stack | None:
        """The stack without outliers, a copy; None before the first frame."""
        return stack.copy() if (stack := self._clean_stack()) else None

    @property
    def running_stack(self) -> Stack | None:
        """A copy of the running sums, outliers included, to merge with others."""
        with self._lock:
            return self._assembly.running.stack.copy() if self._assembly.running else None

    def _known_clean(self) -> Stack | None:
        """Return the stack without outliers if it was made since the last frame."""
        made_of, stack = self._clean or (None, None)
        return stack if made_of is self._assembly.running else None

    def _clean_stack(self) -> Stack | None:
        """Return the stack without outliers, made once for each state of the stack."""
        with self._lock:
            running, clip = self._assembly.running, self.options.clip
            if running is not None and self._known_clean() is None:
                clean = clip_outliers(running.stack, kappa=clip) if clip else running.stack.copy()
                self._clean = (running, clean)
            return self._known_clean()


def _reduced(running: Running | None, max_px: float, clip: float | None) -> Image | None:
    """Return the stack without outliers in boxes, None where a picture needs every pixel."""
    side_px = int(max(running.stack.shape) // max_px) if running else 0
    if running is not None and 1 < side_px <= min(running.stack.shape):
        return reduce_stack(running.stack, side_px, kappa=clip)
    return None
