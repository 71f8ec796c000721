"""The values that flow through seestack: a frame in, a stack out.

Every value is frozen, so a value that was handed out never changes behind its
reader's back. Positions are (x, y) in pixels with (0, 0) at the centre of the
first pixel and x along the columns; shapes and indices are (row, col).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any, TypedDict

import numpy as np
from numpy.typing import ArrayLike, NDArray

from seestack.checks import as_real_array

__all__ = [
    "Frame",
    "FrameRejected",
    "FrameReport",
    "Matches",
    "Observation",
    "Registration",
    "SourceError",
    "Stack",
    "Stars",
    "Transform",
    "UnreadableFrameError",
]

FloatArray = NDArray[np.floating]
BoolArray = NDArray[np.bool_]
Image = NDArray[np.float32]

BAYER_PATTERNS = ("RGGB", "BGGR", "GRBG", "GBRG")


class FrameRejected(Exception):  # noqa: N818 - a verdict on a frame, not an error of the program
    """A frame cannot be stacked; `reason` says why in words for the user.

    Parameters
    ----------
    reason : str
        Such as ``"alignment failed (too few matching stars)"``.
    inliers : int, default 0
        Star pairs that agree all the same.
    """

    def __init__(self, reason: str, *, inliers: int = 0) -> None:
        super().__init__(reason)
        self.reason = reason
        self.inliers = inliers


class UnreadableFrameError(Exception):
    """A file or an answer holds no frame; the message names it and says why.

    Parameters
    ----------
    message : str
        Names what was read, the reason and the remedy.
    source : str, optional
        What was read, for the frame's report.
    """

    def __init__(self, message: str, *, source: str = "") -> None:
        super().__init__(message)
        self.source = source


class SourceError(Exception):
    """A source of frames failed.

    Where `permanent` is False, iterating the source again may go on.
    """

    permanent = False


class FrameReport(TypedDict):
    """What became of one frame; plain Python values, ready for ``json.dumps``."""

    index: int
    source: str
    accepted: bool
    reason: str
    frames_stacked: int
    frames_total: int
    frames_rejected: int
    offset: tuple[float, float]
    rotation_deg: float | None
    inliers: int
    rms_px: float | None
    stars: int
    fwhm_px: float | None
    sky_adu: float | None
    weight: float
    snr_gain: float
    snr_gain_measured: float | None
    amended: list[int]


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One sub-frame, linear, as it came from a camera or a file.

    Parameters
    ----------
    image : ndarray of shape (H, W)
        Pixels in ADU, a Bayer mosaic where `bayer` is set. Colour of shape
        (H, W, 3) or (3, H, W) is allowed.
    exposure_s : float, optional
        Exposure time in seconds; None where unknown.
    start : datetime, optional
        Start of the exposure (UTC, with time zone); None where unknown.
    source : str, optional
        Where the frame came from (a path, a camera); used in reports only.
    bayer : {"RGGB", "BGGR", "GRBG", "GBRG"}, optional
        Colours of the 2x2 cell whose first pixel is ``image[0, 0]``; None for a
        frame without a colour mosaic.
    header : mapping, optional
        Header cards as read. Steps do not look inside.

    Raises
    ------
    ValueError
        If `bayer` is not one of the four patterns.

    Examples
    --------
    >>> frame = Frame(np.zeros((4, 6)), exposure_s=10.0, source="M 94")
    >>> frame.image.shape, frame.exposure_s
    ((4, 6), 10.0)
    """

    image: NDArray[Any]
    exposure_s: float | None = None
    start: datetime | None = None
    source: str = ""
    bayer: str | None = None
    header: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))

    def __post_init__(self) -> None:
        if self.bayer is not None and self.bayer not in BAYER_PATTERNS:
            raise ValueError(
                f"bayer must be one of {', '.join(BAYER_PATTERNS)} or None, got {self.bayer!r}"
            )


