"""The convolution of the search, beside SciPy's filters."""

import numpy as np
import pytest
from scipy.ndimage import correlate1d, uniform_filter

from seestack.compiled import search

SHAPE = (37, 54)


def gaussian(sigma, half):
    whole = np.exp(-(np.arange(-half, half + 1) ** 2) / (2 * sigma**2))
    return whole / whole.sum()


def expected(light, whole, half):
    narrow = correlate1d(correlate1d(light, whole, axis=0, mode="reflect"), whole, mode="reflect")
    return narrow - uniform_filter(light, 2 * half + 1, mode="reflect")


@pytest.mark.parametrize("binning", [1, 2])
@pytest.mark.parametrize("holed", [False, True])
@pytest.mark.parametrize(("core", "half"), [(2, 6), (3, 5), (4, 1), (5, 25)])
def test_it_is_a_gaussian_less_a_box(binning, holed, core, half):
    rng = np.random.default_rng(core)
    pixels = rng.normal(900, 30, SHAPE).astype(np.float32)
    rows, cols = (side // binning for side in SHAPE)
    sky = rng.normal(900, 5, (4, cols)).astype(np.float32)
    before, share = np.divmod(np.linspace(0, 2.99, rows), 1)
    before, share = before.astype(np.intp), share.astype(np.float32)
    bad = rng.random(SHAPE) < 0.1 if holed else None
    level = sky[before] + share[:, None] * (sky[before + 1] - sky[before])
    light = pixels[: rows * binning, : cols * binning] - np.kron(level, np.ones((binning,) * 2))
    if holed:
        light[bad[: rows * binning, : cols * binning]] = 0
        pixels[bad] = np.nan
    light = light.reshape(rows, binning, cols, binning).mean(axis=(1, 3))
    whole = gaussian(1.3, core)
    out = np.full((rows, cols), np.nan, np.float32)
    for top in range(0, rows, 10):
        search.convolve_rows(
            pixels,
            None if bad is None else bad.view(np.uint8),
            binning,
            sky,
            before,
            share,
            whole[core:].astype(np.float32),
            half,
            out,
            top,
            min(top + 10, rows),
        )
    np.testing.assert_allclose(out, expected(light, whole, half), rtol=0, atol=2e-4)


@pytest.mark.parametrize("width", [1, 31, 32, 33, 100])
def test_the_highest_of_each_row(width):
    pixels = np.random.default_rng(width).normal(0, 1, (9, width)).astype(np.float32)
    highest = np.full(9, np.nan, np.float32)
    assert search.finite_rows(pixels, highest, 2, 7)
    np.testing.assert_array_equal(highest[2:7], pixels[2:7].max(axis=1))
    assert np.isnan(highest[[0, 1, 7, 8]]).all()


@pytest.mark.parametrize("wild", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("place", [0, 17, 40])
def test_one_wild_pixel_is_found(wild, place):
    pixels = np.zeros((3, 41), np.float32)
    pixels[1, place] = wild
    highest = np.empty(3, np.float32)
    assert not search.finite_rows(pixels, highest, 0, 3)
    assert search.finite_rows(pixels, highest, 2, 3)
