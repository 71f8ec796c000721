"""Turn a colour mosaic into colour, or into one brightness for each pixel.

Both work on the grid of the mosaic: a star stays where it was, to a fraction of a
pixel. Missing colours come from the neighbours by linear interpolation, with borders
mirrored about the outermost pixels, which keeps every colour on its own sites.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from seestack.checks import as_colour, as_real_array
from seestack.compiled import mosaics
from seestack.model import Image, as_pixels
from seestack.numerics.bands import in_bands
from seestack.numerics.mosaics import as_mosaic

__all__ = ["debayer", "luminance", "luminance_of_colour"]

# Weights for a plane that is zero where its colour was not measured.
_FILL_RED_BLUE = np.array([0.5, 1.0, 0.5], np.float32)
_FILL_GREEN = np.array([[0.0, 0.25, 0.0], [0.25, 1.0, 0.25], [0.0, 0.25, 0.0]], np.float32)
# Rows converted by one thread.
_BAND = 256


def debayer(image: ArrayLike, bayer: str) -> NDArray[np.float32]:
    """Interpolate the two colours that each pixel of a mosaic lacks.

    Parameters
    ----------
    image : array_like of shape (H, W)
        Mosaic in ADU, at least 2 by 2 pixels.
    bayer : {"RGGB", "BGGR", "GRBG", "GBRG"}
        Colours of the 2x2 cell whose first pixel is ``image[0, 0]``, row by row.

    Returns
    -------
    ndarray of float32, shape (H, W, 3)
        Red, green and blue in ADU on the pixels of `image`. Measured values are
        unchanged. A NaN pixel makes its own colour NaN there and in those of its
        eight neighbours that are interpolated from it; the other colours stay.

    Raises
    ------
    ValueError
        If `image` is not 2-D, is smaller than 2 by 2, or `bayer` is not one of the
        four patterns.

    Examples
    --------
    >>> mosaic = np.tile([[10.0, 20.0], [20.0, 40.0]], (2, 3))
    >>> colour = debayer(mosaic, "RGGB")
    >>> colour.shape, colour[1, 2].tolist(), colour[3, 5].tolist()
    ((4, 6, 3), [10.0, 20.0, 40.0], [10.0, 20.0, 40.0])
    """
    pixels = as_mosaic("image", image, bayer)
    planes = np.zeros((3, *pixels.shape), np.float32)
    for site, colour in enumerate(bayer):
        row, col = divmod(site, 2)
        planes["RGB".index(colour), row::2, col::2] = pixels[row::2, col::2]
    red, green, blue = planes
    filled = (
        _separable(red, _FILL_RED_BLUE),
        cv2.filter2D(green, cv2.CV_32F, _FILL_GREEN, borderType=cv2.BORDER_REFLECT_101),
        _separable(blue, _FILL_RED_BLUE),
    )
    return cv2.merge(filled)


def luminance(image: ArrayLike, bayer: str | None = None) -> Image:
    """Reduce a frame to one brightness for each pixel.

    Parameters
    ----------
    image : array_like of shape (H, W), (H, W, 3) or (3, H, W)
        Pixels in ADU. Any number of colour planes is accepted.
    bayer : {"RGGB", "BGGR", "GRBG", "GBRG"}, optional
        Set for a mosaic of shape (H, W); which of the four does not matter. Colour
        that is already separated is no mosaic, whatever `bayer` says.

    Returns
    -------
    ndarray of float32, shape (H, W)
        In ADU, on the pixels of `image`. A mosaic becomes (R + 2 G + B) / 4; colour
        becomes the mean over the shortest axis, the first of equally short ones; a
        frame without colours keeps its values. NaN stays NaN: a NaN pixel of a
        mosaic takes its eight neighbours with it, a NaN in one colour the pixel.

    Raises
    ------
    ValueError
        If `image` is neither 2-D nor 3-D, is empty, or `bayer` is not one of the four
        patterns.

    Notes
    -----
    The mosaic is filtered with (1, 2, 1) / 4 along rows and columns. Wherever the
    filter stands, it gives red 1/4, green 1/2 and blue 1/4 of its weight, so a plane
    of any colour comes out flat, without a checkerboard. Being symmetric, it moves no
    star, but a star much narrower than the cell and of one colour only is seen by too
    few pixels: the error is below 0.02 px at FWHM 3 px for a star three times as
    bright in red as in blue. The noise of one pixel falls to 3/8 and is shared with
    the neighbours; a star of FWHM 3 px widens by a fifth, one of 4 px by an eighth.

    Examples
    --------
    >>> mosaic = np.tile([[10.0, 20.0], [20.0, 40.0]], (2, 3))
    >>> luminance(mosaic, "RGGB")[0].tolist()
    [22.5, 22.5, 22.5, 22.5, 22.5, 22.5]
    >>> luminance(np.ones((3, 4, 5)) * [[[1.0]], [[2.0]], [[6.0]]])[0].tolist()
    [3.0, 3.0, 3.0, 3.0, 3.0]
    """
    pixels = as_real_array("image", image)
    if pixels.ndim not in (2, 3) or pixels.size == 0:
        raise ValueError(
            f"image must have shape (H, W), (H, W, 3) or (3, H, W), got shape {pixels.shape}"
        )
    if pixels.ndim == 3:
        return _mean_colour(pixels)
    if bayer is None:
        return _as_float32(pixels)
    pixels = as_mosaic("image", pixels, bayer)
    mosaic, grey = as_pixels(pixels), np.empty(pixels.shape, np.float32)

    def blur(rows: slice) -> None:
        mosaics.blur(mosaic, grey, rows.start, rows.stop)

    in_bands(blur, len(grey), _BAND)
    return grey


def luminance_of_colour(image: ArrayLike) -> Image:
    """Reduce a colour stack to one brightness for each pixel.

    Parameters
    ----------
    image : array_like of shape (H, W, 3) or (3, H, W)
        Red, green and blue in ADU.

    Returns
    -------
    ndarray of float32, shape (H, W)
        (R + 2 G + B) / 4, the weights of the mosaic in `luminance`. NaN where a colour
        is NaN.

    Raises
    ------
    ValueError
        If `image` is no numeric array of such a shape.

    Examples
    --------
    >>> luminance_of_colour(np.full((4, 5, 3), [10.0, 20.0, 40.0]))[0].tolist()
    [22.5, 22.5, 22.5, 22.5, 22.5]
    """
    red, green, blue = np.moveaxis(as_colour("image", image), 2, 0)
    total = red.astype(np.float32)
    total += blue
    total *= np.float32(0.5)
    total += green
    total *= np.float32(0.5)
    return np.ascontiguousarray(total)


def _as_float32(pixels: NDArray[Any]) -> Image:
    """Return the pixels themselves where they are float32 in order, else a copy."""
    if pixels.dtype == np.float32 and pixels.flags.c_contiguous:
        return pixels
    converted = np.empty(pixels.shape, np.float32)

    def convert(rows: slice) -> None:
        converted[rows] = pixels[rows]

    in_bands(convert, len(pixels), _BAND)
    return converted


def _separable(pixels: NDArray[Any], weights: NDArray[np.float32]) -> Image:
    return cv2.sepFilter2D(pixels, cv2.CV_32F, weights, weights, borderType=cv2.BORDER_REFLECT_101)


def _mean_colour(pixels: NDArray[Any]) -> Image:
    axis = int(np.argmin(pixels.shape))
    planes = np.moveaxis(pixels, axis, 0)
    total = planes[0].astype(np.float32)
    for plane in planes[1:]:
        total += plane
    total /= np.float32(len(planes))
    return np.ascontiguousarray(total)
