"""Measure how good a frame is."""

from __future__ import annotations

import numpy as np

from seestack.model import Stars

__all__ = ["median_fwhm"]


def median_fwhm(stars: Stars) -> float:
    """Return the median width of the stars in pixels; NaN where none is known.

    Examples
    --------
    >>> median_fwhm(Stars([[1.0, 2.0], [8.0, 3.0]], fwhm_px=[2.5, 3.0]))
    2.75
    """
    known = stars.fwhm_px[np.isfinite(stars.fwhm_px)]
    return float(np.median(known)) if known.size else float("nan")
