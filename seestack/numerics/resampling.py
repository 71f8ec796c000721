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

from collections.abc import Callable
from functools import partial

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from seestack.compiled import shears
from seestack.model import FloatArray, Image, Raw
from seestack.numerics.bands import in_bands

__all__ = ["affine", "shear_warp", "windowed_sinc"]

Finish = Callable[[Image, slice], None]

TAPS = 8
_HALF = TAPS // 2
_NEGLIGIBLE_PX = 1e-4
# Rows handled at once; at both ends of a band lines are read that its neighbour reads too.
_BAND = 136


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
    fractions = np.ascontiguousarray(fractions, np.float64)
    weights = np.empty((len(fractions), TAPS), np.float32)
    shears.windowed_sinc(fractions, weights)
    return weights


def affine(
    image: Raw,
    inverse: FloatArray,
    shape: tuple[int, int],
    flag: int,
    *,
    finish: Finish | None = None,
    out: Image | None = None,
) -> Image:
    """Return the image seen through an affine map, by one of OpenCV's kernels.

    Parameters
    ----------
    image : ndarray of shape (H, W), float32 or uint16
        Finite pixels. Beyond the border the outermost ones are repeated.
    inverse : ndarray of shape (3, 3)
        Affine map from (x, y) of the result to (x, y) of `image`.
    shape : tuple of int
        (row, col) of the result.
    flag : int
        One of OpenCV's ``INTER_`` constants.
    finish, out
        As for `shear_warp`.

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
    warped = cv2.warpAffine(
        np.asarray(image, np.float32),
        inverse[:2],
        (shape[1], shape[0]),
        dst=out,
        flags=flag | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )
    if finish is not None:
        in_bands(partial(finish, warped), shape[0], _BAND)
    return warped


def shear_warp(
    image: Raw,
    inverse: FloatArray,
    shape: tuple[int, int],
    *,
    finish: Finish | None = None,
    out: Image | None = None,
) -> Image:
    """Return the image seen through a rigid motion.

    Parameters
    ----------
    image : ndarray of shape (H, W), float32 or uint16
        Finite pixels. Beyond the border the image is mirrored.
    inverse : ndarray of shape (3, 3)
        Rigid map from (x, y) of the result to (x, y) of `image`.
    shape : tuple of int
        (row, col) of the result.
    finish : callable, optional
        Called with the result and a slice of its rows as soon as these are done, while
        they are in the processor's cache. It may write those rows.
    out : ndarray of float32, optional
        Receives the result; of its shape, C-contiguous.

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
        angle = 0.0
        dx, dy = (round(d) if abs(d - round(d)) < _NEGLIGIBLE_PX else d for d in (dx, dy))
    out = np.empty(shape, np.float32) if out is None else out
    return _three_shears(image, angle, dx, dy, finish, out)


def _turn(image: Raw, inverse: FloatArray, quarters: int) -> tuple[Raw, FloatArray]:
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
    image: Raw,
    angle: float,
    dx: float,
    dy: float,
    finish: Finish | None,
    out: Image,
) -> Image:
    """Rotate by at most 45 degrees and shift.

    With a = -tan(angle / 2) and b = sin(angle) the result is
    B(u + a v + dx', v), where B(x, y) = A(x, y + b x + dy') and
    A(x, y) = image(x + a y, y).
    """
    height, width = out.shape
    a, b = -np.tan(angle / 2), np.sin(angle)
    dx_rest = dx - a * dy
    dy_rest = dy - b * dx_rest
    last = a * np.arange(height) + dx_rest
    left = int(np.floor(last.min())) - _HALF
    right = int(np.ceil(last.max())) + width + _HALF
    columns = np.arange(left, right)
    # The lines begin eight rows above the image and eight pixels left of it.
    lines = np.arange(-TAPS, len(image) + TAPS)
    first, first_weights = _taps(left + a * lines + TAPS)
    down, down_weights = _taps(b * columns + dy_rest + TAPS)
    across, across_weights = _taps(last - left)
    runs = np.array([0, *(np.flatnonzero(np.diff(down)) + 1), len(columns)])
    down, down_weights = down[runs[:-1]], np.ascontiguousarray(down_weights.T)
    size = shears.scratch_size(image.shape[1], len(columns), int(np.ptp(down)) + TAPS)

    def turn(band: slice) -> None:
        scratch = np.empty(size, np.float32)
        shears.turn_band(
            image,
            first,
            first_weights,
            runs,
            down,
            down_weights,
            across,
            across_weights,
            scratch,
            out,
            band.start,
            band.stop,
        )
        if finish is not None:
            finish(out, band)

    in_bands(turn, height, _BAND)
    return out


def _taps(start: FloatArray) -> tuple[NDArray[np.intp], Image]:
    """Return the first of the eight pixels to read, and their weights, (N,) and (N, 8)."""
    whole = np.floor(start)
    return whole.astype(np.intp) - (_HALF - 1), windowed_sinc(start - whole)
