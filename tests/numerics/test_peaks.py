"""The search for peaks: what counts as one, whatever the pixels are averaged over."""

import numpy as np
import pytest

from seestack.numerics.peaks import find_peaks
from seestack.numerics.skymap import sky_map
from seestack.numerics.stamps import Light
from seestack.simulation import StarField, random_field, simulate_frame

SHAPE = (301, 423)


def search(image, *, fwhm=4.0, threshold=5.0):
    sky, _ = sky_map(image)
    return find_peaks(Light(image, sky, None), fwhm=fwhm, threshold=threshold)


@pytest.mark.parametrize("fwhm", [2.0, 3.4, 3.6, 6.0])
@pytest.mark.parametrize("part", [(0.0, 0.0), (0.5, 0.5), (0.9, 0.2)])
def test_a_star_is_found_to_a_pixel_wherever_it_lies(fwhm, part):
    places = [(40, 50), (41, 150), (140, 51), (211, 301), (289, 409), (8, 9)]
    xy = np.array([[col + part[0], row + part[1]] for row, col in places])
    field = StarField(xy, np.geomspace(2e5, 5e4, len(xy)))
    found = search(simulate_frame(field, SHAPE, seed=1), fwhm=fwhm)
    # Brightest first, as the stars are listed; noise comes after them.
    assert np.abs(found[: len(xy)] - xy[:, ::-1]).max() <= 1.0


@pytest.mark.parametrize("fwhm", [3.4, 4.0])
def test_the_threshold_counts_in_noise(fwhm):
    noise = np.random.default_rng(2).normal(500, 9, (700, 900)).astype(np.float32)
    counts = [len(search(noise, fwhm=fwhm, threshold=level)) for level in (2.5, 3.5, 4.5)]
    # Peaks of smooth normal noise fall in number as t exp(-t**2 / 2).
    np.testing.assert_allclose(counts[1] / counts[0], 0.0697, rtol=0.3, atol=0)
    assert counts[2] < 0.06 * counts[1]
    np.testing.assert_array_equal(
        search(noise, fwhm=fwhm, threshold=3.5), search(noise * 8, fwhm=fwhm, threshold=3.5)
    )


def test_bad_pixels_count_as_sky():
    image = simulate_frame(random_field(SHAPE, 30, seed=5), SHAPE, seed=5)
    sky, _ = sky_map(image)
    bad = np.random.default_rng(6).random(SHAPE) < 0.01
    bad[100:140, 200:260] = True
    holed = find_peaks(Light(np.where(bad, 1e4, image), sky, bad), fwhm=4.0, threshold=5.0)
    filled = np.where(bad, sky.at(range(SHAPE[0]), range(SHAPE[1])), image)
    expected = find_peaks(Light(filled, sky, None), fwhm=4.0, threshold=5.0)
    np.testing.assert_array_equal(holed, expected)
    assert len(holed) > 10
