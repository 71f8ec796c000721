"""LiveStacker against known skies, and against the documented contract word for word."""

import base64
import io
import json
import subprocess
import sys
import threading

import numpy as np
import pytest
from photutils.aperture import CircularAperture, aperture_photometry
from photutils.detection import DAOStarFinder
from PIL import Image
from scipy.ndimage import shift as scipy_shift
from simulated import spaced, turn

from seestack import Frame, LiveStacker, Registration, Transform
from seestack.simulation import StarField, random_field, simulate_frame
from seestack.steps.snr import sky_noise

SHAPE = (240, 360)
FIELD = random_field(SHAPE, 120, seed=4, margin_px=60, faintest_adu=2_000.0)
OTHER_FIELD = random_field(SHAPE, 120, seed=77, faintest_adu=2_000.0)
BRIGHT_FIELD = random_field(SHAPE, 80, seed=4, margin_px=20, faintest_adu=20_000.0)
DOCUMENTED_KEYS = {
    "accepted",
    "reason",
    "frames_stacked",
    "frames_total",
    "frames_rejected",
    "offset",
    "inliers",
    "snr_gain",
    "rotation_deg",
    "fwhm_px",
    "stars",
    "sky_adu",
    "weight",
    "rms_px",
    "snr_gain_measured",
}


def frame(seed=0, *, rotation_deg=0.0, shift_px=(0.0, 0.0), field=FIELD, **options):
    motion = turn(SHAPE, rotation_deg, shift_px)
    return simulate_frame(field, SHAPE, transform=motion, seed=seed, **options)


def drift(count, step=(1.37, -0.81), start=0, field=FIELD):
    shifts = [(step[0] * n, step[1] * n) for n in range(start, start + count)]
    return [frame(start + n, shift_px=shift, field=field) for n, shift in enumerate(shifts)]


@pytest.fixture
def stacked():
    """A stacker with three frames in it, and the state that must not change."""
    st = LiveStacker()
    for image in drift(3):
        st.add_frame(image)
    return st


def state(st):
    stack = st.stack
    arrays = (stack.mean, stack.weight, stack.m2, stack.coverage)
    return [array.tobytes() for array in arrays], stack.frames, st.last_registration


def test_report_has_the_documented_keys_and_plain_types():
    st = LiveStacker()
    reports = [st.add_frame(image) for image in drift(3)]
    reports.append(st.add_frame(frame(9, field=OTHER_FIELD)))
    reports.append(st.add_frame(np.zeros((50, 70))))
    reports.append(st.reject("cannot be read", source="broken.fit"))
    for report in reports:
        assert type(report) is dict
        assert report.keys() == reports[0].keys()
        assert report.keys() >= DOCUMENTED_KEYS
        json.dumps(report, allow_nan=False)
        for key in ("accepted",):
            assert type(report[key]) is bool
        for key in ("frames_stacked", "frames_total", "frames_rejected", "inliers", "stars"):
            assert type(report[key]) is int
        assert type(report["offset"]) is tuple
        assert [type(d) for d in report["offset"]] == [float, float]
        assert type(report["snr_gain"]) is float
        assert type(report["reason"]) is str
    assert [r["reason"] for r in reports] == [
        "reference frame",
        "stacked",
        "stacked",
        "alignment failed (too few matching stars)",
        "frame size differs from reference",
        "cannot be read",
    ]
    assert [r["frames_total"] for r in reports] == [1, 2, 3, 4, 5, 6]
    assert [r["frames_stacked"] for r in reports] == [1, 2, 3, 3, 3, 3]
    assert [r["frames_rejected"] for r in reports] == [0, 0, 0, 1, 2, 3]
    weights = [r["weight"] for r in reports]
    np.testing.assert_allclose(weights, [1, 1, 1, 0, 0, 0], rtol=0.1, atol=0)
    kinds = [r["rejection"] for r in reports]
    assert kinds == [None, None, None, "no_match", "size", "unreadable"]
    assert reports[5]["source"] == "broken.fit"
    assert (st.frames_stacked, st.frames_total, st.frames_rejected) == (3, 6, 3)
    assert st.reports == reports


