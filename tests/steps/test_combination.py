"""make_master and bad_pixels against a camera whose faults are known."""

import tracemalloc

import numpy as np
import pytest
from camera import READ_NOISE, SHAPE, bias_level, coloured, dark_current, exposed, vignetting
from simulated import NOT_POSITIVE

from seestack import CalibrationMismatchError, Frame, Master, bad_pixels, make_master

DARK = bias_level() + 10.0 * dark_current()


def darks(count=16, **options):
    return [exposed(seed=n, **options) for n in range(count)]


def flats(count=12, *, bayer=None, light=20_000.0):
    """Return flats of changing brightness with photon noise, with the dead pixel (30, 50)."""
    taken = []
    for n in range(count):
        share = coloured(vignetting(), bayer)
        share[30, 50] = 0.02
        expected = light * (1 + 0.05 * n) * share
        photons = np.random.default_rng(100 + n).poisson(expected)
        taken.append(exposed(photons, exposure_s=0.0, seed=n, bayer=bayer))
    return taken


def bias():
    return make_master([exposed(exposure_s=0.0, seed=900 + n) for n in range(30)], "bias")


def test_a_master_dark_has_the_noise_of_the_mean_and_no_cosmic_ray():
    frames = darks()
    frames[5].image[40:44, 60:70] += 3_000.0
    frames[9].image[40, 62] += 50_000.0
    error = make_master(frames, "dark").image - DARK
    np.testing.assert_allclose(error.std(), READ_NOISE / 4, rtol=0.04)
    np.testing.assert_allclose(error.mean(), 0.0, rtol=0, atol=0.05)
    # Six sigma of the mean of 14 frames.
    assert np.abs(error[40:44, 60:70]).max() < 6 * READ_NOISE / np.sqrt(14)


def test_three_frames_are_enough_against_a_cosmic_ray():
    frames = darks(3)
    frames[1].image[40, 62] += 3_000.0
    error = make_master(frames, "dark").image - DARK
    assert abs(error[40, 62]) < 6 * READ_NOISE / np.sqrt(2)


def test_rounding_to_whole_numbers_costs_nothing():
    """Most frames of a quiet camera agree, yet the rare other value is no outlier."""
    rng = np.random.default_rng(3)
    raw = rng.normal(100.3, 0.35, (25, *SHAPE)).round().astype(np.uint16)
    master = make_master([Frame(image) for image in raw], "bias")
    kept_all = np.isclose(master.image, raw.mean(axis=0), rtol=1e-6, atol=0)
    assert kept_all.mean() > 0.99  # two steps away is an outlier, as it would be unrounded
    np.testing.assert_allclose(master.image.mean(), raw.mean(), rtol=0, atol=0.002)


def test_pixels_without_a_value_take_no_part():
    frames = darks(6)
    frames[2].image[10, 20] = np.nan
    frames[3].image[11, 21] = np.inf
    for frame in frames:
        frame.image[12, 22] = np.nan
    for frame in frames[:4]:
        frame.image[13, 23] = -np.inf
    image = make_master(frames, "dark").image
    assert np.argwhere(~np.isfinite(image)).tolist() == [[12, 22]]
    assert abs(image[10, 20] - DARK[10, 20]) < 6 * READ_NOISE / np.sqrt(5)
    assert abs(image[13, 23] - DARK[13, 23]) < 6 * READ_NOISE / np.sqrt(2)


def test_how_a_master_was_taken():
    frames = [exposed(seed=n, bayer="GRBG", **{"CCD-TEMP": 20.0 + n}) for n in range(3)]
    master = make_master(iter(frames), "dark")
    assert (master.kind, master.count, master.bayer) == ("dark", 3, "GRBG")
    assert (master.exposure_s, master.gain, master.temperature_c) == (10.0, 80.0, 21.0)


@pytest.mark.parametrize("bayer", [None, "RGGB", "GRBG"])
def test_a_flat_shows_the_vignetting_and_marks_the_dead_pixel(bayer):
    master = make_master(flats(bayer=bayer), "flat", bias=bias())
    assert np.argwhere(np.isnan(master.image)).tolist() == [[30, 50]]
    expected = vignetting()
    relative = master.image / expected
    for site in [(slice(row, None, 2), slice(col, None, 2)) for row in (0, 1) for col in (0, 1)]:
        np.testing.assert_allclose(np.nanmedian(master.image[site]), 1.0, rtol=0.01)
        # Photon noise of 12 flats of 9,000 to 31,000 ADU, weighed alike, at most 0.4 %.
        level = np.nanmedian(relative[site])  # of two places of green, one may be 0.1 % off
        assert np.nanstd(relative[site] / level) < 0.005
        np.testing.assert_allclose(level * np.median(expected), 1.0, rtol=0.005)


