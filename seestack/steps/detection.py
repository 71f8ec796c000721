"""Find the stars of one frame and measure them to the noise limit.

The image without its sky is convolved with a Gaussian less a wide box, and
local maxima above the threshold become candidates, but for those along a line, the
trail of a satellite (see `seestack.numerics.peaks`). What is left after DAOFIND's test of
sharpness, and after saturated stars, hot pixels and cosmic rays are gone, is fitted with the
point-spread function of the frame. Only cut-outs around the candidates are measured.

This module knows one image. It has no idea of other frames.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from seestack.checks import as_image, check_positive
from seestack.compiled import search
from seestack.model import BoolArray, FloatArray, Raw, Stars, as_pixels
from seestack.numerics.bands import in_bands
from seestack.numerics.daofind import daofind, kernel_radius
from seestack.numerics.peaks import find_peaks
from seestack.numerics.psf import fit_stars
from seestack.numerics.robust import median
from seestack.numerics.skymap import sky_map
from seestack.numerics.stamps import Light

__all__ = ["detect"]

_MIN_SIDE_PX = 16
_EDGE_PX = 2
# The level of the sky is the median of it in each so many rows and columns.
_THIN = 32
# Candidates measured for each star wanted; the rest turn out to be something else.
_CANDIDATES_PER_STAR = 3
# Rows looked at by one thread.
_BAND = 256
# Light in the 8 neighbours over the peak: 1.4 for a star of FWHM 1.3 px, at most 1 for
# a cosmic ray over two pixels, 0 for a hot pixel.
_MIN_NEIGHBOUR_LIGHT = 1.2
# Residual over light of a fitted star: 0.6 and more for a cosmic ray over a few pixels,
# 0.4 for a square one where stars are nearly as narrow.
_MAX_MISFIT = 0.5


def detect(
    image: ArrayLike,
    *,
    fwhm: float = 4.0,
    threshold: float = 5.0,
    max_stars: int = 60,
    mask: ArrayLike | None = None,
) -> Stars:
    r"""Find the brightest stars and measure their positions.

    Parameters
    ----------
    image : array_like of shape (H, W)
        Linear pixels in ADU, one colour. NaN and inf count as masked.
    fwhm : float, default 4.0
        Width of the search kernel in pixels. It need not be the width of the stars,
        which is measured; half or twice as wide costs faint stars only.
    threshold : float, default 5.0
        Height above the sky, in units of the noise of the convolved image.
    max_stars : int, default 60
        Stars to return.
    mask : array_like of bool, shape (H, W), optional
        True for pixels not to be used, such as saturated ones. A star with a
        masked pixel in its core is not returned.

    Returns
    -------
    Stars
        Brightest first, with positions, fluxes, shapes and errors. Empty, never None,
        when nothing stands above the threshold. A flux is the light within 2 FWHM.

    Raises
    ------
    ValueError
        If `image` is not a numeric array of shape (H, W), if `mask` differs from
        it in shape, or if `fwhm`, `threshold` or `max_stars` is not positive.
    TypeError
        If one of these three is not a number, or `max_stars` not a whole one.

    Notes
    -----
    The search is much like DAOFIND's [1]_: the kernel is a Gaussian less the mean of a
    wide box, so that its sum is zero, and the noise of the convolved image is measured
    rather than derived, which keeps the threshold honest where neighbouring pixels are
    correlated. From a `fwhm` of 3.5 on, pixels are averaged two by two for the search.
    Candidates must be sharp and rise along rows and columns by DAOFIND's measures. A star is
    saturated when five or more pixels of its core are equal to 1 %, or when it
    reaches the highest value of the image and three or more pixels do.

    Positions come from a fit of one shared profile, see `seestack.numerics.psf`;
    on simulated frames their error is within 1.2 times the Cramer-Rao bound.

    References
    ----------
    .. [1] P. B. Stetson, "DAOPHOT", PASP 99, 191 (1987).

    Examples
    --------
    >>> from seestack.simulation import StarField, simulate_frame
    >>> field = StarField([[40.3, 30.2], [90.7, 55.4]], [90_000.0, 60_000.0])
    >>> stars = detect(simulate_frame(field, (90, 130)))
    >>> stars.xy.round(1).tolist()
    [[40.3, 30.2], [90.7, 55.4]]
    """
    pixels, bad, highest = _checked(image, mask)
    check_positive("fwhm", fwhm)
    check_positive("threshold", threshold)
    check_positive("max_stars", max_stars, whole=True)
    if min(pixels.shape) < _MIN_SIDE_PX:
        return Stars(np.empty((0, 2)))
    sky, noise = sky_map(pixels)
    rows, cols = (np.arange(0, side, _THIN) for side in pixels.shape)
    level = median(sky.at(rows, cols))
    if noise <= 0:
        known = bool(np.isfinite(pixels).any())
        return Stars(np.empty((0, 2)), sky_adu=level if known else float("nan"))
    light = Light(pixels, sky, _with_saturated(pixels, bad, highest))
    candidates = _candidates(light, fwhm, threshold, _CANDIDATES_PER_STAR * max_stars + 40)
    candidates = _stars_among(light, candidates, fwhm)[: max_stars + max_stars // 2]
    if len(candidates) == 0:
        return Stars(np.empty((0, 2)), sky_adu=level, sky_sigma_adu=noise)
    return _fitted(light, candidates, noise, max_stars, level)


def _checked(
    image: ArrayLike, mask: ArrayLike | None
) -> tuple[Raw, BoolArray | None, NDArray[np.floating | np.uint16]]:
    """Return the pixels, the bad ones, None where all are good, and the highest of each row."""
    pixels = as_pixels(as_image("image", image))
    highest = np.empty(len(pixels), pixels.dtype)

    def look(rows: slice) -> bool:
        return search.finite_rows(pixels, highest, rows.start, rows.stop)

    bad = None if all(in_bands(look, len(pixels), _BAND)) else ~np.isfinite(pixels)
    if mask is not None:
        masked = np.asarray(mask, dtype=bool)
        if masked.shape != pixels.shape:
            raise ValueError(
                f"mask must have the shape of image {pixels.shape}, got {masked.shape}"
            )
        if masked.any():
            bad = masked if bad is None else bad | masked
    if bad is not None:
        pixels = np.where(bad, np.float32(np.nan), pixels)
        highest = np.fmax.reduce(pixels, axis=1)
    return pixels, bad, highest


def _with_saturated(
    pixels: Raw, bad: BoolArray | None, highest: NDArray[np.floating | np.uint16]
) -> BoolArray | None:
    """Add the pixels at the image's ceiling to the bad ones, where it has a ceiling."""
    top = np.fmax.reduce(highest)
    rows = np.flatnonzero(highest == top)
    ceiling = pixels[rows] == top
    if np.count_nonzero(ceiling) < 3:
        return bad
    bad = np.zeros(pixels.shape, bool) if bad is None else bad.copy()
    bad[rows] |= ceiling
    return bad


