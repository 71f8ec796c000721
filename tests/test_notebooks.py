"""The tutorials as they are kept: executed from top to bottom, small, and with nothing private.

What they compute is checked by nbval, see the Makefile.
"""

import json
import re
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[1] / "notebooks"
TUTORIALS = sorted(FOLDER.glob("[0-9]*.ipynb"))
MOST_BYTES, MOST_LINES = 500_000, 15
# Absolute paths tell where things lie on the computer that ran a notebook.
MACHINE_PATH = re.compile(r"""(?:^|[\s"'(:=])(?:/[\w.-]+/[\w.-]|[A-Z]:\\+\w)""")
OWN_DATA = re.compile(r"^\*\*Your own [a-z ]+:\*\* .*`", re.MULTILINE)


def text_of(cell):
    return "".join(cell["source"])


@pytest.fixture(scope="module", params=TUTORIALS, ids=lambda path: path.stem)
def path(request):
    return request.param


@pytest.fixture(scope="module")
def cells(path):
    return json.loads(path.read_text(encoding="utf-8"))["cells"]


@pytest.fixture(scope="module")
def code(cells):
    return [cell for cell in cells if cell["cell_type"] == "code"]


def test_there_are_seven_tutorials_and_the_readme_lists_each():
    assert [path.name[:2] for path in TUTORIALS] == [f"{number}_" for number in range(1, 8)]
    readme = (FOLDER / "README.md").read_text(encoding="utf-8")
    assert re.findall(r"\((\w+\.ipynb)\)", readme) == [path.name for path in TUTORIALS]


def test_every_cell_was_executed_in_order(code):
    """A cell without a count is run by nbval but never compared."""
    counts = [cell["execution_count"] for cell in code]
    assert counts == list(range(1, len(code) + 1))


def test_no_cell_failed_or_warned(code):
    outputs = [output for cell in code for output in cell["outputs"]]
    assert [output for output in outputs if output["output_type"] == "error"] == []
    assert [output for output in outputs if output.get("name") == "stderr"] == []


def test_checked_cells_printed_something(code):
    """Otherwise nbval would compare nothing with nothing."""
    checked = [cell for cell in code if "# NBVAL_CHECK_OUTPUT" in text_of(cell)]
    assert len(checked) >= 1
    for cell in checked:
        assert any(output.get("name") == "stdout" for output in cell["outputs"]), text_of(cell)


def test_a_title_comes_first_and_own_data_soon(path, cells):
    title, *lines = text_of(cells[0]).splitlines()
    assert title.startswith(f"# {path.name[0]} · ")
    assert OWN_DATA.search("\n".join(lines))


def test_it_is_small(path, code):
    assert path.stat().st_size < MOST_BYTES
    longest = max(code, key=lambda cell: text_of(cell).count("\n"))
    assert text_of(longest).count("\n") + 1 <= MOST_LINES, text_of(longest)


def test_it_has_pictures(code):
    kinds = [kind for cell in code for output in cell["outputs"] for kind in output.get("data", {})]
    assert {"image/jpeg", "image/png"} & set(kinds)


def test_nothing_tells_on_which_computer_it_ran(path, cells):
    whole = json.loads(path.read_text(encoding="utf-8"))
    assert whole["metadata"] == {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}
    }
    for cell in cells:
        assert cell["metadata"] == {}
        for output in cell.get("outputs", []):
            shown = dict(output.get("data", {}))
            for kind in ("image/jpeg", "image/png"):
                shown.pop(kind, None)
            shown = re.sub(r"base64,[\w+/=]+", "", json.dumps([shown, output.get("text", "")]))
            assert not MACHINE_PATH.search(shown), shown[:2000]


@pytest.mark.parametrize(
    ("text", "private"),
    [
        ("results/stacked/stack.fits", False),
        ("ADU/s and 1/4 of it", False),
        ("<td>10 s</td></tr>", False),
        ("http://192.168.1.20:32323/api/v1", False),
        ("in /scratch/abc/light.fits", True),
        ('"/home/someone"', True),
        (r"C:\\Users\\someone", True),
    ],
)
def test_a_machine_path_is_recognised(text, private):
    assert bool(MACHINE_PATH.search(text)) == private
