"""Keep the highest and the lowest samples of each pixel, frame after frame.

The arrays are written in place: they are the largest part of a running stack, and most
of their pixels do not change when a frame comes in.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from seestack.model import BoolArray, Extremes, Image

__all__ = ["empty_extremes", "insert", "merged_extremes", "with_weight"]

# Share of the pixels from which on masks over all are faster than indices of some.
_DENSE = 0.1


def empty_extremes(shape: tuple[int, ...], high: int, low: int) -> Extremes:
    """Return room for the `high` highest and `low` lowest samples of each pixel.

    Examples
    --------
    >>> room = empty_extremes((4, 6), 2, 1)
    >>> room.high.shape, room.low.shape, len(room.weights)
    ((2, 4, 6), (1, 4, 6), 0)
    """
    return Extremes(
        high=np.full((high, *shape), -np.inf, np.float32),
        low=np.full((low, *shape), np.inf, np.float32),
        high_frame=np.zeros((high, *shape), np.uint16),
        low_frame=np.zeros((low, *shape), np.uint16),
        weights=np.empty(0),
    )


def with_weight(extremes: Extremes, weight: float) -> Extremes:
    """Return the same arrays with room for the number of one more frame."""
    weights = np.append(extremes.weights, weight)
    return Extremes(
        extremes.high,
        extremes.low,
        _wide_enough(extremes.high_frame, len(weights)),
        _wide_enough(extremes.low_frame, len(weights)),
        weights,
    )


def insert(
    extremes: Extremes,
    pixels: Image,
    band: slice,
    frame: int,
    *,
    usable: BoolArray | None = None,
) -> None:
    """Put the samples of one frame where they are among the extremes, in place.

    Parameters
    ----------
    extremes : Extremes
        Its arrays are written.
    pixels : ndarray of float32
        Rows `band` of the frame; NaN where it has no sample.
    band : slice
        Rows.
    frame : int
        Number of the frame.
    usable : ndarray of bool, optional
        False for pixels without a sample, whatever their value.

    Examples
    --------
    >>> kept = empty_extremes((1, 2), 2, 1)
    >>> for number, level in enumerate((5.0, 9.0, 7.0)):
    ...     insert(kept, np.full((1, 2), level, np.float32), slice(0, 1), number)
    >>> kept.high[:, 0, 0].tolist(), kept.high_frame[:, 0, 0].tolist(), kept.low[0, 0, 0].item()
    ([9.0, 7.0], [1, 2], 5.0)
    """
    for values, frames, beyond in (
        (extremes.high, extremes.high_frame, np.greater),
        (extremes.low, extremes.low_frame, np.less),
    ):
        _insert(values[:, band], frames[:, band], pixels, usable, np.uint32(frame), beyond)


def merged_extremes(a: Extremes, b: Extremes) -> Extremes:
    """Return the extremes of all frames of both; those of `b` are numbered after `a`'s."""
    weights = np.concatenate([a.weights, b.weights])
    first = len(a.weights)
    high, high_frame = _merged(a.high, a.high_frame, b.high, b.high_frame, first, len(weights), -1)
    low, low_frame = _merged(a.low, a.low_frame, b.low, b.low_frame, first, len(weights), 1)
    return Extremes(high, low, high_frame, low_frame, weights)


def _insert(
    values: Image,
    frames: NDArray[Any],
    pixels: Image,
    usable: BoolArray | None,
    frame: np.uint32,
    beyond: Callable[..., BoolArray],
) -> None:
    if len(values) == 0:
        return
    here = beyond(pixels, values[-1])
    if usable is not None:
        here &= usable
    count = np.count_nonzero(here)
    if count == 0:
        return
    number = frame.astype(frames.dtype)
    if count > _DENSE * here.size:
        _insert_all(values, frames, pixels, number, here, beyond)
    else:
        _insert_some(values, frames, pixels, number, here, beyond)


def _insert_some(
    values: Image,
    frames: NDArray[Any],
    pixels: Image,
    frame: np.unsignedinteger,
    here: BoolArray,
    beyond: Callable[..., BoolArray],
) -> None:
    """Insert into the few pixels `here`, one by one."""
    flat, numbers = values.reshape(len(values), -1), frames.reshape(len(values), -1)
    index = np.flatnonzero(here)
    new = pixels.reshape(-1)[index]
    for place in range(len(values) - 1, -1, -1):
        if place < len(values) - 1:
            further = beyond(new, flat[place][index])
            index, new = index[further], new[further]
            flat[place + 1][index] = flat[place][index]
            numbers[place + 1][index] = numbers[place][index]
        flat[place][index] = new
        numbers[place][index] = frame


def _insert_all(
    values: Image,
    frames: NDArray[Any],
    pixels: Image,
    frame: np.unsignedinteger,
    here: BoolArray,
    beyond: Callable[..., BoolArray],
) -> None:
    """Insert into the many pixels `here`, by masks over all."""
    number = np.full(pixels.shape, frame)
    for place in range(len(values) - 1, -1, -1):
        if place < len(values) - 1:
            here = here & beyond(pixels, values[place])
            _copy(values[place], values[place + 1], here)
            _copy(frames[place], frames[place + 1], here)
        _copy(pixels, values[place], here)
        _copy(number, frames[place], here)


def _copy(source: NDArray[Any], target: NDArray[Any], where: BoolArray) -> None:
    """Write `source` over `target` under a mask, four times as fast as NumPy does."""
    rows = len(source)
    mask = where.view(np.uint8).reshape(rows, -1)
    if source.dtype == np.uint32:  # a kind of number that OpenCV has not
        source, target = source.view(np.int32), target.view(np.int32)
    cv2.copyTo(source.reshape(rows, -1), mask, target.reshape(rows, -1))


def _merged(
    a: Image,
    a_frame: NDArray[Any],
    b: Image,
    b_frame: NDArray[Any],
    first: int,
    count: int,
    sign: int,
) -> tuple[Image, NDArray[Any]]:
    values = np.concatenate([a, b])
    later = b_frame.astype(np.uint32) + np.uint32(first)
    frames = _wide_enough(np.concatenate([a_frame, later]), count)
    order = np.argsort(sign * values, axis=0, kind="stable")[: min(len(a), len(b))]
    return np.take_along_axis(values, order, 0), np.take_along_axis(frames, order, 0)


def _wide_enough(frames: NDArray[Any], count: int) -> NDArray[Any]:
    """Return the frame numbers in 16 bits as long as those of `count` frames fit."""
    kind = np.uint16 if count <= np.iinfo(np.uint16).max + 1 else np.uint32
    return frames.astype(kind, copy=False)
