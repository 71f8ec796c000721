"""Find what a stack is taken of, and measure how well it stands out of the sky."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from seestack.checks import check_positive
from seestack.model import BoolArray, FloatArray
from seestack.numerics.boxmeans import box_means
from seestack.numerics.noise import NoiseTrack
from seestack.numerics.robust import MAD_TO_SIGMA, sky_level
from seestack.numerics.spread import robust_spread, without_structure

__all__ = ["Target", "TargetSnr", "brightest_region", "target_snr"]

_BOX_PX = 8
# Side, in boxes, of what a target must be wider than: a star's halo is not.
_WIDER_THAN = 3
_SMOOTHING = 1.5
_DETECTION_SIGMA = 5.0
_ROUGHEST = 3.0
_FEWEST_BOXES = 9
# Inner and outer edge of the local sky, in radii of the target beyond its own edge.
_SKY_FROM, _SKY_TO = 0.5, 1.5


@dataclass(frozen=True, slots=True)
class Target:
    """A part of the stack: a circle or a box, see `Target.circle` and `Target.box`.

    Parameters
    ----------
    x, y : float
        Its middle in pixels of the reference.
    width_px, height_px : float
        Its size along x and y.
    kind : {"circle", "box"}
        Its shape.

    Raises
    ------
    ValueError, TypeError
        If a size is not positive, a place not finite, or `kind` unknown.

    Examples
    --------
    >>> Target.circle(120.0, 80.0, 30.0)
    Target(x=120.0, y=80.0, width_px=60.0, height_px=60.0, kind='circle')
    >>> Target.box(10, 20, 110, 60).x
    60.0
    """

    x: float
    y: float
    width_px: float
    height_px: float
    kind: Literal["circle", "box"] = "circle"

    def __post_init__(self) -> None:
        for name in ("width_px", "height_px"):
            check_positive(name, getattr(self, name))
        for name in ("x", "y"):
            if not np.isfinite(getattr(self, name)):
                raise ValueError(f"{name} must be finite, got {getattr(self, name)!r}")
        if self.kind not in ("circle", "box"):
            raise ValueError(f"kind must be 'circle' or 'box', got {self.kind!r}")

    @classmethod
    def circle(cls, x: float, y: float, radius_px: float) -> Target:
        """Return a circle about (x, y)."""
        check_positive("radius_px", radius_px)
        return cls(float(x), float(y), 2.0 * radius_px, 2.0 * radius_px)

    @classmethod
    def box(cls, x0: float, y0: float, x1: float, y1: float) -> Target:
        """Return the box between two opposite corners."""
        return cls((x0 + x1) / 2, (y0 + y1) / 2, abs(x1 - x0), abs(y1 - y0), "box")

    @property
    def radius_px(self) -> float:
        """Radius of the circle of the same area."""
        area = self.width_px * self.height_px
        return float(np.sqrt(area / np.pi) if self.kind == "box" else np.sqrt(area) / 2)

    def covers(self, x: FloatArray, y: FloatArray) -> BoolArray:
        """Return True for the places that lie within, for x and y of equal shape."""
        across, down = (x - self.x) / self.width_px * 2, (y - self.y) / self.height_px * 2
        if self.kind == "box":
            return (np.abs(across) <= 1) & (np.abs(down) <= 1)
        return across**2 + down**2 <= 1


@dataclass(frozen=True, slots=True)
class TargetSnr:
    """How well a target stands out.

    Parameters
    ----------
    snr : float
        `signal_adu` over `noise_adu`; NaN where one is not known.
    signal_adu : float
        Mean surface brightness of the target above the local sky, in ADU per pixel.
    noise_adu : float
        Its standard error.
    """

    snr: float
    signal_adu: float
    noise_adu: float


def brightest_region(image: ArrayLike) -> Target | None:
    """Return the brightest extended region of a stack: a nebula, a galaxy, a cluster's glow.

    Parameters
    ----------
    image : array_like of shape (H, W) or (H, W, 3)
        The stack in ADU; may contain NaN.

    Returns
    -------
    Target or None
        A circle about the part above half the height of the brightest region, of the
        same area. None where nothing wider than 24 pixels stands out of the sky by 5
        sigma over at least 9 boxes of 8 x 8 pixels.

    Raises
    ------
    ValueError
        If `image` is no image.

    Notes
    -----
    Means of boxes lose what is narrower than 3 x 3 of them to a morphological opening,
    stars with their halos. The sky is a quadratic surface fitted to what is dark.

    Examples
    --------
    >>> y, x = np.mgrid[:300, :400]
    >>> glow = 40 * np.exp(-((x - 250) ** 2 + (y - 120) ** 2) / (2 * 30**2))
    >>> noise = np.random.default_rng(0).normal(500.0, 10.0, glow.shape)
    >>> found = brightest_region(glow + noise)
    >>> abs(found.x - 250) < 4, abs(found.y - 120) < 4, 30 < found.radius_px < 42
    (True, True, True)
    >>> brightest_region(noise) is None
    True
    """
    from scipy import ndimage  # takes longer to import than a frame to stack

    boxes = box_means(image, _BOX_PX)
    known = np.isfinite(boxes)
    if min(boxes.shape) < 2 * _WIDER_THAN or known.mean() < 0.1:
        return None
    light = boxes - _quadratic_sky(boxes, known)
    nearest = ndimage.distance_transform_edt(~known, return_distances=False, return_indices=True)
    opened = ndimage.grey_opening(light[tuple(nearest)], size=(_WIDER_THAN, _WIDER_THAN))
    smooth = ndimage.gaussian_filter(opened, _SMOOTHING, mode="nearest")
    level, noise = sky_level(smooth[known])
    # A nebula that fills the frame leaves no sky to measure; its roughness limits the noise.
    rough = robust_spread((smooth - ndimage.uniform_filter(smooth, 5))[known])
    noise = min(noise, _ROUGHEST * rough)
    smooth = np.where(known, smooth - level, 0.0)
    regions, count = ndimage.label(smooth > _DETECTION_SIGMA * noise)
    index = np.arange(1, count + 1)
    large = index[ndimage.sum_labels(np.ones_like(smooth), regions, index) >= _FEWEST_BOXES]
    if large.size == 0:
        return None
    brightest = large[np.argmax(ndimage.sum_labels(smooth, regions, large))]
    inside = np.where(regions == brightest, smooth, 0.0)
    parts, _ = ndimage.label(inside > inside.max() / 2)
    core = parts == parts[np.unravel_index(np.argmax(inside), inside.shape)]
    row, col = ndimage.center_of_mass(core)
    radius = np.sqrt(core.sum() / np.pi) * _BOX_PX
    x, y = _centre(np.array([col, row]), _BOX_PX)
    return Target.circle(float(x), float(y), float(radius))


def target_snr(track: NoiseTrack, target: Target) -> TargetSnr:
    r"""Measure the SNR of a target's mean surface brightness against the local sky.

    Parameters
    ----------
    track : NoiseTrack
        The frames of the stack.
    target : Target
        Where to measure, in pixels of the reference.

    Returns
    -------
    TargetSnr
        All NaN where the target or the sky around it has no box of the track that
        nearly all frames cover; SNR and noise are NaN for a single frame, and where
        the noise is not known.

    Notes
    -----
    :math:`\mathrm{SNR} = (T - S) / \sqrt{\sigma_T^2 / n_T + \sigma_S^2 / n_S}`:
    T is the mean of the target's :math:`n_T` boxes, S that of the :math:`n_S` boxes
    from 0.5 to 1.5 radii beyond its edge, both without boxes that hold a star. The
    noise :math:`\sigma` of a box is `stack_noise`, times how much more the parts of the
    stack scatter in the target, or in its sky, than everywhere: a bright nebula is
    noisier than the sky. What is left of the noise in the mean of many boxes is taken
    to fall with the root of their number.

    Examples
    --------
    >>> y, x = np.mgrid[:300, :400]
    >>> disc = 20.0 * ((x - 250) ** 2 + (y - 120) ** 2 < 40**2)
    >>> noise = np.random.default_rng(0).normal(500.0, 10.0, (9, *disc.shape))
    >>> track = NoiseTrack.start(disc + noise[0])
    >>> for frame in disc + noise[1:]:
    ...     track = track.with_frame(frame)
    >>> measured = target_snr(track, Target.circle(250, 120, 36))
    >>> 19.5 < measured.signal_adu < 20.5, 0.05 < measured.noise_adu < 0.07
    (True, True)
    """
    from scipy import ndimage  # takes longer to import than a frame to stack

    starless = track.starless
    noise, mean = track.halves()
    y, x = _centre(np.indices(mean.shape).astype(np.float64), track.box_px)
    inside = target.covers(x, y)
    if not (inside & starless).any():
        return TargetSnr(np.nan, np.nan, np.nan)
    beyond = ndimage.distance_transform_edt(~inside) * track.box_px / target.radius_px
    around = (beyond > _SKY_FROM) & (beyond <= _SKY_TO)
    if not (around & starless).any():
        return TargetSnr(np.nan, np.nan, np.nan)
    signal = float(mean[inside & starless].mean() - _clipped_mean(mean[around & starless]))
    scatter = np.stack([without_structure(d, mean, starless) for d in track.deviations()])
    whole = robust_spread(without_structure(noise, mean, starless))
    shares = [_relative(scatter, part) ** 2 / (part & starless).sum() for part in (inside, around)]
    error = float(whole * np.sqrt(sum(shares)))
    return TargetSnr(signal / error if error > 0 else float("nan"), signal, error)


def _centre(box: FloatArray, box_px: int) -> FloatArray:
    """Return the position of a box's centre in pixels."""
    return box * box_px + (box_px - 1) / 2


