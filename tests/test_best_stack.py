"""LiveStacker at its defaults: outliers, weights, gates, sky, colour and SNR against truth."""

import base64
import io
import json

import numpy as np
import pytest
from PIL import Image as PillowImage
from simulated import turn

from seestack import (
    Frame,
    LiveStacker,
    Transform,
    UnreadableFrameError,
    clip_outliers,
    merge,
)
from seestack.defects import add_light, draw_gradient, draw_hot_pixels, draw_trail
from seestack.simulation import random_field, simulate_frame

SHAPE = (360, 520)
FIELD = random_field(SHAPE, 90, seed=11, margin_px=60)
SKY, SIGMA = 800.0, np.sqrt(800.0 + 25.0)


def motion(n):
    rng = np.random.default_rng(900 + n)
    shift = rng.uniform(-0.5, 0.5, 2) + np.array([1.1, -0.7]) * n
    return turn(SHAPE, 0.1 * n, tuple(shift)) if n else Transform.identity()


def frame(n, **more):
    return simulate_frame(FIELD, SHAPE, transform=motion(n), seed=n, **more)


def stacked(images, **options):
    st = LiveStacker(**options)
    for image in images:
        assert st.add_frame(image)["accepted"]
    return st


def blank(st):
    """Return the pixels that all frames cover and no star lights."""
    stars = simulate_frame(FIELD, SHAPE, seed=None, sky_adu=0.0, fwhm_px=5.0) > 2.0
    return ~stars & (st.running_stack.coverage == st.frames_stacked)


@pytest.fixture(scope="module")
def clear():
    return [frame(n) for n in range(16)]


@pytest.fixture(scope="module")
def clear_stack(clear):
    return stacked(clear)


@pytest.mark.parametrize("after", [4, 8, 16])
def test_a_trail_in_the_reference_and_one_later_leave_no_trace(clear, after):
    ends = {0: ((-10.0, 40.0), (530.0, 300.0)), 7: ((60.0, 370.0), (400.0, -10.0))}
    images, trails = list(clear[:after]), {}
    for n, (start, end) in ends.items():
        if n < after:
            trails[n] = draw_trail(SHAPE, start, end, peak_adu=40 * SIGMA)
            images[n] = add_light(clear[n], trails[n], seed=50 + n)
    clean, left = stacked(clear[:after]), stacked(images)
    sigma = np.sqrt(np.nanmedian(clean.stack.variance))
    for n, light in trails.items():
        y, x = np.nonzero(light > 20 * SIGMA)
        x, y = motion(n)(np.column_stack([x, y])).round().astype(int).T
        inside = (x >= 0) & (x < SHAPE[1]) & (y >= 0) & (y < SHAPE[0])
        core = np.zeros(SHAPE, bool)
        core[y[inside], x[inside]] = True
        core &= blank(left)
        excess = (left.stacked_image() - clean.stacked_image())[core] / sigma
        assert core.sum() > 200
        assert -0.1 < excess.mean() < 0.1
        # With one sample less of four the noise itself is another by 0.6 sigma.
        assert np.percentile(np.abs(excess), 90) < (1.0 if after > 4 else 1.5)
        assert left.reports[n]["elongation"] < 1.2  # no piece of the trail is a star
        assert left.reports[n]["clipped_samples"] > 500
    assert clean.reports[0]["clipped_samples"] is not None


def test_without_clipping_the_trail_stays(clear):
    images = list(clear[:8])
    light = draw_trail(SHAPE, (-10.0, 40.0), (530.0, 300.0), peak_adu=40 * SIGMA)
    images[0] = add_light(clear[0], light, seed=1)
    difference = stacked(images, clip=None).stacked_image() - stacked(clear[:8]).stacked_image()
    st = stacked(clear[:8])
    assert difference[(light > 20 * SIGMA) & blank(st)].mean() > 5 * SIGMA / np.sqrt(8)


def test_hot_pixels_vanish_without_darks(clear_stack):
    hot = draw_hot_pixels(SHAPE, 100, seed=4)
    left = stacked([frame(n) + hot for n in range(16)])
    sigma = np.sqrt(np.nanmedian(clear_stack.stack.variance))
    difference = (left.stacked_image() - clear_stack.stacked_image()) / sigma
    paths = np.abs(difference[blank(left)]) > 8
    raw = stacked([frame(n) + hot for n in range(16)], clip=None).stacked_image()
    before = np.abs((raw - clear_stack.stacked_image())[blank(left)]) / sigma > 8
    assert before.sum() > 1000
    assert paths.sum() <= 4


