"""The file of a stack, opened again by astropy."""

import errno
import os
import warnings
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from astropy.io import fits
from astropy.nddata import CCDData, VarianceUncertainty
from astropy.wcs import WCS
from numpy.testing import assert_allclose, assert_array_equal

from seestack.model import Frame, Observation, Stack
from seestack.sources.files import FrameWarning, read_frame
from seestack.steps.accumulation import accumulate
from seestack.storage.fits import write_stack

SHAPE = (24, 37)
EVENING = datetime(2026, 4, 9, 23, 59, 50, tzinfo=UTC)
SITE = {
    "SITELAT": 44.7654,
    "SITELONG": -0.6543,
    "SITEELEV": 123.4,
    "LAT-OBS": 44.7654,
    "LONG-OBS": -0.6543,
    "ALT-OBS": 123.4,
    "OBSLAT": 44.7654,
    "OBSGEO-X": 4536789.5,
    "LATITUDE": "44:45:55",
    "LONGITUD": "-0:39:15",
    "GPS_LAT": 44.7654,
    "GPS_LON": -0.6543,
}
TAN_SIP = {
    "CTYPE1": "RA---TAN-SIP",
    "CTYPE2": "DEC--TAN-SIP",
    "CRPIX1": 19.5,
    "CRPIX2": 12.0,
    "CRVAL1": 192.7,
    "CRVAL2": 41.1,
    "CUNIT1": "deg",
    "CUNIT2": "deg",
    "CD1_1": -6e-4,
    "CD1_2": 2e-4,
    "CD2_1": 2e-4,
    "CD2_2": 6e-4,
    "A_ORDER": 2,
    "A_2_0": 1e-5,
    "B_ORDER": 2,
    "B_0_2": -2e-5,
    "RADESYS": "ICRS",
}
CAMERA = {
    "SIMPLE": True,
    "BITPIX": 16,
    "BZERO": 32768,
    "BAYERPAT": "GRBG",
    "OBJECT": "M 94",
    "FILTER": "IRCUT",
    "INSTRUME": "Seestar S50",
    "TELESCOP": "S50_00000000",
    "GAIN": 80,
    "CCD-TEMP": 23.375,
    "ROWORDER": "TOP-DOWN",
    "OBSERVER": "Unknown",
    "AIRMASS": 1.2,
}


def three_frames(header=None):
    """Return the stack of three frames that leave a border open, and when they were taken."""
    rng = np.random.default_rng(4)
    stack, seen, images = None, Observation(), []
    for index in range(3):
        image = rng.normal(800.0, 20.0, SHAPE).astype(np.float32)
        footprint = np.ones(SHAPE, bool)
        footprint[:, :3] = False
        footprint[: 2 * index] = False
        stack = accumulate(stack, image, footprint)
        start = EVENING + index * timedelta(seconds=12)
        seen = seen.with_frame(Frame(image, 10.0, start, header=header or {}))
        images.append(np.where(footprint, image, np.nan))
    return stack, seen, np.array(images, np.float64)


@pytest.mark.parametrize("with_wcs", [False, True])
def test_the_stack_opens_as_ccddata(tmp_path, with_wcs):
    stack, seen, images = three_frames(CAMERA | (TAN_SIP if with_wcs else {}))
    write_stack(tmp_path / "stack.fits", stack, seen)
    ccd = CCDData.read(tmp_path / "stack.fits")
    assert ccd.unit == "adu"
    assert ccd.data.dtype.name == "float32"
    count = np.isfinite(images).sum(axis=0)
    known = count > 0
    assert_array_equal(ccd.mask, ~known)
    assert_array_equal(np.isnan(ccd.data), ~known)
    assert_allclose(ccd.data[known], np.nanmean(images[:, known], axis=0), rtol=1e-6, atol=0)
    assert isinstance(ccd.uncertainty, VarianceUncertainty)
    assert ccd.uncertainty.unit == "adu2"
    several = count > 1
    expected = np.nanvar(images[:, several], axis=0, ddof=1) / count[several]
    assert_allclose(ccd.uncertainty.array[several], expected, rtol=1e-5, atol=0)
    assert_array_equal(np.isnan(ccd.uncertainty.array), ~several)
    assert (ccd.wcs is not None) == with_wcs
    assert_array_equal(fits.getdata(tmp_path / "stack.fits", "COVERAGE"), count)


