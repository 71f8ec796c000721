"""Resample an image along a rigid motion with a kernel that keeps it sharp.

A rotation is three shears, first along the rows, then along the columns, then along
the rows again; each shear shifts whole lines by a fraction of a pixel. A line is
shifted by a windowed sinc of eight taps, which passes a star of FWHM 2 px or more
unharmed. Larger turns take exact quarter turns first, so that no shear exceeds
tan(22.5 degrees).

The shear rotation is from A. W. Paeth, Graphics Interface 1986, p. 77, its accuracy
from M. Unser, P. Thevenaz and L. Yaroslavsky, IEEE Trans. Image Processing 4, 1371
(1995).
"""

from __future__ import annotations

import itertools

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from seestack.model import FloatArray, Image
from seestack.numerics.bands import in_bands

__all__ = ["affine", "shear_warp", "windowed_sinc"]

TAPS = 8
_HALF = TAPS // 2
_NEGLIGIBLE_PX = 1e-4
# Rows handled at once: the working arrays stay in the processor's cache. Aligning columns
# costs the less the more rows it moves.
_BAND, _WIDE_BAND = 16, 256


def windowed_sinc(fractions: ArrayLike) -> Image:
    """Return the eight weights that read a line at each fractional position.

    Parameters
    ----------
    fractions : array_like of shape (N,)
        Positions after the fourth of the eight pixels, from 0 up to 1.

    Returns
    -------
    ndarray of shape (N, 8), float32
        Lanczos weights of order four, each row scaled to unit sum so that a flat
        line stays flat.

    Examples
    --------
    >>> windowed_sinc([0.0]).tolist()
    [[0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0]]
    >>> windowed_sinc([0.3, 0.5]).sum(axis=1).round(6).tolist()
    [1.0, 1.0]
    """
    fractions = np.asarray(fractions, np.float64)[:, None]
    taps = np.arange(1 - _HALF, _HALF + 1)
    distance = np.pi * (taps - fractions)
    # The sines of all taps follow from those of the fraction.
    quarter = fractions * (np.pi / _HALF)
    slow = np.sin(taps * (np.pi / _HALF)) * np.cos(quarter)
    slow -= np.cos(taps * (np.pi / _HALF)) * np.sin(quarter)
    fast = -((-1.0) ** taps) * np.sin(np.pi * fractions)
    weights = np.divide(
        _HALF * fast * slow, distance**2, where=distance != 0, out=np.ones_like(slow)
    )
    weights = weights / weights.sum(axis=1, keepdims=True)
    return (weights + 0.0).astype(np.float32)  # no minus zero


def affine(image: Image, inverse: FloatArray, shape: tuple[int, int], flag: int) -> Image:
    """Return the image seen through an affine map, by one of OpenCV's kernels.

    Parameters
    ----------
    image : ndarray of shape (H, W), float32
        Finite pixels. Beyond the border the outermost ones are repeated.
    inverse : ndarray of shape (3, 3)
        Affine map from (x, y) of the result to (x, y) of `image`.
    shape : tuple of int
        (row, col) of the result.
    flag : int
        One of OpenCV's ``INTER_`` constants.

    Returns
    -------
    ndarray of shape `shape`, float32

    Examples
    --------
    >>> image = np.array([[0.0, 10.0, 20.0]], np.float32)
    >>> halved = np.array([[0.5, 0, 0], [0, 1, 0], [0, 0, 1]])
    >>> affine(image, halved, (1, 4), cv2.INTER_LINEAR).tolist()
    [[0.0, 5.0, 10.0, 15.0]]
    """
    return cv2.warpAffine(
        image,
        inverse[:2],
        (shape[1], shape[0]),
        flags=flag | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )


def shear_warp(image: Image, inverse: FloatArray, shape: tuple[int, int]) -> Image:
    """Return the image seen through a rigid motion.

    Parameters
    ----------
    image : ndarray of shape (H, W), float32
        Finite pixels. Beyond the border the image is mirrored.
    inverse : ndarray of shape (3, 3)
        Rigid map from (x, y) of the result to (x, y) of `image`.
    shape : tuple of int
        (row, col) of the result.

    Returns
    -------
    ndarray of shape `shape`, float32
        Pixels that lie outside of `image` are meaningless.

    Examples
    --------
    >>> image = np.arange(20, dtype=np.float32).reshape(4, 5)
    >>> bool((shear_warp(image, np.eye(3), (4, 5)) == image).all())
    True
    """
    angle = float(np.arctan2(inverse[1, 0], inverse[0, 0]))
    quarters = round(angle / (np.pi / 2))
    image, inverse = _turn(image, inverse, quarters)
    angle -= quarters * np.pi / 2
    dx, dy = float(inverse[0, 2]), float(inverse[1, 2])
    if abs(angle) * max(shape) < 1e-6:
        return _shift(image, dx, dy, shape)
    return _three_shears(image, angle, dx, dy, shape)


