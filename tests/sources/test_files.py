"""Files of every kind and state, made here with known pixels."""

import gzip
import io
import warnings
from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pytest
import tifffile
from astropy.io import fits
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from PIL import Image

from seestack.model import UnreadableFrameError
from seestack.sources.files import FrameWarning, find_frames, read_frame
from seestack.sources.headers import bayer_pattern, start_of_exposure

SHAPE = (20, 33)
CARDS = {"EXPTIME": 10.0, "DATE-OBS": "2026-04-09T21:00:00.25"}


def picture(dtype=np.uint16, shape=SHAPE):
    top = (
        255 if np.dtype(dtype).itemsize == 1 else 60_000 if np.dtype(dtype).kind == "u" else 30_000
    )
    return np.random.default_rng(5).integers(0, top, shape).astype(dtype)


def header(**cards):
    return fits.Header(CARDS | {key.replace("_", "-"): value for key, value in cards.items()})


def write(path, image, cards=None):
    fits.writeto(path, image, header() if cards is None else cards)
    return path


def patched(path, old, new):
    """Change bytes of a file in place; both texts are padded to the longer one."""
    body = path.read_bytes()
    width = max(len(old), len(new))
    assert body.count(old.encode()) == 1
    path.write_bytes(body.replace(old.ljust(width).encode(), new.ljust(width).encode()))
    return path


@pytest.mark.parametrize("ending", [".fit", ".fits", ".fts", ".FIT", ".fits.gz", ".fit.gz"])
@pytest.mark.parametrize(
    "dtype", [np.uint8, np.int16, np.uint16, np.int32, np.uint32, np.float32, np.float64]
)
def test_fits_pixels_keep_value_and_type(tmp_path, ending, dtype):
    image = picture(dtype)
    path = tmp_path / f"light{ending}"
    plain = write(tmp_path / "plain.fits", image)
    path.write_bytes(gzip.compress(plain.read_bytes()) if "gz" in ending else plain.read_bytes())
    frame = read_frame(path)
    assert frame.image.dtype == dtype
    assert frame.image.dtype.isnative
    assert frame.image.flags.c_contiguous
    assert frame.image.flags.writeable
    assert_array_equal(frame.image, image)
    assert frame.exposure_s == 10.0
    assert frame.start == datetime(2026, 4, 9, 21, 0, 0, 250_000, UTC)
    assert (frame.source, frame.bayer) == (str(path), None)


def test_both_ends_of_unsigned_16_bits_survive(tmp_path):
    image = np.array([[0, 1, 32_767], [32_768, 65_534, 65_535]], np.uint16)
    assert_array_equal(read_frame(write(tmp_path / "a.fits", image)).image, image)


@pytest.mark.parametrize("dtype", [np.uint16, np.int16, np.float32])
@pytest.mark.parametrize("name", ["a.fits.fz", "a.fit.fz", "a.fits"])
def test_tile_compressed_fits(tmp_path, dtype, name):
    image = picture(dtype)
    how = {} if dtype != np.float32 else {"compression_type": "GZIP_2", "quantize_level": 0}
    unit = fits.CompImageHDU(image, header(BAYERPAT="GRBG"), **how)
    fits.HDUList([fits.PrimaryHDU(), unit]).writeto(tmp_path / name)
    frame = read_frame(tmp_path / name)
    assert frame.image.dtype == dtype
    assert frame.image.dtype.isnative
    assert_array_equal(frame.image, image)
    assert (frame.exposure_s, frame.bayer) == (10.0, "GRBG")


def test_nan_blank_and_scaled_pixels(tmp_path):
    image = picture(np.float32)
    image[3, 7] = np.nan
    assert_array_equal(read_frame(write(tmp_path / "nan.fits", image)).image, image)
    counts = picture(np.int16)
    counts[3, 7] = -32_768
    blank = read_frame(write(tmp_path / "blank.fits", counts, header(BLANK=-32_768))).image
    assert np.argwhere(np.isnan(blank)).tolist() == [[3, 7]]
    assert_array_equal(blank[4:], counts[4:])
    counts[counts == 0] = 1
    counts[3, 7] = 0
    for image in (counts, counts.astype(np.uint16)):
        stored = -32_768 if image.dtype == np.uint16 else 0
        path = write(tmp_path / f"{image.dtype}.fits", image, header(BLANK=stored))
        assert np.argwhere(np.isnan(read_frame(path).image)).tolist() == [[3, 7]]
    scaled = write(tmp_path / "scaled.fits", picture(np.int16))
    fits.setval(scaled, "BSCALE", value=0.5)
    fits.setval(scaled, "BZERO", value=100.0)
    assert_array_equal(read_frame(scaled).image, picture(np.int16) * np.float32(0.5) + 100)