def test_numbers_of_the_report():
    st = LiveStacker()
    first = st.add_frame(frame(0))
    assert first["offset"] == (0.0, 0.0)
    assert first["rotation_deg"] == 0.0
    assert first["inliers"] == 0
    assert first["snr_gain"] == 1.0
    assert st.last_registration is None
    second = st.add_frame(frame(1, rotation_deg=1.25, shift_px=(12.34, -5.67)))
    assert second["offset"] == pytest.approx((12.34, -5.67), abs=0.03)
    assert second["rotation_deg"] == pytest.approx(1.25, abs=0.01)
    assert 40 <= second["inliers"] <= 60
    assert 45 <= second["stars"] <= 60
    assert second["fwhm_px"] == pytest.approx(3.0, abs=0.1)
    assert second["sky_adu"] == pytest.approx(800.0, abs=3.0)
    assert 0.005 < second["rms_px"] < 0.2
    matrix = st.last_registration.transform.matrix
    expected = turn(SHAPE, 1.25, (12.34, -5.67)).matrix
    np.testing.assert_allclose(matrix[:, :2], expected[:, :2], rtol=0, atol=1e-4)
    np.testing.assert_allclose(matrix[:, 2], expected[:, 2], rtol=0, atol=0.05)
    far = st.add_frame(frame(2, shift_px=(40.0, -60.0)))
    for value, digits in ((far["offset"][0], 2), (far["offset"][1], 2), (far["snr_gain"], 2)):
        assert value == round(value, digits)


def test_snr_gain_is_the_documented_square_root():
    st = LiveStacker()
    assert st.snr_gain() == 0.0
    assert st.stacked_image() is None
    assert st.preview_png_b64() is None
    assert st.last_registration is None
    for n in range(20):
        info = st.add_frame(frame(n))
    assert info["snr_gain"] == 4.47
    assert st.snr_gain() == pytest.approx(20**0.5, rel=1e-12)


def test_rejected_frames_say_why_and_change_nothing(stacked):
    before = state(stacked)
    nothing = np.full(SHAPE, 800.0)
    cases = [
        (frame(9, field=OTHER_FIELD), "alignment failed (too few matching stars)"),
        (nothing, "alignment failed (too few matching stars)"),
        (np.full(SHAPE, np.nan), "alignment failed (too few matching stars)"),
        (np.zeros(SHAPE, np.uint16), "alignment failed (too few matching stars)"),
        (frame(9)[:-1], "frame size differs from reference"),
    ]
    for image, reason in cases:
        report = stacked.add_frame(image)
        assert (report["accepted"], report["reason"]) == (False, reason)
        assert report["offset"] == (0.0, 0.0)
        assert report["rotation_deg"] is None
        assert report["inliers"] == 0
        assert report["rms_px"] is None
        assert report["snr_gain"] == 1.73
        assert state(stacked) == before


def test_offset_out_of_range():
    st = LiveStacker(max_offset_px=20.0)
    st.add_frame(frame(0))
    assert st.add_frame(frame(1, shift_px=(19.5, -19.5)))["accepted"]
    report = st.add_frame(frame(2, shift_px=(20.6, 12.1)))
    assert report["reason"] == "offset out of range (20.6,12.1)"
    assert report["inliers"] > 30
    assert report["offset"] == (0.0, 0.0)


def test_a_frame_without_stars_is_no_reference():
    st = LiveStacker()
    empty = np.random.default_rng(0).normal(800.0, 5.0, SHAPE)
    report = st.add_frame(empty)
    assert report["reason"] == "reference frame has too few stars"
    assert st.stacked_image() is None
    assert st.add_frame(frame(0))["reason"] == "reference frame"


@pytest.mark.parametrize(
    ("bad", "match"),
    [
        (np.empty((0, 0)), r"shape \(0, 0\)"),
        (np.empty((0, 5)), r"shape \(0, 5\)"),
        (np.zeros(30), r"shape \(30,\)"),
        (np.zeros((2, 3, 4, 5)), r"shape \(2, 3, 4, 5\)"),
        (np.full((20, 30), None), "object"),
        (np.full((20, 30), "a"), "<U1"),
        (np.zeros((20, 30), complex), "complex"),
        (None, "object|shape"),
    ],
    ids=["0x0", "0x5", "1-D", "4-D", "object", "text", "complex", "None"],
)
def test_what_is_no_image_is_an_error_and_is_not_counted(stacked, bad, match):
    before = state(stacked)
    with pytest.raises(ValueError, match=match):
        stacked.add_frame(bad)
    assert state(stacked) == before
    assert stacked.frames_total == 3


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("detection_fwhm", 0),
        ("detection_threshold", -1.0),
        ("max_stars", 0),
        ("match_tolerance_px", float("nan")),
        ("min_inliers", 0),
        ("max_offset_px", -3),
        ("transform", "affine"),
        ("interpolation", "cubic"),
        ("reseed_after", 1),
        ("clip", 0.0),
        ("weighting", "snr"),
        ("normalize", "plane"),
        ("colour", "rgb"),
        ("colour", 0),
        ("max_fwhm", 0.5),
        ("min_weight", 1.5),
    ],
)
def test_options_are_checked(option, value):
    with pytest.raises(ValueError, match=f"{option} must be .*got {value!r}"):
        LiveStacker(**{option: value})


