"""Circles of pixels and a first look at their stars, against NumPy."""

import numpy as np
import pytest

from seestack.compiled import circles

COUNT, PIXELS = 37, 60


def scene():
    """Return stamps (N, 99) with pixels that do not count, and the places of a circle."""
    rng = np.random.default_rng(0)
    stamps = rng.normal(0, 30, (COUNT, 99)).astype(np.float32)
    known = rng.random((COUNT, 99)) > np.linspace(0, 1, COUNT)[:, None]
    return stamps, known, rng.permutation(99)[:PIXELS]


def laid_out():
    stamps, known, places = scene()
    data, valid = np.full((2, PIXELS, 64), np.nan, np.float32)
    circles.lay_out(stamps, known.view(np.uint8), places, 4.0, data, valid)
    return data, valid


def test_stars_side_by_side():
    stamps, known, places = scene()
    data, valid = laid_out()
    np.testing.assert_array_equal(data[:, :COUNT], stamps[:, places].T / 4)
    np.testing.assert_array_equal(valid[:, :COUNT], known[:, places].T)
    assert not data[:, COUNT:].any()
    assert not valid[:, COUNT:].any()


def test_some_of_the_stars():
    data, _ = laid_out()
    out = np.full((PIXELS, 32), np.nan, np.float32)
    circles.take(data, np.array([7, 36, 2]), out)
    np.testing.assert_array_equal(out[:, :3], data[:, [7, 36, 2]])
    assert not out[:, 3:].any()


@pytest.mark.parametrize("edge", [59, 58, 55, 44, 43, 20])
def test_a_first_look(edge):
    data, valid = laid_out()
    core, (x, y) = 13, np.random.default_rng(1).normal(0, 2, (2, PIXELS)).astype(np.float32)
    guess = np.zeros((COUNT, 8))
    circles.first_look(data, valid, x, y, core, edge, guess)
    for n in range(COUNT):
        ring, near = valid[edge:, n] > 0, valid[:core, n] > 0
        sky = np.median(data[edge:, n][ring]) if ring.any() else 0.0
        light = np.maximum(data[:core, n] - sky, 0) * near
        total = max(light.sum(), 1e-12)
        height = max((data[:core, n][near].max() if near.any() else 0.0) - sky, 1e-6)
        expected = [x[:core] @ light / total, y[:core] @ light / total, height, sky]
        np.testing.assert_allclose(guess[n, :4], expected, rtol=1e-4, atol=1e-5)
    assert not guess[:, 4:].any()
