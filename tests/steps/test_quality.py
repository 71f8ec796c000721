"""The width of the stars of a frame."""

import numpy as np

from seestack import Stars
from seestack.steps.quality import median_fwhm


def test_median_width():
    stars = Stars(np.zeros((3, 2)), fwhm_px=[2.0, np.nan, 3.0])
    np.testing.assert_allclose(median_fwhm(stars), 2.5, rtol=1e-12, atol=0)
    assert np.isnan(median_fwhm(Stars([[1.0, 2.0]])))
    assert np.isnan(median_fwhm(Stars([])))
