"""The stars of a frame, and their partners in another."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seestack.checks import as_real_array
from seestack.model.arrays import FloatArray, as_positions, frozen
from seestack.model.transform import Transform

__all__ = ["Matches", "Stars"]


@dataclass(frozen=True, slots=True, eq=False)
class Stars:
    """Stars of one frame, brightest first; may be empty.

    Only the positions are needed, so that any detector can be used. What is left
    out is filled with "all alike" (flux 1) or "not known" (NaN).

    Parameters
    ----------
    xy : array_like of shape (N, 2)
        Positions (x, y) in pixels.
    flux : array_like of shape (N,), optional
        Flux in ADU, measured alike for all stars of all frames; `seestack.detect` gives
        the light within 2 FWHM.
    fwhm_px : array_like of shape (N,), optional
        Full width at half maximum in pixels.
    xy_err_px : array_like of shape (N,), optional
        Standard error of a position along one axis, in pixels.
    elongation : array_like of shape (N,), optional
        Major over minor axis of the star image, at least 1.
    flux_err : array_like of shape (N,), optional
        Standard error of the flux in ADU.
    sky_adu : float, optional
        Level of the sky.
    sky_sigma_adu : float, optional
        Noise of the sky in one pixel (standard deviation).

    Raises
    ------
    ValueError
        If `xy` is not of shape (N, 2) or not finite, or if another array differs
        in length.

    Examples
    --------
    >>> stars = Stars([[10.0, 20.0], [30.5, 7.25]])
    >>> len(stars), stars.xy[1].tolist()
    (2, [30.5, 7.25])
    >>> len(Stars([]))
    0
    """

    xy: FloatArray
    flux: FloatArray = None  # type: ignore[assignment]  # filled in __post_init__
    fwhm_px: FloatArray = None  # type: ignore[assignment]
    xy_err_px: FloatArray = None  # type: ignore[assignment]
    elongation: FloatArray = None  # type: ignore[assignment]
    flux_err: FloatArray = None  # type: ignore[assignment]
    sky_adu: float = np.nan
    sky_sigma_adu: float = np.nan

    def __post_init__(self) -> None:
        xy = as_positions("xy", self.xy)
        object.__setattr__(self, "xy", frozen(xy))
        for name, default in (
            ("flux", 1.0),
            ("fwhm_px", np.nan),
            ("xy_err_px", np.nan),
            ("elongation", np.nan),
            ("flux_err", np.nan),
        ):
            given = getattr(self, name)
            values = (
                np.full(len(xy), default)
                if given is None
                else np.array(as_real_array(name, given), np.float64)
            )
            if values.shape != (len(xy),):
                raise ValueError(
                    f"{name} must have one value for each of the {len(xy)} stars, "
                    f"got shape {values.shape}"
                )
            object.__setattr__(self, name, frozen(values))

    def __len__(self) -> int:
        return len(self.xy)


@dataclass(frozen=True, slots=True, eq=False)
class Matches:
    """Star pairs that one hypothesis about the motion explains.

    Parameters
    ----------
    reference, frame : array_like of shape (K,)
        Indices into the two star lists; pair k joins ``reference[k]`` and
        ``frame[k]``.
    transform : Transform, optional
        The hypothesis that won, frame pixels to reference pixels.

    Raises
    ------
    ValueError
        If the indices are not whole numbers from 0 on, or differ in number.

    Examples
    --------
    >>> matches = Matches([0, 1, 2], [0, 2, 1])
    >>> len(matches)
    3
    """

    reference: NDArray[np.intp]
    frame: NDArray[np.intp]
    transform: Transform | None = None

    def __post_init__(self) -> None:
        for name in ("reference", "frame"):
            indices = as_real_array(name, getattr(self, name))
            if indices.size and indices.dtype.kind not in "iu":
                raise ValueError(f"{name} must hold integer indices, got dtype {indices.dtype}")
            if indices.ndim != 1 or (indices < 0).any():
                raise ValueError(f"{name} must be 1-D with indices from 0 on, got {indices!r}")
            object.__setattr__(self, name, frozen(indices.astype(np.intp)))
        if len(self.reference) != len(self.frame):
            raise ValueError(
                "reference and frame must have the same length, "
                f"got {len(self.reference)} and {len(self.frame)}"
            )

    def __len__(self) -> int:
        return len(self.reference)
