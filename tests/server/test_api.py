"""The documented API over real HTTP, as a client written for it sees it."""

import base64
import csv
import io
import json
import threading

import numpy as np
import pytest
from astropy.io import fits
from dashboards import Client, dashboard, simulated
from PIL import Image

from seestack import CaptureSession, Settings, SourceError, serve
from seestack.configured import configured_session
from seestack.model import FrameReport
from seestack.server.app import ROUTES
from seestack.server.openapi import description
from seestack.server.refusals import REFUSALS

pytestmark = pytest.mark.usefixtures("no_session_thread_is_left")


def error_of(answer):
    error = answer.json()["error"]
    assert answer.status_code == REFUSALS[error["code"]][0]
    assert len(error["message"].split()) > 3
    return answer.status_code, error["code"]


def test_start_status_and_the_end_of_a_session():
    with dashboard(stacking={"frames": 5, "preview_every": 2}) as running:
        client = Client(running)
        assert client.post("api/stack/start").json()["state"] == "running"
        previews = {}
        while (status := client.status())["state"] == "running":
            previews.setdefault(status["preview_number"], set()).add(status["preview_png_b64"])
        assert (status["state"], status["frames_stacked"]) == ("finished", 5)
        assert set(FrameReport.__annotations__) <= set(status)
        assert status["snr_gain"] == 2.24
        assert status["last_reasons"][-1] == status["reason"] == "stacked"
        assert status["preview_number"] == 2
        assert all(len(pictures) == 1 for pictures in previews.values())
        png = base64.b64decode(status["preview_png_b64"])
        with Image.open(io.BytesIO(png)) as picture:
            assert picture.size == (320, 240)
        # The stack stays until the next start, which begins from nothing.
        assert client.get("api/preview.png").content == png
        assert client.post("api/stack/start").json()["frames_stacked"] == 0
        assert client.wait("finished")["session"] == 2


def test_stop_keeps_the_stack_and_reset_forgets_it():
    with dashboard(lambda s: simulated(s, speed=100.0), stacking={"frames": 999}) as running:
        client = Client(running)
        client.post("api/stack/start")
        client.until(lambda status: status["frames_stacked"] >= 3)
        stopped = client.post("api/stack/stop").json()
        assert stopped["state"] == "stopped"
        assert client.status()["frames_stacked"] == stopped["frames_stacked"] >= 3
        assert client.post("api/stack/reset").json()["frames_stacked"] == 0
        status = client.status()
        assert (status["state"], status["preview_png_b64"]) == ("idle", None)
        assert client.get("api/frames").json() == {"frames": [], "total": 0}


def test_reset_of_a_running_session_begins_with_a_new_reference():
    with dashboard(lambda s: simulated(s, speed=50.0), stacking={"frames": 6}) as running:
        client = Client(running)
        client.post("api/stack/start")
        client.until(lambda status: status["frames_stacked"] >= 3)
        assert client.post("api/stack/reset").json()["frames_stacked"] <= 1
        assert client.wait("finished")["frames_stacked"] == 6
        rows = client.get("api/frames").json()["frames"]
        assert [row["index"] for row in rows] == list(range(len(rows)))
        assert rows[0]["reason"] == "reference frame"


def test_conflicts_have_a_code_and_words():
    with dashboard(lambda s: simulated(s, speed=100.0), stacking={"frames": 999}) as running:
        client = Client(running)
        assert error_of(client.post("api/stack/stop")) == (409, "not_running")
        assert error_of(client.get("api/preview.png")) == (404, "no_preview")
        assert error_of(client.get("api/stack.fits")) == (404, "no_stack")
        assert client.post("api/stack/start").status_code == 200
        assert error_of(client.post("api/stack/start")) == (409, "already_running")
        assert client.status()["state"] == "running"
        assert client.post("api/stack/stop").status_code == 200
        assert error_of(client.post("api/stack/stop")) == (409, "not_running")


