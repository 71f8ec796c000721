"""In real kernels and processes: what a user sees, and what an import costs."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from jupyter_client.manager import start_new_kernel

ROOT = Path(__file__).parents[2]
ENVIRONMENT = os.environ | {"PYTHONPATH": str(ROOT)}

MAKE = """
import numpy as np, seestack
from seestack.simulation import random_field, simulate_frame
st = seestack.LiveStacker()
for n in range(2):
    info = st.add_frame(simulate_frame(random_field((120, 180), 40, seed=5), (120, 180), seed=n))
"""
VALUES = {
    "seestack.LiveStacker()": "LiveStacker: 0 of 0 frames stacked",
    "st": "LiveStacker: 2 of 2 frames stacked",
    "st.stack": "Stack: 2 frames",
    "st.last_registration": "Registration",
    "seestack.detect(st.stacked_image())": "Stars: ",
    "seestack.Frame(np.arange(24.0).reshape(4, 6))": "6 × 4 px",
    "seestack.CaptureSession([])": "idle: not started",
}


@pytest.fixture(scope="module")
def run():
    """Run a cell in a real kernel; return the data it displays, results marked apart."""
    manager, client = start_new_kernel(env=ENVIRONMENT, cwd=str(ROOT))

    def run_cell(code):
        shown = []

        def note(message):
            kind, content = message["msg_type"], message["content"]
            if kind == "error":
                raise AssertionError("\n".join(content["traceback"]))
            if kind in ("execute_result", "display_data"):
                shown.append((kind, content["data"]))

        client.execute_interactive(code, output_hook=note, timeout=60)
        return shown

    try:
        run_cell(MAKE)
        yield run_cell
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
        manager.cleanup_resources()


@pytest.mark.parametrize("expression", VALUES)
def test_a_value_is_shown_as_html_without_any_further_step(run, expression):
    ((kind, data),) = run(expression)
    assert kind == "execute_result"
    assert VALUES[expression] in data["text/html"]
    assert data["text/plain"]


@pytest.mark.parametrize(
    "plot",
    [
        "plot_snr_gain(st.reports)",
        "plots.plot_quality(st.reports)",
        "plot_offsets(st.reports)",
        "plot_matches(st.stacked_image(), st.last_registration)",
        "show_image(st.stacked_image())",
    ],
)
def test_a_figure_is_shown_exactly_once(run, plot):
    shown = run(f"seestack.{plot}")
    assert [kind for kind, data in shown if "image/png" in data] == ["display_data"]


def printed(code):
    done = subprocess.run(
        [sys.executable, "-c", code], env=ENVIRONMENT, capture_output=True, text=True, check=True
    )
    return done.stdout.split()


def test_an_import_brings_neither_ipython_nor_matplotlib():
    code = "import sys, seestack; print(*sys.modules); seestack.LiveStacker(); print(*sys.modules)"
    assert not {"IPython", "matplotlib", "pandas", "seestack.display"} & set(printed(code))


def test_an_import_beside_ipython_without_a_shell_registers_nothing():
    code = "import sys, IPython, seestack; print('seestack.display' in sys.modules)"
    assert printed(code) == ["False"]


def test_a_shell_that_came_later_can_load_the_display():
    code = (
        "import seestack\n"
        "from IPython.core.interactiveshell import InteractiveShell\n"
        "shell = InteractiveShell.instance()\n"
        "shown = lambda: 'text/html' in shell.display_formatter.format(seestack.Stars([]))[0]\n"
        "before = shown()\n"
        "shell.run_line_magic('load_ext', 'seestack')\n"
        "print(before, shown())\n"
    )
    assert printed(code)[-2:] == ["False", "True"]
