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

import numpy as np
from numpy.typing import NDArray

from seestack.compiled import moffat
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
# Gauss-Legendre nodes and weights over a pixel of width 1, for wide and for narrow stars.
_WIDE = ((-0.5 / np.sqrt(3.0), 0.5), (0.5 / np.sqrt(3.0), 0.5))
_NARROW = ((-np.sqrt(0.15), 5 / 18), (0.0, 8 / 18), (np.sqrt(0.15), 5 / 18))
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

    Parameters
    ----------
    data : ndarray of shape (P, N), float32
        Pixels over the noise of the sky.
    valid : ndarray of shape (P, N), float32
        1 for pixels that count, 0 for the others.
    x, y : ndarray of shape (P,), float32
        Their places relative to the central pixel, from the middle outwards.
    """

    data: Image
    valid: Image
    x: Image
    y: Image

    @classmethod
    def of(cls, stamps: FloatArray, valid: BoolArray, noise_adu: float) -> Stamps:
        """Return the circles within square cut-outs (N, S, S), in units of the noise."""
        count, size = stamps.shape[0], stamps.shape[-1]
        half = size // 2
        grid = np.arange(-half, half + 1, dtype=np.float32)
        x, y = np.tile(grid, size), np.repeat(grid, size)
        radius = np.hypot(x, y)
        inside = np.argsort(radius, kind="stable")[: np.count_nonzero(radius <= half + 0.5)]
        data, known = (
            part.reshape(count, -1).T.take(inside, axis=0).astype(np.float32, order="C")
            for part in (stamps, valid)
        )
        return cls(data / np.float32(max(noise_adu, 1e-9)), known, x[inside], y[inside])

    def __len__(self) -> int:
        return self.data.shape[1]

    def some(self, chosen: NDArray[np.intp]) -> Stamps:
        """Return those of the chosen stars."""
        data, valid = (part.take(chosen, axis=1) for part in (self.data, self.valid))
        return Stamps(data, valid, self.x, self.y)


@dataclass(frozen=True, slots=True, eq=False)
class Equations:
    """The normal equations of each star for D free parameters, and what they are made of.

    Parameters
    ----------
    normal : ndarray of shape (N, D, D)
        Fisher information of the parameters.
    gradient : ndarray of shape (N, D)
        Right-hand side of the Gauss-Newton step.
    residual, weights : ndarray of shape (P, N), float32
        Data minus model, 0 where not valid; inverse variance of each pixel.
    jacobian : ndarray of shape (3, P, N), float32
        Derivatives by x, y and amplitude; that by the sky is 1.
    """

    normal: FloatArray
    gradient: FloatArray
    residual: Image
    weights: Image
    jacobian: Image


def equations(
    stamps: Stamps, parameters: FloatArray, gain: float, *, with_shape: bool
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
    with_shape : bool
        All 8 parameters are free, not the first 4 alone.

    Returns
    -------
    Equations
        For D = 8 or 4 parameters.
    """
    count, free = len(stamps), 8 if with_shape else 4
    size, beta = np.exp(parameters[:, LOG_SIZE]), parameters[:, BETA]
    power = 2 ** (1 / beta)
    k = power - 1
    stretch = np.exp(parameters[:, STRETCH])
    of_log_k = -np.log(2) * power / (beta * k)
    form = [size * stretch, size * parameters[:, SHEAR], size / stretch, size]
    narrow = bool((size > 4 / _NARROW_FWHM_PX**2).any())
    nodes = [
        (x, y, of_x * of_y)
        for x, of_x in (_NARROW if narrow else _WIDE)
        for y, of_y in (_NARROW if narrow else _WIDE)
    ]
    inner_px = max(_INTEGRATED_FWHM * 2 / np.sqrt(size.min()), _INTEGRATED_PX)
    inner = int(np.searchsorted(np.hypot(stamps.x, stamps.y), inner_px, "right"))
    normal = np.empty((free, free, count), np.float32)
    gradient = np.empty((free, count), np.float32)
    residual, weights = np.empty((2, *stamps.data.shape), np.float32)
    jacobian = np.empty((3, *stamps.data.shape), np.float32)
    moffat.normal_equations(
        stamps.data,
        stamps.valid,
        stamps.x,
        stamps.y,
        np.ascontiguousarray(parameters.T, np.float32),
        np.array([*(k * part for part in form), of_log_k], np.float32),
        np.array([*nodes, (0.0, 0.0, 1.0)], np.float32),
        inner,
        gain,
        normal,
        gradient,
        residual,
        weights,
        jacobian,
    )
    of_stars = np.moveaxis(normal, 2, 0).astype(np.float64)
    return Equations(of_stars, gradient.T.astype(np.float64), residual, weights, jacobian)


def limited(parameters: FloatArray, step: FloatArray) -> FloatArray:
    """Return the parameters after a step that is cut to where the model holds."""
    whole = np.zeros_like(parameters)
    whole[:, : step.shape[1]] = step
    moved = parameters + np.maximum(np.minimum(whole, _LONGEST_STEP), -_LONGEST_STEP)
    moved = np.maximum(np.minimum(moved, _MOST), _LEAST)
    moved[:, AMPLITUDE] = np.maximum(moved[:, AMPLITUDE], parameters[:, AMPLITUDE] / 10)
    return moved
