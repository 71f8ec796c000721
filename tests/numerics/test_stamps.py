"""Cut-outs, and the sky that is taken off them."""

import numpy as np
import pytest

from seestack.numerics.skymap import SkyMap
from seestack.numerics.stamps import Light

SHAPE = (50, 70)
PIXELS = np.random.default_rng(0).normal(900, 30, SHAPE).astype(np.float32)
SKY = SkyMap(np.random.default_rng(1).normal(900, 5, (7, 8)).astype(np.float32), (10, 12), SHAPE)


def test_the_sky_of_a_binned_image_is_that_between_its_pixels():
    whole = SKY.at(range(50), range(70))
    np.testing.assert_allclose(laid(SKY.stretched(1)), whole, rtol=0, atol=1e-3)
    between = SKY.at(np.arange(0.5, 50, 2), np.arange(0.5, 70, 2))
    np.testing.assert_allclose(laid(SKY.stretched(2)), between, rtol=0, atol=1e-3)


def laid(stretched):
    lines, before, share = stretched
    return lines[before] + share[:, None] * (lines[before + 1] - lines[before])


def test_light_is_what_the_sky_leaves():
    # Centres of boxes lie on rows 4.5, 14.5, ... and columns 5.5, 17.5, ...; between them the
    # sky is bilinear.
    centres = np.array([[9, 11], [29, 36], [8, 59]])
    sky = SKY.at(range(50), range(70))
    stamps = Light(PIXELS, SKY, None).around(centres, 3)
    for stamp, (row, col) in zip(stamps, centres, strict=True):
        there = slice(row - 3, row + 4), slice(col - 3, col + 4)
        np.testing.assert_allclose(stamp, (PIXELS - sky)[there], rtol=0, atol=1e-3)


@pytest.mark.parametrize("half", [1, 5])
def test_pixels_without_light_are_told(half):
    bad = np.random.default_rng(2).random(SHAPE) < 0.1
    pixels = np.where(bad, np.float32(np.nan), PIXELS)
    centres = np.array([[0, 0], [25, 69], [20, 30], [49, 3]])
    whole = Light(PIXELS, SKY, None).around(centres, half)
    stamps, valid = Light(pixels, SKY, bad).known_around(centres, half)
    for n, (row, col) in enumerate(centres):
        for i, j in np.ndindex(stamps.shape[1:]):
            place = (row + i - half, col + j - half)
            inside = 0 <= place[0] < 50 and 0 <= place[1] < 70
            assert valid[n, i, j] == (inside and not bad[place])
    np.testing.assert_array_equal(stamps, np.where(valid, whole, 0.0))
    assert 0.5 < valid[2].mean() <= 1.0
