"""Where the protocol files lie, simulated telescopes, and a watch on threads."""

import os
import threading
import time
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest

from seestack.alpaca.simulator import SimulatedTelescope

REPOSITORY = Path(__file__).parents[1]


@pytest.fixture(scope="session")
def protocol_files():
    """The folder with the official OpenAPI and recorded answers, or skip."""
    data = os.environ.get("SEESTACK_DATA")
    shared = Path(data).parent if data else REPOSITORY.parent / "shared"
    folder = shared / "alpaca"
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
    while (left := set(threading.enumerate()) - before) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not left


@pytest.fixture
def picture():
    """An asymmetric test card of 6 rows and 10 columns, every pixel different."""
    return np.arange(60, dtype=np.uint16).reshape(6, 10) * 1000 + 7
