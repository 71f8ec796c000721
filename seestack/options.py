"""The options of LiveStacker as one frozen, checked value."""

from __future__ import annotations

from dataclasses import dataclass, fields

from seestack.checks import check_positive

__all__ = ["Options"]


@dataclass(frozen=True, slots=True)
class Options:
    """How `LiveStacker` works; see there for what each option means."""

    detection_fwhm: float = 4.0
    detection_threshold: float = 5.0
    max_stars: int = 60
    match_tolerance_px: float = 2.0
    min_inliers: int = 4
    max_offset_px: float = 300.0
    transform: str = "rigid"
    interpolation: str = "lanczos"
    reseed_after: int | None = 3
    clip: None = None
    weighting: None = None
    normalize: None = None

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
        for name, choices in (
            ("transform", ("rigid", "translation")),
            ("interpolation", ("lanczos", "bilinear", "nearest")),
            ("clip", (None,)),
            ("weighting", (None,)),
            ("normalize", (None,)),
        ):
            if getattr(self, name) not in choices:
                known = ", ".join(map(repr, choices))
                raise ValueError(f"{name} must be one of {known}, got {getattr(self, name)!r}")
        if self.reseed_after is not None:
            check_positive("reseed_after", self.reseed_after, whole=True)
            if self.reseed_after < 2:
                raise ValueError(
                    f"reseed_after must be at least 2, or None for never, got {self.reseed_after}"
                )

    def described(self) -> list[str]:
        """Return one line ``name = value`` for each option, as a record of the settings."""
        return [f"{field.name} = {getattr(self, field.name)}" for field in fields(self)]