@pytest.mark.parametrize("shape", [(3, 20, 33), (20, 33, 3)])
def test_colour_is_no_mosaic(tmp_path, shape):
    image = picture(shape=shape)
    frame = read_frame(write(tmp_path / "a.fits", image, header(BAYERPAT="GRBG")))
    assert_array_equal(frame.image, image)
    assert frame.bayer is None


def test_one_plane_of_a_cube_is_a_frame(tmp_path):
    frame = read_frame(
        write(tmp_path / "a.fits", picture(shape=(1, 20, 33)), header(BAYERPAT="RGGB"))
    )
    assert frame.image.shape == SHAPE
    assert frame.bayer == "RGGB"


def test_the_first_image_is_found_behind_tables(tmp_path):
    table = fits.BinTableHDU.from_columns([fits.Column("n", "J", array=[1, 2, 3])])
    image = fits.ImageHDU(picture(), fits.Header({"OBJECT": "M 94"}))
    units = [fits.PrimaryHDU(header=header()), table, image, fits.ImageHDU(picture() + 1)]
    fits.HDUList(units).writeto(tmp_path / "a.fits")
    frame = read_frame(tmp_path / "a.fits")
    assert_array_equal(frame.image, picture())
    assert (frame.header["OBJECT"], frame.exposure_s) == ("M 94", 10.0)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, ">u2", np.float32])
@pytest.mark.parametrize("shape", [SHAPE, (20, 33, 3)])
def test_tiff(tmp_path, dtype, shape):
    image = picture(dtype, shape)
    path = tmp_path / "a.tif"
    order = ">" if np.dtype(dtype).byteorder == ">" else "<"
    kind = "rgb" if len(shape) == 3 else "minisblack"
    tifffile.imwrite(path, image, byteorder=order, photometric=kind)
    frame = read_frame(path)
    assert frame.image.dtype.isnative
    assert_array_equal(frame.image, image)
    assert (frame.exposure_s, frame.start, frame.bayer, dict(frame.header)) == (None,) * 3 + ({},)


def test_tiff_in_planes_and_with_transparency(tmp_path):
    planes = picture(shape=(3, 20, 33))
    tifffile.imwrite(tmp_path / "a.tiff", planes, photometric="rgb", planarconfig="separate")
    assert_array_equal(read_frame(tmp_path / "a.tiff").image, planes)
    planes = picture(shape=(4, 20, 33))
    how = {"photometric": "rgb", "extrasamples": ["unassalpha"]}
    tifffile.imwrite(tmp_path / "c.tiff", planes, planarconfig="separate", **how)
    assert_array_equal(read_frame(tmp_path / "c.tiff").image, planes[:3])
    four = picture(shape=(20, 33, 4))
    tifffile.imwrite(tmp_path / "b.tiff", four, **how)
    assert_array_equal(read_frame(tmp_path / "b.tiff").image, four[..., :3])


@pytest.mark.parametrize(("dtype", "planes"), [("u1", 1), ("u2", 1), ("u1", 3), ("u1", 4)])
def test_png(tmp_path, dtype, planes):
    image = picture(dtype, SHAPE if planes == 1 else (*SHAPE, planes))
    Image.fromarray(image).save(tmp_path / "a.png")
    frame = read_frame(tmp_path / "a.png")
    assert frame.image.dtype == dtype
    assert_array_equal(frame.image, image[..., :3] if planes == 4 else image)


def test_png_colour_of_16_bits_is_not_cut_to_8(tmp_path):
    import cv2

    image = picture(shape=(20, 33, 3))
    assert cv2.imwrite(str(tmp_path / "a.png"), image[..., ::-1])
    frame = read_frame(tmp_path / "a.png")
    assert frame.image.flags.c_contiguous
    assert_array_equal(frame.image, image)


