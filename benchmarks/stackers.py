"""Three stackers behind one call: the documented algorithm, the package seiza, seestack."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from documented import DocumentedStacker

from seestack import Frame, LiveStacker, Transform, luminance

__all__ = ["STACKERS", "Result"]


@dataclass(frozen=True)
class Result:
    """What a stacker made of a sequence.

    Parameters
    ----------
    image : ndarray of shape (H, W)
        The stack; NaN where it has no value.
    transforms : tuple of Transform or None
        One for each frame, frame to reference pixels; None for a rejected frame.
    reasons : tuple of str
        Why frames were rejected.
    """

    image: np.ndarray
    transforms: tuple[Transform | None, ...]
    reasons: tuple[str, ...] = ()

    @property
    def accepted(self) -> tuple[int, ...]:
        """Indices of the stacked frames."""
        return tuple(n for n, motion in enumerate(self.transforms) if motion is not None)


def by_documented(frames: list[Any]) -> Result:
    """Stack by the algorithm of `documented`."""
    stacker = DocumentedStacker()
    infos = [stacker.add_frame(light_of(frame)) for frame in frames]
    return Result(
        stacker.stacked_image(),
        tuple(Transform.rigid(shift_px=i["offset"]) if i["accepted"] else None for i in infos),
        tuple(f"{i['inliers']} stars agree" for i in infos if not i["accepted"]),
    )


def by_seiza(frames: list[Any]) -> Result:
    """Stack by seiza's defaults, but at any rotation."""
    import seiza

    options = seiza.StackOptions(maximum_rotation_degrees=180.0)
    stacker = seiza.LiveStacker.from_array(light_of(frames[0]), options=options)
    found = [stacker.push(light_of(frame)) for frame in frames[1:]]
    transforms = [similarity(f.mapping["transform"]) if f.accepted else None for f in found]
    return Result(
        stacker.snapshot().image,
        (Transform.identity(), *transforms),
        tuple(str(f.reason) for f in found if not f.accepted),
    )


def by_seestack(frames: list[Any]) -> Result:
    """Stack by seestack's defaults, the luminance of a colour frame as the others do."""
    stacker = LiveStacker()
    transforms: list[Transform | None] = []
    reasons: list[str] = []
    for frame in frames:
        info = stacker.add_frame(light_of(frame))
        placed = stacker.last_registration
        if not info["accepted"]:
            reasons.append(info["reason"])
            transforms.append(None)
        else:
            transforms.append(Transform.identity() if placed is None else placed.transform)
    return Result(stacker.stacked_image(), tuple(transforms), tuple(reasons))


def light_of(frame: Frame | np.ndarray) -> np.ndarray:
    """Return one plane of float32, shape (H, W): the luminance of a colour frame."""
    if isinstance(frame, Frame):
        return luminance(frame.image, frame.bayer)
    return np.ascontiguousarray(frame, np.float32)


def similarity(values: dict[str, float]) -> Transform:
    """Return seiza's scale, rotation and translation as a transform."""
    scale, angle = values["scale"], values["rotation_radians"]
    cos, sin = scale * np.cos(angle), scale * np.sin(angle)
    shift = values["translation_x"], values["translation_y"]
    return Transform(np.array([[cos, -sin, shift[0]], [sin, cos, shift[1]], [0, 0, 1]]))


STACKERS: dict[str, Callable[[list[Any]], Result]] = {
    "documented": by_documented,
    "seiza": by_seiza,
    "seestack": by_seestack,
}
