"""The form of the panel: where frames come from, and the settings that matter."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ipywidgets as widgets

from seestack.alpaca.management import ConfiguredDevice
from seestack.config import Settings
from seestack.widgets.fields import MAIN, MORE, Field
from seestack.widgets.place import Place

__all__ = ["PlaceForm", "SettingsForm"]

_KINDS = {
    "Network": "network",
    "Address": "address",
    "Simulated": "simulated",
    "Folder": "folder",
}
_AS_IT_IS = "as it is"
_OFF = "off"
_NONE = "none"
_WIDE = {"description_width": "initial"}
_TEXTS = ("filter", "folder")


class PlaceForm(widgets.HBox):
    """Where frames come from; `place` reads it.

    Parameters
    ----------
    place : Place
        What it shows at first.
    """

    def __init__(self, place: Place) -> None:
        self.kind = widgets.ToggleButtons(
            options=_KINDS, value=place.kind, style={"button_width": "92px"}
        )
        self.found = widgets.Dropdown(
            options=[("any camera that answers", "")], layout={"width": "330px"}
        )
        self.search = widgets.Button(description="Search", icon="search", layout={"width": "100px"})
        self.address = widgets.Text(
            place.address, placeholder="192.168.1.20:32323", layout={"width": "330px"}
        )
        self.speed = widgets.BoundedFloatText(
            place.speed,
            min=0.1,
            max=1000.0,
            description="Times faster",
            style=_WIDE,
            layout={"width": "180px"},
        )
        self.folder = widgets.Text(
            place.folder, placeholder="folder in which frames appear", layout={"width": "330px"}
        )
        self.existing = widgets.Checkbox(
            place.existing, description="with those already there", indent=False
        )
        self.existing.layout.width = "200px"
        self.connect = widgets.Button(description="Connect", icon="plug", layout={"width": "110px"})
        self._rows = {
            "network": [self.found, self.search],
            "address": [self.address],
            "simulated": [self.speed],
            "folder": [self.folder, self.existing],
        }
        self._row = widgets.HBox(layout={"flex_flow": "row wrap", "margin": "0 0 0 6px"})
        super().__init__(
            [self.kind, self._row],
            layout={"flex_flow": "row wrap", "align_items": "center", "width": "100%"},
        )
        self.kind.observe(lambda change: self._show(), names="value")
        self._show()
        for widget, name in ((self.connect, "connect"), (self.search, "search")):
            widget.add_class(f"seestack-{name}")

    @property
    def place(self) -> Place:
        """What the form says."""
        kind = self.kind.value
        typed = {"network": self.found.value, "address": self.address.value.strip()}
        return Place(
            kind=kind,
            address=typed.get(kind, ""),
            speed=self.speed.value,
            folder=self.folder.value.strip(),
            existing=self.existing.value,
        )

    def offer(self, cameras: list[ConfiguredDevice]) -> None:
        """Offer the cameras that were found; the first of them is chosen."""
        known = [(f"{camera.name} at {camera.address}", camera.address) for camera in cameras]
        self.found.options = [*known, ("any camera that answers", "")]
        self.found.index = 0

    def _show(self) -> None:
        self._row.children = [*self._rows[self.kind.value], self.connect]


class SettingsForm(widgets.VBox):
    """The settings that matter; `settings` reads them.

    Parameters
    ----------
    settings : Settings
        What it shows at first; what it does not show stays as it is here.
    on_change : callable
        ``on_change(label, key)`` is called when a value was changed.
    """

    def __init__(self, settings: Settings, on_change: Callable[[str, str], None]) -> None:
        self._settings = settings
        plain = settings.as_mapping()
        self.fields: dict[tuple[str, str], Any] = {}
        for shown in (*MAIN, *MORE):
            value = plain[shown.section][shown.key]
            if shown.key == "exposure_s" and settings.camera.exposure is not None:
                value = settings.camera.exposure
            made = _field(value, shown)
            told = (shown.label, shown.key)
            made.observe(lambda change, told=told: on_change(*told), names="value")
            made.add_class(f"seestack-{shown.key}")
            self.fields[shown.section, shown.key] = made
        main, more = (
            widgets.HBox(
                [
                    _labelled(shown.label, self.fields[shown.section, shown.key], width)
                    for shown in group
                ],
                layout={"flex_flow": "row wrap"},
            )
            for group, width in ((MAIN, "98px"), (MORE, "158px"))
        )
        self.more = widgets.Accordion([more], titles=["More settings"], selected_index=None)
        super().__init__([main, self.more])

    @property
    def settings(self) -> Settings:
        """What the form says.

        Raises
        ------
        ConfigError
            If a value is wrong; the message names it.
        """
        plain = self._settings.as_mapping()
        for (section, key), field in self.fields.items():
            plain[section][key] = _value(field, text=key in _TEXTS)
        plain["camera"]["exposure"] = None
        return Settings.from_mapping(plain)


def _labelled(label: str, field: Any, width: str) -> widgets.VBox:
    field.layout.width = width
    title = widgets.Label(label, layout={"height": "20px", "width": width})
    for name in ("hint", "label"):
        title.add_class(f"seestack-{name}")
    return widgets.VBox([title, field], layout={"margin": "0 6px 4px 0"})


def _field(value: Any, shown: Field) -> Any:
    """Return a menu where there are few choices, else a line of text."""
    nothing, choices = _AS_IT_IS if shown.section == "camera" else _OFF, shown.choices
    if choices is not None:
        if value not in choices:
            choices = (*choices, value)
        named = [(_named(choice, nothing), _kept(choice)) for choice in choices]
        return widgets.Dropdown(options=named, value=_kept(value))
    text = "" if value is None else f"{value:g}" if isinstance(value, float) else str(value)
    return widgets.Text(text, placeholder=nothing, continuous_update=False)


def _kept(choice: Any) -> Any:
    """Return what stands for a choice in a menu, where None would be no choice at all."""
    return _NONE if choice is None else choice


def _named(choice: Any, nothing: str) -> str:
    if isinstance(choice, bool):
        return "yes" if choice else "no"
    return nothing if choice is None else str(choice)


def _value(field: Any, *, text: bool) -> Any:
    """Return what was typed, as a number unless it is `text`; None for nothing."""
    if not isinstance(field, widgets.Text):
        return None if field.value == _NONE else field.value
    typed = field.value.strip()
    if not typed or text:
        return typed or None
    for kind in (int, float):
        try:
            return kind(typed)
        except ValueError:
            continue
    return typed
