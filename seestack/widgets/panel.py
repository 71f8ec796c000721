"""LivePanel: find a camera, start, watch, stop and save, in a notebook."""

from __future__ import annotations

import functools
import sys
import threading
import time
from collections.abc import Callable
from html import escape
from typing import Any, Concatenate, ParamSpec

import ipywidgets as widgets

from seestack.config import ConfigError, Settings, load_settings
from seestack.session import CaptureSession
from seestack.snapshots import Snapshot
from seestack.widgets.control import Control, Place
from seestack.widgets.detached import detach, detached_context
from seestack.widgets.form import PlaceForm, SettingsForm
from seestack.widgets.pictures import Picture
from seestack.widgets.refresher import Refresher
from seestack.widgets.still import Still
from seestack.widgets.style import STYLE
from seestack.widgets.tabs import Tabs
from seestack.widgets.viewer import SIZE_PX, Viewer
from seestack.widgets.words import error_words, hint_words, progress_words, state_words

__all__ = ["LivePanel", "live"]

Given = ParamSpec("Given")

# Pauses after work that takes long, in units of the time that it took: frames that come
# faster than pictures can be made are stacked all the same.
_REST = 5.0
_STILL_REST = 30.0
_OFTEN_S = 0.05
_NAME = "_seestack_panel"


def _detached(
    method: Callable[Concatenate[LivePanel, Given], None],
) -> Callable[Concatenate[LivePanel, Given], None]:
    """Let a method write to widgets without binding them to the cell that runs."""

    @functools.wraps(method)
    def apart(self: LivePanel, /, *given: Given.args, **named: Given.kwargs) -> None:
        self._context.copy().run(method, self, *given, **named)

    return apart


