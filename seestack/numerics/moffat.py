r"""One elliptical Moffat profile for all stars of a frame, and the equations of its fit.

A star has eight parameters: position, amplitude and local sky of its own, and the shape,
which the stars share: the logarithm of the size, two numbers for the ellipse, and the exponent.
The profile is :math:`P = [1 + k q]^{-\beta}` with :math:`k = 2^{1/\beta} - 1` and a quadratic
form q that is 1 on the half-maximum ellipse, so that width and exponent are nearly
independent. Its integral over a pixel is taken with 2 x 2 Gauss-Legendre nodes, with
3 x 3 for narrow stars. Everything here is in units of the noise of the sky.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from math import exp

import numpy as np
from numpy.typing import NDArray

from seestack.compiled import circles, moffat
from seestack.model import BoolArray, FloatArray, Image

__all__ = [
    "AMPLITUDE",
    "BETA",
    "LOG_SIZE",
    "OF_SHAPE",
    "OF_STAR",
    "SHEAR",
    "SKY",
    "STRETCH",
    "Equations",
    "Stamps",
    "X",
    "Y",
    "equations",
    "limited",
]

X, Y, AMPLITUDE, SKY, LOG_SIZE, STRETCH, SHEAR, BETA = range(8)
OF_STAR, OF_SHAPE = slice(0, 4), slice(4, 8)


def _nodes(line: tuple[tuple[float, float], ...]) -> Image:
    """Return (x, y, weight) of nodes over a pixel, and last its middle."""
    square = [(x, y, of_x * of_y) for x, of_x in line for y, of_y in line]
    return np.array([*square, (0.0, 0.0, 1.0)], np.float32)


# Gauss-Legendre nodes and weights over a pixel of width 1, for wide and for narrow stars.
_WIDE = _nodes(((-0.5 / np.sqrt(3.0), 0.5), (0.5 / np.sqrt(3.0), 0.5)))
_NARROW = _nodes(((-np.sqrt(0.15), 5 / 18), (0.0, 8 / 18), (np.sqrt(0.15), 5 / 18)))
_NARROW_FWHM_PX = 2.5
# Further out the middle of a pixel differs from its mean by about 1e-4 of the peak at most.
_INTEGRATED_FWHM, _INTEGRATED_PX = 2.0, 5.0
_NARROWEST, _WIDEST = np.log(4 / 0.5**2), np.log(4 / 60.0**2)
_LONGEST_STEP = np.array([0.7, 0.7, np.inf, np.inf, 0.7, 0.3, 0.3, 1.0])
_LEAST = np.array([-2.5, -2.5, -np.inf, -np.inf, _WIDEST, -1.5, -0.9, 1.2])
_MOST = np.array([2.5, 2.5, np.inf, np.inf, _NARROWEST, 1.5, 0.9, 12.0])


@dataclass(frozen=True, slots=True, eq=False)
class Stamps:
    """Cut-outs of N stars with P pixels each, the stars side by side.

    There are L places for stars, a multiple of 32; those from N on are empty.

    Parameters
    ----------
    data : ndarray of shape (P, L), float32
        Pixels over the noise of the sky.
    valid : ndarray of shape (P, L), float32
        1 for pixels that count, 0 for the others.
    x, y, radius : ndarray of shape (P,), float32
        Their places relative to the central pixel, and their distances from it, which rise.
    count : int
        N.
    known_px : ndarray of shape (N,)
        How many pixels count.
    """

    data: Image
    valid: Image
    x: Image
    y: Image
    radius: Image
    count: int
    known_px: FloatArray

    @classmethod
    def of(cls, stamps: FloatArray, valid: BoolArray, noise_adu: float) -> Stamps:
        """Return the circles within square cut-outs (N, S, S), in units of the noise."""
        count, size = stamps.shape[0], stamps.shape[-1]
        x, y, radius, inside = _circle(size // 2)
        data, known = np.empty((2, len(inside), _places(count)), np.float32)
        circles.lay_out(
            np.ascontiguousarray(stamps, np.float32).reshape(count, -1),
            np.ascontiguousarray(valid).view(np.uint8).reshape(count, -1),
            inside,
            max(noise_adu, 1e-9),
            data,
            known,
        )
        counts = known.sum(axis=0)[:count].astype(np.float64)
        return cls(data, known, x, y, radius, count, counts)

    def __len__(self) -> int:
        return self.count

    def within(self, reach_px: float) -> int:
        """Return how many pixels lie within so much of the middle; they are the first ones."""
        return int(np.searchsorted(self.radius, np.float32(reach_px), "right"))

    def known_within(self, pixels: int) -> FloatArray:
        """Return how many of so many pixels from the middle count, (N,)."""
        counts: FloatArray = self.valid[:pixels].sum(axis=0)[: self.count].astype(np.float64)
        return counts

    def some(self, chosen: NDArray[np.intp]) -> Stamps:
        """Return those of the chosen stars."""
        count = len(chosen)
        data, valid = np.empty((2, len(self.x), _places(count)), np.float32)
        circles.take(self.data, chosen, data)
        circles.take(self.valid, chosen, valid)
        known_px = self.known_px[chosen]
        return Stamps(data, valid, self.x, self.y, self.radius, count, known_px)


@cache
def _circle(half: int) -> tuple[Image, Image, Image, NDArray[np.intp]]:
    """Return x, y and radius of the pixels in a circle, and their places in the square around."""
    grid = np.arange(-half, half + 1, dtype=np.float32)
    x, y = np.tile(grid, len(grid)), np.repeat(grid, len(grid))
    radius = np.hypot(x, y)
    inside = np.argsort(radius, kind="stable")[: np.count_nonzero(radius <= half + 0.5)]
    return x[inside], y[inside], radius[inside], inside


def _places(count: int) -> int:
    return -(-count // circles.LANES) * circles.LANES


@dataclass(frozen=True, slots=True, eq=False)
class Equations:
    """The normal equations of each star for D free parameters.

    Parameters
    ----------
    normal : ndarray of shape (N, D, D)
        Fisher information of the parameters.
    gradient : ndarray of shape (N, D)
        Right-hand side of the Gauss-Newton step.
    square, core_square : ndarray of shape (N,)
        Weighted sum of the squared residuals, of all pixels and of those in the core.
    """

    normal: FloatArray
    gradient: FloatArray
    square: FloatArray
    core_square: FloatArray


def equations(
    stamps: Stamps,
    parameters: FloatArray,
    gain: float,
    *,
    free: int,
    core: int = 1,
    pixels: Image | None = None,
) -> Equations:
    r"""Evaluate the model and its derivatives, and sum them over the pixels of each star.

    Parameters
    ----------
    stamps : Stamps
        The data.
    parameters : ndarray of shape (N, 8)
        Of each star.
    gain : float
        Photon noise: variance for each unit of star light, both in units of the noise.
    free : int
        D: so many parameters are free, the first 4, 7 or 8.
    core : int, default 1
        So many pixels from the middle are the core.
    pixels : ndarray of shape (5, P, L), float32, optional
        Takes data minus model, 0 where not valid; the inverse variance; and the derivatives
        by x, y and amplitude. That by the sky is 1.

    Returns
    -------
    Equations
        For D parameters.
    """
    count = len(stamps)
    sizes = parameters[:, LOG_SIZE]
    narrow = exp(sizes.max()) > 4 / _NARROW_FWHM_PX**2
    inner_px = max(_INTEGRATED_FWHM * 2 * exp(-sizes.min() / 2), _INTEGRATED_PX)
    normal, gradient = np.empty((count, free, free)), np.empty((count, free))
    squares = np.empty((2, count))
    moffat.normal_equations(
        stamps.data,
        stamps.valid,
        stamps.x,
        stamps.y,
        np.ascontiguousarray(parameters),
        _NARROW if narrow else _WIDE,
        stamps.within(inner_px),
        core,
        gain,
        normal,
        gradient,
        squares,
        pixels,
    )
    return Equations(normal, gradient, squares[0], squares[1])


def limited(parameters: FloatArray, step: FloatArray) -> FloatArray:
    """Return the parameters (N, 8) after a step (N, D) that is cut to where the model holds."""
    moved = np.empty(parameters.shape)
    moffat.move(parameters, step, _LONGEST_STEP, _LEAST, _MOST, moved)
    return moved
