"""Frames from a simulated camera, and what happens when it fails."""

import threading
import time

import numpy as np
import pytest

from seestack.alpaca.discovery import discover
from seestack.alpaca.errors import (
    AlpacaConnectionError,
    AlpacaDriverError,
    AlpacaExposureError,
    AlpacaInvalidOperationError,
    AlpacaInvalidValueError,
    AlpacaNotConnectedError,
    AlpacaProtocolError,
    AlpacaStatusError,
)
from seestack.alpaca.faults import Fault
from seestack.alpaca.management import Server
from seestack.alpaca.sky import Sky
from seestack.alpaca.timeouts import Timeouts
from seestack.sources.alpaca import AlpacaSource

SMALL = Sky(shape=(80, 120), n_stars=3, target=None)
QUICK = Timeouts(connect_s=1.0, read_s=0.4, answer_s=1.0, image_s=1.0)


def take(source, count):
    frames = []
    for frame in source:
        frames.append(frame)
        if len(frames) == count:
            break
    return frames


def test_frames_come_in_order_with_everything_known(simulate):
    telescope = simulate(SMALL, pointing_deg=(10.68, 41.27))
    source = AlpacaSource(
        telescope.address, exposure_s=4.0, gain=100, filter_name="LP", object_name="M 31"
    )
    frames = take(source, 3)
    assert [frame.image.shape for frame in frames] == [(80, 120)] * 3
    assert {frame.bayer for frame in frames} == {"GRBG"}
    assert {frame.exposure_s for frame in frames} == {4.0}
    starts = [frame.start for frame in frames]
    assert starts == sorted(starts)
    header = frames[0].header
    assert (header["OBJECT"], header["FILTER"], header["GAIN"]) == ("M 31", "LP", 100)
    assert (header["RA"], header["DEC"]) == pytest.approx((10.68, 41.27), abs=1e-4)
    assert header["INSTRUME"] == "Seestar S50 Camera"
    assert header["CCD-TEMP"] == 24.5
    assert telescope.frames_taken == 3
    assert not np.array_equal(frames[0].image, frames[1].image)


def test_a_discovered_telescope_is_a_source(simulate, picture):
    telescope = simulate(picture=picture, discovery_port=0)
    (server,) = discover(port=telescope.discovery_port, timeout_s=0.8)
    for camera in (server, server.find("camera")):
        (frame,) = take(AlpacaSource(camera, exposure_s=0.5), 1)
        np.testing.assert_array_equal(frame.image, picture)


def test_what_cannot_be_a_camera():
    with pytest.raises(ValueError, match=r"127\.0\.0\.1:1 has no camera that could be used"):
        AlpacaSource(Server(address="127.0.0.1:1"))
    with pytest.raises(ValueError, match="exposure_s must be positive, got 0"):
        AlpacaSource("127.0.0.1:1", exposure_s=0)


def test_stop_from_another_thread_aborts_the_exposure(simulate, picture):
    telescope = simulate(picture=picture, speed=1.0)
    source = AlpacaSource(telescope.address, exposure_s=30.0)
    frames = []
    taking = threading.Thread(target=lambda: frames.extend(source))
    taking.start()
    time.sleep(0.5)
    assert source.camera.transport.get("camerastate") == 2
    began = time.monotonic()
    source.stop()
    taking.join(5)
    assert time.monotonic() - began < 1.0
    assert not taking.is_alive()
    assert frames == []
    assert source.camera.transport.get("camerastate") == 0
    assert list(source) == []
    source.camera.close()


def test_the_mount_is_made_to_track(simulate, picture):
    telescope = simulate(picture=picture)
    mount = telescope._service.devices["telescope"]
    mount.tracking = False
    take(AlpacaSource(telescope.address, exposure_s=0.5), 1)
    assert mount.tracking


def test_a_parked_mount_does_not_keep_the_camera_from_working(simulate, picture, caplog):
    telescope = simulate(picture=picture)
    telescope._service.devices["telescope"]._park(True)
    (frame,) = take(AlpacaSource(telescope.address, exposure_s=0.5), 1)
    assert "RA" not in frame.header
    assert "going on without a tracking telescope" in caplog.text


