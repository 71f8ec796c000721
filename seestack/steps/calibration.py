"""Take off what the camera adds, and find the pixels that do not show the sky."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seestack.checks import as_image, as_real_array, check_positive
from seestack.compiled import hot
from seestack.masters import (
    Calibration,
    CalibrationMismatchError,
    Master,
    check_match,
    dark_level,
)
from seestack.model import BoolArray, Frame
from seestack.numerics.bands import in_bands
from seestack.numerics.robust import sky_level

__all__ = ["calibrate", "hot_pixels", "without_hot_pixels"]

# Light in the 8 neighbours over the pixel: 1.2 or more for a star of FWHM 1.3 px.
_MAX_NEIGHBOUR_LIGHT = 0.4
_NEIGHBOURS = [(i, j) for i in (-1, 0, 1) for j in (-1, 0, 1) if (i, j) != (0, 0)]
_THRESHOLD = 8.0
_READ_AS_THEY_ARE = (np.uint8, np.int16, np.uint16, np.int32, np.float32, np.float64)
_BAND = 256
_SAMPLE = 4_000
# There are hardly ever more hot pixels than these in a band.
_FEW = 4_096
# Of the 8 neighbours of a colour: a hole or a column has 6 or more, a border 3.
_MIN_NEIGHBOURS = 5


def calibrate(
    frame: Frame,
    *,
    bias: Master | None = None,
    dark: Master | None = None,
    flat: Master | None = None,
    bad: BoolArray | None = None,
    scale_dark: bool = False,
) -> Frame:
    """Take the camera's own pattern off a frame.

    Parameters
    ----------
    frame : Frame
        Raw, of shape (H, W), a mosaic or not.
    bias, dark : Master, optional
        What to subtract. The dark contains the bias: where a dark is given, the bias
        serves its scaling only.
    flat : Master, optional
        What to divide by.
    bad : ndarray of bool, shape (H, W), optional
        True for pixels to leave out.
    scale_dark : bool, default False
        Scale the dark current to the exposure of the frame. Amplifier glow and a
        camera that subtracts darks of its own do not scale.

    Returns
    -------
    Frame
        `frame` with an image in float32; NaN at bad pixels and where the flat is NaN.

    Raises
    ------
    CalibrationMismatchError
        If a master does not fit the frame, by size, Bayer pattern, gain, temperature
        (within 3 degrees) or, for a dark, exposure (within 1 %). What the header does
        not tell is accepted.
    ValueError
        If a master is of another kind, or a dark is to be scaled without a bias.

    Examples
    --------
    >>> dark = Master("dark", np.full((4, 6), 20.0), exposure_s=10.0)
    >>> light = Frame(np.full((4, 6), 120, np.uint16), exposure_s=10.0)
    >>> float(calibrate(light, dark=dark).image[2, 3])
    100.0
    >>> calibrate(Frame(light.image, exposure_s=30.0), dark=dark)
    Traceback (most recent call last):
    seestack.masters.CalibrationMismatchError: dark does not fit: its exposure is 10 s and
    the frame's is 30 s; take darks of 30 s, or scale the dark with the help of a bias
    """
    masters = Calibration(bias, dark, flat, bad, scale_dark)
    pixels = as_real_array("image", frame.image)
    if pixels.ndim not in (2, 3) or pixels.size == 0:
        raise ValueError(f"image must be of shape (H, W), got shape {pixels.shape}")
    pedestal = dark_level(frame, masters)
    image = pixels.astype(np.float32)
    if pedestal is not None:
        image -= pedestal
    if flat is not None:
        check_match(frame, flat)
        image /= flat.image
    if masters.bad is not None:
        if masters.bad.shape != image.shape:
            raise CalibrationMismatchError(
                f"map of bad pixels does not fit: its shape is {masters.bad.shape} and the "
                f"frame's is {image.shape}; make it from darks of this camera, binning and crop"
            )
        image[masters.bad] = np.nan
    return replace(frame, image=image)


def hot_pixels(
    image: NDArray[Any], *, bayer: str | None = None, threshold: float = _THRESHOLD
) -> BoolArray:
    """Return the single pixels that stand out alone.

    A star lights several neighbouring pixels, whatever their colour; a hot pixel or
    a cosmic ray through one pixel does not. In a mosaic the sky of each colour is
    taken off first, so that neighbours of another colour can be compared.

    Parameters
    ----------
    image : ndarray of shape (H, W)
        Raw pixels, a mosaic where `bayer` is given. NaN is never hot.
    bayer : str, optional
        Any of the four patterns; which one does not matter.
    threshold : float, default 8.0
        Height above the sky in units of the sky's noise.

    Returns
    -------
    ndarray of bool, shape (H, W)
        True for hot pixels.

    Raises
    ------
    ValueError
        If `image` is not a numeric array of shape (H, W) or `threshold` is not positive.

    Examples
    --------
    >>> raw = np.random.default_rng(0).normal(100.0, 2.0, (40, 60))
    >>> raw[12, 34] = 180.0
    >>> np.argwhere(hot_pixels(raw)).tolist()
    [[12, 34]]
    """
    image = as_image("image", image)
    check_positive("threshold", threshold)
    alone = np.zeros(image.shape, bool)
    alone.reshape(-1)[_hot_places(image, bayer, threshold)] = True
    return alone


def _hot_places(image: NDArray[Any], bayer: str | None, threshold: float) -> NDArray[np.intp]:
    """Return the flat indices of hot pixels, in order."""
    step = 2 if bayer else 1
    sky = np.array(
        [[sky_level(_thin(image[i::step, j::step])) for j in range(step)] for i in range(step)]
    )
    if image.dtype not in _READ_AS_THEY_ARE:
        image = image.astype(np.float64)
    image = np.ascontiguousarray(image)
    limits = _limits(sky[..., 0] + threshold * sky[..., 1], image)
    level = sky[..., 0].astype(np.float32)

    def search(band: slice) -> NDArray[np.intp]:
        rows, room = (band.start, band.stop), _FEW
        while True:
            places = np.empty(room, np.intp)
            count = hot.find(image, limits, level, _MAX_NEIGHBOUR_LIGHT, places, *rows)
            if count <= room:
                return places[:count]
            room = count

    return np.concatenate(in_bands(search, len(image), _BAND))


def _thin(plane: NDArray[Any]) -> NDArray[Any]:
    """Return evenly spread pixels, a sixteenth or enough to know the noise to 2 %."""
    step = max(int(np.sqrt(plane.size / _SAMPLE)), 4)
    return plane[::step, ::step]


def _limits(limits: NDArray[np.float64], image: NDArray[Any]) -> NDArray[Any]:
    """Return the limit of each place in the cell along a row, in the image's kind of number."""
    if image.dtype.kind in "iu":
        kind = np.iinfo(image.dtype)
        limits = np.minimum(np.floor(limits), kind.max)
    step = len(limits)
    lines = np.empty((step, image.shape[1]), image.dtype)
    for row, col in np.ndindex(step, step):
        lines[row, col::step] = limits[row, col]
    return lines


