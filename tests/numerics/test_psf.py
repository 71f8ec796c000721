"""fit_stars: profile, positions, errors and photon noise of simulated stamps."""

import numpy as np
import pytest
from simulated import share_within

from seestack.bounds import position_bound
from seestack.numerics.psf import fit_stars
from seestack.simulation import moffat_image

SIZE = 21


def stamps(fluxes, *, fwhm=3.0, beta=3.0, sky=800.0, gain=1.0, seed=0, noise=True, **shape):
    """Return noisy stamps (N, S, S) in ADU with the sky taken off, and the true positions."""
    rng = np.random.default_rng(seed)
    xy = rng.uniform(-0.5, 0.5, (len(fluxes), 2))
    images = []
    for position, flux in zip(xy + SIZE // 2, fluxes, strict=True):
        light = moffat_image(
            position[None], np.array([flux]), (SIZE, SIZE), fwhm_px=fwhm, beta=beta, **shape
        )
        if noise:
            electrons = rng.poisson((light + sky) * gain) + rng.normal(0, 5.0, light.shape)
            light = electrons / gain - sky
        images.append(light)
    return np.array(images), xy


def fit(images, sky=800.0, gain=1.0, fwhm=3.0, **options):
    noise = np.sqrt(sky * gain + 25) / gain
    return fit_stars(images, np.ones(images.shape, bool), noise_adu=noise, fwhm_px=fwhm, **options)


@pytest.mark.parametrize("fwhm", [1.8, 2.4, 3.0, 5.0])
@pytest.mark.parametrize("beta", [2.5, 4.5])
def test_exact_without_noise(fwhm, beta):
    images, xy = stamps(np.geomspace(1e5, 1e4, 8), fwhm=fwhm, beta=beta, noise=False)
    found = fit(images)
    np.testing.assert_allclose(found.xy, xy, rtol=0, atol=2e-3)
    np.testing.assert_allclose(found.psf_fwhm_px, fwhm, rtol=0.01, atol=0)
    np.testing.assert_allclose(found.beta, beta, rtol=0.05, atol=0)
    light = share_within(2.0, beta) * np.geomspace(1e5, 1e4, 8)
    np.testing.assert_allclose(found.flux, light, rtol=0.01, atol=0)
    np.testing.assert_allclose(found.elongation, 1.0, rtol=0, atol=0.01)


@pytest.mark.parametrize("fwhm", [1.8, 3.0, 5.0])
def test_positions_reach_the_bound_and_errors_are_as_stated(fwhm):
    flux, errors, stated = 4e4, [], []
    for seed in range(20):
        images, xy = stamps(np.full(20, flux), fwhm=fwhm, seed=seed)
        found = fit(images, fwhm=fwhm)
        errors.append(found.xy - xy)
        stated.append(found.xy_err_px)
    rms = np.sqrt(np.mean(np.square(errors)))
    np.testing.assert_allclose(rms / position_bound(flux, fwhm_px=fwhm), 1.0, rtol=0, atol=0.1)
    np.testing.assert_allclose(np.median(stated) / rms, 1.0, rtol=0, atol=0.1)


@pytest.mark.parametrize("fwhm", [1.8, 3.0, 5.0])
@pytest.mark.parametrize("gain", [1.0, 4.0])
def test_photon_noise_without_bias(fwhm, gain):
    found = []
    for seed in range(40):
        images, _ = stamps(np.geomspace(1e5, 1e4, 25), fwhm=fwhm, gain=gain, seed=seed)
        found.append(fit(images, gain=gain, fwhm=fwhm).gain_adu * gain)
    np.testing.assert_allclose(np.mean(found), 1.0, rtol=0, atol=0.1)


@pytest.mark.parametrize("fwhm", [1.8, 3.0, 5.0])
def test_fluxes_scatter_as_their_errors_say(fwhm):
    flux = np.geomspace(1e5, 5e3, 20)
    found = [fit(stamps(flux, fwhm=fwhm, seed=seed)[0], fwhm=fwhm) for seed in range(30)]
    pulls = [(star.flux - share_within(2.0, 3.0) * flux) / star.flux_err for star in found]
    # The error of the profile, which all stars share, is not in theirs: 1.18 at 5 px.
    np.testing.assert_allclose(np.std(pulls), 1.05, rtol=0, atol=0.2)
    np.testing.assert_allclose(np.mean(pulls), 0.0, rtol=0, atol=0.2)


@pytest.mark.parametrize("elongation", [1.0, 1.15, 1.4, 2.5])
@pytest.mark.parametrize("flux", [5e3, 5e4])
def test_noise_makes_no_star_longer(elongation, flux):
    shape = {"elongation": elongation, "position_angle_deg": 25.0}
    found = [fit(stamps(np.full(20, flux), seed=seed, **shape)[0]) for seed in range(10)]
    median = np.median([star.elongation for star in found])
    np.testing.assert_allclose(median, elongation, rtol=0.05 if flux < 1e4 else 0.02, atol=0)


def test_an_ellipse():
    images, _ = stamps(np.full(10, 5e4), noise=False, elongation=1.4, position_angle_deg=35.0)
    found = fit(images)
    np.testing.assert_allclose(found.elongation, 1.4, rtol=0.02, atol=0)
    np.testing.assert_allclose(found.psf_fwhm_px, 3.0, rtol=0.02, atol=0)


def test_a_star_of_its_own_width():
    images, _ = stamps(np.full(20, 5e4), noise=False)
    images[7], _ = (part[0] for part in stamps([5e4], noise=False, fwhm=3.4))
    found = fit(images)
    np.testing.assert_allclose(found.fwhm_px[7], 3.4, rtol=0.04, atol=0)
    np.testing.assert_allclose(np.delete(found.fwhm_px, 7), 3.0, rtol=0.02, atol=0)


def test_misfit_tells_a_block_from_stars_whatever_its_brightness():
    images, _ = stamps(np.geomspace(1e5, 2e4, 20), seed=3)
    for k, height in ((5, 2_000.0), (11, 60_000.0)):
        images[k] = np.random.default_rng(k).normal(0, 28, (SIZE, SIZE))
        images[k, 10:12, 10:12] += height
    found = fit(images)
    blocks = np.isin(np.arange(20), (5, 11))
    assert found.misfit[blocks].min() > 0.6
    assert found.misfit[~blocks].max() < 0.2


def test_pixels_to_ignore_take_no_part():
    images, xy = stamps(np.full(10, 5e4), seed=4)
    valid = np.ones(images.shape, bool)
    images[:, 10, 12], valid[:, 10, 12] = 6e4, False
    found = fit_stars(images, valid, noise_adu=28.7, fwhm_px=3.0)
    np.testing.assert_allclose(found.xy, xy, rtol=0, atol=0.06)


def test_no_stamps():
    found = fit(np.empty((0, SIZE, SIZE)))
    assert found.xy.shape == (0, 2)
    assert found.misfit.shape == (0,)


def test_a_stamp_without_a_star_breaks_nothing():
    images, xy = stamps(np.full(10, 5e4), seed=5)
    images[3] = 0.0
    found = fit(images)
    assert np.isfinite(found.xy).all()
    np.testing.assert_allclose(np.delete(found.xy, 3, 0), np.delete(xy, 3, 0), rtol=0, atol=0.06)


def test_equal_stamps_give_equal_results():
    images, _ = stamps(np.geomspace(1e5, 1e4, 15), seed=6)
    np.testing.assert_array_equal(fit(images).xy, fit(images.copy()).xy)
