"""Time a frame and weigh a stack: its peers beside seestack, in one run.

Run from the repository::

    pip install seiza astroalign
    python benchmarks/speed.py [--frames 24] [--long 200] [--skip documented seiza]

The documented algorithm knows shifts only, so "equal settings" compares both on frames
that drift; the defaults of seiza and of seestack run on frames that turn as well, and
astroalign registers these, no more. A frame is a uint16 array on the way in; the median is
that of the second half of the frames. "Times" is the median over that of seestack's
defaults. Then come the steps of a frame, the memory, which is what a fresh process needs
beyond its imports and its frames, and a folder of files against Siril, where that is installed.
"""

from __future__ import annotations

import argparse
import platform
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from documented import DocumentedStacker
from numpy.typing import NDArray
from steps import BYTES_PER_PIXEL, STEPS, memory_ms, step_times

from seestack import Frame, LiveStacker, Transform
from seestack.simulation import random_field, simulate_frame

SHAPES = ((1080, 1920), (2160, 3840))
EQUAL_SETTINGS: dict[str, Any] = {
    "transform": "translation",
    "interpolation": "bilinear",
    "clip": None,
    "weighting": None,
    "normalize": None,
}
BAYER = "GRBG"
DISTINCT = 8
ROTATION_DEG = 0.05
_FIRST_FRAME = """
import sys, time
import numpy as np
frame = np.load(sys.argv[1])
start = time.perf_counter()
from seestack import LiveStacker
LiveStacker().add_frame(frame)
print(time.perf_counter() - start)
"""
_IMPORT = "import time; t = time.perf_counter(); import seestack; print(time.perf_counter() - t)"


class Seiza:
    """seiza's defaults, which reject outliers, behind the interface of seestack."""

    def __init__(self) -> None:
        self.stacker: Any = None

    def add_frame(self, image: NDArray[np.uint16]) -> dict[str, Any]:
        """Stack a frame; return "accepted" and "reason"."""
        import seiza

        pixels = image.astype(np.float32)
        if self.stacker is None:
            self.stacker = seiza.LiveStacker.from_array(pixels, options=seiza.StackOptions())
            return {"accepted": True, "reason": "reference"}
        found = self.stacker.push(pixels)
        return {"accepted": found.accepted, "reason": str(found.reason)}


class Astroalign:
    """Registration by astroalign alone, behind the interface of seestack."""

    def __init__(self) -> None:
        self.reference: Any = None

    def add_frame(self, image: NDArray[np.uint16]) -> dict[str, Any]:
        """Find the transform of a frame; return "accepted" and "reason"."""
        import astroalign

        pixels = image.astype(np.float32)
        if self.reference is None:
            self.reference = pixels
            return {"accepted": True, "reason": "reference"}
        astroalign.find_transform(pixels, self.reference)
        return {"accepted": True, "reason": "registered"}


class Colour(LiveStacker):
    """seestack's defaults on raw colour frames."""

    def add_frame(self, frame: Any) -> Any:
        """Stack a colour mosaic."""
        return super().add_frame(Frame(frame, bayer=BAYER))


def frames(shape: tuple[int, int], rotation_deg: float) -> list[NDArray[np.uint16]]:
    """Simulate frames of 1,500 stars that drift, and turn by `rotation_deg` each."""
    field = random_field(shape, 1500, seed=2, margin_px=40)
    motions = [
        Transform.rigid(rotation_deg=rotation_deg * n, shift_px=(1.3 * n, -0.8 * n))
        for n in range(DISTINCT)
    ]
    return [
        simulate_frame(field, shape, transform=motion, seed=n).round().astype(np.uint16)
        for n, motion in enumerate(motions)
    ]


def times_ms(stacker: Any, images: list[NDArray[np.uint16]], count: int) -> list[float]:
    """Stack `count` frames, going through the images again and again; return each time."""
    times = []
    for n in range(count):
        start = time.perf_counter()
        report = stacker.add_frame(images[n % len(images)])
        times.append(1e3 * (time.perf_counter() - start))
        assert report["accepted"], report["reason"]
    return times


