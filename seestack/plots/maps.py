"""Maps of a stack: how many frames each pixel got, and how many values it lost."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator
from numpy.typing import ArrayLike, NDArray

from seestack.model import Stack
from seestack.plots.axes import MAP, add_colour_bar, axes_for
from seestack.plots.pictures import as_picture, draw, shrunk

__all__ = ["plot_coverage", "plot_rejections"]


def plot_coverage(stack: Stack | ArrayLike, *, ax: Axes | None = None) -> Axes:
    """Map how many frames cover each pixel.

    Parameters
    ----------
    stack : Stack, or array_like of int, shape (H, W) or (H, W, 3)
        A stack, or its coverage. Of three colours the least covered one counts.
    ax : Axes, optional
        Where to draw; a new figure by default.

    Returns
    -------
    Axes
        Pixels without any frame are hatched. In a large map a block of pixels is
        shown by its least covered one.

    Raises
    ------
    ValueError
        If the coverage has another shape.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> coverage = np.full((20, 30), 4)
    >>> coverage[:, :6] = 0
    >>> plot_coverage(coverage).get_title()
    '80.0 % of the pixels covered, by up to 4 frames'
    >>> plt.close()
    """
    counts = as_picture("coverage", stack.coverage if isinstance(stack, Stack) else stack)
    if counts.ndim == 3:
        counts = counts.min(axis=2)
    share, most = np.mean(counts > 0), counts.max()
    title = f"{share:.1%} of the pixels covered, by up to {most} frames".replace("%", " %")
    shown, block = shrunk(counts, np.min)
    return _draw_map(ax, np.ma.masked_equal(shown, 0), block, title, "Frames (count)")


def plot_rejections(rejected: ArrayLike | Any, *, ax: Axes | None = None) -> Axes:
    """Map how many values were left out of the stack as outliers.

    Parameters
    ----------
    rejected : array_like of int, shape (H, W) or (H, W, 3), or a stack
        Count for each pixel, or anything with a `rejected` that holds it. Three
        colours are added up.
    ax : Axes, optional
        Where to draw; a new figure by default.

    Returns
    -------
    Axes
        In a large map a block of pixels is shown by its highest count, so that thin
        trails stay visible.

    Raises
    ------
    ValueError
        If the counts are missing or have another shape.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> rejected = np.zeros((20, 30), int)
    >>> rejected[12, 3:9] = 2
    >>> plot_rejections(rejected).get_title()
    '12 values rejected, up to 2 in a pixel'
    >>> plt.close()
    """
    counts = getattr(rejected, "rejected", rejected)
    if counts is None or isinstance(counts, Stack):
        raise ValueError("rejected must hold counts, but this stack was made without rejection")
    counts = as_picture("rejected", counts)
    if counts.ndim == 3:
        counts = counts.sum(axis=2)
    title = f"{counts.sum():,} values rejected, up to {counts.max()} in a pixel"
    shown, block = shrunk(counts, np.max)
    return _draw_map(ax, shown, block, title, "Rejected values (count)")


def _draw_map(ax: Axes | None, shown: NDArray[Any], block: int, title: str, label: str) -> Axes:
    ax = axes_for(ax, (7.0, 5.0))
    drawn = draw(ax, shown, block, cmap=MAP, vmin=0, vmax=max(float(np.max(shown)), 1.0))
    ax.set_title(title)
    add_colour_bar(ax, drawn, label, ticks=MaxNLocator(integer=True, min_n_ticks=1))
    return ax
