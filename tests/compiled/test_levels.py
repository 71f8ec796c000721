"""Levels of boxes in compiled loops, against NumPy."""

import numpy as np

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
