"""How a frame lies on the reference, with the evidence."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from seestack.model.arrays import BoolArray, FloatArray, as_positions, frozen
from seestack.model.stars import Matches
from seestack.model.transform import Transform

__all__ = ["Registration"]


@dataclass(frozen=True, slots=True, eq=False)
class Registration:
    """How a frame was placed on the reference, and the evidence.

    Parameters
    ----------
    transform : Transform
        Frame pixels to reference pixels, unrounded.
    reference_xy, frame_xy : array_like of shape (K, 2), optional
        The paired stars: where they lie in the reference, and in the frame.
    inliers : array_like of bool, shape (K,), optional
        True for pairs that the transform was fitted to; all of them by default.
    matches : Matches, optional
        Which stars of the two lists the pairs are, pair for pair; None where the
        positions did not come from lists.

    Examples
    --------
    >>> shifted = Transform.rigid(shift_px=(3.0, 0.0))
    >>> registration = Registration(shifted, [[13.0, 5.0]], [[10.0, 5.5]])
    >>> registration.residuals_px.tolist(), registration.rms_px
    ([0.5], 0.5)
    """

    transform: Transform
    reference_xy: FloatArray = field(default_factory=lambda: np.empty((0, 2)))
    frame_xy: FloatArray = field(default_factory=lambda: np.empty((0, 2)))
    inliers: BoolArray = None  # type: ignore[assignment]  # filled in __post_init__
    matches: Matches | None = None

    def __post_init__(self) -> None:
        for name in ("reference_xy", "frame_xy"):
            object.__setattr__(self, name, frozen(as_positions(name, getattr(self, name))))
        count = len(self.reference_xy)
        given = np.ones(count, bool) if self.inliers is None else np.array(self.inliers, bool)
        if len(self.frame_xy) != count or given.shape != (count,):
            raise ValueError(
                "reference_xy, frame_xy and inliers must have the same length, "
                f"got {count}, {len(self.frame_xy)} and {given.shape}"
            )
        if self.matches is not None and len(self.matches) != count:
            raise ValueError(
                f"matches must have one pair for each of the {count} positions, "
                f"got {len(self.matches)}"
            )
        object.__setattr__(self, "inliers", frozen(given))

    @property
    def residuals_px(self) -> FloatArray:
        """Distance of each pair after the transform, in reference pixels, shape (K,)."""
        off = self.transform(self.frame_xy) - self.reference_xy
        return np.hypot(off[:, 0], off[:, 1])

    @property
    def rms_px(self) -> float:
        """Root mean square of the inliers' residuals; NaN without inliers."""
        residuals = self.residuals_px[self.inliers]
        return float(np.sqrt(np.mean(residuals**2))) if residuals.size else float("nan")