class LivePanel(widgets.VBox):
    """A panel to take and stack frames with; the last line of a cell shows it.

    Parameters
    ----------
    session : CaptureSession, optional
        A session made elsewhere, to watch, and to start if it is not started. Later
        starts use the camera that is chosen in the panel.
    settings : Settings, optional
        What the form shows at first; that of ``config.yaml`` by default.
    place : Place, optional
        Where frames come from at first.

    Notes
    -----
    A session belongs to the kernel, not to the page or the cell: it goes on when the page
    is closed, when the cell is run again and after `close`. Only `stop` and Stop end it.
    Pictures are left out where they would come too fast, frames never.

    Examples
    --------
    >>> settings = Settings.from_mapping({"stacking": {"frames": 2}})
    >>> panel = LivePanel(settings=settings, place=Place(kind="simulated", speed=1000.0))
    >>> panel.start()
    >>> panel.wait(60.0), panel.session.wait().detail
    (True, '2 frames stacked')
    >>> panel.close()
    """

    # Until it is made: what fails on the way is closed as well.
    _is_closed = True

    def __init__(
        self,
        session: CaptureSession | None = None,
        *,
        settings: Settings | None = None,
        place: Place | None = None,
    ) -> None:
        settings = settings or load_settings()
        place = place or _usual_place(settings)
        self.control = Control(settings, place, session=session)
        self._context = detached_context()
        self._refresher = Refresher(on_error=self._show_error, context=self._context)
        self._still = Still(lambda: self.control.session)
        self._picture: Picture | None = None
        self._seen = (-1, -1)
        self._showing, self._state_shown = threading.Lock(), 0.0
        self._make_parts(settings, place)
        super().__init__(self._parts(), layout={"width": "100%", "overflow": "hidden"})
        self.add_class("seestack-panel")
        self._show_state()
        detach(_with_children(self))
        self._forget = self.control.observe(self._refresh)
        self._is_closed = False
        if session is not None:
            self._refresh()

    @property
    def session(self) -> CaptureSession | None:
        """The session that runs or ran last; None before the first and after a reset."""
        return self.control.session

    @property
    def is_closed(self) -> bool:
        """Whether it was closed."""
        return self._is_closed

    @_detached
    def search(self) -> None:
        """Look for cameras on the network, and offer them."""
        self._say("Searching the network…")
        self._refresher.ask("search", self._search)

    @_detached
    def connect(self) -> None:
        """Look whether frames can come from the place that is chosen, and say what is there."""
        self._say("Connecting…")
        self._refresher.ask("connect", self._connect)

    @_detached
    def start(self) -> None:
        """Begin a session with the camera and the settings of the form."""
        self.start_button.disabled = True
        self._say("Starting…")
        self._refresher.ask("start", self._start)

    @_detached
    def stop(self) -> None:
        """End the session, in mid-exposure too; the stack is kept."""
        self.stop_button.disabled = True
        self.control.stop()

    @_detached
    def reset(self) -> None:
        """Forget the stack; a running session goes on with its next frame."""
        self._say("Resetting…")
        self._refresher.ask("reset", self._reset)

    @_detached
    def save(self) -> None:
        """Write stack, picture and table to a new folder."""
        self._say("Saving…")
        self._refresher.ask("save", self._save)

    def wait(self, timeout_s: float) -> bool:
        """Wait until the panel has nothing left to show; False when the time was too short."""
        return self._refresher.wait(timeout_s)

    def close(self) -> None:
        """Take the panel off the page and end its thread; a running session goes on."""
        if self._is_closed:
            return
        self._is_closed = True
        self._forget()
        self._refresher.close()
        for widget in _with_children(self):
            widgets.Widget.close(widget)

    def __repr__(self) -> str:
        seen = self.control.snapshot if hasattr(self, "control") else None
        counted = progress_words(seen, self.control.settings.stacking.frames) if seen else "idle"
        return f"<seestack panel: {counted}>"

    def _ipython_display_(self) -> None:
        """Show the panel, and below it what remains where there is no kernel."""
        from IPython.display import display

        display(self._repr_mimebundle_(), raw=True)
        self._still.show()

    def _make_parts(self, settings: Settings, place: Place) -> None:
        self.place_form = PlaceForm(place)
        self.form = SettingsForm(settings, self._changed)
        self.notice = widgets.HTML(layout={"height": "22px", "margin": "0"})
        self.notice.add_class("seestack-notice")
        self.start_button = _button("Start", "play", self.start, "primary")
        self.stop_button = _button("Stop", "stop", self.stop, "warning")
        self.reset_button = _button("Reset", "refresh", self.reset)
        self.save_button = _button("Save", "save", self.save)
        self.bar = widgets.FloatProgress(
            value=0.0, min=0.0, max=1.0, layout={"flex": "1 1 120px", "min_width": "80px"}
        )
        self.count = widgets.Label(layout={"width": "270px"}).add_class("seestack-count")
        self.state = widgets.HTML(layout={"width": "100%"}).add_class("seestack-state")
        self.viewer = Viewer(self._changed_look)
        self.tabs = Tabs(self.control, self._changed_tab)
        self.place_form.search.on_click(lambda button: self.search())
        self.place_form.connect.on_click(lambda button: self.connect())

    def _parts(self) -> list[Any]:
        row = {"align_items": "center", "flex_flow": "row wrap", "width": "100%"}
        buttons = (self.start_button, self.stop_button, self.reset_button, self.save_button)
        body = widgets.HBox(
            [self.viewer, self.tabs],
            layout={"flex_flow": "row wrap", "align_items": "flex-start", "width": "100%"},
        )
        style = widgets.HTML(STYLE, layout={"display": "none"})
        return [
            style,
            self.place_form,
            self.form,
            self.notice,
            widgets.HBox([*buttons, self.bar, self.count], layout=row),
            self.state,
            body,
        ]

    def _search(self) -> None:
        self._take_form()
        cameras = self.control.search()
        self.place_form.offer(cameras)
        found = f"{len(cameras)} camera{'s' * (len(cameras) != 1)} found."
        self._say(found if cameras else "No camera answered; is it on, and in this network?")

    def _connect(self) -> None:
        self._take_form()
        self._say(f"Connected: {self.control.connect()}")

    def _start(self) -> None:
        try:
            self._take_form()
            self.control.start()
        finally:
            self._show_state()
        self._say("")

    def _reset(self) -> None:
        self.control.reset()
        self._say("The stack was forgotten.")

    def _save(self) -> None:
        self._take_form()
        paths = self.control.save()
        names = ", ".join(path.name for path in paths)
        self._say(f"Saved to {paths[0].parent}: {names}")

    def _take_form(self) -> None:
        self.control.settings = self.form.settings
        self.control.place = self.place_form.place

    def _changed(self, label: str, key: str) -> None:
        """Take up a changed setting: at once where that can be, else with the next start."""
        try:
            settings = self.form.settings
        except ConfigError as error:
            self._show_error(error)
            return
        self._say("")
        if key == "frames":
            self.control.set_frames(settings.stacking.frames)
            self._show_state()
        elif self.control.is_running and key not in ("folder",):
            self._say(f"{label}: counts from the next start.")

    def _changed_look(self) -> None:
        self._refresher.ask("look", self._show_picture)

    def _changed_tab(self) -> None:
        self._refresher.ask("chosen", self.tabs.draw)

    @_detached
    def _refresh(self) -> None:
        """Ask for all that the session may have changed; called in its threads."""
        ask, patience = self._refresher.ask, self.control.is_running
        if time.monotonic() - self._state_shown > _OFTEN_S or not patience:
            self._show_state()  # at once, whatever is being drawn
        else:
            ask("state", self._show_state, rest=_REST)
        slow: dict[str, Any] = {"rest": _REST * patience, "group": "slow"}
        ask("picture", lambda: self._take_picture(clean=False), rest=1.0 * patience)
        ask("clean", lambda: self._take_picture(clean=True), **slow)
        ask("tab", self.tabs.draw, **slow)
        ask("still", self._still.renew, rest=_STILL_REST * patience)

    def _take_picture(self, *, clean: bool) -> None:
        """Show the stack: first as it is, and without outliers once there is time."""
        seen = self.control.snapshot
        number = (self.control.sessions_made, seen.preview_number if seen else 0)
        if not clean and number == self._seen:
            return
        image = self.control.image(clean=clean)
        self._picture = None if image is None else Picture(image)
        self._seen = number
        self._show_picture()

    def _show_picture(self) -> None:
        picture = self._picture
        look = self.viewer.look
        self.viewer.show(None if picture is None else picture.jpeg(look, window=SIZE_PX))

    def _show_state(self) -> None:
        with self._showing:  # so that no thread overwrites what is newer
            self._show_state_now()
            self._state_shown = time.monotonic()

    def _show_state_now(self) -> None:
        seen, session = self.control.snapshot, self.control.session
        trouble = session.trouble if session is not None else None
        state = seen.state if seen else "idle"
        tone = "trouble" if trouble and state == "running" else state
        words, hint = escape(state_words(seen, trouble)), escape(hint_words(seen, trouble))
        role = ' role="alert"' if tone in ("trouble", "failed") else ""
        remedy = f'<small class="seestack-remedy">{hint}</small>' if hint else ""
        self.state.value = f'<div class="{tone}"{role}><b>{state}</b>{words}{remedy}</div>'
        wanted = self.control.settings.stacking.frames
        self.count.value = progress_words(seen, wanted)
        self._show_bar(seen, wanted)
        running, counted = state == "running", seen is not None and seen.frames_total > 0
        self.start_button.disabled = running
        self.stop_button.disabled = not running
        self.reset_button.disabled = self.save_button.disabled = not counted
        self.place_form.connect.disabled = self.place_form.search.disabled = running

    def _show_bar(self, seen: Snapshot | None, wanted: int) -> None:
        goal = seen.frames_wanted if seen else wanted
        done = seen.frames_stacked if seen else 0
        over = seen is not None and seen.state == "finished"
        self.bar.value = 1.0 if over else min(done / goal, 1.0) if goal else 0.0
        failed = seen is not None and seen.state == "failed"
        self.bar.bar_style = "danger" if failed else "success" if over else "info"

    def _say(self, text: str) -> None:
        self.notice.value = f'<p class="seestack-hint">{escape(text)}</p>'

    def _show_error(self, error: Exception) -> None:
        words = escape(error_words(error))
        self.notice.value = f'<p class="seestack-error" role="alert" title="{words}">{words}</p>'


