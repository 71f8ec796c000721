"""The three shears and their kernel, against the same in plain NumPy."""

import numpy as np
import pytest
from simulated import turn

from seestack.compiled import shears
from seestack.numerics import resampling
from seestack.numerics.footprints import spans
from seestack.numerics.resampling import TAPS, shear_warp


def lanczos(start):
    """Return the first of eight pixels and their weights, in double precision."""
    whole = np.floor(start)
    distance = np.arange(-3, 5) - (start - whole)[:, None]
    weights = np.sinc(distance) * np.sinc(distance / 4)
    return whole.astype(int) - 3, weights / weights.sum(axis=1, keepdims=True)


def sheared_rows(image, start, length):
    """Return rows read from pixel start[y] on, mirrored beyond the border."""
    first, weights = lanczos(start)
    columns = np.arange(length)
    out = np.zeros((len(image), length))
    period = max(2 * (image.shape[1] - 1), 1)
    for y, line in enumerate(image.astype(np.float64)):
        for tap in range(TAPS):
            place = np.abs((first[y] + columns + tap) % period)
            place = np.minimum(place, period - place)
            out[y] += weights[y, tap] * line[place]
    return out


def three_shears(image, inverse, shape):
    """Return what Paeth's shears make of an image for turns below 45 degrees."""
    angle = np.arctan2(inverse[1, 0], inverse[0, 0])
    a, b = -np.tan(angle / 2), np.sin(angle)
    dx = inverse[0, 2] - a * inverse[1, 2]
    dy = inverse[1, 2] - b * dx
    pad = 40
    mirrored = np.pad(image, ((pad, pad), (0, 0)), mode="reflect")
    left, length = -60, shape[1] + 120
    lines = sheared_rows(mirrored, left + a * np.arange(-pad, len(image) + pad), length)
    columns = left + np.arange(length)
    upright = sheared_rows(lines.T, b * columns + dy + pad, shape[0]).T
    return sheared_rows(upright, a * np.arange(shape[0]) + dx - left, shape[1])


@pytest.mark.parametrize("rotation_deg", [0.0, 0.02, 1.3, -8.0, 21.0])
@pytest.mark.parametrize("shape", [(37, 61), (70, 45)])
def test_three_shears_in_plain_numpy(shape, rotation_deg):
    image = np.random.default_rng(1).normal(500.0, 30.0, shape).astype(np.float32)
    inverse = turn(shape, rotation_deg, (2.37, -1.61)).inverse.matrix
    warped = shear_warp(image, inverse, shape)
    begin, end = spans(shape, inverse, shape)
    column = np.arange(shape[1])
    inside = (column >= begin[:, None]) & (column < end[:, None])
    assert inside.mean() > 0.5
    plain = three_shears(image, inverse, shape)
    # Further than eight pixels beyond the border the compiled loop has no light.
    np.testing.assert_allclose(warped[inside], plain[inside], rtol=0, atol=2e-3)


@pytest.mark.parametrize("rotation_deg", [0.0, 0.7, -33.0, 101.0])
def test_the_bands_do_not_show(monkeypatch, rotation_deg):
    image = np.random.default_rng(2).normal(500.0, 30.0, (83, 59)).astype(np.float32)
    inverse = turn((83, 59), rotation_deg, (0.4, 1.3)).inverse.matrix
    results = []
    for band in (1, 10, 83):
        monkeypatch.setattr(resampling, "_BAND", band)
        results.append(shear_warp(image, inverse, (83, 59)).tobytes())
    assert len(set(results)) == 1


def test_kernel_in_double_precision():
    fractions = np.random.default_rng(3).uniform(0, 1, 50)
    fractions[:2] = 0.0, 1 - 2**-53
    weights = np.empty((50, TAPS), np.float32)
    shears.windowed_sinc(fractions, weights)
    np.testing.assert_allclose(weights, lanczos(fractions)[1], rtol=0, atol=1e-7)
    assert not np.signbit(weights[0]).any()
