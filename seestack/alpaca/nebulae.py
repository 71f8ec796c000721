"""Something to look at: a nebula and a galaxy, drawn once in three colours.

Both are made of smooth random fields whose power falls with spatial frequency, as that
of interstellar clouds does. They are decoration with plausible brightness, not models.
"""

from __future__ import annotations

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from seestack.model import FloatArray

__all__ = ["cloudy_field", "galaxy", "nebula"]


def cloudy_field(
    shape: tuple[int, int], *, seed: int = 0, slope: float = 3.2, largest_px: float = 400.0
) -> FloatArray:
    """Return a random field like a cloud, of mean 0 and standard deviation 1.

    Parameters
    ----------
    shape : tuple of int
        (row, col).
    seed : int, default 0
        Equal seeds give equal fields.
    slope : float, default 3.2
        Power falls as the spatial frequency to minus this.
    largest_px : float, default 400
        Size of the largest structures in pixels.

    Returns
    -------
    ndarray of shape `shape`
        Periodic along both axes.

    Examples
    --------
    >>> field = cloudy_field((30, 50), seed=1)
    >>> field.shape, bool(abs(field.mean()) < 1e-9), round(float(field.std()), 6)
    ((30, 50), True, 1.0)
    """
    rows, cols = scipy.fft.fftfreq(shape[0])[:, None], scipy.fft.rfftfreq(shape[1])[None, :]
    amplitude = (rows**2 + cols**2 + largest_px**-2) ** (-slope / 4)
    amplitude[0, 0] = 0.0
    white = scipy.fft.rfft2(np.random.default_rng(seed).standard_normal(shape))
    field: FloatArray = scipy.fft.irfft2(white * amplitude, s=shape)
    field /= field.std()
    return field


def nebula(shape: tuple[int, int], *, size_px: float, seed: int = 0) -> NDArray[np.float32]:
    """Draw an emission nebula: red rims, a blue-green heart, dark lanes.

    Parameters
    ----------
    shape : tuple of int
        (row, col) of the picture.
    size_px : float
        Radius of the nebula in pixels.
    seed : int, default 0
        Equal seeds give equal pictures.

    Returns
    -------
    ndarray of shape (3, row, col), float32
        Red, green and blue light; the brightest parts are near 1.

    Examples
    --------
    >>> picture = nebula((60, 80), size_px=25.0)
    >>> picture.shape, bool((picture >= 0).all()), 0.5 < float(picture.max()) < 3
    ((3, 60, 80), True, True)
    """
    billows, threads, dust = (
        cloudy_field(shape, seed=seed + k, slope=slope, largest_px=2 * size_px)
        for k, slope in enumerate((3.6, 3.0, 3.4))
    )
    y, x = _centred(shape, size_px)
    radius = np.hypot(x * 1.15, y) * np.exp(0.28 * billows)
    shell = np.exp(-(((radius - 0.75) / 0.32) ** 2))
    heart = np.exp(-((radius / 0.55) ** 2))
    halo = np.exp(-((radius / 1.5) ** 2))
    filaments = np.exp(-np.abs(threads) / 0.25)
    lanes = 1 / (1 + np.exp(3.5 * (dust - 0.7)))
    hydrogen = lanes * (0.45 * shell + 0.6 * shell * filaments + 0.12 * halo)
    oxygen = lanes * (0.65 * heart * (0.7 + 0.5 * filaments) + 0.05 * halo)
    light = [
        hydrogen + 0.12 * oxygen,
        0.18 * hydrogen + 0.80 * oxygen,
        0.26 * hydrogen + 0.85 * oxygen,
    ]
    return np.stack(light).astype(np.float32)


def galaxy(shape: tuple[int, int], *, size_px: float, seed: int = 0) -> NDArray[np.float32]:
    """Draw a spiral galaxy: a yellow bulge, two blue arms with pink knots and dust.

    Parameters
    ----------
    shape : tuple of int
        (row, col) of the picture.
    size_px : float
        Radius of the disc in pixels.
    seed : int, default 0
        Equal seeds give equal pictures.

    Returns
    -------
    ndarray of shape (3, row, col), float32
        Red, green and blue light; the arms are near 0.3, the bulge near 2.

    Examples
    --------
    >>> picture = galaxy((60, 80), size_px=25.0)
    >>> picture.shape, bool((picture >= 0).all())
    ((3, 60, 80), True)
    """
    clumps = cloudy_field(shape, seed=seed, slope=2.4, largest_px=size_px / 4)
    y, x = _centred(shape, size_px)
    # Seen 50 degrees from above, turned by 35 degrees on the sky.
    across, along = 0.82 * x - 0.57 * y, (0.57 * x + 0.82 * y) / 0.64
    radius = np.hypot(across, along) + 1e-6
    winding = np.arctan2(along, across) - np.log(radius) / np.tan(np.deg2rad(16))
    disc = np.exp(-radius / 0.32) / (1 + np.exp(12 * (radius - 1.1)))
    arms = disc * np.exp(2.2 * (np.cos(2 * (winding + 0.1 * clumps)) - 1))
    dust = 1 - 0.6 * np.exp(3.0 * (np.cos(2 * (winding + 0.35)) - 1)) * (radius < 0.9)
    knots = arms * np.clip(clumps - 1.1, 0, None)
    bulge = 2.0 * np.exp(-np.sqrt(across**2 + (0.75 * along) ** 2) / 0.055)
    light = [
        dust * (0.35 * disc + 0.75 * arms) + 1.00 * bulge + 2.0 * knots,
        dust * (0.33 * disc + 0.95 * arms) + 0.85 * bulge + 0.7 * knots,
        dust * (0.28 * disc + 1.20 * arms) + 0.60 * bulge + 1.1 * knots,
    ]
    return np.stack(light).astype(np.float32)


def _centred(shape: tuple[int, int], size_px: float) -> tuple[FloatArray, FloatArray]:
    """Return (y, x) from the middle of the picture, in units of `size_px`."""
    y, x = (np.arange(side, dtype=np.float64) - (side - 1) / 2 for side in shape)
    return y[:, None] / size_px, x[None, :] / size_px
