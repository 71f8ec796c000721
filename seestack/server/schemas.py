"""JSON schemas made from the types that the program itself uses, so that they stay true."""

from __future__ import annotations

import types
import typing
from collections.abc import Mapping
from dataclasses import MISSING, is_dataclass
from typing import Any

from seestack.config import Settings
from seestack.model import FrameReport
from seestack.server.editing import LARGEST, TEXT_RULES, editable_fields
from seestack.server.refusals import REFUSALS

__all__ = ["SCHEMAS"]

_TYPES = {bool: "boolean", int: "integer", float: "number", str: "string", type(None): "null"}
# What the options of a stack allow beyond their types, where the type does not say.
_OPTION_RULES: dict[str, dict[str, Any]] = {
    "detection_fwhm": {"exclusiveMinimum": 0},
    "detection_threshold": {"exclusiveMinimum": 0},
    "max_stars": {"minimum": 1},
    "match_tolerance_px": {"exclusiveMinimum": 0},
    "min_inliers": {"minimum": 1},
    "max_offset_px": {"exclusiveMinimum": 0},
    "transform": {"enum": ["rigid", "translation"]},
    "interpolation": {"enum": ["lanczos", "bilinear", "nearest"]},
    "reseed_after": {"minimum": 2},
    "clip": {"exclusiveMinimum": 0},
    "weighting": {"enum": ["noise", None]},
    "normalize": {"enum": ["gradient", "level", None]},
    "max_fwhm": {"minimum": 1},
    "max_elongation": {"minimum": 1},
    "min_transparency": {"exclusiveMinimum": 0, "maximum": 1},
    "max_sky": {"minimum": 1},
    "min_stars": {"exclusiveMinimum": 0, "maximum": 1},
    "min_weight": {"exclusiveMinimum": 0, "maximum": 1},
}


def _of_type(hint: Any) -> dict[str, Any]:
    """Return the schema of a type that a report or a setting has.

    Examples
    --------
    >>> _of_type(float | None), _of_type(list[int])
    ({'type': ['number', 'null']}, {'type': 'array', 'items': {'type': 'integer'}})
    """
    kinds = hint.__args__ if isinstance(hint, types.UnionType) else (hint,)
    if all(kind in _TYPES for kind in kinds):
        names = [_TYPES[kind] for kind in kinds]
        return {"type": names[0] if len(names) == 1 else names}
    inner = typing.get_args(hint)
    if typing.get_origin(hint) is list:
        return {"type": "array", "items": _of_type(inner[0])}
    if typing.get_origin(hint) is tuple:
        size, same = len(inner), len(set(inner)) == 1
        return {
            "type": "array",
            "items": _of_type(inner[0]) if same else {},
            "minItems": size,
            "maxItems": size,
        }
    return {}


def _object(properties: Mapping[str, Any], *, closed: bool = False) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "object", "properties": dict(properties)}
    return schema | ({"additionalProperties": False} if closed else {"required": [*properties]})


def _setting(name: str, hint: Any, limits: Mapping[str, Any], default: Any) -> dict[str, Any]:
    if is_dataclass(hint):
        assert isinstance(hint, type)
        return _section(hint, name)
    schema = _of_type(hint)
    words = {"least": "minimum", "most": "maximum", "above": "exclusiveMinimum"}
    schema |= {words[key]: value for key, value in limits.items() if key in words}
    if "stacking." in name:
        schema |= _OPTION_RULES.get(name.removeprefix("stacking."), {})
    if any(word in schema.get("type", ()) for word in ("number", "integer")):
        schema.setdefault("maximum", LARGEST)
    if name in TEXT_RULES:
        schema["pattern"] = TEXT_RULES[name]
    if default is not MISSING:
        schema["default"] = default
    return schema


def _section(kind: type, name: str) -> dict[str, Any]:
    keys = {
        key: _setting(f"{name}.{key}", hint, limits, default)
        for key, hint, limits, default in editable_fields(kind, name)
    }
    return _object(keys, closed=True)


def _config() -> dict[str, Any]:
    hints = typing.get_type_hints(Settings)
    sections = ("alpaca", "camera", "stacking")
    return _object({name: _section(hints[name], name) for name in sections}, closed=True)


def _report() -> dict[str, Any]:
    hints = typing.get_type_hints(FrameReport)
    return _object({key: _of_type(hint) for key, hint in hints.items()})


def _status(report: dict[str, Any]) -> dict[str, Any]:
    unknown = {
        key: {"anyOf": [schema, {"type": "null"}]} if schema else {}
        for key, schema in report["properties"].items()
    }
    count = {"type": "integer", "minimum": 0}
    fault = {
        "type": "object",
        "required": ["code", "message"],
        "properties": {
            "code": {"enum": ["camera_lost", "session_failed", "interrupted"]},
            "message": {"type": "string"},
        },
    }
    return _object(
        unknown
        | {
            "session": count | {"description": "counts the sessions; 0 before the first"},
            "state": {"enum": ["idle", "running", "finished", "stopped", "failed"]},
            "detail": {"type": "string", "description": "the state in words"},
            "frames_wanted": {"type": ["integer", "null"]},
            **{f"frames_{name}": count for name in ("stacked", "total", "rejected", "waiting")},
            "snr_gain": {"type": "number", "minimum": 0},
            "last_reasons": {"type": "array", "items": {"type": "string"}},
            "preview_number": count | {"description": "changes with the preview"},
            "elapsed_s": {"type": "number", "minimum": 0},
            "left_s": {"type": ["number", "null"]},
            "error": {"anyOf": [fault, {"type": "null"}]},
        }
    )


def _schemas() -> dict[str, Any]:
    report = _report()
    numbers = _status(report)
    picture = {
        "type": ["string", "null"],
        "contentEncoding": "base64",
        "contentMediaType": "image/png",
    }
    text = {"type": "string"}
    error = _object({"code": {"enum": [*REFUSALS]}, "message": text})
    camera = _object({"address": text, "number": {"type": "integer"}, "name": text, "server": text})
    return {
        "Report": report,
        "Numbers": numbers,
        "Status": _object(numbers["properties"] | {"preview_png_b64": picture}),
        "Config": _config(),
        "Error": _object({"error": error}),
        "Frames": _object(
            {
                "frames": {"type": "array", "items": {"$ref": "#/components/schemas/Report"}},
                "total": {"type": "integer", "minimum": 0},
            }
        ),
        "Cameras": _object({"cameras": {"type": "array", "items": camera}}),
    }


SCHEMAS = _schemas()
