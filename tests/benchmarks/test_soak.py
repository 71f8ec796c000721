"""A short soak: every frame has its row, the wait is visible, memory stays."""

import pytest
from soak import soak


@pytest.fixture(scope="module")
def figures(tmp_path_factory):
    # Faster than anything stacks, so that the camera must wait.
    return soak(tmp_path_factory.mktemp("soak"), frames=240, rate=200.0, shape=(100, 150))


def test_every_frame_has_its_row(figures):
    assert figures.rows == figures.table_rows == 240
    assert figures.stacked == 240 - 2 * 6


def test_the_wait_is_seen_and_bounded(figures):
    assert figures.most_waiting == 2
    assert figures.held_back_s > 0
    assert figures.observed >= 240
    assert figures.answers > 3


def test_memory_stays(figures):
    assert -0.2 < figures.growth < 0.05
