"""Frames of the simulated sky without a network."""

import threading
import time
from datetime import timedelta

import numpy as np
import pytest

from seestack.alpaca.sky import Sky
from seestack.sources.alpaca import AlpacaSource
from seestack.sources.simulated import SimulatedSource

SMALL = Sky(shape=(80, 120), n_stars=20, seed=3)


def test_the_same_frames_as_over_the_network(simulate):
    telescope = simulate(SMALL)
    source = AlpacaSource(telescope.address, exposure_s=10.0)
    direct = SimulatedSource(SMALL, frames=3)
    for index, (sent, drawn) in enumerate(zip(source, direct, strict=False)):
        np.testing.assert_array_equal(sent.image, drawn.image)
        assert sent.bayer == drawn.bayer
        truth, direct_truth = telescope.truth(index), direct.truth(index)
        np.testing.assert_array_equal(truth.transform.matrix, direct_truth.transform.matrix)
    assert index == 2


def test_frames_have_times_and_names():
    frames = list(SimulatedSource(SMALL, frames=3, exposure_s=5.0))
    assert frames[2].start - frames[0].start == timedelta(seconds=2 * 6.2)
    assert [frame.source for frame in frames] == [f"simulated frame {k}" for k in range(3)]
    assert frames[0].exposure_s == 5.0


def test_iterating_again_yields_the_same_frames():
    source = SimulatedSource(SMALL, frames=3)
    first = next(iter(source))
    for _ in range(2):
        frames = list(source)
        assert [frame.source for frame in frames] == [f"simulated frame {k}" for k in range(3)]
        np.testing.assert_array_equal(frames[0].image, first.image)
    assert not np.array_equal(frames[1].image, first.image)
    source.stop()
    assert list(source) == []


def test_speed_and_stop():
    source = SimulatedSource(SMALL, exposure_s=10.0, speed=50.0, frames=3)
    began = time.monotonic()
    assert len(list(source)) == 3
    assert 0.6 <= time.monotonic() - began < 1.5
    slow = SimulatedSource(SMALL, exposure_s=60.0, speed=1.0)
    threading.Timer(0.2, slow.stop).start()
    began = time.monotonic()
    assert list(slow) == []
    assert time.monotonic() - began < 1.2


@pytest.mark.parametrize("options", [{"exposure_s": 0.0}, {"speed": 0.0}])
def test_what_must_be_positive(options):
    with pytest.raises(ValueError, match=r"must be positive, got 0\.0"):
        SimulatedSource(SMALL, **options)