def test_the_file_is_valid_fits(tmp_path):
    stack, seen, _ = three_frames(CAMERA | TAN_SIP)
    write_stack(tmp_path / "stack.fits", stack, seen, history=["transform=rigid"])
    with fits.open(tmp_path / "stack.fits") as units:
        units.verify("exception")
        assert [unit.name for unit in units] == [
            *("PRIMARY", "UNCERT", "MASK", "COVERAGE", "WEIGHT")
        ]
        assert [unit.data.dtype.newbyteorder("=").name for unit in units] == [
            "float32",
            "float32",
            "uint8",
            "int32",
            "float32",
        ]


def test_times_exposures_and_settings(tmp_path):
    stack, seen, _ = three_frames(CAMERA)
    long_line = "detection_fwhm=4.0 " * 8
    write_stack(tmp_path / "a.fits", stack, seen, history=["one\ntwo", long_line, "5 µm"])
    header = fits.getheader(tmp_path / "a.fits")
    assert (header["STACKCNT"], header["NCOMBINE"]) == (3, 3)
    assert (header["EXPTIME"], header["TOTALEXP"]) == (10.0, 30.0)
    assert header["DATE-OBS"] == "2026-04-09T23:59:50.000"
    assert header["DATE-AVG"] == "2026-04-10T00:00:07.000"
    assert header["DATE-END"] == "2026-04-10T00:00:24.000"
    assert header["TIMESYS"] == "UTC"
    assert_allclose(header["MJD-AVG"], 61140 + 7 / 86400, rtol=0, atol=1e-8)
    history = list(header["HISTORY"])
    assert history[:2] == ["one", "two"]
    assert "".join(history[2:-1]).split() == long_line.split()
    assert history[-1] == "5 ?m"


def test_a_time_in_another_zone_becomes_utc(tmp_path):
    stack, seen, _ = three_frames()
    local = seen.start.astimezone(datetime.strptime("+0200", "%z").tzinfo)
    write_stack(tmp_path / "a.fits", stack, replace(seen, start=local))
    assert fits.getheader(tmp_path / "a.fits")["DATE-OBS"] == "2026-04-09T23:59:50.000"


def test_the_reference_lends_what_stays_true_and_no_more(tmp_path):
    stack, seen, _ = three_frames(CAMERA)
    write_stack(tmp_path / "a.fits", stack, seen)
    header = fits.getheader(tmp_path / "a.fits")
    for keyword in ("OBJECT", "FILTER", "INSTRUME", "TELESCOP", "GAIN", "CCD-TEMP", "ROWORDER"):
        assert header[keyword] == CAMERA[keyword]
    for keyword in ("BAYERPAT", "BZERO", "OBSERVER", "AIRMASS"):
        assert keyword not in header
    assert header["BITPIX"] == -32


def test_the_wcs_puts_pixels_where_the_reference_has_them(tmp_path):
    stack, seen, _ = three_frames(CAMERA | TAN_SIP)
    write_stack(tmp_path / "a.fits", stack, seen)
    xy = np.array([[0.0, 0.0], [36.0, 0.0], [3.0, 23.0], [18.5, 11.0]])
    with fits.open(tmp_path / "a.fits") as units:
        found = WCS(units[0].header).all_pix2world(xy, 0)
    expected = WCS(fits.Header(TAN_SIP)).all_pix2world(xy, 0)
    assert_allclose(found, expected, rtol=0, atol=1e-10)


def test_the_old_name_of_radesys_and_a_third_axis(tmp_path):
    cards = {k: v for k, v in TAN_SIP.items() if k != "RADESYS"}
    cards |= {"RADECSYS": "FK5", "WCSAXES": 3, "CTYPE3": "RGB", "CD3_3": 1.0}
    stack, seen, _ = three_frames(cards)
    write_stack(tmp_path / "a.fits", stack, seen)
    header = fits.getheader(tmp_path / "a.fits")
    assert (header["RADESYS"], header["WCSAXES"]) == ("FK5", 2)
    assert "CTYPE3" not in header
    assert WCS(header).naxis == 2


def test_half_a_wcs_and_one_of_other_axes_stay_behind(tmp_path):
    stack, seen, _ = three_frames({k: v for k, v in TAN_SIP.items() if k != "CRVAL2"})
    write_stack(tmp_path / "a.fits", stack, seen)
    assert "CTYPE1" not in fits.getheader(tmp_path / "a.fits")
    colour_last = Frame(np.zeros((*SHAPE, 3)), header=TAN_SIP)
    write_stack(tmp_path / "b.fits", stack, Observation(colour_last))
    assert "CTYPE1" not in fits.getheader(tmp_path / "b.fits")


