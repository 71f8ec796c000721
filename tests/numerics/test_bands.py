"""Every row once, whatever thread does it."""

import threading

import numpy as np
import pytest

from seestack.numerics.bands import in_bands


@pytest.mark.parametrize(("rows", "band"), [(1, 1), (7, 3), (64, 64), (100, 7), (5, 99)])
def test_every_row_is_worked_on_once(rows, band):
    seen = np.zeros(rows, int)

    def count(part):
        assert part.stop - part.start <= band
        seen[part] += 1

    in_bands(count, rows, band)
    np.testing.assert_array_equal(seen, 1)


def test_no_rows_no_work():
    in_bands(lambda part: pytest.fail("called"), 0, 4)


def test_an_error_comes_out_and_leaves_no_thread_behind():
    before = threading.active_count()

    def fail(part):
        if part.start == 8:
            raise ValueError("row 8")

    with pytest.raises(ValueError, match="row 8"):
        in_bands(fail, 20, 4)
    assert threading.active_count() == before