def test_nothing_is_done_to_frames_that_need_nothing(clear, clear_stack):
    plain = stacked(clear, clip=None, weighting=None, normalize=None)
    reports = clear_stack.reports
    np.testing.assert_allclose([r["weight"] for r in reports], 1.0, rtol=0, atol=0.12)
    np.testing.assert_allclose([r["transparency"] for r in reports], 1.0, rtol=0, atol=0.02)
    checked = 0
    for x, y in FIELD.xy[FIELD.flux_adu > 8_000]:
        apart = np.sort(np.hypot(*(FIELD.xy - [x, y]).T))[1]
        if apart < 18 or not (30 < x < SHAPE[1] - 50 and 30 < y < SHAPE[0] - 30):
            continue
        box = np.s_[round(y) - 8 : round(y) + 9, round(x) - 8 : round(x) + 9]
        flux = clear_stack.stacked_image()[box].astype(float).sum() - SKY * 289
        same = plain.stacked_image()[box].astype(float).sum() - SKY * 289
        np.testing.assert_allclose(flux / same, 1.0, rtol=0, atol=0.004)
        checked += 1
    assert checked > 5


def snr(st):
    """Return star flux over the noise of the sky in boxes of 8 px."""
    from seestack.steps.snr import sky_noise

    image = st.stacked_image().astype(float)
    truth = simulate_frame(FIELD, SHAPE, seed=None, sky_adu=0.0)
    lit = (truth > 100.0) & (st.running_stack.coverage == st.frames_stacked)
    scale = ((image - np.nanmedian(image[blank(st)]))[lit] * truth[lit]).sum() / (
        truth[lit] ** 2
    ).sum()
    return scale / sky_noise(np.where(blank(st), image - truth * scale, np.nan))


def test_two_cloudy_frames_of_sixteen_do_no_harm(clear):
    images = list(clear)
    for n in (5, 9):
        images[n] = frame(n, transparency=0.25, sky_adu=3 * SKY)
    best, alike = stacked(images), stacked(images, weighting=None)
    good = stacked([image for n, image in enumerate(images) if n not in (5, 9)])
    again = [simulate_frame(FIELD, SHAPE, seed=700 + n) for n in range(8)]
    single = np.mean([snr(stacked([image])) for image in again])
    weights = [best.reports[n]["weight"] for n in (5, 9)]
    np.testing.assert_allclose(weights, 0.0625 * 825 / 2425, rtol=0.2, atol=0)
    # The noise of the measure is about 2 %; the benchmark of quality measures finer.
    assert 0.97 < snr(best) / snr(good) < 1.03
    assert 0.85 < snr(best) / (4 * single) < 1.15
    assert snr(best) > 1.2 * snr(alike)


def test_moving_gradients_leave_no_seam(clear):
    images = [
        clear[n] + draw_gradient(SHAPE, 12 * SIGMA * n / 15, direction_deg=9.0 * n)
        for n in range(16)
    ]
    st, plain = stacked(images), stacked(images, normalize=None)
    sigma = SIGMA / 4
    truth = simulate_frame(FIELD, SHAPE, seed=None, sky_adu=SKY)
    starless = simulate_frame(FIELD, SHAPE, seed=None, sky_adu=0.0, fwhm_px=6.0) < 1.0
    edge = starless & (st.running_stack.coverage < 14) & (st.running_stack.coverage > 4)
    middle = starless & (st.running_stack.coverage == 16)

    def step(stack):
        off = stack.stacked_image() - truth
        return abs(off[edge].mean() - off[middle].mean()) / sigma

    assert step(st) < 0.3
    assert step(plain) > 1.0


@pytest.mark.parametrize(
    ("gate", "limit", "bad", "kind"),
    [
        ("max_fwhm", 1.4, {"fwhm_px": 5.5}, "fwhm"),
        ("max_elongation", 1.5, {"elongation": 2.0}, "elongation"),
        ("min_transparency", 0.6, {"transparency": 0.4}, "transparency"),
        ("max_sky", 2.0, {"sky_adu": 2000.0}, "sky"),
    ],
)
def test_gates_refuse_with_the_value_and_the_limit(clear, gate, limit, bad, kind):
    st = stacked(clear[:4], **{gate: limit})
    before = st.running_stack
    report = st.add_frame(frame(6, **bad))
    assert not report["accepted"]
    assert report["rejection"] == kind
    assert gate in report["reason"]
    worse = np.less if gate.startswith("min_") else np.greater
    assert worse(report["rejection_value"], report["rejection_limit"])
    assert report["inliers"] >= 4
    np.testing.assert_array_equal(st.running_stack.mean, before.mean)
    assert st.add_frame(clear[4])["accepted"]
    assert stacked(clear[:4]).add_frame(frame(6, **bad))["accepted"]  # off by default


def test_a_frame_that_adds_nothing_is_hopeless(clear):
    st = stacked(clear[:4])
    report = st.add_frame(frame(6, transparency=0.08, sky_adu=4000.0))
    assert not report["accepted"]
    assert report["rejection"] in ("weight", "no_match")


