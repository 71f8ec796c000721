"""Extremes: against sorting all samples."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seestack.numerics.extremes import empty_extremes, insert, merged_extremes, with_weight

SHAPE = (5, 8)


def kept(frames, high=2, low=1):
    extremes = empty_extremes(SHAPE, high, low)
    for number, frame in enumerate(frames):
        extremes = with_weight(extremes, 1.0 + number)
        for top in range(0, SHAPE[0], 2):
            insert(extremes, frame[top : top + 2], slice(top, top + 2), number)
    return extremes


def drawn(seed, count):
    rng = np.random.default_rng(seed)
    frames = rng.integers(0, 20, (count, *SHAPE)).astype(np.float32)
    frames[rng.uniform(size=frames.shape) < 0.2] = np.nan
    return frames


@given(st.integers(0, 2**32 - 1), st.integers(1, 9), st.integers(0, 3), st.integers(0, 3))
def test_the_highest_and_lowest_with_their_frames(seed, count, high, low):
    frames = drawn(seed, count)
    extremes = kept(frames, high, low)
    descending = -np.sort(-np.nan_to_num(frames, nan=-np.inf), axis=0)
    ascending = np.sort(np.nan_to_num(frames, nan=np.inf), axis=0)
    for place in range(min(high, count)):
        np.testing.assert_array_equal(extremes.high[place], descending[place])
    for place in range(min(low, count)):
        np.testing.assert_array_equal(extremes.low[place], ascending[place])
    for values, numbers in (
        (extremes.high, extremes.high_frame),
        (extremes.low, extremes.low_frame),
    ):
        known = np.isfinite(values)
        samples = np.take_along_axis(frames, numbers.astype(int), 0) if len(values) else values
        np.testing.assert_array_equal(values[known], samples[known])


@given(st.integers(0, 2**32 - 1), st.integers(1, 9), st.data())
def test_merging_equals_keeping_all_at_once(seed, count, data):
    frames = drawn(seed, count)
    split = data.draw(st.integers(0, count))
    merged = merged_extremes(kept(frames[:split]), kept(frames[split:]))
    whole = kept(frames)
    np.testing.assert_array_equal(merged.high, whole.high)
    np.testing.assert_array_equal(merged.low, whole.low)
    assert len(merged.weights) == count


def test_the_frames_of_the_second_are_numbered_after_the_first():
    frames = np.arange(4.0, dtype=np.float32)[:, None, None] * np.ones(SHAPE, np.float32)
    merged = merged_extremes(kept(frames[:3]), kept(frames[3:]))
    assert merged.high_frame[:, 0, 0].tolist() == [3, 2]
    assert merged.low_frame[0, 0, 0] == 0


@pytest.mark.parametrize("count", [65_536, 65_537])
def test_more_frames_than_sixteen_bits_number(count):
    extremes = empty_extremes((1, 2), 1, 1)
    extremes = type(extremes)(
        extremes.high, extremes.low, extremes.high_frame, extremes.low_frame, np.ones(count - 1)
    )
    extremes = with_weight(extremes, 1.0)
    insert(extremes, np.full((1, 2), 7.0, np.float32), slice(0, 1), count - 1)
    assert extremes.high_frame[0, 0, 0] == count - 1
    assert extremes.high_frame.dtype == (np.uint16 if count == 65_536 else np.uint32)


def test_late_frames_change_few_pixels_and_the_right_ones():
    frames = np.random.default_rng(3).normal(size=(60, 40, 50)).astype(np.float32)
    usable = np.random.default_rng(4).uniform(size=frames.shape) < 0.9
    extremes = empty_extremes(frames.shape[1:], 3, 2)
    for number, frame in enumerate(frames):
        extremes = with_weight(extremes, 1.0)
        insert(extremes, frame, slice(0, 40), number, usable=usable[number])
    for values, numbers, order in (
        (extremes.high, extremes.high_frame, np.argsort(np.where(usable, -frames, np.inf), axis=0)),
        (extremes.low, extremes.low_frame, np.argsort(np.where(usable, frames, np.inf), axis=0)),
    ):
        np.testing.assert_array_equal(numbers, order[: len(numbers)])
        np.testing.assert_array_equal(values, np.take_along_axis(frames, order, 0)[: len(values)])
