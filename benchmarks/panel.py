"""Measure the notebook panel in a real JupyterLab: clicks, pictures, bytes, memory.

    python benchmarks/panel.py 300

stacks simulated frames of 1080 x 1920 pixels, one every two seconds, for so many seconds.
Needs chromium, and what the group ``test`` installs.
"""

import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from labs import CLICK, WATCH, chromium, jupyterlab, kernel_says, write_notebook
from playwright.sync_api import sync_playwright

SOURCE = """
import time, psutil, seestack
panel = seestack.live(place=seestack.Place(kind='simulated', speed=5.0))
panel
"""
NOTE = """
accepted = {}
def note(seen):
    accepted.setdefault(seen.frames_stacked, time.time())
"""


def main(seconds: float) -> None:
    folder = Path(tempfile.mkdtemp())
    with jupyterlab(folder) as lab, sync_playwright() as playwright:
        write_notebook(lab.folder / "panel.ipynb", SOURCE, NOTE)
        browser = playwright.chromium.launch(
            **chromium("--enable-precise-memory-info", "--js-flags=--expose-gc")
        )
        page = browser.new_page(viewport={"width": 1400, "height": 1150})
        page.set_default_timeout(60_000)
        sizes: list[int] = []
        page.on("websocket", lambda s: s.on("framereceived", lambda data: sizes.append(len(data))))
        lab.open(page, "panel.ipynb")
        lab.run_all(page)
        page.locator("button.seestack-start").wait_for()
        page.locator(".seestack-frames input").fill("100000")
        page.locator("button.seestack-start").click()
        page.wait_for_timeout(5000)
        kernel_says(lab, page, "panel.session.observe(note)")
        page.evaluate(WATCH)
        sizes.clear()
        began = time.monotonic()
        while time.monotonic() - began < seconds:
            page.wait_for_timeout(min(30_000, seconds * 1000 / 4))
            show_memory(lab, page, time.monotonic() - began)
        show_pictures(lab, page, sizes)
        clicks = []
        for _ in range(5):
            page.wait_for_selector("button.seestack-reset:not([disabled])")
            clicks.append(page.evaluate(CLICK, ["button.seestack-reset", ".seestack-notice"]))
            page.wait_for_timeout(5000)
        print(f"a click is answered within {min(clicks):.0f} to {max(clicks):.0f} ms")
        page.locator("button.seestack-stop").click()
        browser.close()


def show_memory(lab, page, elapsed_s: float) -> None:
    kernel = kernel_says(lab, page, "out.write(str(psutil.Process().memory_info().rss))")
    page.evaluate("window.gc && window.gc()")
    heap = page.evaluate("performance.memory.usedJSHeapSize")
    count = page.locator(".seestack-count").inner_text()
    used = f"kernel {int(kernel) / 1e6:6.0f} MB  page {heap / 1e6:5.1f} MB"
    print(f"{elapsed_s:5.0f} s  {used}  {count}", flush=True)


def show_pictures(lab, page, sizes: list[int]) -> None:
    shown = page.evaluate("window.shown")
    text = kernel_says(lab, page, "out.write(' '.join(map(str, accepted.values())))")
    times = [float(word) for word in text.split()]
    waits = sorted(min(s for s in shown if s > t) - t for t in times if t < max(shown))
    middle, late = waits[len(waits) // 2], waits[int(0.9 * len(waits))]
    print(
        f"{len(waits)} frames: picture on screen after {waits[0] * 1000:.0f} ms at best, "
        f"{middle * 1000:.0f} ms median, {late * 1000:.0f} ms for 9 of 10; "
        f"longest message {max(sizes) / 1000:.0f} kB"
    )


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 300.0)
