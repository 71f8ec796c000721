"""Cubic convolution over the sites of a colour, against its formula in plain NumPy."""

import numpy as np
import pytest
from scipy.ndimage import minimum_filter
from simulated import turn

from seestack import Transform
from seestack.compiled import sites as loops
from seestack.model import BAYER_PATTERNS
from seestack.numerics import cubic
from seestack.numerics.cubic import cubic_layer, plane_of
from seestack.numerics.footprints import spans
from seestack.numerics.mosaics import bounds_of, sites_of

SHAPE = (61, 94)
LEVEL = [0.0, 0.02, 0.7, -4.0, 8.5, 179.6, 180.0, -174.0]
STEEP = [8.7, 31.0, 45.0, 90.0, -90.0, 137.0, 200.0]


def kernel(distance):
    """Return the weight at a distance in sites, by the formula of Keys with a = -0.75."""
    d, a = np.abs(distance), -0.75
    near = (a + 2) * d**3 - (a + 3) * d**2 + 1
    far = a * d**3 - 5 * a * d**2 + 8 * a * d - 4 * a
    return np.where(d <= 1, near, np.where(d < 2, far, 0.0))


def convolved(colour, mosaic, bayer, inverse, shape):
    """Return each pixel of the result, and the darkest of 5 x 5 around the sites near to it."""
    sites = sites_of(colour, mosaic, bayer)
    margin = 4
    values = np.pad(sites.values.astype(float), margin, mode="edge")
    dark = minimum_filter(values, 5)
    row, col = np.indices(shape)
    place = sites.from_frame @ inverse @ [col.ravel(), row.ravel(), np.ones(col.size)]
    x, y = (
        axis.reshape(shape).clip(0, size - 1) + margin
        for axis, size in zip(place[:2], sites.values.shape[::-1], strict=True)
    )
    left, top = np.floor(x).astype(int), np.floor(y).astype(int)
    total = np.zeros(shape)
    for j in range(-1, 3):
        for i in range(-1, 3):
            weight = kernel(x - left - i) * kernel(y - top - j)
            total += weight * values[top + j, left + i]
    # Either of two sites may count as the nearest where the place lies between them.
    near = [
        dark[np.floor(y + b).astype(int), np.floor(x + a).astype(int)]
        for a in (0.499, 0.501)
        for b in (0.499, 0.501)
    ]
    return total, np.min(near, 0), np.max(near, 0)


def lit(colour, mosaic, bayer, inverse, shape):
    corner, extent = bounds_of(colour, mosaic, bayer)
    from_corner = inverse.copy()
    from_corner[:2, 2] -= corner
    return spans(extent, from_corner, shape)


def laid(colour, mosaic, bayer, inverse, shape, band=1000):
    out = np.full((*shape, 3), -7.0, np.float32)
    inside = lit(colour, mosaic, bayer, inverse, shape)
    lay = cubic_layer(colour, mosaic, bayer, inverse, inside)
    for top in range(0, shape[0], band):
        lay(out, slice(top, min(top + band, shape[0])))
    return out, inside


@pytest.mark.parametrize("rotation_deg", [*LEVEL, *STEEP])
@pytest.mark.parametrize("bayer", BAYER_PATTERNS)
def test_every_pixel_is_the_sum_over_sixteen_sites(bayer, rotation_deg):
    mosaic = np.random.default_rng(3).normal(500.0, 50.0, SHAPE).astype(np.float32)
    shape = (70, 83)
    inverse = turn(SHAPE, rotation_deg, (4.37, -3.61)).inverse.matrix
    for channel, colour in enumerate("RGB"):
        out, (begin, end) = laid(colour, mosaic, bayer, inverse, shape)
        expected, low, high = convolved(colour, mosaic, bayer, inverse, shape)
        col = np.arange(shape[1])
        inside = (col >= begin[:, None]) & (col < end[:, None])
        np.testing.assert_array_equal(np.isfinite(out[..., channel]), inside)
        seen = out[inside, channel]
        assert inside.mean() > 0.4
        assert (seen >= np.maximum(expected, low)[inside] - 0.01).all()
        assert (seen <= np.maximum(expected, high)[inside] + 0.01).all()
        assert (out[..., [k for k in range(3) if k != channel]] == -7).all()


@pytest.mark.parametrize("rotation_deg", [0.6, 178.0, 30.0])
@pytest.mark.parametrize("shape", [(2, 2), (2, 3), (3, 2), (5, 40), (41, 4), (31, 8)])
def test_small_mosaics(shape, rotation_deg):
    mosaic = np.random.default_rng(8).normal(500.0, 50.0, shape).astype(np.float32)
    for bayer in BAYER_PATTERNS:
        inverse = turn(shape, rotation_deg, (0.1, -0.2)).inverse.matrix
        for channel, colour in enumerate("RGB"):
            out, (begin, end) = laid(colour, mosaic, bayer, inverse, shape)
            expected, low, high = convolved(colour, mosaic, bayer, inverse, shape)
            for row in range(shape[0]):
                inside = np.s_[row, begin[row] : end[row]]
                seen = out[..., channel][inside]
                assert (seen >= np.maximum(expected, low)[inside] - 0.01).all()
                assert (seen <= np.maximum(expected, high)[inside] + 0.01).all()