PATTERNS = {
    # (BAYERPAT, XBAYROFF, YBAYROFF, ROWORDER, rows): colours of the first rows in the file.
    ("RGGB", 0, 0, "TOP-DOWN", 20): "RGGB",
    ("RGGB", 1, 0, "TOP-DOWN", 20): "GRBG",
    ("RGGB", 0, 1, "TOP-DOWN", 20): "GBRG",
    ("RGGB", 1, 1, None, 20): "BGGR",
    ("GRBG", 2, 3, None, 20): "BGGR",
    ("RGGB", 0, 0, "BOTTOM-UP", 20): "GBRG",
    ("RGGB", 0, 0, "BOTTOM-UP", 21): "RGGB",
    ("GRBG", 0, 1, "bottom-up", 20): "GRBG",
    ("GRBG", 1, 0, "BOTTOM-UP", 20): "GBRG",
    (" grbg ", 0, 0, None, 20): "GRBG",
}


@pytest.mark.parametrize(("cards", "expected"), PATTERNS.items())
def test_bayer_pattern_names_the_first_pixel_of_the_file(tmp_path, cards, expected):
    pattern, x, y, order, rows = cards
    card = header(BAYERPAT=pattern, XBAYROFF=x, YBAYROFF=y)
    if order:
        card["ROWORDER"] = order
    frame = read_frame(write(tmp_path / "a.fits", picture(shape=(rows, 33)), card))
    assert frame.bayer == expected


@given(
    st.sampled_from(["RGGB", "BGGR", "GRBG", "GBRG"]),
    st.integers(-3, 3),
    st.integers(-3, 3),
    st.booleans(),
    st.integers(4, 9),
)
def test_bayer_pattern_follows_a_scene_on_the_sensor(cell, x, y, bottom_up, rows):
    sensor = np.array([list(cell[:2]), list(cell[2:])])
    top_down = np.array([[sensor[(y + r) % 2, (x + c) % 2] for c in range(6)] for r in range(rows)])
    stored = top_down[::-1] if bottom_up else top_down
    cards = {"BAYERPAT": cell, "XBAYROFF": x, "YBAYROFF": y}
    cards["ROWORDER"] = "BOTTOM-UP" if bottom_up else "TOP-DOWN"
    assert bayer_pattern(cards, rows, pytest.fail) == "".join(stored[:2, :2].ravel())


@pytest.mark.parametrize(
    ("cards", "expected"),
    [
        ({"DATE-OBS": "2024-07-31T02:44:22.705983"}, "2024-07-31T02:44:22.705983"),
        ({"DATE-OBS": "2024-07-31 02:44:22"}, "2024-07-31T02:44:22"),
        ({"DATE-OBS": "2024-07-31T02:44:22.7059839Z"}, "2024-07-31T02:44:22.705983"),
        ({"DATE-OBS": "2024-07-31T02:44:22+02:00"}, "2024-07-31T00:44:22"),
        ({"DATE-OBS": "2024-07-31", "TIME-OBS": "02:44:22.5"}, "2024-07-31T02:44:22.500000"),
        ({"DATE-OBS": "2024-07-31"}, "2024-07-31T00:00:00"),
        ({"DATE-OBS": "31/12/99", "TIME-OBS": "23:59:59"}, "1999-12-31T23:59:59"),
        ({"DATE-OBS": "31/12/05"}, "2005-12-31T00:00:00"),
        ({"DATE-OBS": "26/07/102", "TIME-OBS": "19:36:37"}, "2002-07-26T19:36:37"),
    ],
)
def test_dates_become_utc(cards, expected):
    start = start_of_exposure(cards, pytest.fail)
    assert start == datetime.fromisoformat(expected).replace(tzinfo=UTC)
    assert start.utcoffset() == timedelta(0)
    assert start.tzinfo is UTC or start.tzinfo == timezone.utc  # noqa: UP017


def test_exposure_stands_in_for_exptime(tmp_path):
    cards = fits.Header({"EXPOSURE": 20})
    assert read_frame(write(tmp_path / "a.fits", picture(), cards)).exposure_s == 20.0
    both = fits.Header({"EXPOSURE": 20, "EXPTIME": 5.0})
    assert read_frame(write(tmp_path / "b.fits", picture(), both)).exposure_s == 5.0


