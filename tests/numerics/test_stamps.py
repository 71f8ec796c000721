"""Cut-outs and the sky in them."""

import numpy as np
import pytest

from seestack.numerics.skymap import SkyMap
from seestack.numerics.stamps import Light, cut

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


def test_the_sky_of_cut_outs():
    # Centres of boxes lie on rows 4.5, 14.5, ... and columns 5.5, 17.5, ...
    centres = np.array([[9, 11], [29, 36], [8, 59]])
    stamps = cut(SKY.at(range(50), range(70)), centres, 3)
    np.testing.assert_allclose(SKY.around(centres, 3), stamps, rtol=0, atol=1e-2)


@pytest.mark.parametrize("half", [1, 5])
def test_light_is_what_is_left_of_good_pixels(half):
    bad = np.random.default_rng(2).random(SHAPE) < 0.1
    light = Light(PIXELS, SKY, bad)
    centres = np.array([[0, 0], [25, 69], [20, 30], [49, 3]])
    stamps, valid = light.known_around(centres, half)
    for stamp, known, sky, (row, col) in zip(
        stamps, valid, SKY.around(centres, half), centres, strict=True
    ):
        for (i, j), value in np.ndenumerate(stamp):
            place = (row + i - half, col + j - half)
            inside = 0 <= place[0] < 50 and 0 <= place[1] < 70
            assert known[i, j] == (inside and not bad[place])
            if inside:
                np.testing.assert_allclose(value, PIXELS[place] - sky[i, j], rtol=0, atol=1e-3)
    np.testing.assert_array_equal(light.around(centres, half), np.where(valid, stamps, 0.0))
