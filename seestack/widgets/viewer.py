"""The stack as a picture, with its zoom and its stretch."""

from __future__ import annotations

from collections.abc import Callable

import ipywidgets as widgets
import numpy as np
from PIL import Image as PillowImage
from PIL import ImageDraw, ImageFont

from seestack.widgets.control import Control
from seestack.widgets.pictures import Look, Picture, as_jpeg

__all__ = ["Viewer", "placeholder"]

SIZE_PX = (440, 560)
_NOTHING = "The picture appears here."
_ZOOMS = {"Fit": 0, "1:1": 1, "2:1": 2}
_SLIDER = {"description_width": "62px"}


class Viewer(widgets.VBox):
    """The picture with its zoom and its stretch; `look` reads them.

    Parameters
    ----------
    control : Control
        Whose session is shown.
    on_change : callable
        Called when the look was changed.
    """

    def __init__(self, control: Control, on_change: Callable[[], None]) -> None:
        self._control = control
        self._picture: Picture | None = None
        self._seen = (-1, -1)
        width, height = (f"{side}px" for side in SIZE_PX)
        self.image = widgets.Image(
            value=placeholder(*SIZE_PX, _NOTHING),
            format="jpeg",
            layout={"width": width, "height": height, "object_fit": "contain"},
        )
        for name in ("picture", "stack"):
            self.image.add_class(f"seestack-{name}")
        self.zoom = widgets.ToggleButtons(
            options=_ZOOMS, value=0, style={"button_width": "54px"}, tooltips=list(_ZOOMS)
        )
        self.plain = widgets.Button(
            description="Default look", layout={"width": "110px", "margin": "0 0 0 auto"}
        )
        self.x = _slider(widgets.FloatSlider, "Left/right", 0.5, 0.0, 1.0, 0.01, readout=False)
        self.y = _slider(widgets.FloatSlider, "Up/down", 0.5, 0.0, 1.0, 0.01, readout=False)
        self.low = _slider(widgets.FloatSlider, "Black %", 1.0, 0.0, 50.0, 0.5, ".1f")
        self.high = _slider(widgets.FloatSlider, "White %", 99.5, 95.0, 100.0, 0.05, ".2f")
        self.strength = _slider(widgets.FloatLogSlider, "Lift", 10.0, -1, 3, 0.05, ".3g")
        self._where = widgets.VBox([self.x, self.y])
        self._controls = (self.low, self.high, self.strength)
        top = widgets.HBox(
            [self.zoom, self.plain], layout={"width": "100%", "align_items": "center"}
        )
        super().__init__(
            [self.image, top, *self._controls, self._where],
            layout={"width": width, "flex": "none", "margin": "0 10px 0 0"},
        )
        self.add_class("seestack-viewer")
        for each in (self.zoom, self.x, self.y, *self._controls):
            each.observe(lambda change: on_change(), names="value")
        self.zoom.observe(lambda change: self._show_where(), names="value")
        self.plain.on_click(lambda button: self.reset())
        self._show_where()

    @property
    def look(self) -> Look:
        """How the stack is to be shown."""
        return Look(
            low_percent=self.low.value,
            high_percent=self.high.value,
            strength=self.strength.value,
            zoom=self.zoom.value,
            x=self.x.value,
            y=self.y.value,
        )

    def take(self, *, clean: bool) -> None:
        """Show the stack: first as it is, and without outliers once there is time."""
        seen = self._control.snapshot
        number = (self._control.sessions_made, seen.preview_number if seen else 0)
        if not clean and number == self._seen:
            return
        image = self._control.image(clean=clean)
        self._picture = None if image is None else Picture(image)
        self._seen = number
        self.draw()

    def draw(self) -> None:
        """Draw the stack that was taken last with the look as it is now."""
        picture, look = self._picture, self.look
        jpeg = None if picture is None else picture.jpeg(look, window=SIZE_PX)
        self.image.value = jpeg or placeholder(*SIZE_PX, _NOTHING)

    def reset(self) -> None:
        """Return to the default stretch."""
        plain = Look()
        self.low.value, self.high.value = plain.low_percent, plain.high_percent
        self.strength.value = plain.strength

    def _show_where(self) -> None:
        """Let the window be moved where there is one."""
        zoomed = self.zoom.value > 0
        self.image.layout.object_fit = "none" if zoomed else "contain"
        self._where.layout.display = None if zoomed else "none"


def placeholder(width: int, height: int, text: str) -> bytes:
    """Return a dark JPEG with a line of text, for where a picture will be."""
    picture = PillowImage.new("RGB", (width, height), "#0b0b0b")
    draw = ImageDraw.Draw(picture)
    font = ImageFont.load_default(15)
    draw.text((width / 2, height / 2), text, fill="#8a8a8a", font=font, anchor="mm")
    return as_jpeg(np.asarray(picture))


def _slider(
    kind: type,
    description: str,
    value: float,
    low: float,
    high: float,
    step: float,
    form: str = ".2f",
    *,
    readout: bool = True,
) -> widgets.FloatSlider:
    return kind(
        value=value,
        min=low,
        max=high,
        step=step,
        description=description,
        readout=readout,
        readout_format=form,
        style=_SLIDER,
        layout={"width": "100%", "margin": "0"},
    )
