"""Keep the highest and the lowest samples of each pixel, frame after frame.

The arrays are written in place: they are the largest part of a running stack, and most
of their pixels do not change when a frame comes in.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seestack.compiled import extremes as compiled
from seestack.model import BoolArray, Extremes, Image

__all__ = ["empty_extremes", "insert", "merged_extremes", "with_weight"]


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
        Rows `band` of the frame; not finite where it has no sample.
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
    covered = np.ones(pixels.shape, bool) if usable is None else usable
    line = pixels[0].size
    compiled.insert(
        np.ascontiguousarray(pixels).reshape(-1),
        np.ascontiguousarray(covered).reshape(-1).view(np.uint8),
        frame,
        _flat(extremes.high),
        _flat(extremes.high_frame),
        _flat(extremes.low),
        _flat(extremes.low_frame),
        band.start * line,
    )


def merged_extremes(a: Extremes, b: Extremes) -> Extremes:
    """Return the extremes of all frames of both; those of `b` are numbered after `a`'s."""
    weights = np.concatenate([a.weights, b.weights])
    first = len(a.weights)
    high, high_frame = _merged(a.high, a.high_frame, b.high, b.high_frame, first, len(weights), -1)
    low, low_frame = _merged(a.low, a.low_frame, b.low, b.low_frame, first, len(weights), 1)
    return Extremes(high, low, high_frame, low_frame, weights)


def _flat(planes: NDArray[Any]) -> NDArray[Any]:
    """Return a view of shape (K, pixels)."""
    return planes.reshape(len(planes), math.prod(planes.shape[1:]))


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
