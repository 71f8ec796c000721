"""Plots against committed pictures; make them anew with --mpl-generate-path and look at them."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from astropy.wcs import WCS
from figures import SHAPE, known_pairs, known_reports, without_words

from seestack import plots

# Root mean square of the grey levels; leaving out one star's marks gives more.
compared = pytest.mark.mpl_image_compare(
    baseline_dir="baseline", style="default", tolerance=2.0, savefig_kwargs={"dpi": 50}
)


def ramp(shape=SHAPE):
    rows, cols = np.indices(shape)
    image = 1000.0 + 2.0 * cols + 5.0 * rows
    image[5:15, 60:80] = np.nan
    return image


@compared
def test_grey_image():
    return without_words(plots.show_image(ramp()))


@compared
def test_colour_image():
    image = ramp()
    colour = np.stack([image, image[::-1], image[:, ::-1]], axis=2)
    return without_words(plots.show_image(colour, stretch="linear"))


@compared
def test_image_on_the_sky():
    return without_words(plots.show_image(ramp(), wcs=sky()))


@compared
def test_matches():
    image, registration, stars = known_pairs()
    return without_words(plots.plot_matches(image, registration, stars=stars))


@compared
def test_offsets():
    return without_words(plots.plot_offsets(known_reports()))


@compared
def test_snr_gain():
    return without_words(plots.plot_snr_gain(known_reports()))


@compared
def test_quality():
    return without_words(plots.plot_quality(known_reports()))


@compared
def test_coverage():
    rows, cols = np.indices(SHAPE)
    return without_words(plots.plot_coverage(np.minimum(rows // 10, cols // 10)))


@compared
def test_rejections():
    rejected = np.zeros(SHAPE, int)
    rejected[np.arange(50), np.arange(50) + 20] = 3
    return without_words(plots.plot_rejections(rejected))


@compared
def test_panels_in_a_grid_of_the_user():
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 4), layout="constrained")
    plots.plot_offsets(known_reports(), ax=left)
    plots.plot_quality(known_reports(), ax=right)
    without_words(left)
    return figure


def sky():
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = ["RA---TAN", "DEC--TAN"]
    wcs.wcs.crpix, wcs.wcs.crval = [45.5, 30.5], [315.4, 68.2]
    wcs.wcs.cdelt = [-0.01, 0.01]
    return wcs
