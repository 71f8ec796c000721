"""What the documentation says about the server is what the server does."""

import importlib.util
import re

from conftest import REPOSITORY

from seestack.server.refusals import REFUSALS


def test_the_page_of_the_api_is_the_description():
    path = REPOSITORY / "docs" / "api_page.py"
    spec = importlib.util.spec_from_file_location("api_page", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    written = module.PAGE.read_text(encoding="utf-8")
    assert written == module.page(), "run `python docs/api_page.py`"


def test_the_table_of_refusals_is_the_programs():
    text = (REPOSITORY / "docs" / "how-to" / "server.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\d+) \| `(\w+)` \| (.+) \|$", text, re.MULTILINE)
    assert {code: (int(status), words) for status, code, words in rows} == REFUSALS
