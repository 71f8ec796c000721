"""The settings that the form shows, with their names on the screen."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

__all__ = ["MAIN", "MORE", "Field", "named_as_shown"]


@dataclass(frozen=True, slots=True)
class Field:
    """One setting of the form.

    Parameters
    ----------
    section, key : str
        Where it stands in the settings.
    label : str
        Its name on the screen, with the unit in brackets.
    choices : tuple, optional
        What it can be, where that is few things.
    """

    section: str
    key: str
    label: str
    choices: tuple[Any, ...] | None = None

    @property
    def name(self) -> str:
        """The label without its unit."""
        return self.label.split(" (")[0]


MAIN = (
    Field("stacking", "exposure_s", "Exposure (s)"),
    Field("camera", "gain", "Gain"),
    Field("stacking", "frames", "Frames"),
    Field("camera", "binning", "Binning", (None, 1, 2, 4)),
    Field("camera", "filter", "Filter"),
)
MORE = (
    Field("stacking", "colour", "Colour", (True, False)),
    Field("stacking", "transform", "Motion", ("rigid", "translation")),
    Field("stacking", "clip", "Clip outliers (sigma)"),
    Field("stacking", "weighting", "Weights", ("noise", None)),
    Field("stacking", "normalize", "Match the sky", ("gradient", "level", None)),
    Field("stacking", "detection_threshold", "Star threshold (sigma)"),
    Field("stacking", "max_offset_px", "Largest offset (px)"),
    Field("stacking", "max_elongation", "Longest stars (ratio)"),
    Field("stacking", "max_fwhm", "Widest stars (× usual)"),
    Field("stacking", "min_transparency", "Least light (share)"),
    Field("output", "save_subs", "Keep sub-frames", (True, False)),
    Field("output", "folder", "Save to"),
)
_NAMES = {field.key: f"“{field.name}”" for field in (*MAIN, *MORE)}


def named_as_shown(hint: str) -> str:
    """Return the hint of a rejected frame with the names that the form gives the settings.

    Examples
    --------
    >>> named_as_shown("focus again, or raise max_fwhm")
    'focus again, or raise “Widest stars”'
    """
    # A name without an underscore, such as colour, may be an English word.
    return re.sub(r"\w+_\w+", lambda found: _NAMES.get(found[0], found[0]), hint)
