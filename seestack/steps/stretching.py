"""Turn linear pixels into a picture for the eye; nothing is measured after this."""

from __future__ import annotations

import io
from numbers import Real

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image as PillowImage

from seestack.checks import as_real_array, check_positive

__all__ = ["preview_png", "stretch"]

# Percentiles of a million pixels and of a sample of this many agree to a fraction of
# the sky's noise.
_SAMPLE = 200_000


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
        Linear pixels; the colours of one picture are stretched alike.
    low_percent, high_percent : float, default 1.0 and 99.5
        Percentiles that become black and white.
    strength : float, default 10.0
        Lift of the faint end, positive; small values are nearly linear.

    Returns
    -------
    ndarray of uint8, same shape
        NaN becomes 0. An image without contrast becomes all 0.

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
    images the percentiles are those of an even sample of about 200,000 pixels.

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
    step = max(int(np.sqrt(pixels.size / _SAMPLE)), 1)
    sample = pixels[::step, ::step]
    sample = sample[np.isfinite(sample)]
    if sample.size == 0:
        return np.zeros(pixels.shape, np.uint8)
    low, high = (float(v) for v in np.percentile(sample, [low_percent, high_percent]))
    if not high > low:
        return np.zeros(pixels.shape, np.uint8)
    scaled = (pixels - np.float32(low)) * np.float32(strength / (high - low))
    np.clip(scaled, 0.0, np.float32(strength), out=scaled)
    np.nan_to_num(scaled, copy=False, nan=0.0)
    np.arcsinh(scaled, out=scaled)
    scaled *= np.float32(255 / np.arcsinh(strength))
    return (scaled + np.float32(0.5)).astype(np.uint8)


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
        An 8-bit PNG.

    Raises
    ------
    ValueError
        If `image` has another shape or `max_px` is not positive.

    Examples
    --------
    >>> png = preview_png(np.arange(2400.0).reshape(40, 60), max_px=30)
    >>> PillowImage.open(io.BytesIO(png)).size
    (30, 20)
    """
    check_positive("max_px", max_px)
    picture = PillowImage.fromarray(stretch(image))
    longest = max(picture.size)
    if longest > max_px:
        size = tuple(max(round(side * max_px / longest), 1) for side in picture.size)
        picture = picture.resize((size[0], size[1]), PillowImage.Resampling.BOX, reducing_gap=2.0)
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()
