"""Whatever bytes a file holds, reading it ends in a value or in the documented error.

Each reader gets real files with bytes changed, cut off, left out and put in. Any other
exception, a warning, a crash or a wait of seconds is a failure.
"""

import gzip
import io
import struct
import tracemalloc
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import tifffile
from astropy.io import fits
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from seestack import (
    CheckpointError,
    Frame,
    LiveStacker,
    Observation,
    Stack,
    StackFileError,
    UnreadableFrameError,
    load_settings,
    read_checkpoint,
    read_frame,
    read_observation,
    read_stack,
    write_checkpoint,
    write_stack,
)
from seestack.config import ConfigError
from seestack.simulation import random_field, simulate_frame
from seestack.storage.checkpoint import unfinished_frames

REPOSITORY = Path(__file__).parents[2]
PICTURE = np.random.default_rng(0).integers(500, 1500, (32, 48)).astype(np.uint16)


@dataclass(frozen=True)
class Kind:
    """A kind of file: its name, the bytes of a good one, who reads it, and his error."""

    name: str
    body: bytes
    read: Callable[[Path], Any]
    error: type[Exception]


def written(write, suffix, folder):
    path = folder / f"good{suffix}"
    write(path)
    return path.read_bytes()


def packed(image, kind):
    file = io.BytesIO()
    tiles = fits.CompImageHDU(image, compression_type=kind, tile_shape=(8, 48))
    fits.HDUList([fits.PrimaryHDU(), tiles]).writeto(file)
    return file.getvalue()


def plain_fits(image):
    file = io.BytesIO()
    fits.PrimaryHDU(image, fits.Header({"EXPTIME": 10.0, "BAYERPAT": "GRBG"})).writeto(file)
    return file.getvalue()


def a_stack():
    rng = np.random.default_rng(2)
    mean = rng.normal(900, 9, (12, 17))
    mean[3, 4] = np.nan
    coverage = np.where(np.isnan(mean), 0, 5).astype(np.int32)
    rejected = np.zeros_like(coverage)
    return Stack(mean, 1.0 * coverage, 50.0 * coverage, coverage, 5, rejected=rejected)


def a_stacker():
    field = random_field((60, 90), 30, seed=5, faintest_adu=4_000.0)
    stacker = LiveStacker()
    for n in range(3):
        stacker.add_frame(Frame(simulate_frame(field, (60, 90), seed=n), source=f"{n}.fit"))
    return stacker


def without_checksums(body):
    return body.replace(b"CHECKSUM", b"COMMENT ").replace(b"DATASUM ", b"COMMENT ")


def png_of(image):
    return cv2.imencode(".png", image)[1].tobytes()


def tiff_of(image, **options):
    file = io.BytesIO()
    tifffile.imwrite(file, image, **options)
    return file.getvalue()


