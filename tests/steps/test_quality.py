"""Noise, width, transparency, weight and gain, against known truth."""

import numpy as np
import pytest
from simulated import turn

from seestack import Matches, Registration, Stars, Transform, accumulate, detect, warp
from seestack.model import FrameQuality
from seestack.simulation import random_field, simulate_frame
from seestack.steps.quality import (
    frame_weight,
    measure_quality,
    median_fwhm,
)

SHAPE = (400, 560)


def test_median_width():
    stars = Stars(np.zeros((3, 2)), fwhm_px=[2.0, np.nan, 3.0])
    np.testing.assert_allclose(median_fwhm(stars), 2.5, rtol=1e-12, atol=0)
    assert np.isnan(median_fwhm(Stars([[1.0, 2.0]])))
    assert np.isnan(median_fwhm(Stars([])))


def registered(frame, reference, motion=None):
    """Return the registration that pairs each star with the reference star at its place."""
    motion = motion or Transform.identity()
    distance = np.linalg.norm(motion(frame.xy)[:, None] - reference.xy[None], axis=2)
    found = np.flatnonzero(distance.min(axis=1) < 1.0)
    partner = distance[found].argmin(axis=1)
    pairs = Matches(partner, found)
    return Registration(motion, reference.xy[partner], frame.xy[found], None, pairs)


def quality_of(frame, reference):
    return measure_quality(frame, registered(frame, reference), reference)


@pytest.mark.parametrize(
    ("sky", "bias"),
    [
        ({}, 0.002),
        ({"fwhm_px": 2.5}, 0.004),
        ({"fwhm_px": 4.0}, 0.004),
        ({"elongation": 1.5}, 0.003),
        ({"sky_adu": 2400.0}, 0.004),
        ({"transparency": 0.25}, 0.005),
        ({"transparency": 0.25, "sky_adu": 2400.0}, 0.01),
    ],
    ids=str,
)
def test_transparency_is_true_and_its_error_too(sky, bias):
    shape, measured = (500, 700), []
    for seed in range(12):
        field = random_field(shape, 150, seed=seed)
        clear = detect(simulate_frame(field, shape, seed=100 + seed), max_stars=180)
        frame = detect(simulate_frame(field, shape, seed=200 + seed, **sky))
        quality = quality_of(frame, clear)
        measured.append((quality.transparency, quality.transparency_err))
    value, error = np.transpose(measured)
    truth = sky.get("transparency", 1.0)
    np.testing.assert_allclose(value.mean(), truth, rtol=bias, atol=0)
    # The spread of 12 frames is known to 20 %. It is wider under thick cloud, where the
    # shared profile is less well known than each star's own error tells.
    np.testing.assert_allclose(np.std((value - truth) / error), 1.1, rtol=0, atol=0.55)


def made_up_stars(flux, **more):
    xy = np.column_stack([np.arange(len(flux)) * 10.0, np.arange(len(flux)) * 7.0])
    return Stars(xy, flux=flux, **more)


@pytest.mark.parametrize("known", [True, False], ids=["errors known", "errors unknown"])
def test_variable_and_wrong_stars_have_no_say(known):
    rng = np.random.default_rng(8)
    flux = np.geomspace(2e5, 3e3, 40)
    error = np.sqrt(flux + 120.0**2)
    more = {"flux_err": error} if known else {}
    reference = made_up_stars(flux + rng.normal(0, error), **more)
    dimmed = 0.6 * flux + rng.normal(0, error)
    dimmed[[0, 4, 9, 20]] *= (0.5, 2.0, 1.2, 4.0)
    quality = quality_of(made_up_stars(dimmed, **more), reference)
    np.testing.assert_allclose(quality.transparency, 0.6, rtol=0.006 if known else 0.02, atol=0)
    assert abs(quality.transparency - 0.6) < 4 * quality.transparency_err


