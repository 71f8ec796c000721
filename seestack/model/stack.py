"""The running result of stacking."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from seestack.model.arrays import FloatArray

__all__ = ["Stack"]


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
        rows, cols = self.mean.shape[:2]
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