@dataclass(frozen=True, slots=True, eq=False)
class Stars:
    """Stars of one frame, brightest first; may be empty.

    Only the positions are needed, so that any detector can be used. What is left
    out is filled with "all alike" (flux 1) or "not known" (NaN).

    Parameters
    ----------
    xy : array_like of shape (N, 2)
        Positions (x, y) in pixels.
    flux : array_like of shape (N,), optional
        Total flux in ADU.
    fwhm_px : array_like of shape (N,), optional
        Full width at half maximum in pixels.
    xy_err_px : array_like of shape (N,), optional
        Standard error of a position along one axis, in pixels.
    elongation : array_like of shape (N,), optional
        Major over minor axis of the star image, at least 1.
    sky_adu : float, optional
        Level of the sky.
    sky_sigma_adu : float, optional
        Noise of the sky in one pixel (standard deviation).

    Raises
    ------
    ValueError
        If `xy` is not of shape (N, 2) or not finite, or if another array differs
        in length.

    Examples
    --------
    >>> stars = Stars([[10.0, 20.0], [30.5, 7.25]])
    >>> len(stars), stars.xy[1].tolist()
    (2, [30.5, 7.25])
    >>> len(Stars([]))
    0
    """

    xy: FloatArray
    flux: FloatArray = None  # type: ignore[assignment]  # filled in __post_init__
    fwhm_px: FloatArray = None  # type: ignore[assignment]
    xy_err_px: FloatArray = None  # type: ignore[assignment]
    elongation: FloatArray = None  # type: ignore[assignment]
    sky_adu: float = np.nan
    sky_sigma_adu: float = np.nan

    def __post_init__(self) -> None:
        xy = as_positions("xy", self.xy)
        object.__setattr__(self, "xy", _frozen(xy))
        for name, default in (
            ("flux", 1.0),
            ("fwhm_px", np.nan),
            ("xy_err_px", np.nan),
            ("elongation", np.nan),
        ):
            given = getattr(self, name)
            values = (
                np.full(len(xy), default)
                if given is None
                else np.array(as_real_array(name, given), np.float64)
            )
            if values.shape != (len(xy),):
                raise ValueError(
                    f"{name} must have one value for each of the {len(xy)} stars, "
                    f"got shape {values.shape}"
                )
            object.__setattr__(self, name, _frozen(values))

    def __len__(self) -> int:
        return len(self.xy)


@dataclass(frozen=True, slots=True, eq=False)
class Matches:
    """Star pairs that one hypothesis about the motion explains.

    Parameters
    ----------
    reference, frame : array_like of shape (K,)
        Indices into the two star lists; pair k joins ``reference[k]`` and
        ``frame[k]``.
    transform : Transform, optional
        The hypothesis that won, frame pixels to reference pixels.

    Raises
    ------
    ValueError
        If the indices are not whole numbers from 0 on, or differ in number.

    Examples
    --------
    >>> matches = Matches([0, 1, 2], [0, 2, 1])
    >>> len(matches)
    3
    """

    reference: NDArray[np.intp]
    frame: NDArray[np.intp]
    transform: Transform | None = None

    def __post_init__(self) -> None:
        for name in ("reference", "frame"):
            indices = as_real_array(name, getattr(self, name))
            if indices.size and not np.issubdtype(indices.dtype, np.integer):
                raise ValueError(f"{name} must hold integer indices, got dtype {indices.dtype}")
            if indices.ndim != 1 or (indices < 0).any():
                raise ValueError(f"{name} must be 1-D with indices from 0 on, got {indices!r}")
            object.__setattr__(self, name, _frozen(indices.astype(np.intp)))
        if len(self.reference) != len(self.frame):
            raise ValueError(
                "reference and frame must have the same length, "
                f"got {len(self.reference)} and {len(self.frame)}"
            )

    def __len__(self) -> int:
        return len(self.reference)


