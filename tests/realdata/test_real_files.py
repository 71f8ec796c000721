"""Every real frame reads without a warning, with what its camera wrote."""

from datetime import UTC, datetime

import numpy as np
import pytest
from astropy.io import fits

from seestack.sources.files import find_frames, read_frame
from seestack.steps.colour import luminance

# Folder, file or all: shape, type, bayer, exposure, first start, number of files.
SEESTAR = ((1920, 1080), "uint16", "GRBG")
SETS = {
    "seestar_s50_ngc7023_altaz": (*SEESTAR, 10.0, "2024-07-31T02:44:22.705983", 4),
    "seestar_s50_m94_n3": (*SEESTAR, 10.0, "2025-04-09T20:54:22.790113", 11),
    "eaa_arp186_asi290mini": ((548, 544), "uint16", None, 20.0, "2022-01-25T20:24:01.452", 24),
    "eaa_m27_asi224mc": ((976, 1304), "uint16", "RGGB", 6.0, "2018-09-07T22:31:45.431", 6),
    "focus_atik383l": ((85, 65), "uint16", None, 3.0, "2014-01-17T20:29:04", 17),
}
SINGLES = {
    "qhy268m_rasa11_wcs_sip_6s.fit.fz": (
        (568, 931),
        "uint16",
        None,
        6.0,
        "2024-09-13T01:05:23.124000",
    ),
    "seestar_s50_dec76_bright_sky_10s.fit.gz": (*SEESTAR, 10.0, "2024-08-24T01:03:06.051474"),
    "seestar_s50_trailed_stars_2s.fit.gz": (*SEESTAR, 2.0, "2024-09-02T01:37:26.565974"),
    # Its DATE-OBS is '26/07/102'; the card JD says 2002-07-26 19:36:37 too.
    "streak_ystar_saao_60s.fits.gz": ((512, 512), "int16", None, 60.0, "2002-07-26T19:36:37"),
}


def utc(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize("name", SETS)
def test_a_sequence_reads(data_folder, name):
    shape, dtype, bayer, exposure_s, start, count = SETS[name]
    frames = [read_frame(path) for path in find_frames(data_folder / name)]
    assert len(frames) == count
    assert {frame.image.shape for frame in frames} == {shape}
    assert {frame.image.dtype.name for frame in frames} == {dtype}
    assert {frame.bayer for frame in frames} == {bayer}
    assert {frame.exposure_s for frame in frames} == {exposure_s}
    assert frames[0].start == utc(start)


@pytest.mark.parametrize("name", SINGLES)
def test_a_single_frame_reads(data_folder, name):
    shape, dtype, bayer, exposure_s, start = SINGLES[name]
    frame = read_frame(data_folder / "singles" / name)
    assert frame.image.shape == shape
    assert frame.image.dtype.name == dtype
    assert (frame.bayer, frame.exposure_s, frame.start) == (bayer, exposure_s, utc(start))


def test_pixels_and_cards_are_those_that_astropy_reads(data_folder):
    folders = [path for path in data_folder.iterdir() if path.is_dir()]
    for path in {find_frames(folder)[0] for folder in folders} | set(
        find_frames(data_folder / "singles")
    ):
        frame = read_frame(path)
        with fits.open(path) as units:
            unit = next(unit for unit in units if unit.data is not None)
            np.testing.assert_array_equal(frame.image, unit.data)
            commentary = ("COMMENT", "HISTORY", "")
            expected = {key: unit.header[key] for key in unit.header if key not in commentary}
        assert {key: frame.header[key] for key in expected} == expected, path


def test_the_sky_of_a_real_mosaic_loses_its_checkerboard(data_folder):
    frame = read_frame(find_frames(data_folder / "seestar_s50_m94_n3")[0])
    level = luminance(frame.image, frame.bayer)

    def spread(image):
        return np.ptp([np.median(image[row::2, col::2]) for row in (0, 1) for col in (0, 1)])

    assert spread(frame.image) > 50.0
    assert spread(level) < 1.0
