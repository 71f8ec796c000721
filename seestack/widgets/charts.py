"""The panel's figures as files, drawn without pyplot so that any thread may."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from seestack.model import FrameReport
from seestack.pipeline import Prepared
from seestack.plots import plot_matches, plot_offsets, plot_quality, plot_snr_gain
from seestack.widgets.fields import named_as_shown
from seestack.widgets.keeping import LastFrame

__all__ = ["CHARTS", "chart_png", "matches_jpeg"]

SIZE_IN = (5.4, 6.4)
_DPI = 110
_NIGHT, _LIGHT = "#111111", "#d0d0d0"

CHARTS: dict[str, Callable[..., Axes]] = {
    "track": plot_offsets,
    "snr": plot_snr_gain,
    "quality": plot_quality,
}


def chart_png(name: str, reports: Sequence[FrameReport]) -> bytes:
    """Return one of `CHARTS` as PNG, dark on white.

    Parameters
    ----------
    name : {"track", "snr", "quality"}
        Which.
    reports : sequence of FrameReport
        In the order of the frames.

    Examples
    --------
    >>> chart_png("snr", [])[1:4]
    b'PNG'
    """
    figure = _figure()
    ax = figure.add_subplot()
    CHARTS[name](reports, ax=ax)
    return _file(figure, "png")


def matches_jpeg(new: Prepared, last: LastFrame) -> bytes:
    """Return a frame with its stars and their partners as JPEG, light on black.

    Parameters
    ----------
    new : Prepared
        The frame as it was registered, see `KeepingStacker.prepared`.
    last : LastFrame
        The same with what became of it; of one that was left out the stars are shown
        alone, the reason and what can be done about it.

    Examples
    --------
    >>> from seestack.simulation import random_field, simulate_frame
    >>> from seestack.widgets.keeping import KeepingStacker
    >>> stacker = KeepingStacker()
    >>> field = random_field((120, 180), 40, seed=5)
    >>> report = stacker.add_frame(simulate_frame(field, (120, 180), seed=1))
    >>> last = stacker.last_frame
    >>> matches_jpeg(stacker.prepared(last), last)[6:10]
    b'JFIF'
    """
    figure = _figure()
    ax = figure.add_subplot()
    plot_matches(new.light, last.registration, stars=new.stars, ax=ax)
    if last.registration is None or not len(last.registration.inliers):
        said = (last.report["reason"], named_as_shown(last.report["hint"]))
        ax.set_title("\n".join(filter(None, said)), wrap=True)
    _on_black(ax)
    figure.set_facecolor(_NIGHT)
    return _file(figure, "jpeg")


def _figure() -> Figure:
    figure = Figure(figsize=SIZE_IN, dpi=_DPI, layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def _file(figure: Figure, kind: str) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format=kind)
    return buffer.getvalue()


def _on_black(ax: Axes) -> None:
    ax.tick_params(colors=_LIGHT)
    for text in (ax.title, ax.xaxis.label, ax.yaxis.label):
        text.set_color(_LIGHT)
    for spine in ax.spines.values():
        spine.set_edgecolor(_LIGHT)
    legend = ax.get_legend()
    if legend is not None:
        legend.get_frame().set(facecolor=_NIGHT, edgecolor="0.4")
        for text in legend.get_texts():
            text.set_color(_LIGHT)