@dataclass(frozen=True, slots=True, eq=False)
class Transform:
    """Map from frame pixels to reference pixels.

    Parameters
    ----------
    matrix : array_like of shape (3, 3)
        Acts on (x, y, 1) columns. The last row is (0, 0, 1).

    Raises
    ------
    ValueError
        If `matrix` is not a finite, invertible affine map.

    Examples
    --------
    >>> quarter = Transform.rigid(rotation_deg=90.0, shift_px=(10.0, 0.0))
    >>> quarter([[1.0, 2.0]]).round(9).tolist()
    [[8.0, 1.0]]
    >>> round(quarter.rotation_deg, 9), quarter.shift_px
    (90.0, (10.0, 0.0))
    """

    matrix: FloatArray

    def __post_init__(self) -> None:
        matrix = np.array(as_real_array("matrix", self.matrix), dtype=np.float64)
        if matrix.shape != (3, 3) or not np.isfinite(matrix).all():
            raise ValueError(f"matrix must be finite with shape (3, 3), got {matrix!r}")
        if not np.array_equal(matrix[2], (0.0, 0.0, 1.0)) or np.linalg.det(matrix) == 0:
            raise ValueError(f"matrix must be an invertible affine map, got {matrix!r}")
        object.__setattr__(self, "matrix", _frozen(matrix))

    @classmethod
    def identity(cls) -> Transform:
        """Return the transform that leaves every position where it is."""
        return cls(np.eye(3))

    @classmethod
    def rigid(
        cls, *, rotation_deg: float = 0.0, shift_px: tuple[float, float] = (0.0, 0.0)
    ) -> Transform:
        """Return a rotation about pixel (0, 0) followed by a shift.

        Parameters
        ----------
        rotation_deg : float, default 0
            From +x towards +y, that is clockwise on a picture whose rows run down.
        shift_px : tuple of float, default (0, 0)
            (dx, dy) added after the rotation.
        """
        angle = np.deg2rad(rotation_deg)
        cos, sin = np.cos(angle), np.sin(angle)
        return cls(np.array([[cos, -sin, shift_px[0]], [sin, cos, shift_px[1]], [0, 0, 1]]))

    def __call__(self, xy: ArrayLike) -> FloatArray:
        """Map positions of shape (N, 2) from the frame to the reference."""
        return np.asarray(xy, np.float64) @ self.matrix[:2, :2].T + self.matrix[:2, 2]

    def __matmul__(self, first: Transform) -> Transform:
        """Return the transform that applies `first`, then this one."""
        return Transform(_affine(self.matrix @ first.matrix))

    @property
    def inverse(self) -> Transform:
        """The map from reference pixels back to frame pixels."""
        return Transform(_affine(np.linalg.inv(self.matrix)))

    @property
    def shift_px(self) -> tuple[float, float]:
        """Where frame pixel (0, 0) lands: the last column (dx, dy)."""
        return float(self.matrix[0, 2]), float(self.matrix[1, 2])

    @property
    def rotation_deg(self) -> float:
        """Rotation from +x towards +y, in (-180, 180]."""
        return float(np.rad2deg(np.arctan2(self.matrix[1, 0], self.matrix[0, 0])))

    @property
    def scale(self) -> float:
        """Linear magnification, 1 for a rigid transform."""
        return float(np.sqrt(abs(np.linalg.det(self.matrix[:2, :2]))))

    def offset_px(self, shape: tuple[int, int]) -> tuple[float, float]:
        """Displacement (dx, dy) of the centre of a frame of `shape` (row, col)."""
        centre = np.array([(shape[1] - 1) / 2, (shape[0] - 1) / 2])
        dx, dy = self(centre[None])[0] - centre
        return float(dx), float(dy)


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

    def __post_init__(self) -> None:
        for name in ("reference_xy", "frame_xy"):
            object.__setattr__(self, name, _frozen(as_positions(name, getattr(self, name))))
        count = len(self.reference_xy)
        given = np.ones(count, bool) if self.inliers is None else np.array(self.inliers, bool)
        if len(self.frame_xy) != count or given.shape != (count,):
            raise ValueError(
                "reference_xy, frame_xy and inliers must have the same length, "
                f"got {count}, {len(self.frame_xy)} and {given.shape}"
            )
        object.__setattr__(self, "inliers", _frozen(given))

    @property
    def residuals_px(self) -> FloatArray:
        """Distance of each pair after the transform, in reference pixels, shape (K,)."""
        return np.linalg.norm(self.transform(self.frame_xy) - self.reference_xy, axis=1)

    @property
    def rms_px(self) -> float:
        """Root mean square of the inliers' residuals; NaN without inliers."""
        residuals = self.residuals_px[self.inliers]
        return float(np.sqrt(np.mean(residuals**2))) if residuals.size else float("nan")