def test_a_camera_alone_is_enough(simulate, picture):
    telescope = simulate(picture=picture)
    for kind in ("telescope", "filterwheel"):
        del telescope._service.devices[kind]
    for accessories in (True, False):
        source = AlpacaSource(telescope.address, exposure_s=0.5, accessories=accessories)
        (frame,) = take(source, 1)
        assert not {"RA", "DEC", "FILTER"} & set(frame.header)
    source = AlpacaSource(telescope.address, exposure_s=0.5, filter_name="LP")
    with pytest.raises(AlpacaStatusError, match="there is no filterwheel 0"):
        take(source, 1)


def test_unknown_settings_are_errors(simulate, picture):
    telescope = simulate(picture=picture)
    for options in ({"gain": 999}, {"binning": 2}, {"filter_name": "UV"}):
        with pytest.raises(AlpacaInvalidValueError):
            take(AlpacaSource(telescope.address, exposure_s=0.5, **options), 1)


FATAL = [
    (
        Fault(kind="error", member="imageready", number=0x501, after=4),
        AlpacaDriverError,
        "simulated fault",
    ),
    (Fault(kind="busy", after=1), AlpacaInvalidOperationError, "PUT startexposure: .* busy"),
    (Fault(kind="refused", member="imageready", after=4), AlpacaStatusError, "HTTP status 500"),
    (
        Fault(kind="slow", member="imagearray", seconds=0.6, after=1, times=3),
        AlpacaConnectionError,
        "no answer within",
    ),
    (
        Fault(kind="drop", member="startexposure", after=1),
        AlpacaConnectionError,
        "PUT startexposure: connection lost",
    ),
    (
        Fault(kind="drop", member="startexposure", after=1, takes_effect=True),
        AlpacaConnectionError,
        "PUT startexposure: connection lost",
    ),
    (
        Fault(kind="drop", member="imageready", after=4, times=3),
        AlpacaConnectionError,
        "GET imageready: connection lost",
    ),
    (Fault(kind="cut", after=1), AlpacaConnectionError, r"broke off after \d+ bytes"),
    (Fault(kind="garbage", after=1), AlpacaProtocolError, "ImageBytes version must be 1"),
    (Fault(kind="wrong-size", after=1), AlpacaProtocolError, r"shape \(80, 60\), asked for"),
    (Fault(kind="stuck", after=1), AlpacaExposureError, "no image 1 s after the end"),
    (Fault(kind="failed", after=1), AlpacaExposureError, "reports that it failed"),
    (
        Fault(kind="restart", member="imageready", after=4, seconds=0.3),
        (AlpacaConnectionError, AlpacaNotConnectedError),
        "camera 0 at",
    ),
]


@pytest.mark.parametrize(
    ("fault", "kind", "message"), FATAL, ids=[f"{f.kind}-{f.member}" for f, *_ in FATAL]
)
def test_a_failure_in_mid_session_ends_the_loop_and_a_new_one_goes_on(
    simulate, fault, kind, message
):
    telescope = simulate(SMALL)
    telescope.inject(fault)
    source = AlpacaSource(telescope.address, exposure_s=2.0, overhead_s=1.0, timeouts=QUICK)
    frames = []
    with pytest.raises(kind, match=message):
        frames.extend(source)
    assert 1 <= len(frames) <= 2
    time.sleep(0.5)
    more = take(source, 2)
    assert [frame.image.shape for frame in more] == [(80, 120)] * 2
    # Every image is one of its own exposure: none was given twice.
    images = [frame.image for frame in frames + more]
    for first in range(len(images)):
        for second in range(first):
            assert not np.array_equal(images[first], images[second])


@pytest.mark.parametrize(
    "fault",
    [
        Fault(kind="drop", member="imageready", after=3, times=2),
        Fault(kind="slow", member="imageready", after=3, seconds=0.3, times=3),
        Fault(kind="drop", member="imagearray", after=1),
        Fault(kind="error", member="rightascension", times=5),
        Fault(kind="error", member="tracking", number=0x4FF, times=1),
    ],
    ids=lambda fault: f"{fault.kind}-{fault.member}",
)
def test_small_failures_are_got_over(simulate, fault):
    telescope = simulate(SMALL)
    telescope.inject(fault)
    source = AlpacaSource(telescope.address, exposure_s=1.0, timeouts=QUICK)
    assert len(take(source, 3)) == 3
    assert telescope.frames_taken == 3
