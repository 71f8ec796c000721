"""Fit star images with one point-spread function shared by the whole frame.

All stars of a frame are blurred alike, so their common shape is known far better
than any one star tells. Shape, positions, amplitudes and local sky are fitted together by
weighted Gauss-Newton steps; the weights follow the photon noise, whose size is
read off the residuals. With the right weights the positions reach the Cramer-Rao
bound; centroids that ignore the profile or the weights miss it by a factor of 1.3
to 5.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from seestack.compiled import circles, photons
from seestack.model import BoolArray, FloatArray, Image
from seestack.numerics.linear import inverse, shared_solution, solution
from seestack.numerics.moffat import (
    AMPLITUDE,
    BETA,
    LOG_SIZE,
    OF_SHAPE,
    Equations,
    Stamps,
    X,
    Y,
    equations,
    limited,
)
from seestack.numerics.robust import median
from seestack.numerics.starfit import StarFit, no_stars, summary

__all__ = ["StarFit", "fit_stars"]

# Convergence is quadratic: after a step this small, in pixels or of the logarithm of the
# size, the next is far below any star's error.
_SMALL_STEP, _FEW = 5e-3, 0.1
# So many pixels above the noise of the sky tell the photon noise of a star.
_FEWEST_BRIGHT_PX = 5
# A weak prior keeps exponent and ellipse at rest where the stars say nothing.
_PRIOR = np.array([1.0, 4.0, 4.0, 1.0])


def fit_stars(
    stamps: FloatArray,
    valid: BoolArray,
    *,
    noise_adu: float,
    fwhm_px: float,
    beta: float = 3.5,
    n_shape: int = 30,
    max_iterations: int = 12,
) -> StarFit:
    r"""Fit one shared profile to the stamps of all stars.

    Parameters
    ----------
    stamps : ndarray of shape (N, S, S)
        Square cut-outs, S odd, each with one star near its central pixel; ADU.
    valid : ndarray of bool, shape (N, S, S)
        False for pixels to ignore.
    noise_adu : float
        Standard deviation of the sky in one pixel.
    fwhm_px : float
        First guess of the width.
    beta : float, default 3.5
        First guess of the exponent.
    n_shape : int, default 30
        The shape is fitted to this many stars with the brightest peaks.
    max_iterations : int, default 12
        Limit of the Gauss-Newton steps.

    Returns
    -------
    StarFit
        Empty arrays for N = 0.

    Notes
    -----
    For the profile see `seestack.numerics.moffat`.
    The noise model is :math:`\sigma^2 = \sigma_\mathrm{sky}^2 + g\,AP`, g fitted to
    the squared residuals. The error follows from the inverse of the Fisher matrix
    (see S. M. Kay, Fundamentals of Statistical Signal Processing, vol. 1, ch. 3).

    The flux within the radius R of a profile that holds the total F is
    :math:`F\,(1 - [1 + (2^{1/\beta} - 1)(2R/\mathrm{FWHM})^2]^{1-\beta})`. At 2 FWHM the
    errors of width and exponent nearly cancel, which they do not in the total flux, and
    where real stars are no Moffat profiles the share hardly depends on the seeing,
    which it does within 1.5 FWHM.

    Examples
    --------
    >>> from seestack.simulation import moffat_image
    >>> star = moffat_image(np.array([[7.2, 6.9]]), np.array([5000.0]), (15, 15))
    >>> fit = fit_stars(star[None], np.ones((1, 15, 15), bool), noise_adu=0.1, fwhm_px=2.5)
    >>> fit.xy.round(3).tolist(), round(fit.psf_fwhm_px, 2)
    ([[0.2, -0.1]], 3.0)
    """
    if len(stamps) == 0:
        return no_stars(fwhm_px, beta)
    cut = Stamps.of(stamps, valid, noise_adu)
    parameters = _first_guess(cut, fwhm_px, beta)
    brightness = np.argsort(-parameters[:, AMPLITUDE], kind="stable")
    bright, faint = brightness[:n_shape], brightness[n_shape:]
    parameters[bright], gain, moving = _with_shape(
        cut.some(bright), parameters[bright], max_iterations
    )
    parameters[:, OF_SHAPE] = parameters[bright[0], OF_SHAPE]
    rest = np.concatenate([bright[moving], faint])
    parameters[rest] = _without_shape(cut.some(rest), parameters[rest], gain, max_iterations)
    return summary(cut, parameters, gain, max(noise_adu, 1e-9))


def _first_guess(stamps: Stamps, fwhm_px: float, beta: float) -> FloatArray:
    """Return parameters (N, 8): a centroid, the peak, and the median of the edge."""
    core = stamps.within(max(1.5, 0.6 * fwhm_px))
    edge = stamps.within(float(stamps.x.max()) - 0.5)
    parameters = np.zeros((len(stamps), 8))
    circles.first_look(stamps.data, stamps.valid, stamps.x, stamps.y, core, edge, parameters)
    parameters[:, LOG_SIZE] = np.log(4 / fwhm_px**2)
    parameters[:, BETA] = beta
    return parameters


def _with_shape(
    stamps: Stamps, parameters: FloatArray, max_iterations: int
) -> tuple[FloatArray, float, NDArray[np.intp]]:
    """Return the parameters with the shape that these stars share, and the photon noise.

    And the stars that still move when the shape is known, such as blends.
    """
    gain, far = 0.0, np.ones(len(stamps), bool)
    pixels = np.empty((5, *stamps.data.shape), np.float32)
    for iteration in range(max_iterations):
        found = equations(stamps, parameters, gain, free=8, pixels=pixels)
        step = shared_solution(found.normal, found.gradient, _trust(stamps, found), _PRIOR)
        if iteration >= 1:
            gain = _photon_noise(stamps, found, pixels, parameters, gain)
        parameters = limited(parameters, step)
        far = _far(step)
        if iteration >= 2 and abs(step[0, LOG_SIZE]) < _SMALL_STEP and far.mean() <= _FEW:
            break
    return parameters, gain, np.flatnonzero(far)


def _without_shape(
    stamps: Stamps, parameters: FloatArray, gain: float, max_iterations: int
) -> FloatArray:
    """Return the parameters of stars whose shape is known; each star stops by itself."""
    parameters, moving = parameters.copy(), np.arange(len(stamps))
    for iteration in range(max_iterations):
        if len(moving) == 0:
            break
        found = equations(stamps, parameters[moving], gain, free=4)
        step = solution(found.normal, found.gradient)
        parameters[moving] = limited(parameters[moving], step)
        if iteration >= 1:
            far = _far(step)
            moving, stamps = moving[far], stamps.some(np.flatnonzero(far))
    return parameters


def _far(step: FloatArray) -> BoolArray:
    """Return True for the stars that move on."""
    x, y = np.abs(step[:, X]), np.abs(step[:, Y])
    far: BoolArray = np.maximum(x, y) >= _SMALL_STEP
    return far


def _photon_noise(
    stamps: Stamps, found: Equations, pixels: Image, parameters: FloatArray, gain: float
) -> float:
    """Return the variance for each unit of light: the median of what each star's residuals say.

    A star with a close neighbour leaves large residuals; the median is blind to it.
    The fit takes up part of the noise, nearly half of it in a narrow star's core,
    so only the rest, `free`, is expected in the residuals.
    """
    covariance = inverse(found.normal, 4)
    light, free = np.empty((2, *stamps.data.shape), np.float32)
    bright_px, each = np.empty(len(stamps), np.float32), np.empty(len(stamps))
    photons.star_light(pixels, stamps.valid, parameters, covariance, light, free, bright_px)
    for _ in range(2):  # and again in the next iteration
        count = photons.gains(light, pixels[0], free, bright_px, _FEWEST_BRIGHT_PX, gain, each)
        gain = max(median(each[:count]), 0.0) if count else 0.0
    return gain


def _trust(stamps: Stamps, found: Equations) -> FloatArray:
    """Return the weight of each star in the common shape, less than 1 for bad fits."""
    chi2 = found.square / np.maximum(stamps.known_px - 4, 1)
    trust: FloatArray = np.minimum(1.0, 2.0 / np.maximum(chi2, 1e-9)) ** 2
    return trust
