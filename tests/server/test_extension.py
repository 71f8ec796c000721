"""The dashboard inside a real Jupyter Server, under its authentication."""

import json
import os
import socket
import subprocess
import sys
import time
from importlib.util import find_spec

import pytest
import requests

pytestmark = pytest.mark.skipif(
    find_spec("jupyter_server") is None, reason="jupyter-server is not installed"
)
TOKEN = "jupyters-own-token"


@pytest.fixture(scope="module")
def jupyter(tmp_path_factory):
    """The address of the dashboard in a Jupyter Server."""
    root = tmp_path_factory.mktemp("jupyter")
    config = {"ServerApp": {"jpserver_extensions": {"seestack.server.extension": True}}}
    (root / "jupyter_server_config.json").write_text(json.dumps(config))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    folders = {
        f"JUPYTER_{name}_DIR": str(root / name.lower()) for name in ("DATA", "RUNTIME", "CONFIG")
    }
    command = [
        *(sys.executable, "-m", "jupyter_server", "--no-browser", "--allow-root"),
        *("--ServerApp.ip=127.0.0.1", f"--ServerApp.port={port}", "--ServerApp.port_retries=0"),
        *(f"--IdentityProvider.token={TOKEN}", f"--ServerApp.root_dir={root}"),
        f"--config={root / 'jupyter_server_config.json'}",
    ]
    with open(root / "log", "wb") as log:
        server = subprocess.Popen(
            command, cwd=root, env=os.environ | folders, stdout=log, stderr=log
        )
    address = f"http://127.0.0.1:{port}/seestack/"
    try:
        deadline = time.monotonic() + 40
        while True:
            try:
                requests.get(f"{address}api/status", timeout=5)
                break
            except requests.ConnectionError:
                assert server.poll() is None, (root / "log").read_text()
                assert time.monotonic() < deadline
                time.sleep(0.1)
        yield address
    finally:
        server.terminate()
        server.wait(20)


def test_jupyter_decides_who_may(jupyter):
    assert requests.get(f"{jupyter}api/status", timeout=5, allow_redirects=False).status_code != 200
    assert requests.post(f"{jupyter}api/stack/stop", timeout=5).status_code == 403
    token = {"Authorization": f"token {TOKEN}"}
    status = requests.get(f"{jupyter}api/status", headers=token, timeout=5)
    assert (status.status_code, status.json()["state"]) == (200, "idle")
    stop = requests.post(f"{jupyter}api/stack/stop", headers=token, timeout=5)
    assert (stop.status_code, stop.json()["error"]["code"]) == (409, "not_running")


def test_the_page_is_complete_there(jupyter):
    token = {"Authorization": f"token {TOKEN}"}
    page = requests.get(jupyter, headers=token, timeout=5)
    assert page.status_code == 200
    assert "<title>seestack</title>" in page.text
    assert "frame-ancestors 'self'" in page.headers["Content-Security-Policy"]
    for name in ("style.css", "main.js"):
        assert requests.get(f"{jupyter}static/{name}", headers=token, timeout=5).status_code == 200
    config = {"stacking": {"frames": 3}}
    put = requests.put(f"{jupyter}api/config", headers=token, json=config, timeout=5)
    assert put.json()["stacking"]["frames"] == 3
    foreign = token | {"Sec-Fetch-Site": "cross-site"}
    assert requests.get(f"{jupyter}api/status", headers=foreign, timeout=5).status_code == 403