@dataclass(frozen=True, slots=True, eq=False)
class Stack:
    """Running result of stacking; every array has the shape (H, W) of the reference.

    Parameters
    ----------
    mean : ndarray of float64
        Weighted mean in ADU; NaN where no frame covered the pixel.
    weight : ndarray of float64
        Sum of the weights.
    m2 : ndarray of float64
        Weighted sum of squared deviations from the mean (ADU squared).
    coverage : ndarray of int32
        Number of frames that covered the pixel.
    weight_sq : ndarray of float64
        Sum of the squared weights, for the variance of a weighted mean.
    frames : int
        Number of frames accumulated.
    """

    mean: FloatArray
    weight: FloatArray
    m2: FloatArray
    coverage: NDArray[np.int32]
    weight_sq: FloatArray
    frames: int

    @property
    def shape(self) -> tuple[int, int]:
        """(H, W)."""
        rows, cols = self.mean.shape
        return rows, cols

    def copy(self) -> Stack:
        """Return a stack with arrays of its own."""
        return replace(
            self,
            mean=self.mean.copy(),
            weight=self.weight.copy(),
            m2=self.m2.copy(),
            coverage=self.coverage.copy(),
            weight_sq=self.weight_sq.copy(),
        )

    @property
    def variance(self) -> FloatArray:
        """Variance of `mean` in ADU squared, from the scatter of the frames.

        NaN where fewer than two frames covered the pixel. With reliability
        weights w the unbiased sample variance is ``m2 / (W - W2 / W)`` and the
        mean's variance is that times ``W2 / W**2``, W and W2 the sums of w and
        w squared.
        """
        with np.errstate(invalid="ignore", divide="ignore"):
            sample = self.m2 / (self.weight - self.weight_sq / self.weight)
            variance = sample * self.weight_sq / self.weight**2
        return np.where(self.coverage > 1, variance, np.nan)


@dataclass(frozen=True, slots=True, eq=False)
class Observation:
    """When and with what the frames of a stack were taken; goes into the file's header.

    Parameters
    ----------
    reference : Frame, optional
        The frame whose pixel grid the stack has, for its header.
    total_exposure_s : float, default 0
        Sum of the known exposure times.
    start, end : datetime, optional
        Start of the earliest and end of the latest exposure (UTC).
    middle : datetime, optional
        Mean of the middles of the exposures, all frames alike.
    timed_frames : int, default 0
        Number of frames with a known start, which `middle` is the mean of.

    Examples
    --------
    >>> from datetime import timezone
    >>> evening = datetime(2026, 4, 9, 21, 0, 0, tzinfo=timezone.utc)
    >>> one = Frame(np.zeros((4, 6)), exposure_s=10.0, start=evening)
    >>> seen = Observation().with_frame(one)
    >>> seen.total_exposure_s, seen.end.isoformat()
    (10.0, '2026-04-09T21:00:10+00:00')
    """

    reference: Frame | None = None
    total_exposure_s: float = 0.0
    start: datetime | None = None
    end: datetime | None = None
    middle: datetime | None = None
    timed_frames: int = 0

    def with_frame(self, frame: Frame) -> Observation:
        """Return the observation with one more frame; the first one is the reference."""
        exposure = timedelta(seconds=frame.exposure_s or 0.0)
        total = self.total_exposure_s + (frame.exposure_s or 0.0)
        reference = self.reference or frame
        if frame.start is None:
            return replace(self, reference=reference, total_exposure_s=total)
        middle = frame.start + exposure / 2
        count = self.timed_frames + 1
        if self.start is None or self.end is None or self.middle is None:
            start, end, mean = frame.start, frame.start + exposure, middle
        else:
            start = min(self.start, frame.start)
            end = max(self.end, frame.start + exposure)
            mean = self.middle + (middle - self.middle) / count
        return Observation(reference, total, start, end, mean, count)


def as_positions(name: str, xy: ArrayLike) -> FloatArray:
    """Return `xy` as a new float64 array of shape (N, 2), or raise ValueError."""
    positions = np.array(as_real_array(name, xy), dtype=np.float64)
    if positions.size == 0:
        positions = positions.reshape(0, 2)
    if positions.ndim != 2 or positions.shape[1] != 2:
        raise ValueError(f"{name} must have shape (N, 2), got {positions.shape}")
    if not np.isfinite(positions).all():
        raise ValueError(f"{name} contains NaN or inf; drop those stars first")
    return positions


def _frozen(array: NDArray[Any]) -> NDArray[Any]:
    array.flags.writeable = False
    return array


def _affine(matrix: FloatArray) -> FloatArray:
    matrix[2] = (0.0, 0.0, 1.0)
    return matrix
