"""Measure how good a frame or a stack is: noise, star size, transparency, weight."""

from __future__ import annotations

import math

import numpy as np

from seestack.model import (
    FloatArray,
    FrameQuality,
    Registration,
    Stars,
)
from seestack.numerics.robust import median

__all__ = ["frame_weight", "measure_quality", "median_fwhm"]

_FEWEST_PAIRS = 3
# Tukey's constant: 95 % efficient for normal errors, blind beyond so many of them.
_BIWEIGHT = 4.685
# For the first guess no star counts for more than one known to this share of its flux.
_GUESS_ERR = 0.03
_MEDIAN_CHI2 = 0.4549364
_MAX_ROUNDS = 30
# Keeps weights finite for fluxes without error.
_TINY = 1e-12
# The stars of a frame share the errors of its profile, which the stars' own errors know
# nothing of: in simulations the ratio scatters by 1 to 1.8 times what these say.
_SHARED = 1.25
_WEIGHT_RANGE = (1e-3, 1e3)


def median_fwhm(stars: Stars) -> float:
    """Return the median width of the stars in pixels; NaN where none is known.

    Examples
    --------
    >>> median_fwhm(Stars([[1.0, 2.0], [8.0, 3.0]], fwhm_px=[2.5, 3.0]))
    2.75
    """
    return _known_median(stars.fwhm_px)


def measure_quality(
    stars: Stars,
    registration: Registration | None = None,
    reference: Stars | None = None,
) -> FrameQuality:
    r"""Measure what a frame is worth, from its stars and those of the reference.

    Parameters
    ----------
    stars : Stars
        The stars of the frame.
    registration : Registration, optional
        How the frame lies on the reference, as `seestack.refine` found it from these
        two star lists.
    reference : Stars, optional
        The stars of the reference; None for the reference itself.

    Returns
    -------
    FrameQuality
        Sky, noise, number and shape of the stars, and the transparency: 1 without error
        for the reference, NaN where fewer than 3 star pairs tell it.

    Raises
    ------
    ValueError
        If the registration's matches index stars that are not in the lists.

    Notes
    -----
    The transparency is the slope q of the frame's fluxes :math:`b_k` over the
    reference's :math:`a_k` for the inliers of the registration, by iterated least
    squares with Tukey's biweight [1]_, so that a variable star or a wrong pair has no
    say. Pair k weighs :math:`a_k^2/(\sigma_{b,k}^2 + q^2\sigma_{a,k}^2 + s^2q^2a_k^2)`; the
    relative scatter s, the same for all, makes the residuals of the better measured
    stars as large as they are. Bright stars decide, so that a star that only noise
    lifts over the threshold makes no difference.

    References
    ----------
    .. [1] A. E. Beaton and J. W. Tukey, "The fitting of power series, meaning
       polynomials", Technometrics 16, 147 (1974).

    Examples
    --------
    >>> from seestack import detect, refine, vote
    >>> from seestack.simulation import random_field, simulate_frame
    >>> field = random_field((200, 300), 60, seed=4)
    >>> clear = detect(simulate_frame(field, (200, 300), seed=1))
    >>> cloudy = detect(simulate_frame(field, (200, 300), seed=2, transparency=0.5))
    >>> registration = refine(clear, cloudy, vote(clear, cloudy))
    >>> quality = measure_quality(cloudy, registration, clear)
    >>> 0.49 < quality.transparency < 0.51, quality.transparency_err < 0.01
    (True, True)
    """
    ratio, error = (
        (1.0, 0.0) if reference is None else _transparency(stars, registration, reference)
    )
    return FrameQuality(
        sky_adu=stars.sky_adu,
        sky_sigma_adu=stars.sky_sigma_adu,
        stars=len(stars),
        fwhm_px=_known_median(stars.fwhm_px),
        elongation=_known_median(stars.elongation),
        transparency=ratio,
        transparency_err=error,
    )


