"""Kinds of arrays, and what every value does with the arrays it is given."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from seestack.checks import as_real_array

__all__ = ["BoolArray", "FloatArray", "Image", "Raw", "as_pixels", "as_positions", "frozen"]

FloatArray = NDArray[np.floating]
BoolArray = NDArray[np.bool_]
Image = NDArray[np.float32]
# What the loops over pixels read as it comes.
Raw = NDArray[np.float32 | np.uint16]


def as_pixels(image: NDArray[Any]) -> Raw:
    """Return 16 bits without a sign as they are, other numbers as float32, in C order."""
    if image.dtype == np.uint16:
        return np.ascontiguousarray(image, np.uint16)
    return np.ascontiguousarray(image, np.float32)


def as_positions(name: str, xy: ArrayLike) -> FloatArray:
    """Return `xy` as a new float64 array of shape (N, 2), or raise ValueError."""
    positions = np.array(as_real_array(name, xy), dtype=np.float64)
    if positions.size == 0:
        positions = positions.reshape(0, 2)
    if positions.ndim != 2 or positions.shape[1] != 2:
        raise ValueError(f"{name} must have shape (N, 2), got {positions.shape}")
    if not np.isfinite(positions).all():
        raise ValueError(f"{name} contains NaN or inf; drop those stars first")
    return positions


def frozen(array: NDArray[Any]) -> NDArray[Any]:
    """Return the same array, which cannot be written to any more."""
    array.flags.writeable = False
    return array