def test_of_a_keyword_that_occurs_twice_the_first_counts(tmp_path):
    cards = header()
    cards.append(("EXPTIME", 99.0), end=True)
    path = write(tmp_path / "a.fits", picture(), cards)
    assert path.read_bytes().count(b"EXPTIME") == 2
    assert read_frame(path).exposure_s == 10.0


def test_the_header_is_a_read_only_mapping_of_all_cards(tmp_path):
    cards = header(CD1_1=-1.5e-4, A_0_2=2e-9, OBJECT="Barnard's star", FLAG=True, GAIN=80)
    cards = fits.Header(cards, copy=True)
    cards["HIERARCH ESO DET MODE"] = "fast"
    cards["LONGTEXT"] = "x" * 150 + "'" + "y" * 20
    cards["NOVALUE"] = None
    cards.add_history("first")
    cards.add_history("second")
    found = read_frame(write(tmp_path / "a.fits", picture(), cards)).header
    with pytest.raises(TypeError):
        found["GAIN"] = 0
    del cards["HISTORY"]
    assert {key: found[key] for key in cards} == dict(cards)
    assert found["HISTORY"] == "first\nsecond"


BROKEN = {
    # What is broken: (text in the file, what it becomes, the keyword that is named).
    "no value": ("OBJECT  = 'M 94    '", "OBJECT  = M 94", "OBJECT"),
    "no end of the string": ("OBJECT  = 'M 94    '", "OBJECT  = 'M 94", "OBJECT"),
    "no card": ("OBJECT  = 'M 94    '", "OBJECT  \x01\x02 94", "OBJECT"),
    "spacing of SIMPLE": ("SIMPLE  =                    T", "SIMPLE = T", "SIMPLE"),
    "spacing of NAXIS1": ("NAXIS1  =                   33", "NAXIS1=33", "NAXIS1"),
    "exposure in words": ("EXPTIME =                 10.0", "EXPTIME = 'ten     '", "EXPTIME"),
    "exposure unreadable": ("EXPTIME =                 10.0", "EXPTIME = 10.0.0", "EXPTIME"),
    "negative exposure": ("EXPTIME =                 10.0", "EXPTIME = -1.0", "EXPTIME"),
    "no exposure": ("EXPTIME =", "EXPTXXX =", "EXPTIME"),
    "no date": ("'2026-04-09T21:00:00.25'", "'9 April 2026, evening'", "DATE-OBS"),
    "leap second": ("'2026-04-09T21:00:00.25'", "'2026-04-09T21:00:60.25'", "DATE-OBS"),
    "foreign pattern": ("BAYERPAT= 'GRBG    '", "BAYERPAT= 'CMYG    '", "BAYERPAT"),
    "pattern without quotes": ("BAYERPAT= 'GRBG    '", "BAYERPAT= GRBG", "BAYERPAT"),
    "odd offset": ("XBAYROFF=                    1", "XBAYROFF=                  0.5", "XBAYROFF"),
    "no scale": ("BSCALE  =                    1", "BSCALE  =                  0.0", "BSCALE"),
}


@pytest.mark.parametrize("what", BROKEN)
def test_a_broken_card_is_named_once_and_costs_no_pixel(tmp_path, what):
    old, new, keyword = BROKEN[what]
    cards = header(BAYERPAT="GRBG", XBAYROFF=1, OBJECT="M 94")
    path = patched(write(tmp_path / "light 1.fit", picture(), cards), old, new)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        frame = read_frame(path)
    assert [warning.category for warning in caught] == [FrameWarning]
    assert keyword in str(caught[0].message)
    assert str(path) in str(caught[0].message)
    assert caught[0].filename == __file__
    assert_array_equal(frame.image, picture())
    if keyword != "EXPTIME":
        assert frame.exposure_s == 10.0
    if keyword not in ("BAYERPAT", "XBAYROFF"):
        assert frame.bayer == "RGGB"


