"""Levels of boxes in compiled loops, against NumPy."""

import numpy as np
import pytest

from seestack.compiled import levels
from seestack.numerics.robust import CUTS, DARKER


def clipped_median(values, fewest):
    known = np.sort(values[np.isfinite(values)]).astype(float)
    if len(known) < fewest:
        return np.nan
    kept = known
    for _ in range(CUTS):
        level = np.median(kept)
        sigma = level - kept[round(max(DARKER * len(kept) - 0.5, 0))]
        kept = known[known <= level + 3 * sigma]
    return level


@pytest.mark.parametrize("kind", [np.float32, np.uint16])
def test_gather(kind):
    image = np.random.default_rng(1).integers(0, 60_000, (44, 120)).astype(kind)[::2, ::3]
    boxes = np.empty((4 * 6, 6 * 7), np.float32)
    levels.gather(image, 6, 7, boxes)
    whole = np.full((24, 42), np.nan, np.float32)
    whole[:22, :40] = image
    expected = whole.reshape(4, 6, 6, 7).swapaxes(1, 2).reshape(24, 42)
    np.testing.assert_array_equal(np.sort(boxes, axis=1), np.sort(expected, axis=1))
    assert np.isnan(boxes[-1, -14:]).all()
    assert np.isfinite(boxes[-1, :-22]).all()


def test_clipped_medians():
    rng = np.random.default_rng(0)
    boxes = rng.normal(700, 9, (60, 113)).astype(np.float32)
    boxes[::2, ::7] += rng.uniform(0, 4000, boxes[::2, ::7].shape)
    boxes[rng.random(boxes.shape) < np.linspace(0, 1, 60)[:, None]] = np.nan
    boxes[5, 3] = np.inf
    boxes[7] = 8.0
    found = np.empty(60, np.float32)
    levels.clipped_medians(np.sort(boxes, axis=1), CUTS, DARKER, 12, found)
    expected = [clipped_median(box, 12) for box in boxes]
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=0)
    assert 3 < np.isnan(expected).sum() < 20
    # Stars are cut: half of the boxes have them.
    assert np.abs(found[:30] - 700)[[n for n in range(30) if n != 7]].max() < 6
