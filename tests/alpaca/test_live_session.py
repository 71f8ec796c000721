"""Whole sessions over real HTTP: to the end, through failures, and stopped."""

import io
import logging
import time

import numpy as np
import pytest
from PIL import Image

from seestack import AlpacaSource, CaptureSession, LiveStacker
from seestack.alpaca.discovery import discover
from seestack.alpaca.faults import Fault
from seestack.alpaca.sky import Sky
from seestack.alpaca.timeouts import Timeouts

FIELD = Sky(
    shape=(360, 480), n_stars=150, target=None, satellite_rate=0.0, cloud=0.0, dither_every=3
)
QUICK = Timeouts(connect_s=1.0, read_s=0.4, answer_s=1.0, image_s=1.0)


pytestmark = pytest.mark.usefixtures("no_session_thread_is_left")


def session_of(telescope, frames=5, **options):
    source = AlpacaSource(telescope.address, exposure_s=2.0, overhead_s=1.0, timeouts=QUICK)
    return CaptureSession(source, LiveStacker(), frames=frames, **options)


def test_a_session_over_http_from_discovery_to_preview(simulate):
    telescope = simulate(FIELD, discovery_port=0)
    (server,) = discover(port=telescope.discovery_port, timeout_s=1.0)
    session = CaptureSession(AlpacaSource(server, exposure_s=10.0), frames=6)
    session.start()
    seen = session.wait(60)
    assert (seen.state, seen.frames_stacked) == ("finished", 6)
    for index, report in enumerate(session.stacker.reports):
        truth = telescope.truth(index).transform
        assert report["rotation_deg"] == pytest.approx(truth.rotation_deg, abs=0.02)
        assert report["offset"] == pytest.approx(truth.offset_px(FIELD.shape), abs=0.1)
    assert session.stacker.observation.total_exposure_s == 60.0
    with Image.open(io.BytesIO(session.preview(max_px=240))) as picture:
        assert picture.size == (240, 180)


@pytest.mark.parametrize(
    "fault",
    [
        Fault(kind="error", member="imageready", number=0x501, after=6),
        Fault(kind="busy", after=2),
        Fault(kind="refused", member="imageready", after=6),
        Fault(kind="slow", member="imagearray", seconds=0.6, after=2, times=3),
        Fault(kind="drop", member="startexposure", after=2),
        Fault(kind="drop", member="startexposure", after=2, takes_effect=True),
        Fault(kind="cut", after=2),
        Fault(kind="garbage", after=2),
        Fault(kind="wrong-size", after=2),
        Fault(kind="stuck", after=2),
        Fault(kind="failed", after=2),
        Fault(kind="restart", member="imageready", after=6, seconds=0.5),
    ],
    ids=lambda fault: f"{fault.kind}-{fault.member}",
)
def test_a_failure_in_mid_session_costs_time_and_no_accepted_frame(simulate, fault):
    telescope = simulate(FIELD)
    telescope.inject(fault)
    session, seen = session_of(telescope), []
    session.observe(seen.append)
    session.start()
    last = session.wait(60)
    assert (last.state, last.frames_stacked) == ("finished", 5)
    waited = [snapshot.detail for snapshot in seen if "trying again in" in snapshot.detail]
    assert waited
    assert all(detail.startswith("camera 0 at ") for detail in waited)
    stacked = [snapshot.frames_stacked for snapshot in seen]
    assert stacked == sorted(stacked)
    assert session.stacker.stack.coverage.max() == 5


def test_a_camera_that_dies_leaves_the_stack(simulate, caplog):
    caplog.set_level(logging.CRITICAL)
    telescope = simulate(FIELD)
    session = session_of(telescope, frames=50, give_up_s=1.5)
    session.start()
    while session.snapshot().frames_stacked < 3:
        time.sleep(0.02)
    telescope.stop()
    last = session.wait(60)
    assert last.state == "failed"
    assert telescope.address in last.detail
    assert last.frames_stacked >= 3
    assert np.isfinite(session.stacker.stacked_image()).any()


def test_a_setting_that_the_camera_refuses_fails_the_session_at_once(simulate, caplog):
    caplog.set_level(logging.CRITICAL)
    telescope = simulate(FIELD)
    source = AlpacaSource(telescope.address, exposure_s=2.0, gain=999, timeouts=QUICK)
    session = CaptureSession(source)
    session.start()
    last = session.wait(10)
    assert last.state == "failed"
    assert "999" in last.detail or "gain" in last.detail.lower()


def test_stop_in_mid_exposure_aborts_it_on_the_camera(simulate):
    telescope = simulate(FIELD, speed=1.0)
    source = AlpacaSource(telescope.address, exposure_s=60.0)
    session = CaptureSession(source)
    session.start()
    time.sleep(0.8)
    began = time.monotonic()
    last = session.stop()
    assert time.monotonic() - began < 1.0
    assert session.wait(5).state == "stopped"
    assert last.frames_stacked == 0
    assert telescope.frames_taken == 0
