"""Small systems of equations, against NumPy."""

import numpy as np

from seestack.numerics.linear import inverse, solution


def test_well_determined_unknowns():
    rng = np.random.default_rng(0)
    root = rng.normal(size=(20, 4, 9)) * np.array([1e3, 1.0, 1e-3, 1e-6])[:, None]
    normal = root @ root.transpose(0, 2, 1)
    right = normal @ np.array([1e-3, 2.0, -3e3, 4e6])
    np.testing.assert_allclose(solution(normal, right) / [1e-3, 2.0, -3e3, 4e6], 1, atol=1e-6)
    both = solution(normal, np.stack([right, 2 * right], axis=2))
    np.testing.assert_allclose(both[..., 1], 2 * both[..., 0], rtol=1e-9, atol=0)
    np.testing.assert_allclose(inverse(normal) / np.linalg.inv(normal), 1, atol=1e-5)


def test_nothing_is_singular():
    normal = np.array([[[1.0, 1.0], [1.0, 1.0]], [[0.0, 0.0], [0.0, 0.0]]])
    found = solution(normal, np.array([[2.0, 2.0], [0.0, 0.0]]))
    np.testing.assert_allclose(found, [[1.0, 1.0], [0.0, 0.0]], rtol=0, atol=1e-6)
    assert np.isfinite(inverse(normal)).all()
    assert inverse(normal)[0, 0, 0] > 1e8