def print_speed(count: int, skipped: list[str]) -> None:
    """Print one table for each size of frame."""
    for shape in SHAPES:
        drifting, turning = frames(shape, 0.0), frames(shape, ROTATION_DEG)
        rows: dict[str, tuple[Callable[[], Any], Any, int]] = {
            "documented algorithm": (DocumentedStacker, drifting, min(count, 6)),
            "astroalign, registration alone": (Astroalign, turning, min(count, 8)),
            "seiza, defaults": (Seiza, turning, count),
            "seestack, equal settings": (lambda: LiveStacker(**EQUAL_SETTINGS), drifting, count),
            "seestack, defaults": (LiveStacker, turning, count),
            "seestack, defaults, colour": (Colour, turning, count),
        }
        print(f"\n| {shape[0]} x {shape[1]} | ms a frame | fastest | CPU ms | times | preview ms |")
        print("|---|---:|---:|---:|---:|---:|")
        lines, medians = [], {}
        for name, (make, images, number) in rows.items():
            if name.split(",")[0].split()[0] in skipped:
                continue
            stacker = make()
            times_ms(stacker, images, number // 2)
            cpu = time.process_time()
            times = times_ms(stacker, images, number - number // 2)
            cpu = 1e3 * (time.process_time() - cpu) / len(times)
            medians[name] = statistics.median(times)
            preview = preview_ms(stacker, images)
            lines.append((name, f"{medians[name]:.0f} | {min(times):.0f} | {cpu:.0f}", preview))
        for name, figures, preview in lines:
            ratio = medians[name] / medians.get("seestack, defaults", float("nan"))
            print(f"| {name} | {figures} | {ratio:.1f} | {preview} |")
        least, bandwidth = memory_ms(shape)
        print(
            f"| moving {BYTES_PER_PIXEL} bytes a pixel at {bandwidth:.0f} GB/s | {least:.1f} "
            "| | | | |",
            flush=True,
        )


def print_steps(count: int) -> None:
    """Print the processor time of each step, in one table."""
    columns = [
        step_times(frames(shape, ROTATION_DEG), count, bayer)
        for bayer in (None, BAYER)
        for shape in SHAPES
    ]
    names = [f"{rows} x {cols}" for rows, cols in SHAPES]
    print(f"\n| CPU ms | {' | '.join([*names, *(f'{name}, colour' for name in names)])} |")
    print("|---|---:|---:|---:|---:|")
    for name, *times in zip((*STEPS, "sum"), *([*c, sum(c)] for c in columns), strict=True):
        print(f"| {name} | {' | '.join(f'{each:.1f}' for each in times)} |", flush=True)


def preview_ms(stacker: Any, images: list[NDArray[np.uint16]]) -> str:
    """Return the time of a preview after a new frame, the shortest of three."""
    if not isinstance(stacker, LiveStacker):
        return ""
    times = []
    for image in images[:3]:
        stacker.add_frame(image)
        start = time.perf_counter()
        stacker.preview_png_b64()
        times.append(1e3 * (time.perf_counter() - start))
    return f"{min(times):.0f}"


def print_memory(colour: bool, rows: int, count: int) -> None:
    """Print the memory of a stack in this process, beyond what it imports."""
    shape = next(shape for shape in SHAPES if shape[0] == rows)
    images = frames(shape, ROTATION_DEG)
    make = Colour if colour else LiveStacker
    for image in frames((240, 320), ROTATION_DEG)[:3]:  # what is imported late, is now
        make().add_frame(image)
    stacker = make()
    process, plane = psutil.Process(), 4 * shape[0] * shape[1] * (3 if colour else 1)
    before, peaks, times = process.memory_info().rss, [], []
    for n in range(count):
        times += times_ms(stacker, images[n % DISTINCT :], 1)
        peaks.append(process.memory_info().rss)
    kept = [(peak - before) / plane for peak in (max(peaks[: count // 2]), max(peaks))]
    thirds = [statistics.median(part) for part in (times[5:25], times[-20:])]
    name = "colour" if colour else "mono"
    print(
        f"| {shape[0]} x {shape[1]}, {name} | {kept[0]:.1f} | {kept[1]:.1f} "
        f"| {max(peaks) / 2**20:.0f} | {thirds[0]:.0f} | {thirds[1]:.0f} |",
        flush=True,
    )


def print_start() -> None:
    """Print how long a fresh process takes to import seestack and to stack its first frame."""
    image = frames(SHAPES[0], 0.0)[0]
    path = Path("first_frame.npy")
    np.save(path, image)
    try:
        for name, code in (("import seestack", _IMPORT), ("import and first frame", _FIRST_FRAME)):
            command = [sys.executable, "-c", code, str(path)]
            runs = [subprocess.check_output(command, text=True) for _ in range(5)]
            print(f"{name}: {min(map(float, runs)):.2f} s")
    finally:
        path.unlink()


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--frames", type=int, default=24, help="frames of each run")
    parser.add_argument("--long", type=int, default=200, help="frames of the run for the memory")
    parser.add_argument("--skip", nargs="*", default=[], help="programs left out")
    parser.add_argument("--memory-of", nargs=2, metavar=("COLOUR", "ROWS"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.memory_of:
        colour, rows = options.memory_of
        print_memory(colour == "colour", int(rows), options.long)
        return
    print(f"{platform.machine()}, {psutil.cpu_count()} cores, Python {platform.python_version()}")
    print_start()
    print_speed(options.frames, options.skip)
    if "seestack" not in options.skip:
        print_steps(options.frames)
    print("\n| memory | planes, first half | planes, all | RSS, MB | ms, early | ms, late |")
    print("|---|---:|---:|---:|---:|---:|")
    for colour in ("mono", "colour"):
        for rows, _ in SHAPES:
            command = [sys.executable, __file__, "--long", str(options.long)]
            subprocess.run([*command, "--memory-of", colour, str(rows)], check=True)
    if shutil.which("siril-cli"):
        print(flush=True)
        folder = str(Path(__file__).with_name("folder.py"))
        subprocess.run([sys.executable, folder, "--rounds", "2"], check=True)


if __name__ == "__main__":
    main()
