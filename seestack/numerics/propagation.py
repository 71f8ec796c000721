"""Resample an image through any affine map, and its variance with it.

Resampling adds up pixels with weights k, so the variance of the result is the sum of
their variances times k squared. It is below that of the pixels between their centres, and
equal to it on them: the noise that is missing is in the neighbours, which become alike.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from seestack.model import BoolArray, FloatArray, Image
from seestack.numerics.bands import in_bands
from seestack.numerics.footprints import filled, spans, touched
from seestack.numerics.resampling import affine, windowed_sinc

__all__ = ["resampled", "resampled_count", "resampled_variance"]

_BAND = 64
# The positions between two pixels that the kernel's power is tabulated for.
_STEPS = 256


def resampled(
    image: FloatArray, inverse: FloatArray, shape: tuple[int, int]
) -> tuple[Image, BoolArray]:
    """Return an image seen through an affine map, by Lanczos kernels of eight taps.

    Parameters
    ----------
    image : ndarray of shape (H, W)
        NaN marks pixels without a value.
    inverse : ndarray of shape (3, 3)
        Affine map from (x, y) of the result to (x, y) of `image`.
    shape : tuple of int
        (row, col) of the result.

    Returns
    -------
    image : ndarray of shape `shape`, float32
        NaN outside of the footprint.
    footprint : ndarray of bool, shape `shape`
        True where the position lies within the image and no pixel without a value is
        closer than one pixel.

    Examples
    --------
    >>> moved, footprint = resampled(np.full((9, 12), 5.0), np.diag([0.98, 0.98, 1.0]), (9, 13))
    >>> bool((abs(moved[footprint] - 5.0) < 1e-4).all()), footprint[4].sum().item()
    (True, 12)
    """
    pixels = np.ascontiguousarray(image, np.float32)
    begin, end = spans((pixels.shape[0], pixels.shape[1]), inverse, shape)
    col = np.arange(shape[1])
    footprint = (col >= begin[:, None]) & (col < end[:, None])
    finite = np.isfinite(pixels)
    if not finite.all():
        pixels = filled(pixels, finite)
        footprint &= ~touched(~finite, inverse, shape)
    warped = affine(pixels, inverse, shape, cv2.INTER_LANCZOS4)
    np.copyto(warped, np.float32(np.nan), where=~footprint)
    return warped, footprint


def resampled_variance(
    variance: FloatArray, inverse: FloatArray, shape: tuple[int, int]
) -> NDArray[np.float64]:
    """Return the variance of what `resampled` returns, the noise of pixels being independent.

    Parameters
    ----------
    variance : ndarray of shape (H, W)
        Of the image's pixels; smooth over the few pixels of a kernel. NaN where unknown.
    inverse, shape
        As for `resampled`.

    Returns
    -------
    ndarray of float64, shape `shape`
        NaN where it is not known.

    Examples
    --------
    >>> half = np.array([[1.0, 0, 0.5], [0, 1, 0], [0, 0, 1]])
    >>> resampled_variance(np.full((9, 12), 4.0), half, (9, 11))[4, 5].round(2).item()
    3.31
    """
    finite = np.isfinite(variance)
    known = np.ascontiguousarray(np.where(finite, variance, 0.0), np.float32)
    level = affine(known, inverse, shape, cv2.INTER_LINEAR).astype(np.float64)
    if not finite.all():
        level[touched(~finite, inverse, shape)] = np.nan
    power = (windowed_sinc(np.arange(_STEPS) / _STEPS).astype(np.float64) ** 2).sum(axis=1)
    columns = np.arange(shape[1])

    def lessen(band: slice) -> None:
        rows = np.arange(band.start, band.stop)[:, None]
        for across, down, start in inverse[:2]:
            position = across * columns + down * rows + start
            level[band] *= power[np.rint(position * _STEPS).astype(np.int64) % _STEPS]

    in_bands(lessen, shape[0], _BAND)
    return level


def resampled_count(
    count: NDArray[np.integer], inverse: FloatArray, shape: tuple[int, int], footprint: BoolArray
) -> NDArray[np.int32]:
    """Return the count of the nearest pixel, 0 outside of the footprint.

    Examples
    --------
    >>> resampled_count(np.array([[1, 2]]), np.diag([0.5, 1, 1]), (1, 3), np.ones((1, 3), bool))
    array([[1, 1, 2]], dtype=int32)
    """
    nearest = affine(count.astype(np.float32), inverse, shape, cv2.INTER_NEAREST)
    return np.where(footprint, np.rint(nearest), 0).astype(np.int32)