def _candidates(light: Light, fwhm: float, threshold: float, count: int) -> NDArray[np.intp]:
    """Return (row, col) of the brightest pixels of what looks like a star, highest first."""
    found = find_peaks(light, fwhm=fwhm, threshold=threshold)
    last = np.array(light.pixels.shape) - 1 - _EDGE_PX
    found = found[((found >= _EDGE_PX) & (found <= last)).all(axis=1)]
    if light.bad is not None:
        _, known = light.known_around(found, 1)
        found = found[known.all(axis=(1, 2))]
    found = found[:count]
    brightest = light.around(found, 1).reshape(-1, 9).argmax(axis=1)
    moved = found + np.column_stack([brightest // 3 - 1, brightest % 3 - 1])
    return moved.clip(0, np.array(light.pixels.shape) - 1)


def _stars_among(light: Light, candidates: NDArray[np.intp], fwhm: float) -> NDArray[np.intp]:
    """Drop hot pixels, short cosmic rays, saturated stars and what DAOFIND calls no star.

    The others come in the order of DAOFIND's fluxes.
    """
    radius = kernel_radius(fwhm)
    stamps = light.around(candidates, radius)
    inner = slice(radius - 2, radius + 3)
    wide = stamps[:, inner, inner].reshape(-1, 25)
    near = stamps[:, radius - 1 : radius + 2, radius - 1 : radius + 2].reshape(-1, 9)
    peak = np.maximum(near[:, 4], 1e-6)
    neighbours = near.sum(axis=1) - near[:, 4]
    flat_topped = (wide >= 0.99 * wide.max(axis=1, keepdims=True)).sum(axis=1) >= 5
    measured = daofind(stamps, fwhm)
    stars = (neighbours > _MIN_NEIGHBOUR_LIGHT * peak) & ~flat_topped & measured.is_star
    chosen = np.flatnonzero(stars)
    return candidates[chosen[np.argsort(-measured.flux[chosen], kind="stable")]]


def _fitted(
    light: Light, candidates: NDArray[np.intp], noise: float, max_stars: int, level: float
) -> Stars:
    """Fit the shared profile and keep what has its shape, brightest first."""
    width = _typical_width(light, candidates)
    stamps, valid = light.known_around(candidates, int(np.ceil(1.5 * width)) + 2)
    fit = fit_stars(stamps, valid, noise_adu=noise, fwhm_px=width)
    # Where even the better fitting stars fit badly (trails), the profile is to blame.
    max_misfit = max(_MAX_MISFIT, 4 * float(np.percentile(fit.misfit, 25)))
    # What is narrower than the stars must fit the better.
    max_misfit = max_misfit * np.minimum(fit.fwhm_px / fit.psf_fwhm_px, 1.0) ** 2
    like_a_star = (fit.snr > 3) & (fit.misfit < max_misfit) & (np.abs(fit.xy).max(axis=1) < 2)
    xy = candidates[:, ::-1] + fit.xy
    keep = np.flatnonzero(like_a_star & np.isfinite(fit.xy_err_px))
    keep = keep[np.argsort(-fit.flux[keep], kind="stable")]
    keep = keep[_unique(xy[keep], fit.psf_fwhm_px)][:max_stars]
    return Stars(
        xy[keep],
        flux=fit.flux[keep],
        flux_err=fit.flux_err[keep],
        fwhm_px=fit.fwhm_px[keep],
        xy_err_px=fit.xy_err_px[keep],
        elongation=fit.elongation[keep],
        sky_adu=level,
        sky_sigma_adu=noise,
    )


def _typical_width(light: Light, candidates: NDArray[np.intp]) -> float:
    """Return the FWHM in pixels of a Gaussian with the candidates' light-to-peak ratio."""
    stamps = light.around(candidates[:40], 4).astype(np.float64)
    area = stamps.sum(axis=(1, 2)) / np.maximum(stamps[:, 4, 4], 1e-6)
    sigma_sq = np.clip(median(area) / (2 * np.pi), 0.4, 60.0)
    return float(2.3548 * np.sqrt(sigma_sq))


def _unique(xy: FloatArray, separation_px: float) -> BoolArray:
    """Return False for stars that lie on a brighter one."""
    (x, y), reach = xy.T, separation_px
    near = (x[:, None] - x) ** 2 + (y[:, None] - y) ** 2 < reach**2
    return ~np.tril(near, k=-1).any(axis=1)
