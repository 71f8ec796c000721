"""Small systems of linear equations, one for each star, none of them ever singular."""

from __future__ import annotations

import numpy as np

from seestack.compiled import systems
from seestack.model import FloatArray

__all__ = ["inverse", "shared_solution", "solution"]

_DAMPING = 1e-9


def solution(normal: FloatArray, right: FloatArray) -> FloatArray:
    """Solve normal equations, slightly damped.

    Parameters
    ----------
    normal : ndarray of shape (N, D, D)
        Symmetric, without negative eigenvalues, float64; D is at most 8.
    right : ndarray of shape (N, D) or (N, D, K)
        One or K right-hand sides for each.

    Returns
    -------
    ndarray of the shape of `right`
        0 for an unknown that its equations say nothing about.

    Examples
    --------
    >>> solution(np.array([[[2.0, 0.0], [0.0, 0.0]]]), np.array([[6.0, 0.0]])).round(6).tolist()
    [[3.0, 0.0]]
    """
    columns = right[..., None] if right.ndim == 2 else right
    found = _solved(normal, columns)
    return found[..., 0] if right.ndim == 2 else found


def inverse(normal: FloatArray) -> FloatArray:
    """Return the inverse of slightly damped normal equations, (N, D, D).

    1 on the diagonal for an unknown that its equations say nothing about.

    Examples
    --------
    >>> inverse(np.array([[[4.0, 0.0], [0.0, 0.0]]])).round(6).tolist()
    [[[0.25, 0.0], [0.0, 1.0]]]
    """
    return _solved(normal, np.broadcast_to(np.eye(normal.shape[1]), normal.shape))


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


def _solved(normal: FloatArray, columns: FloatArray) -> FloatArray:
    out = np.empty(columns.shape)
    systems.solve(normal, columns, _DAMPING, out)
    return out