def _relative(scatter: FloatArray, part: BoolArray) -> float:
    """Return the noise in a part over that everywhere; 1 where the part is too small."""
    inside, everywhere = robust_spread(scatter[:, part]), robust_spread(scatter)
    return inside / everywhere if everywhere > 0 and inside > 0 else 1.0


def _clipped_mean(values: FloatArray) -> float:
    """Return the mean of what lies within 3 sigma of the median."""
    off = np.abs(values - np.median(values))
    return float(values[off <= 3 * MAD_TO_SIGMA * np.median(off)].mean())


def _quadratic_sky(boxes: FloatArray, known: BoolArray) -> FloatArray:
    """Return the surface of second order through the dark boxes, (h, w)."""
    x, y = np.meshgrid(*(np.linspace(-1, 1, n) for n in boxes.shape[::-1]))
    terms = np.stack([np.ones_like(x), x, y, x * y, x**2, y**2], axis=-1)
    dark, sky = known, boxes
    for _ in range(6):
        sky = terms @ np.linalg.lstsq(terms[dark], boxes[dark])[0]
        off = np.where(known, boxes - sky, 0.0)
        width = MAD_TO_SIGMA * np.median(np.abs(off[dark]))
        dark = known & (np.abs(off) <= 2.5 * width)
    return sky
