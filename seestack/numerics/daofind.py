r"""DAOFIND's measures of a star, as photutils' DAOStarFinder defines them.

A candidate is compared with a round Gaussian :math:`g` of the width of the kernel: its
sharpness is its peak above the mean around over the height of the best fitting Gaussian, and
it must rise along rows and along columns as a Gaussian does (P. B. Stetson, "DAOPHOT", PASP
99, 191, 1987).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from seestack.model import BoolArray, FloatArray, Image

__all__ = ["Daofind", "daofind", "kernel_radius"]

_FWHM_PER_SIGMA = 2.3548200450309493
_RADIUS_SIGMA, _LEAST_RADIUS_PX = 1.5, 2
# Sharpness tells stars from spikes only when the kernel fits the stars, so its range
# is wide here and the fitted width decides.
_SHARPNESS_RANGE = (0.1, 4.0)


@dataclass(frozen=True, slots=True, eq=False)
class Daofind:
    """Measures of N candidates, (N,) each.

    Parameters
    ----------
    flux : ndarray
        Sum of the pixels of the cut-out.
    sharpness : ndarray
        Peak above the mean of its neighbours, over the height of the best fitting Gaussian.
    height_x, height_y : ndarray
        Height of the Gaussian that fits the sums along columns and along rows best.
    """

    flux: FloatArray
    sharpness: FloatArray
    height_x: FloatArray
    height_y: FloatArray

    @property
    def is_star(self) -> BoolArray:
        """True for the candidates that pass, (N,)."""
        least, most = _SHARPNESS_RANGE
        sharp = (self.sharpness >= least) & (self.sharpness <= most)
        return sharp & (self.height_x > 0) & (self.height_y > 0)


def kernel_radius(fwhm_px: float) -> int:
    """Return half the side of the kernel in pixels, without its middle.

    Examples
    --------
    >>> kernel_radius(4.0), kernel_radius(8.0)
    (2, 5)
    """
    return max(_LEAST_RADIUS_PX, int(_RADIUS_SIGMA * fwhm_px / _FWHM_PER_SIGMA))


def daofind(stamps: Image, fwhm_px: float) -> Daofind:
    r"""Measure candidates.

    Parameters
    ----------
    stamps : ndarray of shape (N, S, S)
        Cut-outs around the brightest pixels without the sky, S = 2 `kernel_radius` + 1.
    fwhm_px : float
        Width of the Gaussian.

    Returns
    -------
    Daofind
        The sharpness is NaN where the best fitting Gaussian has no height.

    Notes
    -----
    The height of the best fitting Gaussian is the sum over :math:`n` pixels within 1.5
    standard deviations, :math:`\sum (g - \bar g) I / (\sum g^2 - n \bar g^2)`. The
    heights along rows and columns are least-squares fits to sums under triangular weights.

    Examples
    --------
    >>> offset = np.arange(-2, 3) ** 2
    >>> star = 100.0 * np.exp(-(offset[:, None] + offset) / (2 * (4.0 / 2.3548) ** 2))
    >>> found = daofind(np.array([star, -star]), 4.0)
    >>> found.sharpness.round(2).tolist(), found.is_star.tolist()
    ([0.42, 0.42], [True, False])
    """
    radius = kernel_radius(fwhm_px)
    peak = np.asarray(stamps[:, radius, radius], np.float64)
    weights = _weights(fwhm_px)
    sums = np.reshape(stamps, (len(stamps), len(weights))).astype(np.float64) @ weights
    flux, around, height, height_x, height_y = sums.T
    with np.errstate(divide="ignore", invalid="ignore"):
        sharpness = (peak - around) / height
    return Daofind(flux, sharpness, height_x, height_y)


@cache
def _weights(fwhm_px: float) -> FloatArray:
    """Return what the pixels of a cut-out, (S * S, 5), weigh in each measure.

    In the flux, the mean of the neighbours of the peak, the height of the Gaussian, and the
    heights along columns and along rows.
    """
    radius = kernel_radius(fwhm_px)
    gauss, inside = _gaussian(radius, fwhm_px / _FWHM_PER_SIGMA)
    count, mean = inside.sum(), gauss[inside].mean()
    kernel = np.where(inside, gauss - mean, 0.0) / ((gauss[inside] ** 2).sum() - count * mean**2)
    around = inside / (count - 1)
    around[radius, radius] = 0.0
    marginal = _marginal_weights(gauss)
    parts = (np.ones(gauss.shape), around, kernel, marginal, marginal.T)
    return np.stack([part.ravel() for part in parts], axis=1)


def _gaussian(radius: int, sigma: float) -> tuple[FloatArray, BoolArray]:
    """Return a Gaussian of height 1, and the pixels of it that the kernel holds."""
    offset = np.arange(-radius, radius + 1)
    distance_sq = offset[:, None] ** 2 + offset**2
    inside = (distance_sq <= (_RADIUS_SIGMA * sigma) ** 2) | (distance_sq <= _LEAST_RADIUS_PX**2)
    return np.exp(-distance_sq / (2 * sigma**2)), inside


def _marginal_weights(gauss: FloatArray) -> FloatArray:
    """Return what pixels weigh in the height of the Gaussian fitted to sums along columns.

    A level is fitted too.
    """
    side = len(gauss)
    weight = side // 2 + 1.0 - np.abs(np.arange(side) - side // 2)
    profile = weight @ gauss
    total, of_profile = weight.sum(), weight @ profile
    along = weight * profile - weight * of_profile / total
    return np.outer(weight, along) / (weight @ profile**2 - of_profile**2 / total)
