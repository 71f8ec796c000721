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


@pytest.mark.parametrize("with_shape", [True, False])
@pytest.mark.parametrize(("fwhm", "nodes"), [(3.2, "wide"), (1.9, "narrow")])
def test_equations_of_each_star(fwhm, nodes, with_shape):
    stamps, parameters = scene(fwhm)
    gain, free = 0.3, 8 if with_shape else 4
    core = stamps.within(2.5)
    found = equations(stamps, parameters, gain, with_shape=with_shape, core=core)
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
        if with_shape:
            kept = found.pixels[..., n]
            np.testing.assert_allclose(kept[0], residual, rtol=0, atol=2e-4)
            np.testing.assert_allclose(kept[1], weights, rtol=1e-4, atol=0)
            error = np.abs(kept[2:] - slopes[:3]).max()
            assert error < 2e-5 * np.abs(slopes[:3]).max()
        error = (found.normal[n] - normal) / np.outer(scale, scale)
        assert np.abs(error).max() < 1e-4
        off = (found.gradient[n] - gradient) / scale
        assert np.abs(off).max() < 1e-4 * np.sqrt((weights * residual**2).sum())


def test_a_star_does_not_depend_on_its_company():
    stamps, parameters = scene(3.0)
    parameters[:, LOG_SIZE] = parameters[0, LOG_SIZE]
    together = equations(stamps, parameters, 0.1, with_shape=True)
    for n in (0, 5, 31, 32, 36):
        alone = equations(stamps.some(np.array([n])), parameters[n : n + 1], 0.1, with_shape=True)
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


def test_the_light_of_stars_and_what_the_fit_leaves_of_its_noise():
    rng = np.random.default_rng(2)
    pixels = rng.normal(size=(5, 40, 64)).astype(np.float32)
    pixels[1] = rng.uniform(0, 1, (40, 64))
    valid = (rng.random((40, 64)) > 0.2).astype(np.float32)
    parameters = rng.uniform(0, 3, (35, 8))
    root = rng.normal(0, 0.2, size=(35, 4, 4))
    covariance = root @ root.transpose(0, 2, 1)
    light, free = np.empty((2, 40, 64), np.float32)
    bright = np.empty(35, np.float32)
    moffat.star_light(pixels, valid, parameters, covariance, light, free, bright)
    slopes = np.concatenate([pixels[2:, :, :35], np.ones((1, 40, 35))])
    taken = pixels[1, :, :35] * np.einsum("ipn,nij,jpn->pn", slopes, covariance, slopes)
    np.testing.assert_allclose(free[:, :35], 1 - np.minimum(taken, 0.9), rtol=0, atol=1e-4)
    assert 0.05 < (taken > 0.9).mean() < 0.5
    expected = parameters[:, 2] * pixels[4, :, :35] * valid[:, :35]
    expected[expected <= 1] = 0
    np.testing.assert_allclose(light[:, :35], expected, rtol=1e-5, atol=0)
    np.testing.assert_array_equal(bright, np.count_nonzero(expected, axis=0))


def test_excesses():
    rng = np.random.default_rng(3)
    light = np.maximum(rng.normal(3, 5, (50, 34)), 0).astype(np.float32)
    residual = rng.normal(0, 2, (50, 34)).astype(np.float32)
    free = rng.uniform(0.1, 1.0, (50, 34)).astype(np.float32)
    out = np.empty((3, 34), np.float32)
    moffat.excesses(light, residual, free, 0.4, out)
    share = light / (1 + 0.4 * light) ** 2
    part = share * light * free
    expected = [(share * (residual**2 - free)).sum(0), part.sum(0), (part**2).sum(0)]
    np.testing.assert_allclose(out, expected, rtol=1e-4, atol=1e-4)
