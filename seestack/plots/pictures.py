"""Show an image with its scale, in pixels or on the sky."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from astropy.nddata import block_reduce
from astropy.visualization import (
    AsinhStretch,
    BaseStretch,
    ImageNormalize,
    LinearStretch,
    LogStretch,
    SqrtStretch,
)
from astropy.visualization.wcsaxes import WCSAxes
from astropy.wcs import WCS
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.image import AxesImage
from matplotlib.ticker import FixedLocator, StrMethodFormatter
from numpy.typing import ArrayLike, NDArray

from seestack.checks import as_real_array, check_positive
from seestack.numerics.robust import sky_level
from seestack.plots.axes import add_colour_bar, axes_for
from seestack.steps.stretching import stretch as stretched

__all__ = ["as_picture", "draw", "show_image", "shrunk", "shrunk_mean"]

_STRETCHES: dict[str, Callable[[], BaseStretch]] = {
    "asinh": AsinhStretch,
    "linear": LinearStretch,
    "log": LogStretch,
    "sqrt": SqrtStretch,
    "preview": AsinhStretch,
}
MAX_PX = 1500
# White is at least so many times the noise above the sky, as in previews in colour.
_WHITE_SIGMA = 40.0


def show_image(
    image: ArrayLike,
    *,
    ax: Axes | None = None,
    stretch: str | BaseStretch = "asinh",
    low_percent: float = 1.0,
    high_percent: float = 99.5,
    wcs: WCS | None = None,
    colour_bar: bool = True,
    max_px: int = MAX_PX,
) -> Axes:
    """Show linear pixels in grey, or in colour, stretched for the eye.

    Parameters
    ----------
    image : array_like of shape (H, W) or (H, W, 3)
        Pixels in ADU; the first row is at the top. NaN is hatched. The three colours
        are stretched alike.
    ax : Axes, optional
        Where to draw; a new figure by default.
    stretch : {"asinh", "linear", "log", "sqrt", "preview"} or astropy stretch
        How brightness follows the pixels, "asinh" by default, see
        `astropy.visualization`. The gentle "preview" is for pictures that are mostly
        noise: "asinh" with white at least 40 times the noise above the sky, and in
        colour the picture of `seestack.stretch`, which has no colour bar.
    low_percent, high_percent : float, default 1.0 and 99.5
        Percentiles that become black and white.
    wcs : astropy.wcs.WCS, optional
        Two-dimensional; puts sky coordinates on the axes in place of pixels.
    colour_bar : bool, default True
        Show which level has which brightness.
    max_px : int, default 1500
        Blocks of a larger image are averaged until its longest side is at most this,
        which loses up to a block at the right and at the lower edge.

    Returns
    -------
    Axes
        In pixels of `image`: (0, 0) is the centre of the first one, whatever `max_px`.

    Raises
    ------
    ValueError
        If `image` has another shape, `stretch` is unknown, the percentiles are not in
        order within 0 to 100, or `ax` has no sky coordinates where `wcs` is given.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> ax = show_image(np.arange(600.0).reshape(20, 30))
    >>> ax.get_xlabel(), [float(edge) for edge in (*ax.get_xlim(), *ax.get_ylim())]
    ('x (px)', [-0.5, 29.5, 19.5, -0.5])
    >>> plt.close()
    """
    pixels = as_picture("image", image)
    shape = _stretch(stretch)
    if not 0 <= low_percent < high_percent <= 100:
        raise ValueError(
            "low_percent must be below high_percent, both within 0 and 100, "
            f"got {low_percent!r} and {high_percent!r}"
        )
    if wcs is not None and ax is not None and not isinstance(ax, WCSAxes):
        raise ValueError(
            "ax must have sky coordinates where wcs is given; "
            "make it with figure.add_subplot(projection=wcs)"
        )
    block = _block(pixels.shape, max_px)
    shown = shrunk_mean(pixels, block)
    gentle = stretch == "preview"
    norm = _norm(shown, shape, low_percent, high_percent, _WHITE_SIGMA if gentle else 0.0)
    ax = axes_for(ax, (7.0, 5.0), projection=wcs)
    if shown.ndim == 3:
        gaps = np.isnan(shown).any(axis=2)
        if gentle:
            colours = stretched(shown, low_percent=low_percent, high_percent=high_percent) / 255
        else:
            colours = np.clip(norm(np.nan_to_num(shown)), 0.0, 1.0)
        drawn = draw(ax, np.dstack([colours, ~gaps]), block)
    else:
        drawn = draw(ax, np.ma.masked_invalid(shown), block, norm=norm, cmap="gray")
    if colour_bar and not (gentle and shown.ndim == 3):
        scale = drawn if shown.ndim == 2 else ScalarMappable(norm, "gray")
        # Even steps of brightness, because even steps of ADU crowd at the bright end.
        levels = FixedLocator(np.ravel(norm.inverse(np.linspace(0.0, 1.0, 6))).tolist())
        add_colour_bar(ax, scale, "Level (ADU)", ticks=levels, numbers=_number(norm))
    return ax


def as_picture(name: str, image: ArrayLike) -> NDArray[Any]:
    """Return `image` as an array of shape (H, W) or (H, W, 3), or raise ValueError."""
    pixels = as_real_array(name, image)
    colour = pixels.ndim == 3 and pixels.shape[2] == 3
    if not (pixels.ndim == 2 or colour) or pixels.size == 0:
        raise ValueError(f"{name} must have shape (H, W) or (H, W, 3), got {pixels.shape}")
    return pixels


def draw(ax: Axes, shown: NDArray[Any], block: int, **options: Any) -> AxesImage:
    """Draw what `block` by `block` pixels were reduced to; the axes count full pixels."""
    rows, cols = shown.shape[0] * block, shown.shape[1] * block
    # WCSAxes knows no other origin.
    extent = (-0.5, cols - 0.5, -0.5, rows - 0.5)
    drawn = ax.imshow(shown, origin="lower", extent=extent, interpolation="nearest", **options)
    ax.set(xlim=(-0.5, cols - 0.5), ylim=(rows - 0.5, -0.5))
    ax.patch.set(facecolor="0.85", edgecolor="0.6", hatch="///")
    if isinstance(ax, WCSAxes):
        _label_sky(ax)
    else:
        ax.set(xlabel="x (px)", ylabel="y (px)")
    return drawn


def shrunk(
    pixels: NDArray[Any], reduce: Callable[..., NDArray[Any]], max_px: int = MAX_PX
) -> tuple[NDArray[Any], int]:
    """Return an image of shape (H, W) with each block reduced to one pixel; the block's side."""
    block = _block(pixels.shape, max_px)
    return (pixels if block == 1 else block_reduce(pixels, block, reduce)), block


