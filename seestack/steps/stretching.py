"""Turn linear pixels into a picture for the eye; nothing is measured after this."""

from __future__ import annotations

from numbers import Real
from typing import Any

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from seestack.checks import as_real_array, check_positive
from seestack.model import BoolArray, Image
from seestack.numerics.bands import in_bands
from seestack.numerics.robust import sky_level

__all__ = ["preview_png", "stretch"]

# Percentiles of a million pixels and of a sample of this many agree to a fraction of
# the sky's noise.
_SAMPLE = 40_000
# Rows of a grey picture stretched at once.
_BAND = 128
# The colours of pixels less than this many times the noise above the sky are blurred.
_CALM_SIGMA = 6.0
_CALM_TINT = 3.0
_CALM_PX = 8.0
# White of a colour picture is at least so many times the noise above the sky.
_WHITE_SIGMA = 40.0
# A colour this many times brighter than white begins to whiten, and has at twice that.
_WHITENS = 2.0
# Noise is not like what stands beside it: filters and the search for repeats only cost time.
_PNG = (
    *(cv2.IMWRITE_PNG_COMPRESSION, 1),
    *(cv2.IMWRITE_PNG_FILTER, cv2.IMWRITE_PNG_FILTER_NONE),
    *(cv2.IMWRITE_PNG_STRATEGY, cv2.IMWRITE_PNG_STRATEGY_HUFFMAN_ONLY),
)


def stretch(
    image: ArrayLike,
    *,
    low_percent: float = 1.0,
    high_percent: float = 99.5,
    strength: float = 10.0,
) -> NDArray[np.uint8]:
    r"""Map linear pixels to 8 bits so that faint light shows.

    Parameters
    ----------
    image : array_like of shape (H, W) or (H, W, 3)
        Linear pixels.
    low_percent, high_percent : float, default 1.0 and 99.5
        Percentiles that become black and white.
    strength : float, default 10.0
        Lift of the faint end, positive; small values are nearly linear.

    Returns
    -------
    ndarray of uint8, same shape
        NaN becomes 0; a pixel that lacks a colour is black. An image without contrast
        becomes all 0.

    Raises
    ------
    ValueError
        If the shape is another, the percentiles are not in order within 0 to 100,
        the pixels are not numbers, or `strength` is not positive.
    TypeError
        If an option is not a number.

    Notes
    -----
    With x from 0 at the low to 1 at the high percentile, the result is
    :math:`\mathrm{arcsinh}(s x) / \mathrm{arcsinh}(s)` for strength s [1]_. In large
    images the percentiles are those of an even sample of about 40,000 pixels.

    Of a colour picture the level of the sky is taken off each colour first, so that
    the sky comes out grey. Where there is little light the eye sees the noise of the
    colours, not of the brightness, so the tint of such pixels is blurred over 8 px. White is
    at least 40 times the noise above the sky: a picture that is noise is not torn up. The
    curve is that of the mean of the three, and all three are multiplied by what it does
    to their mean, so that hues stay [1]_; a colour that would become brighter than
    white dims the other two with it, and only far beyond turns white.

    References
    ----------
    .. [1] R. Lupton et al., "Preparing red-green-blue images from CCD data",
       PASP 116, 133 (2004).

    Examples
    --------
    >>> stretch(np.linspace(0.0, 100.0, 6).reshape(2, 3), low_percent=0, high_percent=100)
    array([[  0, 123, 178],
           [212, 236, 255]], dtype=uint8)
    """
    pixels = as_real_array("image", image)
    if pixels.ndim not in (2, 3) or pixels.size == 0 or (pixels.ndim == 3 and pixels.shape[2] != 3):
        raise ValueError(f"image must have shape (H, W) or (H, W, 3), got {pixels.shape}")
    if not all(isinstance(percent, Real) for percent in (low_percent, high_percent)):
        raise TypeError(
            "low_percent and high_percent must be real numbers, "
            f"got {low_percent!r} and {high_percent!r}"
        )
    if not 0 <= low_percent < high_percent <= 100:
        raise ValueError(
            "low_percent must be below high_percent, both within 0 and 100, "
            f"got {low_percent!r} and {high_percent!r}"
        )
    check_positive("strength", strength)
    pixels = pixels.astype(np.float32, copy=False)
    if pixels.ndim == 3:
        return _stretch_colour(pixels, low_percent, high_percent, strength)
    limits = _limits(pixels, low_percent, high_percent)
    if limits is None:
        return np.zeros(pixels.shape, np.uint8)
    low, high = limits
    picture = np.empty(pixels.shape, np.uint8)

    def lift(band: slice) -> None:
        scaled = (pixels[band] - np.float32(low)) * np.float32(strength / (high - low))
        np.fmax(scaled, np.float32(0), out=scaled)  # NaN, too, becomes 0
        np.minimum(scaled, np.float32(strength), out=scaled)
        np.arcsinh(scaled, out=scaled)
        scaled *= np.float32(255 / np.arcsinh(strength))
        scaled += np.float32(0.5)
        picture[band] = scaled  # cut to whole numbers

    in_bands(lift, len(pixels), _BAND)
    return picture


def _limits(pixels: Image, low_percent: float, high_percent: float) -> tuple[float, float] | None:
    """Return the pixels' two percentiles, None where they do not differ."""
    step = max(round(float(np.sqrt(pixels.size / _SAMPLE))), 1)
    sample = pixels[::step, ::step]
    sample = sample[np.isfinite(sample)]
    if sample.size == 0:
        return None
    low, high = (float(v) for v in np.percentile(sample, [low_percent, high_percent]))
    return (low, high) if high > low else None


