"""Debian's chromium, without a window, driven by Playwright."""

from importlib.util import find_spec

import pytest
from labs import chromium

SIZES = {"phone": (390, 844), "desktop": (1280, 800)}


@pytest.fixture(scope="session")
def browser():
    """A running chromium, or skip."""
    options = chromium()
    if options["executable_path"] is None:
        pytest.skip("chromium is not installed; `make browser` installs Debian's")
    if find_spec("playwright") is None:
        pytest.skip("playwright is not installed; `pip install --group test` does it")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        running = playwright.chromium.launch(**options)
        yield running
        running.close()


@pytest.fixture(params=SIZES)
def page(request, browser):
    """A page of the size of a phone or of a desktop; no error may occur in it."""
    width, height = SIZES[request.param]
    context = browser.new_context(viewport={"width": width, "height": height})
    context.set_default_timeout(15_000)
    opened = context.new_page()
    errors = []
    opened.on("pageerror", lambda error: errors.append(str(error)))
    opened.on(
        "console", lambda line: errors.append(line.text) if "Content Security" in line.text else 0
    )
    yield opened
    context.close()
    assert not errors


@pytest.fixture
def screenshot(request, page):
    """Save a picture of the page where SEESTACK_SCREENSHOTS names a folder."""
    import os
    from pathlib import Path

    def save(name, **options):
        folder = os.environ.get("SEESTACK_SCREENSHOTS")
        if folder:
            size = request.node.callspec.params["page"]
            page.screenshot(path=Path(folder) / f"{size}_{name}.png", **options)

    return save
