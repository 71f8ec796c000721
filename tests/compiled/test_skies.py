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
    pixels = rng.normal(800.0, 30.0, (5, 71, step)).astype(np.float32)
    pixels[2, 3] = np.nan
    down = rng.normal(size=(step, 5, 3)).astype(np.float32)
    along = rng.normal(size=(3, 71)).astype(np.float32)
    surfaces = np.moveaxis(down.astype(float) @ along, 0, 2)
    flat = pixels.reshape(5, -1).copy()
    skies.subtract(flat, 1.5, down, np.repeat(along, step, axis=1))
    np.testing.assert_allclose(
        flat.reshape(pixels.shape), pixels * 1.5 - surfaces, rtol=1e-5, atol=0
    )
