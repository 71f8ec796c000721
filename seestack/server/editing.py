"""Which settings a browser may change, and how.

Folders, the discovery of the network and the server itself are chosen where the server is
started: no path from a request reaches the file system.
"""

from __future__ import annotations

import re
import typing
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

from seestack.config import ConfigError, Settings
from seestack.options import Options
from seestack.server.refusals import Refusal

__all__ = ["LARGEST", "TEXT_RULES", "changed_settings", "editable", "editable_fields"]

# Sections, and the only keys of them that are open; None opens all.
_OPEN: dict[str, tuple[str, ...] | None] = {
    "alpaca": ("default_server",),
    "camera": None,
    "stacking": None,
}
# What a text may be, beyond what config.yaml asks for.
TEXT_RULES = {
    "alpaca.default_server.address": r"^[A-Za-z0-9_.:\[\]-]{1,255}$",
    "camera.filter": r"^[ -~]{1,64}$",
}

# Larger numbers mean nothing here, and some would overflow on the way to a camera.
LARGEST = 1_000_000_000


def editable(settings: Settings) -> dict[str, Any]:
    """Return the settings that a browser may change, as plain values.

    Examples
    --------
    >>> editable(Settings())["camera"]["gain"], sorted(editable(Settings()))
    (None, ['alpaca', 'camera', 'stacking'])
    """
    plain = settings.as_mapping()
    return {
        section: {key: value for key, value in plain[section].items() if _is_open(section, key)}
        for section in _OPEN
    }


def changed_settings(settings: Settings, given: Any) -> Settings:
    """Return the settings with some changed.

    Parameters
    ----------
    settings : Settings
        As they are.
    given : mapping
        Sections by name; what is left out stays as it is.

    Raises
    ------
    Refusal
        ``bad_value`` or ``read_only``.

    Examples
    --------
    >>> changed_settings(Settings(), {"stacking": {"frames": 40}}).stacking.frames
    40
    >>> changed_settings(Settings(), {"output": {"folder": "/etc"}})
    Traceback (most recent call last):
    seestack.server.refusals.Refusal: output.folder can be changed only where ...
    """
    plain = settings.as_mapping()
    for section, values in _mapping("the body", given).items():
        if section not in plain:
            raise Refusal("bad_value", f"unknown section {section!r}; known are {', '.join(_OPEN)}")
        for key, value in _mapping(section, values).items():
            if key in plain[section] and not _is_open(section, key):
                where = "can be changed only where the server is started"
                raise Refusal("read_only", f"{section}.{key} {where}")
            if isinstance(plain[section].get(key), dict):
                name = f"{section}.{key}"
                plain[section][key] = plain[section][key] | dict(_mapping(name, value))
            else:
                plain[section][key] = value
    _check_texts(plain)
    _check_numbers(plain)
    try:
        return Settings.from_mapping(plain)
    except ConfigError as error:
        raise Refusal("bad_value", str(error)) from error


def editable_fields(section: type, name: str) -> typing.Iterator[tuple[str, Any, Any, Any]]:
    """Yield (key, type, limits, default) of the open settings of a section."""
    hints = typing.get_type_hints(section)
    for rule in fields(section):
        if rule.name == "options":
            yield from editable_fields(Options, name)
        elif _is_open(name, rule.name):
            default = None if is_dataclass(hints[rule.name]) else rule.default
            yield rule.name, hints[rule.name], rule.metadata, default


def _is_open(section: str, key: str) -> bool:
    top, _, within = section.partition(".")
    keys = _OPEN.get(top, ())
    return keys is None or (within or key) in keys


def _mapping(name: str, given: Any) -> Mapping[str, Any]:
    if not isinstance(given, Mapping):
        raise Refusal("bad_value", f"{name} must hold keys and values, got {given!r}")
    return given


def _check_texts(plain: Mapping[str, Any]) -> None:
    for name, pattern in TEXT_RULES.items():
        value: Any = plain
        for key in name.split("."):
            value = value[key]
        if isinstance(value, str) and not re.fullmatch(pattern.strip("^$"), value):
            raise Refusal("bad_value", f"{name} must match {pattern}, got {value!r}")


def _check_numbers(plain: Mapping[str, Any], where: str = "") -> None:
    for key, value in plain.items():
        if isinstance(value, Mapping):
            _check_numbers(value, f"{where}{key}.")
        elif isinstance(value, int | float) and not abs(value) <= LARGEST:
            raise Refusal("bad_value", f"{where}{key} must be at most {LARGEST}, got {value!r}")
