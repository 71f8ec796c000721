"""Running dashboards for the tests: real sessions of a simulated sky over real HTTP."""

import time

import requests

from seestack import CaptureSession, Dashboard, Settings
from seestack.alpaca.sky import Sky
from seestack.server.sessions import Sessions
from seestack.sources.simulated import SimulatedSource

SKY = Sky(shape=(240, 320), n_stars=90, target=None, satellite_rate=0.0, cloud=0.0)


def simulated(settings, *, speed=None, sky=SKY):
    """Return a session of a simulated sky with the settings of its section stacking."""
    stacking = settings.stacking
    return CaptureSession(
        SimulatedSource(sky, exposure_s=10.0, speed=speed),
        frames=stacking.frames,
        preview_every=stacking.preview_every,
    )


def dashboard(make=simulated, *, stacking=None, on_end=None, given=None, **options):
    """Return a dashboard on a free port, not started."""
    alpaca = {"discovery_port": 9, "discovery_timeout": 0.05}  # nobody answers there
    settings = Settings.from_mapping({"alpaca": alpaca, "stacking": stacking or {}})
    sessions = Sessions(make, settings, given=given, on_end=on_end)
    return Dashboard(sessions, port=0, **options)


class Client:
    """A client of the documented API, with nothing else."""

    def __init__(self, running, **headers):
        self.url = running.url
        self.web = requests.Session()
        self.web.headers.update(headers)

    def get(self, path, **options):
        return self.web.get(self.url + path, timeout=10, **options)

    def post(self, path, **options):
        return self.web.post(self.url + path, timeout=10, **options)

    def put(self, path, **options):
        return self.web.put(self.url + path, timeout=10, **options)

    def status(self):
        answer = self.get("api/status")
        assert answer.status_code == 200
        return answer.json()

    def wait(self, *states, timeout_s=30):
        """Return the first status in one of the states."""
        return self.until(lambda status: status["state"] in states, timeout_s=timeout_s)

    def until(self, holds, *, timeout_s=30):
        deadline = time.monotonic() + timeout_s
        while not holds(status := self.status()):
            assert time.monotonic() < deadline, status
            time.sleep(0.02)
        return status
