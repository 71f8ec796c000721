"""Fit a smooth surface to the boxes of an image, blind to what is not smooth.

A polynomial of low order in row and column is a sum of a few products of a column
vector and a row vector, so laying it over an image is one thin matrix product. The
fit begins with least absolute deviations, which a quarter of bad boxes does not move,
and ends with least squares of the boxes that agree. Orders that the boxes do not
carry, or do not ask for, are left out.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from seestack.model import BoolArray, FloatArray, Image
from seestack.numerics.robust import MAD_TO_SIGMA, median

__all__ = ["Surface", "fit_surface"]

# Powers of (row, column), the orders one after another.
_POWERS = ((0, 0), (0, 1), (1, 0), (0, 2), (1, 1), (2, 0))
_TERMS = (1, 3, 6)
# Chi-square that 1 in 1000 fits of pure noise exceeds, by number of new terms.
_CHANCE = {1: 10.83, 2: 13.82, 3: 16.27}
_CLIP = 3.0
# Further off than any part of a surface is from the best one of the order below.
_FAR = 4.0
_REWEIGHTINGS = 5
# What a fit may still move by, as a share of the scatter: far less than what is cut off.
_STILL = 0.1
_FEWEST_BOXES = 3
# Where a fit has half the variance of one box it follows single boxes.
_MAX_LEVERAGE = 0.5


@dataclass(frozen=True, slots=True, eq=False)
class Surface:
    """A polynomial in row and column, laid over an image.

    Parameters
    ----------
    coefficients : ndarray of shape (3, 3)
        Element [i, j] belongs to (row to the power of i) times (column to the power of
        j); rows and columns count from the middle of the image in units of half its
        longer side.
    shape : tuple of int
        (row, col) of the image.

    Examples
    --------
    >>> slope = Surface(np.array([[5.0, 2.0, 0.0], [0.0, 0.0, 0.0], [0.0, 0.0, 0.0]]), (3, 5))
    >>> slope.at([0], [2, 7]).tolist()
    [[5.0, 9.0]]
    """

    coefficients: FloatArray
    shape: tuple[int, int]

    def at(self, rows: ArrayLike, cols: ArrayLike) -> Image:
        """Return the values on the grid of `rows` (N,) and `cols` (M,), shape (N, M)."""
        down, along = self.factors(rows, cols)
        return down @ along

    def factors(self, rows: ArrayLike, cols: ArrayLike) -> tuple[Image, Image]:
        """Return arrays of shape (N, 3) and (3, M) whose matrix product are the values."""
        down, along = (
            np.vander(_from_middle(place, side, self.shape), 3, increasing=True)
            for place, side in zip((rows, cols), self.shape, strict=True)
        )
        return (down @ self.coefficients).astype(np.float32), along.T.astype(np.float32)

    @property
    def is_zero(self) -> bool:
        """True where the surface is zero everywhere."""
        return not self.coefficients.any()


def fit_surface(
    boxes: FloatArray,
    *,
    box_px: int,
    shape: tuple[int, int],
    order: int,
    reach: BoolArray | None = None,
    rounding: float = 0.0,
) -> tuple[Surface, float] | None:
    r"""Fit a surface to box means.

    Parameters
    ----------
    boxes : ndarray of shape (h, w)
        Means of boxes that start at the image's first pixel; NaN takes no part.
    box_px : int
        Side of a box.
    shape : tuple of int
        (row, col) of the image.
    order : {0, 1, 2}
        Highest order: a level, a plane, a quadratic surface.
    reach : ndarray of bool, shape (h, w), optional
        Boxes where the surface will be used; the boxes with a value by default. It
        must be known well at all of them.
    rounding : float, default 0
        Smallest scatter of a box to be believed.

    Returns
    -------
    surface : Surface
        Zero where the values are compatible with zero; otherwise the lowest order
        that leaves nothing significant behind.
    scatter : float
        Robust standard deviation of a box about the fit of highest order.

        None instead of both where fewer than 3 boxes have a value.

    Notes
    -----
    An order is possible where it has three boxes for every term and where, at every
    box x within `reach`, :math:`x^T (X^T X)^{-1} x < 1/2`: boxes in a line or in one
    corner carry no plane. The terms of an order are kept where their Wald statistic
    exceeds what 1 in 1000 fits of pure noise would reach.

    Examples
    --------
    >>> noise = np.random.default_rng(0).normal(0.0, 1.0, (12, 20))
    >>> surface, scatter = fit_surface(noise, box_px=32, shape=(384, 640), order=2)
    >>> surface.is_zero, round(float(scatter), 1)
    (True, 1.0)
    >>> tilted = noise + np.linspace(-3.0, 3.0, 20)
    >>> surface, _ = fit_surface(tilted, box_px=32, shape=(384, 640), order=2)
    >>> [round(abs(float(c)), 1) for c in surface.coefficients[0]]
    [0.0, 3.0, 0.0]
    """
    known = np.isfinite(boxes)
    everywhere = _design(boxes.shape, box_px, shape)
    values = boxes[known].astype(np.float64)
    used = everywhere[known.ravel()]
    needed = everywhere[(known if reach is None else reach).ravel()]
    for terms in reversed(_TERMS[: order + 1]):
        if not _carries(used[:, :terms], needed[:, :terms]):
            continue
        agree, scatter = _agreeing(used[:, :terms], values, rounding)
        if not _carries(used[agree, :terms], needed[:, :terms]):
            continue
        fit = _without_chance(used[agree, :terms], values[agree], scatter)
        coefficients = np.zeros((3, 3))
        for power, coefficient in zip(_POWERS, fit, strict=False):
            coefficients[power] = coefficient
        return Surface(coefficients, shape), scatter
    return None


def _from_middle(place: ArrayLike, side: int, shape: tuple[int, int]) -> FloatArray:
    return (np.asarray(place, np.float64) - (side - 1) / 2) / (max(shape) / 2)


def _design(boxes: tuple[int, ...], box_px: int, shape: tuple[int, int]) -> FloatArray:
    """Return the terms at the centres of the boxes, shape (h * w, 6)."""
    v, u = (
        _from_middle((np.arange(n) + 0.5) * box_px - 0.5, side, shape)
        for n, side in zip(boxes, shape, strict=True)
    )
    return np.stack([np.outer(v**i, u**j).ravel() for i, j in _POWERS], axis=1)


def _carries(used: FloatArray, needed: FloatArray) -> bool:
    """Return whether the fit to `used` is known well at all of `needed`."""
    if len(used) < _FEWEST_BOXES * used.shape[1]:
        return False
    values, vectors = np.linalg.eigh(used.T @ used)
    if values[0] < 1e-9 * values[-1]:
        return False
    leverage = ((needed @ vectors) ** 2 / values).sum(axis=1)
    return bool(leverage.max(initial=0.0) < _MAX_LEVERAGE)


def _agreeing(design: FloatArray, values: FloatArray, rounding: float) -> tuple[BoolArray, float]:
    """Return the values that lie about one surface, and their scatter."""
    agree = np.ones(len(values), bool)
    for terms in (terms for terms in _TERMS if terms <= design.shape[1]):
        part = design[:, :terms]
        off = np.abs(values - part @ _least_deviations(part[agree], values[agree]))
        agree = off <= _FAR * max(MAD_TO_SIGMA * median(off), rounding)
    freedom = np.sqrt(len(values) / (len(values) - design.shape[1]))
    for _ in range(4):
        off = np.abs(values - design @ _least_squares(design[agree], values[agree]))
        scatter = max(MAD_TO_SIGMA * freedom * median(off), rounding)
        before, agree = agree, off <= _CLIP * scatter
        if np.array_equal(before, agree):
            break
    return agree, scatter


def _least_deviations(design: FloatArray, values: FloatArray) -> FloatArray:
    """Return the fit that makes the sum of absolute residuals small."""
    if design.shape[1] == 1:
        return np.array([median(values)])
    fit = _least_squares(design, values)
    for _ in range(_REWEIGHTINGS):
        off = np.abs(values - design @ fit)
        middle = median(off)
        before, fit = (
            fit,
            _least_squares(design, values, 1 / np.maximum(off, 0.1 * middle + 1e-12)),
        )
        # No term is larger than 1, so no value has moved further than this.
        if np.abs(fit - before).sum() <= _STILL * middle:
            break
    return fit


def _least_squares(
    design: FloatArray, values: FloatArray, weight: FloatArray | None = None
) -> FloatArray:
    weighted = design if weight is None else design * weight[:, None]
    return np.linalg.solve(weighted.T @ design, weighted.T @ values)


def _without_chance(design: FloatArray, values: FloatArray, scatter: float) -> FloatArray:
    """Return the coefficients of the lowest order that leaves nothing significant."""
    sizes = (0, *(terms for terms in _TERMS if terms <= design.shape[1]))
    for lower, terms in zip(sizes[-2::-1], sizes[:0:-1], strict=True):
        part = design[:, :terms]
        fit = _least_squares(part, values)
        covariance = np.linalg.inv(part.T @ part)[lower:, lower:]
        wald = fit[lower:] @ np.linalg.solve(covariance, fit[lower:])
        if wald > _CHANCE[terms - lower] * scatter**2:
            return fit
    return np.zeros(design.shape[1])
