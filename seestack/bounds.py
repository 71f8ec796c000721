"""The accuracy that no registration can beat: Cramer-Rao bounds on simulated frames.

How well a star's position can be known follows from how fast its pixels change when
it moves, and from their noise. The bound of the motion between two frames follows
from the bounds of all its stars. Tests and benchmarks measure seestack against it;
stacking does not need it.
"""

from __future__ import annotations

import numpy as np

from seestack.model import FloatArray
from seestack.simulation import StarField, moffat_image

__all__ = ["motion_bound", "position_bound"]

# Sub-pixel positions the information is averaged over; symmetry covers the others.
_PHASES = ((0.0, 0.0), (0.25, 0.0), (0.5, 0.0), (0.25, 0.25), (0.5, 0.25), (0.5, 0.5))
_PHASE_SHARES = (1, 4, 2, 4, 4, 1)
_STEP_PX = 1e-3


def position_bound(
    flux_adu: float,
    *,
    fwhm_px: float = 3.0,
    beta: float = 3.0,
    sky_adu: float = 800.0,
    gain_e_per_adu: float = 1.0,
    read_noise_e: float = 5.0,
) -> float:
    r"""Return the smallest possible standard error of a star's position along one axis.

    Parameters
    ----------
    flux_adu : float
        Total flux of the star.
    fwhm_px, beta : float
        The star image, see `seestack.simulation.moffat_image`.
    sky_adu, gain_e_per_adu, read_noise_e : float
        The noise, see `seestack.simulation.simulate_frame`.

    Returns
    -------
    float
        In pixels.

    Notes
    -----
    Pixel i expects :math:`\mu_i` electrons, star and sky, and has the variance
    :math:`\mu_i + r^2` with the read noise r. The Fisher information of the position
    x and the bound are [1]_ [2]_ [3]_

    .. math:: I = \sum_i \frac{(\partial\mu_i/\partial x)^2}{\mu_i + r^2},
              \qquad \sigma_x \ge I^{-1/2}

    with :math:`\mu_i` integrated over the pixel. I is the mean over 16 sub-pixel
    positions. An unknown flux or sky takes nothing from it, as their derivatives are
    even functions of x and that of the position is odd. What the variance itself tells
    about the position is left out; it is smaller by :math:`1/2\mu_i`.

    References
    ----------
    .. [1] S. M. Kay, Fundamentals of Statistical Signal Processing, vol. 1:
       Estimation Theory, ch. 3 (1993).
    .. [2] I. R. King, "Accuracy of measurement of star images on a pixel array",
       PASP 95, 163 (1983).
    .. [3] R. A. Mendez, J. F. Silva and R. Lobos, "Analysis and interpretation of the
       Cramer-Rao lower-bound in astrometry: one-dimensional case", PASP 125, 580
       (2013).

    Examples
    --------
    Without noise of sky and reading, the bound falls with the root of the light.

    >>> bright, faint = (
    ...     position_bound(flux, sky_adu=0, read_noise_e=0) for flux in (400_000, 100_000)
    ... )
    >>> round(faint / bright, 2)
    2.0
    """
    half = int(np.ceil(6 * fwhm_px)) + 2
    shape = (2 * half + 1, 2 * half + 1)
    flux = np.array([flux_adu])
    information = []
    for x, y in _PHASES:
        star, right, left = (
            moffat_image(
                np.array([[half + x + step, half + y]]), flux, shape, fwhm_px=fwhm_px, beta=beta
            )
            for step in (0.0, _STEP_PX, -_STEP_PX)
        )
        slope = (right - left) / (2 * _STEP_PX) * gain_e_per_adu
        variance = (star + sky_adu) * gain_e_per_adu + read_noise_e**2
        # A pixel that expects nothing has no slope either.
        information.append((slope**2 / np.maximum(variance, 1e-12)).sum())
    return float(np.average(information, weights=_PHASE_SHARES) ** -0.5)


def motion_bound(
    field: StarField,
    shape: tuple[int, int],
    *,
    transform: str = "rigid",
    max_stars: int = 60,
    edge_px: float = 2.0,
    fwhm_px: float = 3.0,
    beta: float = 3.0,
    sky_adu: float = 800.0,
    gain_e_per_adu: float = 1.0,
    read_noise_e: float = 5.0,
) -> float:
    r"""Return the smallest possible error of the motion between two frames of a field.

    Parameters
    ----------
    field : StarField
        The stars, brightest first.
    shape : tuple of int
        (row, col) of the frames.
    transform : {"rigid", "translation"}
        What is unknown: a rotation and a shift, or a shift alone.
    max_stars : int, default 60
        The brightest stars in the frame that take part.
    edge_px : float, default 2.0
        Stars closer to the edge do not.
    fwhm_px, beta, sky_adu, gain_e_per_adu, read_noise_e : float
        See `position_bound`.

    Returns
    -------
    float
        Standard error, along one axis and in pixels, of the displacement of the
        frame's centre.

    Notes
    -----
    Both frames are noisy, so star k tells :math:`w_k = I_k / 2` about the motion.
    For a shift alone the bound is :math:`(\sum w_k)^{-1/2}`. For a shift
    :math:`(t_x, t_y)` of the centre and a small rotation :math:`\varphi` about it, star
    k at (x, y) from the centre moves by :math:`(t_x - \varphi y, t_y + \varphi x)` and
    the information matrix is

    .. math:: \sum_k w_k \begin{pmatrix}
              1 & 0 & -y_k \\ 0 & 1 & x_k \\ -y_k & x_k & x_k^2 + y_k^2 \end{pmatrix}

    The mean of the first two diagonal elements of its inverse is the squared bound.

    Examples
    --------
    Two stars of equal brightness on either side of the centre.

    >>> field = StarField([[20.0, 30.0], [80.0, 30.0]], [50_000.0, 50_000.0])
    >>> both = motion_bound(field, (61, 101))
    >>> bool(np.isclose(both, position_bound(50_000.0)))
    True
    """
    if transform not in ("rigid", "translation"):
        raise ValueError(f"transform must be 'rigid' or 'translation', got {transform!r}")
    last = np.array([shape[1] - 1, shape[0] - 1])
    inside = ((field.xy >= edge_px) & (field.xy <= last - edge_px)).all(axis=1)
    used = np.flatnonzero(inside)[:max_stars]
    noise = {
        "fwhm_px": fwhm_px,
        "beta": beta,
        "sky_adu": sky_adu,
        "gain_e_per_adu": gain_e_per_adu,
        "read_noise_e": read_noise_e,
    }
    errors = np.array([position_bound(field.flux_adu[k], **noise) for k in used])
    weights = 1 / (2 * errors**2)
    if transform == "translation":
        return float(weights.sum() ** -0.5)
    return _rigid_bound(weights, field.xy[used] - last / 2)


def _rigid_bound(weights: FloatArray, xy: FloatArray) -> float:
    x, y = xy[:, 0], xy[:, 1]
    one, zero = np.ones_like(x), np.zeros_like(x)
    moves = np.array([[one, zero], [zero, one], [-y, x]])
    information = np.einsum("iak,jak,k->ij", moves, moves, weights)
    covariance = np.linalg.inv(information)
    return float(np.sqrt((covariance[0, 0] + covariance[1, 1]) / 2))
