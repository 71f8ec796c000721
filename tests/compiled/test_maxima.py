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
    count = maxima.local_maxima(image, 0.5, reach, places)
    highest = image == maximum_filter(image, 2 * reach + 1, mode="constant", cval=-np.inf)
    np.testing.assert_array_equal(places[:count], np.flatnonzero(highest & (image > 0.5)))
    assert count > 5


def test_nothing_above_the_level():
    assert maxima.local_maxima(np.ones((9, 5), np.float32), 1.0, 2, np.empty(45, np.intp)) == 0
