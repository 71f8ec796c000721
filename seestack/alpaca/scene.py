"""Draw what the simulated telescope sees: light, sensor and noise.

What does not change is drawn once: the nebula as a picture that is turned for every
frame, the colours of the stars, the places of the hot pixels. The stars are Moffat
profiles, integrated over pixels, that are added stamp by stamp.
"""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from seestack.alpaca.nebulae import galaxy, nebula
from seestack.alpaca.sky import Sky, View
from seestack.model import FloatArray
from seestack.simulation import random_field

__all__ = ["ELECTRONS_PER_ADU", "PEDESTAL_ADU", "READ_NOISE_ADU", "Scene", "photon_noise"]

PEDESTAL_ADU = 472.0
READ_NOISE_ADU = 19.0
ELECTRONS_PER_ADU = 0.07
_USUAL_GAIN = 80
_MAX_ADU = 65535

_MARGIN_PX = 500  # of the field around the frame, so that it can turn and drift
_SCALE = 2  # frame pixels to a pixel of the nebula's picture
_BETA = 3.0
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(3)
_SKY_COLOUR = (0.75, 1.0, 0.65)  # red, green, blue
_DARK_ADU_PER_S = 0.4
# Half the side of a stamp, and the flux up to which it is large enough.
_STAMPS = ((8, 2.0e4), (16, 2.0e5), (32, 2.0e6), (80, math.inf))


