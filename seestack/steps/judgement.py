"""Judge every sample of a frame against a stack that is known already.

A running stack keeps a few extremes of each pixel and judges those. Where all frames can
be read once more, each of their samples can be judged against the others of its pixel,
however many are wrong. The stack of the first pass tells what the others are like: a
sample that is part of it is taken out of its mean and variance first.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import ArrayLike

from seestack.checks import as_image, check_positive
from seestack.model import BoolArray, Image, Stack
from seestack.numerics.clipping import (
    CONTRAST_BOX_PX,
    CONTRAST_SHARE,
    KAPPA_NEAR,
    NOISE_BOX_PX,
    NOISE_RANGE,
    SHARED_SAMPLES,
)

__all__ = ["Expectation", "expectation", "find_outliers"]

# Variance of a pixel over that of its neighbours, at most: the light of a star is noisier.
_MOST_NOISE = 4.0
# A sum of squares is known to this share.
_ROUNDING = 1e-3
_NEIGHBOURS = np.ones((3, 3), np.uint8)


@dataclass(frozen=True, slots=True, eq=False)
class Expectation:
    """What a sample of each pixel should be like; arrays of the shape of the stack.

    Parameters
    ----------
    mean : ndarray of float32
        In ADU; NaN where nothing is known.
    weight : ndarray of float32
        Sum of the weights behind it.
    squares : ndarray of float32
        Weighted sum of squared deviations from the mean.
    count : ndarray of float32
        Number of samples.
    noise : ndarray of float32
        Variance of a sample of weight 1, the median over 5 x 5 pixels.
    slack : ndarray of float32
        By how much the seeing may alter the pixel, in ADU.
    """

    mean: Image
    weight: Image
    squares: Image
    count: Image
    noise: Image
    slack: Image


def expectation(stack: Stack) -> Expectation:
    """Return what the samples of a stack should be like.

    Parameters
    ----------
    stack : Stack
        Without its outliers, as `seestack.clip_outliers` returns it.

    Raises
    ------
    TypeError
        If `stack` is not a `Stack`.

    Examples
    --------
    >>> flat = np.full((6, 8), 100.0)
    >>> known = expectation(Stack(flat, 0 * flat + 9, 0 * flat + 32, (0 * flat + 9).astype(int), 9))
    >>> round(known.noise[0, 0].item(), 2), known.slack.max().item()
    (4.35, 0.0)
    """
    if not isinstance(stack, Stack):
        raise TypeError(f"stack must be a Stack, got {type(stack).__name__}")
    count = stack.coverage.astype(np.float32)
    weight, squares = stack.weight.astype(np.float32), stack.m2.astype(np.float32)
    mean = stack.mean.astype(np.float32)
    with np.errstate(divide="ignore", invalid="ignore"):
        noise = _usual_noise(squares, count)
        known = np.isfinite(mean)
        box = np.ones((CONTRAST_BOX_PX, CONTRAST_BOX_PX), np.uint8)
        highest = cv2.dilate(np.where(known, mean, -np.inf).astype(np.float32), box)
        lowest = cv2.erode(np.where(known, mean, np.inf).astype(np.float32), box)
        slack = highest - lowest - NOISE_RANGE * np.sqrt(noise / weight)
    return Expectation(
        mean, weight, squares, count, noise, np.float32(CONTRAST_SHARE) * np.fmax(slack, 0)
    )


def find_outliers(
    image: ArrayLike, known: Expectation, *, weight: float = 1.0, kappa: float = 4.0
) -> BoolArray:
    r"""Return which pixels of a frame do not belong into a stack.

    Parameters
    ----------
    image : array_like of shape (H, W) or (H, W, 3)
        The frame on the grid of the reference, as it is accumulated; NaN is never an
        outlier.
    known : Expectation
        Of the stack.
    weight : float, default 1.0
        Weight of the frame in the stack.
    kappa : float, default 4.0
        As for `seestack.clip_outliers`.

    Returns
    -------
    ndarray of bool, shape of `image`
        False where fewer than two other samples are known.

    Raises
    ------
    ValueError, TypeError
        If the shapes differ, or `weight` or `kappa` is not a positive number.

    Notes
    -----
    A sample x of weight w that is one of the n in the mean m of weight W and sum of squares
    M is compared with the others, of the mean and the sum of squares

    .. math:: c = m - \frac{w (x - m)}{W - w},\quad
              q = M - \frac{w W (x - m)^2}{W - w}

    and f = n - 2 degrees of freedom. Where q would be negative it was not one of them: then
    c = m, q = M, f = n - 1. As for `seestack.clip_outliers`, an outlier has

    .. math:: |x - c| > \kappa\,\sigma\sqrt{1/w + 1/W'} + 2\,D,\quad
              \sigma^2 = \frac{q + 10\,\sigma_5^2}{f + 10}

    with W' the weight of the others, and 2.5 are enough beside an outlier of the same sign.
    Here :math:`\sigma_5^2` is the median of the variances of 5 x 5 pixels, to which
    :math:`\sigma` is limited from below, and from above by :math:`2\,\sigma_5`: outliers
    of which the first pass has left some do not hide each other. Up to about a third of the
    samples of a pixel are found.

    Examples
    --------
    >>> from seestack.steps.accumulation import accumulate
    >>> rng, stack = np.random.default_rng(0), None
    >>> frames = rng.normal(100.0, 5.0, (9, 30, 40))
    >>> for frame in frames:
    ...     stack = accumulate(stack, frame, np.ones((30, 40), bool))
    >>> frames[3, 12, 5] += 60.0
    >>> np.argwhere(find_outliers(frames[3], expectation(stack))).tolist()
    [[12, 5]]
    """
    pixels = np.asarray(as_image("image", image, colour=True), np.float32)
    if pixels.shape != known.mean.shape:
        raise ValueError(f"image must have shape {known.mean.shape}, got {pixels.shape}")
    check_positive("weight", weight)
    check_positive("kappa", kappa)
    height = _height(pixels, known, np.float32(weight))
    outliers = np.zeros(pixels.shape, bool)
    for sign in (1, -1):
        beyond = sign * height
        far = beyond > kappa
        if far.any():
            beside = cv2.dilate(far.view(np.uint8), _NEIGHBOURS).reshape(far.shape) > 0
            outliers |= far | (beside & (beyond > min(kappa, KAPPA_NEAR)))
    return outliers


def _height(pixels: Image, known: Expectation, weight: np.float32) -> Image:
    """Return how many standard deviations each sample is off, with its sign."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        delta = pixels - known.mean
        rest = known.weight - weight
        share = known.weight / rest
        own = weight * delta * delta * share
        among = (rest > 0) & (own <= known.squares * np.float32(1 + _ROUNDING))
        squares = np.where(among, np.maximum(known.squares - own, 0), known.squares)
        others = known.count - among
        away = np.where(among, delta * share, delta)
        freedom = others - 1 + np.float32(SHARED_SAMPLES)
        variance = (squares + np.float32(SHARED_SAMPLES) * known.noise) / freedom
        variance = np.clip(variance, known.noise, np.float32(_MOST_NOISE) * known.noise)
        variance *= 1 / weight + 1 / np.where(among, rest, known.weight)
        height = np.sign(away) * np.maximum(np.abs(away) - known.slack, 0) / np.sqrt(variance)
    height[~((others >= 2) & np.isfinite(height))] = 0
    return height


def _usual_noise(squares: Image, count: Image) -> Image:
    """Return the median of the variances around each pixel, without the bias of a median."""
    known = count > 1
    freedom = np.maximum(count - 1, 1)
    # The median of a chi-square variate is below its mean (Wilson and Hilferty, 1931).
    variance = squares / (freedom * (1 - 2 / (9 * freedom)) ** 3)
    usual = float(np.median(variance[known])) if known.any() else np.nan
    return cv2.medianBlur(np.where(known, variance, usual).astype(np.float32), NOISE_BOX_PX)