def _shift(image: Image, dx: float, dy: float, shape: tuple[int, int]) -> Image:
    """Read the image from (dx, dy) on, with one kernel for all pixels."""
    dx, dy = (round(d) if abs(d - round(d)) < _NEGLIGIBLE_PX else d for d in (dx, dy))
    x, y = int(np.floor(dx)), int(np.floor(dy))
    height, width = shape
    top, left = max(0, -y), max(0, -x)
    bottom, right = min(height, image.shape[0] - y), min(width, image.shape[1] - x)
    out = np.zeros(shape, np.float32)
    if top >= bottom or left >= right:
        return out
    kernel_x, kernel_y = windowed_sinc([dx - x, dy - y])
    anchor = (_HALF - 1, _HALF - 1)
    sharp = cv2.sepFilter2D(
        image, cv2.CV_32F, kernel_x, kernel_y, anchor=anchor, borderType=cv2.BORDER_REFLECT_101
    )
    out[top:bottom, left:right] = sharp[top + y : bottom + y, left + x : right + x]
    return out


def _turn(image: Image, inverse: FloatArray, quarters: int) -> tuple[Image, FloatArray]:
    """Turn the image by quarter turns and take them out of the map into it."""
    quarters %= 4
    height, width = image.shape
    cos, sin = ((1, 0), (0, 1), (-1, 0), (0, -1))[quarters]
    back = np.array([[cos, sin, 0], [-sin, cos, 0], [0, 0, 1]], dtype=np.float64)
    origin = ((0, 0), (0, width - 1), (width - 1, height - 1), (height - 1, 0))[quarters]
    rest = back @ inverse
    rest[:2, 2] += origin
    return np.ascontiguousarray(np.rot90(image, quarters)), rest


def _three_shears(
    image: Image, angle: float, dx: float, dy: float, shape: tuple[int, int]
) -> Image:
    """Rotate by at most 45 degrees and shift.

    With a = -tan(angle / 2) and b = sin(angle) the result is
    B(u + a v + dx', v), where B(x, y) = A(x, y + b x + dy') and
    A(x, y) = image(x + a y, y).
    """
    height, width = shape
    a, b = -np.tan(angle / 2), np.sin(angle)
    dx_rest = dx - a * dy
    dy_rest = dy - b * dx_rest
    last = a * np.arange(height) + dx_rest
    left = int(np.floor(last.min())) - _HALF
    right = int(np.ceil(last.max())) + width + _HALF
    columns = np.arange(left, right)
    sheared = _sheared(image, left, a, len(columns))
    upright, across = _taps(b * columns + dy_rest + TAPS), _taps(last - left)
    out = np.zeros(shape, np.float32)

    def turn(band: slice) -> None:
        aligned = _aligned(sheared, upright[0], band)
        spread = np.repeat(upright[1].T[:, None], _BAND, axis=1)
        for top in range(band.start, band.stop, _BAND):
            rows = slice(top, min(top + _BAND, band.stop))
            turned = np.zeros((rows.stop - top, len(columns)), np.float32)
            for tap in range(TAPS):
                source = aligned[top - band.start + tap :][: len(turned)]
                cv2.accumulateProduct(source, spread[tap, : len(turned)], turned)
            _read_rows(turned, across[0][rows], across[1][rows], out[rows])

    in_bands(turn, height, _WIDE_BAND)
    return out


def _sheared(image: Image, left: float, a: float, length: int) -> Image:
    """Return rows y from -8 to 7 beyond the last, of pixels ``left + a y`` and following."""
    y = np.arange(-TAPS, len(image) + TAPS)
    first, weights = _taps(left + a * y + TAPS)
    mirrored = np.pad(np.arange(len(image)), TAPS, mode="reflect")
    out = np.zeros((len(y), length), np.float32)

    def shear(band: slice) -> None:
        lines = image[mirrored[band]]
        lines = cv2.copyMakeBorder(lines, 0, 0, TAPS, TAPS, cv2.BORDER_REFLECT_101)
        _read_rows(lines, first[band], weights[band], out[band])

    in_bands(shear, len(y), _BAND)
    return out


def _taps(start: FloatArray) -> tuple[NDArray[np.intp], Image]:
    """Return the first of the eight pixels to read, and their weights, (N,) and (N, 8)."""
    whole = np.floor(start)
    return whole.astype(int) - (_HALF - 1), windowed_sinc(start - whole)


def _read_rows(lines: Image, first: NDArray[np.intp], weights: Image, out: Image) -> None:
    """Read each line from ``first[i]`` on, add it to ``out[i]``; skip what lies beyond it."""
    for top, bottom in itertools.pairwise(_runs(first)):
        begin, rows = int(first[top]), slice(top, bottom)
        low = max(-begin, 0)
        high = min(lines.shape[1] - (TAPS - 1) - begin, out.shape[1])
        if low >= high:
            continue
        spread = np.empty((bottom - top, high - low), np.float32)
        for tap in range(TAPS):
            np.copyto(spread, weights[rows, tap, None])
            source = lines[rows, begin + low + tap : begin + high + tap]
            cv2.accumulateProduct(source, spread, out[rows, low:high])


def _aligned(lines: Image, first: NDArray[np.intp], band: slice) -> Image:
    """Return the rows that the eight taps read in a band, each column from its first one on."""
    length = band.stop - band.start + TAPS - 1
    aligned = np.zeros((length, lines.shape[1]), np.float32)
    for left, right in itertools.pairwise(_runs(first)):
        top = band.start + int(first[left])
        low, high = max(-top, 0), min(len(lines) - top, length)
        if low < high:
            aligned[low:high, left:right] = lines[top + low : top + high, left:right]
    return aligned


def _runs(values: NDArray[np.intp]) -> list[int]:
    """Return where equal values begin, and the end."""
    return [0, *(np.flatnonzero(np.diff(values)) + 1).tolist(), len(values)]