@pytest.mark.parametrize(
    "as_what", ["list", "uint16", "int32", "float64", "big-endian", "column by column"]
)
def test_anything_that_coerces_is_a_frame(as_what):
    image = np.round(frame(0)).clip(0, 65535)
    convert = {
        "list": lambda a: a.tolist(),
        "uint16": lambda a: a.astype(np.uint16),
        "int32": lambda a: a.astype(np.int32),
        "float64": lambda a: a.astype(np.float64),
        "big-endian": lambda a: a.astype(">u2"),
        "column by column": lambda a: np.asfortranarray(a),
    }[as_what]
    st = LiveStacker()
    assert st.add_frame(convert(image))["accepted"]
    np.testing.assert_allclose(st.stacked_image(), image, rtol=0, atol=0)


@pytest.mark.parametrize("layout", ["planes first", "planes last"])
def test_colour_collapses_by_averaging_the_smallest_axis(layout):
    mono = frame(0)
    axis = 0 if layout == "planes first" else 2
    colour = np.stack([mono, 2 * mono, 3 * mono], axis=axis)
    st = LiveStacker()
    st.add_frame(colour)
    np.testing.assert_allclose(st.stacked_image(), 2 * mono, rtol=1e-6)


def test_the_frame_given_is_never_changed():
    image = frame(0)
    image[5, 7] = np.nan
    kept = image.copy()
    st = LiveStacker()
    st.add_frame(image)
    st.add_frame(image)
    np.testing.assert_array_equal(image, kept)
    mosaic = Frame(frame(1).astype(np.uint16), bayer="GRBG")
    kept = mosaic.image.copy()
    LiveStacker().add_frame(mosaic)
    np.testing.assert_array_equal(mosaic.image, kept)


def documented(images):
    """The documented algorithm in a few plain lines: offsets and mean of the frames."""
    from astropy.stats import sigma_clipped_stats

    def stars(image):
        _, median, sigma = sigma_clipped_stats(image, sigma=3.0)
        table = DAOStarFinder(5.0 * sigma, 4.0)(image - median)
        table.sort("flux", reverse=True)
        return np.column_stack([table["x_centroid"], table["y_centroid"]])[:60]

    reference = stars(images[0])
    total, offsets = images[0].astype(np.float64), [np.zeros(2)]
    for image in images[1:]:
        found = stars(image)
        between = reference[:, None] - found[None]
        votes = [
            (np.linalg.norm(between - d, axis=2) < 2.0).any(axis=0).sum()
            for d in between.reshape(-1, 2)
        ]
        best = between.reshape(-1, 2)[np.argmax(votes)]
        residual = between - best
        inlier = np.linalg.norm(residual, axis=2) < 2.0
        offset = best + np.median(residual[inlier], axis=0)
        total += scipy_shift(image.astype(np.float64), offset[::-1], order=1)
        offsets.append(offset)
    return np.array(offsets), total / len(images)


def test_documented_options_reproduce_the_documented_algorithm():
    images = drift(6, step=(2.31, -1.43), field=BRIGHT_FIELD)
    offsets, mean = documented(images)
    st = LiveStacker(
        transform="translation", interpolation="bilinear", clip=None, weighting=None, normalize=None
    )
    reports = [st.add_frame(image) for image in images]
    np.testing.assert_allclose([r["offset"] for r in reports], offsets, rtol=0, atol=0.02)
    covered = st.stack.coverage == 6
    covered[[0, -1]] = covered[:, [0, -1]] = False
    assert covered.mean() > 0.8
    # An offset that differs by 0.02 px moves a pixel by 0.02 times the local slope.
    slope = np.hypot(*np.gradient(mean))
    difference = np.abs(st.stacked_image() - mean)[covered]
    assert np.all(difference <= 0.05 * slope[covered] + 0.05 * 29)
    assert np.sqrt(np.mean(difference**2)) < 2.0


