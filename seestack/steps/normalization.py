"""Bring a frame to the sky and the brightness of the reference.

Haze, moonrise and the sinking of the field change level, slope and flux from frame to
frame; where frames end, the stack would show it as a seam. The sky is compared in box
means, on the pixels that both have, and only what the noise cannot explain is taken
off: a frame that needs nothing comes back as it is. How much fainter its stars are is
not measured here, see `FrameQuality.flux_scale`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from seestack.checks import as_real_array, check_positive
from seestack.compiled import skies
from seestack.model import BoolArray, FloatArray, Image
from seestack.numerics.bands import in_bands
from seestack.numerics.surfaces import Surface, fit_surface

__all__ = [
    "SkyBoxes",
    "SkyCorrection",
    "normalize",
    "sky_boxes",
    "sky_correction",
    "sky_difference",
]

_BOX_PX = (8, 32)
_BOXES_ACROSS = 16
# A box with fewer known pixels is left out: their centre lies elsewhere.
_LEAST_KNOWN = 0.5
_LIT = 3.0
_ROUNDING = 5e-7
# Rows handled at once: the working arrays of a band stay in the processor's cache.
_BAND = 32
# Lines of boxes reduced at once.
_LINES = 9


@dataclass(frozen=True, slots=True, eq=False)
class SkyBoxes:
    """An image reduced to the means of its boxes.

    Parameters
    ----------
    level : ndarray of float32, shape (h, w) or (h, w, 3)
        Means in ADU; NaN where more than half of the pixels are unknown.
    lit : ndarray of bool, the same shape
        True where the box holds more light than the smooth sky: stars, nebulae.
    box_px : int
        Side of a box.
    shape : tuple of int
        Shape of the image, (H, W) or (H, W, 3).
    """

    level: Image
    lit: BoolArray
    box_px: int
    shape: tuple[int, ...]


@dataclass(frozen=True, slots=True, eq=False)
class SkyCorrection:
    """What gives a frame the sky and the flux scale of the reference.

    Parameters
    ----------
    scale : float
        Factor on the frame.
    down : ndarray of float32, shape (C, H, 3)
        What comes off, as a product with `along`, one for each of C colours.
    along : ndarray of float32, shape (3, C * W)
        Powers of the column, each column as many times as there are colours.
    """

    scale: float
    down: Image
    along: Image

    @classmethod
    def of(cls, surfaces: tuple[Surface, ...], scale: float) -> SkyCorrection:
        """Return the correction that scales, and then takes the surface of each colour off."""
        factors = [surface.factors(*map(np.arange, surface.shape)) for surface in surfaces]
        along = np.repeat(factors[0][1], len(surfaces), axis=1)
        return cls(scale, np.stack([down for down, _ in factors]), along)

    def apply(self, image: Image, rows: slice) -> None:
        """Correct some rows of a frame, in order in memory, in place."""
        part = image[rows].reshape(-1, self.along.shape[1])
        skies.subtract(part, self.scale, np.ascontiguousarray(self.down[:, rows]), self.along)


def sky_boxes(image: ArrayLike) -> SkyBoxes:
    """Reduce the reference to what `normalize` needs of it.

    Parameters
    ----------
    image : array_like of shape (H, W) or (H, W, 3)
        Linear pixels in ADU; NaN marks pixels without a value.

    Returns
    -------
    SkyBoxes
        Boxes of 8 to 32 pixels, a sixteenth of the shorter side. Empty for an image of
        less than 8 pixels on a side.

    Raises
    ------
    ValueError
        If `image` is not a numeric array of such a shape.

    Examples
    --------
    >>> boxes = sky_boxes(np.full((160, 240), 700.0))
    >>> boxes.box_px, boxes.level.shape, boxes.level[0, 0].item()
    (10, (16, 24), 700.0)
    """
    return _reduced(_as_frame("image", image))


def sky_difference(
    image: ArrayLike, reference: SkyBoxes, *, scale: float = 1.0, order: int = 2
) -> tuple[Surface, ...]:
    """Return what must be taken off a frame to give it the sky of the reference.

    Parameters
    ----------
    image : array_like of shape (H, W) or (H, W, 3)
        The frame on the grid of the reference, NaN where it does not cover it.
    reference : SkyBoxes
        Of an image of the same shape.
    scale : float, default 1
        Factor on the frame before its sky is compared.
    order : {0, 1, 2}
        Highest order of the difference: a level, a plane, a quadratic surface. Lower
        ones are used where the frame does not need or cannot carry it.

    Returns
    -------
    tuple of Surface
        One for each channel; zero where the noise explains the difference. An empty
        tuple where frame and reference have too few boxes of sky in common.

    Raises
    ------
    ValueError
        If the shapes differ, `scale` is not positive or `order` is not 0, 1 or 2.
    TypeError
        If `reference` is not `SkyBoxes` or `scale` is not a number.

    Examples
    --------
    >>> image = np.random.default_rng(0).normal(700.0, 9.0, (160, 240))
    >>> (surface,) = sky_difference(image + 30.0, sky_boxes(image))
    >>> surface.at([0, 159], [239]).round(3).tolist()
    [[30.0], [30.0]]
    """
    pixels = _as_frame("image", image)
    _check_boxes(reference, pixels.shape, scale, order)
    level = _box_means(pixels, reference.box_px)
    difference = np.where(reference.lit, np.nan, level * np.float32(scale) - reference.level)
    surfaces = []
    for channel in np.ndindex(level.shape[2:]):
        here = (slice(None), slice(None), *channel)
        known = np.isfinite(level[here])
        fit = fit_surface(
            difference[here],
            box_px=reference.box_px,
            shape=(pixels.shape[0], pixels.shape[1]),
            order=order,
            reach=known,
            rounding=_rounding(level[here]),
        )
        if fit is None:
            return ()
        surfaces.append(fit[0])
    return tuple(surfaces)


def sky_correction(
    image: ArrayLike, reference: SkyBoxes, *, scale: float = 1.0, order: int = 2
) -> SkyCorrection | None:
    """Return what `normalize` does to a frame.

    Parameters
    ----------
    image, reference, scale, order
        As for `sky_difference`.

    Returns
    -------
    SkyCorrection or None
        None where it leaves the frame as it is.

    Raises
    ------
    ValueError, TypeError
        As for `sky_difference`.

    Examples
    --------
    >>> image = np.random.default_rng(0).normal(700.0, 9.0, (160, 240)).astype(np.float32)
    >>> change = sky_correction(image + 30.0, sky_boxes(image))
    >>> change.down.shape, change.along.shape, sky_correction(image, sky_boxes(image))
    ((1, 160, 3), (3, 240), None)
    """
    surfaces = sky_difference(image, reference, scale=scale, order=order)
    if not surfaces or (scale == 1.0 and all(surface.is_zero for surface in surfaces)):
        return None
    return SkyCorrection.of(surfaces, float(scale))


def normalize(
    image: ArrayLike,
    reference: SkyBoxes | ArrayLike,
    *,
    scale: float = 1.0,
    order: int = 2,
    out: NDArray[Any] | None = None,
) -> Image:
    """Give a frame the sky and the flux scale of the reference.

    Parameters
    ----------
    image : array_like of shape (H, W) or (H, W, 3)
        The frame on the grid of the reference, NaN where it does not cover it.
    reference : SkyBoxes or array_like
        The reference, or its boxes from `sky_boxes`, of the same shape.
    scale : float, default 1
        Factor on the frame, one over `FrameQuality.flux_scale`; the same for all channels.
    order : {0, 1, 2}
        What the skies may differ by: a level, a plane, a quadratic surface.
    out : ndarray of float32, optional
        Receives the result; may be `image` itself.

    Returns
    -------
    ndarray of float32
        `image` times `scale`, less the difference of the skies; NaN where `image` is.
        The pixels of `image` unchanged where `scale` is 1 and the noise explains the
        difference, and where frame and reference have too little sky in common.

    Raises
    ------
    ValueError
        If the shapes differ, `image` is not numeric, `scale` is not positive, `order`
        is not 0, 1 or 2 or `out` does not fit; nothing has changed then.
    TypeError
        If `scale` is not a number or `out` is not an array.

    Notes
    -----
    All frames inherit the noise that the fit finds in the reference, the reference
    itself included: it is common to them and makes no seam.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> reference, frame = rng.normal(700.0, 9.0, (2, 160, 240)).astype(np.float32)
    >>> bool((normalize(frame, reference) == frame).all())
    True
    >>> moonlit = frame + np.linspace(0.0, 90.0, 240)
    >>> bool(abs(normalize(moonlit, reference) - frame).max() < 1.0)
    True
    """
    pixels = _as_frame("image", image)
    target = _checked_out(out, pixels.shape)
    boxes = (
        reference
        if isinstance(reference, SkyBoxes)
        else _reduced(_as_frame("reference", reference))
    )
    change = sky_correction(pixels, boxes, scale=scale, order=order)
    if target is not image:
        np.copyto(target, pixels)
    if change is not None:
        in_order = np.ascontiguousarray(target)
        in_bands(partial(change.apply, in_order), len(in_order), _BAND)
        if in_order is not target:
            np.copyto(target, in_order)
    return target


def _as_frame(name: str, image: ArrayLike) -> Image:
    array = as_real_array(name, image)
    if array.size == 0 or not (array.ndim == 2 or (array.ndim == 3 and array.shape[2] == 3)):
        raise ValueError(
            f"{name} must be an array of shape (H, W) or (H, W, 3), got shape {array.shape}"
        )
    return np.asarray(array, dtype=np.float32)


def _reduced(pixels: Image) -> SkyBoxes:
    box_px = int(np.clip(min(pixels.shape[:2]) // _BOXES_ACROSS, *_BOX_PX))
    level = _box_means(pixels, box_px)
    lit = np.zeros(level.shape, bool)
    for channel in np.ndindex(level.shape[2:]):
        lit[:, :, *channel] = _lit(level[:, :, *channel], box_px, pixels.shape)
    return SkyBoxes(level, lit, box_px, pixels.shape)


def _check_boxes(reference: object, shape: tuple[int, ...], scale: float, order: int) -> None:
    if not isinstance(reference, SkyBoxes):
        raise TypeError(f"reference must be SkyBoxes, got {type(reference).__name__}")
    if reference.shape != shape:
        raise ValueError(
            f"image must have the shape of the reference, {reference.shape}, got {shape}; "
            "warp it first"
        )
    check_positive("scale", scale)
    if isinstance(order, bool) or order not in (0, 1, 2):
        raise ValueError(f"order must be 0, 1 or 2, got {order!r}")


def _checked_out(out: object, shape: tuple[int, ...]) -> Image:
    if out is None:
        return np.empty(shape, np.float32)
    if not isinstance(out, np.ndarray):
        raise TypeError(f"out must be an array, got {type(out).__name__}")
    if out.shape != shape or out.dtype != np.float32:
        raise ValueError(
            f"out must be float32 of shape {shape}, got {out.dtype} of shape {out.shape}"
        )
    return out


def _box_means(pixels: Image, box_px: int) -> Image:
    """Return the means of whole boxes; NaN where too few pixels are known."""
    rows, cols = (n // box_px for n in pixels.shape[:2])
    level = np.empty((rows, cols, *pixels.shape[2:]), np.float32)

    image = np.ascontiguousarray(pixels).reshape(len(pixels), -1)
    colours = image.shape[1] // pixels.shape[1]

    def reduce(lines: slice) -> None:
        columns = np.empty(image.shape[1], np.float32)
        for line in range(lines.start, lines.stop):
            band = image[line * box_px : (line + 1) * box_px]
            skies.means_of_line(band, colours, _LEAST_KNOWN, columns, level[line].reshape(-1))

    in_bands(reduce, rows, _LINES)
    return level


def _lit(level: FloatArray, box_px: int, shape: tuple[int, ...]) -> BoolArray:
    """Return the boxes that stand out of the smooth sky."""
    fit = fit_surface(
        level, box_px=box_px, shape=(shape[0], shape[1]), order=2, rounding=_rounding(level)
    )
    if fit is None:
        return np.zeros(level.shape, bool)
    surface, scatter = fit
    rows, cols = ((np.arange(n) + 0.5) * box_px - 0.5 for n in level.shape)
    return level - surface.at(rows, cols) > _LIT * scatter


def _rounding(level: FloatArray) -> float:
    """Return the error that float32 leaves in the mean of a box."""
    return _ROUNDING * float(np.abs(level[np.isfinite(level)]).max(initial=0.0))
