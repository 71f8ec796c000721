"""The limit from below, against a minimum filter and a look-up in plain NumPy."""

import numpy as np
import pytest
from scipy.ndimage import minimum_filter
from simulated import turn

from seestack import Transform
from seestack.compiled import rings

SHAPES = [(1, 1), (3, 4), (41, 300), (330, 70)]


def lifted(warped, image, inverse):
    """Return the same, and where the nearest pixel is not a matter of rounding."""
    darkest = minimum_filter(image, 5, mode="nearest")
    row, col = np.indices(warped.shape)
    x, y = (inverse[axis, 0] * col + inverse[axis, 1] * row + inverse[axis, 2] for axis in (0, 1))
    sure = np.minimum(np.abs(x % 1 - 0.5), np.abs(y % 1 - 0.5)) > 1e-3
    col, row = (
        np.floor(v + 0.5).clip(0, n - 1).astype(int)
        for v, n in ((x, image.shape[1]), (y, image.shape[0]))
    )
    return np.maximum(warped, darkest[row, col]), sure


@pytest.mark.parametrize("rotation_deg", [0.0, 0.4, 31.0, 90.0, 181.0, -77.0])
@pytest.mark.parametrize("shape", SHAPES)
def test_minimum_filter_and_nearest_pixel(shape, rotation_deg):
    rng = np.random.default_rng(4)
    image, warped = rng.normal(0.0, 1.0, (2, *shape)).astype(np.float32) - [[[0]], [[2]]]
    image, warped = image.astype(np.float32), warped.astype(np.float32)
    inverse = turn(shape, rotation_deg, (3.3, -2.2)).inverse.matrix
    for band in (1, 37, shape[0]):
        out = warped.copy()
        for top in range(0, shape[0], band):
            rings.lift(out, image, inverse[:2].copy(), top, min(top + band, shape[0]))
        expected, sure = lifted(warped, image, inverse)
        np.testing.assert_array_equal(out[sure], expected[sure])
        assert sure.mean() > 0.9
        if min(shape) > 10:
            assert (out > warped).mean() > 0.3


@pytest.mark.parametrize("scale", [0.5, 0.7071])
def test_a_coarser_grid(scale):
    rng = np.random.default_rng(5)
    image = rng.normal(0.0, 1.0, (60, 90)).astype(np.float32)
    warped = np.full((120, 170), -9.0, np.float32)
    inverse = turn((60, 90), 44.0, (3.3, -2.2)).inverse.matrix * scale
    rings.lift(warped, image, inverse[:2].copy(), 0, 120)
    expected, sure = lifted(np.full_like(warped, -9.0), image, inverse)
    np.testing.assert_array_equal(warped[sure], expected[sure])


@pytest.mark.parametrize("shift", [(1e12, 0.0), (-1e12, 1e12)])
def test_far_away_the_outermost_pixel_counts(shift):
    image = np.arange(20, dtype=np.float32).reshape(4, 5)
    warped = np.zeros((4, 5), np.float32)
    inverse = Transform.rigid(shift_px=shift).matrix[:2].copy()
    rings.lift(warped, image, inverse, 0, 4)
    assert len(np.unique(warped)) <= 4
    assert np.isin(warped, image).all()
