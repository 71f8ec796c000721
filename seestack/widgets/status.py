"""How far the session is: a notice, the buttons with the bar, and the line of the state."""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from typing import Any

import ipywidgets as widgets

from seestack.snapshots import Snapshot
from seestack.widgets.words import error_words, hint_words, progress_words, state_words

__all__ = ["Status"]


class Status(widgets.VBox):
    """What the panel says, and the buttons that what it says allows.

    Parameters
    ----------
    start, stop, reset, save : callable
        Called without arguments when the button is pressed.

    Examples
    --------
    >>> status = Status(print, print, print, print)
    >>> status.show(None, wanted=20)
    >>> status.count.value, status.start.disabled, status.stop.disabled
    ('0 of 20 frames', False, True)
    """

    def __init__(
        self,
        start: Callable[[], None],
        stop: Callable[[], None],
        reset: Callable[[], None],
        save: Callable[[], None],
    ) -> None:
        self.notice = widgets.HTML(layout={"height": "22px", "margin": "0"})
        self.notice.add_class("seestack-notice")
        self.start = _button("Start", "play", start, "primary")
        self.stop = _button("Stop", "stop", stop, "warning")
        self.reset = _button("Reset", "refresh", reset)
        self.save = _button("Save", "save", save)
        self.bar = widgets.FloatProgress(
            value=0.0, min=0.0, max=1.0, layout={"flex": "1 1 120px", "min_width": "80px"}
        )
        self.count = widgets.Label(layout={"width": "270px"}).add_class("seestack-count")
        self.state = widgets.HTML(layout={"width": "100%"}).add_class("seestack-state")
        row = widgets.HBox(
            [self.start, self.stop, self.reset, self.save, self.bar, self.count],
            layout={"align_items": "center", "flex_flow": "row wrap", "width": "100%"},
        )
        super().__init__([self.notice, row, self.state], layout={"width": "100%"})

    def say(self, text: str) -> None:
        """Put a text into the notice."""
        self.notice.value = f'<p class="seestack-hint">{escape(text)}</p>'

    def tell(self, error: Exception) -> None:
        """Put an error into the notice, in words."""
        words = escape(error_words(error))
        self.notice.value = f'<p class="seestack-error" role="alert" title="{words}">{words}</p>'

    def show(self, seen: Snapshot | None, *, wanted: int, trouble: str | None = None) -> None:
        """Show how far a session is.

        Parameters
        ----------
        seen : Snapshot or None
            The session; None before the first.
        wanted : int
            Frames that the next one is to take.
        trouble : str, optional
            What hinders it.
        """
        self.state.value = _state_html(seen, trouble)
        self.count.value = progress_words(seen, wanted)
        self.bar.value, self.bar.bar_style = _share(seen, wanted), _colour(seen)
        running = seen is not None and seen.state == "running"
        counted = seen is not None and seen.frames_total > 0
        self.start.disabled, self.stop.disabled = running, not running
        self.reset.disabled = self.save.disabled = not counted


def _state_html(seen: Snapshot | None, trouble: str | None) -> str:
    state = seen.state if seen else "idle"
    tone = "trouble" if trouble and state == "running" else state
    role = ' role="alert"' if tone in ("trouble", "failed") else ""
    words, hint = escape(state_words(seen, trouble)), escape(hint_words(seen, trouble))
    remedy = f'<small class="seestack-remedy">{hint}</small>' if hint else ""
    return f'<div class="{tone}"{role}><b>{state}</b>{words}{remedy}</div>'


def _share(seen: Snapshot | None, wanted: int) -> float:
    """Return how much of the frames is stacked, 0 to 1; 0 where there is no end."""
    if seen is not None and seen.state == "finished":
        return 1.0
    goal, done = (seen.frames_wanted, seen.frames_stacked) if seen else (wanted, 0)
    return min(done / goal, 1.0) if goal else 0.0


def _colour(seen: Snapshot | None) -> str:
    return {"failed": "danger", "finished": "success"}.get(seen.state if seen else "", "info")


def _button(text: str, icon: str, do: Callable[[], None], style: str = "") -> Any:
    button = widgets.Button(
        description=text, icon=icon, button_style=style, layout={"width": "92px"}
    )
    button.on_click(lambda clicked: do())
    return button.add_class(f"seestack-{text.lower()}")
