"""Find the stars of one frame and measure them to the noise limit.

The sky is subtracted, the image is convolved with a Gaussian less a wide box, and
local maxima above the threshold become candidates, but for those along a line, the
trail of a satellite. photutils' DAOStarFinder measures the candidates, on a sheet of
small cut-outs rather than on the whole frame. What is left after its test of sharpness,
and after saturated stars, hot pixels and cosmic rays are gone, is fitted with the
point-spread function of the frame.

This module knows one image. It has no idea of other frames.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray
from photutils.detection import DAOStarFinder

from seestack.checks import as_image, check_positive
from seestack.model import BoolArray, FloatArray, Image, Stars
from seestack.numerics.bands import in_bands
from seestack.numerics.psf import fit_stars
from seestack.numerics.robust import sky_level, sky_map

__all__ = ["detect"]

_MIN_SIDE_PX = 16
_EDGE_PX = 2
# Rows searched at once, and one over the share of rows and columns whose noise is measured.
_BAND, _THIN, _ENOUGH = 128, 7, 40_000
# Candidates measured for each star wanted; the rest turn out to be something else.
_CANDIDATES_PER_STAR = 3
# Light in the 8 neighbours over the peak: 1.4 for a star of FWHM 1.3 px, at most 1 for
# a cosmic ray over two pixels, 0 for a hot pixel.
_MIN_NEIGHBOUR_LIGHT = 1.2
# Smaller over larger curvature of the convolved image: 1 for a star, 0.4 for one drawn out
# to 2.3 times its width, below 0.2 along the trail of a satellite.
_MIN_CURVATURE_RATIO = 0.25
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
    correlated. A star is
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
    pixels, bad = _checked(image, mask)
    check_positive("fwhm", fwhm)
    check_positive("threshold", threshold)
    check_positive("max_stars", max_stars, whole=True)
    if min(pixels.shape) < _MIN_SIDE_PX:
        return Stars(np.empty((0, 2)))
    sky, noise = sky_map(pixels)
    level = float(np.median(sky[::8, ::8]))
    if noise <= 0:
        known = bool(np.isfinite(pixels).any())
        return Stars(np.empty((0, 2)), sky_adu=level if known else float("nan"))
    empty = Stars(np.empty((0, 2)), sky_adu=level, sky_sigma_adu=noise)
    light = np.subtract(pixels, sky, out=sky)
    bad = _with_saturated(pixels, bad)
    if bad is not None:
        light[bad] = 0.0
    candidates = _candidates(light, bad, fwhm, threshold, _CANDIDATES_PER_STAR * max_stars + 40)
    candidates = _without_artefacts(light, candidates)
    candidates = _measured_by_daofind(light, candidates, fwhm)[: max_stars + max_stars // 2]
    if len(candidates) == 0:
        return empty
    return _fitted(light, bad, candidates, noise, max_stars, level)


def _checked(image: ArrayLike, mask: ArrayLike | None) -> tuple[Image, BoolArray | None]:
    """Return the pixels as float32 and the bad ones, None where all are good."""
    pixels = np.ascontiguousarray(as_image("image", image), dtype=np.float32)
    finite = np.isfinite(pixels)
    bad = None if finite.all() else ~finite
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
    return pixels, bad


def _with_saturated(pixels: Image, bad: BoolArray | None) -> BoolArray | None:
    """Add the pixels at the image's ceiling to the bad ones, where it has a ceiling."""
    top = pixels.max() if bad is None else np.fmax.reduce(pixels, axis=None)
    ceiling = pixels == top
    if np.count_nonzero(ceiling) < 3:
        return bad
    return ceiling if bad is None else bad | ceiling


def _candidates(
    light: Image, bad: BoolArray | None, fwhm: float, threshold: float, count: int
) -> NDArray[np.intp]:
    """Return (row, col) of local maxima of the convolved image, highest first."""
    found, height, sample = _maxima(light, fwhm)
    thinner = max(int(np.sqrt(sample.size / _ENOUGH)), 1)
    _, noise = sky_level(sample[::thinner, ::thinner])
    above = height > threshold * noise
    found, height = found[above], height[above]
    last = np.array(light.shape) - 1 - _EDGE_PX
    usable = ((found >= _EDGE_PX) & (found <= last)).all(axis=1)
    if bad is not None:
        usable &= ~_stamps(bad, found, 1).any(axis=(1, 2))
    order = np.argsort(-height[usable], kind="stable")[:count]
    found = found[usable][order]
    return _snapped(light, found) if len(found) else found


