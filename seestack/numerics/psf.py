"""Fit star images with one point-spread function shared by the whole frame.

All stars of a frame are blurred alike, so their common shape is known far better
than any one star tells. The model is an elliptical Moffat profile integrated over
each pixel. Shape, positions, amplitudes and local sky are fitted together by
weighted Gauss-Newton steps; the weights follow the photon noise, whose size is
read off the residuals. With the right weights the positions reach the Cramer-Rao
bound; centroids that ignore the profile or the weights miss it by a factor of 1.3
to 5.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seestack.model import BoolArray, FloatArray

__all__ = ["StarFit", "fit_stars"]

# Gauss-Legendre nodes and weights over a pixel of width 1, for wide and for narrow stars.
_WIDE = ((-0.5 / np.sqrt(3.0), 0.5), (0.5 / np.sqrt(3.0), 0.5))
_NARROW = ((-np.sqrt(0.15), 5 / 18), (0.0, 8 / 18), (np.sqrt(0.15), 5 / 18))
_NARROW_FWHM_PX = 2.5
_BETA_RANGE = (1.2, 12.0)
_STAR, _SHAPE = slice(0, 4), slice(4, 8)
# In half-widths at half maximum, about what the stamps hold: further out the exponent
# decides how much light there is, and no star tells it.
_FLUX_RADIUS = 4.0
_X, _Y, _AMPLITUDE, _SKY, _LOG_SIZE, _STRETCH, _SHEAR, _BETA = range(8)


@dataclass(frozen=True, slots=True, eq=False)
class StarFit:
    """Result of `fit_stars`; arrays have one row for each of the N stars.

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
    The profile is :math:`P = [1 + (2^{1/\beta} - 1)\,q]^{-\beta}` with the quadratic
    form q equal to 1 on the half-maximum ellipse, so that width and exponent are
    nearly independent. The integral over a pixel uses 2 x 2 Gauss-Legendre nodes, 3 x 3
    for stars narrower than 2.5 px.
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
    count, size = stamps.shape[0], stamps.shape[-1]
    if count == 0:
        none = np.empty(0)
        return StarFit(np.empty((0, 2)), *(none,) * 8, psf_fwhm_px=fwhm_px, beta=beta, gain_adu=0.0)
    fit = _Fit(stamps.reshape(count, -1), valid.reshape(count, -1), size, noise_adu)
    parameters = fit.first_guess(fwhm_px, beta)
    bright = np.argsort(-parameters[:, _AMPLITUDE], kind="stable")[:n_shape]
    subset = _Fit(fit.data[bright], fit.valid[bright], size, noise_adu)
    shape_fit, gain = subset.solve(parameters[bright], max_iterations, with_shape=True)
    parameters[:, _SHAPE] = shape_fit[0, _SHAPE]
    parameters[bright, _STAR] = shape_fit[:, _STAR]
    faint = np.setdiff1d(np.arange(count), bright)
    if len(faint):
        rest = _Fit(fit.data[faint], fit.valid[faint], size, noise_adu)
        parameters[faint], _ = rest.solve(
            parameters[faint], max_iterations, with_shape=False, gain=gain
        )
    return fit.summary(parameters, gain)


