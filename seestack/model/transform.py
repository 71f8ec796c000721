"""The map from the pixels of a frame to those of the reference."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from seestack.checks import as_real_array
from seestack.model.arrays import FloatArray, frozen

__all__ = ["Transform"]


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
        (a, b, _), (c, d, _), last = matrix.tolist()
        if last != [0.0, 0.0, 1.0] or a * d == b * c:
            raise ValueError(f"matrix must be an invertible affine map, got {matrix!r}")
        object.__setattr__(self, "matrix", frozen(matrix))

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
        (a, b, dx), (c, d, dy), _ = self.matrix.tolist()
        det = a * d - b * c
        a, b, c, d = d / det, -b / det, -c / det, a / det
        return Transform(
            np.array([[a, b, -a * dx - b * dy], [c, d, -c * dx - d * dy], [0.0, 0.0, 1.0]])
        )

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
        x, y = (shape[1] - 1) / 2, (shape[0] - 1) / 2
        (a, b, dx), (c, d, dy), _ = self.matrix.tolist()
        return a * x + b * y + dx - x, c * x + d * y + dy - y


def _affine(matrix: FloatArray) -> FloatArray:
    matrix[2] = (0.0, 0.0, 1.0)
    return matrix