@pytest.mark.parametrize("bayer", [None, "RGGB", "GBRG"])
def test_each_colour_of_a_flat_has_the_median_1(bayer):
    image = make_master(flats(3, bayer=bayer), "flat", bias=bias()).image
    for colour in set(bayer or "L"):
        own = np.ones(SHAPE, bool)
        for site, name in enumerate(bayer or ""):
            own[site // 2 :: 2, site % 2 :: 2] = name == colour
        np.testing.assert_allclose(np.nanmedian(image[own]), 1.0, rtol=0, atol=1e-6)


def test_without_a_bias_a_flat_is_too_even():
    """Why bias is asked for: the contrast falls by the share of the pedestal."""
    good = make_master(flats(light=2_000.0), "flat", bias=bias()).image
    poor = make_master(flats(light=2_000.0), "flat").image
    assert poor[0, 0] - good[0, 0] > 0.03


def test_the_dark_of_a_flat_is_taken_off_it():
    taken = [exposed(9_000.0 * vignetting(), exposure_s=10.0, seed=n) for n in range(6)]
    master = make_master(taken, "flat", dark=make_master(darks(), "dark"))
    np.testing.assert_allclose(
        master.image, vignetting() / np.median(vignetting()), rtol=0.005, atol=0
    )


@pytest.mark.parametrize(
    ("other", "words"),
    [
        ({"exposure_s": 30.0}, "exposure is 10 s and the frame's is 30 s"),
        ({"GAIN": 120}, "gain is 80 and the frame's is 120"),
        ({"CCD-TEMP": 26.0}, "temperature is 20 C and the frame's is 26 C"),
        ({"shape": (140, 90)}, r"size .* is \(90, 140\) and the frame's is \(140, 90\)"),
    ],
)
def test_frames_of_different_kinds_are_not_mixed(other, words):
    with pytest.raises(
        CalibrationMismatchError, match=f"frame 3 differs from the first: .*{words}"
    ):
        make_master([*darks(2), exposed(**other)], "dark")


def test_bad_arguments():
    with pytest.raises(ValueError, match="at least one dark frame, got none"):
        make_master([], "dark")
    with pytest.raises(ValueError, match="kind must be one of"):
        make_master(darks(2), "light")
    with pytest.raises(ValueError, match=r"frames must be a 2-D array .* \(3, 4, 5\)"):
        make_master([Frame(np.zeros((3, 4, 5)))], "dark")
    with pytest.raises(ValueError, match="taken off flats only"):
        make_master(darks(2), "dark", bias=bias())
    with pytest.raises(ValueError, match=r"flat 1 .*shows no light"):
        make_master([Frame(np.zeros(SHAPE))], "flat", bias=Master("bias", bias_level()))


def test_equal_frames_give_equal_masters_and_stay_as_they_are():
    frames, offset = flats(4, bayer="GRBG"), bias()
    before = [frame.image.copy() for frame in frames]
    first, again = (make_master(frames, "flat", bias=offset) for _ in range(2))
    np.testing.assert_array_equal(first.image, again.image)
    for frame, image in zip(frames, before, strict=True):
        np.testing.assert_array_equal(frame.image, image)


def test_the_blocks_do_not_show(monkeypatch):
    frames, lit = darks(5), flats(5, bayer="GRBG")
    whole, flat = make_master(frames, "dark").image, make_master(lit, "flat").image
    monkeypatch.setattr("seestack.steps.combination._BLOCK_VALUES", 5 * SHAPE[1] * 7)
    np.testing.assert_array_equal(make_master(frames, "dark").image, whole)
    np.testing.assert_array_equal(make_master(lit, "flat").image, flat)


def test_memory_does_not_grow_with_the_frames():
    rng = np.random.default_rng(0)
    one = rng.integers(90, 110, (1080, 1920), np.uint16)
    frames = [Frame(np.roll(one, n, axis=1)) for n in range(24)]
    tracemalloc.start()
    try:
        make_master(frames, "dark")
        assert tracemalloc.get_traced_memory()[1] < 110e6
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("bayer", [None, "RGGB"])
def test_bad_pixels_are_the_hot_ones_and_not_the_glow(bayer):
    truth = dark_current() > 40.0
    master = make_master(darks(bayer=bayer), "dark")
    np.testing.assert_array_equal(bad_pixels(master), truth)


def test_cold_and_missing_pixels_are_bad():
    image = make_master([exposed(exposure_s=0.0, seed=n) for n in range(9)], "bias").image.copy()
    image[20, 30], image[25, 70] = 0.0, np.nan
    assert np.argwhere(bad_pixels(Master("bias", image))).tolist() == [[20, 30], [25, 70]]


def test_a_flat_is_no_dark():
    with pytest.raises(ValueError, match="got a flat"):
        bad_pixels(Master("flat", np.ones(SHAPE)))


@pytest.mark.parametrize(("value", "error", "words"), NOT_POSITIVE)
def test_bad_threshold(value, error, words):
    with pytest.raises(error, match=f"threshold {words}"):
        bad_pixels(Master("dark", DARK), threshold=value)