def test_edges_of_a_drifting_stack_are_not_darkened():
    images = [frame(n, shift_px=(4.3 * n, 2.9 * n)) for n in range(12)]
    st = LiveStacker(interpolation="bilinear", transform="translation")
    for image in images:
        st.add_frame(image)
    coverage, mean = st.stack.coverage, st.stacked_image()
    truth = simulate_frame(FIELD, SHAPE, seed=None)
    edge = (coverage > 0) & (coverage < 12)
    sky = truth < 802.0
    assert (edge & sky).sum() > 2_000
    assert abs(np.mean((mean - truth)[edge & sky])) < 0.5
    assert np.array_equal(np.isnan(mean), coverage == 0)
    _, by_hand = documented(images)
    assert np.mean((by_hand - truth)[edge & sky]) < -100


@pytest.mark.parametrize(
    "motion",
    [
        pytest.param(lambda n: (3.0 * n / 15, (0.8 * n, -0.3 * n)), id="rotating 3 degrees"),
        pytest.param(lambda n: (180.0 * (n >= 8), (2.0 * n, -1.0 * n)), id="flipped"),
        pytest.param(lambda n: (360.0 * n / 16, (1.0 * n, 0.5 * n)), id="all angles"),
    ],
)
def test_every_frame_of_a_turning_sequence_is_accepted(motion):
    st = LiveStacker()
    reports = []
    for n in range(16):
        rotation, shift_px = motion(n)
        reports.append(st.add_frame(frame(n, rotation_deg=rotation, shift_px=shift_px)))
        expected = np.array(shift_px) - motion(0)[1]
        np.testing.assert_allclose(reports[-1]["offset"], expected, rtol=0, atol=0.1)
        turned = (reports[-1]["rotation_deg"] - rotation + 180) % 360 - 180
        assert abs(turned) < 0.03
    assert [r["accepted"] for r in reports] == [True] * 16


def test_shifts_up_to_the_limit():
    wide = (700, 1000)
    field = random_field(wide, 400, seed=8, margin_px=320, faintest_adu=3_000.0)
    st = LiveStacker()
    st.add_frame(simulate_frame(field, wide, seed=0))
    for n, shift_px in enumerate([(299.5, 0.0), (0.0, -299.5), (-299.5, 299.5)]):
        motion = Transform.rigid(shift_px=shift_px)
        report = st.add_frame(simulate_frame(field, wide, transform=motion, seed=n + 1))
        assert report["accepted"], report["reason"]
        assert report["offset"] == pytest.approx(shift_px, abs=0.03)


def test_noise_falls_with_the_square_root_of_n():
    shape, count = (900, 1200), 16
    field = random_field(shape, 120, seed=3, faintest_adu=5_000.0)
    st = LiveStacker()
    rng = np.random.default_rng(1)
    for n in range(count):
        motion = turn(shape, 0.05 * n, rng.uniform(-3, 3, 2))
        report = st.add_frame(simulate_frame(field, shape, transform=motion, seed=n))
    full = np.where(st.stack.coverage == count, st.stacked_image(), np.nan)
    stars = np.ones(shape, bool)
    truth = simulate_frame(field, shape, seed=None)
    stars &= truth < 801.0
    single = sky_noise(np.where(stars, simulate_frame(field, shape, seed=99), np.nan))
    gain = single / sky_noise(np.where(stars, full, np.nan))
    assert gain == pytest.approx(count**0.5, rel=0.03)
    assert report["snr_gain_measured"] == pytest.approx(count**0.5, rel=0.05)


@pytest.mark.parametrize("options", [{}, {"interpolation": "bilinear"}], ids=["sharp", "bilinear"])
def test_flux_of_isolated_stars(options):
    rng = np.random.default_rng(11)
    shape = (400, 520)
    stars = StarField(spaced(rng, shape, 25, apart_px=40.0, margin_px=40.0), np.full(25, 4e5))
    st = LiveStacker(**options)
    for n in range(16):
        motion = turn(shape, 3.0 * n / 15, rng.uniform(-4, 4, 2) if n else (0.0, 0.0))
        report = st.add_frame(simulate_frame(stars, shape, transform=motion, seed=n))
        assert report["accepted"]
    truth = simulate_frame(stars, shape, seed=None) - 800.0
    excess = st.stacked_image() - 800.0
    apertures = CircularAperture(stars.xy, r=12.0)
    flux = aperture_photometry(excess, apertures)["aperture_sum"]
    flux /= aperture_photometry(truth, apertures)["aperture_sum"]
    np.testing.assert_allclose(flux, 1.0, rtol=0, atol=0.005)
    assert np.mean(flux) == pytest.approx(1.0, abs=0.001)


