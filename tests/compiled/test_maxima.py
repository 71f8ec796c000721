"""Local maxima in a compiled loop, against SciPy's maximum filter."""

import numpy as np
import pytest
from scipy.ndimage import maximum_filter

from seestack.compiled import maxima


@pytest.mark.parametrize("reach", [1, 2, 4])
@pytest.mark.parametrize("digits", [1, 6], ids=["ties", "no ties"])
def test_maxima_above_a_level(reach, digits):
    image = np.random.default_rng(reach).normal(size=(40, 57)).round(digits).astype(np.float32)
    image[0, 0] = image[39, 56] = image[0, 56] = 9.0
    places = np.empty(image.size, np.intp)
    first = maxima.local_maxima(image, 0.5, reach, places, 0, 23)
    found = places[:first].tolist()
    second = maxima.local_maxima(image, 0.5, reach, places, 23, 40)
    found.extend(places[:second])
    few = np.empty(3, np.intp)
    assert maxima.local_maxima(image, 0.5, reach, few, 0, 40) == len(found)
    np.testing.assert_array_equal(few, found[:3])
    highest = image == maximum_filter(image, 2 * reach + 1, mode="constant", cval=-np.inf)
    np.testing.assert_array_equal(found, np.flatnonzero(highest & (image > 0.5)))
    assert min(first, second) > 2


def test_nothing_above_the_level():
    flat = np.ones((9, 5), np.float32)
    assert maxima.local_maxima(flat, 1.0, 2, np.empty(45, np.intp), 0, 9) == 0


def hill(shape, place, axes, turn_rad):
    """Return a Gaussian with its vertex at (row, col) and the variances `axes`."""
    row, col = (np.indices(shape).T - place).T
    along, across = (
        np.cos(turn_rad) * col + np.sin(turn_rad) * row,
        np.cos(turn_rad) * row - np.sin(turn_rad) * col,
    )
    return np.exp(-(along**2) / (2 * axes[0]) - across**2 / (2 * axes[1])).astype(np.float32)


def round_ones(image, place, lag=2, least_ratio=0.25):
    out = np.empty((1, 3))
    index = np.array([round(place[0]) * image.shape[1] + round(place[1])])
    return out[: maxima.round_maxima(image, index, lag, least_ratio, out)]


@pytest.mark.parametrize("place", [(7.3, 9.6), (6.5, 10.1), (0.0, 12.2), (14.0, 22.0)])
def test_place_and_height_between_pixels(place):
    ((row, col, height),) = round_ones(hill((15, 23), place, (9.0, 9.0), 0.0), place)
    # At the border the outermost pixel stands for the one beyond.
    border = 0.51 if place[0] in (0.0, 14.0) else 0.05
    assert abs(row - place[0]) < border
    assert abs(col - place[1]) < (0.51 if place[1] == 22.0 else 0.05)
    assert 0.98 < height < 1.06


@pytest.mark.parametrize("turn_deg", [0.0, 30.0, 45.0, 90.0, 120.0])
def test_pieces_of_a_trail_are_left_out(turn_deg):
    # Curvatures are as the inverse of the variances.
    for ratio, kept in ((1.0, 1), (0.5, 1), (0.1, 0)):
        image = hill((25, 33), (12.0, 16.0), (250.0, 250.0 * ratio), np.deg2rad(turn_deg))
        assert len(round_ones(image, (12, 16))) == kept
    image = 1 - hill((25, 33), (12.0, 16.0), (40.0, 40.0), 0.0)
    assert len(round_ones(image, (12, 16))) == 0
