"""Boxes and surfaces of the sky, against plain NumPy."""

import numpy as np
import pytest

from seestack.compiled import skies


@pytest.mark.parametrize("step", [1, 3])
@pytest.mark.parametrize("side", [2, 8])
def test_means_of_boxes_with_missing_pixels(step, side):
    rng = np.random.default_rng(7)
    boxes, width = 9, 9 * side + 1  # a rest that is in no box
    rows = rng.normal(800.0, 30.0, (side, width * step)).astype(np.float32)
    rows[rng.uniform(size=rows.shape) < 0.1] = np.nan
    rows[:, : 2 * side * step] = np.nan
    rows[0, 5 * side * step] = np.inf
    means = np.empty(boxes * step, np.float32)
    skies.means_of_line(rows, step, 0.5, np.empty(width * step, np.float32), means)
    cut = rows[:, : boxes * side * step].astype(float).reshape(side, boxes, side, step)
    known = np.isfinite(cut)
    count = known.sum(axis=(0, 2))
    expected = np.where(known, cut, 0).sum(axis=(0, 2)) / np.maximum(count, 1)
    expected[count < side * side / 2] = np.nan
    assert 0 < np.isnan(expected).sum() < expected.size / 2
    np.testing.assert_allclose(means.reshape(boxes, step), expected, rtol=1e-6, atol=0)


@pytest.mark.parametrize("step", [1, 3])
def test_the_surface_of_each_colour_comes_off(step):
    rng = np.random.default_rng(8)
    pixels = rng.normal(800.0, 30.0, (5, 11, step)).astype(np.float32)
    pixels[2, 3] = np.nan
    expected = np.empty_like(pixels)
    flat = pixels.reshape(5, -1).copy()
    for colour in range(step):
        down, along = (rng.normal(size=size).astype(np.float32) for size in ((5, 3), (3, 11)))
        expected[..., colour] = pixels[..., colour] * np.float32(1.5) - down @ along
        skies.subtract(flat, 1.5, down, along, step, colour)
    np.testing.assert_allclose(flat.reshape(pixels.shape), expected, rtol=1e-5, atol=0)
