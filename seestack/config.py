"""Read config.yaml into frozen settings; every mistake in it is named.

Each section is a dataclass, each key a field of it. A field's type and the limits in
its metadata are the rules; the same check serves a file and a dashboard.
"""

from __future__ import annotations

import difflib
import os
import sys
import types
import typing
import warnings
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, is_dataclass, replace
from pathlib import Path
from typing import Any

from seestack.checks import shortened
from seestack.options import Options

__all__ = [
    "AlpacaSettings",
    "CameraSettings",
    "ConfigError",
    "ConfigWarning",
    "OutputSettings",
    "ServerAddress",
    "ServerSettings",
    "Settings",
    "StackingSettings",
    "WatcherSettings",
    "load_settings",
]


class ConfigError(ValueError):
    """A setting is wrong; the message names the key, the value and what is allowed."""


class ConfigWarning(UserWarning):
    """Something in the settings was passed over."""


def _at_least(limit: float, default: Any) -> Any:
    return field(default=default, metadata={"least": limit})


def _above(limit: float, default: Any) -> Any:
    return field(default=default, metadata={"above": limit})


def _port(default: int) -> Any:
    return field(default=default, metadata={"least": 0, "most": 65535})


@dataclass(frozen=True, slots=True)
class ServerAddress:
    """The ALPACA server to use without discovery."""

    address: str | None = None
    port: int = _port(32323)


@dataclass(frozen=True, slots=True)
class AlpacaSettings:
    """Section ``alpaca``: how cameras are found."""

    discovery_port: int = _port(32227)
    discovery_timeout: float = _above(0, 2.0)
    default_server: ServerAddress = field(default_factory=ServerAddress)


@dataclass(frozen=True, slots=True)
class CameraSettings:
    """Section ``camera``: how exposures are taken."""

    number: int = _at_least(0, 0)
    exposure: float | None = _above(0, None)
    gain: int | None = _at_least(0, None)
    binning: int | None = _at_least(1, None)
    filter: str | None = None


@dataclass(frozen=True, slots=True)
class StackingSettings:
    """Section ``stacking``: the session, and the options of `LiveStacker`."""

    frames: int = _at_least(1, 20)
    exposure_s: float = _above(0, 10.0)
    preview_every: int = _at_least(1, 1)
    options: Options = field(default_factory=Options)


@dataclass(frozen=True, slots=True)
class WatcherSettings:
    """Section ``image_watcher``: a folder instead of a camera."""

    enabled: bool = False
    watch_path: str | None = None
    debounce_delay: float = _above(0, 0.5)


