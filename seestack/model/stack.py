"""The running result of stacking."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from seestack.model.arrays import FloatArray, Image

__all__ = ["Extremes", "Stack"]


@dataclass(frozen=True, slots=True, eq=False)
class Extremes:
    """The highest and the lowest samples of each pixel, kept apart for a later verdict.

    Parameters
    ----------
    high, low : ndarray of float32, shape (K, H, W) or (K, H, W, 3)
        The K highest samples in ADU, the highest first; the lowest ones, the lowest
        first. Where there are fewer samples, minus and plus infinity.
    high_frame, low_frame : ndarray of unsigned int, same shapes
        Which frame each sample came from, counted from 0 in the order of stacking.
    weights : ndarray of float64, shape (frames,)
        Weight of each frame.
    """

    high: Image
    low: Image
    high_frame: NDArray[np.unsignedinteger]
    low_frame: NDArray[np.unsignedinteger]
    weights: FloatArray

    def copy(self) -> Extremes:
        """Return the same with arrays of its own."""
        return Extremes(
            self.high.copy(),
            self.low.copy(),
            self.high_frame.copy(),
            self.low_frame.copy(),
            self.weights.copy(),
        )


@dataclass(frozen=True, slots=True, eq=False)
class Stack:
    """Running result of stacking; arrays have the shape of the reference.

    That is (H, W), or (H, W, 3) for a stack in red, green and blue.

    Parameters
    ----------
    mean : ndarray of float64
        Weighted mean in ADU; NaN where no frame covered the pixel.
    weight : ndarray of float64
        Sum of the weights.
    m2 : ndarray of float64
        Weighted sum of squared deviations from the mean (ADU squared).
    coverage : ndarray of int32
        Number of frames in `mean`. While a stack runs it is counted in 16 bits, as long as
        they are enough; a copy has 32.
    frames : int
        Number of frames accumulated.
    extremes : Extremes, optional
        The samples that `clip_outliers` judges. They are part of `mean` still.
    rejected : ndarray of int32, optional
        Number of samples that `clip_outliers` took out.
    rejected_of_frame : ndarray of int64, shape (frames,), optional
        The same, counted for each frame.
    """

    mean: FloatArray
    weight: FloatArray
    m2: FloatArray
    coverage: NDArray[np.integer]
    frames: int
    extremes: Extremes | None = None
    rejected: NDArray[np.int32] | None = None
    rejected_of_frame: NDArray[np.int64] | None = None

    @property
    def shape(self) -> tuple[int, int]:
        """(H, W)."""
        rows, cols = self.mean.shape[:2]
        return rows, cols

    def copy(self) -> Stack:
        """Return a stack with arrays of its own."""
        return replace(
            self,
            mean=self.mean.copy(),
            weight=self.weight.copy(),
            m2=self.m2.copy(),
            coverage=self.coverage.astype(np.int32),
            extremes=None if self.extremes is None else self.extremes.copy(),
            rejected=None if self.rejected is None else self.rejected.copy(),
        )

    @property
    def variance(self) -> FloatArray:
        """Variance of `mean` in ADU squared, from the scatter of the frames.

        NaN where fewer than two frames are in it. With n frames whose weights are
        inversely proportional to their variances it is ``m2 / ((n - 1) weight)``.
        """
        with np.errstate(invalid="ignore", divide="ignore"):
            variance = self.m2 / ((self.coverage - 1) * self.weight)
        return np.where(self.coverage > 1, variance, np.nan)
