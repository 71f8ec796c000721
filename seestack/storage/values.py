"""The values of a stack as plain data and arrays, and back again.

Every field of every value is walked, so a field that is added is kept without a word
here. Only the kinds of values listed below are made again: reading runs no code of a
file's choice.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields
from datetime import datetime
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seestack.assembly import AssemblyState
from seestack.gates import Baseline
from seestack.masters import Calibration, Master
from seestack.model import (
    Extremes,
    Frame,
    FrameQuality,
    Matches,
    Observation,
    Registration,
    Stack,
    Stars,
    Transform,
)
from seestack.numerics.boxmeans import BoxSums
from seestack.numerics.noise import NoiseTrack
from seestack.options import Options
from seestack.pipeline import Prepared
from seestack.rows import Rows
from seestack.running import Running
from seestack.steps.forecast import SnrCurve
from seestack.steps.normalization import SkyBoxes

__all__ = ["flatten", "rebuild"]

_KINDS: dict[str, Callable[..., Any]] = {
    kind.__name__: kind
    for kind in (
        AssemblyState,
        Baseline,
        Calibration,
        Extremes,
        Frame,
        FrameQuality,
        Master,
        Matches,
        NoiseTrack,
        Observation,
        Options,
        Prepared,
        Registration,
        Rows,
        Running,
        SkyBoxes,
        SnrCurve,
        Stack,
        Stars,
        Transform,
        BoxSums,
    )
}
_PLAIN = (bool, int, float, str, type(None))


def flatten(value: Any) -> tuple[Any, list[NDArray[Any]]]:
    """Return a value as plain data that JSON can hold, and its arrays.

    Parameters
    ----------
    value : object
        A value of seestack, or plain numbers and text, in tuples, lists and mappings.

    Returns
    -------
    tuple
        Plain data with numbers in the place of arrays, and the arrays themselves, not
        copies; one that occurs twice is there once. An array without strides, of one and the
        same value, is plain data.

    Raises
    ------
    TypeError
        If a value is of another kind. A frame's header is excepted: what is neither a
        number nor text is left out of it, as no later step or file makes use of it.

    Examples
    --------
    >>> plain, arrays = flatten(Transform.identity())
    >>> plain, len(arrays)
    ({'Transform': {'matrix': {'array': 0}}}, 1)
    """
    arrays: list[NDArray[Any]] = []
    numbers: dict[int, int] = {}

    def plain(value: Any) -> Any:
        kind: type = type(value)
        if kind in _PLAIN:
            return value
        if kind is np.ndarray:
            return _array(value, arrays, numbers)
        if kind is tuple or kind is list:
            return {kind.__name__: [plain(item) for item in value]}
        if kind is dict:
            return {"dict": {key: plain(item) for key, item in value.items()}}
        if isinstance(value, Mapping):
            return _header(value)
        if kind is datetime or isinstance(value, np.generic):
            return _small(value)
        if _KINDS.get(kind.__name__) is kind:
            inner = {field.name: plain(getattr(value, field.name)) for field in fields(value)}
            return {kind.__name__: inner}
        raise TypeError(f"a {kind.__module__}.{kind.__qualname__} cannot be kept: {value!r}")

    return plain(value), arrays


def rebuild(plain: Any, arrays: list[NDArray[Any]]) -> Any:
    """Return the value that `flatten` took apart.

    Parameters
    ----------
    plain : object
        The plain data.
    arrays : list of ndarray
        The arrays; the value is made of these very ones.

    Raises
    ------
    ValueError, TypeError, LookupError
        If the data are not what this version of seestack takes a value apart into.

    Examples
    --------
    >>> stars = Stars([[10.0, 20.0], [30.5, 7.25]], sky_adu=812.5)
    >>> again = rebuild(*flatten(stars))
    >>> again.xy.tolist(), again.sky_adu
    ([[10.0, 20.0], [30.5, 7.25]], 812.5)
    """
    if type(plain) in _PLAIN:
        return plain
    ((kind, inner),) = plain.items()
    if kind == "array":
        return arrays[inner]
    if kind == "scalar":
        return np.frombuffer(bytes.fromhex(inner[1]), np.dtype(inner[0]))[0]
    if kind == "uniform":
        return np.broadcast_to(rebuild({"scalar": inner[:2]}, arrays), inner[2])
    if kind == "time":
        return datetime.fromisoformat(inner)
    if kind in ("tuple", "list"):
        items = [rebuild(item, arrays) for item in inner]
        return tuple(items) if kind == "tuple" else items
    if kind == "header":
        return MappingProxyType(inner)
    made = {key: rebuild(item, arrays) for key, item in inner.items()}
    if kind == "dict":
        return made
    known = {field.name for field in fields(_KINDS[kind])}  # type: ignore[arg-type]
    if made.keys() != known:
        raise ValueError(f"a {kind} has the fields {sorted(known)}, got {sorted(made)}")
    return _KINDS[kind](**made)


def _array(
    value: NDArray[Any], arrays: list[NDArray[Any]], numbers: dict[int, int]
) -> dict[str, Any]:
    """Return an array's number, after it has been put at the end of `arrays` if it is new."""
    if value.size > 1 and not any(value.strides):
        return {"uniform": [*_small(value.flat[0])["scalar"], list(value.shape)]}
    if id(value) not in numbers:
        numbers[id(value)] = len(arrays)
        arrays.append(value)
    return {"array": numbers[id(value)]}


def _small(value: Any) -> dict[str, Any]:
    if isinstance(value, datetime):
        return {"time": value.isoformat()}
    return {"scalar": [value.dtype.str, value.tobytes().hex()]}


def _header(cards: Mapping[str, Any]) -> dict[str, Any]:
    return {"header": {key: card for key, card in cards.items() if type(card) in _PLAIN}}