def test_scatter_beyond_the_errors_widens_the_error():
    rng = np.random.default_rng(9)
    flux = np.geomspace(2e5, 3e3, 60)
    reference = made_up_stars(flux, flux_err=flux * 1e-3)
    pulls = []
    for _ in range(40):
        frame = made_up_stars(flux * rng.normal(1.0, 0.03, 60), flux_err=flux * 1e-3)
        quality = quality_of(frame, reference)
        pulls.append((quality.transparency - 1.0) / quality.transparency_err)
    np.testing.assert_allclose(np.std(pulls), 0.8, rtol=0, atol=0.25)


def test_outliers_of_the_registration_take_no_part():
    reference = made_up_stars(np.geomspace(1e5, 1e4, 10))
    frame = made_up_stars(reference.flux * np.where(np.arange(10) < 6, 9.0, 0.5))
    whole = registered(frame, reference)
    inliers = np.arange(10) >= 6
    some = Registration(whole.transform, whole.reference_xy, whole.frame_xy, inliers, whole.matches)
    assert measure_quality(frame, some, reference).transparency == pytest.approx(0.5, rel=1e-9)


def test_the_reference_itself_and_the_unknown():
    stars = made_up_stars(
        np.full(5, 100.0), fwhm_px=[3.0, 2.0, np.nan, 4.0, 5.0], elongation=[1, 1.2, 1.4, 1, 1.3]
    )
    own = measure_quality(stars)
    assert (own.transparency, own.transparency_err, own.stars) == (1.0, 0.0, 5)
    assert (own.fwhm_px, own.elongation) == (3.5, 1.2)
    for registration in (None, Registration(Transform.identity())):
        assert np.isnan(measure_quality(stars, registration, stars).transparency)
    two = made_up_stars([100.0, 90.0])
    assert np.isnan(quality_of(two, stars).transparency)
    nothing = measure_quality(Stars([]))
    assert nothing.stars == 0
    assert np.isnan(nothing.fwhm_px)


def test_a_registration_of_other_lists():
    stars = made_up_stars(np.full(9, 100.0))
    with pytest.raises(ValueError, match="registration must come from these very star lists"):
        measure_quality(Stars(stars.xy[:5]), registered(stars, stars), stars)


@pytest.mark.parametrize(
    ("frame", "weight"),
    [
        ({}, 1.0),
        ({"sky_sigma_adu": 40.0}, 0.25),
        ({"transparency": 0.5, "transparency_err": 0.01}, 0.25),
        ({"transparency": 0.5, "transparency_err": 0.01, "sky_sigma_adu": 40.0}, 0.0625),
        ({"transparency": 2.0, "transparency_err": 0.01, "sky_sigma_adu": 10.0}, 16.0),
        ({"transparency": 0.99, "transparency_err": 0.006}, 1.0),
        ({"transparency": 0.97, "transparency_err": 0.006}, 0.9409),
        ({"transparency": 0.5, "transparency_err": 0.4}, 0.25),
        ({"transparency": np.nan, "transparency_err": np.nan}, 1.0),
        ({"transparency": -1.0}, 1.0),
        ({"sky_sigma_adu": np.nan}, 1.0),
        ({"sky_sigma_adu": 0.0}, 1.0),
        ({"transparency": 1e-9}, 0.001),
        ({"sky_sigma_adu": 1e-9}, 1000.0),
    ],
    ids=str,
)
def test_weights(frame, weight):
    reference = FrameQuality(sky_sigma_adu=20.0, transparency=1.0, transparency_err=0.0)
    values = {"sky_sigma_adu": 20.0, "transparency": 1.0, "transparency_err": 0.003} | frame
    assert frame_weight(FrameQuality(**values), reference) == pytest.approx(weight, rel=1e-9)


@pytest.mark.parametrize("sigma", [np.nan, 0.0])
def test_a_reference_without_noise(sigma):
    reference = FrameQuality(sky_sigma_adu=sigma, transparency=1.0, transparency_err=0.0)
    assert frame_weight(FrameQuality(sky_sigma_adu=5.0), reference) == 1.0


