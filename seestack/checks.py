"""Check what callers hand in; each message names the argument, the rule and the value."""

from __future__ import annotations

import reprlib
import sys
from numbers import Integral, Real
from typing import Any, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["as_colour", "as_image", "as_real_array", "check_positive", "shortened"]


def as_real_array(name: str, values: ArrayLike) -> NDArray[Any]:
    """Return `values` as an array of integers or floats, or raise ValueError.

    Parameters
    ----------
    name : str
        Name of the argument.
    values : array_like
        Any shape. Not copied where it is an array already. Masked values become NaN.

    Returns
    -------
    ndarray

    Examples
    --------
    >>> as_real_array("flux", [1, 2]).shape
    (2,)
    >>> as_real_array("flux", ["bright"])
    Traceback (most recent call last):
    ValueError: flux must hold real numbers, got dtype <U6
    """
    try:
        if isinstance(values, np.ma.MaskedArray):
            values = np.ma.filled(values.astype(np.float32), np.nan)
        array = np.asarray(values)
    except ValueError as error:
        raise ValueError(f"{name} must be an array, got rows of different lengths") from error
    if array.size and array.dtype.kind not in "fiu":
        raise ValueError(f"{name} must hold real numbers, got dtype {array.dtype}")
    return array


def as_image(name: str, values: ArrayLike, *, colour: bool = False) -> NDArray[Any]:
    """Return `values` as an image of integers or floats, or raise ValueError.

    Parameters
    ----------
    name : str
        Name of the argument.
    values : array_like of shape (H, W)
        At least one pixel. Not copied where it is an array already.
    colour : bool, default False
        Accept the shape (H, W, 3) too.

    Returns
    -------
    ndarray of shape (H, W) or (H, W, 3)

    Examples
    --------
    >>> as_image("image", [1.0, 2.0])
    Traceback (most recent call last):
    ValueError: image must be a 2-D array of shape (H, W), got shape (2,)
    """
    array = as_real_array(name, values)
    coloured = colour and array.ndim == 3 and array.shape[2] == 3
    if (array.ndim != 2 and not coloured) or array.size == 0:
        shapes = "(H, W) or (H, W, 3)" if colour else "(H, W)"
        kind = "an array" if colour else "a 2-D array"
        raise ValueError(f"{name} must be {kind} of shape {shapes}, got shape {array.shape}")
    return array


def as_colour(name: str, values: ArrayLike) -> NDArray[Any]:
    """Return `values` as an array whose last axis holds the three colours.

    Parameters
    ----------
    name : str
        Name of the argument.
    values : array_like of shape (H, W, 3) or (3, H, W)
        At least one pixel. Not copied where it is an array already.

    Returns
    -------
    ndarray of shape (H, W, 3)
        With three at both ends the first axis holds the colours, as in a FITS file.

    Raises
    ------
    ValueError
        If `values` is no numeric array of such a shape.

    Examples
    --------
    >>> as_colour("image", [[[1.0, 2.0]], [[3.0, 4.0]], [[5.0, 6.0]]]).tolist()
    [[[1.0, 3.0, 5.0], [2.0, 4.0, 6.0]]]
    """
    array = as_real_array(name, values)
    if array.ndim != 3 or array.size == 0 or 3 not in (array.shape[0], array.shape[2]):
        raise ValueError(f"{name} must have shape (H, W, 3) or (3, H, W), got shape {array.shape}")
    return np.moveaxis(array, 0, 2) if array.shape[0] == 3 else array


def check_positive(name: str, value: object, *, whole: bool = False) -> None:
    """Raise unless `value` is a positive, finite number.

    Parameters
    ----------
    name : str
        Name of the argument.
    value : object
        What was given.
    whole : bool, default False
        Accept integers only.

    Raises
    ------
    TypeError
        If `value` is no number of that kind.
    ValueError
        If it is not positive and finite.

    Examples
    --------
    >>> check_positive("max_stars", -3, whole=True)
    Traceback (most recent call last):
    ValueError: max_stars must be positive, got -3
    """
    if isinstance(value, bool) or not isinstance(value, Integral if whole else Real):
        raise TypeError(
            f"{name} must be a {'whole' if whole else 'real'} number, got {shortened(value)}"
        )
    number = cast(float, value)
    if not number > 0:
        raise ValueError(f"{name} must be positive, got {shortened(value)}")
    if number == float("inf") or (isinstance(value, int) and value > sys.maxsize):
        raise ValueError(f"{name} must be finite, got {str(value)[:20]}")


def shortened(value: object) -> str:
    """Return a value as an error names it: of something long, the beginning.

    Parameters
    ----------
    value : object
        May come from a file of someone else.

    Examples
    --------
    >>> shortened("rigid"), len(shortened([[0] * 1_000_000] * 1_000_000)) < 200
    ("'rigid'", True)
    """
    return _SHORT.repr(value)


_SHORT = reprlib.Repr()
_SHORT.maxlevel, _SHORT.maxstring, _SHORT.maxother, _SHORT.maxlong = 3, 200, 200, 200
