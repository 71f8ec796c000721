"""How the documentation site is built; `make docs` does it."""

import re
import shutil
import sys
from importlib.util import find_spec
from pathlib import Path

from docutils import nodes
from numpydoc.xref import DEFAULT_LINKS
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment

import seestack

_DOCS = Path(__file__).parent
_WITHOUT_A_PAGE = ("seestack.numerics.", "seestack.pipeline", "seestack.running")
_NOTEBOOKS = _DOCS.parent / "notebooks"
sys.path.insert(0, str(_DOCS / "extensions"))

project = "seestack"
author = "The seestack developers"
project_copyright = f"2026, {author}"
release = version = seestack.__version__

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",  # for its role autolink
    "numpydoc",
    "sphinx_copybutton",
    "mathml",
]
exclude_patterns = ["_build"]
default_role = "autolink"  # `Stack` becomes a link, `image`, a parameter, does not
nitpicky = True

html_theme = "furo"
html_title = f"seestack {release}"
html_static_path = ["_static"]
html_css_files = ["seestack.css"]
html_math_renderer = "mathml"
html_copy_source = False
html_show_sphinx = False

myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 3
nb_ipywidgets_js = {}  # widgets need a kernel; their script would need the network
nb_execution_mode = "off"  # notebooks are kept executed, and tests execute them

autodoc_member_order = "bysource"
autodoc_typehints = "none"  # the docstrings name types, shapes and units
# Of the types in docstrings seestack's own become links; others would need the network.
DEFAULT_LINKS.clear()
numpydoc_xref_param_type = True
numpydoc_xref_ignore = "all"
numpydoc_xref_aliases = {name: f"seestack.{name}" for name in seestack.__all__ if name[0].isupper()}
numpydoc_show_class_members = False
numpydoc_class_members_toctree = False
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True
copybutton_only_copy_prompt_lines = True


def setup(app: Sphinx) -> None:
    """Bring the notebooks in before the pages are found."""
    app.connect("config-inited", _bring_notebooks)
    app.connect("missing-reference", _public_name)
    app.connect("autodoc-process-docstring", _keep_initials, priority=400)  # before numpydoc


def _bring_notebooks(app: Sphinx, _: object) -> None:
    """Copy the notebooks into the source tree, which holds all pages, where they changed."""
    folder = Path(app.srcdir) / "tutorials"
    for old in folder.glob("*.ipynb"):
        if not (_NOTEBOOKS / old.name).exists():
            old.unlink()
    for notebook in _NOTEBOOKS.glob("*.ipynb"):
        copy = folder / notebook.name
        if not copy.exists() or copy.read_bytes() != notebook.read_bytes():
            shutil.copyfile(notebook, copy)


def _keep_initials(app: Sphinx, what: str, name: str, thing: object, _: object, lines: list[str]):
    """Keep the initials of an author at the start of a source from being read as a list."""
    lines[:] = [re.sub(r"^(\.\. \[\d+\] [A-Z])\.", r"\1\\.", line) for line in lines]


def _public_name(
    app: Sphinx, env: BuildEnvironment, node: pending_xref, content: nodes.Element
) -> nodes.Element | None:
    """Resolve what a docstring names in backticks; None is a broken link, and a warning.

    A public name may be called by the module it comes from. What does not begin with
    ``seestack.`` is a parameter or an attribute, and what is not public has no page.
    """
    target = node["reftarget"]
    if node["reftype"] != "obj" or not target.startswith("seestack."):
        return content if node["reftype"] == "obj" else None
    parent, _, name = target.rpartition(".")
    if name in seestack.__all__ and parent != "seestack":
        node["reftarget"] = f"seestack.{name}"
        domain = env.domains["py"]
        return domain.resolve_xref(
            env, node["refdoc"], app.builder, "obj", node["reftarget"], node, content
        )
    return content if target.startswith(_WITHOUT_A_PAGE) and find_spec(target) else None
