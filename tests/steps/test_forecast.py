"""The history of an SNR, and how far it foresees."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from simulated import NOT_POSITIVE

from seestack.steps.forecast import SnrCurve, frames_for_snr


def history(numbers, values):
    curve = SnrCurve()
    for n, value in zip(numbers, values, strict=True):
        curve = curve.with_point(int(n), float(value))
    return curve


def floored(n, a, plateau):
    return (1 / (a**2 * n) + 1 / plateau**2) ** -0.5


@pytest.mark.parametrize("plateau", [np.inf, 60.0])
@pytest.mark.parametrize("seed", range(5))
def test_the_forecast_is_what_is_then_reached(plateau, seed):
    n = np.arange(2, 31)
    noise = np.random.default_rng(seed).normal(1.0, 0.02, n.size)
    further = frames_for_snr(history(n, floored(n, 5.0, plateau) * noise), 36.0)
    assert floored(30 + further, 5.0, plateau) == pytest.approx(36.0, rel=0.1)


def test_what_is_reached_needs_no_more():
    assert frames_for_snr(history([1, 2], [3.0, 4.2]), 4.0) == 0


@pytest.mark.parametrize(
    ("numbers", "values", "wanted"),
    [
        ([], [], 2.0),
        ([2, 4, 9], [1.4, 2.0, 3.0], 6.0),  # too few
        ([20, 21, 22, 23, 24], np.sqrt([20, 21, 22, 23, 24]), 6.0),  # too close together
        ([2, 4, 8, 16, 32], [2.0, 9.0, 3.0, 1.0, 6.0], 12.0),  # no such curve
        ([2, 4, 8, 16, 32], [5.0, 5.0, 5.0, 5.0, 5.0], 6.0),  # does not grow
        (range(2, 40), floored(np.arange(2, 40), 5.0, 20.0), 25.0),  # above the plateau
        ([2, 4, 8, 16], [-1.0, 1.0, 1.0, 2.0], 6.0),
    ],
)
def test_not_foreseen(numbers, values, wanted):
    assert frames_for_snr(history(numbers, values), wanted) is None


def test_far_beyond_a_noisy_history_is_not_foreseen():
    n = np.arange(2, 12)
    noise = np.random.default_rng(3).normal(1.0, 0.06, n.size)
    assert frames_for_snr(history(n, 5 * np.sqrt(n) * noise), 500.0) is None


@given(st.floats(0.1, 100), st.floats(1e-3, 1e3), st.integers(1, 400))
def test_the_unit_of_the_snr_is_no_matter(a, factor, further):
    n = np.arange(1, 20)
    wanted = a * np.sqrt(19 + further)
    one = frames_for_snr(history(n, a * np.sqrt(n)), wanted)
    other = frames_for_snr(history(n, factor * a * np.sqrt(n)), factor * wanted)
    assert abs(one - further) <= 1
    assert abs(one - other) <= 1


def test_the_points_stay_few_and_evenly_spaced():
    curve = history(range(1, 5001), np.sqrt(range(1, 5001)))
    assert curve.frames.size == 64
    assert (curve.frames[0], curve.frames[-1]) == (1, 5000)
    np.testing.assert_allclose(curve.values, np.sqrt(curve.frames), rtol=1e-12)
    np.testing.assert_allclose(curve.root, curve.values, rtol=1e-12)
    assert np.diff(np.log(curve.frames[10:])).max() < 0.35


def test_unknown_values_are_no_points():
    curve = history([1, 2, 3, 4], [1.0, np.nan, np.inf, 2.0])
    assert curve.frames.tolist() == [1, 4]
    assert SnrCurve().root.size == 0
    with pytest.raises(ValueError, match="frames must be above the last point's 4, got 4"):
        curve.with_point(4, 1.0)


@pytest.mark.parametrize(("value", "error", "words"), NOT_POSITIVE)
def test_bad_wanted(value, error, words):
    with pytest.raises(error, match=f"wanted {words}"):
        frames_for_snr(SnrCurve(), value)
