"""The documentation builds, its links lead somewhere, and its examples run."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from contextlib import ExitStack
from html.parser import HTMLParser
from importlib.util import find_spec
from urllib.parse import unquote, urldefrag

import matplotlib.pyplot as plt
import numpy as np
import pytest
import yaml
from conftest import REPOSITORY
from sybil import Sybil
from sybil.parsers.markdown import CodeBlockParser, PythonCodeBlockParser

import seestack
from seestack import CaptureSession, Frame, FrameReport, SimulatedSource, arguments, cli
from seestack.alpaca.scene import PEDESTAL_ADU, Scene
from seestack.alpaca.simulator import SimulatedTelescope
from seestack.alpaca.sky import Sky
from seestack.config import Settings
from seestack.storage.fits import write_frame

DOCS = REPOSITORY / "docs"
SKY = Sky(shape=(240, 360))
PAGES = [
    *sorted((DOCS / "how-to").glob("*.md")),
    *sorted((DOCS / "tutorials").glob("*.md")),
    DOCS / "index.md",
    REPOSITORY / "README.md",
]
# What needs hardware or ends only with Ctrl-C; other tests run it.
NOT_RUN = re.compile(r"seestack (serve|discover|simulate|live (?!--simulate))")


@pytest.fixture(scope="module")
def night(tmp_path_factory):
    """A folder of twelve colour frames of a simulated night, and of frames without the sky."""
    folder, rng = tmp_path_factory.mktemp("night"), np.random.default_rng(4)
    scene = Scene(SKY)
    for number, frame in enumerate(SimulatedSource(SKY, frames=12)):
        write_frame(folder / "lights" / f"{number:04d}.fit", frame)
    shutil.copytree(folder / "lights", folder / "incoming")
    for number in range(5):
        view = SKY.view(number, time_s=12.0 * number, exposure_s=10.0)
        dark = scene.expose(view, gain=80, light=False)
        flat = rng.normal(20_000, 140, SKY.shape).astype(np.uint16)
        bias = rng.normal(PEDESTAL_ADU, 3, SKY.shape).astype(np.uint16)
        for kind, image, exposure_s in (
            ("darks", dark, 10.0),
            ("flats", flat, 1.0),
            ("bias", bias, 0.0),
        ):
            frame = Frame(image, exposure_s, bayer=SKY.bayer, header={"GAIN": 80})
            write_frame(folder / kind / f"{number}.fit", frame)
    return folder


def run_commands(example):
    """Run the lines of ``seestack``, and let its parser read those that cannot be run."""
    for line in example.parsed.splitlines():
        words = shlex.split(line, comments=True)
        if words[:1] != ["seestack"]:
            continue
        if NOT_RUN.match(line):
            arguments.parser().parse_args(words[1:])
        else:
            assert cli.main(words[1:]) == 0, line


def read_settings(example):
    Settings.from_mapping(yaml.safe_load(example.parsed))


def new_session(settings=None):
    sky = Sky(shape=(120, 180), n_stars=300)
    return CaptureSession(SimulatedSource(sky, frames=3), frames=3)


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.stem)
def test_the_examples_of_a_page_run(page, night, tmp_path, monkeypatch):
    plt.switch_backend("agg")
    text = page.read_text(encoding="utf-8")
    with ExitStack() as ends:
        ends.callback(plt.close, "all")
        serve = seestack.serve

        def served(*given, **options):
            """Serve, and stop when the page ends."""
            dashboard = serve(*given, **options)
            ends.callback(dashboard.stop)
            return dashboard

        monkeypatch.setattr(seestack, "serve", served)
        # A telescope and a dashboard that are there, in place of those of the page.
        if "192.168.1.20:32323" in text:
            telescope = SimulatedTelescope(SKY, speed=100.0, discovery_port=None)
            ends.enter_context(telescope)
            text = text.replace("192.168.1.20:32323", telescope.address)
        if "http://127.0.0.1:5173" in text:
            dashboard = seestack.serve(new_session, port=0)
            text = text.replace("http://127.0.0.1:5173", dashboard.url.rstrip("/"))
        text = text.replace("seestack.serve(session)", "seestack.serve(session, port=0)")
        copy = shutil.copytree(night, tmp_path / "night") / "page.md"
        copy.write_text(text, encoding="utf-8")
        monkeypatch.chdir(copy.parent)
        parsers = [
            PythonCodeBlockParser(),
            CodeBlockParser("sh", run_commands),
            CodeBlockParser("yaml", read_settings),
        ]
        document = Sybil(parsers, path=str(copy.parent)).parse(copy)
        document.namespace["session"] = new_session()
        examples = list(document.examples())
        assert examples
        try:
            for example in examples:
                example.evaluate()
        finally:
            document.namespace["session"].stop(timeout_s=30.0)
            if "dashboard" in document.namespace:
                document.namespace["dashboard"].stop()


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The built site, or skip."""
    if find_spec("sphinx") is None:
        pytest.skip("Sphinx is not installed; `pip install --group docs` brings it")
    source = tmp_path_factory.mktemp("source")
    ignore = shutil.ignore_patterns("_build", "*.ipynb")
    shutil.copytree(DOCS, source / "docs", ignore=ignore)
    for name in ("CONTRIBUTING.md", "CHANGELOG.md"):
        shutil.copy(REPOSITORY / name, source)
    (source / "notebooks").mkdir()
    for notebook in (REPOSITORY / "notebooks").glob("*.ipynb"):
        shutil.copy(notebook, source / "notebooks")
    built = source / "html"
    command = ["-m", "sphinx", "-b", "html", "-W", "--keep-going", "-n", "-q"]
    done = subprocess.run(
        [sys.executable, *command, source / "docs", built],
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": str(REPOSITORY), "PYTHONWARNINGS": "default"},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return built


class Page(HTMLParser):
    """The links and anchors of a page, and what it loads."""

    def __init__(self, path):
        super().__init__()
        self.links, self.loads, self.anchors = [], [], set()
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        self.anchors |= {given[key] for key in ("id", "name") if given.get(key)}
        if tag == "a" and "href" in given:
            self.links.append(given["href"])
        elif tag == "link" and given.get("rel") in ("stylesheet", "icon", "preload"):
            self.loads.append(given["href"])
        elif tag in ("script", "img", "iframe", "source") and given.get("src"):
            self.loads.append(given["src"])


@pytest.fixture(scope="module")
def pages(site):
    return {path: Page(path) for path in site.rglob("*.html")}


def test_the_site_needs_no_network(pages):
    loads = [load for page in pages.values() for load in page.loads]
    assert loads
    assert not [load for load in loads if re.match("(https?:)?//", load)]


def test_links_lead_somewhere(pages):
    broken = []
    for path, page in pages.items():
        for link in page.links + page.loads:
            if re.match("[a-z]+:", link):
                continue
            file, anchor = urldefrag(link)
            target = (path.parent / unquote(file.split("?")[0])).resolve() if file else path
            known = pages[target].anchors if target in pages else None
            if not target.is_file() or (anchor and known is not None and anchor not in known):
                broken.append(f"{path.name}: {link}")
    assert not broken


def test_every_public_name_is_in_the_reference(pages):
    anchors = {name for page in pages.values() for name in page.anchors}
    public = set(seestack.__all__) - {"__version__", "plots"}
    assert {f"seestack.{name}" for name in public} <= anchors


def test_every_key_of_a_report_is_explained():
    text = (DOCS / "reference" / "values.rst").read_text(encoding="utf-8")
    keys = re.findall(r"^``(\w+)``  ", text, re.MULTILINE)
    assert keys == list(FrameReport.__annotations__)


def test_every_notebook_is_a_page(site):
    notebooks = {path.stem for path in (REPOSITORY / "notebooks").glob("*.ipynb")}
    built = {path.stem for path in (site / "tutorials").glob("*.html")}
    assert notebooks | {"0_one_minute"} == built


def test_formulas_are_shown_without_a_script(site):
    text = (site / "explanation" / "registration.html").read_text(encoding="utf-8")
    assert text.count('<math xmlns="http://www.w3.org/1998/Math/MathML" display="block">') == 3
    assert "\\sum" not in text
