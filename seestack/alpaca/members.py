"""The members of a simulated device: what can be read, set and called, and with what.

A device is a table from member names to `Member`. This is where the standard's
strictness lives: a parameter that is missing or unreadable is a bad request, while a
value that the device does not accept is an error of the device.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from seestack.alpaca.errors import error_for

__all__ = [
    "BadRequestError",
    "Member",
    "SimulatedDevice",
    "as_bool",
    "as_float",
    "as_int",
    "as_text",
    "constant",
    "lacking",
    "within",
]

INVALID_VALUE = 0x401
NOT_CONNECTED = 0x407
INVALID_OPERATION = 0x40B

_WHOLE = re.compile(r"[+-]?[0-9]+", re.ASCII)
_DECIMAL = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?", re.ASCII)
_INT32 = 2**31


class BadRequestError(Exception):
    """A request that is not understood; the text says why."""


Parser = Callable[[str, str], Any]


def as_int(name: str, text: str) -> int:
    """Read a whole number of 32 bits."""
    if not _WHOLE.fullmatch(text.strip()) or not -_INT32 <= int(text) < _INT32:
        raise BadRequestError(f"{name} must be a whole number, got {text[:40]!r}")
    return int(text)


def as_float(name: str, text: str) -> float:
    """Read a finite number with a decimal point."""
    if not _DECIMAL.fullmatch(text.strip()) or not math.isfinite(float(text)):
        raise BadRequestError(f"{name} must be a number, got {text[:40]!r}")
    return float(text)


def as_bool(name: str, text: str) -> bool:
    """Read true or false, in any case."""
    if text.strip().lower() not in ("true", "false"):
        raise BadRequestError(f"{name} must be true or false, got {text[:40]!r}")
    return text.strip().lower() == "true"


def as_text(name: str, text: str) -> str:
    """Take any text."""
    return text


@dataclass(frozen=True, slots=True, eq=False)
class Member:
    """One member of a device.

    Parameters
    ----------
    read : callable, optional
        Gives the value; None if the member cannot be read.
    write : callable, optional
        Sets the value or does the deed; None if the member cannot be called.
    fields : mapping of str to callable
        Names and parsers of the parameters: of `write`, or of `read` where there is
        no `write`.
    offline : bool, default False
        Works without being connected.
    """

    read: Callable[..., Any] | None = None
    write: Callable[..., Any] | None = None
    fields: Mapping[str, Parser] = field(default_factory=dict)
    offline: bool = False


def constant(value: Any, *, offline: bool = False) -> Member:
    """Return a member that always has the same value."""
    return Member(read=lambda: value, offline=offline)


def lacking(write: bool = False, read: bool = True, **fields: Parser) -> Member:
    """Return a member that is not implemented."""

    def refuse(*_: Any) -> None:
        raise error_for(0x400, "not implemented")

    return Member(refuse if read else None, refuse if write else None, fields)


class SimulatedDevice:
    """A simulated device: its name, and a table of its members.

    Parameters
    ----------
    name : str
        What it calls itself.
    unique_id : str
        Never changes.
    lacks : frozenset of str, optional
        Members that are not implemented although they could be.
    """

    kind: ClassVar[str]
    interface_version: ClassVar[int]

    def __init__(self, name: str, unique_id: str, *, lacks: frozenset[str] = frozenset()) -> None:
        self.name = name
        self.unique_id = unique_id
        self.connected = False
        self.members = self._common_members() | self._own_members()
        for member in lacks & self.members.keys():
            there = self.members[member]
            self.members[member] = lacking(
                write=there.write is not None, read=there.read is not None, **there.fields
            )

    def reset(self) -> None:
        """Forget everything, as when the telescope is switched off and on."""
        self.connected = False

    def call(self, method: str, member: str, arguments: Mapping[str, str]) -> Any:
        """Read or call a member.

        Parameters
        ----------
        method : {"GET", "PUT"}
            What is asked.
        member : str
            In lower case.
        arguments : mapping of str to str
            Parameters; for GET with names in lower case.

        Returns
        -------
        object
            The value; None for a call without one.

        Raises
        ------
        BadRequestError
            If there is no such member or a parameter is missing or unreadable.
        AlpacaError
            If the device cannot do it.
        """
        there = self.members.get(member)
        act = None if there is None else there.read if method == "GET" else there.write
        if there is None or act is None:
            raise BadRequestError(f"{method} {member} is not a member of a {self.kind}")
        values = []
        if method == "PUT" or there.write is None:
            for name, parse in there.fields.items():
                key = name.lower() if method == "GET" else name
                if key not in arguments:
                    raise BadRequestError(f"{method} {member} needs the parameter {name}")
                values.append(parse(name, arguments[key]))
        if not self.connected and not there.offline:
            raise error_for(NOT_CONNECTED, f"{self.name} is not connected")
        return act(*values)

    def _common_members(self) -> dict[str, Member]:
        return {
            "connected": Member(
                lambda: self.connected, self._connect, {"Connected": as_bool}, offline=True
            ),
            "connect": Member(write=lambda: self._connect(True), offline=True),
            "disconnect": Member(write=lambda: self._connect(False), offline=True),
            "connecting": constant(False, offline=True),
            "name": constant(self.name, offline=True),
            "description": constant(f"{self.name}, simulated", offline=True),
            "driverinfo": constant("seestack simulated telescope", offline=True),
            "driverversion": constant("1.0", offline=True),
            "interfaceversion": constant(self.interface_version, offline=True),
            "supportedactions": constant([], offline=True),
            "devicestate": lacking(),
            "action": lacking(True, False, Action=as_text, Parameters=as_text),
            "commandblind": lacking(True, False, Command=as_text, Raw=as_bool),
            "commandbool": lacking(True, False, Command=as_text, Raw=as_bool),
            "commandstring": lacking(True, False, Command=as_text, Raw=as_bool),
        }

    def _own_members(self) -> dict[str, Member]:
        raise NotImplementedError

    def _connect(self, connected: bool) -> None:
        self.connected = connected


def within(name: str, value: float, low: float, high: float) -> None:
    """Raise the device's error for a value that is not from `low` to `high`."""
    if not low <= value <= high:
        raise error_for(INVALID_VALUE, f"{name} must be from {low:g} to {high:g}, got {value:g}")