def frame_weight(quality: FrameQuality, reference_quality: FrameQuality) -> float:
    r"""Return the weight of a frame whose light was scaled to that of the reference.

    Parameters
    ----------
    quality, reference_quality : FrameQuality
        The frame and the reference.

    Returns
    -------
    float
        1.0 for the reference, always within 0.001 and 1000. What is not known counts as
        equal to the reference.

    Notes
    -----
    A frame with transparency T has the sky noise :math:`\sigma/T` once it is divided by T.
    The mean of frames with equal signal has the highest SNR where each weighs as the
    inverse of its variance [1]_:

    .. math:: w = \left(\frac{T}{T_\mathrm{ref}}\,\frac{\sigma_\mathrm{ref}}{\sigma}\right)^2

    The transparency is `FrameQuality.flux_scale`, exactly 1 where it does not differ from
    1 significantly. The width of the stars takes no part: it matters for the detection
    of faint stars only, not for what is wider than a star.

    References
    ----------
    .. [1] B. Zackay and E. O. Ofek, "How to COADD images. I. Optimal source detection and
       photometry of point sources using ensembles of images", ApJ 836, 187 (2017), eq. 8
       for equal point-spread functions.

    Examples
    --------
    >>> reference = FrameQuality(sky_sigma_adu=20.0, transparency=1.0, transparency_err=0.0)
    >>> cloudy = FrameQuality(sky_sigma_adu=40.0, transparency=0.5, transparency_err=0.01)
    >>> frame_weight(cloudy, reference)
    0.0625
    """
    light = quality.flux_scale / reference_quality.flux_scale
    noise, usual = quality.sky_sigma_adu, reference_quality.sky_sigma_adu
    if not (0 < noise < np.inf and 0 < usual < np.inf):
        noise = usual = 1.0
    lowest, highest = _WEIGHT_RANGE
    return float(min(max((light * usual / noise) ** 2, lowest), highest))


def _known_median(values: FloatArray) -> float:
    return median(values[np.isfinite(values)])


def _transparency(
    stars: Stars, registration: Registration | None, reference: Stars
) -> tuple[float, float]:
    """Return flux over reference flux and its standard error, NaN where too few stars tell."""
    unknown = float("nan"), float("nan")
    if registration is None or registration.matches is None:
        return unknown
    r = registration.matches.reference[registration.inliers]
    f = registration.matches.frame[registration.inliers]
    if r.size and (r.max() >= len(reference) or f.max() >= len(stars)):
        raise ValueError("registration must come from these very star lists, by refine")
    usable = (reference.flux[r] > 0) & np.isfinite(stars.flux[f])
    r, f = r[usable], f[usable]
    if len(r) < _FEWEST_PAIRS:
        return unknown
    known = np.isfinite(reference.flux_err[r]).all() and np.isfinite(stars.flux_err[f]).all()
    share = 1.0 if known else 0.0
    return _slope(
        reference.flux[r],
        stars.flux[f],
        share * np.nan_to_num(reference.flux_err[r]),
        share * np.nan_to_num(stars.flux_err[f]),
    )


def _slope(
    a: FloatArray, b: FloatArray, a_err: FloatArray, b_err: FloatArray
) -> tuple[float, float]:
    """Return the robust slope through the origin of `b` over `a`, and its standard error."""
    ratio = b / a
    # Variance of each star's ratio from the error of either flux.
    of_a, of_b = (a_err / a) ** 2, (b_err / a) ** 2
    guess = median(ratio)
    own = of_a * max(guess, 0.0) ** 2 + of_b
    slope = _weighted_median(ratio, 1 / (own + ((_GUESS_ERR * guess) ** 2 + _TINY)))
    for _ in range(_MAX_ROUNDS):
        own = of_b + slope**2 * of_a
        residual_sq = (ratio - slope) ** 2
        variance = own + _scatter(residual_sq, own)
        trust = np.maximum(1 - residual_sq / (_BIWEIGHT**2 * variance), 0.0)
        weight = trust**2 / variance
        total = float(weight.sum())
        if total == 0:
            return float("nan"), float("nan")
        before, slope = slope, float(weight @ ratio) / total
        if abs(slope - before) < 1e-6 * abs(slope):
            break
    return slope, _SHARED / math.sqrt(total)


def _scatter(residual_sq: FloatArray, own: FloatArray) -> float:
    """Return the variance that the better measured half shows beyond its own errors."""
    better = np.argsort(own, kind="stable")[: max(len(own) // 2, min(len(own), 8))]
    # The median of a square over its variance is that of chi-square: half show more than this.
    excess = median(residual_sq[better] / _MEDIAN_CHI2 - own[better])
    return max(excess, 0.0) + _TINY


def _weighted_median(values: FloatArray, weights: FloatArray) -> float:
    order = np.argsort(values, kind="stable")
    share = np.cumsum(weights[order]) / weights.sum()
    return float(values[order][np.searchsorted(share, 0.5)])
