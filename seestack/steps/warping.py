"""Lay a frame on the pixel grid of the reference.

The transform says where a frame pixel belongs on the reference; resampling asks the
opposite question, so the inverse is taken here and nowhere else. The footprint tells
which pixels of the result hold light of this frame. A frame with a colour mosaic is
read colour by colour, each from its own pixels and once only.
"""

from __future__ import annotations

from functools import partial

import cv2
import numpy as np
from numpy.typing import ArrayLike

from seestack.checks import as_colour, as_image, check_positive
from seestack.compiled import mosaics
from seestack.model import FloatArray, Raw, Transform, as_pixels
from seestack.numerics.bands import in_bands
from seestack.numerics.footprints import spans
from seestack.numerics.laying import Canvas, canvas_for, laid, laid_mosaic, layer
from seestack.numerics.mosaics import as_mosaic, sites_of
from seestack.numerics.resampling import affine, shear_warp

__all__ = ["warp", "warp_colour", "warp_mosaic"]

INTERPOLATIONS = ("lanczos", "bilinear", "nearest")
# OpenCV's kernels for the sites of one colour. For "lanczos" eight taps of windowed sinc, 2 px
# apart, would ring around stars; cubic convolution is nearly as sharp and much faster.
_SITE_KERNELS = {"bilinear": cv2.INTER_LINEAR, "nearest": cv2.INTER_NEAREST}
# Rows put together at once.
_BAND = 64
# Scale or skew that moves the corners of a large frame by less than 0.02 px.
_SLACK_RIGID = 1e-5


def warp(
    image: ArrayLike,
    transform: Transform,
    *,
    interpolation: str = "lanczos",
    shape: tuple[int, int] | None = None,
    out: Canvas | None = None,
) -> Canvas:
    """Resample a frame onto the reference grid.

    Parameters
    ----------
    image : array_like of shape (H, W)
        Linear pixels; NaN marks pixels without a value.
    transform : Transform
        Frame pixels to reference pixels; a rotation and a shift.
    interpolation : {"lanczos", "bilinear", "nearest"}
        "lanczos" (eight taps, along shears) keeps stars as sharp as they came, and
        no pixel becomes darker than the darkest of the 5 x 5 it came from;
        "bilinear" widens a star of FWHM 3 px by 6 %; "nearest" copies pixels.
    shape : tuple of int, optional
        (row, col) of the reference; the shape of `image` by default.
    out : tuple of ndarray, optional
        An image and a footprint of an earlier result, which are written over.

    Returns
    -------
    image : ndarray of shape `shape`, float32
        NaN outside of the footprint.
    footprint : ndarray of bool, shape `shape`
        True where the pixel's position lies within the centres of the frame's
        outermost pixels and no NaN pixel is closer than one pixel in both x and y.

    Raises
    ------
    ValueError
        If `image` is not a numeric array of shape (H, W), `interpolation` is unknown,
        `transform` is not rigid, `shape` is not two positive numbers or `out` does not fit.
    TypeError
        If `transform` is not a `Transform` or `shape` does not hold whole numbers.

    Notes
    -----
    NaN pixels are filled from their neighbours before resampling, so that the wide
    kernel does not spread them beyond the footprint's one-pixel circle. For "lanczos"
    see `seestack.numerics.resampling`. Light is conserved: the weights add up to 1
    and a rigid motion keeps areas. The limit from below takes the dark rings that a
    sharp kernel digs around undersampled stars and hot pixels; it adds less than 0.5 %
    to a star of FWHM 2 px or more, and 0.003 of its noise to the sky.

    Examples
    --------
    >>> image = np.arange(12.0).reshape(3, 4)
    >>> moved, footprint = warp(image, Transform.rigid(shift_px=(1.0, 0.0)))
    >>> moved[1].tolist(), footprint[1].tolist()
    ([nan, 4.0, 5.0, 6.0], [False, True, True, True])
    """
    pixels = as_pixels(as_image("image", image))
    inverse, shape = _checked(pixels, transform, interpolation, shape)
    canvas = canvas_for(shape, out)
    lit = spans((pixels.shape[0], pixels.shape[1]), inverse, shape)
    if interpolation == "lanczos":
        return laid(pixels, inverse, lit, canvas, shear_warp)
    flag = cv2.INTER_LINEAR if interpolation == "bilinear" else cv2.INTER_NEAREST
    return laid(pixels, inverse, lit, canvas, partial(affine, flag=flag), sharp=False)


