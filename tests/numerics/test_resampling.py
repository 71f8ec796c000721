"""The sharp kernel and the three shears."""

import numpy as np
import pytest
from simulated import turn

from seestack import Transform
from seestack.numerics.resampling import TAPS, shear_warp, windowed_sinc

SHAPE = (70, 101)


def wave(x, y, period_px):
    return 100 + np.cos(2 * np.pi * x / period_px) + np.sin(2 * np.pi * y / period_px)


def test_kernel_is_lanczos_of_order_four():
    fractions = np.linspace(0, 1, 21)[:-1]
    weights = windowed_sinc(fractions)
    assert weights.shape == (20, TAPS)
    np.testing.assert_allclose(weights.sum(axis=1), 1.0, rtol=0, atol=1e-6)
    distance = np.arange(-3, 5) - fractions[:, None]
    exact = np.sinc(distance) * np.sinc(distance / 4)
    np.testing.assert_allclose(weights, exact / exact.sum(axis=1, keepdims=True), rtol=0, atol=1e-6)


def test_kernel_is_symmetric():
    np.testing.assert_allclose(
        windowed_sinc([0.3])[0], windowed_sinc([0.7])[0][::-1], rtol=0, atol=1e-6
    )


@pytest.mark.parametrize("rotation_deg", [0.0, 0.01, 2.0, -30.0, 44.9, 45.1, 90.0, 137.0, 180.0])
@pytest.mark.parametrize(("period_px", "error"), [(6.0, 0.03), (12.0, 0.012)])
def test_waves_pass_unharmed(period_px, error, rotation_deg):
    row, col = np.indices(SHAPE)
    motion = turn(SHAPE, rotation_deg, (0.37, -0.61))
    image = wave(col, row, period_px).astype(np.float32)
    warped = shear_warp(image, motion.inverse.matrix, SHAPE)
    there = motion.inverse(np.column_stack([col.ravel(), row.ravel()]))
    x, y = there[:, 0].reshape(SHAPE), there[:, 1].reshape(SHAPE)
    inside = (x > 6) & (x < 94) & (y > 6) & (y < 63)
    assert np.abs(warped - wave(x, y, period_px))[inside].max() < error


@pytest.mark.parametrize("rotation_deg", [0.0, 10.0, 90.0, 200.0])
def test_a_flat_image_stays_flat_to_the_last_pixel(rotation_deg):
    motion = turn(SHAPE, rotation_deg, (0.5, 0.25))
    warped = shear_warp(np.full(SHAPE, 1000.0, np.float32), motion.inverse.matrix, SHAPE)
    row, col = np.indices(SHAPE)
    there = motion.inverse(np.column_stack([col.ravel(), row.ravel()])).reshape(*SHAPE, 2)
    inside = ((there >= 0) & (there <= (100, 69))).all(axis=2)
    np.testing.assert_allclose(warped[inside], 1000.0, rtol=0, atol=0.01)


def test_other_shape_of_the_result():
    image = np.random.default_rng(0).normal(size=SHAPE).astype(np.float32)
    inverse = Transform.rigid(shift_px=(4.0, 9.0)).matrix
    np.testing.assert_array_equal(shear_warp(image, inverse, (20, 30)), image[9:29, 4:34])
