"""Square cut-outs around pixels, without what the sky adds to them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seestack.compiled import stamps
from seestack.model import BoolArray, Image, Raw
from seestack.numerics.skymap import SkyMap

__all__ = ["Light"]


@dataclass(frozen=True, slots=True, eq=False)
class Light:
    """An image without its sky, of which only cut-outs are ever made.

    Parameters
    ----------
    pixels : ndarray of shape (H, W), float32 or uint16
        The image with its sky.
    sky : SkyMap
        Its sky.
    bad : ndarray of bool, shape (H, W), or None
        Pixels that hold no light; None where all are good.

    Examples
    --------
    >>> sky = SkyMap(np.full((3, 3), 7.0, np.float32), (3, 4), (3, 4))
    >>> light = Light(np.arange(12, dtype=np.float32).reshape(3, 4), sky, None)
    >>> light.around(np.array([[1, 3]]), 1)[0].tolist()
    [[-5.0, -4.0, 0.0], [-1.0, 0.0, 0.0], [3.0, 4.0, 0.0]]
    """

    pixels: Raw
    sky: SkyMap
    bad: BoolArray | None

    def around(self, centres: NDArray[np.intp], half: int) -> Image:
        """Return cut-outs (N, S, S), S = 2 half + 1, around (row, col) centres (N, 2).

        0 for bad pixels and beyond the edge.
        """
        return self.known_around(centres, half)[0]

    def known_around(self, centres: NDArray[np.intp], half: int) -> tuple[Image, BoolArray]:
        """Return the same, and True for the pixels that have a value.

        The sky of a cut-out is bilinear between its corners.
        """
        shape = (len(centres), 2 * half + 1, 2 * half + 1)
        light, valid = np.empty(shape, np.float32), np.empty(shape, bool)
        stamps.cut_out(
            self.pixels,
            None if self.bad is None else self.bad.view(np.uint8),
            self.sky.levels,
            *self.sky.pitch,
            np.ascontiguousarray(centres),
            light,
            valid.view(np.uint8),
        )
        return light, valid
