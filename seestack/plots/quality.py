"""Show how good the frames of a session were, and why some were rejected."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import fields

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from seestack.gates import Gates
from seestack.model import FrameReport
from seestack.plots.axes import ALERT, INK, axes_for, panels
from seestack.plots.progress import FRAME_NUMBER, frame_numbers, values_of

__all__ = ["plot_quality"]

_MEASURED = (
    ("fwhm_px", "FWHM\n(px)"),
    ("elongation", "Elongation\n(ratio)"),
    ("sky_adu", "Sky\n(ADU)"),
    ("transparency", "Transparency\n(ratio)"),
    ("stars", "Stars\n(count)"),
    ("weight", "Weight\n(ratio)"),
)
# Their reasons hold numbers, which differ from frame to frame.
_GATED = tuple(field.name.split("_")[1] for field in fields(Gates))


def plot_quality(reports: Sequence[FrameReport], *, ax: Axes | None = None) -> Axes:
    """Plot the stars, the sky, the transparency and the weight of each frame, and rejections.

    Parameters
    ----------
    reports : sequence of FrameReport
        In the order of the frames. What is None is left out.
    ax : Axes, optional
        Its place is divided into the panels; a new figure by default.

    Returns
    -------
    Axes
        With the panels in ``ax.child_axes``. Stacked frames are dots, rejected ones
        crosses. A last panel has a line for each reason where a frame was rejected,
        without the numbers in it and what stands in brackets.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from seestack.stacker import LiveStacker
    >>> st = LiveStacker()
    >>> report = st.reject("file cannot be read")
    >>> ax = plot_quality(st.reports)
    >>> [label.get_text() for label in ax.child_axes[-1].get_yticklabels()]
    ['file cannot be read']
    >>> plt.close()
    """
    ax = axes_for(ax, (7.0, 9.0))
    reasons = _rejections(reports)
    heights = [1.0] * len(_MEASURED) + ([0.25 + 0.25 * len(reasons)] if reasons else [])
    made = panels(ax, heights, gap=0.03)
    rejected = sum(map(len, reasons.values()))
    ax.set_title(f"{len(reports) - rejected} frames stacked (dots), {rejected} rejected (crosses)")
    for panel, (key, label) in zip(made, _MEASURED, strict=False):
        _draw_measured(panel, reports, key, label)
    if reasons:
        _draw_reasons(made[-1], reasons)
    numbers = frame_numbers(reports)
    first, last = (numbers.min(), numbers.max()) if len(numbers) else (0, 0)
    for panel in made:
        panel.set_xlim(first - 0.5, last + 0.5)
        panel.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        panel.tick_params(labelbottom=panel is made[-1])
        panel.grid(alpha=0.3)
    made[-1].set_xlabel(FRAME_NUMBER)
    return ax


def _rejections(reports: Sequence[FrameReport]) -> dict[str, list[int]]:
    """Return the numbers of the rejected frames for each reason, in order of appearance."""
    reasons: dict[str, list[int]] = {}
    for report in reports:
        if not report["accepted"]:
            reasons.setdefault(_in_short(report), []).append(report["index"])
    return reasons


def _in_short(report: FrameReport) -> str:
    """Return the reason without its numbers, so that frames that share it share a line."""
    kind = report.get("rejection")
    if kind in _GATED:
        return f"{kind} out of range"
    return report["reason"].split(" (")[0]


def _draw_measured(ax: Axes, reports: Sequence[FrameReport], key: str, label: str) -> None:
    numbers, values = frame_numbers(reports), values_of(reports, key)
    stacked = np.array([report["accepted"] for report in reports], bool)
    ax.plot(numbers[stacked], values[stacked], "-o", color=INK, markersize=4, linewidth=0.8)
    ax.plot(numbers[~stacked], values[~stacked], "x", color=ALERT, markersize=7, mew=1.8)
    ax.set_ylabel(label, fontsize="small")
    if not np.isfinite(values).any():
        ax.set_yticks([])
        ax.text(0.5, 0.5, "not measured", transform=ax.transAxes, ha="center", va="center")


def _draw_reasons(ax: Axes, reasons: dict[str, list[int]]) -> None:
    for line, numbers in enumerate(reasons.values()):
        ax.plot(numbers, np.full(len(numbers), line), "x", color=ALERT, markersize=7, mew=1.8)
    short = [textwrap.shorten(reason, 40, placeholder="…") or "no reason" for reason in reasons]
    ax.set_yticks(range(len(reasons)), ["\n".join(textwrap.wrap(s, 22)) for s in short])
    ax.tick_params(axis="y", labelsize="small")
    ax.set_ylim(len(reasons) - 0.5, -0.5)