def test_what_a_broken_card_still_says_is_kept(tmp_path):
    cards = header(BAYERPAT="GRBG", OBJECT="M 94")
    path = write(tmp_path / "a.fit", picture(), cards)
    patched(path, "BAYERPAT= 'GRBG    '", "BAYERPAT= GRBG")
    patched(path, "OBJECT  = 'M 94    '", "OBJECT  = 'M 94")
    with pytest.warns(FrameWarning, match=r"BAYERPAT \('GRBG' is no valid value\); OBJECT"):
        frame = read_frame(path)
    assert (frame.bayer, frame.header["OBJECT"]) == ("GRBG", "M 94")


def test_a_broken_card_of_a_compressed_file_costs_no_pixel(tmp_path):
    unit = fits.CompImageHDU(picture(), header())
    fits.HDUList([fits.PrimaryHDU(), unit]).writeto(tmp_path / "a.fits.fz")
    patched(tmp_path / "a.fits.fz", "EXPTIME =                 10.0", "EXPTIME = 10.0.0")
    with pytest.warns(FrameWarning, match="EXPTIME"):
        assert_array_equal(read_frame(tmp_path / "a.fits.fz").image, picture())


def test_a_long_string_cut_in_two_costs_no_pixel(tmp_path):
    path = write(tmp_path / "a.fits", picture(), header(NOTE="x" * 150))
    path.write_bytes(path.read_bytes().replace(b"CONTINUE  'x", b"CONTINUE  xx", 1))
    with pytest.warns(FrameWarning, match="NOTE"):
        assert_array_equal(read_frame(path).image, picture())


def test_a_header_of_tiles_that_claims_terabytes_is_refused(tmp_path):
    unit = fits.CompImageHDU(picture(), header())
    fits.HDUList([fits.PrimaryHDU(), unit]).writeto(tmp_path / "a.fits.fz")
    patched(tmp_path / "a.fits.fz", "ZNAXIS1 =                   33", "ZNAXIS1 =     999999999999")
    with pytest.raises(UnreadableFrameError, match="header of the tiles is damaged"):
        read_frame(tmp_path / "a.fits.fz")


def test_damaged_tiles_let_no_warning_of_astropy_through(tmp_path):
    unit = fits.CompImageHDU(picture(), header())
    fits.HDUList([fits.PrimaryHDU(), unit]).writeto(tmp_path / "a.fits.fz")
    body = (tmp_path / "a.fits.fz").read_bytes()
    (tmp_path / "a.fits.fz").write_bytes(body.replace(b"'1PB(", b"'1Q*("))
    with pytest.raises(UnreadableFrameError):
        read_frame(tmp_path / "a.fits.fz")


def fits_bytes(tmp_path):
    return write(tmp_path / "good.fits", picture()).read_bytes()