@pytest.fixture(scope="module")
def kinds(tmp_path_factory):
    """Every kind of file that is read."""
    folder = tmp_path_factory.mktemp("good")
    stack = written(lambda path: write_stack(path, a_stack(), Observation()), ".fits", folder)
    checkpoint = written(lambda path: write_checkpoint(path, a_stacker()), ".checkpoint", folder)
    colours = np.stack([PICTURE, PICTURE // 2, PICTURE // 3], axis=2)
    grey = (PICTURE // 8).astype(np.uint8)
    palette = io.BytesIO()
    Image.fromarray(grey).convert("P").save(palette, "PNG")
    frame = (read_frame, UnreadableFrameError)
    return [
        Kind("fits", plain_fits(PICTURE), *frame),
        Kind("float fits", plain_fits(PICTURE.astype(np.float32)), *frame),
        Kind("fits.gz", gzip.compress(plain_fits(PICTURE)), *frame),
        *(
            Kind(f"{kind} fits.fz", packed(PICTURE.astype(np.int16), kind), *frame)
            for kind in ("RICE_1", "GZIP_1", "GZIP_2", "PLIO_1", "HCOMPRESS_1")
        ),
        Kind("tif", tiff_of(PICTURE), *frame),
        Kind("packed tif", tiff_of(PICTURE, compression="zlib", predictor=True), *frame),
        Kind("colour tif", tiff_of(colours, photometric="rgb", tile=(16, 16)), *frame),
        Kind("png", png_of(PICTURE), *frame),
        Kind("colour png", png_of(colours), *frame),
        Kind("small png", png_of(grey), *frame),
        Kind("palette png", palette.getvalue(), *frame),
        Kind("yaml", (REPOSITORY / "config.yaml").read_bytes(), load_settings, ConfigError),
        Kind("checkpoint", checkpoint, read_checkpoint, CheckpointError),
        Kind("stack fits", stack, read_stack, StackFileError),
        Kind("observation fits", stack, read_observation, StackFileError),
        Kind("bare stack fits", without_checksums(stack), read_stack, StackFileError),
        Kind("bare observation fits", without_checksums(stack), read_observation, StackFileError),
    ]


COUNT = 21
BYTES = st.sampled_from(list(b"\0\x01\x7f\x80\xff0123456789 =TF'/E-.[]{}:&*")) | st.integers(0, 255)


@st.composite
def damages(draw):
    """Draw a function that damages bytes: early ones, which steer a reader, more often."""
    changes = draw(st.lists(st.tuples(st.floats(0, 1), st.booleans(), BYTES), max_size=6))
    end = draw(st.just(1.0) | st.floats(0, 1))
    gap = draw(st.none() | st.tuples(st.floats(0, 1), st.integers(1, 3000)))
    more = draw(st.none() | st.tuples(st.floats(0, 1), st.binary(max_size=40)))

    def damage(body):
        body = bytearray(body)
        for place, early, value in changes:
            reach = min(len(body), 400) if early else len(body)
            body[min(int(place * reach), len(body) - 1)] = value
        if gap is not None:
            begin = int(gap[0] * len(body))
            del body[begin : begin + gap[1]]
        if more is not None:
            begin = int(more[0] * len(body))
            body[begin:begin] = more[1]
        return bytes(body[: int(end * len(body))])

    return damage


@pytest.mark.filterwarnings("ignore::seestack.sources.files.FrameWarning")
@pytest.mark.filterwarnings("ignore::seestack.config.ConfigWarning")
@pytest.mark.parametrize("number", range(COUNT))
@settings(
    max_examples=40,
    deadline=5000,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(damage=damages())
def test_damaged_files_are_read_or_named(kinds, tmp_path, number, damage):
    assert len(kinds) == COUNT
    kind = kinds[number]
    path = tmp_path / f"file.{kind.name.split()[-1]}"
    path.write_bytes(damage(kind.body))
    try:
        kind.read(path)
    except kind.error as error:
        assert "file." in str(error)  # noqa: PT017 - both outcomes are right


@pytest.mark.filterwarnings("ignore::seestack.sources.files.FrameWarning")
@pytest.mark.parametrize("number", range(COUNT))
def test_good_files_are_read(kinds, tmp_path, number):
    kind = kinds[number]
    path = tmp_path / f"file.{kind.name.split()[-1]}"
    path.write_bytes(kind.body)
    if kind.name.startswith("HCOMPRESS"):
        # Its decoder ends the program on some damaged files.
        with pytest.raises(UnreadableFrameError, match=r"packed by HCOMPRESS.*funpack"):
            kind.read(path)
        return
    assert kind.read(path) is not None


@given(damage=damages())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
def test_the_look_at_a_checkpoint_never_fails(kinds, tmp_path, damage):
    (checkpoint,) = (kind.body for kind in kinds if kind.name == "checkpoint")
    (tmp_path / "a.checkpoint").write_bytes(damage(checkpoint))
    count = unfinished_frames(tmp_path / "a.checkpoint")
    assert count is None or type(count) is int


def png_announcing(width, height):
    def chunk(kind, content):
        check = struct.pack(">I", zlib.crc32(kind + content))
        return struct.pack(">I", len(content)) + kind + content + check

    size = struct.pack(">IIBBBBB", width, height, 16, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", size)
        + chunk(b"IDAT", zlib.compress(bytes(1000)))
        + chunk(b"IEND", b"")
    )


def tiff_announcing(width, height):
    body = bytearray(tiff_of(PICTURE, compression="zlib"))
    for number, value in ((256, width), (257, height), (278, height)):
        (place,) = (
            body.index(tag)
            for kind in (3, 4)
            if (tag := struct.pack("<HHI", number, kind, 1)) in body
        )
        body[place : place + 12] = struct.pack("<HHII", number, 4, 1, value)
    return bytes(body)


def fits_announcing(body, keyword, value):
    place = body.index(f"{keyword:8}=".encode())
    return body[:place] + f"{keyword:8}= {value:>20}".encode() + body[place + 30 :]


def test_what_a_header_announces_costs_no_memory(kinds, tmp_path):
    bodies = {kind.name: kind for kind in kinds}
    stack = bodies["bare stack fits"]
    files = {
        "a.png": (png_announcing(60_000, 60_000), read_frame, UnreadableFrameError),
        "b.png": (png_announcing(12_000, 12_000), read_frame, UnreadableFrameError),
        "a.tif": (tiff_announcing(60_000, 60_000), read_frame, UnreadableFrameError),
        "a.fits": (
            fits_announcing(bodies["fits"].body, "NAXIS1", 10**9),
            read_frame,
            UnreadableFrameError,
        ),
        "a.fits.fz": (
            fits_announcing(bodies["RICE_1 fits.fz"].body, "ZNAXIS1", 10**9),
            read_frame,
            UnreadableFrameError,
        ),
        "stack.fits": (
            fits_announcing(stack.body, "NAXIS2", 10**9),
            read_stack,
            StackFileError,
        ),
    }
    for name, (body, read, error) in files.items():
        (tmp_path / name).write_bytes(body)
        tracemalloc.start()
        with pytest.raises(error, match=name):
            read(tmp_path / name)
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert most < 50e6, name


def test_a_file_that_unzips_without_end_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("seestack.sources.fits._LARGEST", 10_000)
    (tmp_path / "a.fit.gz").write_bytes(gzip.compress(plain_fits(np.zeros((200, 300), np.uint16))))
    with pytest.raises(UnreadableFrameError, match=r"unzips to more than 10,000 bytes; unzip it"):
        read_frame(tmp_path / "a.fit.gz")


@pytest.mark.filterwarnings("ignore::seestack.config.ConfigWarning")
def test_settings_that_grow_by_reference_cost_nothing(tmp_path):
    lines = ["a: &a [x, x, x, x, x, x, x, x, x]"]
    lines += [
        f"{new}: &{new} [{', '.join(9 * ['*' + old])}]"
        for old, new in zip("abcdefgh", "bcdefghi", strict=True)
    ]
    for use in ("stacking: {frames: *i}", "camera: *i", "stacking: {max_stars: *i}"):
        text = "\n".join([*lines, use])
        (tmp_path / "grown.yaml").write_text(text)
        with pytest.raises(ConfigError) as caught:
            load_settings(tmp_path / "grown.yaml")
        assert len(str(caught.value)) < 2_000
    (tmp_path / "deep.yaml").write_text("[" * 50_000)
    with pytest.raises(ConfigError, match=r"deep.yaml: is not YAML"):
        load_settings(tmp_path / "deep.yaml")
