"""Every row once, whatever thread does it."""

import os
import subprocess
import sys
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


@pytest.mark.parametrize(
    ("rows", "band", "whole"), [(1080, 128, 16), (1000, 96, 32), (20, 64, 8), (540, 70, 1)]
)
def test_bands_begin_where_they_may_and_none_is_much_higher_than_another(rows, band, whole):
    bands = in_bands(lambda part: part, rows, band, whole=whole)
    assert all(part.start % whole == 0 for part in bands)
    assert [part.start for part in bands[1:]] == [part.stop for part in bands[:-1]]
    assert len(bands) == 1 or len(bands) % 2 == 0 or whole > 1
    heights = [part.stop - part.start for part in bands]
    assert max(heights) <= band
    assert max(heights[:-1], default=0) - min(heights[:-1], default=0) == 0


def test_no_rows_no_work():
    in_bands(lambda part: pytest.fail("called"), 0, 4)


def test_an_error_comes_out_and_the_next_work_goes_on():
    def fail(part):
        if part.start == 8:
            raise ValueError("row 8")

    with pytest.raises(ValueError, match="row 8"):
        in_bands(fail, 20, 4)
    assert in_bands(lambda part: part.start, 20, 8) == [0, 5, 10, 15]


def test_no_more_threads_than_processors_however_often_it_is_called():
    for _ in range(20):
        in_bands(lambda part: np.sqrt(np.ones(100_000)), 50, 1)
    ours = [t for t in threading.enumerate() if t.name.startswith("bands")]
    assert 0 < len(ours) <= max(os.cpu_count(), 1)


def test_bands_within_bands_and_from_many_threads_do_not_wait_for_each_other():
    def outer(part):
        return sum(in_bands(lambda inner: inner.stop - inner.start, 30, 4))

    found = []
    callers = [
        threading.Thread(target=lambda: found.append(in_bands(outer, 12, 3))) for _ in range(4)
    ]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join(timeout=30)
    assert found == [[30] * 4] * 4


LATE = """
import threading
from seestack.numerics.bands import in_bands

in_bands(lambda rows: None, 300, 100)
main = threading.main_thread()

def work():
    main.join()
    print(in_bands(lambda rows: rows.start, 300, 100))

threading.Thread(target=work).start()
"""


def test_a_thread_goes_on_when_the_program_has_come_to_its_end():
    done = subprocess.run([sys.executable, "-c", LATE], capture_output=True, text=True, timeout=60)
    assert done.stdout == "[0, 75, 150, 225]\n", done.stderr
