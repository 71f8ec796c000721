"""Lay one colour of a mosaic on another grid by cubic convolution over its own sites.

The kernel reads 4 x 4 sites of the colour's grid (R. G. Keys, IEEE Trans. Acoustics, Speech,
and Signal Processing 29, 1153 (1981), with the parameter -0.75). Where the result is turned by
a few degrees at most, or by nearly 180, runs of its pixels read neighbouring sites, for which
the planes of `Plane` are made. At other angles each pixel finds its sites alone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seestack.compiled import sites as loops
from seestack.model import FloatArray, Image
from seestack.numerics.bands import in_bands
from seestack.numerics.footprints import Spans
from seestack.numerics.mosaics import sites_of

__all__ = ["Plane", "cubic_layer", "plane_of"]

# Rows and columns of sites beyond those of the frame, see `seestack.compiled.sites`.
_MARGIN = 4
_BAND = 128
# Beyond this sine runs are too short to be of use.
_LARGEST_SINE = 0.15


@dataclass(frozen=True, slots=True, eq=False)
class Plane:
    """The sites of one colour with what lies beyond the frame.

    Parameters
    ----------
    values : ndarray of shape (rows, cols), float32
        The sites. In a diagonal plane each row holds every other pixel of the mosaic.
    darkest : ndarray of shape (rows, cols), float32
        The darkest of the 5 x 5 sites of the colour's grid around each; its margin has no meaning.
    from_frame : ndarray of shape (3, 3)
        Affine map from (x, y) of the frame to (x, y) of the plane, or to (u, v) of a
        diagonal one, see `seestack.compiled.sites`.
    diagonal : bool
        Whether the colour's grid stands on its corner.
    odd : int
        In a diagonal plane, 1 if the first row begins with its second pixel.
    """

    values: Image
    darkest: Image
    from_frame: FloatArray
    diagonal: bool = False
    odd: int = 0


def plane_of(colour: str, mosaic: Image, bayer: str) -> Plane:
    """Return the sites of one colour, green in a diagonal plane.

    Parameters
    ----------
    colour : {"R", "G", "B"}
        Which.
    mosaic : ndarray of shape (H, W), float32
        At least 2 by 2 finite pixels. Beyond its border the outermost sites of red and blue
        are repeated, those of green mirrored.
    bayer : {"RGGB", "BGGR", "GRBG", "GBRG"}
        Colours of the 2x2 cell whose first pixel is ``mosaic[0, 0]``.

    Returns
    -------
    Plane

    Examples
    --------
    >>> mosaic = np.arange(24, dtype=np.float32).reshape(4, 6)
    >>> red = plane_of("R", mosaic, "GRBG")
    >>> red.values[4:6, 4:7].tolist(), (red.from_frame @ [1, 0, 1]).tolist()
    ([[1.0, 3.0, 5.0], [13.0, 15.0, 17.0]], [4.0, 4.0, 1.0])
    """
    row, col = divmod(bayer.index(colour), 2)
    if colour == "G":
        return _diagonal(mosaic, (row + col) % 2)
    height, width = mosaic.shape[0], mosaic.shape[1]
    count = ((height - row + 1) // 2, (width - col + 1) // 2)
    rows, cols = (
        start + 2 * np.arange(-_MARGIN, size + _MARGIN).clip(0, size - 1)
        for start, size in zip((row, col), count, strict=True)
    )
    values = _split(mosaic, rows, np.full(len(rows), col), np.array([cols, cols]))
    from_frame = np.array(
        [[0.5, 0, _MARGIN - col / 2], [0, 0.5, _MARGIN - row / 2], [0, 0, 1]], np.float64
    )
    return Plane(values, _darkest(values), from_frame)


def _diagonal(mosaic: Image, parity: int) -> Plane:
    """Return the sites where x + y is even or odd, as `parity` is."""
    height, width = mosaic.shape[0], mosaic.shape[1]
    beyond = 2 * _MARGIN
    rows = _reflected(np.arange(-beyond, height + beyond), height)
    cols = 2 * np.arange(-_MARGIN, (width + 1) // 2 + _MARGIN)
    columns = np.array([_reflected(cols, width), _reflected(cols + 1, width)])
    values = _split(mosaic, rows, (parity + rows) % 2, columns)
    darkest = np.empty_like(values)
    in_bands(
        lambda band: loops.darkest_diagonal(values, parity, darkest, band.start, band.stop),
        len(values),
        _BAND,
    )
    shift_u, shift_v = beyond - parity / 2, -parity / 2
    from_frame = np.array([[0.5, 0.5, shift_u], [0.5, -0.5, shift_v], [0, 0, 1]])
    return Plane(values, darkest, from_frame, True, parity)


def _reflected(places: NDArray[np.intp], size: int) -> NDArray[np.intp]:
    """Return places mirrored about the outermost ones, as often as it takes."""
    places = places % (2 * (size - 1))
    return np.minimum(places, 2 * (size - 1) - places)


def _split(
    mosaic: Image,
    rows: NDArray[np.intp],
    firsts: NDArray[np.intp],
    columns: NDArray[np.intp],
) -> Image:
    pixels = np.ascontiguousarray(mosaic)
    out = np.empty((len(rows), columns.shape[1]), np.float32)

    def split(band: slice) -> None:
        loops.split(pixels, rows, firsts, columns, _MARGIN, out, band.start, band.stop)

    in_bands(split, len(rows), _BAND)
    return out


def _darkest(values: Image) -> Image:
    out = np.empty_like(values)
    in_bands(lambda band: loops.darkest_square(values, out, band.start, band.stop), len(out), _BAND)
    return out


def cubic_layer(
    colour: str, mosaic: Image, bayer: str, inverse: FloatArray, lit: Spans
) -> Callable[[Image, slice], None]:
    """Return what lays rows of one colour of a mosaic on the reference grid.

    Parameters
    ----------
    colour : {"R", "G", "B"}
        Which.
    mosaic : ndarray of shape (H, W), float32
        At least 2 by 2 finite pixels.
    bayer : {"RGGB", "BGGR", "GRBG", "GBRG"}
        Colours of the 2x2 cell whose first pixel is ``mosaic[0, 0]``.
    inverse : ndarray of shape (3, 3)
        Rigid map from (x, y) of the result to (x, y) of `mosaic`.
    lit : tuple of ndarray
        First and last column of each row of the result that lies within the sites of the colour.

    Returns
    -------
    callable
        Takes an image of shape (rows, cols, 3) and a slice of its rows, in which it writes the
        colour, NaN outside of `lit`. No pixel becomes darker than the darkest of the 5 x 5
        sites around it.
    """
    level = abs(inverse[1, 0]) < _LARGEST_SINE
    plane = plane_of(colour, mosaic, bayer) if level or colour != "G" else _turned(mosaic, bayer)
    into = np.ascontiguousarray((plane.from_frame @ inverse)[:2])
    channel = "RGB".index(colour)

    def lay(out: Image, rows: slice) -> None:
        goal = (*lit, out, channel, rows.start, rows.stop)
        if level:
            loops.lay_runs(plane.values, plane.darkest, into, plane.diagonal, plane.odd, *goal)
        else:
            loops.lay(plane.values, plane.darkest, into, *goal)

    return lay


def _turned(mosaic: Image, bayer: str) -> Plane:
    """Return the sites of green along its own axes."""
    sites = sites_of("G", mosaic, bayer)
    return Plane(sites.values, _darkest(sites.values), sites.from_frame)
