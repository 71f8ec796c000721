"""A context in which what is sent to the page belongs to no cell.

ipykernel answers a click where the widget was last written to: in the queue of the cells,
when a cell did it, and there a click waits for the cell that runs. Without a cell to
belong to, the front end chooses, and JupyterLab has a queue for widgets alone.
"""

from __future__ import annotations

import sys
from contextvars import Context, ContextVar, copy_context
from typing import Any

__all__ = ["detach", "detached_context", "running_shell", "with_children"]


def running_shell() -> Any:
    """Return the shell of IPython that runs this; None outside of it, and nothing is loaded."""
    return getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()


def detached_context() -> Context:
    """Return a copy of the context that belongs to no cell; outside of a kernel, any copy.

    Examples
    --------
    >>> detached_context().run(lambda: "done")
    'done'
    """
    context = copy_context()
    # Not part of ipykernel's interface; where it is missing, nothing is lost but this.
    parent = getattr(getattr(running_shell(), "kernel", None), "_shell_parent", None)
    if isinstance(parent, ContextVar):
        context.run(parent.set, {})
    return context


def detach(widget: Any) -> None:
    """Let a widget that a cell has just made, and all in it, belong to it no longer.

    They are made in the cell all the same, because front ends and converters look there.
    """
    for each in with_children(widget):
        # As above; it is not there before ipykernel 7.4.
        vars(each.comm).pop("_reply_subshell_id", None)


def with_children(widget: Any) -> list[Any]:
    """Return all widgets in a widget, and last itself."""
    inner = [each for child in getattr(widget, "children", ()) for each in with_children(child)]
    return [*inner, widget]
