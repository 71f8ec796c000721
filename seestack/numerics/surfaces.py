"""Fit a smooth surface to the boxes of an image, blind to what is not smooth.

A polynomial of low order in row and column is a sum of a few products of a column
vector and a row vector, so laying it over an image is one thin matrix product, and the
sums it is fitted with are made row by row. The fit begins with least absolute
deviations, which a quarter of bad boxes does not move, and ends with least squares of
the boxes that agree. Orders that the boxes do not carry, or do not ask for, are left
out.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from seestack.compiled import polynomials
from seestack.model import BoolArray, FloatArray, Image
from seestack.numerics.robust import MAD_TO_SIGMA, median

__all__ = ["Surface", "fit_surface"]

# Powers of (row, column), the orders one after another, as in seestack.compiled.polynomials.
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
# A term of which less is news after those before it is not known apart from them.
_NEWS = 1e-9
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
    values = boxes[known].astype(np.float64)
    used = _places(known, box_px, shape)
    needed = used if reach is None else _places(reach, box_px, shape)
    of_all = _equations(used, values, np.ones(len(values)))
    for terms in reversed(_TERMS[: order + 1]):
        if not _carries(of_all, terms, needed):
            continue
        agree, scatter = _agreeing(used, values, terms, rounding)
        agreed = _equations(used, values, agree.astype(np.float64))
        if not _carries(agreed, terms, needed):
            continue
        fit = _without_chance(agreed, terms, scatter)
        coefficients = np.zeros((3, 3))
        for power, coefficient in zip(_POWERS, fit, strict=False):
            coefficients[power] = coefficient
        return Surface(coefficients, shape), scatter
    return None


class _Places(NamedTuple):
    """Where some boxes lie, row by row: those of row i at along[starts[i]:starts[i + 1]]."""

    down: FloatArray
    starts: NDArray[np.intp]
    along: FloatArray


def _from_middle(place: ArrayLike, side: int, shape: tuple[int, int]) -> FloatArray:
    return (np.asarray(place, np.float64) - (side - 1) / 2) / (max(shape) / 2)


def _places(chosen: BoolArray, box_px: int, shape: tuple[int, int]) -> _Places:
    """Return the centres of the chosen boxes."""
    down, along = (
        _from_middle((np.arange(n) + 0.5) * box_px - 0.5, side, shape)
        for n, side in zip(chosen.shape, shape, strict=True)
    )
    starts = np.empty(len(chosen) + 1, np.intp)
    inside = np.empty(np.count_nonzero(chosen))
    polynomials.places(np.ascontiguousarray(chosen).view(np.uint8), along, starts, inside)
    return _Places(down, starts, inside)


class _Equations(NamedTuple):
    """The normal equations L L^T x = b of all terms; their first ones are those of fewer.

    L is the lower triangle, and L^-1 b are the steps, of which each term makes one.
    """

    lower: FloatArray
    steps: FloatArray

    def solution(self, terms: int) -> FloatArray:
        coefficients = np.empty(terms)
        polynomials.solution(self.lower, self.steps, coefficients)
        return coefficients


def _equations(places: _Places, values: FloatArray, weights: FloatArray) -> _Equations:
    equations = _Equations(np.empty((len(_POWERS), len(_POWERS))), np.empty(len(_POWERS)))
    polynomials.equations(*places, values, weights, *equations)
    return equations


def _carries(equations: _Equations, terms: int, needed: _Places) -> bool:
    """Return whether the fit with equations of equal weights is known well at all of `needed`."""
    lower = equations.lower[:terms, :terms]
    # The first pivot is the number of boxes.
    if lower[0, 0] ** 2 < _FEWEST_BOXES * terms - 0.5:
        return False
    # What is news in each term after those before it, and all of it.
    if (lower.diagonal() ** 2 < _NEWS * (lower**2).sum(axis=1)).any():
        return False
    return polynomials.highest_leverage(*needed, equations.lower, terms) < _MAX_LEVERAGE


def _agreeing(
    places: _Places, values: FloatArray, most: int, rounding: float
) -> tuple[BoolArray, float]:
    """Return the values that lie about one surface of so many terms, and their scatter."""
    agree = np.ones(len(values), bool)
    for terms in (terms for terms in _TERMS if terms <= most):
        off = _deviations(places, values, _least_deviations(places, values, agree, terms))
        agree = off <= _FAR * max(MAD_TO_SIGMA * median(off), rounding)
    freedom = math.sqrt(len(values) / (len(values) - most))
    for _ in range(4):
        off = _deviations(places, values, _least_squares(places, values, agree, most))
        scatter = max(MAD_TO_SIGMA * freedom * median(off), rounding)
        before, agree = agree, off <= _CLIP * scatter
        if np.array_equal(before, agree):
            break
    return agree, scatter


def _least_deviations(
    places: _Places, values: FloatArray, agree: BoolArray, terms: int
) -> FloatArray:
    """Return the fit that makes the sum of absolute residuals small where values agree."""
    if terms == 1:
        return np.array([median(values[agree])])
    fit = _least_squares(places, values, agree, terms)
    for _ in range(_REWEIGHTINGS):
        off = _deviations(places, values, fit)
        middle = median(off[agree])
        weights = agree / np.maximum(off, 0.1 * middle + 1e-12)
        before, fit = fit, _least_squares(places, values, weights, terms)
        # No term is larger than 1, so no value has moved further than this.
        if np.abs(fit - before).sum() <= _STILL * middle:
            break
    return fit


def _least_squares(
    places: _Places, values: FloatArray, weights: FloatArray | BoolArray, terms: int
) -> FloatArray:
    return _equations(places, values, weights.astype(np.float64, copy=False)).solution(terms)


def _deviations(places: _Places, values: FloatArray, coefficients: FloatArray) -> FloatArray:
    out = np.empty(len(values))
    polynomials.deviations(*places, values, coefficients, out)
    return out


def _without_chance(equations: _Equations, most: int, scatter: float) -> FloatArray:
    """Return the coefficients of the lowest order that leaves nothing significant.

    The sum of the squares of some last steps is the Wald statistic of their terms.
    """
    sizes = (0, *(terms for terms in _TERMS if terms <= most))
    for fewer, terms in zip(sizes[-2::-1], sizes[:0:-1], strict=True):
        steps = equations.steps[fewer:terms]
        if steps @ steps > _CHANCE[terms - fewer] * scatter**2:
            return equations.solution(terms)
    return np.zeros(most)
