"""The values that flow through seestack: a frame in, a stack out.

Every value is frozen, so a value that was handed out never changes behind its
reader's back. Positions are (x, y) in pixels with (0, 0) at the centre of the
first pixel and x along the columns; shapes and indices are (row, col).
"""

from seestack.model.arrays import BoolArray, FloatArray, Image, Raw, as_pixels, as_positions
from seestack.model.errors import FrameRejected, RejectionKind, SourceError, UnreadableFrameError
from seestack.model.frame import BAYER_PATTERNS, Frame, FrameReport, Observation
from seestack.model.quality import FrameQuality
from seestack.model.registration import Registration
from seestack.model.stack import Extremes, Stack
from seestack.model.stars import Matches, Stars
from seestack.model.transform import Transform

__all__ = [
    "BAYER_PATTERNS",
    "BoolArray",
    "Extremes",
    "FloatArray",
    "Frame",
    "FrameQuality",
    "FrameRejected",
    "FrameReport",
    "Image",
    "Matches",
    "Observation",
    "Raw",
    "Registration",
    "RejectionKind",
    "SourceError",
    "Stack",
    "Stars",
    "Transform",
    "UnreadableFrameError",
    "as_pixels",
    "as_positions",
]