@dataclass(frozen=True, slots=True)
class OutputSettings:
    """Section ``output``: what is written, and where."""

    folder: str = "stacked"
    save_subs: bool = False
    with_site: bool = False
    checkpoint: bool = True


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """Section ``server``: the dashboard."""

    address: str = "127.0.0.1"
    port: int = _port(5173)
    token: str | None = None
    allowed_hosts: str | None = None


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings, a section each.

    Examples
    --------
    >>> settings = Settings.from_mapping({"stacking": {"frames": 40, "max_stars": 80}})
    >>> settings.stacking.frames, settings.stacking.options.max_stars
    (40, 80)
    >>> Settings.from_mapping({"stacking": {"frame": 40}})
    Traceback (most recent call last):
    seestack.config.ConfigError: settings: unknown key stacking.frame; did you mean 'frames'?
    """

    alpaca: AlpacaSettings = field(default_factory=AlpacaSettings)
    camera: CameraSettings = field(default_factory=CameraSettings)
    stacking: StackingSettings = field(default_factory=StackingSettings)
    image_watcher: WatcherSettings = field(default_factory=WatcherSettings)
    output: OutputSettings = field(default_factory=OutputSettings)
    server: ServerSettings = field(default_factory=ServerSettings)

    @classmethod
    def from_mapping(cls, given: Mapping[str, Any], *, name: str = "settings") -> Settings:
        """Check plain values, as YAML or JSON hold them, and make settings of them.

        Parameters
        ----------
        given : mapping
            Sections by name. What is left out has its default; None for a whole section
            leaves all of it out.
        name : str, default "settings"
            Where the values come from, for the messages.

        Raises
        ------
        ConfigError
            If a key is unknown within a known section, or a value is of another type or
            out of range.

        Warns
        -----
        ConfigWarning
            Once, naming the sections that seestack does not know.
        """
        if not isinstance(given, Mapping):
            raise ConfigError(f"{name}: must hold sections, got {shortened(given)}")
        known = {section.name: section for section in fields(cls)}
        foreign = [_foreign(str(section), known) for section in given if section not in known]
        if foreign:
            warnings.warn(
                f"{name}: sections that seestack does not know are ignored: {', '.join(foreign)}",
                ConfigWarning,
                stacklevel=2,
            )
        hints = typing.get_type_hints(cls)
        sections = {
            section: _checked_section(hints[section], values, f"{name}: ", section)
            for section, values in given.items()
            if section in known and values is not None
        }
        return cls(**sections)

    def with_camera_at(self, address: str) -> Settings:
        """Return the settings with another address of the ALPACA server."""
        server = replace(self.alpaca.default_server, address=address)
        return replace(self, alpaca=replace(self.alpaca, default_server=server))

    def as_mapping(self) -> dict[str, dict[str, Any]]:
        """Return plain values that `from_mapping` turns into equal settings."""
        plain = asdict(self)
        plain["stacking"] |= plain["stacking"].pop("options")
        return plain


def load_settings(path: str | os.PathLike[str] | None = None) -> Settings:
    """Read a configuration file.

    Parameters
    ----------
    path : path-like, optional
        ``config.yaml`` of the current folder by default; without it all settings have
        their defaults.

    Returns
    -------
    Settings

    Raises
    ------
    ConfigError
        If the file is not there, is not YAML, or a setting in it is wrong.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder) / "config.yaml"
    ...     _ = file.write_text("camera: {gain: 80}")
    ...     load_settings(file).camera.gain
    80
    """
    import yaml

    if path is None:
        path = Path("config.yaml")
        if not path.exists():
            return Settings()
    try:
        given = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror}); check the name") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ConfigError(f"{path}: is not YAML: {error}") from error
    return Settings.from_mapping({} if given is None else given, name=str(path))


def _foreign(section: str, known: Mapping[str, Any]) -> str:
    close = difflib.get_close_matches(section, known, n=1, cutoff=0.7)
    return f"{section} (did you mean {close[0]!r}?)" if close else section


def _checked_section(kind: Any, given: Any, where: str, section: str) -> Any:
    """Return one section, or a section within it, as its dataclass."""
    if not isinstance(given, Mapping):
        raise ConfigError(f"{where}{section} must hold keys and values, got {shortened(given)}")
    hints = typing.get_type_hints(kind)
    rules = {rule.name: rule for rule in fields(kind)}
    inner = fields(Options) if "options" in rules else ()
    names = [name for name in rules if name != "options"] + [rule.name for rule in inner]
    values = {}
    for key, value in given.items():
        if key not in names:
            close = difflib.get_close_matches(str(key), names, n=1, cutoff=0.5)
            hint = f"did you mean {close[0]!r}?" if close else f"known are {', '.join(names)}"
            raise ConfigError(f"{where}unknown key {section}.{key}; {hint}")
        if key in rules:
            hint, metadata = hints[key], rules[key].metadata
            values[key] = _checked_value(hint, metadata, value, where, f"{section}.{key}")
    if inner:
        chosen = {key: value for key, value in given.items() if key not in rules}
        try:
            values["options"] = Options(**chosen)
        except (TypeError, ValueError) as error:
            raise ConfigError(f"{where}{section}.{error}") from error
    return kind(**values)


def _checked_value(hint: Any, rule: Mapping[str, Any], value: Any, where: str, key: str) -> Any:
    """Return a value of the type of its field and within its limits."""
    if is_dataclass(hint):
        return _checked_section(hint, value, where, key)
    kinds = hint.__args__ if isinstance(hint, types.UnionType) else (hint,)
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if value is None and type(None) in kinds:
        return None
    if float in kinds and number and abs(value) < sys.float_info.max:
        value = float(value)
    fits = type(value) in kinds
    if fits and number:
        fits = rule.get("least", value) <= value <= rule.get("most", value)
        fits = fits and not value <= rule.get("above", -float("inf")) and value != float("inf")
    if not fits:
        raise ConfigError(f"{where}{key} must be {_allowed(kinds, rule)}, got {shortened(value)}")
    return value


def _allowed(kinds: tuple[Any, ...], rule: Mapping[str, Any]) -> str:
    words = {bool: "true or false", int: "a whole number", float: "a number", str: "text"}
    said = [words[kind] for kind in kinds if kind in words]
    text = " or ".join(said)
    if "most" in rule:
        text += f" from {rule['least']} to {rule['most']}"
    elif "least" in rule:
        text += f" of at least {rule['least']}"
    elif "above" in rule:
        text += f" above {rule['above']}"
    return text + (", or null" if type(None) in kinds else "")
