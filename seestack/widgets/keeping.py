"""A stacker that keeps what the eye wants: its last frame, and a quick look at the mean."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from seestack.masters import CalibrationMismatchError
from seestack.model import Frame, FrameReport, Image, Registration, UnreadableFrameError
from seestack.pipeline import Prepared, prepare, with_stars
from seestack.stacker import LiveStacker

__all__ = ["KeepingStacker", "LastFrame", "quick_image"]


@dataclass(frozen=True, slots=True, eq=False)
class LastFrame:
    """The frame that was added last.

    Parameters
    ----------
    frame : Frame or array_like
        As it was given, (H, W) or colour.
    report : FrameReport
        What became of it.
    registration : Registration or None
        How it was placed; None for a reference and for a rejected frame.
    """

    frame: Frame | ArrayLike
    report: FrameReport
    registration: Registration | None


class KeepingStacker(LiveStacker):
    """`LiveStacker` that keeps its last frame.

    Examples
    --------
    >>> from seestack.simulation import random_field, simulate_frame
    >>> stacker = KeepingStacker(max_stars=40)
    >>> field = random_field((120, 180), 40, seed=5)
    >>> report = stacker.add_frame(simulate_frame(field, (120, 180), seed=1))
    >>> stacker.last_frame.report["reason"], stacker.running_mean().shape
    ('reference frame', (120, 180))
    """

    last_frame: LastFrame | None = None
    _mean: Image | None = None

    def add_frame(self, frame: Frame | ArrayLike | UnreadableFrameError) -> FrameReport:
        """Stack one frame and keep it, see `LiveStacker.add_frame`."""
        report = super().add_frame(frame)
        if isinstance(frame, UnreadableFrameError):
            return report
        placed = self.last_registration if report["accepted"] else None
        self.last_frame = LastFrame(frame, report, placed)
        if report["accepted"]:  # now, because later the next frame would have to be waited for
            with self.assembly() as assembly:
                running = assembly.running
                self._mean = None if running is None else running.stack.mean.astype(np.float32)
        return report

    def reset(self) -> None:
        """Forget every frame, the last one too."""
        super().reset()
        self.last_frame = self._mean = None

    def prepared(self, last: LastFrame) -> Prepared:
        """Return a frame as it was registered: mended, with its stars."""
        frame = last.frame if isinstance(last.frame, Frame) else Frame(np.asarray(last.frame))
        try:
            new = prepare(frame, self.calibration, self.options)
        except CalibrationMismatchError:  # which is why it was left out
            new = prepare(frame, None, self.options)
        return with_stars(new, self.options)

    def running_mean(self) -> Image | None:
        """Return the mean with its outliers, float32, at once.

        Returns
        -------
        ndarray of shape (H, W) or (H, W, 3), or None
            NaN where no frame covered the pixel; None before the first frame.
        """
        return self._mean


def quick_image(stacker: LiveStacker) -> Image | None:
    """Return what a stacker can show at once; of a stacker that keeps nothing, the clean stack."""
    if isinstance(stacker, KeepingStacker):
        return stacker.running_mean()
    return stacker.stacked_image(colour=True)
