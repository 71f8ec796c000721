"""Time the steps of a frame one after another, and what the memory alone would take."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seestack import Frame
from seestack.numerics.boxmeans import BoxLines
from seestack.options import Options
from seestack.pipeline import lay, prepare, register, with_stars
from seestack.running import Running, seed
from seestack.steps.accumulation import accumulate
from seestack.steps.normalization import sky_correction
from seestack.steps.quality import frame_weight, measure_quality
from seestack.steps.snr import tracked_gain

__all__ = ["memory_ms", "step_times"]

# Bytes read and written for each pixel of a grey frame by one pass over it and the stack: the
# frame twice (search, resampling), its float32 on the grid written and read, three sums and a
# count read and written, and three extremes read.
BYTES_PER_PIXEL = 2 * 2 + 2 * 4 + 2 * (3 * 8 + 2) + 3 * 4
STEPS = (
    "hot pixels, luminance",
    "find and measure stars",
    "vote, refine, quality",
    "resample",
    "compare the sky",
    "match the sky, sums and extremes, boxes",
    "SNR gain",
)


def step_times(images: list[NDArray[np.uint16]], count: int, bayer: str | None) -> list[float]:
    """Return CPU milliseconds of each of `STEPS`, the median of frames that follow each other."""
    options = Options()
    reference = with_stars(prepare(Frame(images[0], bayer=bayer), None, options), options, share=3)
    running, spent = seed(reference, options), {name: [] for name in STEPS}

    @contextmanager
    def timed(name: str) -> Iterator[None]:
        start = time.process_time()
        yield
        spent[name].append(1e3 * (time.process_time() - start))

    for n in range(1, count):
        running = stacked(running, Frame(images[n % len(images)], bayer=bayer), options, timed)
    return [statistics.median(spent[name][count // 2 :]) for name in STEPS]


def stacked(
    running: Running, frame: Frame, options: Options, timed: Callable[[str], Any]
) -> Running:
    """Do what `LiveStacker.add_frame` does with a frame, step by step."""
    names = iter(STEPS)
    with timed(next(names)):
        new = prepare(frame, None, options)
    with timed(next(names)):
        new = with_stars(new, options)
    with timed(next(names)):
        registration = register(running.reference, new, options)
        quality = measure_quality(new.stars, registration, running.reference.stars)
    with timed(next(names)):
        image, footprint = lay(new, registration.transform, options, out=running.canvas)
    with timed(next(names)):
        change = sky_correction(image, running.sky, scale=1.0 / quality.flux_scale, order=2)
        weight = frame_weight(quality, running.quality)
    boxes = BoxLines.of(image.shape, running.noise.box_px)

    def before(rows: slice) -> None:
        if change is not None:
            change.apply(image, rows)
        boxes.measure(image, rows)

    with timed(next(names)):
        stack = accumulate(
            running.stack, image, footprint, weight=weight, out=running.stack, before=before
        )
    with timed(next(names)):
        noise = running.noise.with_boxes(boxes.means, weight=weight)
        tracked_gain(noise)
    return replace(running, stack=stack, noise=noise, canvas=(image, footprint))


def memory_ms(shape: tuple[int, int]) -> tuple[float, float]:
    """Return what moving the bytes of a grey frame takes, and the bandwidth in GB/s.

    The bandwidth is that of adding to an array larger than the caches in place, on one thread.
    """
    values = np.ones(30_000_000, np.float32)
    times = []
    for _ in range(5):
        start = time.perf_counter()
        np.add(values, 1, out=values)
        times.append(time.perf_counter() - start)
    bandwidth = 2 * values.nbytes / min(times)
    return 1e3 * BYTES_PER_PIXEL * shape[0] * shape[1] / bandwidth, bandwidth / 1e9
