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
from seestack.model import FloatArray, Image, Raw
from seestack.numerics.footprints import Spans
from seestack.numerics.mosaics import sites_of

__all__ = ["Plane", "cubic_layer", "plane_of"]

# Rows and columns of sites beyond those of the frame, see `seestack.compiled.sites`.
_MARGIN = 4
# Where the rows of a result cross more rows of the frame, bands would read too many twice.
_MOST_ROWS = 64
# Rows that may be reached before and after those of the places themselves.
_ABOVE, _BELOW = 7, 12
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
        In a diagonal plane, 1 if the first row of all begins with its second pixel.
    above : int
        Rows of the whole plane that are left out before the first of `values`.
    """

    values: Image
    darkest: Image
    from_frame: FloatArray
    diagonal: bool = False
    odd: int = 0
    above: int = 0


def plane_of(colour: str, mosaic: Raw, bayer: str, rows: slice = slice(None)) -> Plane:
    """Return the sites of one colour, green in a diagonal plane.

    Parameters
    ----------
    colour : {"R", "G", "B"}
        Which.
    mosaic : ndarray of shape (H, W), float32 or uint16
        At least 2 by 2 finite pixels. Beyond its border the outermost sites of red and blue
        are repeated, those of green mirrored.
    bayer : {"RGGB", "BGGR", "GRBG", "GBRG"}
        Colours of the 2x2 cell whose first pixel is ``mosaic[0, 0]``.
    rows : slice, optional
        Rows of the plane that are wanted; all by default.

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
    from_frame = _from_frame(colour, mosaic, bayer)
    row, col = divmod(bayer.index(colour), 2)
    height, width = mosaic.shape[0], mosaic.shape[1]
    if colour == "G":
        return _diagonal(mosaic, (row + col) % 2, from_frame, rows)
    count = ((height - row + 1) // 2, (width - col + 1) // 2)
    lines, cols = (
        start + 2 * np.arange(-_MARGIN, size + _MARGIN).clip(0, size - 1)
        for start, size in zip((row, col), count, strict=True)
    )
    above = rows.indices(len(lines))[0]
    lines = lines[rows]
    values, darkest = _split(mosaic, lines, np.full(len(lines), col), np.array([cols, cols]))
    loops.darkest_square(values, darkest, 0, len(values))
    return Plane(values, darkest, from_frame, above=above)


def _from_frame(colour: str, mosaic: Raw, bayer: str) -> FloatArray:
    """Return the map from the frame to the whole plane of a colour."""
    row, col = divmod(bayer.index(colour), 2)
    if colour == "G":
        parity = (row + col) % 2
        shift_u, shift_v = 2 * _MARGIN - parity / 2, -parity / 2
        return np.array([[0.5, 0.5, shift_u], [0.5, -0.5, shift_v], [0.0, 0.0, 1.0]])
    shift_x, shift_y = _MARGIN - col / 2, _MARGIN - row / 2
    return np.array([[0.5, 0.0, shift_x], [0.0, 0.5, shift_y], [0.0, 0.0, 1.0]])


def _diagonal(mosaic: Raw, parity: int, from_frame: FloatArray, rows: slice) -> Plane:
    """Return the sites where x + y is even or odd, as `parity` is."""
    height, width = mosaic.shape[0], mosaic.shape[1]
    lines = _reflected(np.arange(-2 * _MARGIN, height + 2 * _MARGIN), height)
    above = rows.indices(len(lines))[0]
    lines = lines[rows]
    cols = 2 * np.arange(-_MARGIN, (width + 1) // 2 + _MARGIN)
    columns = np.array([_reflected(cols, width), _reflected(cols + 1, width)])
    values, darkest = _split(mosaic, lines, (parity + lines) % 2, columns)
    loops.darkest_diagonal(values, (parity + above) % 2, darkest, 0, len(values))
    return Plane(values, darkest, from_frame, True, parity, above)


def _reflected(places: NDArray[np.intp], size: int) -> NDArray[np.intp]:
    """Return places mirrored about the outermost ones, as often as it takes."""
    places = places % (2 * (size - 1))
    return np.minimum(places, 2 * (size - 1) - places)


def _split(
    mosaic: Raw,
    rows: NDArray[np.intp],
    firsts: NDArray[np.intp],
    columns: NDArray[np.intp],
) -> tuple[Image, Image]:
    """Return every other pixel of rows of the mosaic, and room for as many."""
    out, room = np.empty((2, len(rows), columns.shape[1]), np.float32)
    loops.split(mosaic, rows, firsts, columns, _MARGIN, out, 0, len(rows))
    return out, room


def cubic_layer(
    colour: str, mosaic: Raw, bayer: str, inverse: FloatArray, lit: Spans
) -> Callable[[Image, slice], None]:
    """Return what lays rows of one colour of a mosaic on the reference grid.

    Parameters
    ----------
    colour : {"R", "G", "B"}
        Which.
    mosaic : ndarray of shape (H, W), float32 or uint16
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
    pixels = np.ascontiguousarray(mosaic)
    sine, channel = abs(inverse[1, 0]), "RGB".index(colour)
    if sine > _LARGEST_SINE:
        plane = _turned(colour, pixels, bayer)
        into = np.ascontiguousarray((plane.from_frame @ inverse)[:2])

        def lay(out: Image, rows: slice) -> None:
            loops.lay(plane.values, plane.darkest, into, *lit, out, channel, rows.start, rows.stop)

        return lay

    level_into = np.ascontiguousarray((_from_frame(colour, pixels, bayer) @ inverse)[:2])
    steep = sine * lit[1].max() > _MOST_ROWS
    whole = plane_of(colour, pixels, bayer) if steep else None

    def lay_runs(out: Image, rows: slice) -> None:
        part = whole
        if part is None:
            part = plane_of(colour, pixels, bayer, _needed(level_into, colour, rows, out.shape[1]))
        loops.lay_runs(
            part.values,
            part.darkest,
            level_into,
            part.diagonal,
            part.odd,
            part.above,
            *lit,
            out,
            channel,
            rows.start,
            rows.stop,
        )

    return lay_runs


def _needed(into: FloatArray, colour: str, rows: slice, width: int) -> slice:
    """Return the rows of a plane that some rows of a result reach."""
    line = into[0] - into[1] if colour == "G" else into[1]
    corners = [line @ [x, y, 1] for x in (0, width - 1) for y in (rows.start, rows.stop - 1)]
    first, last = int(np.floor(min(corners))), int(np.ceil(max(corners)))
    return slice(max(first - _ABOVE, 0), max(last + _BELOW, 0))


def _turned(colour: str, mosaic: Raw, bayer: str) -> Plane:
    """Return the sites of a colour along its own axes."""
    if colour != "G":
        return plane_of(colour, mosaic, bayer)
    sites = sites_of(colour, np.asarray(mosaic, np.float32), bayer)
    darkest = np.empty_like(sites.values)
    loops.darkest_square(sites.values, darkest, 0, len(darkest))
    return Plane(sites.values, darkest, sites.from_frame)