def shrunk_mean(pixels: NDArray[Any], block: int) -> NDArray[np.float32]:
    """Return the means of square blocks, without NaN pixels; NaN where there are no others."""
    pixels = pixels.astype(np.float32, copy=False)
    if block == 1:
        return np.where(np.isfinite(pixels), pixels, np.float32(np.nan))
    sides = (block, block, 1)[: pixels.ndim]
    known = np.isfinite(pixels)
    if known.all():
        return block_reduce(pixels, sides, np.mean)
    total = block_reduce(np.where(known, pixels, np.float32(0)), sides, np.sum)
    with np.errstate(invalid="ignore"):
        return (total / block_reduce(known, sides, np.sum)).astype(np.float32)


def _block(shape: tuple[int, ...], max_px: int) -> int:
    check_positive("max_px", max_px, whole=True)
    # No side of the image may be shorter than a block.
    return max(min(-(-max(shape[:2]) // max_px), *shape[:2]), 1)


def _stretch(stretch: str | BaseStretch) -> BaseStretch:
    if isinstance(stretch, BaseStretch):
        return stretch
    if stretch not in _STRETCHES:
        raise ValueError(
            f"stretch must be one of {', '.join(_STRETCHES)} or a stretch of "
            f"astropy.visualization, got {stretch!r}"
        )
    return _STRETCHES[stretch]()


def _norm(
    shown: NDArray[np.float32],
    stretch: BaseStretch,
    low_percent: float,
    high_percent: float,
    white_sigma: float,
) -> ImageNormalize:
    """Return the scale between two percentiles; white is so far above the sky at least."""
    known = shown[np.isfinite(shown)]
    low, high = np.percentile(known, [low_percent, high_percent]) if known.size else (0.0, 1.0)
    if white_sigma and known.size:
        sky, noise = sky_level(known)
        high = max(high, sky + white_sigma * noise)
    if not high > low:
        high = low + 1
    # Clipping would fill the gaps; what lies outside is black or white without it.
    return ImageNormalize(vmin=float(low), vmax=float(high), stretch=stretch, clip=False)


def _number(norm: ImageNormalize) -> StrMethodFormatter:
    """Return a format with as many decimals as the range needs."""
    decimals = max(2 - int(np.floor(np.log10(norm.vmax - norm.vmin))), 0)
    return StrMethodFormatter(f"{{x:.{decimals}f}}")


def _label_sky(ax: WCSAxes) -> None:
    if not ax.wcs.has_celestial:
        return
    equatorial = ax.wcs.wcs.ctype[0].startswith("RA")
    names = ("Right ascension", "Declination") if equatorial else ("Longitude", "Latitude")
    for coordinate, name, unit in zip(ax.coords, names, ("h m s", "° ′ ″"), strict=True):
        unit = unit if equatorial else "°"
        coordinate.set_axislabel(f"{name} ({unit})")
