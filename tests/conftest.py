"""Where real frames and protocol files lie, simulated telescopes, a watch on threads."""

import os
import threading
import time
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings

from seestack.alpaca.simulator import SimulatedTelescope

# Equal runs give equal verdicts; a slow machine is no failure.
settings.register_profile("seestack", deadline=None, derandomize=True, print_blob=False)
settings.load_profile("seestack")

REPOSITORY = Path(__file__).parents[1]


def _data_folder():
    named = os.environ.get("SEESTACK_DATA")
    return Path(named) if named else REPOSITORY.parent / "shared" / "data"


@pytest.fixture(scope="session")
def data_folder():
    """The folder of real frames (SEESTACK_DATA, else ../shared/data), or skip."""
    folder = _data_folder()
    if not folder.is_dir():
        pytest.skip(f"no real frames in {folder}; set SEESTACK_DATA to their folder")
    return folder


@pytest.fixture(scope="session")
def protocol_files():
    """The folder with the official OpenAPI and recorded answers, or skip."""
    folder = _data_folder().parent / "alpaca"
    if not folder.is_dir():
        pytest.skip(f"the ALPACA protocol files are not in {folder}")
    return folder


@pytest.fixture
def simulate():
    """Start simulated telescopes that stop at the end of the test, leaving no thread."""
    before = set(threading.enumerate())
    with ExitStack() as stack:

        def start(sky=None, **options):
            options = {"speed": 100.0, "discovery_port": None} | options
            return stack.enter_context(SimulatedTelescope(sky, **options))

        yield start
    deadline = time.monotonic() + 2
    while (left := _busy_threads() - before) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not left


def _busy_threads():
    """Return the threads but those that wait to help with the bands of any image."""
    return {thread for thread in threading.enumerate() if not thread.name.startswith("bands")}


@pytest.fixture
def picture():
    """An asymmetric test card of 6 rows and 10 columns, every pixel different."""
    return np.arange(60, dtype=np.uint16).reshape(6, 10) * 1000 + 7


@pytest.fixture
def no_session_thread_is_left():
    """Fail a test that leaves a thread of a session behind."""
    yield
    deadline = time.monotonic() + 5
    while left := [t.name for t in threading.enumerate() if t.name.startswith("seestack")]:
        assert time.monotonic() < deadline, f"threads are left behind: {left}"
        time.sleep(0.02)