UNREADABLE = {
    "text.fits": (
        lambda _: b"These are the notes of the night.\n" * 200,
        "not a FITS file: it beg",
    ),
    "empty.fits": (lambda _: b"", "it is empty"),
    "short.fits": (
        lambda body: body[: 2880 + 600],
        r"600 of 1,320 bytes .* copy it again",
    ),
    "nopixels.fits": (lambda body: body[:2880], "0 of 1,320 bytes"),
    "noend.fits": (lambda body: body[:400], "no END card"),
    "short.fits.gz": (lambda body: gzip.compress(body)[:500], "cut short"),
    "broken.fits.gz": (lambda body: gzip.compress(body)[:40] + b"\0" * 900, "cannot be unzipped"),
    "text.fits.fz": (lambda _: b"notes", "not a FITS file"),
    "bits.fits": (lambda body: body.replace(b"  16 /", b"  17 /", 1), "BITPIX = 17"),
    "huge.fits": (lambda body: body.replace(b"         33 ", b"99999999999 "), "cut short"),
    "minus.fits": (lambda body: body.replace(b"  33 ", b" -33 "), "NAXIS1 = -33"),
    "text.tif": (lambda _: b"notes" * 99, "TIFF cannot be read"),
    "empty.png": (lambda _: b"", "PNG cannot be read"),
    "notes.txt": (lambda body: body, r"ending is none of \.fit, .* convert it"),
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_no_frame_is_an_error_with_file_reason_and_remedy(tmp_path, name):
    make, reason = UNREADABLE[name]
    (tmp_path / name).write_bytes(make(fits_bytes(tmp_path)))
    with pytest.raises(UnreadableFrameError, match=reason) as caught:
        read_frame(tmp_path / name)
    assert str(caught.value).startswith(str(tmp_path / name))


@pytest.mark.parametrize("shape", [(33,), (2, 3, 4, 5), (5, 20, 33)])
def test_other_numbers_of_axes_and_planes_are_refused(tmp_path, shape):
    write(tmp_path / "a.fits", np.zeros(shape, np.int16))
    with pytest.raises(UnreadableFrameError, match=r"a frame has (2, or 3|\(H, W\))"):
        read_frame(tmp_path / "a.fits")


def test_a_file_without_an_image_is_refused(tmp_path):
    fits.PrimaryHDU(header=header()).writeto(tmp_path / "a.fits")
    with pytest.raises(UnreadableFrameError, match="holds no image"):
        read_frame(tmp_path / "a.fits")


def test_a_missing_file_and_a_folder_are_refused(tmp_path):
    with pytest.raises(UnreadableFrameError, match="no such file; check the name"):
        read_frame(tmp_path / "a.fits")
    (tmp_path / "b.fits").mkdir()
    with pytest.raises(UnreadableFrameError, match=r"b\.fits: it is a folder; name the files"):
        read_frame(tmp_path / "b.fits")


def test_a_short_png_and_tiff_are_refused(tmp_path):
    Image.fromarray(picture()).save(tmp_path / "a.png")
    tifffile.imwrite(tmp_path / "a.tif", picture())
    for name in ("a.png", "a.tif"):
        body = (tmp_path / name).read_bytes()
        (tmp_path / name).write_bytes(body[: len(body) * 2 // 3])
        with pytest.raises(UnreadableFrameError, match="cannot be read"):
            read_frame(tmp_path / name)


def body_of(*units):
    file = io.BytesIO()
    fits.HDUList(list(units)).writeto(file)
    return file.getvalue()


# The bytes of a file, and the length of its headers.
FUZZED = {
    "plain.fits": (body_of(fits.PrimaryHDU(picture(np.int16), header(BLANK=5))), 2880),
    "tiles.fits.fz": (body_of(fits.PrimaryHDU(), fits.CompImageHDU(picture(), header())), 8640),
}
LETTERS = st.sampled_from(list(b"0123456789 =TF'/E-.\0\xff"))


@pytest.mark.filterwarnings("ignore::seestack.sources.files.FrameWarning")
@pytest.mark.parametrize("name", FUZZED)
@settings(
    max_examples=200,
    derandomize=True,
    deadline=2000,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(changes=st.lists(st.tuples(st.integers(0, 8639), st.one_of(LETTERS, st.integers(0, 255)))))
def test_no_change_of_a_header_raises_anything_else(tmp_path, name, changes):
    original, length = FUZZED[name]
    body = bytearray(original)
    for position, value in changes:
        body[position % length] = value
    (tmp_path / name).write_bytes(body)
    try:
        frame = read_frame(tmp_path / name)
    except UnreadableFrameError:
        return
    assert frame.image.ndim in (2, 3)
    assert frame.image.size > 0


def test_find_frames_expands_folders_in_natural_order(tmp_path):
    names = ["L_10.fit", "L_9.FIT", "L_100.fits.gz", "l_2.tif", ".L_1.fit", "notes.txt", "x.fz"]
    for name in names:
        (tmp_path / name).touch()
    (tmp_path / "more.fit").mkdir()
    found = [path.name for path in find_frames([tmp_path])]
    assert found == ["l_2.tif", "L_9.FIT", "L_10.fit", "L_100.fits.gz"]


def test_find_frames_keeps_files_and_lists_none_twice(tmp_path):
    for name in ("b.fit", "a.fit", "c.dat"):
        (tmp_path / name).touch()
    found = find_frames([str(tmp_path / "c.dat"), tmp_path / "b.fit", tmp_path])
    assert found == [tmp_path / "c.dat", tmp_path / "b.fit", tmp_path / "a.fit"]
    assert find_frames([]) == []


def test_find_frames_names_what_is_missing(tmp_path):
    with pytest.raises(UnreadableFrameError, match=r"nowhere: there is no such file or folder"):
        find_frames([tmp_path / "nowhere"])
    with pytest.raises(UnreadableFrameError, match=r"holds no frames .*; their names end in \.fit"):
        find_frames(tmp_path)
