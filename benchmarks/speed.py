"""Time a frame: the documented algorithm beside seestack, in one run.

Run from the repository::

    python benchmarks/speed.py [--frames 8]

The documented algorithm knows shifts only, so "equal settings" compares both on frames
that drift; seestack's own defaults run on frames that turn as well.
"""

from __future__ import annotations

import argparse
import platform
import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from documented import DocumentedStacker
from numpy.typing import NDArray

from seestack import LiveStacker, Transform
from seestack.simulation import random_field, simulate_frame

SHAPES = ((1080, 1920), (2160, 3840))
EQUAL_SETTINGS: dict[str, Any] = {
    "transform": "translation",
    "interpolation": "bilinear",
    "clip": None,
    "weighting": None,
    "normalize": None,
}


def frames(shape: tuple[int, int], count: int, rotation_deg: float) -> list[NDArray[np.uint16]]:
    """Simulate frames of 1,500 stars that drift, and turn by `rotation_deg` each."""
    field = random_field(shape, 1500, seed=2, margin_px=40)
    motions = [
        Transform.rigid(rotation_deg=rotation_deg * n, shift_px=(1.3 * n, -0.8 * n))
        for n in range(count)
    ]
    return [
        simulate_frame(field, shape, transform=motion, seed=n).round().astype(np.uint16)
        for n, motion in enumerate(motions)
    ]


def median_ms(stacker: Any, images: list[NDArray[np.uint16]]) -> float:
    """Stack all frames; return the median time of those after the second."""
    times = []
    for image in images:
        start = time.perf_counter()
        report = stacker.add_frame(image)
        times.append(1e3 * (time.perf_counter() - start))
        assert report["accepted"], report["reason"]
    return statistics.median(times[2:])


def row(name: str, reference_ms: float, make: Callable[[], Any], images: Any) -> None:
    """Print one line of the table."""
    ms = median_ms(make(), images)
    print(f"| {name} | {ms:.0f} | {reference_ms / ms:.1f} |")


def main() -> None:
    """Print one table for each size of frame."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--frames", type=int, default=8, help="frames of each run")
    count = parser.parse_args().frames
    print(f"{platform.processor() or platform.machine()}, Python {platform.python_version()}")
    for shape in SHAPES:
        drifting, turning = frames(shape, count, 0.0), frames(shape, count, 0.05)
        documented_ms = median_ms(DocumentedStacker(), drifting)
        print(f"\n{shape[0]} x {shape[1]}\n\n| | ms a frame | ratio |\n|---|---:|---:|")
        print(f"| documented algorithm | {documented_ms:.0f} | 1.0 |")
        row(
            "seestack, equal settings",
            documented_ms,
            lambda: LiveStacker(**EQUAL_SETTINGS),
            drifting,
        )
        row("seestack, defaults", documented_ms, LiveStacker, turning)


if __name__ == "__main__":
    main()