class Scene:
    """A sky in front of a sensor.

    Parameters
    ----------
    sky : Sky
        What there is to see.

    Attributes
    ----------
    field : StarField
        The stars: where they lie in exposure 0, and their flux in ADU per second.

    Examples
    --------
    >>> scene = Scene(Sky(shape=(120, 80), n_stars=20, target=None, cloud=0.0))
    >>> view = scene.sky.view(0, time_s=0.0, exposure_s=10.0)
    >>> image = scene.expose(view)
    >>> image.shape, image.dtype, 600 < float(np.median(image)) < 800
    ((120, 80), dtype('uint16'), True)
    """

    def __init__(self, sky: Sky) -> None:
        self.sky = sky
        rows, cols = sky.shape
        area = (rows + 2 * _MARGIN_PX) * (cols + 2 * _MARGIN_PX) / (rows * cols)
        self.field = random_field(
            sky.shape,
            round(sky.n_stars * area),
            seed=sky.seed,
            brightest_adu=150_000.0,
            faintest_adu=60.0,
            slope=0.8,
            margin_px=_MARGIN_PX,
        )
        rng = np.random.default_rng((sky.seed, 0))
        redness = rng.normal(0.0, 0.28, len(self.field.xy))[:, None]
        self._star_rgb = 10 ** (np.array([0.4, 0.0, -0.4]) * redness)
        self._target = self._drawn_target()
        self._hot = rng.integers(0, (rows, cols), size=(sky.hot_pixels, 2))
        self._hot_adu_per_s = rng.exponential(60.0, sky.hot_pixels) + 20.0

    def expose(
        self, view: View, *, gain: int = _USUAL_GAIN, light: bool = True
    ) -> NDArray[np.uint16]:
        """Take one exposure.

        Parameters
        ----------
        view : View
            The truth, from `Sky.view`.
        gain : int, default 80
            In tenths of a decibel; 80 gives 0.07 electrons per ADU.
        light : bool, default True
            False for a dark frame.

        Returns
        -------
        ndarray of shape `Sky.shape`, uint16
            A Bayer mosaic, or grey for a monochrome sensor.
        """
        image = self._light(view) if light else np.zeros(self.sky.shape, np.float32)
        image += _DARK_ADU_PER_S * view.exposure_s
        image[self._hot[:, 0], self._hot[:, 1]] += self._hot_adu_per_s * view.exposure_s
        if self.sky.noise:
            rng = np.random.default_rng((self.sky.seed, 3, view.index))
            image = photon_noise(image * np.float32(ELECTRONS_PER_ADU), rng)
            image /= np.float32(ELECTRONS_PER_ADU)
            image += READ_NOISE_ADU * rng.standard_normal(image.shape, np.float32)
        image *= 10 ** ((gain - _USUAL_GAIN) / 200)
        image += PEDESTAL_ADU
        return np.clip(np.rint(image, out=image), 0, _MAX_ADU).astype(np.uint16)

    def _light(self, view: View) -> NDArray[np.float32]:
        """Return the expected light in ADU, clouds and all."""
        image = np.zeros(self.sky.shape, np.float32)
        self._add_target(image, view)
        self._add_stars(image, view)
        across = np.linspace(-0.5, 0.5, self.sky.shape[1], dtype=np.float32)
        clear = np.exp(-self.sky.cloud * np.exp(-((across + view.cloud_phase) ** 2)))
        image *= clear
        self._add_sky(image, view, 1.0 + 0.6 * (1.0 - clear))
        if view.satellite is not None:
            _add_trail(image, view.satellite, view.fwhm_px)
        return image

    def _sites(self) -> list[tuple[int, int, int]]:
        """Return (row, col, colour) of each site of the 2x2 cell."""
        pattern = self.sky.bayer or "GGGG"
        return [(k // 2, k % 2, "RGB".index(letter)) for k, letter in enumerate(pattern)]

    def _drawn_target(self) -> NDArray[np.float32] | None:
        if self.sky.target is None:
            return None
        rows, cols = ((side + 2 * _MARGIN_PX) // _SCALE for side in self.sky.shape)
        draw = nebula if self.sky.target == "nebula" else galaxy
        size_px = 0.42 * min(self.sky.shape) / _SCALE
        return draw((rows, cols), size_px=size_px, seed=self.sky.seed)

    def _add_target(self, image: NDArray[np.float32], view: View) -> None:
        if self._target is None:
            return
        brightness = self.sky.target_adu_per_s * view.exposure_s
        to_picture = np.array(
            [[1 / _SCALE, 0, (_MARGIN_PX + 0.5) / _SCALE - 0.5]] * 2, dtype=np.float64
        )
        to_picture[1] = (0, 1 / _SCALE, to_picture[0, 2])
        frame_to_picture = to_picture @ view.transform.matrix
        for row, col, colour in self._sites():
            site = np.array([[2, 0, col], [0, 2, row], [0, 0, 1]], dtype=np.float64)
            plane = image[row::2, col::2]
            plane += brightness * cv2.warpAffine(
                self._target[colour],
                frame_to_picture @ site,
                plane.shape[::-1],
                flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
                borderMode=cv2.BORDER_REPLICATE,
            )

    def _add_sky(self, image: NDArray[np.float32], view: View, glow: FloatArray) -> None:
        rows, cols = self.sky.shape
        level = self.sky.sky_adu_per_s * view.exposure_s
        down = np.linspace(-0.5, 0.5, rows, dtype=np.float32)[:, None]
        across = np.linspace(-0.5, 0.5, cols, dtype=np.float32)[None, :]
        pollution = level * (1 + self.sky.gradient * (0.8 * down + 0.6 * across)) * glow
        for row, col, colour in self._sites():
            image[row::2, col::2] += np.float32(_SKY_COLOUR[colour]) * pollution[row::2, col::2]

    def _add_stars(self, image: NDArray[np.float32], view: View) -> None:
        flux = self.field.flux_adu * view.exposure_s
        xy = view.transform.inverse(self.field.xy)
        widest = _STAMPS[-1][0]
        padded = np.pad(image, widest)
        inside = (xy > 2 - widest).all(axis=1) & (
            xy < np.array(image.shape[::-1]) + widest - 2
        ).all(axis=1)
        previous = 0.0
        for half, limit in _STAMPS:
            chosen = inside & (flux >= previous) & (flux < limit)
            previous = limit
            for part in np.array_split(np.flatnonzero(chosen), 1 + chosen.sum() // 500):
                self._add_stamps(padded, xy[part], flux[part], part, half, view.fwhm_px)
        image[:] = padded[widest:-widest, widest:-widest]

    def _add_stamps(
        self,
        padded: NDArray[np.float32],
        xy: FloatArray,
        flux: FloatArray,
        stars: NDArray[np.intp],
        half: int,
        fwhm_px: float,
    ) -> None:
        """Add stars to an image with a border, as stamps of 2 `half` pixels a side."""
        border = _STAMPS[-1][0]
        # Stamps begin at even pixels, so that all have the same colours at the same places.
        first = 2 * np.round(xy / 2).astype(int) - half
        first = np.clip(first, -border, np.array(padded.shape[::-1]) - border - 2 * half)
        first += first % 2
        profile = _profiles((xy - first).astype(np.float32), 2 * half, fwhm_px)
        light = profile * flux.astype(np.float32)[:, None, None]
        for row, col, colour in self._sites():
            tint = self._star_rgb[stars, colour].astype(np.float32)
            light[:, row::2, col::2] *= tint[:, None, None]
        for (x, y), stamp in zip(first + border, light, strict=True):
            padded[y : y + 2 * half, x : x + 2 * half] += stamp


def photon_noise(expected_e: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    r"""Draw electron counts around their expectation, three times as fast as exactly.

    Parameters
    ----------
    expected_e : ndarray of float32
        Expected electrons of each pixel.
    rng : numpy.random.Generator
        Where the randomness comes from.

    Returns
    -------
    ndarray of float32
        Poisson numbers where fewer than 10 electrons are expected, above that numbers
        of the same mean, variance (to 0.6 %) and skewness that need not be whole.

    Notes
    -----
    For a standard normal :math:`z` the first terms of the Cornish-Fisher expansion of
    the Poisson distribution are :math:`\lambda + \sqrt{\lambda} z + (z^2 - 1) / 6`.
    """
    z = rng.standard_normal(expected_e.shape, np.float32)
    counts = expected_e + np.sqrt(expected_e) * z + (z * z - 1) / np.float32(6)
    few = expected_e < 10
    counts[few] = rng.poisson(expected_e[few])
    return counts


def _profiles(xy: NDArray[np.float32], side: int, fwhm_px: float) -> NDArray[np.float32]:
    """Return Moffat profiles of unit flux, (N, side, side), stars at `xy` in their stamps."""
    alpha_sq = np.float32(fwhm_px**2 / (4 * (2 ** (1 / _BETA) - 1)))
    pixels = np.arange(side, dtype=np.float32)
    result = np.zeros((len(xy), side, side), np.float32)
    for node_y, weight_y in zip(_NODES / 2, _WEIGHTS / 2, strict=True):
        dy_sq = (pixels + np.float32(node_y) - xy[:, 1:]) ** 2 / alpha_sq + 1
        for node_x, weight_x in zip(_NODES / 2, _WEIGHTS / 2, strict=True):
            dx_sq = (pixels + np.float32(node_x) - xy[:, :1]) ** 2 / alpha_sq
            spread = dy_sq[:, :, None] + dx_sq[:, None, :]
            result += np.float32(weight_x * weight_y) / (spread * spread * spread)
    return result * np.float32((_BETA - 1) / (np.pi * alpha_sq))


def _add_trail(
    image: NDArray[np.float32], ends: tuple[float, float, float, float], fwhm_px: float
) -> None:
    """Add a satellite's trail: a straight line as wide as the stars."""
    x0, y0, x1, y1 = ends
    length = math.hypot(x1 - x0, y1 - y0)
    down = np.arange(image.shape[0], dtype=np.float32)[:, None]
    across = np.arange(image.shape[1], dtype=np.float32)[None, :]
    distance = ((x1 - x0) * (down - y0) - (y1 - y0) * (across - x0)) / length
    near = np.abs(distance) < 3 * fwhm_px
    image[near] += 900.0 * np.exp(-4 * math.log(2) * (distance[near] / fwhm_px) ** 2)
