"""Assembly: the decisions on the frames of a stack, one after another.

A frame becomes the reference, or is placed on it and added, or is refused; frames that
match each other but not a reference that stands alone replace it. This is the one object
of the stacking that changes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from seestack.gates import Baseline, judge
from seestack.model import (
    Frame,
    FrameQuality,
    FrameRejected,
    FrameReport,
    Registration,
    RejectionKind,
    Stars,
    Transform,
)
from seestack.options import Options
from seestack.pipeline import Prepared, register, registers, with_own_pixels, with_stars
from seestack.reports import ReportLog
from seestack.rows import Rows
from seestack.running import Running, add, seed
from seestack.steps.quality import measure_quality

__all__ = ["Assembly", "AssemblyState"]

# The reference keeps more stars than a frame, so that a frame's faintest find partners.
_REFERENCE_STARS = 3
_DROPPED = "reference dropped (matched none of the frames that followed)"


@dataclass(frozen=True, slots=True, eq=False)
class AssemblyState:
    """All that the frames of a stack have left behind, between two of them.

    Parameters
    ----------
    running : Running or None
        The stack; its arrays are those that the next frame is added to.
    baseline : Baseline
        What is usual in the session.
    strays : tuple of Prepared
        The last frames, which match no reference that stands alone.
    rows : Rows
        What became of every frame: the values of its report, in the order of the keys.
    """

    running: Running | None
    baseline: Baseline
    strays: tuple[Prepared, ...]
    rows: Rows


class Assembly:
    """The frames of one stack; used by one thread at a time.

    Parameters
    ----------
    options : Options
        How frames are detected, placed and weighed.

    Attributes
    ----------
    running : Running or None
        The stack as it stands; None before the first frame. A new value for each frame.
    log : ReportLog
        What became of every frame.
    """

    def __init__(self, options: Options) -> None:
        self.options = options
        self.log = ReportLog()
        self._start()

    def _start(self) -> None:
        self.running: Running | None = None
        self._baseline = Baseline()
        self._strays: list[Prepared] = []

    @property
    def state(self) -> AssemblyState:
        """All that `resume` needs to go on from here; no copy, so use it before the next frame."""
        return AssemblyState(self.running, self._baseline, tuple(self._strays), self.log.rows)

    def resume(self, state: AssemblyState) -> None:
        """Go on where another assembly stood; what was here is forgotten."""
        self.running, self._baseline = state.running, state.baseline
        self._strays = list(state.strays)
        stacked = 0 if state.running is None else state.running.stack.frames
        self.log = ReportLog(state.rows, stacked=stacked)

    def add(self, new: Prepared) -> FrameReport:
        """Stack a prepared frame, or say why it was refused."""
        share = 1 if self.running else _REFERENCE_STARS
        new = with_stars(replace(new, index=self.log.total), self.options, share=share)
        try:
            return self._stack_frame(new)
        except FrameRejected as rejection:
            return self._refuse(new, rejection)

    def refuse(self, rejection: FrameRejected, frame: Frame) -> FrameReport:
        """Count a frame whose pixels are not looked at."""
        nothing = replace(frame, image=np.empty((0, 0), np.float32))
        new = Prepared(self.log.total, nothing, nothing.image, Stars(np.empty((0, 2))))
        return self._record(new, rejection)

    def _stack_frame(self, new: Prepared) -> FrameReport:
        if self.running is None:
            seeded = seed(new, self.options)
            self._adopt(seeded)
            placed = Registration(Transform.identity())
            return self._record(new, placed, quality=seeded.quality, reason="reference frame")
        reference = self.running.reference
        registration = register(reference, new, self.options)
        quality = measure_quality(new.stars, registration, reference.stars)
        # A frame counts for what is usual whether or not a gate refuses it.
        baseline, self._baseline = self._baseline, self._baseline.with_frame(quality)
        try:
            judge(quality, baseline, self.options.gates)
        except FrameRejected as refusal:
            refusal.inliers = int(registration.inliers.sum())
            return self._refuse(new, refusal, quality)
        self._adopt(add(self.running, new, registration, quality, self.options))
        return self._record(new, registration, quality=quality)

    def _adopt(self, running: Running) -> None:
        if self.running is None:
            self._baseline = Baseline((running.quality,))
        self.running, self._strays = running, []

    def _refuse(
        self, new: Prepared, rejection: FrameRejected, quality: FrameQuality | None = None
    ) -> FrameReport:
        if rejection.inliers:  # it matches the reference all the same
            self._strays.clear()
            return self._record(new, rejection, quality=quality)
        return self._reseed(new) or self._record(new, rejection)

    def _reseed(self, new: Prepared) -> FrameReport | None:
        """Start again on frames in a row that match each other; None if these do not."""
        after, running = self.options.reseed_after, self.running
        if after is None or running is None or self.log.counts[0] > 1:
            return None
        self._strays = [*self._strays, with_own_pixels(new)][-after:]
        first, *others = self._strays
        if len(self._strays) < after or not registers(first, others, self.options):
            return None
        self._start()
        self._record(running.reference, FrameRejected(_DROPPED, kind=RejectionKind.DROPPED))
        for frame in (with_stars(first, self.options, share=_REFERENCE_STARS), *others):
            self._stack_frame(frame)
        reason = f"stacked (frame {first.index} is the new reference)"
        earlier = [running.reference, first, *others[:-1]]
        return self.log.amend(new.index, reason, [frame.index for frame in earlier])

    def _record(
        self,
        new: Prepared,
        verdict: Registration | FrameRejected,
        *,
        quality: FrameQuality | None = None,
        reason: str = "stacked",
    ) -> FrameReport:
        running = self.running
        stacked = 0 if running is None else running.stack.frames
        return self.log.record(
            index=new.index,
            frame=new.frame,
            verdict=verdict,
            reason=reason,
            quality=quality or replace(measure_quality(new.stars), transparency=np.nan),
            shape=(new.light.shape[0], new.light.shape[1]),
            weight=running.weight if running else 1.0,
            frames_stacked=stacked,
            gain_measured=running.gain.value_at(stacked) if running else None,
        )
