"""Sums over boxes in compiled loops, against NumPy."""

import numpy as np
import pytest

from seestack.compiled import polynomials

POWERS = ((0, 0), (0, 1), (1, 0), (0, 2), (1, 1), (2, 0))


def some_boxes(seed, shape=(9, 14)):
    """Return a mask of boxes, their places and their terms (K, 6)."""
    rng = np.random.default_rng(seed)
    chosen = rng.random(shape) < 0.7
    chosen[4] = False  # a row without any
    rows, columns = np.linspace(-0.6, 0.6, shape[0]), np.linspace(-1, 1, shape[1])
    starts, along = np.empty(shape[0] + 1, np.intp), np.empty(chosen.sum())
    polynomials.places(chosen.view(np.uint8), columns, starts, along)
    row, column = np.nonzero(chosen)
    v, u = rows[row], columns[column]
    np.testing.assert_array_equal(along, u)
    np.testing.assert_array_equal(starts, np.searchsorted(row, np.arange(shape[0] + 1)))
    return (rows, starts, along), np.stack([v**i * u**j for i, j in POWERS], axis=1)


def equations(places, values, weights):
    lower, steps = np.empty((6, 6)), np.empty(6)
    polynomials.equations(*places, values, weights, lower, steps)
    return lower, steps


@pytest.mark.parametrize("terms", range(1, 7))
def test_least_squares(terms):
    places, design = some_boxes(1)
    rng = np.random.default_rng(2)
    values, weights = rng.normal(900.0, 5.0, len(design)), rng.uniform(0.0, 3.0, len(design))
    lower, steps = equations(places, values, weights)
    normal = (design * weights[:, None]).T @ design
    np.testing.assert_allclose(lower @ lower.T, normal, rtol=0, atol=1e-12 * normal[0, 0])
    assert (np.triu(lower, 1) == 0).all()
    fit = np.empty(terms)
    polynomials.solution(lower, steps, fit)
    root = np.sqrt(weights)
    expected, *_ = np.linalg.lstsq(design[:, :terms] * root[:, None], values * root, rcond=None)
    np.testing.assert_allclose(fit, expected, rtol=0, atol=1e-10)


def test_steps_are_what_each_term_takes_off_the_squares():
    places, design = some_boxes(3)
    values = np.random.default_rng(4).normal(3.0, 1.0, len(design))
    _, steps = equations(places, values, np.ones(len(values)))
    left = [
        np.square(values - design[:, :n] @ np.linalg.lstsq(design[:, :n], values, rcond=None)[0])
        for n in range(1, 7)
    ]
    sums = [np.square(values).sum(), *(squares.sum() for squares in left)]
    np.testing.assert_allclose(steps**2, -np.diff(sums), rtol=1e-9, atol=1e-11)


def test_a_term_that_its_boxes_do_not_tell_is_left_out():
    (rows, starts, along), _ = some_boxes(5)
    line = np.zeros_like(rows)  # all boxes in one row of the image
    values = 2.0 + 3.0 * along + 4.0 * along**2
    lower, steps = equations((line, starts, along), values, np.ones(len(along)))
    fit = np.empty(6)
    polynomials.solution(lower, steps, fit)
    np.testing.assert_allclose(fit, [2.0, 3.0, 0.0, 4.0, 0.0, 0.0], rtol=0, atol=1e-12)


@pytest.mark.parametrize("terms", range(1, 7))
def test_deviations(terms):
    places, design = some_boxes(6)
    rng = np.random.default_rng(7)
    values, coefficients = rng.normal(0.0, 9.0, len(design)), rng.normal(0.0, 5.0, terms)
    out = np.empty(len(design))
    polynomials.deviations(*places, values, coefficients, out)
    expected = np.abs(values - design[:, :terms] @ coefficients)
    np.testing.assert_allclose(out, expected, rtol=0, atol=1e-13)


@pytest.mark.parametrize("terms", [1, 3, 6])
def test_highest_leverage(terms):
    places, design = some_boxes(8)
    needed, elsewhere = some_boxes(9)
    lower, _ = equations(places, design[:, 0].copy(), np.ones(len(design)))
    used, at = design[:, :terms], elsewhere[:, :terms]
    leverage = np.einsum("ij,jk,ik->i", at, np.linalg.inv(used.T @ used), at)
    found = polynomials.highest_leverage(*needed, lower, terms)
    np.testing.assert_allclose(found, leverage.max(), rtol=1e-12)
    nowhere = (needed[0], np.zeros_like(needed[1]), np.empty(0))
    assert polynomials.highest_leverage(*nowhere, lower, terms) == 0
