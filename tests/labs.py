"""Running Jupyter servers with their own folders, and notebooks opened in a browser."""

import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from pathlib import Path

NO_NEWS = {"fetchNews": "false", "checkForUpdates": False}
IDLE = """() => window.jupyterapp?.shell.currentWidget
    ?.sessionContext?.session?.kernel?.status === 'idle'"""
SETTINGS = "@jupyterlab/apputils-extension"
CHROMIUM_ARGUMENTS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    "--disable-dev-shm-usage",
)
# Note when the page shows each new picture, by the clock that the kernel reads too.
WATCH = """() => {
    window.shown = [];
    const image = document.querySelector('img.seestack-stack');
    image.addEventListener('load', () => window.shown.push(Date.now() / 1000));
}"""
# Click, and return the milliseconds until the kernel's answer is on the page.
CLICK = """([button, answer]) => new Promise(done => {
    const began = performance.now();
    const seen = new MutationObserver(() => {
        seen.disconnect(); done(performance.now() - began);
    });
    seen.observe(document.querySelector(answer),
        {subtree: true, childList: true, characterData: true});
    document.querySelector(button).click();
    setTimeout(() => done(1e6), 5000);
})"""


def chromium(*more):
    """Return what Playwright launches Debian's chromium with; its path is None without one."""
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    return {"executable_path": path, "args": [*CHROMIUM_ARGUMENTS, *more]}


def write_notebook(path, *sources):
    """Write a notebook of code cells."""
    cells = [
        {"cell_type": "code", "execution_count": None, "id": f"cell-{n}", "metadata": {},
         "outputs": [], "source": source}
        for n, source in enumerate(sources)
    ]  # fmt: skip
    kernel = {"name": "python3", "display_name": "Python 3 (ipykernel)", "language": "python"}
    notebook = {"cells": cells, "metadata": {"kernelspec": kernel}, "nbformat": 4}
    path.write_text(json.dumps(notebook | {"nbformat_minor": 5}))


class Lab:
    """A server of JupyterLab and Notebook 7 for a folder, on loopback."""

    def __init__(self, folder, url, token):
        self.folder, self.url, self.token = folder, url, token

    def open(self, page, name, front_end="lab/tree"):
        """Open a notebook in Lab, or in Notebook 7 under "notebooks"; wait for its kernel."""
        page.goto(f"{self.url}/{front_end}/{name}?token={self.token}&reset")
        page.locator(".jp-Notebook .jp-Cell").first.wait_for()
        page.wait_for_function(IDLE)  # a run asked for earlier is silently lost

    def run_all(self, page):
        """Run all cells, without waiting for them."""
        page.evaluate("window.jupyterapp.commands.execute('notebook:run-all-cells')")

    def end_kernels(self):
        """Shut all kernels down."""
        for session in json.loads(self._ask("sessions")):
            self._ask(f"sessions/{session['id']}", method="DELETE")

    def _ask(self, path, method="GET"):
        headers = {"Authorization": f"token {self.token}"}
        asked = urllib.request.Request(f"{self.url}/api/{path}", method=method, headers=headers)
        with urllib.request.urlopen(asked, timeout=30) as answer:
            return answer.read()


@contextmanager
def jupyterlab(folder, *, dark=False):
    """Run a JupyterLab whose root is `folder`/work, until the end of the block."""
    own, work = folder / "own", folder / "work"
    settings = own / "settings" / SETTINGS
    settings.mkdir(parents=True)
    work.mkdir(exist_ok=True)
    (settings / "notification.jupyterlab-settings").write_text(json.dumps(NO_NEWS))
    if dark:
        theme = {"theme": "JupyterLab Dark"}
        (settings / "themes.jupyterlab-settings").write_text(json.dumps(theme))
    port, token = _free_port(), secrets.token_hex(16)
    command = [
        *("jupyterlab", "--no-browser", "--allow-root"),
        *("--ServerApp.ip=127.0.0.1", f"--ServerApp.port={port}", "--ServerApp.port_retries=0"),
        *(f"--IdentityProvider.token={token}", f"--ServerApp.root_dir={work}"),
        *("--LabApp.expose_app_in_browser=True", "--LabApp.extension_manager=readonly"),
        "--JupyterNotebookApp.expose_app_in_browser=True",
    ]
    url = f"http://127.0.0.1:{port}"
    with _served(command, own, f"{url}/api/status?token={token}"):
        yield Lab(work, url, token)


@contextmanager
def voila(notebook, folder):
    """Serve a notebook as an app, with its own folders in `folder`; yields the address."""
    port = _free_port()
    command = ["voila", str(notebook), "--no-browser", "--Voila.ip=127.0.0.1", f"--port={port}"]
    url = f"http://127.0.0.1:{port}"
    with _served(command, folder / "own", f"{url}/favicon.ico"):
        yield url


def _free_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


@contextmanager
def _served(command, own, answers):
    """Run a Python module with Jupyter folders of its own, once `answers` does, to the end."""
    own.mkdir(exist_ok=True)
    folders = {
        f"JUPYTER_{name}_DIR": str(own / name.lower()) for name in ("CONFIG", "DATA", "RUNTIME")
    } | {"JUPYTERLAB_SETTINGS_DIR": str(own / "settings"), "IPYTHONDIR": str(own / "ipython")}
    paths = os.pathsep.join([str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH", "")])
    with (own / "server.log").open("wb") as log:
        server = subprocess.Popen(
            [sys.executable, "-m", *command],
            env=os.environ | folders | {"PYTHONPATH": paths.rstrip(os.pathsep)},
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        try:
            _wait_until_up(server, answers, own / "server.log")
            yield
        finally:
            server.terminate()
            server.wait(30)


def _wait_until_up(server, url, log):
    deadline = time.monotonic() + 60
    while True:
        try:
            with urllib.request.urlopen(url, timeout=2):
                return
        except urllib.error.HTTPError:
            return
        except OSError:
            text = log.read_text(errors="replace")
            assert server.poll() is None, text
            assert time.monotonic() < deadline, text
            time.sleep(0.2)


def run_apart(page, code):
    """Run code in the notebook's kernel, as a cell would, without waiting for it."""
    page.evaluate(
        """code => { window.jupyterapp.shell.currentWidget.sessionContext
            .session.kernel.requestExecute({code}) }""",
        code,
    )


def kernel_says(lab, page, code):
    """Run code that writes to the open file `out`, and return what it wrote."""
    path = lab.folder / "said.txt"
    path.unlink(missing_ok=True)
    part = path.with_suffix(".part")
    run_apart(
        page,
        f"with open({str(part)!r}, 'w') as out:\n    {code}\n"
        f"import os; os.replace({str(part)!r}, {str(path)!r})",
    )
    deadline = time.monotonic() + 20
    while not path.exists():
        assert time.monotonic() < deadline, code
        page.wait_for_timeout(20)
    return path.read_text()
