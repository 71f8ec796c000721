"""The options of LiveStacker as one frozen, checked value."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TypedDict

from seestack.checks import check_positive, shortened
from seestack.gates import Gates

__all__ = ["MoreOptions", "Options"]

_CHOICES = {
    "transform": ("rigid", "translation"),
    "interpolation": ("lanczos", "bilinear", "nearest"),
    "weighting": ("noise", None),
    "normalize": ("gradient", "level", None),
    "colour": (True, False),
}
_GATES = tuple(field.name for field in fields(Gates))


class MoreOptions(TypedDict, total=False):
    """What `LiveStacker` takes by keyword beside the documented six; see `Options`."""

    transform: str
    interpolation: str
    reseed_after: int | None
    clip: float | None
    weighting: str | None
    normalize: str | None
    colour: bool
    max_fwhm: float | None
    max_elongation: float | None
    min_transparency: float | None
    max_sky: float | None
    min_stars: float | None
    min_weight: float | None


@dataclass(frozen=True, slots=True)
class Options:
    """How `LiveStacker` works; it takes all of these by keyword.

    Parameters
    ----------
    detection_fwhm, detection_threshold, max_stars, match_tolerance_px, min_inliers, max_offset_px
        See `LiveStacker`.
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
    """

    detection_fwhm: float = 4.0
    detection_threshold: float = 5.0
    max_stars: int = 60
    match_tolerance_px: float = 2.0
    min_inliers: int = 4
    max_offset_px: float = 300.0
    transform: str = "rigid"
    interpolation: str = "lanczos"
    reseed_after: int | None = 3
    clip: float | None = 4.0
    weighting: str | None = "noise"
    normalize: str | None = "gradient"
    colour: bool = True
    max_fwhm: float | None = None
    max_elongation: float | None = 3.0
    min_transparency: float | None = None
    max_sky: float | None = None
    min_stars: float | None = None
    min_weight: float | None = 0.01

    def __post_init__(self) -> None:
        for name in ("max_stars", "min_inliers"):
            check_positive(name, getattr(self, name), whole=True)
        for name in (
            "detection_fwhm",
            "detection_threshold",
            "match_tolerance_px",
            "max_offset_px",
        ):
            check_positive(name, getattr(self, name))
        for name, choices in _CHOICES.items():
            value = getattr(self, name)
            if not any(type(value) is type(choice) and value == choice for choice in choices):
                known = ", ".join(map(repr, choices))
                raise ValueError(f"{name} must be one of {known}, got {shortened(value)}")
        if self.clip is not None:
            check_positive("clip", self.clip)
        if self.reseed_after is not None:
            check_positive("reseed_after", self.reseed_after, whole=True)
            if self.reseed_after < 2:
                raise ValueError(
                    f"reseed_after must be at least 2, or None for never, got {self.reseed_after}"
                )
        _ = self.gates  # raises where one is out of range

    @property
    def gates(self) -> Gates:
        """The limits that a frame must keep."""
        return Gates(**{name: getattr(self, name) for name in _GATES})

    def described(self) -> list[str]:
        """Return one line ``name = value`` for each option, as a record of the settings."""
        return [f"{field.name} = {getattr(self, field.name)}" for field in fields(self)]