class _Fit:
    """The stamps of one frame and the Gauss-Newton steps on them."""

    def __init__(self, data: FloatArray, valid: BoolArray, size: int, noise_adu: float) -> None:
        self.data, self.valid, self.noise = data, valid, np.float32(max(noise_adu, 1e-9))
        half = size // 2
        grid = np.arange(-half, half + 1, dtype=np.float32)
        self.x, self.y = np.tile(grid, size), np.repeat(grid, size)

    def first_guess(self, fwhm_px: float, beta: float) -> FloatArray:
        parameters = np.zeros((len(self.data), 8))
        edge = np.maximum(np.abs(self.x), np.abs(self.y)) == self.x.max()
        masked = np.where(self.valid, self.data, np.nan)
        with np.errstate(all="ignore"):
            sky = np.nanmedian(np.where(edge, masked, np.nan), axis=1)
            sky = np.where(np.isfinite(sky), sky, 0.0)
            core = (np.hypot(self.x, self.y) <= max(1.5, 0.6 * fwhm_px)) & self.valid
            light = np.where(core, np.maximum(self.data - sky[:, None], 0), 0)
            total = np.maximum(light.sum(axis=1), 1e-12)
            peak = np.max(np.where(core, self.data, -np.inf), axis=1)
        parameters[:, _X] = light @ self.x / total
        parameters[:, _Y] = light @ self.y / total
        parameters[:, _AMPLITUDE] = np.maximum(np.where(np.isfinite(peak), peak, 0) - sky, 1e-6)
        parameters[:, _SKY] = sky
        parameters[:, _LOG_SIZE] = np.log(4 / fwhm_px**2)
        parameters[:, _BETA] = beta
        return parameters

    def model(self, parameters: FloatArray, derivatives: int) -> tuple[FloatArray, FloatArray]:
        """Return the model (N, P) and its first `derivatives` derivatives (N, P, D)."""
        p = [parameters[:, k, None].astype(np.float32) for k in range(8)]
        size, beta = np.exp(p[_LOG_SIZE]), p[_BETA]
        a, c, b = size * np.exp(p[_STRETCH]), size * np.exp(-p[_STRETCH]), size * p[_SHEAR]
        power = 2 ** (1 / beta)
        k = power - 1
        narrow = float(size.max()) > 4 / _NARROW_FWHM_PX**2
        nodes = _NARROW if narrow else _WIDE
        light, logs, moments = self._moments(p, (k * a, k * b, k * c), nodes, derivatives == 8)
        slope = -beta * k
        jacobian = np.empty((derivatives, *self.data.shape), np.float32)
        of_x, of_y = moments[0], moments[1]
        jacobian[_X] = (-2 * slope * p[_AMPLITUDE]) * (a * of_x + b * of_y)
        jacobian[_Y] = (-2 * slope * p[_AMPLITUDE]) * (c * of_y + b * of_x)
        jacobian[_AMPLITUDE], jacobian[_SKY] = light, 1.0
        if derivatives == 8:
            along, across, mixed = a * moments[2], c * moments[3], (2 * b) * moments[4]
            q = along + across
            q += mixed
            scale = slope * p[_AMPLITUDE]
            jacobian[_LOG_SIZE] = scale * q
            jacobian[_STRETCH] = scale * (along - across)
            jacobian[_SHEAR] = (2 * size * scale) * moments[4]
            dk = -np.log(2) / beta**2 * power
            jacobian[_BETA] = -p[_AMPLITUDE] * (logs + (beta * dk) * q)
        return p[_AMPLITUDE] * light + p[_SKY], np.moveaxis(jacobian, 0, 2)

    def _moments(
        self,
        p: list[FloatArray],
        form: tuple[FloatArray, FloatArray, FloatArray],
        nodes: tuple[tuple[float, float], ...],
        with_shape: bool,
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return sums over the nodes of a pixel: P, P log u and P / u times dx, dy and squares.

        The squares are dx dx, dy dy and dx dy. With `form`, the quadratic form times k,
        u is 1 + k q and P is u to the power of minus beta.
        """
        a, b, c = form
        light, logs = np.zeros((2, *self.data.shape), np.float32)
        moments = np.zeros((5 if with_shape else 2, *self.data.shape), np.float32)
        # What depends on one coordinate alone serves several nodes.
        dx = [self.x + (np.float32(node) - p[_X]) for node, _ in nodes]
        dy = [self.y + (np.float32(node) - p[_Y]) for node, _ in nodes]
        across = [1 + c * y * y for y in dy]
        for (_, weight_x), x in zip(nodes, dx, strict=True):
            along, mixed = a * x * x, (2 * b) * x
            for (_, weight_y), y, u_of_y in zip(nodes, dy, across, strict=True):
                u = mixed * y
                u += along
                u += u_of_y
                log_u = np.log(u)
                profile = np.exp(-p[_BETA] * log_u)
                profile *= np.float32(weight_x * weight_y)
                light += profile
                slope = np.divide(profile, u, out=u)
                for moment, place in zip(moments, (x, y), strict=False):
                    moment += slope * place
                if with_shape:
                    logs += np.multiply(profile, log_u, out=log_u)
                    slope_x = slope * x
                    moments[2] += slope_x * x
                    moments[4] += np.multiply(slope_x, y, out=slope_x)
                    slope *= y
                    moments[3] += np.multiply(slope, y, out=slope)
        return light, logs, moments

    def weights(self, parameters: FloatArray, model: FloatArray, gain: float) -> FloatArray:
        light = np.maximum(model - parameters[:, _SKY, None], 0)
        return np.where(self.valid, 1 / (self.noise**2 + gain * light), 0.0)

    def gain(
        self,
        parameters: FloatArray,
        model: FloatArray,
        jacobian: FloatArray,
        residual: FloatArray,
        gain: float,
    ) -> float:
        """Variance for each ADU of star light: the median of what each star's residuals say.

        A star with a close neighbour leaves large residuals; the median is blind to it.
        The fit takes up part of the noise, nearly half of it in a narrow star's core,
        so only the rest, `free`, is expected in the residuals.
        """
        free = 1 - _leverage(jacobian[..., _STAR], self.weights(parameters, model, gain))
        light = np.maximum(model - parameters[:, _SKY, None], 0)
        light = np.where(self.valid & (light > self.noise), light, 0.0)
        excess = np.where(light > 0, residual**2 - free * self.noise**2, 0.0)
        bright = (light > 0).sum(axis=1) >= 5
        if not bright.any():
            return 0.0
        light, excess, free = light[bright], excess[bright], free[bright]
        for _ in range(4):
            share = light / (self.noise**2 + gain * light) ** 2
            parts = share * light * free
            # A median of few squares is smaller than their mean (Wilson and Hilferty).
            count = parts.sum(axis=1) ** 2 / (parts**2).sum(axis=1)
            each = (share * excess).sum(axis=1) / parts.sum(axis=1) / (1 - 2 / (9 * count)) ** 3
            gain = max(float(np.median(each)), 0.0)
        return gain

    def trust(self, residual: FloatArray, weights: FloatArray) -> FloatArray:
        """Weight of each star in the common shape, less than 1 for bad fits."""
        degrees = np.maximum(self.valid.sum(axis=1) - 4, 1)
        chi2 = (weights * residual**2).sum(axis=1) / degrees
        return np.minimum(1.0, 2.0 / np.maximum(chi2, 1e-9)) ** 2

    def misfit(self, square: FloatArray, fwhm_px: float) -> FloatArray:
        """Norm of the weighted residual beyond the noise, within one FWHM of the middle.

        Further out lie neighbours, which are no fault of the star.
        """
        core = self.valid & (np.hypot(self.x, self.y) <= max(fwhm_px, 2.0))
        count = core.sum(axis=1)
        # Three standard deviations may be noise.
        noise = count + 3 * np.sqrt(2 * count)
        return np.sqrt(np.maximum(np.where(core, square, 0.0).sum(axis=1) - noise, 0.0))

    def solve(
        self,
        parameters: FloatArray,
        max_iterations: int,
        *,
        with_shape: bool,
        gain: float = 0.0,
    ) -> tuple[FloatArray, float]:
        derivatives, least = (8, 3) if with_shape else (4, 1)
        for iteration in range(max_iterations):
            model, jacobian = self.model(parameters, derivatives)
            residual = np.where(self.valid, self.data - model, 0.0)
            if with_shape and iteration >= 2:
                gain = self.gain(parameters, model, jacobian, residual, gain)
            weights = self.weights(parameters, model, gain)
            normal, gradient = _normal_equations(jacobian, weights, residual)
            if with_shape:
                step = _shared_step(normal, gradient, self.trust(residual, weights))
            else:
                step = _solve(normal, gradient)
            parameters = _limited(parameters, step)
            # Convergence is quadratic: the next step would be far below any star's error.
            if iteration >= least and np.abs(step[:, :2]).max() < 5e-3:
                break
        return parameters, gain

    def summary(self, parameters: FloatArray, gain: float) -> StarFit:
        model, jacobian = self.model(parameters, 8)
        residual = np.where(self.valid, self.data - model, 0.0)
        weights = self.weights(parameters, model, gain)
        normal, gradient = _normal_equations(jacobian[..., :7], weights, residual)
        covariance = np.linalg.pinv(normal[:, _STAR, _STAR], hermitian=True)
        of_shape = np.linalg.pinv(normal, hermitian=True)
        own = _limited(parameters, np.pad(_solve(normal, gradient), ((0, 0), (0, 1))))
        size, stretch, shear = (own[:, k] for k in (_LOG_SIZE, _STRETCH, _SHEAR))
        mean = np.cosh(stretch)
        spread = np.minimum(np.hypot(np.sinh(stretch), shear), 0.98 * mean)
        determinant = mean**2 - spread**2
        # A length is never negative, so noise only adds to it: by its variance, squared.
        noise_sq = np.abs(of_shape[:, _STRETCH, _STRETCH] + of_shape[:, _SHEAR, _SHEAR])
        spread = np.sqrt(np.maximum(spread**2 - noise_sq, 0.0))
        common = parameters[0]
        beta = common[_BETA]
        area = np.exp(-common[_LOG_SIZE]) / np.sqrt(1 - common[_SHEAR] ** 2)
        k = 2 ** (1 / beta) - 1
        within = 1 - (1 + k * _FLUX_RADIUS**2) ** (1 - beta)
        flux = parameters[:, _AMPLITUDE] * np.pi * area / ((beta - 1) * k) * within
        degrees = np.maximum(self.valid.sum(axis=1) - 4, 1)
        chi2 = (weights * residual**2).sum(axis=1) / degrees
        snr = parameters[:, _AMPLITUDE] / np.sqrt(np.abs(covariance[:, 2, 2]) + 1e-300)
        error = np.sqrt(np.abs((covariance[:, 0, 0] + covariance[:, 1, 1]) / 2))
        misfitting = np.sqrt(np.maximum(chi2, 1.0))
        return StarFit(
            xy=parameters[:, :2].copy(),
            xy_err_px=error * misfitting,
            flux=flux,
            flux_err=flux / np.maximum(snr, 1e-9) * misfitting,
            fwhm_px=2 * np.exp(-size / 2) / determinant**0.25,
            elongation=np.sqrt((mean + spread) / (mean - spread)),
            snr=snr,
            chi2=chi2,
            misfit=self.misfit(weights * residual**2, 2 * np.sqrt(area)) / np.maximum(snr, 1e-9),
            psf_fwhm_px=float(2 * np.sqrt(area)),
            beta=float(beta),
            gain_adu=gain,
        )


def _normal_equations(
    jacobian: FloatArray, weights: FloatArray, residual: FloatArray
) -> tuple[FloatArray, FloatArray]:
    weighted = jacobian * weights[..., None]
    normal = weighted.transpose(0, 2, 1) @ jacobian
    return normal, (weighted.transpose(0, 2, 1) @ residual[..., None])[..., 0]


def _leverage(jacobian: FloatArray, weights: FloatArray) -> FloatArray:
    """Return the share of each pixel's noise (N, P) that the fit of its star takes up."""
    normal, _ = _normal_equations(jacobian, weights, np.zeros_like(weights))
    covariance = np.linalg.pinv(normal, hermitian=True)
    return np.minimum(weights * ((jacobian @ covariance) * jacobian).sum(axis=2), 0.9)


def _solve(normal: FloatArray, gradient: FloatArray) -> FloatArray:
    """Solve each star's own equations, slightly damped so that none is singular."""
    size = normal.shape[-1]
    diagonal = np.einsum("nii->ni", normal)
    damping = 1e-9 * diagonal + 1e-12 * diagonal.max(axis=1, keepdims=True) + 1e-300
    return np.linalg.solve(normal + damping[..., None] * np.eye(size), gradient[..., None])[..., 0]


def _shared_step(normal: FloatArray, gradient: FloatArray, trust: FloatArray) -> FloatArray:
    """Solve for every star and the one shared shape at once (Schur complement)."""
    star, mixed = normal[:, _STAR, _STAR], normal[:, _STAR, _SHAPE]
    eye = np.eye(4)
    diagonal = np.einsum("nii->ni", star)
    damping = 1e-9 * diagonal + 1e-12 * diagonal.max(axis=1, keepdims=True) + 1e-300
    star = star + damping[..., None] * eye
    solved = np.linalg.solve(star, np.concatenate([mixed, gradient[:, _STAR, None]], axis=2))
    own_normal = normal[:, _SHAPE, _SHAPE] - mixed.transpose(0, 2, 1) @ solved[..., :4]
    own_gradient = gradient[:, _SHAPE] - (mixed.transpose(0, 2, 1) @ solved[..., 4:])[..., 0]
    shape_normal = np.einsum("n,nij->ij", trust, own_normal)
    shape_gradient = trust @ own_gradient
    # A weak prior keeps exponent and ellipse at rest where the stars say nothing.
    shape_normal[np.diag_indices(4)] += np.array([1.0, 4.0, 4.0, 1.0])
    shape = np.linalg.solve(shape_normal, shape_gradient)
    stars = solved[..., 4] - solved[..., :4] @ shape
    return np.concatenate([stars, np.broadcast_to(shape, (len(stars), 4))], axis=1)


def _limited(parameters: FloatArray, step: FloatArray) -> FloatArray:
    """Return the parameters after a step that is cut to where the model holds."""
    step = np.pad(step, ((0, 0), (0, parameters.shape[1] - step.shape[1])))
    limits: NDArray[np.float64] = np.array([0.7, 0.7, np.inf, np.inf, 0.7, 0.3, 0.3, 1.0])
    moved = parameters + np.clip(step, -limits, limits)
    moved[:, :2] = np.clip(moved[:, :2], -2.5, 2.5)
    moved[:, _AMPLITUDE] = np.maximum(moved[:, _AMPLITUDE], parameters[:, _AMPLITUDE] / 10)
    moved[:, _LOG_SIZE] = np.clip(moved[:, _LOG_SIZE], np.log(4 / 60.0**2), np.log(4 / 0.5**2))
    moved[:, _STRETCH] = np.clip(moved[:, _STRETCH], -1.5, 1.5)
    moved[:, _SHEAR] = np.clip(moved[:, _SHEAR], -0.9, 0.9)
    moved[:, _BETA] = np.clip(moved[:, _BETA], *_BETA_RANGE)
    return moved
