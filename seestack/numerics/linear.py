"""Small systems of linear equations, one for each star, none of them ever singular."""

from __future__ import annotations

import numpy as np

from seestack.model import FloatArray

__all__ = ["inverse", "solution"]

_DAMPING = 1e-9


def solution(normal: FloatArray, right: FloatArray) -> FloatArray:
    """Solve normal equations, slightly damped.

    Parameters
    ----------
    normal : ndarray of shape (N, D, D)
        Symmetric, without negative eigenvalues.
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
    scaled, scale = _scaled(normal)
    columns = right[..., None] if right.ndim == 2 else right
    found = np.linalg.solve(scaled, columns / scale[..., None]) / scale[..., None]
    return found[..., 0] if right.ndim == 2 else found


def inverse(normal: FloatArray) -> FloatArray:
    """Return the inverse of slightly damped normal equations, (N, D, D).

    1 on the diagonal for an unknown that its equations say nothing about.

    Examples
    --------
    >>> inverse(np.array([[[4.0, 0.0], [0.0, 0.0]]])).round(6).tolist()
    [[[0.25, 0.0], [0.0, 1.0]]]
    """
    scaled, scale = _scaled(normal)
    return np.linalg.inv(scaled) / (scale[:, :, None] * scale[:, None, :])


def _scaled(normal: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the equations with about 1 on the diagonal, and what each unknown was scaled by."""
    diagonal = np.einsum("nii->ni", normal)
    scale = np.where(diagonal > 0, np.sqrt(np.maximum(diagonal, 0.0)), 1.0)
    scaled = normal / (scale[:, :, None] * scale[:, None, :])
    np.einsum("nii->ni", scaled)[:] = 1.0 + _DAMPING
    return scaled, scale
