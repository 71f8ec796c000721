"""What a notebook keeps of the panel for readers without a kernel."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from seestack.session import CaptureSession

__all__ = ["Still"]

_NOTHING = "<p>seestack: run this cell to use the panel.</p>"


class Still:
    """A card of plain HTML below the panel, hidden while the panel lives.

    A front end without the kernel cannot draw the panel, but it keeps the card: the last
    picture, the state and the last frames.

    Parameters
    ----------
    session : callable
        Returns what to show, or None.

    Examples
    --------
    >>> "run this cell" in Still(lambda: None).html()
    True
    """

    def __init__(self, session: Callable[[], CaptureSession | None]) -> None:
        self._session = session
        self._handle: Any = None

    def html(self) -> str:
        """Return the card as it is now."""
        from seestack.display.cards import session_html

        session = self._session()
        card = _NOTHING if session is None else session_html(session)
        return f'<div class="seestack-still">{card}</div>'

    def show(self) -> None:
        """Put the card into the output of the cell that runs."""
        from IPython.display import HTML, display

        self._handle = display(HTML(self.html()), display_id=True)

    def renew(self) -> None:
        """Bring the card up to date where it was shown."""
        if self._handle is not None:
            from IPython.display import HTML

            self._handle.update(HTML(self.html()))
