"""Which pixels of a result hold light, and what stands in for those of a frame that do not."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from seestack.model import BoolArray, FloatArray, Image
from seestack.numerics.resampling import affine

__all__ = ["Spans", "filled", "spans", "touched"]

Spans = tuple[NDArray[np.intp], NDArray[np.intp]]

# Rounding of a computed position must not cost a column that is really covered.
_SLACK_PX = 1e-4


def spans(frame: tuple[int, int], inverse: FloatArray, shape: tuple[int, int]) -> Spans:
    """Return where the position in the frame lies between its outermost pixel centres.

    Parameters
    ----------
    frame : tuple of int
        (row, col) of the frame.
    inverse : ndarray of shape (3, 3)
        Affine map from (x, y) of the result to (x, y) of the frame.
    shape : tuple of int
        (row, col) of the result.

    Returns
    -------
    tuple of ndarray of int, shape (H,)
        Of each row of the result, the first column and the one after the last.

    Notes
    -----
    Along a row of the result both coordinates change linearly, so each of the four
    edges cuts the row at one point.

    Examples
    --------
    >>> begin, end = spans((2, 3), np.array([[1.0, 0, -0.5], [0, 1, 0], [0, 0, 1]]), (2, 4))
    >>> begin.tolist(), end.tolist()
    ([1, 1], [3, 3])
    """
    row = np.arange(shape[0])
    first, last = np.zeros(shape[0]), np.full(shape[0], shape[1] - 1.0)
    for axis, size in ((0, frame[1]), (1, frame[0])):
        along, across, start = inverse[axis]
        offset = across * row + start
        if along == 0.0:
            last[(offset < -_SLACK_PX) | (offset > size - 1 + _SLACK_PX)] = -1.0
            continue
        cuts = np.sort([(-_SLACK_PX - offset) / along, (size - 1 + _SLACK_PX - offset) / along], 0)
        first, last = np.maximum(first, cuts[0]), np.minimum(last, cuts[1])
    begin = np.ceil(first.clip(0, shape[1])).astype(np.intp)
    end = np.floor(last.clip(-1, shape[1] - 1)).astype(np.intp) + 1
    return begin, np.maximum(begin, end)


def touched(bad: BoolArray, inverse: FloatArray, shape: tuple[int, int]) -> BoolArray:
    """Return where a bad pixel has a share in bilinear interpolation.

    Parameters
    ----------
    bad : ndarray of bool, shape (H, W)
        Pixels of the frame without a value.
    inverse : ndarray of shape (3, 3)
        Affine map from (x, y) of the result to (x, y) of the frame.
    shape : tuple of int
        (row, col) of the result.

    Returns
    -------
    ndarray of bool, shape `shape`

    Examples
    --------
    >>> bad = np.array([[False, False, True, False, False]])
    >>> touched(bad, np.array([[1.0, 0, 0.5], [0, 1, 0], [0, 0, 1]]), (1, 4))[0].tolist()
    [False, True, True, False]
    """
    return affine(bad.astype(np.float32), inverse, shape, cv2.INTER_LINEAR) > _SLACK_PX


def filled(pixels: Image, finite: BoolArray) -> Image:
    """Replace NaN by the mean of the finite pixels near it, else by the median.

    Parameters
    ----------
    pixels : ndarray of shape (H, W), float32
        With NaN or infinite pixels.
    finite : ndarray of bool, shape (H, W)
        Where `pixels` is finite.

    Returns
    -------
    ndarray of shape (H, W), float32
        Finite everywhere; 0 where no pixel was.

    Examples
    --------
    >>> row = np.array([[4.0, np.nan, 6.0]], np.float32)
    >>> filled(row, np.isfinite(row)).tolist()
    [[4.0, 5.0, 6.0]]
    """
    known = np.where(finite, pixels, np.float32(0))
    weight = cv2.blur(finite.astype(np.float32), (5, 5))
    near = cv2.blur(known, (5, 5))
    middle = np.float32(np.median(pixels[finite]) if finite.any() else 0.0)
    with np.errstate(invalid="ignore", divide="ignore"):
        guess = np.where(weight > 1e-3, near / weight, middle)
    return np.where(finite, pixels, guess).astype(np.float32)
