"""Where plots are drawn, and the colours and colour bars they share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.patheffects import withStroke
from matplotlib.ticker import Formatter, Locator

__all__ = ["ALERT", "INK", "MAP", "OUTLINED", "SECOND", "add_colour_bar", "axes_for", "panels"]

# From the palette of Okabe and Ito, which colour-blind readers tell apart; light and dark
# enough to differ in grey.
INK = "#0072B2"
ALERT = "#D55E00"
SECOND = "#56B4E9"
# Grows evenly from dark to light, for all readers.
MAP = "cividis"
# A dark rim keeps marks visible on stars and on the sky.
OUTLINED = [withStroke(linewidth=2.6, foreground="black")]


def axes_for(
    ax: Axes | None, size_in: tuple[float, float], *, projection: Any | None = None
) -> Axes:
    """Return `ax`, or the Axes of a new figure of pyplot, which notebooks show by themselves."""
    if ax is not None:
        return ax
    import matplotlib.pyplot as plt

    figure = plt.figure(figsize=size_in, layout="constrained")
    return figure.add_subplot(projection=projection)


def panels(ax: Axes, heights: Sequence[float], *, gap: float) -> list[Axes]:
    """Divide the place of `ax` into panels, one below the other.

    Parameters
    ----------
    ax : Axes
        Becomes the invisible host; its title stays the title of all.
    heights : sequence of float
        Relative heights, from top to bottom.
    gap : float
        Height of the space between two panels, as a share of the whole.

    Returns
    -------
    list of Axes
        Also in ``ax.child_axes``.
    """
    ax.set_axis_off()
    unit = (1 - gap * (len(heights) - 1)) / sum(heights)
    made, top = [], 1.0
    for height in heights:
        bottom = top - height * unit
        made.append(ax.inset_axes((0.0, bottom, 1.0, height * unit)))
        top = bottom - gap
    return made


def add_colour_bar(
    ax: Axes,
    mappable: ScalarMappable,
    label: str,
    *,
    ticks: Locator | None = None,
    numbers: Formatter | None = None,
) -> None:
    """Put a colour bar beside `ax`, as high as it is drawn."""
    beside = ax.inset_axes((1.02, 0.0, 0.035, 1.0))
    figure = ax.get_figure(root=False)
    if figure is None:
        raise ValueError("ax must belong to a figure, and this one was removed from its own")
    figure.colorbar(mappable, cax=beside, label=label, ticks=ticks, format=numbers)
    beside.minorticks_off()
