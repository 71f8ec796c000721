"""Small systems of linear equations, one for each star, none of them ever singular."""

from __future__ import annotations

import numpy as np

from seestack.compiled import systems
from seestack.model import FloatArray

__all__ = ["inverse", "shared_solution", "solution", "solution_and_variances"]

_DAMPING = 1e-9


def solution(normal: FloatArray, right: FloatArray) -> FloatArray:
    """Solve normal equations, slightly damped.

    Parameters
    ----------
    normal : ndarray of shape (N, D, D)
        Symmetric, without negative eigenvalues, float64; D is at most 8.
    right : ndarray of shape (N, D)
        A right-hand side for each.

    Returns
    -------
    ndarray of shape (N, D)
        0 for an unknown that its equations say nothing about.

    Examples
    --------
    >>> solution(np.array([[[2.0, 0.0], [0.0, 0.0]]]), np.array([[6.0, 0.0]])).round(6).tolist()
    [[3.0, 0.0]]
    """
    found = np.empty(right.shape)
    systems.solve(normal, right, _DAMPING, found, None)
    return found


def solution_and_variances(normal: FloatArray, right: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return `solution`, and the diagonal of the inverse of each matrix, (N, D).

    Examples
    --------
    >>> normal = np.array([[[4.0, 0.0], [0.0, 0.0]]])
    >>> solution_and_variances(normal, np.ones((1, 2)))[1].round(6).tolist()
    [[0.25, 1.0]]
    """
    found, variances = np.empty((2, *right.shape))
    systems.solve(normal, right, _DAMPING, found, variances)
    return found, variances


def inverse(normal: FloatArray, size: int) -> FloatArray:
    """Return the inverse of the first `size` rows and columns of slightly damped equations.

    1 on the diagonal for an unknown that its equations say nothing about.

    Examples
    --------
    >>> normal = np.array([[[4.0, 0.0, 1.0], [0.0, 0.0, 0.0], [1.0, 0.0, 1.0]]])
    >>> inverse(normal, 2).round(6).tolist()
    [[[0.25, 0.0], [0.0, 1.0]]]
    """
    found = np.empty((len(normal), size, size))
    systems.invert(normal, size, _DAMPING, found)
    return found


def shared_solution(
    normal: FloatArray, right: FloatArray, trust: FloatArray, prior: FloatArray
) -> FloatArray:
    """Solve systems of 8 equations whose last 4 unknowns are common to all, slightly damped.

    Parameters
    ----------
    normal : ndarray of shape (N, 8, 8)
        Symmetric, without negative eigenvalues, float64.
    right : ndarray of shape (N, 8)
        Their right-hand sides.
    trust : ndarray of shape (N,)
        Weight of each system in the common unknowns.
    prior : ndarray of shape (4,)
        Added to the diagonal of the equations of the common unknowns.

    Returns
    -------
    ndarray of shape (N, 8)
        The last four columns are constant.

    Examples
    --------
    >>> alike = np.tile(np.eye(8), (3, 1, 1))
    >>> shared_solution(alike, np.ones((3, 8)), np.ones(3), np.zeros(4)).round(6)[2].tolist()
    [1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0]
    """
    step = np.empty(right.shape)
    systems.shared_step(normal, right, trust, prior, _DAMPING, step)
    return step
