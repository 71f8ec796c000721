"""Where the protocol files lie, and a simulated telescope for the tests."""

import os
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def protocol_files():
    """The folder with the official OpenAPI and recorded answers, or skip."""
    data = os.environ.get("SEESTACK_DATA")
    shared = Path(data).parent if data else REPOSITORY.parent / "shared"
    folder = shared / "alpaca"
    if not folder.is_dir():
        pytest.skip(f"the ALPACA protocol files are not in {folder}")
    return folder
