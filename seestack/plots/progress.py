"""Show how a session went: where the frames fell, and what the stack gained."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from seestack.model import FloatArray, FrameReport
from seestack.plots.axes import ALERT, INK, MAP, add_colour_bar, axes_for, panels

__all__ = ["frame_numbers", "plot_offsets", "plot_snr_gain", "values_of"]

FRAME_NUMBER = "Frame number (the first is 0)"


def plot_offsets(reports: Sequence[FrameReport], *, ax: Axes | None = None) -> Axes:
    """Plot the track of the stacked frames' offsets, and their rotation.

    Parameters
    ----------
    reports : sequence of FrameReport
        In the order of the frames, such as `LiveStacker.reports`. Rejected frames have
        no offset and are left out.
    ax : Axes, optional
        Its place is divided into the two panels; a new figure by default.

    Returns
    -------
    Axes
        With the panels in ``ax.child_axes``: the track in pixels, dy growing downwards
        as in a picture, and the rotation in degrees against the frame number.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from seestack.stacker import LiveStacker
    >>> ax = plot_offsets(LiveStacker().reports)
    >>> ax.get_title(), [panel.get_ylabel() for panel in ax.child_axes]
    ('no frames stacked', ['dy (px)', 'Rotation (°)'])
    >>> plt.close()
    """
    stacked = [report for report in reports if report["accepted"]]
    ax = axes_for(ax, (6.4, 6.4))
    track, rotation = panels(ax, (3.0, 1.0), gap=0.13)
    ax.set_title(f"{len(stacked)} frames stacked" if stacked else "no frames stacked")
    numbers = frame_numbers(stacked)
    _draw_track(track, numbers, np.reshape([r["offset"] for r in stacked], (-1, 2)))
    rotation.plot(numbers, values_of(stacked, "rotation_deg"), "-o", color=INK, markersize=4)
    rotation.set(xlabel=FRAME_NUMBER, ylabel="Rotation (°)")
    rotation.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    rotation.grid(alpha=0.3)
    return ax


def plot_snr_gain(reports: Sequence[FrameReport], *, ax: Axes | None = None) -> Axes:
    """Plot the gain in signal to noise: the measured one, and the square root of N.

    Parameters
    ----------
    reports : sequence of FrameReport
        In the order of the frames. Rejected frames change nothing and are left out.
    ax : Axes, optional
        Where to draw; a new figure by default.

    Returns
    -------
    Axes
        Without points where no gain was measured.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from seestack.stacker import LiveStacker
    >>> ax = plot_snr_gain(LiveStacker().reports)
    >>> ax.get_xlabel(), ax.get_ylabel()
    ('Frames stacked (count)', 'SNR gain (ratio to one frame)')
    >>> plt.close()
    """
    stacked = [report for report in reports if report["accepted"]]
    ax = axes_for(ax, (6.4, 4.2))
    most = max((report["frames_stacked"] for report in stacked), default=1)
    count = np.linspace(1, max(most, 2), 200)
    ax.plot(count, np.sqrt(count), "--", color="0.35", label="√N, noise that averages out")
    frames = [report["frames_stacked"] for report in stacked]
    measured = values_of(stacked, "snr_gain_measured")
    ax.plot(frames, measured, "o", color=INK, markersize=5, label="measured in the sky")
    ax.set(xlabel="Frames stacked (count)", ylabel="SNR gain (ratio to one frame)")
    ax.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    ax.grid(alpha=0.3)
    ax.legend(loc="upper left")
    return ax


def frame_numbers(reports: Sequence[FrameReport]) -> FloatArray:
    """Return the number of each frame since the reset, counted from 0."""
    return np.array([report["index"] for report in reports], np.float64)


def values_of(reports: Sequence[FrameReport], key: str) -> FloatArray:
    """Return one number for each report; NaN where it is None or the key is missing."""
    values = [report.get(key) for report in reports]
    return np.array([np.nan if value is None else value for value in values], np.float64)


def _draw_track(ax: Axes, numbers: FloatArray, offsets: FloatArray) -> None:
    ax.set(xlabel="dx (px)", ylabel="dy (px)")
    ax.set_aspect("equal", adjustable="datalim")
    ax.grid(alpha=0.3)
    if len(numbers):
        dx, dy = offsets.T
        ax.plot(dx, dy, "-", color="0.6", linewidth=1, zorder=1)
        points = ax.scatter(dx, dy, c=numbers, cmap=MAP, s=30, zorder=2, edgecolor="0.2")
        ends: dict[str, Any] = {"markersize": 13, "markerfacecolor": "none", "markeredgewidth": 1.8}
        ax.plot(dx[0], dy[0], "s", markeredgecolor=INK, label="first", **ends)
        ax.plot(dx[-1], dy[-1], "D", markeredgecolor=ALERT, label="last", **ends)
        ax.legend(loc="best")
        whole = MaxNLocator(integer=True, min_n_ticks=1)
        add_colour_bar(ax, points, "Frame number", ticks=whole)
    ax.invert_yaxis()