def mosaic(n, colours=(1.2, 1.0, 0.6), pattern="GRBG"):
    """Return frame n behind a mosaic; the sky is coloured as the stars are."""
    photons = simulate_frame(FIELD, SHAPE, transform=motion(n), seed=None, sky_adu=SKY, fwhm_px=4.0)
    factor = np.empty(SHAPE)
    for site, colour in enumerate(pattern):
        factor[site // 2 :: 2, site % 2 :: 2] = colours["RGB".index(colour)]
    raw = np.random.default_rng(n).poisson(photons * factor).astype(np.uint16)
    return Frame(raw, bayer=pattern)


@pytest.mark.parametrize("pattern", ["RGGB", "BGGR", "GRBG", "GBRG"])
def test_a_colour_camera_gives_a_colour_stack(pattern):
    st = stacked([mosaic(n, pattern=pattern) for n in range(5)])
    stack = st.stack
    assert stack.mean.shape == stack.variance.shape == stack.rejected.shape == (*SHAPE, 3)
    assert stack.shape == SHAPE
    colours = np.nanmedian(stack.mean, axis=(0, 1)) / SKY
    np.testing.assert_allclose(colours, (1.2, 1.0, 0.6), rtol=0.01, atol=0)
    assert st.stacked_image().shape == SHAPE
    np.testing.assert_allclose(
        np.nanmedian(st.stacked_image()), SKY * (1.2 + 2.0 + 0.6) / 4, rtol=0.01, atol=0
    )
    assert st.stacked_image(colour=True).shape == (*SHAPE, 3)
    picture = PillowImage.open(io.BytesIO(base64.b64decode(st.preview_png_b64(max_px=300))))
    assert picture.mode == "RGB"
    sky = np.median(np.asarray(picture), axis=(0, 1)).astype(int)
    assert np.ptp(sky) <= 6
    grey = stacked([mosaic(n, pattern=pattern) for n in range(3)], colour=False)
    assert grey.stack.mean.shape == SHAPE


def test_frames_with_and_without_colours_do_not_mix():
    st = stacked([mosaic(n) for n in range(2)])
    report = st.add_frame(mosaic(2).image.astype(float))
    assert not report["accepted"]
    assert report["reason"] in (
        "frame colours differ from reference",
        "alignment failed (too few matching stars)",
    )
    assert st.frames_stacked == 2


def test_the_measured_gain_is_that_of_independent_frames(clear_stack):
    last = clear_stack.reports[-1]
    assert last["snr_gain"] == 4.0
    np.testing.assert_allclose(last["snr_gain_measured"], 4.0, rtol=0.05, atol=0)
    curve = clear_stack.gain_curve
    assert curve.frames[0] == 1
    assert curve.frames[-1] == 16
    np.testing.assert_allclose(curve.values / curve.root, 1.0, rtol=0, atol=0.12)


def test_the_outlook_for_a_nebula():
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]]
    rng = np.random.default_rng(5)
    st = LiveStacker()
    assert st.outlook() is None
    for n in range(16):
        dx, dy = motion(n).inverse(np.array([[300.0, 170.0]]))[0]
        glow = 60.0 * np.exp(-((x - dx) ** 2 + (y - dy) ** 2) / (2 * 30.0**2))
        st.add_frame(frame(n) + rng.poisson(glow))
    seen = st.outlook(wanted_snr=1.0)
    assert abs(seen.target.x - 300) < 12
    assert abs(seen.target.y - 170) < 12
    assert seen.frames_wanted == 0
    assert seen.measured.snr > 50
    growth = seen.curve.values[-1] / seen.curve.values[0]
    np.testing.assert_allclose(
        growth, np.sqrt(seen.curve.frames[-1] / seen.curve.frames[0]), rtol=0.15, atol=0
    )


def test_running_stacks_merge_and_are_cleaned_together(clear):
    light = draw_trail(SHAPE, (-10.0, 40.0), (530.0, 300.0), peak_adu=40 * SIGMA)
    images = [add_light(clear[0], light, seed=1), *clear[1:6]]
    st = stacked(images)
    both = merge(st.running_stack, st.running_stack)
    assert both.frames == 12
    clean = clip_outliers(both)
    here = (light > 20 * SIGMA) & blank(st)
    assert clean.rejected[here].mean() > 1.8


def test_reports_stay_plain_values(clear_stack):
    st = clear_stack
    assert st.stack.rejected_of_frame.shape == (16,)
    for report in st.reports:
        json.dumps(report, allow_nan=False)
        assert type(report["clipped_samples"]) is int
        for key in ("elongation", "sky_sigma_adu", "transparency", "weight"):
            assert type(report[key]) is float


def test_a_file_that_cannot_be_read_is_a_rejected_frame(clear):
    st = stacked(clear[:2])
    report = st.add_frame(UnreadableFrameError("night/3.fit: is empty", source="night/3.fit"))
    assert not report["accepted"]
    assert (report["rejection"], report["source"]) == ("unreadable", "night/3.fit")
    assert (st.frames_stacked, st.frames_total) == (2, 3)