def test_no_camera_leaves_the_last_stack():
    there = [True]

    def make(settings):
        return simulated(settings) if there[0] else configured_session(settings)

    stacking = {"frames": 2}
    with dashboard(make, stacking=stacking) as running:
        client = Client(running)
        client.post("api/stack/start")
        client.wait("finished")
        there[0] = False
        client.put("api/config", json={"alpaca": {"default_server": {"address": "127.0.0.1:9"}}})
        answer = client.post("api/stack/start")
        assert error_of(answer) == (409, "no_camera")
        assert "127.0.0.1:9" in answer.json()["error"]["message"]
        status = client.status()
        assert (status["state"], status["frames_stacked"]) == ("finished", 2)


class LostCamera:
    """Two frames, then the camera is gone; for good, or until it is iterated again."""

    def __init__(self, *, permanent):
        self.permanent, self.stopped = permanent, threading.Event()

    def __iter__(self):
        yield from list(_frames(2))
        error = SourceError("camera 0: connection lost, see /home/anna/camera.log")
        error.permanent = self.permanent
        raise error

    def stop(self):
        self.stopped.set()


def _frames(count):
    from dashboards import SKY

    from seestack import SimulatedSource

    return SimulatedSource(SKY, frames=count)


@pytest.mark.parametrize("permanent", [True, False])
def test_a_lost_camera_is_told_by_the_status(permanent):
    make = lambda settings: CaptureSession(LostCamera(permanent=permanent), frames=20)  # noqa: E731
    with dashboard(make) as running:
        client = Client(running)
        client.post("api/stack/start")
        status = client.until(lambda status: status["error"])
        assert status["state"] == ("failed" if permanent else "running")
        assert status["error"]["code"] == ("camera_lost" if permanent else "interrupted")
        assert status["error"]["message"].startswith("camera 0: connection lost, see camera.log")
        client.until(lambda status: status["frames_stacked"] == 2 and status["error"])
        answer = client.post("api/stack/stop")
        if permanent:
            assert error_of(answer) == (409, "not_running")
        else:
            assert answer.json()["state"] == "stopped"


def test_events_follow_each_frame():
    with dashboard(stacking={"frames": 4}) as running:
        client = Client(running)
        with client.get("api/events", stream=True) as events:
            assert events.headers["Content-Type"] == "text/event-stream"
            seen = []
            for line in events.iter_lines():
                if line.startswith(b"data: "):
                    seen.append(json.loads(line[6:]))
                    if len(seen) == 1:
                        client.post("api/stack/start")
                    if seen[-1]["state"] == "finished":
                        break
    assert seen[0]["state"] == "idle"
    assert {status["frames_stacked"] for status in seen} >= {1, 2, 3, 4}
    assert "preview_png_b64" not in seen[-1]


def test_results_as_files():
    with dashboard(stacking={"frames": 3}) as running:
        client = Client(running)
        client.post("api/stack/start")
        client.wait("finished")
        image = client.get("api/stack.fits")
        with fits.open(io.BytesIO(image.content)) as hdus:
            assert hdus[0].data.shape == (3, 240, 320)
            assert hdus["COVERAGE"].data.max() == hdus[0].header["STACKCNT"] == 3
        assert np.array_equal(
            [row["index"] for row in client.get("api/frames?from=1").json()["frames"]], [1, 2]
        )
        table = client.get("api/frames?format=csv&limit=2").text
        rows = list(csv.DictReader(io.StringIO(table)))
        assert [row["reason"] for row in rows] == ["reference frame", "stacked"]
        picture = client.get("api/preview.png")
        tag = picture.headers["Etag"]
        again = client.get("api/preview.png", headers={"If-None-Match": tag})
        assert (again.status_code, again.content) == (304, b"")
        assert client.get("api/preview.png", headers={"If-None-Match": '"x"'}).status_code == 200


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        ({"stacking": {"frames": 7, "exposure_s": -1.0}}, "bad_value"),
        ({"stacking": {"frames": 7, "frame": 1}}, "bad_value"),
        ({"stacking": {"frames": True}}, "bad_value"),
        ({"nonsense": {}}, "bad_value"),
        ([], "bad_value"),
        ({"camera": None}, "bad_value"),
        ({"camera": {"filter": "a\nb"}}, "bad_value"),
        ({"alpaca": {"default_server": {"address": "a/b"}}}, "bad_value"),
        ({"output": {"folder": "/etc"}}, "read_only"),
        ({"image_watcher": {"watch_path": "/etc"}}, "read_only"),
        ({"server": {"token": "mine"}}, "read_only"),
        ({"stacking": {"frames": 7}, "output": {"folder": "/etc"}}, "read_only"),
    ],
)
def test_a_bad_setting_changes_nothing(sent, code):
    with dashboard() as running:
        client = Client(running)
        before = client.get("api/config").json()
        assert error_of(client.put("api/config", json=sent))[1] == code
        assert client.get("api/config").json() == before


