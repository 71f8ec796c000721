"""Take folders out of texts that leave this computer."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import PurePath
from typing import Any, cast

from seestack.model import FrameReport

__all__ = ["without_folders", "without_folders_in_report"]

_FOLDERS = re.compile(r"""(?<![\w./\\:-])(?:~|[A-Za-z]:)?(?:[/\\][^\s/\\'"<>|:]*)*[/\\]""")


def without_folders(text: str, known: Iterable[str] = ()) -> str:
    r"""Return a text in which absolute paths are cut to their last part.

    Parameters
    ----------
    text : str
        A reason or an error.
    known : iterable of str
        Paths that may occur in it, which may hold spaces.

    Examples
    --------
    >>> without_folders("/home/anna/lights/0001.fit: is cut off")
    '0001.fit: is cut off'
    >>> without_folders("C:\\my nights\\one.fit is cut off", [r"C:\my nights\one.fit"])
    'one.fit is cut off'
    >>> without_folders("20 km/s at http://10.0.0.7/api")
    '20 km/s at http://10.0.0.7/api'
    """
    for path in known:
        name = _name(path)
        if name != path:
            text = text.replace(path, name)
    return _FOLDERS.sub("", text)


def without_folders_in_report(report: FrameReport) -> FrameReport:
    """Return a report whose texts name files without their folders.

    Examples
    --------
    >>> from seestack.stacker import LiveStacker
    >>> report = LiveStacker().reject("/a b/1.fit: is cut off", source="/a b/1.fit")
    >>> cut = without_folders_in_report(report)
    >>> cut["source"], cut["reason"]
    ('1.fit', '1.fit: is cut off')
    """
    plain: dict[str, Any] = dict(report)
    source = report["source"]
    folder = source[: len(source) - len(_name(source))]
    for key, value in plain.items():
        if isinstance(value, str):
            text = value.replace(folder, "") if len(folder) > 1 else value
            plain[key] = without_folders(text)
    return cast(FrameReport, plain)


def _name(path: str) -> str:
    return PurePath(path.replace("\\", "/")).name if re.match(r"[/\\~]|[A-Za-z]:", path) else path
