"""Cutting rows and looking for values that are none."""

import numpy as np
import pytest

from seestack.compiled import footprints


def test_rows_are_cut_to_their_columns():
    pixels = np.ones((5, 7), np.float32)
    marked = np.full((5, 7), 9, np.uint8)
    begin, end = np.array([0, 2, 7, 3, 0]), np.array([7, 5, 7, 3, 7])
    footprints.cut(pixels, marked, begin, end, 0, 4)
    column = np.arange(7)
    inside = (column >= begin[:4, None]) & (column < end[:4, None])
    np.testing.assert_array_equal(marked[:4], inside)
    np.testing.assert_array_equal(np.isnan(pixels[:4]), ~inside)
    assert (marked[4] == 9).all()
    assert (pixels[4] == 1).all()


@pytest.mark.parametrize("size", [1, 4095, 4096, 10_001])
@pytest.mark.parametrize("wild", [np.nan, np.inf, -np.inf])
def test_one_wild_value_is_found(size, wild):
    pixels = np.full(size, 3e38, np.float32)
    assert footprints.all_finite(pixels)
    for place in (0, size // 2, size - 1):
        one = pixels.copy()
        one[place] = wild
        assert not footprints.all_finite(one)


def test_every_colour_is_marked_from_its_first_column_to_its_last():
    rng = np.random.default_rng(2)
    begin, end = np.sort(rng.integers(0, 12, (2, 40, 3)), axis=0)
    begin[0], end[0] = 11, 11  # no light at all
    begin[1], end[1] = [0, 4, 8], [3, 7, 11]  # nowhere in all colours
    begin[2], end[2] = 0, 11
    marked = np.full((40, 11, 3), 7, np.uint8)
    for top in range(0, 40, 16):
        footprints.mark(marked, begin, end, top, min(top + 16, 40))
    col = np.arange(11)[:, None]
    expected = (col >= begin[:, None]) & (col < end[:, None])
    np.testing.assert_array_equal(marked, expected)