def test_settings_are_taken_by_the_next_start():
    with dashboard() as running:
        client = Client(running)
        config = client.get("api/config").json()
        assert client.put("api/config", json=config).json() == config
        changed = client.put("api/config", json={"stacking": {"frames": 2}})
        assert changed.json() == config | {"stacking": config["stacking"] | {"frames": 2}}
        whole = client.put("api/config", json={"stacking": {"frames": 2.0}})
        assert whole.json()["stacking"]["frames"] == 2
        assert client.put("api/config", data="{").status_code == 415
        for body in (b"{", b"\xff", b'{"camera": {"gain": NaN}}', b"[" * 9000):
            kind = {"Content-Type": "application/json"}
            assert client.put("api/config", data=body, headers=kind).status_code == 400
        client.post("api/stack/start")
        assert client.wait("finished")["frames_stacked"] == 2


def test_cameras_are_discovered(simulate, monkeypatch):
    telescope = simulate(discovery_port=0)
    alpaca = {"discovery_port": telescope.discovery_port, "discovery_timeout": 0.8}
    settings = Settings.from_mapping({"alpaca": alpaca})
    running = serve(settings=settings, port=0)
    try:
        cameras = Client(running).get("api/cameras").json()["cameras"]
        assert [camera["address"] for camera in cameras] == [telescope.address]
        status = Client(running).post("api/stack/start").json()
        assert status["state"] == "running"
    finally:
        running.stop()
    assert running.sessions.current.session.snapshot().state == "stopped"


def test_a_session_of_a_notebook_is_shown_started_once_and_left_alone():
    session = simulated(Settings.from_mapping({"stacking": {"frames": 3}}))
    running = serve(session, port=0)
    try:
        client = Client(running)
        assert client.status()["state"] == "idle"
        assert client.post("api/stack/start").status_code == 200
        assert client.wait("finished")["frames_stacked"] == session.stacker.frames_stacked == 3
        assert error_of(client.post("api/stack/start")) == (409, "session_over")
    finally:
        running.stop()
    endless = simulated(Settings.from_mapping({"stacking": {"frames": 999}}), speed=100.0)
    endless.start()
    running = serve(endless, port=0)
    assert Client(running).status()["state"] == "running"
    running.stop()
    assert endless.snapshot().state == "running"
    endless.stop()


def test_every_route_is_described_and_every_description_is_a_route():
    described = set(description(token=False)["paths"])
    assert described == {route for route in ROUTES if route.startswith("/api/")}


def test_every_option_of_a_stack_has_a_schema_of_its_type():
    """A new option with a text needs its choices in `schemas._OPTION_RULES`."""
    schemas = description(token=False)["components"]["schemas"]
    server = schemas["Config"]["properties"]["alpaca"]["properties"]["default_server"]
    assert set(server["properties"]) == {"address", "port"}
    options = schemas["Config"]["properties"]["stacking"]["properties"]
    assert set(options) == set(Settings().as_mapping()["stacking"])
    for name, schema in options.items():
        texts = "string" in schema.get("type", ())
        assert "enum" in schema or not texts, name
