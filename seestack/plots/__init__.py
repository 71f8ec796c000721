"""Figures from plain values: a frame with its matches, the course of a session, maps.

Each function draws into `ax`, or into a new figure of pyplot, and returns the Axes. A
plot of several panels fills the place of `ax` with them; they are in ``ax.child_axes``
from top to bottom. What differs in colour differs in shape too, and all colour scales
are even in lightness.
"""

from seestack.plots.maps import plot_coverage, plot_rejections
from seestack.plots.matches import plot_matches
from seestack.plots.pictures import show_image
from seestack.plots.progress import plot_offsets, plot_snr_gain
from seestack.plots.quality import plot_quality

__all__ = [
    "plot_coverage",
    "plot_matches",
    "plot_offsets",
    "plot_quality",
    "plot_rejections",
    "plot_snr_gain",
    "show_image",
]
