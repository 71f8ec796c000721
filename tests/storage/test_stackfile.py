"""A stack that is written, read back, and written again."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from astropy.io import fits
from numpy.testing import assert_allclose, assert_array_equal

from seestack import Frame, LiveStacker, StackFileError, merge, read_observation, read_stack
from seestack.simulation import random_field, simulate_frame
from seestack.storage.fits import write_stack

EVENING = datetime(2026, 4, 9, 23, 59, 50, tzinfo=UTC)
CARDS = {"OBJECT": "M 94", "GAIN": 80, "CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN"} | {
    **{"CRPIX1": 19.5, "CRPIX2": 12.0, "CRVAL1": 192.7, "CRVAL2": 41.1},
    **{"CD1_1": -6e-4, "CD1_2": 2e-4, "CD2_1": 2e-4, "CD2_2": 6e-4, "SITELAT": 44.7654},
}


def stacker(colour, seeds):
    field = random_field((90, 130), 40, seed=5, faintest_adu=4_000.0)
    st = LiveStacker()
    for n in seeds:
        image = simulate_frame(field, (90, 130), seed=n)
        if colour:
            image = np.stack([image, 2 * image, 0.5 * image], axis=2)
        st.add_frame(Frame(image, 10.0, EVENING + n * timedelta(seconds=12), header=CARDS))
    return st


@pytest.mark.parametrize("colour", [False, True])
def test_a_stack_comes_back(tmp_path, colour):
    st = stacker(colour, range(5))
    stack = st.stack
    write_stack(tmp_path / "stack.fits", stack, st.observation)
    again = read_stack(tmp_path / "stack.fits")
    assert again.mean.shape == stack.mean.shape
    assert again.mean.dtype == again.weight.dtype == again.m2.dtype == np.float64
    assert_array_equal(again.mean, stack.mean.astype(np.float32))
    assert_array_equal(again.coverage, stack.coverage)
    assert_array_equal(again.rejected, stack.rejected)
    assert_allclose(again.variance, stack.variance, rtol=2e-7, atol=0)
    assert_allclose(again.weight, stack.weight, rtol=2e-7, atol=0)
    assert_allclose(again.m2, stack.m2, rtol=1e-6, atol=1e-6)
    assert (again.frames, again.extremes) == (5, None)
    # Written again, the images are the same to the last bit.
    seen = read_observation(tmp_path / "stack.fits")
    write_stack(tmp_path / "again.fits", again, seen)
    with fits.open(tmp_path / "stack.fits") as one, fits.open(tmp_path / "again.fits") as other:
        for ours, theirs in zip(one, other, strict=True):
            assert_allclose(ours.data, theirs.data, rtol=1e-6, atol=0, equal_nan=True)


def test_times_and_cards_come_back(tmp_path):
    st = stacker(False, range(3))
    seen = st.observation
    write_stack(tmp_path / "stack.fits", st.stack, seen)
    again = read_observation(tmp_path / "stack.fits")
    assert again.total_exposure_s == seen.total_exposure_s
    for name in ("start", "middle", "end"):
        apart = getattr(again, name) - getattr(seen, name)
        assert abs(apart.total_seconds()) <= 0.001
    assert again.timed_frames == 3
    write_stack(tmp_path / "again.fits", read_stack(tmp_path / "stack.fits"), again)
    assert again.reference.header["CRVAL1"] == 192.7
    ours, theirs = (fits.getheader(tmp_path / f"{name}.fits") for name in ("stack", "again"))
    for keyword in set(ours) - {"CHECKSUM", "DATASUM", ""}:
        assert theirs[keyword] == ours[keyword], keyword


def test_stacks_of_one_grid_merge_after_reading(tmp_path):
    # Not clipped: `merge` sums what the frames themselves left.
    parts = [stacker(False, (0, *seeds)).running_stack for seeds in ((1, 2), (3, 4, 5))]
    for n, part in enumerate(parts):
        write_stack(tmp_path / f"{n}.fits", part)
    read = merge(*(read_stack(tmp_path / f"{n}.fits") for n in (0, 1)))
    whole = merge(*parts)
    assert_allclose(read.mean, whole.mean, rtol=2e-7, atol=0)
    assert_allclose(read.variance, whole.variance, rtol=2e-3, atol=0)
    assert read.frames == whole.frames == 7


def test_files_of_other_kinds_are_named(tmp_path):
    with pytest.raises(StackFileError, match=r"none.fits: cannot be read \(No such file"):
        read_stack(tmp_path / "none.fits")
    (tmp_path / "text.fits").write_text("not a picture")
    with pytest.raises(StackFileError, match=r"text.fits: is no FITS file, or compressed; unpack"):
        read_stack(tmp_path / "text.fits")
    fits.writeto(tmp_path / "frame.fits", np.zeros((4, 6), np.float32))
    with pytest.raises(StackFileError, match=r"frame.fits: has no images UNCERT and COVERAGE"):
        read_stack(tmp_path / "frame.fits")


def test_damage_is_found(tmp_path):
    st = stacker(False, range(3))
    write_stack(tmp_path / "stack.fits", st.stack, st.observation)
    body = (tmp_path / "stack.fits").read_bytes()
    for place in (400, 6_000, len(body) // 2, len(body) - 3_000):
        damaged = bytearray(body)
        damaged[place] ^= 4
        (tmp_path / "damaged.fits").write_bytes(damaged)
        with pytest.raises(StackFileError, match=r"damaged.fits: is damaged"):
            read_stack(tmp_path / "damaged.fits")
    (tmp_path / "short.fits").write_bytes(body[:-20_000])
    with pytest.raises(StackFileError, match=r"short.fits: is (cut short|damaged)"):
        read_stack(tmp_path / "short.fits")


def test_images_that_contradict_each_other_are_refused(tmp_path):
    st = stacker(False, range(3))
    write_stack(tmp_path / "stack.fits", st.stack, st.observation)
    with fits.open(tmp_path / "stack.fits") as units:
        units["COVERAGE"].data[:] = -1
        units.writeto(tmp_path / "negative.fits", checksum=True)
    with pytest.raises(StackFileError, match=r"negative.fits: its images contradict each other"):
        read_stack(tmp_path / "negative.fits")
    with fits.open(tmp_path / "stack.fits") as units:
        units["UNCERT"].data = units["UNCERT"].data[:50]
        units.writeto(tmp_path / "shapes.fits", checksum=True)
    with pytest.raises(StackFileError, match=r"shapes.fits: its images have the shapes"):
        read_stack(tmp_path / "shapes.fits")
