"""LivePanel: find a camera, start, watch, stop and save, in a notebook."""

from __future__ import annotations

import functools
import threading
import time
from collections.abc import Callable
from typing import Any, Concatenate, ParamSpec

import ipywidgets as widgets

from seestack.config import ConfigError, Settings, load_settings
from seestack.session import CaptureSession
from seestack.widgets.control import Control
from seestack.widgets.detached import detach, detached_context, running_shell, with_children
from seestack.widgets.form import PlaceForm, SettingsForm
from seestack.widgets.place import Place, usual_place
from seestack.widgets.refresher import Refresher
from seestack.widgets.status import Status
from seestack.widgets.still import Still
from seestack.widgets.style import STYLE
from seestack.widgets.tabs import Tabs
from seestack.widgets.viewer import Viewer
from seestack.widgets.words import progress_words

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
        place = place or usual_place(settings)
        self.control = Control(settings, place, session=session)
        self._context = detached_context()
        self._showing, self._state_shown = threading.Lock(), 0.0
        self._make_parts(settings, place)
        self._refresher = Refresher(on_error=self.status.tell, context=self._context)
        self._still = Still(lambda: self.control.session)
        style = widgets.HTML(STYLE, layout={"display": "none"})
        row = {"flex_flow": "row wrap", "align_items": "flex-start", "width": "100%"}
        body = widgets.HBox([self.viewer, self.tabs], layout=row)
        super().__init__(
            [style, self.place_form, self.form, self.status, body],
            layout={"width": "100%", "overflow": "hidden"},
        )
        self.add_class("seestack-panel")
        self._show_state()
        detach(self)
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
        self.status.say("Searching the network…")
        self._refresher.ask("search", self._search)

    @_detached
    def connect(self) -> None:
        """Look whether frames can come from the place that is chosen, and say what is there."""
        self.status.say("Connecting…")
        self._refresher.ask("connect", self._connect)

    @_detached
    def start(self) -> None:
        """Begin a session with the camera and the settings of the form."""
        self.start_button.disabled = True
        self.status.say("Starting…")
        self._refresher.ask("start", self._start)

    @_detached
    def stop(self) -> None:
        """End the session, in mid-exposure too; the stack is kept."""
        self.stop_button.disabled = True
        self.control.stop()

    @_detached
    def reset(self) -> None:
        """Forget the stack; a running session goes on with its next frame."""
        self.status.say("Resetting…")
        self._refresher.ask("reset", self._reset)

    @_detached
    def save(self) -> None:
        """Write stack, picture and table to a new folder."""
        self.status.say("Saving…")
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
        for widget in with_children(self):
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
        self.status = status = Status(self.start, self.stop, self.reset, self.save)
        self.notice, self.bar = status.notice, status.bar
        self.count, self.state = status.count, status.state
        self.start_button, self.stop_button = status.start, status.stop
        self.reset_button, self.save_button = status.reset, status.save
        self.viewer = Viewer(self.control, self._changed_look)
        self.tabs = Tabs(self.control, self._changed_tab)
        self.place_form.search.on_click(lambda button: self.search())
        self.place_form.connect.on_click(lambda button: self.connect())

    def _search(self) -> None:
        self._take_form()
        cameras = self.control.search()
        self.place_form.offer(cameras)
        found = f"{len(cameras)} camera{'s' * (len(cameras) != 1)} found."
        self.status.say(found if cameras else "No camera answered; is it on, and in this network?")

    def _connect(self) -> None:
        self._take_form()
        self.status.say(f"Connected: {self.control.connect()}")

    def _start(self) -> None:
        try:
            self._take_form()
            self.control.start()
        finally:
            self._show_state()
        self.status.say("")

    def _reset(self) -> None:
        self.control.reset()
        self.status.say("The stack was forgotten.")

    def _save(self) -> None:
        self._take_form()
        paths = self.control.save()
        names = ", ".join(path.name for path in paths)
        self.status.say(f"Saved to {paths[0].parent}: {names}")

    def _take_form(self) -> None:
        self.control.settings = self.form.settings
        self.control.place = self.place_form.place

    def _changed(self, label: str, key: str) -> None:
        """Take up a changed setting: at once where that can be, else with the next start."""
        try:
            settings = self.form.settings
        except ConfigError as error:
            self.status.tell(error)
            return
        self.status.say("")
        if key == "frames":
            self.control.set_frames(settings.stacking.frames)
            self._show_state()
        elif self.control.is_running and key != "folder":
            self.status.say(f"{label}: counts from the next start.")

    def _changed_look(self) -> None:
        self._refresher.ask("look", self.viewer.draw)

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
        ask("picture", lambda: self.viewer.take(clean=False), rest=1.0 * patience)
        ask("clean", lambda: self.viewer.take(clean=True), **slow)
        ask("tab", self.tabs.draw, **slow)
        ask("still", self._still.renew, rest=_STILL_REST * patience)

    def _show_state(self) -> None:
        with self._showing:  # so that no thread overwrites what is newer
            session = self.control.session
            trouble = session.trouble if session is not None else None
            wanted = self.control.settings.stacking.frames
            self.status.show(self.control.snapshot, wanted=wanted, trouble=trouble)
            running = self.start_button.disabled
            self.place_form.connect.disabled = self.place_form.search.disabled = running
            self._state_shown = time.monotonic()


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
    shell = running_shell()
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
