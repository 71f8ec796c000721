"""The client and the source against a server that others wrote."""

import os
import socket
import subprocess
import sys
import time
from contextlib import closing
from importlib.util import find_spec

import numpy as np
import pytest
import requests

from seestack import CaptureSession
from seestack.alpaca.client import Camera
from seestack.alpaca.errors import AlpacaError
from seestack.sources.alpaca import AlpacaSource

pytestmark = pytest.mark.skipif(
    find_spec("alpaca_simulators") is None, reason="alpaca-simulators is not installed"
)


def free_port():
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        return listener.getsockname()[1]


@pytest.fixture(scope="module")
def server(protocol_files, tmp_path_factory):
    """The address of a running server that is set up like a Seestar S50."""
    folder = tmp_path_factory.mktemp("foreign")
    subprocess.run(
        [sys.executable, protocol_files / "make_simulator_config.py", folder],
        check=True,
        capture_output=True,
        timeout=60,
    )
    port = free_port()
    command = "from alpaca_simulators.run_simulator import main; main()"
    with open(folder / "log", "w") as log:
        process = subprocess.Popen(
            [
                *(sys.executable, "-c", command),
                *("--host", "127.0.0.1", "--port", str(port)),
                *("--config", folder / "seestar.yaml"),
            ],
            stdout=log,
            stderr=subprocess.STDOUT,
            env=os.environ | {"HOME": str(folder)},
        )
        try:
            address = f"127.0.0.1:{port}"
            _wait_for(address, process, folder / "log")
            yield address
        finally:
            # Asked politely it would wait for its exposures.
            process.kill()
            process.wait(10)


def _wait_for(address, process, log):
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        try:
            requests.get(f"http://{address}/api/v1/camera/0/name", timeout=1)
        except requests.exceptions.ConnectionError:
            time.sleep(0.2)
        else:
            return
    pytest.fail(f"the server did not start: {log.read_text()[-2000:]}")


def test_an_exposure(server):
    with Camera(server) as camera:
        assert (camera.info.width_px, camera.info.height_px) == (1080, 1920)
        camera.configure()
        frame = camera.expose(0.5)
    assert frame.image.shape == (1920, 1080)
    assert frame.image.dtype == np.uint16
    assert frame.bayer == "GRBG"
    assert frame.start.tzinfo is not None
    image = frame.image.astype(float)
    # Stars: some pixels far above the noise, and not in stripes.
    bright = image > np.median(image) + 10 * image[:200, :200].std()
    assert 5 < bright.sum() < 0.05 * image.size


def test_the_source_takes_several_frames_with_positions(server):
    for exposure_s in (0.3, 0.6):
        frames = []
        source = AlpacaSource(server, exposure_s=exposure_s, object_name="M 42")
        for frame in source:
            frames.append(frame)
            if len(frames) == 3:
                source.stop()
        # This server draws equal exposures once; the longer one has brighter stars.
        assert [frame.image.shape for frame in frames] == [(1920, 1080)] * 3
        header = frames[0].header
        assert (header["EXPTIME"], header["OBJECT"]) == (exposure_s, "M 42")
        assert header["RA"] == pytest.approx(83.8, abs=0.6)
        assert header["DEC"] == pytest.approx(-5.4, abs=0.2)
        light = frames[0].image.astype(float).sum()
        if exposure_s == 0.3:
            short_light = light
    assert light > short_light * 1.001


def test_an_abort(server):
    with Camera(server) as camera:
        camera.start_exposure(20.0)
        time.sleep(0.2)
        camera.abort()
        time.sleep(0.3)
        assert camera.expose(0.2).image.shape == (1920, 1080)


def test_a_device_that_is_not_there(server):
    with pytest.raises(AlpacaError, match=r"camera 7 at .*: GET connected: "):
        Camera(server, 7).connect()


def test_a_session_ends_with_stacked_frames(server):
    session = CaptureSession(AlpacaSource(server, exposure_s=0.3), frames=3)
    session.start()
    seen = session.wait(60)
    assert (seen.state, seen.frames_stacked) == ("finished", 3)
    assert session.stacker.stacked_image().shape == (1920, 1080)
