"""The tabs of the panel; only the one that is looked at is drawn."""

from __future__ import annotations

from collections.abc import Callable

import ipywidgets as widgets

from seestack.widgets.charts import chart_png, matches_jpeg
from seestack.widgets.control import Control
from seestack.widgets.rows import frame_table
from seestack.widgets.viewer import placeholder

__all__ = ["Tabs"]

_TITLES = ("Last frame", "Track", "SNR gain", "Quality", "Frames")
_CHARTS = {1: "track", 2: "snr", 3: "quality"}
_LAST, _ROWS = 0, 4
_SIZE_PX = (540, 640)


class Tabs(widgets.Tab):
    """The last frame, the track, the SNR gain, the quality and the table of the frames.

    Parameters
    ----------
    control : Control
        Whose session is shown.
    on_change : callable
        Called when another tab is chosen.
    """

    def __init__(self, control: Control, on_change: Callable[[], None]) -> None:
        self._control = control
        self._drawn: dict[int, object] = {}
        self.last = _image("jpeg").add_class("seestack-picture")
        self.last.value = placeholder(*_SIZE_PX, "The last frame appears here.")
        self.charts = {
            tab: _image("png").add_class("seestack-chart").add_class(f"seestack-{name}")
            for tab, name in _CHARTS.items()
        }
        self.rows = widgets.HTML(frame_table([]), layout={"width": "100%"})
        self.rows.add_class("seestack-table")
        super().__init__(
            [self.last, *self.charts.values(), self.rows],
            titles=_TITLES,
            selected_index=_LAST,
            layout={"flex": "1 1 400px", "min_width": "400px", "max_width": "1000px"},
        )
        self.observe(lambda change: on_change(), names="selected_index")

    def draw(self) -> None:
        """Draw the tab that is looked at, unless it shows all that there is."""
        tab, session = self.selected_index, self._control.session
        seen = self._control.snapshot
        shows = (self._control.sessions_made, session is None, seen and seen.frames_total)
        if tab is None or self._drawn.get(tab) == shows:
            return
        reports = [] if session is None else session.stacker.reports
        if tab == _LAST:
            self._draw_last()
        elif tab == _ROWS:
            self.rows.value = frame_table(reports)
        else:
            self.charts[tab].value = chart_png(_CHARTS[tab], reports)
        self._drawn[tab] = shows

    def _draw_last(self) -> None:
        last, session = self._control.last_frame(), self._control.session
        if last is not None:
            self.last.value = matches_jpeg(*last)
            return
        words = "The last frame appears here."
        if session is not None and session.stacker.frames_total:
            words = "This session's stacker does not keep its last frame."
        self.last.value = placeholder(*_SIZE_PX, words)


def _image(kind: str) -> widgets.Image:
    """Return an image of fixed proportions, so that nothing jumps when it is drawn."""
    image = widgets.Image(
        format=kind,
        layout={"width": "100%", "max_width": f"{_SIZE_PX[0]}px", "margin": "0 auto"},
    )
    return image.add_class("seestack-figure")
