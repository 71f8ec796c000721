"""Small systems of equations, against NumPy."""

import numpy as np

from seestack.numerics.linear import inverse, shared_solution, solution, solution_and_variances


def test_well_determined_unknowns():
    rng = np.random.default_rng(0)
    root = rng.normal(size=(20, 4, 9)) * np.array([1e3, 1.0, 1e-3, 1e-6])[:, None]
    normal = root @ root.transpose(0, 2, 1)
    right = normal @ np.array([1e-3, 2.0, -3e3, 4e6])
    np.testing.assert_allclose(solution(normal, right) / [1e-3, 2.0, -3e3, 4e6], 1, atol=1e-6)
    found, variances = solution_and_variances(normal, right)
    np.testing.assert_array_equal(found, solution(normal, right))
    exact = np.linalg.inv(normal)
    np.testing.assert_allclose(inverse(normal, 4) / exact, 1, atol=1e-5)
    np.testing.assert_allclose(variances / exact.diagonal(axis1=1, axis2=2), 1, atol=1e-5)
    fewer = inverse(normal, 3) / np.linalg.inv(normal[:, :3, :3])
    np.testing.assert_allclose(fewer, 1, atol=1e-5)


def test_nothing_is_singular():
    normal = np.array([[[1.0, 1.0], [1.0, 1.0]], [[0.0, 0.0], [0.0, 0.0]]])
    found = solution(normal, np.array([[2.0, 2.0], [0.0, 0.0]]))
    np.testing.assert_allclose(found, [[1.0, 1.0], [0.0, 0.0]], rtol=0, atol=1e-6)
    assert np.isfinite(inverse(normal, 2)).all()
    assert inverse(normal, 2)[0, 0, 0] > 1e8


def test_what_systems_have_in_common_is_found_from_all_of_them():
    rng = np.random.default_rng(1)
    root = rng.normal(size=(7, 8, 12))
    normal = root @ root.transpose(0, 2, 1)
    right, trust, prior = rng.normal(size=(7, 8)), rng.uniform(0.1, 1, 7), rng.uniform(1, 4, 4)
    # One large system of 7 x 4 unknowns of their own and 4 that all share.
    whole, sides = np.zeros((32, 32)), np.zeros(32)
    for n, (of, side, weight) in enumerate(zip(normal, right, trust, strict=True)):
        own = [*range(4 * n, 4 * n + 4), 28, 29, 30, 31]
        whole[np.ix_(own, own)] += weight * of
        sides[own] += weight * side
    whole[range(28, 32), range(28, 32)] += prior
    expected = np.linalg.solve(whole, sides)
    found = shared_solution(normal, right, trust, prior)
    np.testing.assert_allclose(found[:, :4], expected[:28].reshape(7, 4), rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(found[:, 4:], np.tile(expected[28:], (7, 1)), rtol=1e-5, atol=1e-7)