def snr_of(frames, light):
    """Return the SNR of the weighted stack: flux scale over sky noise in 8-px boxes.

    `light` is the expected light of the reference; it is taken off before the noise is
    measured, and the regression on it is the flux scale.
    """
    stack = None
    for image, footprint, weight in frames:
        stack = accumulate(stack, image, footprint, weight=weight, out=stack)
    inner = (slice(40, -40), slice(40, -40))
    mean, truth = stack.mean[inner] - np.median(stack.mean[inner]), light[inner]
    bright = truth > 100.0
    scale = (mean[bright] @ truth[bright]) / (truth[bright] @ truth[bright])
    rest = np.where(truth < 2.0, mean - scale * truth, np.nan)
    rows, cols = (n // 8 for n in rest.shape)
    boxes = rest[: rows * 8, : cols * 8].reshape(rows, 8, cols, 8).mean(axis=(1, 3))
    return scale / np.nanstd(boxes)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_two_cloudy_frames_of_sixteen_do_no_harm(seed):
    shape, field = (640, 800), random_field((640, 800), 90, seed=seed)
    light = simulate_frame(field, shape, seed=None) - 800.0
    rng = np.random.default_rng(seed)
    reference, reference_quality, frames = None, None, []
    for n in range(16):
        cloudy = {"transparency": 0.25, "sky_adu": 2400.0} if n in (5, 11) else {}
        motion = turn(shape, rng.uniform(-1, 1), tuple(rng.uniform(-8, 8, 2))) if n else None
        frame = simulate_frame(field, shape, transform=motion, seed=100 * seed + n, **cloudy)
        stars = detect(frame, max_stars=60 if n else 180)
        if reference is None:
            reference, reference_quality = stars, measure_quality(stars)
        quality = measure_quality(stars, registered(stars, reference, motion), reference)
        image, footprint = warp(frame, motion or Transform.identity())
        image = (image - quality.sky_adu) / quality.flux_scale
        frames.append((image, footprint, frame_weight(quality, reference_quality)))
    weights = np.array([weight for _, _, weight in frames])
    np.testing.assert_allclose(weights[[5, 11]], 0.0625 * 825 / 2425, rtol=0.1, atol=0)
    # The sky noise of either frame is known to 1 or 2 %, which costs no SNR to speak of.
    np.testing.assert_allclose(np.delete(weights, [5, 11]), 1.0, rtol=0, atol=0.1)
    # The mean of all single frames' SNR is the yardstick: one alone is 1.5 % uncertain.
    good = [frame for n, frame in enumerate(frames) if n not in (5, 11)]
    single = np.mean([snr_of([frame], light) for frame in good])
    weighted = snr_of(frames, light)
    assert 0.93 <= weighted / single / 4 < 0.97
    assert weighted >= 0.9995 * snr_of(good, light)
    assert weighted > 1.1 * snr_of([(*frame[:2], 1.0) for frame in frames], light)


@pytest.mark.parametrize(
    ("transparency", "err", "light"),
    [
        (1.0, 0.0, 1.0),
        (0.7, 0.004, 0.7),
        (1.25, 0.01, 1.25),
        (0.99, 0.004, 1.0),  # 2.5 sigma
        (0.99, 0.003, 0.99),
        (0.9985, 0.0001, 1.0),  # sure, and too little to care
        (0.5, 0.2, 0.5),  # unsure, and far from 1
        (float("nan"), 0.01, 1.0),
        (0.7, float("nan"), 1.0),
        (0.7, float("inf"), 1.0),
        (float("inf"), 0.01, 1.0),
        (0.0, 0.01, 1.0),
        (-0.3, 0.01, 1.0),
    ],
)
def test_the_light_to_scale_by(transparency, err, light):
    assert FrameQuality(transparency=transparency, transparency_err=err).flux_scale == light
