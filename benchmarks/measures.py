"""Figures of a stack against known truth. Every function is pure; NaN pixels take no part.

The residual is the stack minus what it should be, `starless` is True where no star shines.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from photutils.aperture import ApertureStats, CircularAnnulus, CircularAperture
from scipy.optimize import curve_fit

from seestack import Transform
from seestack.defects import distance_to_line
from seestack.simulation import moffat_image
from seestack.steps.snr import sky_noise

__all__ = [
    "aperture_flux",
    "coverage",
    "edge_bias",
    "fwhm_of_stars",
    "hot_pixels_left",
    "largest_seam",
    "pixel_noise",
    "ratio",
    "star_profile",
    "star_snr",
    "trail_core",
    "trail_residual",
]

BOX_PX = 8
FILTER_PX = 7
BEND_PX = 20
APERTURE_PX = 9.0
SKY_RING_PX = (13.0, 20.0)
STAMP_PX = 10
CORE_PX = 1.0
BAND_PX = (1.5, 7.5)
FEWEST_PX = 1000
HOT_SIGMA = 8.0
HOT_REACH_PX = 1
_HAIR_PX = 1e-6


def pixel_noise(residual: np.ndarray, usable: np.ndarray) -> float:
    """Return the noise of a pixel as boxes of 8 x 8 tell it, in ADU.

    Interpolation correlates neighbours: the scatter of the pixels falls, the noise of a
    box does not. For white noise this is the standard deviation of a pixel.
    """
    return BOX_PX * sky_noise(np.where(usable, residual, np.nan), box_px=BOX_PX)


def star_snr(
    image: np.ndarray,
    residual: np.ndarray,
    usable: np.ndarray,
    xy: np.ndarray,
    flux: np.ndarray,
    fwhm_px: float,
) -> float:
    """Return the SNR that a faint star has for each ADU of its true flux.

    The image is filtered with its own star profile, as a search for faint stars does. The
    signal is what bright stars at `xy` of the true `flux` leave there, the noise the spread
    of the filtered residual. A blur cannot raise it: this filter is the best one for white
    noise, and whatever is done to the image before is but another filter.
    """
    signal = [
        _filtered_star(image, x, y, fwhm_px) / light for (x, y), light in zip(xy, flux, strict=True)
    ]
    return float(np.nanmedian(signal)) / _filtered_noise(residual, usable, star_profile(fwhm_px))


def star_profile(fwhm_px: float, dx: float = 0.0, dy: float = 0.0) -> np.ndarray:
    """Return the light of a star of unit flux on 15 x 15 pixels, (dx, dy) off their centre."""
    side, one = 2 * FILTER_PX + 1, np.ones(1)
    centre = np.array([[FILTER_PX + dx, FILTER_PX + dy]])
    return moffat_image(centre, one, (side, side), fwhm_px=fwhm_px, faintest_adu=1e-9)


def _filtered_star(image: np.ndarray, x: float, y: float, fwhm_px: float) -> float:
    """Return the height of a star in the image that is filtered with its profile."""
    col, row = round(x), round(y)
    if min(col, row, image.shape[1] - 1 - col, image.shape[0] - 1 - row) < SKY_RING_PX[1] + 1:
        return float("nan")
    stamp = image[row - FILTER_PX : row + FILTER_PX + 1, col - FILTER_PX : col + FILTER_PX + 1]
    sky = ApertureStats(image, CircularAnnulus((x, y), *SKY_RING_PX)).median
    return float(((stamp - sky) * star_profile(fwhm_px, x - col, y - row)).sum())


def _filtered_noise(residual: np.ndarray, usable: np.ndarray, kernel: np.ndarray) -> float:
    """Return the spread of the filtered residual, from second differences over 20 px.

    These cancel the level and the slope of the sky.
    """
    known = (usable & np.isfinite(residual)).astype(np.uint8)
    image = np.where(known, residual, 0.0)
    smooth = cv2.filter2D(image, cv2.CV_64F, kernel, borderType=cv2.BORDER_CONSTANT)
    around = np.ones(kernel.shape, np.uint8)
    smooth[cv2.erode(known, around, borderType=cv2.BORDER_CONSTANT, borderValue=0) == 0] = np.nan
    bends = [
        rows[BEND_PX:-BEND_PX] - (rows[: -2 * BEND_PX] + rows[2 * BEND_PX :]) / 2
        for rows in (smooth, smooth.T)
    ]
    seen = np.concatenate([bend[np.isfinite(bend)] for bend in bends])
    if seen.size < FEWEST_PX:
        return float("nan")
    return 1.4826 * float(np.median(np.abs(seen - np.median(seen)))) / np.sqrt(1.5)


def aperture_flux(image: np.ndarray, xy: np.ndarray) -> np.ndarray:
    """Return the light of stars within 9 px above the ring around them, shape (N,)."""
    sky = ApertureStats(image, CircularAnnulus(xy, *SKY_RING_PX)).median
    star = ApertureStats(image, CircularAperture(xy, APERTURE_PX))
    return star.sum - np.pi * APERTURE_PX**2 * sky


def ratio(measured: np.ndarray, truth: np.ndarray) -> tuple[float, float]:
    """Return median and robust spread of `measured` over `truth`; NaN without a star."""
    shares = (measured / truth)[np.isfinite(measured / truth)]
    if shares.size == 0:
        return float("nan"), float("nan")
    middle = float(np.median(shares))
    return middle, 1.4826 * float(np.median(np.abs(shares - middle)))


def fwhm_of_stars(image: np.ndarray, xy: np.ndarray) -> np.ndarray:
    """Return the width of a round Moffat profile fitted to each star, shape (N,) in px.

    NaN where the fit fails or the stamp leaves the image or its data.
    """
    return np.array([_fitted_fwhm(image, x, y) for x, y in xy])


def _fitted_fwhm(image: np.ndarray, x: float, y: float) -> float:
    col, row = round(x), round(y)
    if min(col, row, image.shape[1] - 1 - col, image.shape[0] - 1 - row) < STAMP_PX:
        return float("nan")
    stamp = image[row - STAMP_PX : row + STAMP_PX + 1, col - STAMP_PX : col + STAMP_PX + 1]
    if not np.isfinite(stamp).all():
        return float("nan")
    offset = np.arange(-STAMP_PX, STAMP_PX + 1)

    def profile(_: object, sky: float, peak: float, x0: float, y0: float, w: float, b: float):
        radius_sq = (offset[None] - x0) ** 2 + (offset[:, None] - y0) ** 2
        return (sky + peak * (1 + (2 ** (1 / b) - 1) * 4 * radius_sq / w**2) ** -b).ravel()

    sky = float(np.median(stamp))
    guess = (sky, float(stamp.max()) - sky, x - col, y - row, 3.0, 3.0)
    low, high = (-np.inf, 0.0, -3.0, -3.0, 0.8, 1.1), (np.inf, np.inf, 3.0, 3.0, 15.0, 12.0)
    if guess[1] <= 0:
        return float("nan")
    try:
        found, _ = curve_fit(profile, None, stamp.ravel(), guess, bounds=(low, high))
    except RuntimeError:  # no convergence
        return float("nan")
    return float(found[4])


def coverage(shape: tuple[int, int], motions: Sequence[Transform]) -> np.ndarray:
    """Return how many frames cover each pixel of the reference, by their true motions."""
    row, col = np.arange(shape[0])[:, None], np.arange(shape[1])
    count = np.zeros(shape, int)
    for motion in motions:
        (xx, xy, x0), (yx, yy, y0), _ = motion.inverse.matrix
        x, y = xx * col + xy * row + x0, yx * col + yy * row + y0
        inside = (x > -_HAIR_PX) & (x < shape[1] - 1 + _HAIR_PX)
        count += inside & (y > -_HAIR_PX) & (y < shape[0] - 1 + _HAIR_PX)
    return count


def edge_bias(residual: np.ndarray, covered: np.ndarray, starless: np.ndarray) -> float:
    """Return the mean of the residual, in ADU, where only some of the frames were.

    NaN where every pixel is covered by all.
    """
    strip = residual[(covered < covered.max()) & starless & np.isfinite(residual)]
    return float(strip.mean()) if strip.size else float("nan")


def largest_seam(
    residual: np.ndarray, covered: np.ndarray, starless: np.ndarray, noise: float
) -> float:
    """Return the largest step over a boundary of the coverage, in units of `noise`.

    A step is the mean of a band outside of the boundary minus that of a band inside,
    each from 1.5 to 7.5 px away, along one side of the frame; bands of fewer than 1,000
    pixels are passed over. NaN where there is no boundary.
    """
    usable = starless & np.isfinite(residual)
    side = _nearest_side(residual.shape)
    steps = []
    for level in range(2, int(covered.max()) + 1):
        inner = _band(covered >= level) & usable
        outer = _band(covered < level) & usable
        for k in range(4):
            within, without = residual[inner & (side == k)], residual[outer & (side == k)]
            if min(within.size, without.size) >= FEWEST_PX:
                steps.append(abs(float(without.mean()) - float(within.mean())) / noise)
    return max(steps, default=float("nan"))


def _band(region: np.ndarray) -> np.ndarray:
    """Return the pixels of a region that lie in the band along its boundary."""
    if region.all():
        return np.zeros_like(region)
    # The first pixel of the region is at a distance of 1, and half a pixel off the boundary.
    distance = cv2.distanceTransform(region.astype(np.uint8), cv2.DIST_L2, 5) - 0.5
    return (distance > BAND_PX[0]) & (distance < BAND_PX[1])


def _nearest_side(shape: tuple[int, int]) -> np.ndarray:
    row, col = np.indices(shape)
    return np.argmin([col, shape[1] - 1 - col, row, shape[0] - 1 - row], axis=0)


def trail_core(
    shape: tuple[int, int],
    motion: Transform,
    start_xy: tuple[float, float],
    end_xy: tuple[float, float],
) -> np.ndarray:
    """Return the pixels of the reference within 1 px of a line drawn on a moved frame."""
    row, col = np.indices(shape)
    xy = motion.inverse(np.column_stack([col.ravel(), row.ravel()]))
    return (distance_to_line(xy, start_xy, end_xy) <= CORE_PX).reshape(shape)


def trail_residual(
    stack: np.ndarray, clean_stack: np.ndarray, core: np.ndarray, noise: float
) -> float:
    """Return the mean excess along a trail over the stack of the same frames without it."""
    excess = (stack - clean_stack)[core]
    return float(np.nanmean(excess)) / noise


def hot_pixels_left(
    residual: np.ndarray,
    starless: np.ndarray,
    hot_xy: np.ndarray,
    motions: Sequence[Transform],
    noise: float,
) -> tuple[int, int]:
    """Count the hot pixels that show in a stack, and those that could.

    A hot pixel wanders over the reference as the frames move. It is left where a pixel
    within 1 px (along x and y) of one of its places stands more than 8 times `noise`
    above the truth. Counting places instead would count one that wanders many times. One
    whose every place is under a star could not show.

    Returns
    -------
    left, visible : int
    """
    tall = np.where(starless & np.isfinite(residual), residual, -np.inf)
    kernel = np.ones((2 * HOT_REACH_PX + 1,) * 2, np.uint8)
    highest = cv2.dilate(tall.astype(np.float32), kernel)
    rows, cols = residual.shape
    left = np.zeros(len(hot_xy), bool)
    visible = np.zeros(len(hot_xy), bool)
    for motion in motions:
        col, row = motion(hot_xy).round().astype(int).T
        inside = (col >= 0) & (col < cols) & (row >= 0) & (row < rows)
        here = np.full(len(hot_xy), -np.inf)
        here[inside] = highest[row[inside], col[inside]]
        left |= here > HOT_SIGMA * noise
        visible |= np.isfinite(here)
    return int(left.sum()), int(visible.sum())