def test_the_place_of_the_observer_stays_private(tmp_path):
    stack, seen, _ = three_frames(CAMERA | SITE)
    write_stack(tmp_path / "a.fits", stack, seen)
    body = (tmp_path / "a.fits").read_bytes()
    for private in (b"44.76", b"0.6543", b"123.4", b"4536789", b"44:45", b"0:39:15"):
        assert private not in body
    write_stack(tmp_path / "b.fits", stack, seen, with_site=True)
    header = fits.getheader(tmp_path / "b.fits")
    assert {keyword: header[keyword] for keyword in SITE} == SITE


def test_values_that_no_card_can_hold_are_left_out(tmp_path):
    odd = {"GAIN": np.nan, "OFFSET": None, "OBJECT": "Å 1\n", "FILTER": ("a", "b")}
    stack, seen, _ = three_frames(odd)
    write_stack(tmp_path / "a.fits", stack, seen)
    header = fits.getheader(tmp_path / "a.fits")
    assert header["OBJECT"] == "? 1?"
    assert not {"GAIN", "OFFSET", "FILTER"} & set(header)


def test_a_stack_alone_is_enough(tmp_path):
    stack, _, _ = three_frames()
    write_stack(tmp_path / "new" / "folder" / "a.fit", stack)
    header = fits.getheader(tmp_path / "new" / "folder" / "a.fit")
    assert header["STACKCNT"] == 3
    assert not {"DATE-OBS", "EXPTIME", "TOTALEXP", "TIMESYS"} & set(header)


def test_a_file_is_replaced_only_when_asked(tmp_path):
    stack, seen, _ = three_frames()
    path = tmp_path / "a.fits"
    path.write_bytes(b"old")
    with pytest.raises(FileExistsError, match=r"a\.fits exists; choose another name"):
        write_stack(path, stack, seen)
    assert path.read_bytes() == b"old"
    write_stack(path, stack, seen, overwrite=True)
    assert fits.getheader(path)["STACKCNT"] == 3
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_full_disk_leaves_the_old_file(tmp_path, monkeypatch, step):
    stack, seen, _ = three_frames()
    path = tmp_path / "a.fits"
    path.write_bytes(b"old")

    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, step, full)
    with pytest.raises(OSError, match=r"a\.fits") as caught:
        write_stack(path, stack, seen, overwrite=True)
    assert caught.value.errno == errno.ENOSPC
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_that_cannot_be_is_named(tmp_path):
    stack, _, _ = three_frames()
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(OSError, match=r"a\.fits"):
        write_stack(tmp_path / "file" / "a.fits", stack)


def test_another_ending_is_refused(tmp_path):
    stack, _, _ = three_frames()
    with pytest.raises(ValueError, match=r"path must end in \.fits, .*got 'a\.fits\.gz'"):
        write_stack(tmp_path / "a.fits.gz", stack)


@pytest.mark.parametrize("with_wcs", [False, True])
def test_a_colour_stack_has_planes_and_is_read_back(tmp_path, with_wcs):
    mean = np.random.default_rng(5).normal(800.0, 20.0, (*SHAPE, 3))
    mean[:2, :, 0] = np.nan
    coverage = np.where(np.isfinite(mean), 2, 0).astype(np.int32)
    ones = np.ones_like(mean)
    stack = Stack(mean, 2 * ones, 8 * ones * [1, 2, 3], coverage, 2)
    assert stack.shape == SHAPE
    reference = Frame(np.zeros(SHAPE), 10.0, header=CAMERA | (TAN_SIP if with_wcs else {}))
    write_stack(tmp_path / "a.fits", stack, Observation(reference))
    with fits.open(tmp_path / "a.fits") as units:
        units.verify("exception")
        assert [unit.data.shape for unit in units] == [(3, *SHAPE)] * 5
        assert units[0].header["COLORSPC"] == "RGB"
        assert_allclose(units["UNCERT"].data[:, 5, 7], [4.0, 8.0, 12.0], rtol=1e-6, atol=0)
        assert_array_equal(units["MASK"].data, np.moveaxis(coverage == 0, 2, 0))
        assert_array_equal(units["COVERAGE"].data, np.moveaxis(coverage, 2, 0))
    with fits.open(tmp_path / "a.fits") as units:
        assert WCS(units[0].header, naxis=2).has_celestial == with_wcs
    assert CCDData.read(tmp_path / "a.fits").shape == (3, *SHAPE)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FrameWarning)
        frame = read_frame(tmp_path / "a.fits")
    assert frame.bayer is None
    assert_allclose(frame.image, np.moveaxis(mean, 2, 0), rtol=1e-6, atol=0)
