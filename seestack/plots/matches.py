"""Show which stars of a frame found their partners in the reference."""

from __future__ import annotations

from matplotlib.axes import Axes
from numpy.typing import ArrayLike

from seestack.model import FloatArray, Registration, Stars, Transform
from seestack.plots.axes import OUTLINED, SECOND
from seestack.plots.pictures import show_image

__all__ = ["plot_matches"]

_INLIER = SECOND
_OUTLIER = "#E69F00"


def plot_matches(
    image: ArrayLike,
    registration: Registration | None,
    *,
    stars: Stars | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Show a frame with its star pairs: those that agree, and those that do not.

    Parameters
    ----------
    image : array_like of shape (H, W) or (H, W, 3)
        The frame in ADU.
    registration : Registration or None
        How it was placed; None, or one without pairs, for a reference.
    stars : Stars, optional
        All stars of the frame, to show those without a partner as well.
    ax : Axes, optional
        Where to draw; a new figure by default.

    Returns
    -------
    Axes
        An arrow leads from each star of the frame (a circle where the pair agrees, a
        cross where it does not) to the pixels (x, y) of its partner in the reference.
        Partners outside the frame are not shown.

    Raises
    ------
    ValueError
        If `image` has another shape.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> import numpy as np
    >>> moved = Registration(Transform.rigid(shift_px=(3.0, 0.0)), [[13.0, 5.0]], [[10.0, 5.0]])
    >>> plot_matches(np.arange(600.0).reshape(20, 30), moved).get_title()
    '1 of 1 pairs agree, rms 0.00 px'
    >>> plt.close()
    """
    # A dark and calm sky, on which marks stand out.
    ax = show_image(image, ax=ax, stretch="preview", low_percent=40.0, colour_bar=False)
    pairs = registration or Registration(Transform.identity())
    agree = pairs.inliers
    if stars is not None:
        alone = ~(stars.xy[:, None] == pairs.frame_xy).all(axis=2).any(axis=1)
        _mark(ax, stars.xy[alone], "s", "white", "star without partner", size=8)
    _join(ax, pairs.frame_xy[agree], pairs.reference_xy[agree], _INLIER, dashed=False)
    _join(ax, pairs.frame_xy[~agree], pairs.reference_xy[~agree], _OUTLIER, dashed=True)
    _mark(ax, pairs.frame_xy[agree], "o", _INLIER, "pair that agrees (inlier)", size=10)
    _mark(ax, pairs.frame_xy[~agree], "x", _OUTLIER, "pair that does not (outlier)", size=9)
    if len(agree):
        ax.set_title(f"{agree.sum()} of {len(agree)} pairs agree, rms {pairs.rms_px:.2f} px")
    else:
        ax.set_title("no pairs")
    if ax.get_legend_handles_labels()[0]:
        ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.12), ncols=2, fontsize="small")
    return ax


def _mark(ax: Axes, xy: FloatArray, marker: str, colour: str, label: str, *, size: float) -> None:
    if len(xy):
        ax.plot(
            xy[:, 0],
            xy[:, 1],
            linestyle="none",
            marker=marker,
            markersize=size,
            markerfacecolor="none",
            markeredgecolor=colour,
            markeredgewidth=1.4,
            path_effects=OUTLINED,
            label=f"{label}: {len(xy)}",
        )


def _join(ax: Axes, start: FloatArray, end: FloatArray, colour: str, *, dashed: bool) -> None:
    for (x, y), partner in zip(start, end, strict=True):
        ax.annotate(
            "",
            xy=tuple(partner),
            xytext=(x, y),
            annotation_clip=True,
            arrowprops={
                "arrowstyle": "->",
                "color": colour,
                "linewidth": 1.2,
                "linestyle": "dashed" if dashed else "solid",
                "shrinkA": 0,
                "shrinkB": 0,
            },
        )
