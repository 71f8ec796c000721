"""Combine bias, dark and flat frames into masters, and find the pixels to leave out."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

import cv2
import numpy as np

from seestack.checks import as_image, check_positive
from seestack.masters import (
    Calibration,
    CalibrationMismatchError,
    Master,
    check_match,
    conditions,
    dark_level,
)
from seestack.model import BoolArray, Frame, Image
from seestack.numerics.robust import MAD_TO_SIGMA, sky_level

__all__ = ["bad_pixels", "make_master"]

_CLIP_SIGMA = 4.0
# Values combined at a time: 16 MB in float32, and about five times that in all.
_BLOCK_VALUES = 4_000_000
# Noise of rounding to whole numbers.
_ROUNDING = 12**-0.5
# Relative to its neighbours; the edge of a mote is far from it.
_DEAD, _TOO_BRIGHT = 0.5, 2.0

_Rows = Callable[[int, slice], Image]


def make_master(
    frames: Iterable[Frame], kind: str, *, bias: Master | None = None, dark: Master | None = None
) -> Master:
    """Combine calibration frames into one.

    Parameters
    ----------
    frames : iterable of Frame
        Of shape (H, W), taken alike. From three on, what one frame alone shows, such
        as a cosmic ray, is left out.
    kind : {"bias", "dark", "flat"}
        A dark keeps its bias. Each flat is divided by its median first, each colour
        of a mosaic by its own, so that flats may differ in brightness.
    bias, dark : Master, optional
        For flats only: what to take off each of them, the dark where both are given.
        Without, the pedestal of the camera makes the flat too even.

    Returns
    -------
    Master
        The mean at each pixel of what lies within 4 sigma of the median. A flat has
        the median 1 in each colour and NaN where a pixel is dead.

    Raises
    ------
    CalibrationMismatchError
        If a frame differs from the first, or `bias` or `dark` from a flat, in size,
        Bayer pattern, gain, temperature or exposure.
    ValueError
        If there is no frame, a frame is not of shape (H, W), a flat shows no light, or
        `bias` or `dark` is given for something else than flats.

    Notes
    -----
    The frames are held as they are given; besides them, about 100 MB are needed for any
    number of them. Sigma is the median absolute deviation at the pixel, or
    that of a typical pixel where this is larger, since few frames tell little.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> darks = [Frame(rng.normal(50.0, 4.0, (40, 60)), exposure_s=10.0) for _ in range(16)]
    >>> darks[3].image[7, 9] = 9_000.0
    >>> master = make_master(darks, "dark")
    >>> master.count, master.exposure_s, bool(abs(master.image[7, 9] - 50) < 5)
    (16, 10.0, True)
    """
    if kind != "flat" and (bias or dark):
        raise ValueError(f"bias and dark are taken off flats only, got them for kind {kind!r}")
    taken = list(frames)
    first = _conditions_of_all(taken, kind)
    shape = first.image.shape
    rows = _relative_rows(taken, Calibration(bias, dark)) if kind == "flat" else _rows_of(taken)
    whole = all(frame.image.dtype.kind in "iu" for frame in taken) and kind != "flat"
    image = _combined(rows, len(taken), shape, _ROUNDING if whole else 0.0)
    if kind == "flat":
        image[_unlike_neighbours(image)] = np.nan
        image /= _tiled(_levels(image, first.bayer), shape)
    return replace(first, image=image)


def bad_pixels(dark: Master, *, threshold: float = 10.0) -> BoolArray:
    """Return the pixels whose dark level stands out from their neighbours'.

    Parameters
    ----------
    dark : Master
        A dark, or a bias.
    threshold : float, default 10.0
        Height above, or depth below, the median of the 5 by 5 pixels around, in units
        of the noise of the master.

    Returns
    -------
    ndarray of bool, shape (H, W)
        True for bad pixels; NaN is bad.

    Raises
    ------
    ValueError
        If `dark` is a flat or `threshold` is not positive.

    Examples
    --------
    >>> level = np.random.default_rng(0).normal(50.0, 1.0, (40, 60))
    >>> level[12, 34] = 80.0
    >>> np.argwhere(bad_pixels(Master("dark", level))).tolist()
    [[12, 34]]
    """
    check_positive("threshold", threshold)
    if dark.kind == "flat":
        raise ValueError("dark must be a master dark or bias, got a flat; its NaN are its bad ones")
    excess = dark.image - _neighbours(dark.image)
    level, noise = sky_level(excess)
    return ~(np.abs(excess - level) <= threshold * noise)


def _conditions_of_all(frames: list[Frame], kind: str) -> Master:
    """Return the first frame as a master that tells how all were taken, or raise."""
    if not frames:
        raise ValueError(f"frames must hold at least one {kind} frame, got none")
    for frame in frames:
        as_image("frames", frame.image)
    one = frames[0]
    first = Master(kind, one.image, one.exposure_s, **conditions(one), bayer=one.bayer)  # type: ignore[arg-type]
    for n, frame in enumerate(frames[1:], 2):
        try:
            check_match(frame, first)
        except CalibrationMismatchError as mismatch:
            name = f"frame {n}" + (f" ({frame.source})" if frame.source else "")
            raise CalibrationMismatchError(
                f"{name} differs from the first: {mismatch.reason}"
            ) from mismatch
    known = [conditions(frame)["temperature_c"] for frame in frames]
    temperatures = [value for value in known if value is not None]
    middle = float(np.median(temperatures)) if temperatures else None
    return replace(first, temperature_c=middle, count=len(frames))


def _rows_of(frames: list[Frame]) -> _Rows:
    def rows(n: int, part: slice) -> Image:
        return np.array(frames[n].image[part], np.float32)

    return rows


def _relative_rows(flats: list[Frame], calibration: Calibration) -> _Rows:
    """Return a function that gives rows of a flat without its dark level, in units of its level."""
    levels: list[Image] = []
    for n, flat in enumerate(flats, 1):
        pedestal = dark_level(flat, calibration)
        light = np.asarray(flat.image, np.float32)
        level = _levels(light if pedestal is None else light - pedestal, flat.bayer)
        if not (level > 0).all():
            raise ValueError(
                f"flat {n} {flat.source} shows no light above its dark level; expose it longer"
            )
        levels.append(level)

    def rows(n: int, part: slice) -> Image:
        light = np.array(flats[n].image[part], np.float32)
        if pedestal is not None:
            light -= pedestal[part]
        return light / _tiled(levels[n], light.shape)

    return rows


def _combined(rows: _Rows, count: int, shape: tuple[int, ...], noise_floor: float) -> Image:
    """Return the clipped mean of `count` frames, an even number of rows at a time."""
    height, width = shape
    sample = [slice(top, top + 2) for top in np.linspace(0, height - 1, 8).astype(int) // 2 * 2]
    some = [np.concatenate([rows(n, part) for part in sample]) for n in range(count)]
    floor = max(noise_floor, _typical_noise(np.array(some)))
    step = max(_BLOCK_VALUES // (count * width) // 2 * 2, 2)
    image = np.empty(shape, np.float32)
    for top in range(0, height, step):
        part = slice(top, top + step)
        image[part] = _clipped_mean(np.array([rows(n, part) for n in range(count)]), floor)
    return image


def _clipped_mean(block: Image, noise_floor: float) -> Image:
    """Return the mean over the first axis without outliers; NaN and inf take no part."""
    block[~np.isfinite(block)] = np.nan
    distance = np.abs(block - _median(block))
    sigma = np.maximum(MAD_TO_SIGMA * _median(distance), noise_floor)
    kept = distance <= _CLIP_SIGMA * sigma
    number = kept.sum(axis=0)
    total = np.where(kept, block, 0.0).sum(axis=0, dtype=np.float64)
    return np.where(number > 0, total / np.maximum(number, 1), np.nan).astype(np.float32)


def _typical_noise(block: Image) -> float:
    """Return the median over the pixels of the noise from frame to frame."""
    block[~np.isfinite(block)] = np.nan
    noise = _median(np.abs(block - _median(block)))
    noise = noise[np.isfinite(noise)]
    return MAD_TO_SIGMA * float(np.median(noise)) if noise.size else 0.0


def _median(block: Image) -> Image:
    """Return the median over the first axis without NaN, several times faster than nanmedian."""
    ordered = np.sort(block, axis=0)  # NaN goes to the end
    number = np.maximum(np.isfinite(block).sum(axis=0), 1)[None]
    low = np.take_along_axis(ordered, (number - 1) // 2, axis=0)[0]
    high = np.take_along_axis(ordered, number // 2, axis=0)[0]
    return (low + high) / 2


def _levels(image: Image, bayer: str | None) -> Image:
    """Return the median of the colour at each place of the 2x2 cell."""
    sites = [image[row::2, col::2] for row in (0, 1) for col in (0, 1)]
    colours = bayer or "LLLL"
    level = {}
    for colour in set(colours):
        values = np.concatenate(
            [site.ravel() for site, own in zip(sites, colours, strict=True) if own == colour]
        )
        values = values[np.isfinite(values)]
        level[colour] = np.median(values) if values.size else np.nan
    return np.array([level[colour] for colour in colours], np.float32).reshape(2, 2)


def _tiled(cell: Image, shape: tuple[int, ...]) -> Image:
    rows, cols = shape
    return np.tile(cell, (-(-rows // 2), -(-cols // 2)))[:rows, :cols]


def _unlike_neighbours(flat: Image) -> BoolArray:
    around = _neighbours(flat)
    return ~((flat > _DEAD * around) & (flat < _TOO_BRIGHT * around) & (flat > 0))


def _neighbours(image: Image) -> Image:
    """Return the median of the 5 by 5 pixels around; colours are at one level in a master."""
    return cv2.medianBlur(np.nan_to_num(image, nan=0.0).astype(np.float32), 5)
