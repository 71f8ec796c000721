"""The client against the simulated camera: pixels, settings, exposures."""

import threading
import time
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from seestack.alpaca.accessories import FilterWheel, Telescope, to_j2000, to_jnow
from seestack.alpaca.client import Camera
from seestack.alpaca.errors import (
    AlpacaCancelledError,
    AlpacaConnectionError,
    AlpacaDriverError,
    AlpacaExposureError,
    AlpacaInvalidOperationError,
    AlpacaInvalidValueError,
    AlpacaNotConnectedError,
    AlpacaParkedError,
    AlpacaProtocolError,
    AlpacaStatusError,
)
from seestack.alpaca.faults import Fault, Habits
from seestack.alpaca.sky import Sky

PATTERNS = ("RGGB", "GRBG", "GBRG", "BGGR")
WIRES = {
    "imagebytes": Habits(),
    "int32": Habits(element_type=2),
    "json": Habits(image_format="json"),
    "chunked": Habits(chunked=True),
    "with a tail": Habits(tail_bytes=5000),
    "rows first": Habits(rows_first=True),
    "json, read once": Habits(image_format="json", reads_once=True),
}


@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize("bayer", PATTERNS)
def test_colours_and_corners_land_where_they_should(simulate, bayer, wire):
    # Each colour of the mosaic has its own level, and so has each corner.
    levels = {"R": 1000, "G": 2000, "B": 3000}
    card = np.tile(
        [[levels[bayer[0]], levels[bayer[1]]], [levels[bayer[2]], levels[bayer[3]]]], (3, 5)
    )
    card = card.astype(np.uint16)
    corners = {(0, 0): 11_000, (0, -1): 12_000, (-1, 0): 13_000, (-1, -1): 14_000}
    for corner, level in corners.items():
        card[corner] = level
    telescope = simulate(Sky(bayer=bayer), picture=card, habits=WIRES[wire])
    with Camera(telescope.address) as camera:
        frame = camera.expose(0.5)
    assert frame.image.shape == (6, 10)
    assert frame.bayer == bayer
    assert {corner: frame.image[corner] for corner in corners} == corners
    for k, colour in enumerate(frame.bayer):
        assert (frame.image[k // 2 :: 2, k % 2 :: 2][1:-1, 1:-1] == levels[colour]).all()
    np.testing.assert_array_equal(frame.image, card)


@pytest.mark.parametrize(
    ("orientation", "rows_first"),
    [("auto", False), ("transposed", False), ("auto", True), ("as-is", True)],
)
def test_orientations(simulate, picture, orientation, rows_first):
    telescope = simulate(picture=picture, habits=Habits(rows_first=rows_first))
    with Camera(telescope.address, orientation=orientation) as camera:
        np.testing.assert_array_equal(camera.expose(0.5).image, picture)


def test_the_wrong_orientation_is_noticed(simulate, picture):
    telescope = simulate(picture=picture, habits=Habits(rows_first=True))
    with (
        Camera(telescope.address, orientation="transposed") as camera,
        pytest.raises(AlpacaProtocolError, match=r"shape \(10, 6\), asked for were 6 rows and 10"),
    ):
        camera.expose(0.5)


def test_colour_planes(simulate):
    planes = np.arange(4 * 6 * 3, dtype=np.uint16).reshape(4, 6, 3)
    telescope = simulate(picture=planes)
    with Camera(telescope.address) as camera:
        frame = camera.expose(0.5)
    np.testing.assert_array_equal(frame.image, planes)
    assert frame.bayer is None


def test_a_monochrome_camera_has_no_pattern(simulate, picture):
    telescope = simulate(Sky(bayer=None), picture=picture)
    with Camera(telescope.address) as camera:
        assert camera.expose(0.5).bayer is None


@pytest.mark.parametrize("left", [0, 3])
@pytest.mark.parametrize("top", [0, 1])
def test_a_subframe_shifts_the_pattern(simulate, picture, left, top):
    telescope = simulate(picture=picture)
    with Camera(telescope.address) as camera:
        for name, value in {"NumX": 4, "NumY": 3, "StartX": left, "StartY": top}.items():
            camera.transport.put(name.lower(), **{name: value})
        frame = camera.expose(0.5)
    np.testing.assert_array_equal(frame.image, picture[top : top + 3, left : left + 4])
    cell = np.array([["G", "R"], ["B", "G"]])
    rows, cols = (np.arange(2) + top) % 2, (np.arange(2) + left) % 2
    assert frame.bayer == "".join(cell[np.ix_(rows, cols)].ravel())


@pytest.mark.parametrize("shape", [(1920, 1080), (3840, 2160)])
def test_whole_frames_of_the_sky(simulate, shape):
    telescope = simulate(Sky(shape=shape))
    with Camera(telescope.address) as camera:
        frame = camera.expose(10.0)
    assert frame.image.shape == shape
    assert frame.image.dtype == np.uint16
    assert frame.image.flags.c_contiguous
    assert 600 < np.median(frame.image) < 900
    assert telescope.truth(0).exposure_s == 10.0


def test_a_frame_says_what_and_when(simulate, picture):
    telescope = simulate(picture=picture)
    before = datetime.now(UTC)
    with Camera(telescope.address) as camera:
        frame = camera.expose(2.0)
    assert frame.exposure_s == 2.0
    assert before <= frame.start <= datetime.now(UTC)
    assert frame.source == f"camera 0 at {telescope.address}"
    assert dict(frame.header) == {
        "INSTRUME": "Seestar S50 Camera",
        "EXPTIME": 2.0,
        "GAIN": 80,
        "CCD-TEMP": 24.5,
        "XPIXSZ": 2.9,
    }


@pytest.mark.parametrize("lacks", [Habits().lacks, frozenset()])
def test_the_start_is_known_with_and_without_the_camera_telling(simulate, picture, lacks):
    telescope = simulate(picture=picture, habits=Habits(lacks=lacks))
    with Camera(telescope.address) as camera:
        frame = camera.expose(1.0)
        told = camera.get_optional("lastexposurestarttime")
        assert (told is None) == bool(lacks)
    assert frame.start.tzinfo is not None
    assert abs(datetime.now(UTC) - frame.start) < timedelta(seconds=3)
    if told:
        assert frame.start.isoformat() == told + "000+00:00"


def test_settings(simulate, picture):
    telescope = simulate(picture=picture)
    with Camera(telescope.address) as camera:
        camera.transport.put("numx", NumX=4)
        camera.configure(gain=120, binning=1)
        assert camera.gain == 120
        assert camera.expose(0.5).image.shape == (6, 10)
        with pytest.raises(AlpacaInvalidValueError, match="Gain must be from 0 to 400, got 500"):
            camera.configure(gain=500)
        with pytest.raises(AlpacaInvalidValueError, match="BinX must be from 1 to 1, got 2"):
            camera.configure(binning=2)
        with pytest.raises(AlpacaInvalidValueError, match="gain must be a number or one of"):
            camera.configure(gain="high")


def test_a_device_must_be_connected(simulate, picture):
    telescope = simulate(picture=picture)
    camera = Camera(telescope.address)
    with pytest.raises(AlpacaNotConnectedError, match=r"camera 0 at 127\.0\.0\.1:\d+: GET "):
        camera.expose(0.5)
    camera.connect()
    assert camera.connected
    camera.disconnect()
    assert not camera.connected
    camera.close()


def test_there_is_no_second_camera(simulate, picture):
    telescope = simulate(picture=picture)
    with (
        pytest.raises(AlpacaStatusError, match=r"camera 1 at .*: HTTP status 400: there is no"),
        Camera(telescope.address, 1),
    ):
        pass


@pytest.mark.parametrize("habits", [Habits(), Habits(stale_ready=True)])
def test_every_exposure_gives_its_own_image(simulate, habits):
    sky = Sky(shape=(40, 60), n_stars=0, target=None)
    telescope = simulate(sky, speed=1.0, habits=habits)
    with Camera(telescope.address) as camera:
        images = [camera.expose(0.3).image for _ in range(3)]
    assert telescope.frames_taken == 3
    for first, second in ((0, 1), (1, 2), (0, 2)):
        assert (images[first] != images[second]).mean() > 0.9


def test_an_exposure_takes_its_time_and_few_questions(simulate, picture):
    telescope = simulate(picture=picture, speed=1.0)
    with Camera(telescope.address) as camera:
        camera.expose(0.1)
        asked = camera.transport._transaction_id
        began = time.monotonic()
        camera.expose(1.6)
        took_s = time.monotonic() - began
        asked = camera.transport._transaction_id - asked
    assert 1.6 <= took_s < 2.4
    # Two questions at 0, 0.05, 0.1, 0.2, 0.4, 0.8, 1.6 s, and what the header needs.
    assert asked <= 24


def test_a_fast_simulator_is_not_waited_for(simulate, picture):
    telescope = simulate(picture=picture, speed=20.0)
    with Camera(telescope.address) as camera:
        began = time.monotonic()
        camera.expose(10.0)
        assert 0.5 <= time.monotonic() - began < 2.0


def test_stop_aborts_within_a_second(simulate, picture):
    telescope = simulate(picture=picture, speed=1.0)
    stop = threading.Event()
    with Camera(telescope.address) as camera:
        threading.Timer(0.3, stop.set).start()
        began = time.monotonic()
        with pytest.raises(AlpacaCancelledError, match="exposure: stopped on request"):
            camera.expose(60.0, stop=stop)
        assert time.monotonic() - began < 1.3
        assert camera.transport.get("camerastate") == 0
        assert camera.expose(0.1).image.shape == (6, 10)


class Interrupted(threading.Event):
    """An event whose waiting is interrupted by the user."""

    def wait(self, timeout=None):
        raise KeyboardInterrupt


def test_an_interrupt_by_the_user_aborts(simulate, picture):
    telescope = simulate(picture=picture, speed=1.0)
    with Camera(telescope.address) as camera:
        with pytest.raises(KeyboardInterrupt):
            camera.expose(60.0, stop=Interrupted())
        assert camera.transport.get("camerastate") == 0


def test_a_stuck_exposure_ends_at_its_deadline(simulate, picture):
    telescope = simulate(picture=picture)
    telescope.inject(Fault(kind="stuck"))
    with Camera(telescope.address) as camera:
        began = time.monotonic()
        with pytest.raises(AlpacaExposureError, match="no image 1 s after the end"):
            camera.expose(0.5, overhead_s=1.0)
        assert 1.5 <= time.monotonic() - began < 2.5
        assert camera.transport.get("camerastate") == 0
        assert camera.expose(0.5).image.shape == (6, 10)


def test_a_failed_exposure_is_noticed_by_its_state(simulate, picture):
    telescope = simulate(picture=picture)
    telescope.inject(Fault(kind="failed"))
    with Camera(telescope.address) as camera:
        began = time.monotonic()
        with pytest.raises(AlpacaExposureError, match="the camera reports that it failed"):
            camera.expose(2.0)
        assert time.monotonic() - began < 2.5
        assert camera.expose(0.5).image.shape == (6, 10)


def test_an_exposure_of_somebody_else_is_not_disturbed(simulate, picture):
    telescope = simulate(picture=picture, speed=1.0)
    with Camera(telescope.address) as other, Camera(telescope.address) as camera:
        other.start_exposure(1.0)
        with pytest.raises(AlpacaInvalidOperationError, match="an exposure is under way"):
            camera.expose(0.5)
        other._wait(1.0, time.monotonic(), time.monotonic() + 5, threading.Event())
        assert telescope.frames_taken == 1


def test_an_exposure_whose_start_got_no_answer_is_not_started_twice(simulate, picture):
    telescope = simulate(picture=picture, speed=1.0)
    telescope.inject(Fault(kind="drop", member="startexposure", takes_effect=True))
    with Camera(telescope.address) as camera:
        with pytest.raises(AlpacaConnectionError, match="lost before an answer came") as caught:
            camera.expose(0.2)
        assert caught.value.sent
        time.sleep(0.4)
        # It was carried out once, and nobody asked for it again.
        assert telescope.frames_taken == 1
        camera.expose(0.2)
        assert telescope.frames_taken == 2


def test_an_exposure_whose_fate_is_unknown_is_aborted_before_the_next(simulate, picture):
    telescope = simulate(picture=picture, speed=1.0)
    telescope.inject(Fault(kind="drop", member="startexposure", takes_effect=True))
    with Camera(telescope.address) as camera:
        with pytest.raises(AlpacaConnectionError, match="connection lost before an answer came"):
            camera.expose(30.0)
        assert camera.transport.get("camerastate") == 2
        assert camera.expose(0.2).exposure_s == 0.2
        # A camera that finds nothing to abort is believed to be free.
        telescope.inject(Fault(kind="drop", member="startexposure"))
        with pytest.raises(AlpacaConnectionError, match="connection lost before an answer came"):
            camera.expose(0.2)
        telescope.inject(Fault(kind="error", member="abortexposure", number=0x40B))
        assert camera.expose(0.2).exposure_s == 0.2
    assert telescope.frames_taken == 2


def test_tracking(simulate, picture):
    telescope = simulate(picture=picture)
    with Telescope(telescope.address) as mount:
        mount.transport.put("tracking", Tracking=False)
        mount.track()
        assert mount.tracking
        # An error of the mount's own is believed only if the mount does not track.
        mount.transport.put("tracking", Tracking=False)
        sync = {"kind": "error", "number": 0x4FF, "message": "mount sync failed", "after": 1}
        telescope.inject(Fault(member="tracking", takes_effect=True, **sync))
        mount.track()
        assert mount.tracking
        mount.transport.put("tracking", Tracking=False)
        telescope.inject(Fault(member="tracking", **sync))
        with pytest.raises(AlpacaDriverError, match="mount sync failed"):
            mount.track()
        mount.transport.put("park")
        with pytest.raises(AlpacaParkedError, match="parked"):
            mount.track()


def test_the_position_comes_back_in_j2000(simulate, picture):
    telescope = simulate(picture=picture, pointing_deg=(210.8, 54.35))
    with Telescope(telescope.address) as mount:
        reported_deg = 15 * mount.transport.get("rightascension")
        ra_deg, dec_deg = mount.position_j2000(datetime.now(UTC))
    assert (ra_deg, dec_deg) == pytest.approx((210.8, 54.35), abs=1e-4)
    assert 0.1 < abs(reported_deg - 210.8) < 1.0


@pytest.mark.parametrize("position", [(84.15, -5.38), (0.1, 88.0), (359.9, -60.0)])
def test_coordinates_of_date_agree_with_astropy(position):
    from astropy.coordinates import ICRS, TETE, SkyCoord
    from astropy.time import Time

    when = datetime(2024, 2, 1, tzinfo=UTC)
    seen = SkyCoord(*position, unit="deg", frame=TETE(obstime=Time(when)))
    expected = seen.transform_to(ICRS())
    found = SkyCoord(*to_j2000(*position, when), unit="deg")
    assert expected.separation(found).arcsec < 0.05
    assert (
        SkyCoord(*to_jnow(*to_j2000(*position, when), when), unit="deg")
        .separation(SkyCoord(*position, unit="deg"))
        .arcsec
        < 0.001
    )


def test_filters(simulate, picture):
    telescope = simulate(Sky(shape=(40, 60), target=None))
    with FilterWheel(telescope.address) as wheel, Camera(telescope.address) as camera:
        assert wheel.names == ("Dark", "IR", "LP")
        assert wheel.filter == "IR"
        wheel.select("IR")
        assert np.median(camera.expose(10.0).image) > 600
        wheel.select("Dark")
        assert wheel.filter == "Dark"
        assert np.median(camera.expose(10.0).image) < 500
        with pytest.raises(AlpacaInvalidValueError, match="one of Dark, IR, LP, got 'UV'"):
            wheel.select("UV")