def warp_mosaic(
    image: ArrayLike,
    bayer: str,
    transform: Transform,
    *,
    interpolation: str = "lanczos",
    shape: tuple[int, int] | None = None,
    out: Canvas | None = None,
) -> Canvas:
    """Resample a colour mosaic onto the reference grid, each colour from its own pixels.

    Parameters
    ----------
    image : array_like of shape (H, W)
        Linear pixels behind a Bayer mosaic, at least 2 by 2; NaN marks pixels without
        a value. Hot pixels are best taken out before.
    bayer : {"RGGB", "BGGR", "GRBG", "GBRG"}
        Colours of the 2x2 cell whose first pixel is ``image[0, 0]``, row by row.
    transform : Transform
        Frame pixels to reference pixels; a rotation and a shift. The identity for the
        reference itself, whose missing colours come about in the same way.
    interpolation : {"lanczos", "bilinear", "nearest"}
        "lanczos", the sharp one, is cubic convolution over 4 x 4 pixels of a colour
        here, and no pixel becomes darker than the darkest of the 5 x 5 around it;
        "bilinear" goes over 2 x 2, "nearest" copies the nearest one.
    shape : tuple of int, optional
        (row, col) of the reference; the shape of `image` by default.
    out : tuple of ndarray, optional
        An image and a footprint of an earlier result, which are written over.

    Returns
    -------
    image : ndarray of shape (H, W, 3), float32
        Red, green and blue; NaN outside of the footprint.
    footprint : ndarray of bool, shape (H, W, 3)
        True where the pixel's position lies within the outermost pixels of the colour
        and no NaN pixel is closer than one step of its grid: 2 px along x or y for
        red and blue, 1.4 px along a diagonal for green.

    Raises
    ------
    ValueError
        If `image` is no numeric mosaic, `bayer` or `interpolation` is unknown,
        `transform` is not rigid, `shape` is not two positive numbers or `out` does not fit.
    TypeError
        If `transform` is not a `Transform` or `shape` does not hold whole numbers.

    Notes
    -----
    Red and blue lie 2 px apart, green, with its grid on the diagonals, 1.4 px. In a
    stack of 16 shifted frames, stars of FWHM 3 px are wider than in the sky by 3 % in
    green and 12 % in red and blue, those of 4 px by less than 1 % and 4 %. A single frame
    samples red and blue too coarsely for narrow stars: their centres scatter by 0.02 px
    at FWHM 3 px and by 0.05 px at 2.5 px, which the shifts between frames average out.
    The limit from below adds 0.5 % to the red and blue flux at FWHM 2.5 px, and 2 % at
    3 px if a star has no wings.

    Examples
    --------
    >>> mosaic = np.tile([[10.0, 20.0], [20.0, 40.0]], (3, 4))
    >>> moved, footprint = warp_mosaic(mosaic, "RGGB", Transform.rigid(shift_px=(0.6, 0.0)))
    >>> moved.shape, moved[2, 3].tolist(), footprint[2, 1].tolist()
    ((6, 8, 3), [10.0, 20.0, 40.0], [True, True, False])
    """
    raw = as_pixels(as_mosaic("image", image, bayer))
    inverse, shape = _checked(raw, transform, interpolation, shape)
    canvas = warped, footprint = canvas_for((*shape, 3), out)
    if interpolation == "lanczos":
        return laid_mosaic(raw, bayer, inverse, canvas)
    pixels, flag = np.asarray(raw, np.float32), _SITE_KERNELS[interpolation]
    layers = [layer(sites_of(colour, pixels, bayer), inverse, shape, flag) for colour in "RGB"]

    def put(band: slice) -> None:
        (red, in_red), (green, in_green), (blue, in_blue) = (layer(band) for layer in layers)
        mosaics.interleave(red, green, blue, warped[band])
        mosaics.interleave(in_red, in_green, in_blue, footprint.view(np.uint8)[band])

    in_bands(put, shape[0], _BAND)
    return canvas


def warp_colour(
    image: ArrayLike,
    transform: Transform,
    *,
    interpolation: str = "lanczos",
    shape: tuple[int, int] | None = None,
    out: Canvas | None = None,
) -> Canvas:
    """Resample a frame whose colours are complete onto the reference grid.

    Parameters
    ----------
    image : array_like of shape (H, W, 3) or (3, H, W)
        Linear pixels; NaN marks values that are missing.
    transform, interpolation, shape, out
        As for `warp`.

    Returns
    -------
    image : ndarray of shape (H, W, 3), float32
        Each colour as `warp` lays it; NaN outside of the footprint.
    footprint : ndarray of bool, shape (H, W, 3)

    Raises
    ------
    ValueError
        If `image` has another shape, otherwise as for `warp`.
    TypeError
        As for `warp`.

    Examples
    --------
    >>> planes = np.ones((3, 4, 5)) * [[[10.0]], [[20.0]], [[40.0]]]
    >>> moved, footprint = warp_colour(planes, Transform.rigid(shift_px=(1.0, 0.0)))
    >>> moved.shape, moved[1, 2].tolist(), footprint[1, 0].tolist()
    ((4, 5, 3), [10.0, 20.0, 40.0], [False, False, False])
    """
    colours = as_colour("image", image)
    _, shape = _checked(colours, transform, interpolation, shape)
    canvas = moved, footprint = canvas_for((*shape, 3), out)
    for colour in range(3):
        moved[..., colour], footprint[..., colour] = warp(
            colours[..., colour], transform, interpolation=interpolation, shape=shape
        )
    return canvas


def _checked(
    pixels: Raw, transform: Transform, interpolation: str, shape: tuple[int, int] | None
) -> tuple[FloatArray, tuple[int, int]]:
    """Return the map from the result to the frame and the shape of the result."""
    if interpolation not in INTERPOLATIONS:
        raise ValueError(
            f"interpolation must be one of {', '.join(INTERPOLATIONS)}, got {interpolation!r}"
        )
    _check_rigid(transform)
    shape = _checked_shape((pixels.shape[0], pixels.shape[1]) if shape is None else shape)
    return transform.inverse.matrix, shape


def _check_rigid(transform: Transform) -> None:
    if not isinstance(transform, Transform):
        raise TypeError(f"transform must be a Transform, got {transform!r}")
    turn = transform.matrix[:2, :2]
    if np.linalg.det(turn) < 0 or np.abs(turn.T @ turn - np.eye(2)).max() > _SLACK_RIGID:
        raise ValueError(
            "transform must be rigid: a rotation and a shift, neither scale nor mirror, "
            f"got {turn.tolist()}"
        )


def _checked_shape(shape: tuple[int, int]) -> tuple[int, int]:
    if not isinstance(shape, tuple | list) or len(shape) != 2:
        raise TypeError(f"shape must be a pair (row, col), got {shape!r}")
    for side in shape:
        check_positive("shape", side, whole=True)
    return int(shape[0]), int(shape[1])
