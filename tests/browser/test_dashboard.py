"""The page in a real browser: sessions started, watched and stopped by hand."""

import threading

import numpy as np
import pytest
from dashboards import dashboard, simulated

pytest.importorskip("playwright.sync_api")
from playwright.sync_api import expect

from seestack import CaptureSession, RejectionKind
from seestack.alpaca.sky import Sky
from seestack.simulation import random_field, simulate_frame

SKY = Sky(shape=(720, 406), n_stars=150, satellite_rate=0.0, cloud=0.05)


def paced(settings):
    return simulated(settings, speed=40.0, sky=SKY)


def slow_enough_for_pictures(settings):
    """Return a session with a second between frames: frames that come faster share pictures."""
    return simulated(settings, speed=10.0, sky=SKY)


def test_start_and_watch_until_the_session_ends(page, screenshot):
    with dashboard(slow_enough_for_pictures, stacking={"frames": 8}) as running:
        page.goto(running.url)
        expect(page.locator("#state")).to_have_text("idle")
        expect(page.locator("#stop")).to_be_disabled()
        screenshot("idle")
        page.get_by_role("button", name="Start").click()
        pictures = set()
        while page.locator("#state").inner_text() != "finished":
            source = page.locator("#preview").get_attribute("src")
            if source:
                pictures.add(source)
            page.wait_for_timeout(30)
        assert len(pictures) >= 4
        expect(page.locator("#progress-text")).to_contain_text("8 of 8 frames")
        expect(page.locator("#rows tr")).to_have_count(len(running.sessions.current.frames))
        expect(page.locator("#rows")).to_contain_text("reference frame")
        expect(page.locator("#snr svg")).to_have_attribute("aria-label", _contains("SNR gain 2.83"))
        expect(page.locator("#offsets circle")).to_have_count(8)
        size = page.evaluate("(i => [i.naturalWidth, i.naturalHeight])(document.images[0])")
        assert size == [406, 720]
        screenshot("day", full_page=True)
        page.get_by_role("button", name="Night mode").click()
        screenshot("night", full_page=True)
        page.reload()
        expect(page.get_by_role("button", name="Night mode")).to_have_attribute(
            "aria-pressed", "true"
        )
        assert not page.evaluate("document.documentElement.scrollWidth > innerWidth")


def test_stop_in_mid_session(page):
    with dashboard(paced, stacking={"frames": 9999}) as running:
        page.goto(running.url)
        page.get_by_role("button", name="Start").click()
        expect(page.locator("#preview")).to_be_visible()
        page.get_by_role("button", name="Stop").click()
        expect(page.locator("#state")).to_have_text("stopped")
        assert running.sessions.current.session.snapshot().state == "stopped"
        expect(page.locator("#preview")).to_be_visible()
        page.get_by_role("button", name="Reset").click()
        expect(page.locator("#preview")).to_be_hidden()


def test_what_to_do_about_a_rejected_frame(page, screenshot):
    field, shape, go_on = random_field((120, 180), 60, seed=5), (120, 180), threading.Event()

    def night():
        yield simulate_frame(field, shape, seed=0)
        yield np.random.default_rng(1).normal(900, 10, shape)
        go_on.wait(30)
        yield simulate_frame(field, shape, seed=2)

    with dashboard(lambda settings: CaptureSession(night(), frames=2)) as running:
        page.goto(running.url)
        page.get_by_role("button", name="Start").click()
        rejected, hint = page.locator("#rows tr.rejected"), RejectionKind.NO_MATCH.hint
        verdict = rejected.locator("td").first
        expect(verdict).to_contain_text("alignment failed", timeout=30_000)
        expect(rejected.locator(".hint")).to_have_text(hint)
        expect(page.locator("#detail")).to_contain_text("alignment failed")
        expect(page.locator("#detail .hint")).to_have_text(hint)
        screenshot("hint", full_page=True)
        assert not page.evaluate("document.documentElement.scrollWidth > innerWidth")
        go_on.set()
        expect(page.locator("#state")).to_have_text("finished")
        expect(page.locator("#rows tr")).to_have_count(3)
        expect(page.locator(".hint")).to_have_count(1)  # a stacked frame has none


def test_the_keyboard_alone_suffices(page):
    with dashboard(paced, stacking={"frames": 9999}) as running:
        page.goto(running.url)
        expect(page.locator("#state")).to_have_text("idle")
        reached = []
        for _ in range(12):
            page.keyboard.press("Tab")
            reached.append(page.evaluate("document.activeElement.textContent"))
            if reached[-1] == "Start":
                break
        assert reached[0] == "Skip to the controls"
        page.keyboard.press("Enter")
        expect(page.locator("#state")).to_have_text("running")
        unnamed = page.evaluate(
            "[...document.querySelectorAll('button, input, select')]"
            ".filter(e => !(e.textContent || e.labels?.length)).length"
        )
        assert unnamed == 0


def test_settings_and_their_mistakes(page, screenshot):
    with dashboard(paced) as running:
        page.goto(running.url)
        page.get_by_label("frames", exact=True).fill("3")
        page.get_by_role("button", name="Save settings").click()
        expect(page.locator("#form-message")).to_contain_text("Saved")
        assert running.sessions.settings.stacking.frames == 3
        page.get_by_label("exposure s").fill("0")
        page.get_by_role("button", name="Save settings").click()
        expect(page.locator("#form-message")).to_contain_text("exposure_s must be a number above 0")
        assert running.sessions.settings.stacking.exposure_s == 10.0


def test_behind_a_path_and_with_a_token(page):
    """A proxy that serves the dashboard under a path of its own."""
    import urllib.parse

    with dashboard(paced, stacking={"frames": 2}, token="s3cret") as running:
        base = f"{running.url}far/away/"

        def forward(route):
            address = urllib.parse.urlsplit(route.request.url)
            inner = address.path.removeprefix("/far/away")
            assert inner != address.path, route.request.url
            headers = route.request.headers | {"authorization": "Bearer s3cret"}
            if inner == "/api/events":
                route.abort()  # a stream cannot be forwarded in this way
                return
            url = f"{running.url.rstrip('/')}{inner}?{address.query}"
            route.fulfill(response=route.fetch(url=url, headers=headers))

        page.route("**/*", forward)
        page.goto(base)
        page.get_by_role("button", name="Start").click()
        expect(page.locator("#state")).to_have_text("running")
        expect(page.get_by_label("frames", exact=True)).to_have_value("2")


def _contains(text):
    import re

    return re.compile(re.escape(text))