def _stretch_colour(
    pixels: Image, low_percent: float, high_percent: float, strength: float
) -> NDArray[np.uint8]:
    light, level, noise = _calm(pixels)
    limits = _limits(level, low_percent, high_percent)
    if limits is None:
        return np.zeros(pixels.shape, np.uint8)
    low, high = limits[0], max(limits[1], _WHITE_SIGMA * noise)
    scale = np.float32(strength / (high - low))
    light -= np.float32(low)
    np.clip(light, 0.0, None, out=light)
    # arcsinh(x) / x is 1 at 0, where 0 / 0 must not be computed.
    x = np.maximum((level - np.float32(low)) * scale, np.float32(1e-3))
    lift = np.arcsinh(x) / x * (scale / np.float32(np.arcsinh(strength)))
    light *= lift[..., None]
    brightest = np.maximum(np.maximum(light[..., 0], light[..., 1]), np.maximum(light[..., 2], 1.0))
    light /= brightest[..., None]
    whiter = np.clip((brightest - _WHITENS) / _WHITENS, 0.0, 1.0)[..., None]
    light += whiter * (1 - light)
    light *= 255
    light[~np.isfinite(level)] = 0.0
    return (light + np.float32(0.5)).astype(np.uint8)


def _calm(pixels: Image) -> tuple[Image, Image, float]:
    """Return the light above the sky with calm colours, its mean over them, and the noise.

    NaN where a colour is missing.
    """
    known: BoolArray = np.isfinite(_mean_colour(pixels))
    step = max(int(np.sqrt(known.size / _SAMPLE)), 1)
    sky = [sky_level(pixels[::step, ::step, plane])[0] for plane in range(3)]
    light = pixels - np.nan_to_num(sky).astype(np.float32)
    light[~known] = 0.0
    level = _mean_colour(light)
    noise = sky_level(level[::step, ::step][known[::step, ::step]])[1]
    tint = light - level[..., None]
    most = np.float32(_CALM_TINT * noise)  # so that a star tints nothing around it
    around = _blurred(tint.clip(-most, most))
    bright = level.clip(0.0) ** 2
    bright /= np.maximum(bright + np.float32((_CALM_SIGMA * noise) ** 2), np.float32(1e-30))
    light = level[..., None] + around + bright[..., None] * (tint - around)
    light[~known] = np.nan
    level[~known] = np.nan
    return light, level, noise


def _mean_colour(pixels: Image) -> Image:
    """Return the mean over the last axis, many times as fast as NumPy does."""
    return cv2.transform(pixels, np.full((1, 3), 1 / 3, np.float32))


def _blurred(tint: Image) -> Image:
    """Blur widely, on a quarter of the pixels along each side."""
    size = (tint.shape[1], tint.shape[0])
    small = cv2.resize(tint, None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA)
    small = cv2.GaussianBlur(small, (0, 0), _CALM_PX / 4)
    return cv2.resize(small, size, interpolation=cv2.INTER_LINEAR)


def preview_png(image: ArrayLike, *, max_px: int = 720) -> bytes:
    """Return a stretched picture as a PNG file.

    Parameters
    ----------
    image : array_like of shape (H, W) or (H, W, 3)
        Linear pixels, see `stretch`.
    max_px : int, default 720
        Longest side of the picture; smaller images keep their size.

    Returns
    -------
    bytes
        An 8-bit PNG, grey or RGB.

    Raises
    ------
    ValueError
        If `image` has another shape or `max_px` is not positive.

    Notes
    -----
    A grey picture is stretched first and made smaller then. A colour picture is made
    smaller first, which is faster and keeps the colours of small stars.

    Examples
    --------
    >>> import io
    >>> from PIL import Image as PillowImage
    >>> png = preview_png(np.arange(2400.0).reshape(40, 60), max_px=30)
    >>> PillowImage.open(io.BytesIO(png)).size
    (30, 20)
    """
    check_positive("max_px", max_px)
    pixels = as_real_array("image", image)
    if pixels.ndim == 3 and pixels.shape[2] == 3 and max(pixels.shape[:2]) > max_px:
        pixels = _smaller(pixels, max_px)
    picture: NDArray[Any] = stretch(pixels)
    rows, cols = picture.shape[:2]
    factor = max_px / max(rows, cols)
    if factor < 1:
        size = max(round(cols * factor), 1), max(round(rows * factor), 1)
        picture = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    if picture.ndim == 3:
        picture = cv2.cvtColor(picture, cv2.COLOR_RGB2BGR)
    _, png = cv2.imencode(".png", picture, _PNG)
    return png.tobytes()


def _smaller(pixels: NDArray[Any], max_px: int) -> Image:
    """Return a colour picture of at most `max_px`, NaN only where no pixel is known."""
    factor = max_px / max(pixels.shape[:2])
    rows, cols = (max(round(side * factor), 1) for side in pixels.shape[:2])
    light = pixels.astype(np.float32)
    known = np.isfinite(light)
    if known.all():
        return cv2.resize(light, (cols, rows), interpolation=cv2.INTER_AREA)
    light[~known] = 0.0
    share = cv2.resize(known.astype(np.float32), (cols, rows), interpolation=cv2.INTER_AREA)
    small = cv2.resize(light, (cols, rows), interpolation=cv2.INTER_AREA)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(share > 0, small / share, np.float32(np.nan)).astype(np.float32)
