"""A long night in short: memory that stays, a row for each frame, a camera that waits.

    python benchmarks/soak.py [--frames 5000] [--rate 20] [--shape 240 360]

Frames arrive at twice the rate of a fast camera, ten in a second, and go through a session
with its recorder, a dashboard that a client asks and downloads from, and an observer.
"""

import argparse
import csv
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import psutil
import requests

import seestack
from seestack import CaptureSession, Frame, LiveStacker, Snapshot, Transform
from seestack.recording import Recorder
from seestack.simulation import random_field, simulate_frame

SETTLED = 0.2  # of the frames; by then all that is there from the first frames on is there
LOOK_S = 0.25


@dataclass
class Figures:
    """What a soak measured."""

    frames: int = 0
    stacked: int = 0
    rows: int = 0
    table_rows: int = 0
    seconds: float = 0.0
    most_waiting: int = 0
    held_back_s: float = 0.0
    observed: int = 0
    answers: int = 0
    memory_mb: list[tuple[int, float]] = field(default_factory=list)
    """(frames, megabytes) as the night went on."""

    @property
    def growth(self) -> float:
        """Memory of the last tenth over that of the frames after the first fifth, less 1."""
        first = [mb for n, mb in self.memory_mb if SETTLED <= n / self.frames < 1.5 * SETTLED]
        last = [mb for n, mb in self.memory_mb if n >= 0.9 * self.frames]
        return float(np.median(last) / np.median(first) - 1)


class FastCamera:
    """Yields frames on time, and notes how long it was kept from it."""

    def __init__(self, frames: int, rate: float, shape: tuple[int, int]) -> None:
        sky = random_field(shape, 120, seed=5, faintest_adu=3_000.0)
        self.images = [
            simulate_frame(
                sky,
                shape,
                transform=Transform.rigid(rotation_deg=0.1 * n, shift_px=(1.5 * n, -0.8 * n)),
                seed=n,
            ).astype(np.uint16)
            for n in range(8)
        ]
        # Of 40 frames, one is of clouds and one is no image at all.
        self.clouds = np.random.default_rng(1).normal(900, 10, shape).astype(np.uint16)
        self.count, self.rate, self.held_back_s = frames, rate, 0.0

    def __iter__(self) -> Iterator[Frame]:
        due = time.monotonic()
        for n in range(self.count):
            wait_s = due - time.monotonic()
            if wait_s > 0:
                time.sleep(wait_s)
            else:
                self.held_back_s -= wait_s
            due = max(due, time.monotonic()) + 1 / self.rate
            image = self.images[n % 8]
            if n % 40 == 37:
                image = self.clouds
            elif n % 40 == 38:
                image = np.zeros((3, 4, 5, 6))
            yield Frame(image, 0.1, None, f"camera frame {n}")


def soak(
    folder: Path, *, frames: int = 5000, rate: float = 20.0, shape: tuple[int, int] = (240, 360)
) -> Figures:
    """Run a session of so many frames and return what was measured."""
    figures, process, over = Figures(frames), psutil.Process(), threading.Event()
    camera = FastCamera(frames, rate, shape)
    session = CaptureSession(camera, LiveStacker(), frames=None)
    recorder = Recorder(session, folder)
    recorder.begin()

    def look(seen: Snapshot) -> None:
        figures.observed += 1
        figures.most_waiting = max(figures.most_waiting, seen.frames_waiting)

    session.observe(look)
    dashboard = seestack.serve(session, port=0)

    def ask() -> None:
        with requests.Session() as client:
            while not over.wait(LOOK_S):
                status = client.get(f"{dashboard.url}api/status", timeout=60).json()
                total = status["frames_total"]
                rows = client.get(
                    f"{dashboard.url}api/frames", params={"from": max(total - 5, 0)}, timeout=60
                ).json()
                assert rows["total"] >= total - 1, "the table is behind"
                figures.most_waiting = max(figures.most_waiting, status["frames_waiting"])
                figures.answers += 1
                memory = process.memory_info().rss / 1e6
                figures.memory_mb.append((total, memory))

    client = threading.Thread(target=ask, daemon=True)
    began = time.monotonic()
    session.start()
    client.start()
    seen = session.wait()
    figures.seconds = time.monotonic() - began
    over.set()
    client.join()
    figures.memory_mb.append((seen.frames_total, process.memory_info().rss / 1e6))
    figures.table_rows = requests.get(
        f"{dashboard.url}api/frames", params={"limit": 1}, timeout=60
    ).json()["total"]
    dashboard.stop()
    recorder.finish()
    with (folder / "frames.csv").open(newline="", encoding="utf-8") as file:
        sources = [row["source"] for row in csv.DictReader(file)]
    assert sources == [f"camera frame {n}" for n in range(frames)]
    figures.rows, figures.stacked = len(sources), seen.frames_stacked
    figures.held_back_s = camera.held_back_s
    return figures


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--frames", type=int, default=5000)
    parser.add_argument("--rate", type=float, default=20.0)
    parser.add_argument("--shape", type=int, nargs=2, default=(240, 360))
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = soak(
            Path(folder), frames=options.frames, rate=options.rate, shape=tuple(options.shape)
        )
    print(
        f"{found.frames} frames in {found.seconds:.0f} s, {found.frames / found.seconds:.1f} in a "
        f"second, {options.rate:g} asked for; {found.stacked} stacked"
    )
    print(f"rows: {found.rows} in frames.csv, {found.table_rows} in the dashboard")
    print(
        f"waiting: {found.most_waiting} frames at most; the camera waited {found.held_back_s:.1f} s"
    )
    print(f"observed {found.observed} times, {found.answers} answers of the dashboard")
    for share in (0.02, 0.2, 0.4, 0.6, 0.8, 1.0):
        number, memory = min(found.memory_mb, key=lambda at: abs(at[0] - share * found.frames))
        print(f"memory after {number:5} frames: {memory:7.1f} MB")
    print(f"memory grew by {found.growth:+.1%} from the first fifth to the end")


if __name__ == "__main__":
    main()