def test_reseeds_when_the_first_frame_matches_nothing():
    st = LiveStacker()
    bad = st.add_frame(frame(50, field=OTHER_FIELD))
    assert bad["reason"] == "reference frame"
    images = drift(4)
    second, third, fourth, fifth = (st.add_frame(image) for image in images)
    assert not second["accepted"]
    assert not third["accepted"]
    assert fourth["accepted"]
    assert fourth["reason"] == "stacked (frame 1 is the new reference)"
    assert fourth["amended"] == [0, 1, 2]
    assert fourth["frames_stacked"] == 3
    assert st.reports[3] == fourth
    assert fifth["reason"] == "stacked"
    reports = st.reports
    assert [r["accepted"] for r in reports] == [False, True, True, True, True]
    assert reports[0]["reason"] == "reference dropped (matched none of the frames that followed)"
    assert reports[1]["reason"] == "reference frame"
    assert [r["frames_stacked"] for r in reports] == [0, 1, 2, 3, 4]
    assert (st.frames_stacked, st.frames_total, st.frames_rejected) == (4, 5, 1)
    never_bad = LiveStacker()
    for image in images:
        never_bad.add_frame(image)
    np.testing.assert_allclose(st.stacked_image(), never_bad.stacked_image(), rtol=0, atol=3.0)


def test_reseeds_when_the_first_frame_has_another_size():
    st = LiveStacker()
    st.add_frame(frame(0)[:200, :300])
    for image in drift(3):
        last = st.add_frame(image)
    assert last["accepted"]
    assert st.stacked_image().shape == SHAPE


def test_reseeding_can_be_switched_off():
    st = LiveStacker(reseed_after=None)
    st.add_frame(frame(50, field=OTHER_FIELD))
    assert not any(st.add_frame(image)["accepted"] for image in drift(5))
    assert st.frames_stacked == 1


def test_a_reference_that_was_matched_is_kept(stacked):
    for n in range(5):
        report = stacked.add_frame(frame(n, field=OTHER_FIELD))
        assert report["reason"] == "alignment failed (too few matching stars)"
    assert stacked.frames_stacked == 3


def test_stray_frames_that_do_not_match_each_other_do_not_reseed():
    st = LiveStacker()
    st.add_frame(frame(0))
    for n in range(6):
        stranger = random_field(SHAPE, 120, seed=200 + n, faintest_adu=2_000.0)
        assert not st.add_frame(frame(n, field=stranger))["accepted"]
    assert st.add_frame(frame(7, shift_px=(3.0, 1.0)))["accepted"]


def test_reset_starts_again(stacked):
    stacked.reset()
    assert (stacked.frames_stacked, stacked.frames_total, stacked.frames_rejected) == (0, 0, 0)
    assert stacked.stacked_image() is None
    assert stacked.snr_gain() == 0.0
    assert stacked.reports == []
    assert stacked.add_frame(frame(0))["reason"] == "reference frame"


def test_values_handed_out_do_not_change_later(stacked):
    image, stack, reports = stacked.stacked_image(), stacked.stack, stacked.reports
    kept = image.copy(), stack.mean.copy(), stack.coverage.copy(), json.dumps(reports)
    stacked.add_frame(frame(3))
    np.testing.assert_array_equal(image, kept[0])
    np.testing.assert_array_equal(stack.mean, kept[1])
    np.testing.assert_array_equal(stack.coverage, kept[2])
    assert json.dumps(reports) == kept[3]
    assert image.dtype == np.float32


def test_preview_is_a_png_of_the_documented_stretch(stacked):
    encoded = stacked.preview_png_b64(max_px=180)
    picture = Image.open(io.BytesIO(base64.b64decode(encoded, validate=True)))
    assert picture.format == "PNG"
    assert picture.mode == "L"
    assert picture.size == (180, 120)
    full = np.asarray(Image.open(io.BytesIO(base64.b64decode(stacked.preview_png_b64(max_px=360)))))
    mean = stacked.stacked_image()
    low, high = np.nanpercentile(mean, [1, 99.5])
    scaled = np.clip((np.nan_to_num(mean, nan=low) - low) / (high - low), 0, 1)
    expected = 255 * np.arcsinh(10 * scaled) / np.arcsinh(10)
    np.testing.assert_allclose(full, expected, rtol=0, atol=0.51)


