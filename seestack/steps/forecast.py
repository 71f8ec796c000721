"""Follow the SNR as frames come in, and foresee how many more a wanted one takes."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from seestack.checks import check_positive
from seestack.model import FloatArray

__all__ = ["SnrCurve", "frames_for_snr"]

_MOST_POINTS = 64
# A history that supports a forecast: so many points, over such a range of N, so close to
# the curve, and a forecast that is known to so much of itself.
_FEWEST_POINTS, _LEAST_RANGE = 4, 2.0
_WORST_RESIDUAL, _WORST_FORECAST = 0.1, 0.3


@dataclass(frozen=True, slots=True, eq=False)
class SnrCurve:
    """A measure of SNR against the number of frames; at most 64 points.

    Parameters
    ----------
    frames : ndarray of shape (K,)
        Numbers of stacked frames, increasing.
    values : ndarray of shape (K,)
        What was measured then: a gain, or the SNR of a target.

    Examples
    --------
    >>> curve = SnrCurve()
    >>> for n in range(1, 1001):
    ...     curve = curve.with_point(n, 3.0 * n**0.5)
    >>> len(curve.frames), curve.frames[:3].tolist(), int(curve.frames[-1])
    (64, [1, 2, 3], 1000)
    >>> float(curve.root[-1] / curve.values[-1])
    1.0
    """

    frames: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    values: FloatArray = field(default_factory=lambda: np.empty(0))

    def with_point(self, frames: int, value: float) -> SnrCurve:
        """Return the curve with one more point; this one stays as it is.

        Where there are too many, the point leaves whose neighbours are closest in
        ratio, so that the points stay about evenly spaced in the logarithm of N.

        Parameters
        ----------
        frames : int
            More than at the last point.
        value : float
            What was measured. The curve stays as it is where this is not finite.

        Raises
        ------
        ValueError, TypeError
            If `frames` is not a whole number above the last one.
        """
        check_positive("frames", frames, whole=True)
        if self.frames.size and frames <= self.frames[-1]:
            raise ValueError(
                f"frames must be above the last point's {self.frames[-1]}, got {frames}"
            )
        if not np.isfinite(value):
            return self
        numbers, values = np.append(self.frames, frames), np.append(self.values, value)
        if numbers.size > _MOST_POINTS:
            out = 1 + int(np.argmin(numbers[2:] / numbers[:-2]))
            numbers, values = np.delete(numbers, out), np.delete(values, out)
        return replace(self, frames=numbers, values=values)

    def value_at(self, frames: int) -> float | None:
        """Return what was measured at this very number of frames; None where nothing was."""
        known = self.frames.size and self.frames[-1] == frames
        return float(self.values[-1]) if known else None

    @property
    def root(self) -> FloatArray:
        """The square root of N through the first point: what independent frames give."""
        if self.frames.size == 0:
            return np.empty(0)
        return self.values[0] * np.sqrt(self.frames / self.frames[0])


def frames_for_snr(curve: SnrCurve, wanted: float) -> int | None:
    r"""Return how many further frames give the wanted SNR.

    Parameters
    ----------
    curve : SnrCurve
        SNR of the target, or gain, against the number of frames.
    wanted : float
        The SNR to reach.

    Returns
    -------
    int or None
        0 where the last point reached it. None where the history does not tell: fewer
        than 4 points, over less than a factor of 2 in N, further than 10 % (rms) from
        the fit, a plateau at or below `wanted`, or a forecast less certain than 30 %.

    Raises
    ------
    ValueError, TypeError
        If `wanted` is not a positive number.

    Notes
    -----
    Noise that averages down and noise that does not add in squares:
    :math:`\mathrm{SNR}^{-2} = 1/(a^2 n) + 1/p^2`. The two terms are fitted by
    non-negative least squares (C. L. Lawson and R. J. Hanson, "Solving Least Squares
    Problems", 1974, ch. 23), each point's relative error taken as equal.

    Examples
    --------
    >>> curve = SnrCurve()
    >>> for n in range(1, 17):
    ...     curve = curve.with_point(n, 5.0 * n**0.5)
    >>> frames_for_snr(curve, 40.0), frames_for_snr(curve, 20.0)
    (48, 0)
    """
    check_positive("wanted", wanted)
    n, values = curve.frames.astype(np.float64), curve.values
    if values.size and values[-1] >= wanted:
        return 0
    if values.size < _FEWEST_POINTS or n[-1] < _LEAST_RANGE * n[0] or (values <= 0).any():
        return None
    (falling, floor), covariance, residual = _fitted(n, values)
    room = wanted**-2.0 - floor
    if falling <= 0 or room <= 0 or residual > _WORST_RESIDUAL:
        return None
    slope = np.array([1 / falling, 1 / room])  # of the logarithm of the number
    if slope @ covariance @ slope > _WORST_FORECAST**2:
        return None
    return max(math.ceil(falling / room * (1 - 1e-9) - n[-1]), 0)


def _fitted(n: FloatArray, values: FloatArray) -> tuple[FloatArray, FloatArray, float]:
    """Return the terms of 1/n and of 1, their covariance, and the rms relative residual.

    The residual is that of the SNR. The terms are scaled to near 1 for the fit.
    """
    from scipy.optimize import nnls  # takes longer to import than a frame to stack

    inverse = values**-2.0
    columns = np.column_stack([1 / n, np.ones_like(n)]) / inverse[:, None]
    scale = np.linalg.norm(columns, axis=0)
    terms, length = nnls(columns / scale, np.ones_like(n))
    variance = length**2 / (n.size - 2)
    covariance = variance * np.linalg.inv(columns.T @ columns / np.outer(scale, scale))
    return terms / scale, covariance / np.outer(scale, scale), math.sqrt(variance) / 2
