"""Green on the diagonals, against the mapping that `Sites` states; colours side by side."""

import numpy as np
import pytest

from seestack.compiled import mosaics
from seestack.numerics.mosaics import sites_of


@pytest.mark.parametrize("bayer", ["GRBG", "RGGB"])
@pytest.mark.parametrize("shape", [(2, 2), (3, 8), (9, 4), (40, 67), (300, 61)])
def test_every_green_pixel_stands_where_the_map_says(shape, bayer):
    mosaic = np.random.default_rng(10).normal(size=shape).astype(np.float32)
    sites = sites_of("G", mosaic, bayer)
    reach = 4  # two steps along the diagonals, which the widest kernel reads beyond the border
    row, col = np.mgrid[-reach : shape[0] + reach, -reach : shape[1] + reach]
    beyond = sum(
        np.maximum(-place, 0) + np.maximum(place - side + 1, 0)
        for place, side in zip((row, col), shape, strict=True)
    )
    green = beyond <= reach
    green &= (row + col) % 2 == (0 if bayer == "GRBG" else 1)
    place = sites.from_frame @ [col[green], row[green], np.ones(green.sum())]
    np.testing.assert_array_equal(place, place.round())
    i, j = place[:2].astype(int)
    mirrored = np.pad(mosaic, reach, mode="reflect")
    np.testing.assert_array_equal(sites.values[j, i], mirrored[green])


@pytest.mark.parametrize("kind", [np.float32, np.uint8])
def test_colours_side_by_side(kind):
    planes = np.random.default_rng(0).integers(0, 200, (3, 5, 7)).astype(kind)
    out = np.empty((5, 7, 3), kind)
    mosaics.interleave(*planes, out)
    np.testing.assert_array_equal(out, np.moveaxis(planes, 0, 2))


@pytest.mark.parametrize("kind", [np.float32, np.uint16])
@pytest.mark.parametrize("shape", [(2, 2), (2, 9), (33, 2), (40, 67)])
def test_blur_is_the_binomial_filter_mirrored_at_the_border(kind, shape):
    mosaic = np.random.default_rng(1).integers(0, 65_536, shape).astype(kind)
    out = np.empty(shape, np.float32)
    for top in range(0, shape[0], 15):
        mosaics.blur(mosaic, out, top, min(top + 15, shape[0]))
    padded = np.pad(mosaic.astype(float), 1, mode="reflect")
    rows = padded[:-2] + 2 * padded[1:-1] + padded[2:]
    expected = (rows[:, :-2] + 2 * rows[:, 1:-1] + rows[:, 2:]) / 16
    np.testing.assert_allclose(out, expected, rtol=1e-6, atol=0)