@pytest.mark.parametrize("rotation_deg", [0.0, 0.4, 7.0, 8.0, 172.0, 181.0])
def test_runs_and_single_pixels_agree(rotation_deg, monkeypatch):
    mosaic = np.random.default_rng(5).normal(500.0, 50.0, (150, 220)).astype(np.float32)
    inverse = turn((150, 220), rotation_deg, (1.2, 0.7)).inverse.matrix
    found = []
    for largest in (1.0, -1.0):
        monkeypatch.setattr(cubic, "_LARGEST_SINE", largest)
        found.append([laid(c, mosaic, "GRBG", inverse, (150, 220))[0] for c in "RGB"])
    runs, single = np.array(found)
    # But where the nearest site is a matter of rounding.
    close = np.isclose(runs, single, rtol=0, atol=0.01, equal_nan=True)
    assert close.mean() > 0.998


@pytest.mark.parametrize("rotation_deg", [0.4, 30.0, 180.3])
def test_bands_do_not_matter(rotation_deg):
    mosaic = np.random.default_rng(6).normal(500.0, 50.0, SHAPE).astype(np.float32)
    inverse = turn(SHAPE, rotation_deg, (1.2, 0.7)).inverse.matrix
    for colour in "RG":
        whole, _ = laid(colour, mosaic, "RGGB", inverse, SHAPE)
        for band in (1, 17):
            bands, _ = laid(colour, mosaic, "RGGB", inverse, SHAPE, band)
            np.testing.assert_array_equal(bands, whole)


@pytest.mark.parametrize("shift_px", [(2.0, 0.0), (-4.0, 6.0), (0.0, -2.0)])
@pytest.mark.parametrize("rotation_deg", [0.0, 90.0, 180.0])
def test_sites_that_fall_on_pixels_are_copied(rotation_deg, shift_px):
    mosaic = np.random.default_rng(7).normal(500.0, 50.0, (61, 83)).astype(np.float32)
    motion = turn(mosaic.shape, rotation_deg, shift_px)
    whole = np.eye(3)
    whole[:2] = motion.inverse.matrix[:2].round()
    motion = Transform(whole).inverse
    row, col = np.mgrid[0:61, 1:83:2]  # red
    x, y = (
        motion(np.stack([col.ravel(), row.ravel()], 1)[row.ravel() % 2 == 0]).T.round().astype(int)
    )
    out, _ = laid("R", mosaic, "GRBG", whole, mosaic.shape)
    on = (x >= 0) & (x < 83) & (y >= 0) & (y < 61)
    assert on.mean() > 0.5
    red = mosaic[0::2, 1::2].ravel()
    np.testing.assert_allclose(out[y[on], x[on], 0], red[on], rtol=1e-5, atol=0)


@pytest.mark.parametrize("bayer", ["GRBG", "RGGB"])
@pytest.mark.parametrize("shape", [(2, 2), (9, 14), (40, 67), (141, 30)])
def test_the_darkest_of_green_is_that_of_its_own_grid(shape, bayer):
    mosaic = np.random.default_rng(9).normal(size=shape).astype(np.float32)
    plane, sites = plane_of("G", mosaic, bayer), sites_of("G", mosaic, bayer)
    row, col = np.indices(shape)
    green = (row + col) % 2 == (0 if bayer == "GRBG" else 1)
    i, j = (sites.from_frame @ [col[green], row[green], np.ones(green.sum())])[:2].astype(int)
    expected = minimum_filter(sites.values, 5)[j, i]
    u, v = (plane.from_frame @ [col[green], row[green], np.ones(green.sum())])[:2]
    np.testing.assert_array_equal([u, v], np.round([u, v]))
    y, x = (u - v).astype(int), (u + v + plane.odd).astype(int)
    places = y, (x - (plane.odd + y) % 2) // 2
    np.testing.assert_array_equal(plane.values[places], mosaic[green])
    np.testing.assert_array_equal(plane.darkest[places], expected)


def test_the_darkest_of_a_square_plane():
    plane = np.random.default_rng(9).normal(size=(23, 37)).astype(np.float32)
    out = np.full_like(plane, -9)
    for band in range(0, 23, 5):
        loops.darkest_square(plane, out, band, min(band + 5, 23))
    inside = np.s_[2:-2, 2:-2]
    np.testing.assert_array_equal(out[inside], minimum_filter(plane, 5)[inside])
