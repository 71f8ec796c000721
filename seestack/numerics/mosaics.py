"""The sites of one colour in a Bayer mosaic, as a grid of their own.

Red and blue have one site in each 2x2 cell: a square grid of pitch 2 px. Green has
two, which together make a square grid too, one that stands on its corner: its lines
are the diagonals of the frame, 1.41 px apart. So every colour can be interpolated
from its own sites alone, green at its full sharpness.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from seestack.checks import as_real_array
from seestack.compiled import mosaics
from seestack.model import BAYER_PATTERNS, FloatArray, Image, Raw
from seestack.numerics.bands import in_bands

__all__ = ["Bounds", "Sites", "as_mosaic", "bounds_of", "sites_of"]

# Sites beyond the corners of the frame, for kernels that stand on its edge.
_MARGIN = 3
_BAND = 256

# (x, y) of the first column and row with a site; number of rows and columns up to the last.
Bounds = tuple[tuple[int, int], tuple[int, int]]


@dataclass(frozen=True, slots=True, eq=False)
class Sites:
    """The sites of one colour.

    Parameters
    ----------
    values : ndarray of shape (rows, cols), float32
        Pixels of this colour. The corners of green's grid lie outside of the frame
        and hold its mirror image, where a kernel reaches it.
    from_frame : ndarray of shape (3, 3)
        Affine map from (x, y) of the frame to (x, y) of `values`.
    corner : tuple of int
        (x, y) in the frame of the first column and row that have a site.
    extent : tuple of int
        (row, col): number of rows and columns of the frame from the first to the last
        that have a site.
    """

    values: Image
    from_frame: FloatArray
    corner: tuple[int, int]
    extent: tuple[int, int]


def as_mosaic(name: str, values: ArrayLike, bayer: str) -> NDArray[Any]:
    """Return `values` as an array that can be a mosaic of that pattern.

    Parameters
    ----------
    name : str
        Name of the argument.
    values : array_like of shape (H, W)
        At least 2 by 2 pixels. Not copied where it is an array already.
    bayer : str
        The Bayer pattern.

    Returns
    -------
    ndarray of shape (H, W)

    Raises
    ------
    ValueError
        If `values` is no numeric array of such a shape or `bayer` none of the four
        patterns.

    Examples
    --------
    >>> as_mosaic("image", np.zeros((1, 4)), "RGGB")
    Traceback (most recent call last):
    ValueError: image must be a mosaic of shape (H, W), at least (2, 2), got shape (1, 4)
    """
    pixels = as_real_array(name, values)
    if bayer not in BAYER_PATTERNS:
        raise ValueError(f"bayer must be one of {', '.join(BAYER_PATTERNS)}, got {bayer!r}")
    if pixels.ndim != 2 or min(pixels.shape) < 2:
        raise ValueError(
            f"{name} must be a mosaic of shape (H, W), at least (2, 2), got shape {pixels.shape}"
        )
    return pixels


def sites_of(colour: str, mosaic: Image, bayer: str) -> Sites:
    """Return the sites of one colour.

    Parameters
    ----------
    colour : {"R", "G", "B"}
        Which.
    mosaic : ndarray of shape (H, W), float32
        At least 2 by 2 pixels.
    bayer : {"RGGB", "BGGR", "GRBG", "GBRG"}
        Colours of the 2x2 cell whose first pixel is ``mosaic[0, 0]``.

    Returns
    -------
    Sites

    Examples
    --------
    >>> mosaic = np.arange(24, dtype=np.float32).reshape(4, 6)
    >>> red = sites_of("R", mosaic, "GRBG")
    >>> red.values.tolist(), red.corner, red.extent
    ([[1.0, 3.0, 5.0], [13.0, 15.0, 17.0]], (1, 0), (3, 5))
    """
    row, col = divmod(bayer.index(colour), 2)
    if colour == "G":
        return _green(mosaic, (row + col) % 2)
    values = np.ascontiguousarray(mosaic[row::2, col::2])
    from_frame = np.array([[0.5, 0.0, -col / 2], [0.0, 0.5, -row / 2], [0.0, 0.0, 1.0]])
    return Sites(values, from_frame, *bounds_of(colour, mosaic, bayer))


def bounds_of(colour: str, mosaic: Raw, bayer: str) -> Bounds:
    """Return which part of a mosaic the sites of one colour span.

    Parameters
    ----------
    colour, mosaic, bayer
        As for `sites_of`.

    Returns
    -------
    corner : tuple of int
        (x, y) of the first column and row that have a site.
    extent : tuple of int
        (row, col): number of rows and columns from the first to the last that have a site.

    Examples
    --------
    >>> bounds_of("R", np.zeros((4, 6), np.float32), "GRBG")
    ((1, 0), (3, 5))
    """
    height, width = mosaic.shape[0], mosaic.shape[1]
    if colour == "G":
        return (0, 0), (height, width)
    row, col = divmod(bayer.index(colour), 2)
    return (col, row), ((height - row - 1) // 2 * 2 + 1, (width - col - 1) // 2 * 2 + 1)


def _green(mosaic: Image, parity: int) -> Sites:
    """Return the sites where x + y is even or odd, as `parity` is.

    Along the grid's axes x + y and x - y grow by 2. Mirrored about an outermost pixel
    centre, a site falls on a site, so what lies beyond the frame is green too.
    """
    height, width = mosaic.shape
    rise = height - 1 + (height - 1 + parity) % 2  # makes x - y + rise even, and not negative
    shift_i, shift_j = _MARGIN - parity / 2, _MARGIN + rise / 2
    from_frame = np.array([[0.5, 0.5, shift_i], [0.5, -0.5, shift_j], [0.0, 0.0, 1.0]])
    cols, rows = (width + height) // 2 + 2 * _MARGIN + 1, (width + rise) // 2 + 2 * _MARGIN + 1
    values = np.zeros((rows, cols), np.float32)
    pixels = np.ascontiguousarray(mosaic)

    def gather(band: slice) -> None:
        mosaics.gather_green(
            pixels,
            round(shift_i + shift_j),
            round(shift_j - shift_i),
            2 * _MARGIN,
            values,
            band.start,
            band.stop,
        )

    in_bands(gather, rows, _BAND)
    return Sites(values, from_frame, (0, 0), (height, width))
