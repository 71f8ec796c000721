"""Square cut-outs around pixels, and what the sky adds to them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seestack.model import BoolArray, Image
from seestack.numerics.skymap import SkyMap

__all__ = ["Light", "cut"]


def cut(
    image: NDArray[Any], centres: NDArray[np.intp], half: int, *, outside: float = 0.0
) -> NDArray[Any]:
    """Return square cut-outs (N, S, S) around (row, col) centres (N, 2), S = 2 half + 1.

    Examples
    --------
    >>> picture = np.arange(12.0).reshape(3, 4)
    >>> cut(picture, np.array([[1, 3]]), 1, outside=-1.0)[0].tolist()
    [[2.0, 3.0, -1.0], [6.0, 7.0, -1.0], [10.0, 11.0, -1.0]]
    """
    offsets = np.arange(-half, half + 1)
    rows, cols = centres[:, :1] + offsets, centres[:, 1:] + offsets
    height, width = image.shape
    place = (rows.clip(0, height - 1) * width)[:, :, None] + cols.clip(0, width - 1)[:, None, :]
    stamps = image.reshape(-1).take(place)
    beyond_row, beyond_col = (rows < 0) | (rows >= height), (cols < 0) | (cols >= width)
    if beyond_row.any() or beyond_col.any():
        stamps[beyond_row[:, :, None] | beyond_col[:, None, :]] = outside
    return stamps


@dataclass(frozen=True, slots=True, eq=False)
class Light:
    """An image without its sky, of which only cut-outs are ever made.

    Parameters
    ----------
    pixels : ndarray of shape (H, W), float32
        The image with its sky.
    sky : SkyMap
        Its sky.
    bad : ndarray of bool, shape (H, W), or None
        Pixels that hold no light; None where all are good.
    """

    pixels: Image
    sky: SkyMap
    bad: BoolArray | None

    def around(self, centres: NDArray[np.intp], half: int) -> Image:
        """Return cut-outs (N, S, S); 0 for bad pixels and beyond the edge."""
        light, valid = self.known_around(centres, half)
        light[~valid] = 0.0
        return light

    def known_around(self, centres: NDArray[np.intp], half: int) -> tuple[Image, BoolArray]:
        """Return cut-outs (N, S, S), and True for the pixels that have a value."""
        stamps = cut(self.pixels, centres, half, outside=np.nan)
        valid = np.isfinite(stamps)
        if self.bad is not None:
            valid &= ~cut(self.bad, centres, half)
        return stamps - self.sky.around(centres, half), valid
