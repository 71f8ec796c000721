"""Moffat profiles in compiled loops, against NumPy in double precision."""

import numpy as np
import pytest

from seestack.compiled import moffat
from seestack.numerics.moffat import BETA, LOG_SIZE, SHEAR, STRETCH, Stamps, equations

NODES = {
    "wide": [(-0.5 / 3**0.5, 0.5), (0.5 / 3**0.5, 0.5)],
    "narrow": [(-(0.15**0.5), 5 / 18), (0.0, 8 / 18), (0.15**0.5, 5 / 18)],
}


def model(x, y, p, nodes, inner_px):
    """Return the model of one star at pixels (x, y)."""
    size, stretch = np.exp(p[LOG_SIZE]), np.exp(p[STRETCH])

    def profile(x, y):
        dx, dy = x - p[0], y - p[1]
        q = size * (stretch * dx**2 + dy**2 / stretch + 2 * p[SHEAR] * dx * dy)
        return (1 + (2 ** (1 / p[BETA]) - 1) * q) ** -p[BETA]

    integral = sum(a * b * profile(x + u, y + v) for u, a in nodes for v, b in nodes)
    light = np.where(np.hypot(x, y) <= inner_px, integral, profile(x, y))
    return p[2] * light + p[3]


def derivatives(x, y, p, *how):
    """Return the derivatives (8, P) by central differences."""
    found = []
    for k in range(8):
        step = np.zeros(8)
        step[k] = 1e-5 * max(1.0, abs(p[k]))
        ends = model(x, y, p + step, *how), model(x, y, p - step, *how)
        found.append((ends[0] - ends[1]) / (2 * step[k]))
    return np.array(found)


def scene(fwhm, count=37, seed=0):
    """Return stamps of more stars than are worked on at once, and parameters near theirs."""
    rng = np.random.default_rng(seed)
    p = np.zeros((count, 8))
    p[:, :2] = rng.uniform(-0.7, 0.7, (count, 2))
    p[:, 2], p[:, 3] = rng.uniform(5, 300, count), rng.normal(0, 1, count)
    p[:, LOG_SIZE] = np.log(4 / fwhm**2) + rng.uniform(-0.05, 0.05, count)
    p[:, STRETCH], p[:, SHEAR] = rng.uniform(-0.3, 0.3, (2, count))
    p[:, BETA] = rng.uniform(1.5, 9.0, count)
    stamps = Stamps.of(rng.normal(0, 30, (count, 17, 17)), rng.random((count, 17, 17)) > 0.1, 1.0)
    return stamps, p


@pytest.mark.parametrize("free", [4, 7, 8])
@pytest.mark.parametrize(("fwhm", "nodes"), [(3.2, "wide"), (1.9, "narrow")])
def test_equations_of_each_star(fwhm, nodes, free):
    stamps, parameters = scene(fwhm)
    gain, kept = 0.3, np.empty((5, *stamps.data.shape), np.float32)
    core = stamps.within(2.5)
    found = equations(stamps, parameters, gain, free=free, core=core, pixels=kept)
    assert 15 < core < 25 < len(stamps.x)
    # Two widths of the widest star, or 5 px.
    inner_px = max(4 * np.exp(-parameters[:, LOG_SIZE].min() / 2), 5.0)
    assert inner_px < stamps.x.max()
    for n, p in enumerate(parameters):
        valid = stamps.valid[:, n].astype(float)
        x, y = stamps.x.astype(float), stamps.y.astype(float)
        how = NODES[nodes], inner_px
        expected, slopes = model(x, y, p, *how), derivatives(x, y, p, *how)[:free]
        residual = valid * (stamps.data[:, n] - expected)
        weights = valid / (1 + gain * np.maximum(expected - p[3], 0))
        normal, gradient = (slopes * weights) @ slopes.T, (slopes * weights) @ residual
        scale = np.sqrt(np.diag(normal))
        squares = weights * residual**2
        np.testing.assert_allclose(found.square[n], squares.sum(), rtol=1e-4, atol=0)
        np.testing.assert_allclose(found.core_square[n], squares[:core].sum(), rtol=1e-4, atol=0)
        np.testing.assert_allclose(kept[0, :, n], residual, rtol=0, atol=2e-4)
        np.testing.assert_allclose(kept[1, :, n], weights, rtol=1e-4, atol=0)
        error = np.abs(kept[2:, :, n] - slopes[:3]).max()
        assert error < 2e-5 * np.abs(slopes[:3]).max()
        error = (found.normal[n] - normal) / np.outer(scale, scale)
        assert np.abs(error).max() < 1e-4
        off = (found.gradient[n] - gradient) / scale
        assert np.abs(off).max() < 1e-4 * np.sqrt((weights * residual**2).sum())


def test_a_star_does_not_depend_on_its_company():
    stamps, parameters = scene(3.0)
    parameters[:, LOG_SIZE] = parameters[0, LOG_SIZE]
    together = equations(stamps, parameters, 0.1, free=8)
    for n in (0, 5, 31, 32, 36):
        alone = equations(stamps.some(np.array([n])), parameters[n : n + 1], 0.1, free=8)
        np.testing.assert_array_equal(alone.normal[0], together.normal[n])
        np.testing.assert_array_equal(alone.gradient[0], together.gradient[n])


def test_powers():
    rng = np.random.default_rng(1)
    u = (1 + rng.exponential(1.0, 50_000) ** 5).astype(np.float32)
    u[:3] = 1.0, 1e6, np.nextafter(np.float32(1), np.float32(2))
    beta = rng.uniform(1.2, 12.0, u.size).astype(np.float32)
    out = np.empty_like(u)
    moffat.power(u, beta, out)
    exact = u.astype(float) ** -beta.astype(float)
    normal = exact > 1e-37
    # In single precision the exponent is known to half a unit of its last place.
    error = np.abs(out / exact - 1)[normal] / (1 + np.abs(np.log(exact[normal])))
    assert error.max() < 3e-7
    assert out[~normal].max() < 1e-36


def test_steps_end_where_the_model_does():
    rng = np.random.default_rng(4)
    parameters, step = rng.normal(0, 3, (40, 8)), rng.normal(0, 3, (40, 4))
    longest = np.array([0.7, 0.7, np.inf, np.inf, 1, 1, 1, 1])
    least, most = np.full(8, -2.5), np.array([2.5, 2.5, 4.0, 9.0, 1.0, 1.0, 1.0, 1.0])
    out = np.empty((40, 8))
    moffat.move(parameters, step, longest, least, most, out)
    expected = parameters.copy()
    expected[:, :4] += step.clip(-longest[:4], longest[:4])
    expected = expected.clip(least, most)
    expected[:, 2] = np.maximum(expected[:, 2], parameters[:, 2] / 10)
    np.testing.assert_array_equal(out, expected)
