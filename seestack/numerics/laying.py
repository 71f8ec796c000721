"""Lay pixels on another grid: resample them, take dark rings off, cut to where there is light."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from seestack.compiled import footprints, rings
from seestack.model import BoolArray, FloatArray, Image, Raw
from seestack.numerics.bands import in_bands
from seestack.numerics.cubic import cubic_layer
from seestack.numerics.footprints import Spans, filled, spans, touched
from seestack.numerics.mosaics import Bounds, Sites, bounds_of, sites_of
from seestack.numerics.resampling import affine

__all__ = ["Canvas", "canvas_for", "laid", "laid_mosaic", "layer"]

Canvas = tuple[Image, BoolArray]

# Rows of three colours that stay in the processor's cache.
_BAND = 64


def canvas_for(shape: tuple[int, ...], out: Canvas | None) -> Canvas:
    """Return the image and the footprint to write to, new ones where none are given.

    Parameters
    ----------
    shape : tuple of int
        Of both.
    out : tuple of ndarray or None
        An image of float32 and a footprint of bool, C-contiguous.

    Raises
    ------
    ValueError
        If `out` does not fit.

    Examples
    --------
    >>> image, footprint = canvas_for((2, 3), None)
    >>> image.dtype, footprint.dtype, canvas_for((2, 3), (image, footprint))[0] is image
    (dtype('float32'), dtype('bool'), True)
    """
    if out is None:
        return np.empty(shape, np.float32), np.empty(shape, bool)
    for array, kind in zip(out, (np.float32, np.bool_), strict=True):
        if array.shape != shape or array.dtype != kind or not array.flags.c_contiguous:
            raise ValueError(
                f"out must be a float32 image and a bool footprint of shape {shape}, in order, "
                f"got {array.dtype} of shape {array.shape}"
            )
    return out


def laid(
    pixels: Raw,
    inverse: FloatArray,
    lit: Spans,
    canvas: Canvas,
    resample: Callable[..., Image],
    *,
    sharp: bool = True,
) -> Canvas:
    """Resample an image onto a canvas.

    Parameters
    ----------
    pixels : ndarray of shape (H, W), float32 or uint16
        NaN marks pixels without a value.
    inverse : ndarray of shape (3, 3)
        Map from (x, y) of the result to (x, y) of `pixels`.
    lit : tuple of ndarray
        First and last column of each row that holds light, see `seestack.numerics.footprints`.
    canvas : tuple of ndarray
        Receives the image, NaN outside of its footprint, and the footprint.
    resample : callable
        As `seestack.numerics.resampling.shear_warp`.
    sharp : bool, default True
        The kernel digs dark rings around stars, which must go.
    """
    warped, footprint = canvas
    shape = (warped.shape[0], warped.shape[1])
    back = np.ascontiguousarray(inverse[:2])
    pixels, bad = _without_holes(pixels, inverse, shape)

    def finish(warped: Image, band: slice) -> None:
        if sharp:
            rings.lift(warped, pixels, back, band.start, band.stop)
        footprints.cut(warped, footprint.view(np.uint8), *lit, band.start, band.stop)

    resample(pixels, inverse, shape, finish=finish, out=warped)
    if bad is not None:
        footprint[bad] = False
        warped[bad] = np.nan
    return canvas


def layer(
    sites: Sites, inverse: FloatArray, shape: tuple[int, int], flag: int
) -> Callable[[slice], tuple[Image, NDArray[np.uint8]]]:
    """Return what lays rows of one colour of a mosaic on the reference grid.

    Parameters
    ----------
    sites : Sites
        The pixels of the colour.
    inverse : ndarray of shape (3, 3)
        Map from (x, y) of the result to (x, y) of the frame.
    shape : tuple of int
        (row, col) of the whole result.
    flag : int
        OpenCV's kernel.

    Returns
    -------
    callable
        Takes a slice of rows; returns these rows, NaN where the colour is not known, and 1
        where it is.
    """
    begin, end = _lit((sites.corner, sites.extent), inverse, shape)
    into = sites.from_frame @ inverse
    pixels, bad = _without_holes(sites.values, into, shape)

    def lay(rows: slice) -> tuple[Image, NDArray[np.uint8]]:
        from_rows = into.copy()
        from_rows[:2, 2] += rows.start * into[:2, 1]
        size = (rows.stop - rows.start, shape[1])
        warped = affine(pixels, from_rows, size, flag)
        footprint = np.empty(size, np.uint8)
        footprints.cut(warped, footprint, begin[rows], end[rows], 0, size[0])
        if bad is not None:
            footprint[bad[rows]] = 0
            warped[bad[rows]] = np.nan
        return warped, footprint

    return lay


def laid_mosaic(pixels: Raw, bayer: str, inverse: FloatArray, canvas: Canvas) -> Canvas:
    """Resample the colours of a mosaic onto a canvas by cubic convolution, without dark rings.

    Parameters
    ----------
    pixels : ndarray of shape (H, W), float32 or uint16
        NaN marks pixels without a value.
    bayer : str
        The Bayer pattern.
    inverse : ndarray of shape (3, 3)
        Map from (x, y) of the result to (x, y) of `pixels`.
    canvas : tuple of ndarray
        Receives the colours, (H, W, 3), NaN outside of their footprints, and the footprints.
    """
    warped, footprint = canvas
    shape = (warped.shape[0], warped.shape[1])
    holes: list[BoolArray | None] = [None] * 3
    if pixels.dtype != np.uint16:
        pixels, holes = _filled_mosaic(np.asarray(pixels, np.float32), bayer, inverse, shape)
    lit = [_lit(bounds_of(colour, pixels, bayer), inverse, shape) for colour in "RGB"]
    layers = [
        cubic_layer(colour, pixels, bayer, inverse, span)
        for colour, span in zip("RGB", lit, strict=True)
    ]
    begin, end = (np.stack(edges, axis=1) for edges in zip(*lit, strict=True))

    def put(rows: slice) -> None:
        for lay in layers:
            lay(warped, rows)
        footprints.mark(footprint.view(np.uint8), begin, end, rows.start, rows.stop)

    in_bands(put, shape[0], _BAND)
    for colour, hole in enumerate(holes):
        if hole is not None:
            footprint[hole, colour] = False
            warped[hole, colour] = np.nan
    return canvas


def _filled_mosaic(
    pixels: Image, bayer: str, inverse: FloatArray, shape: tuple[int, int]
) -> tuple[Image, list[BoolArray | None]]:
    """Return a mosaic that is finite, and which of each colour's result a missing pixel touches."""
    if footprints.all_finite(pixels.reshape(-1)):
        return pixels, [None] * 3
    rows, cols = np.nonzero(~np.isfinite(pixels))
    colours = np.array(list(bayer))[rows % 2 * 2 + cols % 2]
    whole, holes = pixels.copy(), []
    for colour in "RGB":
        sites = sites_of(colour, pixels, bayer)
        known, hole = _without_holes(sites.values, sites.from_frame @ inverse, shape)
        y, x = rows[colours == colour], cols[colours == colour]
        at = (sites.from_frame @ np.stack([x, y, np.ones_like(x)])).round().astype(np.intp)
        whole[y, x] = known[at[1], at[0]]
        holes.append(hole)
    return whole, holes


def _lit(bounds: Bounds, inverse: FloatArray, shape: tuple[int, int]) -> Spans:
    """Return where a result lies within the outermost sites of a colour."""
    corner, extent = bounds
    from_corner = inverse.copy()
    from_corner[:2, 2] -= corner
    return spans(extent, from_corner, shape)


def _without_holes(
    pixels: Raw, inverse: FloatArray, shape: tuple[int, int]
) -> tuple[Raw, BoolArray | None]:
    """Return pixels that are all finite, and which of the result a missing one touches."""
    if pixels.dtype == np.uint16:
        return pixels, None
    holed = np.asarray(pixels, np.float32)
    if footprints.all_finite(holed.reshape(-1)):
        return holed, None
    finite = np.isfinite(holed)
    return filled(holed, finite), touched(~finite, inverse, shape)
