"""Where the real frames lie."""

import os
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[1]


@pytest.fixture(scope="session")
def data_folder():
    """The folder of real frames (SEESTACK_DATA, else ../shared/data), or skip."""
    named = os.environ.get("SEESTACK_DATA")
    folder = Path(named) if named else REPOSITORY.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"no real frames in {folder}; set SEESTACK_DATA to their folder")
    return folder