def test_a_small_preview_shows_no_satellite():
    images = drift(6)
    images[2][np.abs(np.subtract.outer(np.arange(240), np.arange(360) // 2)) < 2] += 900
    pictures = []
    for clip in (4.0, None):
        st = LiveStacker(clip=clip)
        for image in images:
            assert st.add_frame(image)["accepted"]
        png = st.preview_png(max_px=90)
        assert png == base64.b64decode(st.preview_png_b64(max_px=90))
        pictures.append(np.asarray(Image.open(io.BytesIO(png))).astype(float))
    clean = LiveStacker()
    for image in drift(6):
        clean.add_frame(image)
    expected = np.asarray(Image.open(io.BytesIO(clean.preview_png(max_px=90)))).astype(float)
    row, col = np.indices((60, 90))
    track = (np.abs(row - col / 2) < 1) & (expected < 150)
    assert pictures[0].shape == (60, 90)
    assert (pictures[1] - expected)[track].mean() > 20
    assert abs((pictures[0] - expected)[track].mean()) < 4


def test_equal_frames_give_equal_stacks():
    first, second = LiveStacker(), LiveStacker()
    for image in drift(4):
        assert first.add_frame(image) == second.add_frame(image)
    assert first.stacked_image().tobytes() == second.stacked_image().tobytes()


def test_masked_pixels_take_no_part():
    images = drift(3, step=(2.0, 1.0))
    st = LiveStacker()
    for image in images:
        damaged = image.copy()
        damaged[100:110, 150:160] = np.nan
        assert st.add_frame(damaged)["accepted"]
    coverage = st.stack.coverage
    assert coverage[104:106, 154:156].max() < 3
    assert coverage[50, 50] == 3
    assert 0 < (coverage == 0).sum() < 2_000
    assert np.isfinite(st.stacked_image()[coverage > 0]).all()


def test_bayer_frames_are_stacked_as_luminance():
    st = LiveStacker()
    for n in range(3):
        mosaic = frame(n, shift_px=(1.4 * n, -0.6 * n))
        mosaic[0::2, 1::2] *= 0.6
        mosaic[1::2, 0::2] *= 0.8
        report = st.add_frame(Frame(mosaic, bayer="GRBG"))
        assert report["accepted"]
    image = st.stacked_image()[30:-30, 30:-30]
    cells = [np.median(image[row::2, col::2]) for row in (0, 1) for col in (0, 1)]
    assert np.ptp(cells) < 2.0
    assert np.median(image) == pytest.approx(800 * (1 + 0.6 + 0.8 + 1) / 4, abs=3)


def test_frames_may_come_from_several_threads():
    st = LiveStacker()
    st.add_frame(frame(0))
    images = drift(8, start=1)
    threads = [threading.Thread(target=st.add_frame, args=(image,)) for image in images]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (st.frames_stacked, st.frames_total) == (9, 9)
    assert st.stack.coverage.max() == 9
    assert sorted(r["index"] for r in st.reports) == list(range(9))


def test_last_registration_joins_inliers(stacked):
    registration = stacked.last_registration
    assert isinstance(registration, Registration)
    moved = registration.transform(registration.frame_xy)[registration.inliers]
    target = registration.reference_xy[registration.inliers]
    distance = np.linalg.norm(moved - target, axis=1)
    assert 0.02 < np.median(distance) < 0.2
    assert distance.max() < 2.0
    np.testing.assert_allclose(
        distance, registration.residuals_px[registration.inliers], rtol=1e-12
    )


def test_a_frame_is_stacked_without_slow_imports():
    code = (
        "import sys, numpy as np\n"
        "from seestack import LiveStacker\n"
        "from seestack.simulation import random_field, simulate_frame\n"
        "field = random_field((150, 220), 30, seed=1)\n"
        "st = LiveStacker()\n"
        "for n in range(5):\n"
        "    info = st.add_frame(simulate_frame(field, (150, 220), seed=n))\n"
        "slow = {'astropy', 'matplotlib', 'photutils', 'scipy'}\n"
        "print(info['reason'], sorted(slow & set(sys.modules)))\n"
    )
    printed = subprocess.check_output([sys.executable, "-c", code], text=True)
    assert printed.strip() == "stacked []"
