"""DAOFIND's measures, against photutils."""

import numpy as np
import pytest
from photutils.detection import DAOStarFinder

from seestack.numerics.daofind import daofind, kernel_radius
from seestack.simulation import random_field, simulate_frame

SHAPE = (300, 420)


def cut(image, centres, half):
    """Return squares around (row, col) centres that lie well inside."""
    return np.array([image[r - half : r + half + 1, c - half : c + half + 1] for r, c in centres])


@pytest.mark.parametrize("fwhm", [1.5, 2.5, 4.0, 7.3])
def test_measures_are_those_of_photutils(fwhm):
    light = simulate_frame(random_field(SHAPE, 60, seed=3), SHAPE, seed=3) - np.float32(800)
    rng = np.random.default_rng(3)
    centres = np.column_stack([rng.integers(20, n - 20, 500) for n in SHAPE])
    centres[:, 0] += cut(light, centres, 2).sum(axis=2).argmax(axis=1) - 2
    found = daofind(cut(light, centres, kernel_radius(fwhm)), fwhm)
    finder = DAOStarFinder(
        0.0, fwhm, xycoords=centres[:, ::-1], sharpness_range=(0.1, 4.0), roundness_range=(-2, 2)
    )
    assert finder.kernel.x_radius == kernel_radius(fwhm)
    table = finder.find_stars(light)
    assert 20 < len(table) < 480
    np.testing.assert_array_equal(found.is_star.sum(), len(table))
    for name, ours in (("sharpness", found.sharpness), ("flux", found.flux)):
        np.testing.assert_allclose(ours[found.is_star], table[name], rtol=1e-4, atol=1e-4)
    x, y = found.height_x[found.is_star], found.height_y[found.is_star]
    roundness = 2 * (x - y) / (x + y)
    np.testing.assert_allclose(roundness, table["roundness2"], rtol=1e-4, atol=1e-4)
