"""A night sky with known truth: stars, motion, noise and defects, all seeded.

Tests, benchmarks, the tutorials and the simulated telescope draw their frames
here. The star image is a Moffat profile integrated over each pixel, the noise
is Poisson plus read noise; equal arguments give equal pixels.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seestack.model import FloatArray, Transform, as_positions

__all__ = ["StarField", "moffat_image", "random_field", "simulate_frame"]

# Gauss-Legendre nodes on [-1/2, 1/2]: the integral over a pixel to 1e-5 at FWHM 1.8 px.
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(3)
_NODES, _WEIGHTS = _NODES / 2, _WEIGHTS / 2


@dataclass(frozen=True, slots=True, eq=False)
class StarField:
    """Stars of a simulated field.

    Parameters
    ----------
    xy : array_like of shape (N, 2)
        Positions (x, y) in pixels of the reference frame; may lie outside of it.
    flux_adu : array_like of shape (N,)
        Total flux of each star in ADU.
    """

    xy: FloatArray
    flux_adu: FloatArray

    def __post_init__(self) -> None:
        object.__setattr__(self, "xy", as_positions("xy", self.xy))
        object.__setattr__(self, "flux_adu", np.array(self.flux_adu, np.float64))
        if self.flux_adu.shape != (len(self.xy),):
            raise ValueError(
                f"flux_adu must have shape ({len(self.xy)},), got {self.flux_adu.shape}"
            )


def random_field(
    shape: tuple[int, int],
    n_stars: int,
    *,
    seed: int = 0,
    brightest_adu: float = 200_000.0,
    faintest_adu: float = 1_000.0,
    slope: float = 0.6,
    margin_px: float = 0.0,
) -> StarField:
    """Scatter stars evenly over a field, with a power law of brightness.

    Parameters
    ----------
    shape : tuple of int
        (row, col) of the reference frame.
    n_stars : int
        Number of stars, over the field and its margin.
    seed : int, default 0
        Equal seeds give equal fields.
    brightest_adu, faintest_adu : float
        Limits of the total flux.
    slope : float, default 0.6
        Stars brighter than flux F are as many as F to the power of minus `slope`.
    margin_px : float, default 0
        Width of the border around the frame that gets stars too, so that a moving
        frame finds stars at its edges.

    Returns
    -------
    StarField
        Brightest first.

    Examples
    --------
    >>> field = random_field((100, 150), 5, seed=1)
    >>> field.xy.shape, bool((np.diff(field.flux_adu) <= 0).all())
    ((5, 2), True)
    """
    rng = np.random.default_rng(seed)
    low = np.array([-margin_px, -margin_px]) - 0.5
    high = np.array([shape[1] + margin_px, shape[0] + margin_px]) - 0.5
    xy = rng.uniform(low, high, size=(n_stars, 2))
    rare = (faintest_adu / brightest_adu) ** slope
    flux = faintest_adu * rng.uniform(rare, 1.0, n_stars) ** (-1 / slope)
    order = np.argsort(-flux)
    return StarField(xy[order], flux[order])


def moffat_image(
    xy: FloatArray,
    flux_adu: FloatArray,
    shape: tuple[int, int],
    *,
    fwhm_px: float = 3.0,
    beta: float = 3.0,
    elongation: float = 1.0,
    position_angle_deg: float = 0.0,
    faintest_adu: float = 0.01,
) -> FloatArray:
    r"""Draw stars as pixel-integrated Moffat profiles.

    Parameters
    ----------
    xy : ndarray of shape (N, 2)
        Positions (x, y) in pixels.
    flux_adu : ndarray of shape (N,)
        Total flux.
    shape : tuple of int
        (row, col) of the image.
    fwhm_px : float, default 3.0
        Full width at half maximum (geometric mean of both axes).
    beta : float, default 3.0
        Exponent; small values have wide wings. More than 1.
    elongation : float, default 1.0
        Major over minor axis.
    position_angle_deg : float, default 0
        Direction of the major axis from +x towards +y.
    faintest_adu : float, default 0.01
        A profile is cut where a pixel would get less than this.

    Returns
    -------
    ndarray of shape `shape`, float64
        The sum of all stars in ADU, without sky or noise.

    Notes
    -----
    The surface brightness is

    .. math:: I(r) = F\,\frac{\beta - 1}{\pi\alpha^2}
              \left[1 + (r/\alpha)^2\right]^{-\beta},\quad
              \alpha = \mathrm{FWHM} / (2\sqrt{2^{1/\beta} - 1})

    (A. F. J. Moffat, A&A 3, 455, 1969), integrated over each pixel by
    Gauss-Legendre quadrature with 3 x 3 nodes.

    Examples
    --------
    >>> image = moffat_image(np.array([[20.0, 15.0]]), np.array([1000.0]), (31, 41))
    >>> bool(image[15, 20] == image.max()), 990 < float(image.sum()) < 1000
    (True, True)
    """
    image = np.zeros(shape)
    alpha = fwhm_px / (2 * np.sqrt(2 ** (1 / beta) - 1))
    norm = (beta - 1) / (np.pi * alpha**2)
    with np.errstate(invalid="ignore"):
        reach = alpha * np.sqrt(np.maximum(flux_adu * norm / faintest_adu, 1) ** (1 / beta) - 1)
    reach = np.ceil(np.maximum(reach * np.sqrt(elongation), 3 * fwhm_px)).astype(int)
    angle = np.deg2rad(position_angle_deg)
    for (x, y), flux, r in zip(xy, flux_adu, reach, strict=True):
        col0, col1 = max(round(x) - r, 0), min(round(x) + r + 1, shape[1])
        row0, row1 = max(round(y) - r, 0), min(round(y) + r + 1, shape[0])
        if col0 >= col1 or row0 >= row1:
            continue
        dx = (np.arange(col0, col1)[:, None] + _NODES - x).ravel()[None, :]
        dy = (np.arange(row0, row1)[:, None] + _NODES - y).ravel()[:, None]
        major = np.cos(angle) * dx + np.sin(angle) * dy
        minor = np.cos(angle) * dy - np.sin(angle) * dx
        radius_sq = major**2 / elongation + minor**2 * elongation
        value = flux * norm * (1 + radius_sq / alpha**2) ** -beta
        value = value.reshape(row1 - row0, 3, col1 - col0, 3)
        image[row0:row1, col0:col1] += np.einsum("iajb,a,b->ij", value, _WEIGHTS, _WEIGHTS)
    return image


def simulate_frame(
    field: StarField,
    shape: tuple[int, int],
    *,
    transform: Transform | None = None,
    seed: int | None = 0,
    fwhm_px: float = 3.0,
    beta: float = 3.0,
    elongation: float = 1.0,
    position_angle_deg: float = 0.0,
    sky_adu: float = 800.0,
    gain_e_per_adu: float = 1.0,
    read_noise_e: float = 5.0,
    transparency: float = 1.0,
    pedestal_adu: float = 0.0,
    saturation_adu: float = 65535.0,
) -> NDArray[np.float32]:
    """Take one frame of a field.

    Parameters
    ----------
    field : StarField
        The stars, in pixels of the reference.
    shape : tuple of int
        (row, col) of the frame.
    transform : Transform, optional
        Frame pixels to reference pixels: the truth a registration must find.
    seed : int or None, default 0
        Seed of the noise; None draws the expected frame without noise.
    fwhm_px, beta, elongation, position_angle_deg : float
        The star image, see `moffat_image`.
    sky_adu : float, default 800
        Level of the sky, its Poisson noise included.
    gain_e_per_adu : float, default 1
        Electrons per ADU.
    read_noise_e : float, default 5
        Read noise in electrons.
    transparency : float, default 1
        Factor on the light of the stars.
    pedestal_adu : float, default 0
        Offset that carries no noise.
    saturation_adu : float, default 65535
        Pixels are clipped here.

    Returns
    -------
    ndarray of shape `shape`, float32
        Linear ADU, not rounded.

    Examples
    --------
    >>> field = random_field((60, 90), 10, seed=3)
    >>> frame = simulate_frame(field, (60, 90), seed=1)
    >>> frame.shape, frame.dtype, 780 < float(np.median(frame)) < 820
    ((60, 90), dtype('float32'), True)
    """
    xy = field.xy if transform is None else transform.inverse(field.xy)
    light = moffat_image(
        xy,
        field.flux_adu * transparency,
        shape,
        fwhm_px=fwhm_px,
        beta=beta,
        elongation=elongation,
        position_angle_deg=position_angle_deg,
    )
    expected_e = (light + sky_adu) * gain_e_per_adu
    if seed is not None:
        rng = np.random.default_rng(seed)
        expected_e = rng.poisson(expected_e) + rng.normal(0.0, read_noise_e, shape)
    frame = expected_e / gain_e_per_adu + pedestal_adu
    return np.minimum(frame, saturation_adu).astype(np.float32)
