"""Search an image for what stands out of its sky and is as narrow as a star.

The image is convolved with a Gaussian less the mean of a wide box, a kernel whose sum is
zero. A kernel as wide as usual needs no pixel as fine as those of the image: its pixels are
averaged two by two first, and a parabola through the highest of them and its neighbours
tells height and place between them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seestack.compiled import maxima, search
from seestack.model import Image
from seestack.numerics.bands import in_bands
from seestack.numerics.robust import sky_level
from seestack.numerics.stamps import Light

__all__ = ["find_peaks"]

_FWHM_PER_SIGMA = 2.3548
# From this width on the kernel is four pixels or more in diameter after binning.
_BINNED_FROM_FWHM_PX = 3.5
# Rows convolved and searched at once, and how many values tell the noise to 1.7 %.
_BAND, _SEARCHED, _ENOUGH = 70, 256, 5_000
# So many maxima are expected in what is searched at once.
_FEW = 2_048
# The parabola adds a quarter to the height of a maximum at the most.
_LEAST_SHARE = 0.8
# Smaller over larger curvature of the convolved image: 1 for a star, 0.4 for one drawn out
# to 2.3 times its width, below 0.2 along the trail of a satellite.
_MIN_CURVATURE_RATIO = 0.25


@dataclass(frozen=True, slots=True)
class _Kernel:
    """Sizes in binned pixels."""

    binning: int
    sigma: float
    core: int
    wide: int
    reach: int
    lag: int

    @classmethod
    def of(cls, fwhm: float) -> _Kernel:
        binning = 2 if fwhm >= _BINNED_FROM_FWHM_PX else 1
        # Binning blurs by itself, with the variance of a square less that of a pixel.
        variance = (fwhm / _FWHM_PER_SIGMA) ** 2 - (binning**2 - 1) / 12
        return cls(
            binning,
            float(np.sqrt(variance)) / binning,
            core=2 * round(1.3 * fwhm / binning) + 1,
            # The most whole pixels within three times the width to each side.
            wide=2 * ((2 * round(3 * fwhm) + 1 - binning) // (2 * binning)) + 1,
            reach=max(round(fwhm / binning), 2),
            lag=max(round(fwhm / 2 / binning), 1),
        )


def find_peaks(light: Light, *, fwhm: float, threshold: float) -> NDArray[np.intp]:
    """Return the pixels where the convolved image has a maximum.

    Parameters
    ----------
    light : Light
        The image and its sky; bad pixels count as sky.
    fwhm : float
        Width of the Gaussian in pixels.
    threshold : float
        Least height in units of the noise of the convolved image, which is measured.

    Returns
    -------
    ndarray of shape (N, 2)
        (row, col), highest first, to a pixel. Pieces of a trail, which hardly bends along
        itself, are left out.
    """
    kernel = _Kernel.of(fwhm)
    convolved = _convolved(light, kernel)
    thinner = max(int(np.sqrt(convolved.size / _ENOUGH)), 1)
    _, noise = sky_level(convolved[::thinner, ::thinner])
    level = threshold * noise
    places = _maxima(convolved, max(_LEAST_SHARE * level, 0.0), kernel.reach)
    found = np.empty((len(places), 3))
    count = maxima.round_maxima(convolved, places, kernel.lag, _MIN_CURVATURE_RATIO, found)
    height = found[:count, 2]
    above = np.flatnonzero(height > level)
    order = above[np.argsort(-height[above], kind="stable")]
    pixels = kernel.binning * found[order, :2] + (kernel.binning - 1) / 2
    return np.rint(pixels).astype(np.intp)


def _convolved(light: Light, kernel: _Kernel) -> Image:
    rows, cols = (side // kernel.binning for side in light.pixels.shape)
    sky, before, share = light.sky.stretched(kernel.binning)
    offset = np.arange(kernel.core // 2 + 1)
    gauss = np.exp(-(offset**2) / (2 * kernel.sigma**2))
    gauss /= 2 * gauss.sum() - gauss[0]
    bad = None if light.bad is None else light.bad.view(np.uint8)
    convolved = np.empty((rows, cols), np.float32)

    def convolve(band: slice) -> None:
        search.convolve_rows(
            light.pixels,
            bad,
            kernel.binning,
            sky,
            before,
            share,
            gauss.astype(np.float32),
            kernel.wide // 2,
            convolved,
            band.start,
            band.stop,
        )

    in_bands(convolve, rows, max(_BAND, kernel.wide))
    return convolved


def _maxima(convolved: Image, level: float, reach: int) -> NDArray[np.intp]:
    """Return the flat indices of what is highest within a reach and above a level, in order."""

    def search(band: slice) -> NDArray[np.intp]:
        room = _FEW
        while True:
            places = np.empty(room, np.intp)
            count = maxima.local_maxima(convolved, level, reach, places, band.start, band.stop)
            if count <= room:
                return places[:count]
            room = count

    return np.concatenate(in_bands(search, len(convolved), _SEARCHED))
