"""What a fit of the shared profile says about each star."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from seestack.model import FloatArray
from seestack.numerics.linear import inverse, solution_and_variances
from seestack.numerics.moffat import (
    AMPLITUDE,
    BETA,
    LOG_SIZE,
    SHEAR,
    STRETCH,
    Equations,
    Stamps,
    equations,
    limited,
)

__all__ = ["StarFit", "no_stars", "summary"]

# In half-widths at half maximum, about what the stamps hold: further out the exponent
# decides how much light there is, and no star tells it.
_FLUX_RADIUS = 4.0


@dataclass(frozen=True, slots=True, eq=False)
class StarFit:
    """Result of `seestack.numerics.psf.fit_stars`; arrays have one row for each of the N stars.

    Parameters
    ----------
    xy : ndarray of shape (N, 2)
        Position relative to the central pixel of the stamp.
    xy_err_px : ndarray of shape (N,)
        Standard error along one axis, larger where the star fits badly.
    flux : ndarray of shape (N,)
        Flux of the profile in ADU within 2 FWHM of its middle (an ellipse where the
        profile is one), which is 93 to 99 % of the total for exponents of 2.5 to 5.
    flux_err : ndarray of shape (N,)
        Standard error of the flux, larger where the star fits badly. The error of the
        common profile, which moves all fluxes of a frame together, is not in it.
    fwhm_px, elongation : ndarray of shape (N,)
        Width (geometric mean of both axes) and axis ratio of each star by itself. What
        noise adds to the ratio on average is taken off; a faint round star has 1.
    snr : ndarray of shape (N,)
        Amplitude over its standard error.
    chi2 : ndarray of shape (N,)
        Weighted mean square residual; near 1 where the star has the common shape.
    misfit : ndarray of shape (N,)
        Residual light in the core beyond the noise over the light of the star, both
        as weighted norms: 0 for the common shape, 0.1 for a slightly different one, 0.6
        and more for a cosmic ray, however bright.
    psf_fwhm_px : float
        Width of the common profile.
    beta : float
        Exponent of the common profile.
    gain_adu : float
        Photon noise: variance in ADU squared for each ADU of star light.
    """

    xy: FloatArray
    xy_err_px: FloatArray
    flux: FloatArray
    flux_err: FloatArray
    fwhm_px: FloatArray
    elongation: FloatArray
    snr: FloatArray
    chi2: FloatArray
    misfit: FloatArray
    psf_fwhm_px: float
    beta: float
    gain_adu: float


def no_stars(fwhm_px: float, beta: float) -> StarFit:
    """Return the fit of no stars at all."""
    none = np.empty(0)
    return StarFit(np.empty((0, 2)), *(none,) * 8, psf_fwhm_px=fwhm_px, beta=beta, gain_adu=0.0)


def summary(stamps: Stamps, parameters: FloatArray, gain: float, noise_adu: float) -> StarFit:
    """Return what the fitted parameters (N, 8) say, in ADU and pixels.

    `gain` and the amplitudes are in units of `noise_adu`, the noise of the sky.
    """
    common = parameters[0]
    beta = common[BETA]
    area = np.exp(-common[LOG_SIZE]) / np.sqrt(1 - common[SHEAR] ** 2)
    psf_fwhm_px = float(2 * np.sqrt(area))
    # Further out than one FWHM from the middle lie neighbours, which are no fault of the star.
    core = stamps.within(max(psf_fwhm_px, 2.0))
    found = equations(stamps, parameters, gain, free=7, core=core)
    k = 2 ** (1 / beta) - 1
    within = 1 - (1 + k * _FLUX_RADIUS**2) ** (1 - beta)
    amplitude = parameters[:, AMPLITUDE] * noise_adu
    flux = amplitude * np.pi * area / ((beta - 1) * k) * within
    covariance = inverse(found.normal, 4)
    chi2 = found.square / np.maximum(stamps.known_px - 4, 1)
    snr = parameters[:, AMPLITUDE] / np.sqrt(np.abs(covariance[:, 2, 2]))
    error = np.sqrt(np.abs((covariance[:, 0, 0] + covariance[:, 1, 1]) / 2))
    misfitting = np.sqrt(np.maximum(chi2, 1.0))
    fwhm, elongation = _own_shape(found, parameters)
    return StarFit(
        xy=parameters[:, :2].copy(),
        xy_err_px=error * misfitting,
        flux=flux,
        flux_err=flux / np.maximum(snr, 1e-9) * misfitting,
        fwhm_px=fwhm,
        elongation=elongation,
        snr=snr,
        chi2=chi2,
        misfit=_misfit(found.core_square, stamps.known_within(core)) / np.maximum(snr, 1e-9),
        psf_fwhm_px=psf_fwhm_px,
        beta=float(beta),
        gain_adu=gain * noise_adu,
    )


def _own_shape(found: Equations, parameters: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return width and axis ratio of each star by itself, all but the exponent free."""
    step, variance = solution_and_variances(found.normal, found.gradient)
    own = limited(parameters, step)
    size, stretch, shear = (own[:, k] for k in (LOG_SIZE, STRETCH, SHEAR))
    mean = np.cosh(stretch)
    spread = np.minimum(np.hypot(np.sinh(stretch), shear), 0.98 * mean)
    determinant = mean**2 - spread**2
    # A length is never negative, so noise only adds to it: by its variance, squared.
    noise_sq = variance[:, STRETCH] + variance[:, SHEAR]
    spread = np.sqrt(np.maximum(spread**2 - noise_sq, 0.0))
    return 2 * np.exp(-size / 2) / determinant**0.25, np.sqrt((mean + spread) / (mean - spread))


def _misfit(square: FloatArray, count: FloatArray) -> FloatArray:
    """Return the norm of the weighted residual of so many pixels beyond the noise."""
    # Three standard deviations may be noise.
    noise = count + 3 * np.sqrt(2 * count)
    misfit: FloatArray = np.sqrt(np.maximum(square - noise, 0.0))
    return misfit
