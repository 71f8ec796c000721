"""The documented algorithm in plain photutils and SciPy, to compare seestack with.

Sigma-clipped background, DAOStarFinder, the brightest stars; every pair of a reference
star and a frame star proposes a shift, the one with the most inliers wins, the median
of its residuals refines it; `scipy.ndimage.shift` of order 1 and a running sum.
"""

from __future__ import annotations

import numpy as np
from astropy.stats import sigma_clipped_stats
from photutils.detection import DAOStarFinder
from scipy.ndimage import shift as shift_image
from scipy.spatial.distance import cdist

__all__ = ["DocumentedStacker"]


class DocumentedStacker:
    """Stack frames by the documented algorithm, translation only.

    Parameters
    ----------
    detection_fwhm, detection_threshold, max_stars, match_tolerance_px, min_inliers
        As in `seestack.LiveStacker`.
    """

    def __init__(
        self,
        detection_fwhm: float = 4.0,
        detection_threshold: float = 5.0,
        max_stars: int = 60,
        match_tolerance_px: float = 2.0,
        min_inliers: int = 4,
    ) -> None:
        self.detection_fwhm = detection_fwhm
        self.detection_threshold = detection_threshold
        self.max_stars = max_stars
        self.match_tolerance_px = match_tolerance_px
        self.min_inliers = min_inliers
        self.reference_xy: np.ndarray | None = None
        self.total: np.ndarray | None = None
        self.frames_stacked = 0

    def add_frame(self, image: np.ndarray) -> dict[str, object]:
        """Stack one frame; return "accepted", the unrounded "offset" and "inliers"."""
        xy = self.find_stars(image)
        if self.reference_xy is None or self.total is None:
            self.reference_xy = xy
            self.total = image.astype(np.float64)
            self.frames_stacked = 1
            return {"accepted": True, "offset": (0.0, 0.0), "inliers": 0}
        (dx, dy), inliers = self.register(xy)
        if inliers < self.min_inliers:
            return {"accepted": False, "offset": (0.0, 0.0), "inliers": inliers}
        self.total += shift_image(image, (dy, dx), order=1)
        self.frames_stacked += 1
        return {"accepted": True, "offset": (dx, dy), "inliers": inliers}

    def stacked_image(self) -> np.ndarray | None:
        """Return the mean of the frames, shape (H, W); None before the first."""
        return None if self.total is None else (self.total / self.frames_stacked).astype("f4")

    def find_stars(self, image: np.ndarray) -> np.ndarray:
        """Return positions (x, y) of the brightest stars, shape (N, 2)."""
        _, median, std = sigma_clipped_stats(image, sigma=3.0)
        finder = DAOStarFinder(self.detection_threshold * std, self.detection_fwhm)
        table = finder.find_stars(image - median)
        if table is None:
            return np.empty((0, 2))
        table.sort("flux", reverse=True)
        stars = table[: self.max_stars]
        return np.column_stack([stars["x_centroid"], stars["y_centroid"]])

    def register(self, xy: np.ndarray) -> tuple[tuple[float, float], int]:
        """Return the shift (dx, dy) that most stars agree on, and how many do."""
        best, most = np.zeros(2), 0
        if self.reference_xy is None or len(xy) == 0:
            return (0.0, 0.0), 0
        for hypothesis in (self.reference_xy[:, None] - xy[None]).reshape(-1, 2):
            near = cdist(xy + hypothesis, self.reference_xy).min(axis=1)
            inliers = int((near <= self.match_tolerance_px).sum())
            if inliers > most:
                best, most = hypothesis, inliers
        distance = cdist(xy + best, self.reference_xy)
        inlier = distance.min(axis=1) <= self.match_tolerance_px
        partner = self.reference_xy[distance.argmin(axis=1)]
        if inlier.any():
            best = best + np.median((partner - xy - best)[inlier], axis=0)
        return (float(best[0]), float(best[1])), most
