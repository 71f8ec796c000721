"""The server against its own OpenAPI document, by a tool that makes up the requests."""

import subprocess
import sys
from importlib.util import find_spec

import pytest
from dashboards import Client, dashboard, simulated

from seestack.server.limits import Limits

pytestmark = [
    pytest.mark.skipif(find_spec("schemathesis") is None, reason="schemathesis is not installed"),
    pytest.mark.usefixtures("no_session_thread_is_left"),
]
LIMITS = Limits(requests_per_s=1e6, burst=1e6)


@pytest.mark.parametrize(
    ("token", "phases", "least_cases"),
    [(None, "coverage,fuzzing", 2000), ("s3cret-s3cret", "coverage", 300)],
)
def test_no_answer_breaks_the_description(tmp_path, token, phases, least_cases):
    make = lambda settings: simulated(settings, speed=100.0)  # noqa: E731
    with dashboard(make, token=token, limits=LIMITS) as running:
        client = Client(running, **({"Authorization": f"Bearer {token}"} if token else {}))
        client.post("api/stack/start")
        client.until(lambda status: status["frames_stacked"])
        run = subprocess.run(
            [
                *(sys.executable, "-m", "schemathesis.cli", "run"),
                f"{running.url}api/openapi.json",
                *("--url", running.url, "--phases", phases, "--checks", "all"),
                *("--continue-on-failure", "--seed", "1", "--no-color", "--max-examples", "900"),
                *("--exclude-path", "/api/events", "--generation-database", "none"),
                *(("--header", f"Authorization: Bearer {token}") if token else ()),
            ],
            capture_output=True,
            text=True,
            timeout=150,
            cwd=tmp_path,
            check=False,
        )
    assert run.returncode == 0, run.stdout[-6000:] + run.stderr[-1000:]
    cases = int(run.stdout.split("Test cases:")[1].split("generated")[0].replace(",", ""))
    assert cases >= least_cases
