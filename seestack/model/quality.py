"""How good a frame is: its sky, the shape of its stars, and how much light came through."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

__all__ = ["FrameQuality"]

_SIGNIFICANT = 3.0
_SMALLEST_CHANGE = 0.002
# A transparency known no better than this is used as it stands: calling it 1 could be
# far off.
_MAX_ERR = 0.1


@dataclass(frozen=True, slots=True)
class FrameQuality:
    """What one frame is worth; every number is NaN where it is not known.

    Parameters
    ----------
    sky_adu : float
        Level of the sky, with the camera's pedestal where the frame has one.
    sky_sigma_adu : float
        Noise of the sky in one pixel (standard deviation).
    stars : int
        Number of stars detected, limited by the detector's ``max_stars``.
    fwhm_px : float
        Median width of the stars in pixels.
    elongation : float
        Median major over minor axis of the stars, 1 for round ones.
    transparency : float
        Star light relative to the reference frame, 1.0 for the reference itself.
    transparency_err : float
        Standard error of the transparency, 0.0 for the reference.

    Examples
    --------
    >>> cloudy = FrameQuality(stars=22, transparency=0.25, transparency_err=0.002)
    >>> cloudy.flux_scale
    0.25
    >>> FrameQuality(transparency=1.003, transparency_err=0.002).flux_scale
    1.0
    """

    sky_adu: float = np.nan
    sky_sigma_adu: float = np.nan
    stars: int = 0
    fwhm_px: float = np.nan
    elongation: float = np.nan
    transparency: float = np.nan
    transparency_err: float = np.nan

    @property
    def flux_scale(self) -> float:
        """Factor on the light of the stars: 1.0 where it is unknown or may well be 1.

        Within 0.2 % or three standard errors of 1 it is 1, as long as the error is below
        0.1: equal frames stay equal.
        """
        if not (0 < self.transparency < np.inf and self.transparency_err < np.inf):
            return 1.0
        off = abs(self.transparency - 1.0)
        if self.transparency_err < _MAX_ERR and off <= max(
            _SIGNIFICANT * self.transparency_err, _SMALLEST_CHANGE
        ):
            return 1.0
        return self.transparency
