"""Rich display in notebooks: pictures and numbers in place of a plain repr.

IPython is told, by name, which function shows which class. So the values know nothing of
HTML, imports keep pointing down, and nothing of this is loaded before a value is shown.
"""

from __future__ import annotations

from typing import Any

__all__ = ["register"]

# Module below seestack, class, and the function of `seestack.display.cards`.
_SHOWN = (
    ("model.frame", "Frame", "frame_html"),
    ("model.stars", "Stars", "stars_html"),
    ("model.registration", "Registration", "registration_html"),
    ("model.stack", "Stack", "stack_html"),
    ("stacker", "LiveStacker", "stacker_html"),
    ("session", "CaptureSession", "session_html"),
)


def register(shell: Any) -> None:
    """Let an IPython shell show the values of seestack as HTML.

    Parameters
    ----------
    shell : IPython.core.interactiveshell.InteractiveShell
        As `IPython.get_ipython` returns it.

    Examples
    --------
    >>> from IPython.core.interactiveshell import InteractiveShell
    >>> from seestack.model import Stars
    >>> shell = InteractiveShell()
    >>> register(shell)
    >>> data, _ = shell.display_formatter.format(Stars([[10.0, 20.0]]))
    >>> "1 star" in data["text/html"]
    True
    """
    html = shell.display_formatter.formatters["text/html"]
    for module, name, function in _SHOWN:
        html.for_type_by_name(f"seestack.{module}", name, _Late(function))


class _Late:
    """Call a function of `seestack.display.cards`, which is imported with the first call."""

    def __init__(self, function: str) -> None:
        self.function = function

    def __call__(self, value: object) -> str:
        from seestack.display import cards

        return getattr(cards, self.function)(value)