def live(
    session: CaptureSession | None = None,
    *,
    settings: Settings | None = None,
    place: Place | None = None,
) -> LivePanel:
    """Return the panel of this notebook, made with the first call.

    Running the cell again shows the same panel with the same session. With other arguments
    a new panel is made, unless the session of the old one runs.

    Parameters
    ----------
    session, settings, place : optional
        As `LivePanel` takes them.

    Returns
    -------
    LivePanel
        Outside of IPython a new one.

    Examples
    --------
    >>> panel = live(place=Place(kind="simulated"))
    >>> panel.session is None
    True
    >>> panel.close()
    """
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    names = {} if shell is None else shell.user_ns
    given = (session, settings, place)
    panel, made_of = names.get(_NAME, (None, ()))
    if panel is not None and not panel.is_closed:
        if made_of == given or panel.control.is_running:
            return panel
        panel.close()
    panel = LivePanel(session, settings=settings, place=place)
    names[_NAME] = panel, given
    return panel


def _usual_place(settings: Settings) -> Place:
    watcher = settings.image_watcher
    if watcher.enabled:
        return Place(kind="folder", folder=watcher.watch_path or "")
    server = settings.alpaca.default_server
    if server.address:
        address = server.address if ":" in server.address else f"{server.address}:{server.port}"
        return Place(kind="address", address=address)
    return Place()


def _button(text: str, icon: str, do: Callable[[], None], style: str = "") -> widgets.Button:
    button = widgets.Button(
        description=text, icon=icon, button_style=style, layout={"width": "92px"}
    )
    button.on_click(lambda clicked: do())
    return button.add_class(f"seestack-{text.lower()}")


def _with_children(widget: Any) -> list[Any]:
    inner = [child for each in getattr(widget, "children", ()) for child in _with_children(each)]
    return [*inner, widget]