def without_hot_pixels(
    image: NDArray[Any], bayer: str | None, *, out: NDArray[Any] | None = None
) -> NDArray[Any]:
    """Return a frame whose hot pixels show the median of their neighbours' colour.

    Resampling would smear a hot pixel into something like a star. In a mosaic missing
    pixels are filled too, which would become holes of 3 by 3; without one they stay, for
    the other frames to fill. A frame with complete colours is returned as it is.

    Parameters
    ----------
    image : ndarray of shape (H, W)
        Raw pixels. In a mosaic NaN is filled where 5 of the 8 nearest pixels of its colour
        are known: in a hole or a column, not beyond a border.
    bayer : str or None
        The Bayer pattern; None for no mosaic.
    out : ndarray, optional
        ``out=image`` writes into `image` itself, not into a copy.

    Returns
    -------
    ndarray of shape (H, W)
        A copy where anything was replaced.

    Examples
    --------
    >>> raw = np.random.default_rng(0).normal(100.0, 2.0, (40, 60))
    >>> raw[12, 34], raw[20, 30] = 180.0, np.nan
    >>> mended = without_hot_pixels(raw, "GRBG")
    >>> bool(mended[12, 34] < 110), bool(90 < mended[20, 30] < 110)
    (True, True)
    """
    if image.ndim != 2 or image.size == 0:
        return image
    step = 2 if bayer else 1
    rows, cols = np.divmod(_hot_places(image, bayer, _THRESHOLD), image.shape[1])
    if bayer and image.dtype.kind == "f":
        missing = np.nonzero(~np.isfinite(image))
        rows, cols = np.append(rows, missing[0]), np.append(cols, missing[1])
    if len(rows) == 0:
        return image
    last_row, last_col = (side - 1 for side in image.shape)
    around = np.array(
        [
            image[
                last_row - np.abs(last_row - np.abs(rows + step * down)),
                last_col - np.abs(last_col - np.abs(cols + step * right)),
            ]
            for down, right in _NEIGHBOURS
        ],
        np.float64,
    )
    around[~np.isfinite(around)] = np.nan
    known = np.isfinite(around).sum(axis=0)
    told = known >= np.where(np.isfinite(image[rows, cols]), 1, _MIN_NEIGHBOURS)
    repaired = image.copy() if out is None else out
    mended = np.nanmedian(around[:, told], axis=0)
    repaired[rows[told], cols[told]] = np.rint(mended) if image.dtype.kind in "iu" else mended
    return repaired
