"""The simulator against the official OpenAPI, by a tool that makes up the requests."""

import subprocess
import sys
from importlib.util import find_spec

import pytest
import requests
import yaml

from seestack.alpaca.simulator import SimulatedTelescope

pytestmark = pytest.mark.skipif(
    find_spec("schemathesis") is None, reason="schemathesis is not installed"
)

CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
)
# Which schema, where it lies on the server, which operations, and the least number of
# requests that says that they were tried.
RUNS = {
    # Apart, because a camera that is disconnected answers little else.
    "camera": ("alpaca-camera0.yaml", "/api/v1", ("--exclude-path-regex", "connect"), 3000),
    "connection": ("alpaca-camera0.yaml", "/api/v1", ("--include-path-regex", "connect"), 100),
    "management": ("AlpacaManagementAPI_v1.yaml", "", (), 100),
}


@pytest.mark.parametrize("run", RUNS)
def test_no_answer_breaks_the_official_schema(protocol_files, tmp_path, run):
    name, path, selection, least_cases = RUNS[run]
    schema = tmp_path / name
    schema.write_text(yaml.safe_dump(_allowing_zero(protocol_files / name)))
    card = [[0] * 10] * 6
    with SimulatedTelescope(picture=card, speed=1000, discovery_port=None) as telescope:
        connect = f"http://{telescope.address}/api/v1/camera/0/connected"
        requests.put(connect, data={"Connected": "true"}, timeout=5)
        run = subprocess.run(
            [
                *(sys.executable, "-m", "schemathesis.cli", "run", str(schema)),
                *("--url", f"http://{telescope.address}{path}"),
                *("--phases", "coverage", "--checks", ",".join(CHECKS)),
                *("--continue-on-failure", "--seed", "1", "--no-color"),
                *selection,
            ],
            capture_output=True,
            text=True,
            timeout=120,
            cwd=tmp_path,
            check=False,
        )
    assert run.returncode == 0, run.stdout[-4000:] + run.stderr[-1000:]
    cases = int(run.stdout.split("Test cases:")[1].split("generated")[0])
    assert cases >= least_cases


def _allowing_zero(path):
    """Return the schema with ids from 0.

    Its text says that zero stands for an id that was not supplied, its ``minimum: 1``
    says that there is no such answer.
    """
    schema = yaml.safe_load(path.read_text())
    for response in schema["components"]["schemas"].values():
        ids = response.get("properties", {})
        if "ServerTransactionID" in ids:
            ids["ClientTransactionID"].pop("minimum", None)
    return schema
