"""A client that others wrote reads the same pixels from the simulated telescope."""

import time

import numpy as np
import pytest

from seestack.alpaca.client import Camera
from seestack.alpaca.faults import Habits
from seestack.alpaca.protocol import decode_image
from seestack.alpaca.sky import Sky

camera_module = pytest.importorskip("alpaca.camera", reason="alpyca is not installed")
exceptions = pytest.importorskip("alpaca.exceptions")
telescope_module = pytest.importorskip("alpaca.telescope")
wheel_module = pytest.importorskip("alpaca.filterwheel")
management = pytest.importorskip("alpaca.management")

SKY = Sky(shape=(200, 120))


def connected(device):
    device.Connect()
    deadline = time.monotonic() + 5
    while device.Connecting and time.monotonic() < deadline:
        time.sleep(0.02)
    assert device.Connected
    return device


@pytest.mark.parametrize(
    "habits", [Habits(), Habits(element_type=2), Habits(image_format="json"), Habits(chunked=True)]
)
def test_the_same_pixels(simulate, habits):
    telescope = simulate(SKY, habits=habits)
    camera = connected(camera_module.Camera(telescope.address, 0))
    camera.StartExposure(10.0, True)
    assert not camera.ImageReady
    deadline = time.monotonic() + 10
    while not camera.ImageReady and time.monotonic() < deadline:
        time.sleep(0.02)
    theirs = np.array(camera.ImageArray).T
    with Camera(telescope.address) as ours:
        body, kind = ours.transport.get_image("imagearray", max_bytes=10**7)
    np.testing.assert_array_equal(theirs, decode_image(body, kind))
    assert theirs.shape == (200, 120)
    assert 600 < np.median(theirs) < 900


def test_what_it_says_about_itself(simulate):
    telescope = simulate(SKY)
    camera = connected(camera_module.Camera(telescope.address, 0))
    assert (camera.CameraXSize, camera.CameraYSize) == (120, 200)
    assert camera.SensorType == camera_module.SensorType.RGGB
    assert (camera.BayerOffsetX, camera.BayerOffsetY) == (1, 0)
    assert (camera.Gain, camera.MaxADU) == (80, 65535)
    assert camera.CameraState == camera_module.CameraStates.cameraIdle
    camera.Gain = 200
    assert camera.Gain == 200
    for member in ("LastExposureStartTime", "PercentCompleted", "Offset", "Gains"):
        with pytest.raises(exceptions.NotImplementedException):
            getattr(camera, member)
    with pytest.raises(exceptions.InvalidValueException):
        camera.StartExposure(5000.0, True)
    camera.StartExposure(30.0, True)
    camera.AbortExposure()
    with pytest.raises(exceptions.InvalidOperationException):
        _ = camera.ImageArray


def test_mount_filter_wheel_and_management(simulate):
    telescope = simulate(SKY)
    mount = connected(telescope_module.Telescope(telescope.address, 0))
    assert mount.Tracking
    assert mount.EquatorialSystem == telescope_module.EquatorialCoordinateType.equTopocentric
    mount.SlewToCoordinatesAsync(6.0, 10.0)
    assert (mount.RightAscension, mount.Declination) == pytest.approx((6.0, 10.0))
    mount.Park()
    assert mount.AtPark
    with pytest.raises(exceptions.ParkedException):
        mount.Tracking = True
    wheel = connected(wheel_module.FilterWheel(telescope.address, 0))
    assert wheel.Names == ["Dark", "IR", "LP"]
    wheel.Position = 2
    assert wheel.Position == 2
    assert management.apiversions(telescope.address) == [1]
    devices = management.configureddevices(telescope.address)
    assert [device["DeviceType"] for device in devices] == ["Camera", "Telescope", "FilterWheel"]
