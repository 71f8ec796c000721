"""read_calibration: masters from files, as the command makes them."""

import numpy as np
import pytest
from astropy.io import fits
from camera import SHAPE, bias_level, dark_current, exposed, vignetting

from seestack import CalibrationMismatchError, UnreadableFrameError, read_calibration
from seestack.sources.files import FrameWarning


def write(folder, count, light=0.0, **options):
    """Write frames of the faulty camera and return their folder."""
    folder.mkdir()
    for n in range(count):
        frame = exposed(light, seed=n, **options)
        cards = fits.Header({"EXPTIME": frame.exposure_s, **frame.header})
        fits.writeto(folder / f"{n}.fit", frame.image.round().astype(np.uint16), cards)
    return folder


def test_files_and_folders_become_masters(tmp_path):
    bias = write(tmp_path / "bias", 5, exposure_s=0.0)
    dark = write(tmp_path / "dark", 5)
    flat = write(tmp_path / "flat", 3, 2e4 * vignetting(), exposure_s=0.0)
    made = read_calibration(bias=bias, dark=sorted(dark.iterdir()), flat=str(flat))
    assert (made.bias.count, made.dark.count, made.flat.count) == (5, 5, 3)
    assert (made.dark.exposure_s, made.dark.gain, made.dark.temperature_c) == (10.0, 80.0, 20.0)
    error = made.dark.image - bias_level() - 10.0 * dark_current()
    np.testing.assert_allclose(error.mean(), 0.0, rtol=0, atol=0.1)
    expected = vignetting() / np.median(vignetting())
    np.testing.assert_allclose(made.flat.image, expected, rtol=0.01, atol=0)
    np.testing.assert_array_equal(made.bad, dark_current() > 40)


def test_flats_take_the_dark_that_fits_them(tmp_path):
    dark = write(tmp_path / "dark", 5)
    flat = write(tmp_path / "flat", 3, 2e3 * vignetting())
    made = read_calibration(dark=dark, flat=flat)
    expected = vignetting() / np.median(vignetting())
    np.testing.assert_allclose(np.nanmedian(made.flat.image / expected), 1.0, rtol=0.002)
    assert abs(np.nanmean(made.flat.image[:10, :10] / expected[:10, :10]) - 1) < 0.01


def test_flats_without_anything_to_take_off_warn(tmp_path):
    flat = write(tmp_path / "flat", 3, 2e4 * vignetting(), exposure_s=0.0)
    with pytest.warns(FrameWarning, match="correct too little; add bias frames"):
        read_calibration(flat=flat)


def test_a_stranger_among_the_frames_is_named(tmp_path):
    dark = write(tmp_path / "dark", 2)
    other = write(tmp_path / "other", 1, shape=SHAPE[::-1])
    with pytest.raises(CalibrationMismatchError, match=r"frame 3 \(.*0.fit\) differs from the"):
        read_calibration(dark=[dark, other])


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(UnreadableFrameError, match="no such file or folder"):
        read_calibration(dark=tmp_path / "none")
