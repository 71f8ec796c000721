"""Judge every sample of the stacked frames in the light of the finished stack.

The live stack keeps a few extremes of each pixel and judges those. Where the frames can be
read again, a second pass judges all of their samples, one frame at a time, against the
mean and the noise that the first pass found.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from seestack.model import (
    FrameRejected,
    FrameReport,
    Image,
    Stack,
    Transform,
    UnreadableFrameError,
)
from seestack.pipeline import as_frame, lay, prepare, register, with_stars
from seestack.restacking import Item, MissingFramesError, read_again
from seestack.running import Running, place
from seestack.stacker import LiveStacker
from seestack.steps.accumulation import accumulate
from seestack.steps.judgement import expectation, find_outliers
from seestack.steps.quality import measure_quality

__all__ = ["StackDifference", "compare_stacks", "exact_stack"]


def exact_stack(
    stacker: LiveStacker,
    *,
    frames: Sequence[Item] | None = None,
    folder: str | os.PathLike[str] = ".",
    progress: Callable[[FrameReport], object] | None = None,
) -> Stack:
    """Judge every sample of every stacked frame against the finished stack.

    Parameters
    ----------
    stacker : LiveStacker
        With the stack of the first pass; it stays as it is.
    frames, folder, progress
        As for `restack`.

    Returns
    -------
    Stack
        Of the same frames with the same weights, on the same grid: the samples that
        ``steps.judgement.find_outliers`` finds at the option `clip` are left out.
        `rejected` and `rejected_of_frame` count them. With ``clip=None`` all samples of
        the frames are in it.

    Raises
    ------
    MissingFramesError
        As for `restack`.
    ValueError
        If nothing is stacked, a file does not hold the frame that was stacked, or
        `frames` has another length than the reports.

    Notes
    -----
    The live stack keeps two high samples and one low one of each pixel, so further
    outliers of a pixel stay; here none does. One frame is in memory at a time.

    Examples
    --------
    >>> from seestack.simulation import random_field, simulate_frame
    >>> field = random_field((120, 180), 40, seed=5)
    >>> images = [simulate_frame(field, (120, 180), seed=n) for n in range(30)]
    >>> for image in images[3:7]:
    ...     image[50, 60:140] += 1500.0
    >>> st = LiveStacker()
    >>> for image in images:
    ...     report = st.add_frame(image)
    >>> exact = exact_stack(st, frames=images)
    >>> compare_stacks(st.stack, exact).pixels >= 80
    True
    """
    with stacker.assembly() as assembly:
        running, reports = assembly.running, stacker.reports
    clean = stacker.stack
    if running is None or clean is None:
        raise ValueError("the stack is empty; add a frame first")
    judged = None if stacker.options.clip is None else expectation(clean)
    stacked = [report for report in reports if report["accepted"]]
    items = read_again(stacked, frames, folder, len(reports))
    counts, stack = np.zeros(len(stacked), np.int64), None
    rejected = np.zeros(clean.coverage.shape, np.int32)
    for number, (report, item) in enumerate(zip(stacked, items, strict=True)):
        image, weight = _laid_again(stacker, running, report, item)
        if judged is not None:
            outliers = find_outliers(
                image, judged, weight=weight, kappa=stacker.options.clip or np.inf
            )
            image[outliers] = np.nan
            rejected += outliers
            counts[number] = outliers.sum()
        stack = accumulate(stack, image, np.isfinite(image), weight=weight, out=stack)
        if progress is not None:
            progress(report)
    assert stack is not None
    if judged is None:
        return stack
    return replace(stack, rejected=rejected, rejected_of_frame=counts)


@dataclass(frozen=True, slots=True)
class StackDifference:
    """How far two stacks of the same grid are apart.

    Parameters
    ----------
    pixels : int
        Pixels that differ by more than rounding; each colour counts.
    of : int
        Pixels that both stacks cover.
    median_sigma : float
        Median of the difference, without its sign, in standard deviations of the mean;
        over all pixels.
    largest_sigma : float
        The largest.

    Examples
    --------
    >>> print(StackDifference(pixels=12, of=2_073_600, median_sigma=0.0, largest_sigma=7.25))
    12 of 2073600 pixels differ, by 7.25 sigma at most; the median difference is 0 sigma
    """

    pixels: int
    of: int
    median_sigma: float
    largest_sigma: float

    def __str__(self) -> str:
        return (
            f"{self.pixels} of {self.of} pixels differ, by {self.largest_sigma:.3g} sigma at "
            f"most; the median difference is {self.median_sigma:.3g} sigma"
        )


def compare_stacks(first: Stack, second: Stack) -> StackDifference:
    """Return how far two stacks of the same grid are apart.

    Parameters
    ----------
    first, second : Stack
        The standard deviation is that of `first`, from its variance.

    Raises
    ------
    ValueError
        If the shapes differ.

    Examples
    --------
    >>> ones = np.ones((4, 6))
    >>> stack = Stack(5 * ones, 2 * ones, 8 * ones, np.full((4, 6), 2, np.int32), 2)
    >>> compare_stacks(stack, stack).pixels
    0
    """
    if first.mean.shape != second.mean.shape:
        raise ValueError(
            f"the stacks must have the same shape, got {first.mean.shape} and {second.mean.shape}"
        )
    both = np.isfinite(first.mean) & np.isfinite(second.mean)
    away = np.abs(second.mean[both] - first.mean[both])
    with np.errstate(divide="ignore", invalid="ignore"):
        sigmas = np.where(away > 0, away / np.sqrt(first.variance[both]), 0.0)
    known = sigmas[np.isfinite(sigmas)]
    return StackDifference(
        pixels=int((~(sigmas <= 1e-6)).sum()),
        of=int(both.sum()),
        median_sigma=float(np.median(known)) if known.size else 0.0,
        largest_sigma=float(known.max(initial=0.0)),
    )


def _laid_again(
    stacker: LiveStacker, running: Running, report: FrameReport, item: Item
) -> tuple[Image, float]:
    """Return a stacked frame as it was added, NaN outside of its footprint, and its weight."""
    options, reference = stacker.options, running.reference
    if isinstance(item, UnreadableFrameError):
        raise MissingFramesError(f"{item}; it was stacked, so restack without it")
    new = prepare(as_frame(item), stacker.calibration, options)
    if report["index"] == reference.index:
        return lay(new, Transform.identity(), options)[0], 1.0
    new = with_stars(new, options)
    try:
        registration = register(reference, new, options)
    except FrameRejected as rejection:
        raise ValueError(
            f"{report['source'] or 'frame ' + str(report['index'])} is not the frame that was "
            f"stacked ({rejection.reason}); restack all frames first"
        ) from rejection
    quality = measure_quality(new.stars, registration, reference.stars)
    image, _, change, weight = place(running, new, registration, quality, options)
    if change is not None:
        change.apply(image, slice(0, len(image)))
    return image, weight
