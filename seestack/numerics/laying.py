"""Lay pixels on another grid: resample them, take dark rings off, cut to where there is light."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from seestack.compiled import footprints, rings
from seestack.model import BoolArray, FloatArray, Image
from seestack.numerics.footprints import Spans, filled, spans, touched
from seestack.numerics.mosaics import Sites
from seestack.numerics.resampling import affine

__all__ = ["Canvas", "canvas_for", "laid", "layer"]

Canvas = tuple[Image, BoolArray]


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
    pixels: Image,
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
    pixels : ndarray of shape (H, W), float32
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
        OpenCV's kernel; the cubic one digs dark rings around stars, which go.

    Returns
    -------
    callable
        Takes a slice of rows; returns these rows, NaN where the colour is not known, and 1
        where it is.
    """
    from_corner = inverse.copy()
    from_corner[:2, 2] -= sites.corner
    begin, end = spans(sites.extent, from_corner, shape)
    into = sites.from_frame @ inverse
    pixels, bad = _without_holes(sites.values, into, shape)

    def lay(rows: slice) -> tuple[Image, NDArray[np.uint8]]:
        from_rows = into.copy()
        from_rows[:2, 2] += rows.start * into[:2, 1]
        size = (rows.stop - rows.start, shape[1])
        warped = affine(pixels, from_rows, size, flag)
        footprint = np.empty(size, np.uint8)
        if flag == cv2.INTER_CUBIC:
            rings.lift(warped, pixels, np.ascontiguousarray(from_rows[:2]), 0, size[0])
        footprints.cut(warped, footprint, begin[rows], end[rows], 0, size[0])
        if bad is not None:
            footprint[bad[rows]] = 0
            warped[bad[rows]] = np.nan
        return warped, footprint

    return lay


def _without_holes(
    pixels: Image, inverse: FloatArray, shape: tuple[int, int]
) -> tuple[Image, BoolArray | None]:
    """Return pixels that are all finite, and which of the result a missing one touches."""
    if footprints.all_finite(pixels.reshape(-1)):
        return pixels, None
    finite = np.isfinite(pixels)
    return filled(pixels, finite), touched(~finite, inverse, shape)
