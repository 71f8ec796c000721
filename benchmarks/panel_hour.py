"""Watch the memory of kernel and page while the panel stacks for an hour.

    python benchmarks/panel_hour.py 60

runs a JupyterLab and a browser for so many minutes, with a simulated frame of 540 x 960
pixels every two seconds, and looks at another tab of the panel each minute. Flat is what
needs in the last third at most 5 % more than in the middle one; the first third is for
what is loaded once. Scripts and nodes are looked at every ten minutes only: each look with
developer tools leaves a third of a megabyte of scripts in the page. Needs chromium, and what
the group ``test`` installs.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import psutil

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from labs import chromium, jupyterlab, kernel_says, write_notebook
from playwright.sync_api import sync_playwright

SOURCE = """
import os, seestack
from seestack.alpaca.sky import Sky
from seestack.sources.simulated import SimulatedSource
from seestack.widgets.keeping import KeepingStacker

sky = Sky(shape=(960, 540), drift_px_per_min=(0.0, 0.0), rotation_deg_per_min=0.05)
source = SimulatedSource(sky, speed=5.0)
session = seestack.CaptureSession(source, KeepingStacker(), frames=None)
seestack.live(session)
"""
COLUMNS = ("kernel", "renderer", "heap", "nodes")
HEADER = "minute  frames  kernel MB  renderer MB  JS heap MB  DOM nodes"
FLAT, LOOK_MIN = 0.05, 10
NEXT_TAB = """() => {
    let minute = 0;
    setInterval(() => {
        const tabs = document.querySelectorAll('.seestack-panel .lm-TabBar-tab');
        tabs[++minute % tabs.length].click();
    }, 60000);
}"""


def main(minutes: float) -> None:
    folder = Path(tempfile.mkdtemp())
    with jupyterlab(folder) as lab, running_chromium(folder) as address:
        write_notebook(lab.folder / "panel.ipynb", SOURCE)
        with attached(address) as page:
            lab.open(page, "panel.ipynb")
            lab.run_all(page)
            page.locator("button.seestack-start").click()
            page.evaluate(NEXT_TAB)
            kernel = psutil.Process(int(kernel_says(lab, page, "out.write(str(os.getpid()))")))
        print(HEADER, flush=True)
        samples = []
        began = time.monotonic()
        for minute in range(1, round(minutes) + 1):
            time.sleep(max(began + 60 * minute - time.monotonic(), 0))
            samples.append((*resident_mb(kernel), np.nan, np.nan))
            frames = ""
            if minute % LOOK_MIN == 0:
                with attached(address) as page:
                    samples[-1] = (*samples[-1][:2], *scripts_and_nodes(page))
                    frames = page.locator(".seestack-count").inner_text().split()[0]
            used = "{:9.1f} {:12.1f} {:11.1f} {:10.0f}".format(*samples[-1])
            print(f"{minute:6} {frames:>7} {used}", flush=True)
        with attached(address) as page:
            page.locator("button.seestack-stop").click()
    show_growth(np.array(samples))


@contextmanager
def running_chromium(folder: Path) -> Iterator[str]:
    """Run a browser of its own and yield the address of its developer tools."""
    launch = chromium("--js-flags=--expose-gc", "--headless=new", "--remote-debugging-port=0")
    command = [launch["executable_path"], *launch["args"], f"--user-data-dir={folder / 'browser'}"]
    with subprocess.Popen([*command, "--window-size=1400,1150"], stderr=subprocess.DEVNULL) as run:
        try:
            port = folder / "browser" / "DevToolsActivePort"
            while not port.exists() or "\n" not in port.read_text():
                time.sleep(0.1)
            yield f"http://127.0.0.1:{port.read_text().splitlines()[0]}"
        finally:
            run.terminate()


@contextmanager
def attached(address: str) -> Iterator[Any]:
    """Yield the page of a running browser.

    Nothing is attached to it in between: the developer tools keep the pictures that come over
    the network in the page's own process, 200 MB and more.
    """
    with sync_playwright() as playwright:
        browser = playwright.chromium.connect_over_cdp(address)
        page = browser.contexts[0].pages[0]
        page.set_default_timeout(60_000)
        yield page
        browser.close()  # disconnects only


def resident_mb(kernel: psutil.Process) -> tuple[float, float]:
    """Return the memory of the kernel and of the page's process in MB."""
    renderers = [
        process.memory_info().rss
        for process in psutil.Process().children(recursive=True)
        if "--type=renderer" in process.cmdline()
    ]
    return kernel.memory_info().rss / 1e6, max(renderers) / 1e6


def scripts_and_nodes(page: Any) -> tuple[float, float]:
    """Return the memory of the page's scripts in MB, and its nodes, when garbage is gone."""
    devtools = page.context.new_cdp_session(page)
    devtools.send("Performance.enable")
    page.evaluate("window.gc()")
    measured = devtools.send("Performance.getMetrics")["metrics"]
    metrics = {metric["name"]: metric["value"] for metric in measured}
    return metrics["JSHeapUsedSize"] / 1e6, metrics["Nodes"]


def show_growth(samples: np.ndarray) -> None:
    """Print the growth from the middle to the last third, and the slope over both."""
    third = len(samples) // 3
    if third < 2:
        return
    middle, last = samples[third:-third], samples[-third:]
    minutes = np.arange(third, len(samples))
    for name, before, after, values in zip(
        COLUMNS, np.nanmedian(middle, 0), np.nanmedian(last, 0), samples[third:].T, strict=True
    ):
        growth = after / before - 1
        known = np.isfinite(values)
        slope = 60 * np.polyfit(minutes[known], values[known], 1)[0]
        verdict = "flat" if growth <= FLAT else "grows"
        grown = f"{before:8.1f} -> {after:8.1f} ({growth:+.1%}), {slope:+.1f} an hour"
        print(f"{name:9} {grown}: {verdict}")


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 60.0)