def _maxima(light: Image, fwhm: float) -> tuple[NDArray[np.intp], Image, Image]:
    """Return (row, col) and height of the maxima of the convolved image, and a sample of it.

    Pieces of a trail are left out.
    """
    wide = 2 * round(3 * fwhm) + 1
    core = 2 * round(1.3 * fwhm) + 1
    side = 2 * max(round(fwhm), 2) + 1
    reach = wide // 2 + side // 2
    rows, cols = light.shape
    sample = np.empty((-(-rows // _THIN), -(-cols // _THIN)), np.float32)
    found: dict[int, tuple[NDArray[np.intp], Image]] = {}

    def search(band: slice) -> None:
        window = slice(max(band.start - reach, 0), min(band.stop + reach, rows))
        part = light[window]
        convolved = cv2.GaussianBlur(
            part, (core, core), fwhm / 2.3548, borderType=cv2.BORDER_REFLECT
        )
        convolved -= cv2.blur(part, (wide, wide), borderType=cv2.BORDER_REFLECT)
        highest = cv2.dilate(convolved, np.ones((side, side), np.uint8))
        inner = slice(band.start - window.start, band.stop - window.start)
        around, convolved, highest = convolved, convolved[inner], highest[inner]
        first = -(-band.start // _THIN)
        some = convolved[first * _THIN - band.start :: _THIN, ::_THIN]
        sample[first : first + len(some)] = some
        place = np.flatnonzero((convolved == highest) & (convolved > 0))
        row, col = np.divmod(place, cols)
        star = _bends_all_round(around, row + inner.start, col, max(round(fwhm / 2), 1))
        row, col = row[star], col[star]
        found[band.start] = np.column_stack([row + band.start, col]), convolved[row, col]

    in_bands(search, rows, max(_BAND, 2 * reach))
    places, heights = zip(*(found[top] for top in sorted(found)), strict=True)
    return np.concatenate(places), np.concatenate(heights), sample


def _bends_all_round(
    convolved: Image, row: NDArray[np.intp], col: NDArray[np.intp], lag: int
) -> BoolArray:
    """Return which maxima are no pieces of a trail, which hardly bends along itself.

    Second differences over `lag` pixels are the Hessian; a round star has equal curvatures.
    """
    rows, cols = (
        (x + np.array([[-lag], [0], [lag]])).clip(0, n - 1)
        for x, n in zip((row, col), convolved.shape, strict=True)
    )
    near = convolved[rows[:, None], cols[None, :]]
    across, down = (
        2 * near[1, 1] - near[1, 0] - near[1, 2],
        2 * near[1, 1] - near[0, 1] - near[2, 1],
    )
    mixed = (near[0, 2] + near[2, 0] - near[0, 0] - near[2, 2]) / 4
    mean, spread = (across + down) / 2, np.hypot((across - down) / 2, mixed)
    return mean - spread > _MIN_CURVATURE_RATIO * (mean + spread)


def _snapped(light: Image, found: NDArray[np.intp]) -> NDArray[np.intp]:
    """Move each candidate to the brightest pixel of the 3 x 3 around it."""
    stamps = _stamps(light, found, 1)
    best = stamps.reshape(-1, 9).argmax(axis=1)
    moved = found + np.column_stack([best // 3 - 1, best % 3 - 1])
    return np.clip(moved, 0, np.array(light.shape) - 1)


def _without_artefacts(light: Image, candidates: NDArray[np.intp]) -> NDArray[np.intp]:
    """Drop hot pixels, short cosmic rays and saturated stars."""
    if len(candidates) == 0:
        return candidates
    near = _stamps(light, candidates, 1).reshape(len(candidates), -1)
    peak = np.maximum(near[:, 4], 1e-6)
    neighbours = near.sum(axis=1) - near[:, 4]
    wide = _stamps(light, candidates, 2).reshape(len(candidates), -1)
    flat_topped = (wide >= 0.99 * wide.max(axis=1, keepdims=True)).sum(axis=1) >= 5
    return candidates[(neighbours > _MIN_NEIGHBOUR_LIGHT * peak) & ~flat_topped]


def _measured_by_daofind(
    light: Image, candidates: NDArray[np.intp], fwhm: float
) -> NDArray[np.intp]:
    """Keep what DAOStarFinder calls a star, in the order of its fluxes."""
    if len(candidates) == 0:
        return candidates
    kernel = _daofind(fwhm).kernel.data
    half = len(kernel)  # twice the kernel's radius and a spare pixel
    side = 2 * half + 1
    columns = int(np.ceil(np.sqrt(len(candidates) + 1)))
    rows = -(-(len(candidates) + 1) // columns)
    tiles = np.zeros((rows * columns, side, side), np.float32)
    tiles[: len(candidates)] = _stamps(light, candidates, half)
    # A star for certain: finding none is a warning, which no thread can silence for itself.
    corner = half - len(kernel) // 2
    tiles[len(candidates), corner:-corner, corner:-corner] = kernel
    grid = tiles.reshape(rows, columns, side, side).swapaxes(1, 2)
    sheet = grid.reshape(rows * side, columns * side)
    tile = np.arange(len(candidates) + 1)
    centres = np.column_stack([tile % columns, tile // columns]) * side + half
    table = _daofind(fwhm, xycoords=centres).find_stars(sheet)
    x, y = (np.asarray(table[name], np.float64) for name in ("x_centroid", "y_centroid"))
    index = (y // side).astype(int) * columns + (x // side).astype(int)
    order = np.argsort(-np.asarray(table["flux"]), kind="stable")
    index = index[order]
    return candidates[index[index < len(candidates)]]


def _fitted(
    light: Image,
    bad: BoolArray | None,
    candidates: NDArray[np.intp],
    noise: float,
    max_stars: int,
    level: float,
) -> Stars:
    """Fit the shared profile and keep what has its shape, brightest first."""
    width = _typical_width(light, candidates)
    half = int(np.ceil(1.5 * width)) + 2
    stamps = _stamps(light, candidates, half, outside=np.nan)
    valid = np.isfinite(stamps)
    if bad is not None:
        valid &= ~_stamps(bad, candidates, half)
    stamps[~valid] = 0.0
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


def _typical_width(light: Image, candidates: NDArray[np.intp]) -> float:
    """Return the FWHM in pixels of a Gaussian with the candidates' light-to-peak ratio."""
    stamps = _stamps(light, candidates[:40], 4).astype(np.float64)
    area = stamps.sum(axis=(1, 2)) / np.maximum(stamps[:, 4, 4], 1e-6)
    sigma_sq = np.clip(np.median(area) / (2 * np.pi), 0.4, 60.0)
    return float(2.3548 * np.sqrt(sigma_sq))


def _unique(xy: FloatArray, separation_px: float) -> BoolArray:
    """Return False for stars that lie on a brighter one."""
    near = np.linalg.norm(xy[:, None] - xy[None], axis=2) < separation_px
    return ~np.tril(near, k=-1).any(axis=1)


def _stamps(
    image: NDArray[Any], centres: NDArray[np.intp], half: int, *, outside: float = 0.0
) -> NDArray[Any]:
    """Return square cut-outs (N, S, S) around (row, col) centres, S = 2 half + 1."""
    offsets = np.arange(-half, half + 1)
    rows = centres[:, 0, None, None] + offsets[:, None]
    cols = centres[:, 1, None, None] + offsets
    height, width = image.shape
    inside = (rows >= 0) & (rows < height) & (cols >= 0) & (cols < width)
    cut = image[rows.clip(0, height - 1), cols.clip(0, width - 1)]
    return np.where(inside, cut, image.dtype.type(outside))


def _daofind(fwhm: float, xycoords: NDArray[np.intp] | None = None) -> DAOStarFinder:
    # Sharpness tells stars from spikes only when the kernel fits the stars, so its range
    # is wide here and the fitted width decides.
    return DAOStarFinder(
        0.0, fwhm, xycoords=xycoords, sharpness_range=(0.1, 4.0), roundness_range=(-2.0, 2.0)
    )
