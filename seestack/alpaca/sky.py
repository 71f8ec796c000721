"""The sky over the simulated telescope: what it shows and how it moves.

A `Sky` is a list of options; everything about an exposure follows from them, the
number of the exposure and its time. `Sky.view` is that truth, and `scene` draws it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from seestack.model import FloatArray, Transform

__all__ = ["Sky", "View"]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class View:
    """The truth about one exposure.

    Parameters
    ----------
    index : int
        Number of the exposure, from 0.
    time_s : float
        Its start, in seconds after the first one's.
    exposure_s : float
        Exposure time in seconds.
    transform : Transform
        Frame pixels to the pixels of exposure 0: what a registration must find.
    fwhm_px : float
        Width of the star images.
    cloud_phase : float
        Where the cloud stands, in its own widths; 0 when it is in the middle of the
        frame.
    transparency : float
        Part of the light that reaches the middle of the frame.
    satellite : tuple of float or None
        (x0, y0, x1, y1): two points of a satellite's trail, in frame pixels.
    """

    index: int
    time_s: float
    exposure_s: float
    transform: Transform
    fwhm_px: float
    cloud_phase: float
    transparency: float
    satellite: tuple[float, float, float, float] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sky:
    """What the simulated telescope sees; zero or None switches a thing off.

    Parameters
    ----------
    shape : tuple of int, default (1920, 1080)
        (row, col) of a frame, both even.
    bayer : {"GRBG", "RGGB", "GBRG", "BGGR"} or None, default "GRBG"
        Colours of the sensor's first 2x2 cell; None for a monochrome sensor.
    seed : int, default 0
        Equal skies give equal frames.
    n_stars : int, default 1200
        Stars in a frame, most of them too faint to be seen in a single one.
    target : {"nebula", "galaxy"} or None, default "nebula"
        What lies in the middle.
    target_adu_per_s : float, default 30
        Its brightness, per pixel.
    sky_adu_per_s : float, default 24
        Brightness of the sky in a green pixel.
    gradient : float, default 0.35
        Light pollution: change of the sky's brightness across the frame.
    rotation_deg_per_min : float, default 0.3
        Field rotation of an alt-az mount.
    drift_px_per_min : tuple of float, default (3.0, -2.0)
        (x, y) motion of the stars through the frame.
    dither_px, dither_every : float and int, default 8 and 5
        The mount moves by up to so much after every so many exposures.
    wander_px : float, default 0.3
        Random motion from exposure to exposure (standard deviation).
    fwhm_px : float, default 2.6
        Width of the star images.
    seeing_change : float, default 0.12
        Relative change of that width, slow and from exposure to exposure.
    hot_pixels : int, default 300
        Pixels that give too much, at fixed places of the sensor.
    satellite_rate : float, default 0.1
        Chance that a satellite crosses an exposure.
    cloud : float, default 0.8
        Optical depth of a cloud that passes now and then.
    cloud_every_s : float, default 600
        Time from one cloud to the next; the first comes after a third of it.
    noise : bool, default True
        Photon and read noise.

    Raises
    ------
    ValueError
        If `shape` is not even.

    Examples
    --------
    >>> sky = Sky(rotation_deg_per_min=0.6, drift_px_per_min=(0.0, 0.0), wander_px=0.0)
    >>> view = sky.view(3, time_s=30.0, exposure_s=10.0)
    >>> round(view.transform.rotation_deg, 6)
    0.3
    >>> sky.view(0, time_s=0.0, exposure_s=10.0).transform.offset_px(sky.shape)
    (0.0, 0.0)
    """

    shape: tuple[int, int] = (1920, 1080)
    bayer: str | None = "GRBG"
    seed: int = 0
    n_stars: int = 1200
    target: Literal["nebula", "galaxy"] | None = "nebula"
    target_adu_per_s: float = 30.0
    sky_adu_per_s: float = 24.0
    gradient: float = 0.35
    rotation_deg_per_min: float = 0.3
    drift_px_per_min: tuple[float, float] = (3.0, -2.0)
    dither_px: float = 8.0
    dither_every: int = 5
    wander_px: float = 0.3
    fwhm_px: float = 2.6
    seeing_change: float = 0.12
    hot_pixels: int = 300
    satellite_rate: float = 0.1
    cloud: float = 0.8
    cloud_every_s: float = 600.0
    noise: bool = True

    def __post_init__(self) -> None:
        if min(self.shape) < 2 or any(side % 2 for side in self.shape):
            raise ValueError(f"shape must be even and at least (2, 2), got {self.shape}")

    def view(self, index: int, *, time_s: float, exposure_s: float) -> View:
        """Return the truth about an exposure.

        Parameters
        ----------
        index : int
            Number of the exposure, from 0.
        time_s : float
            Its start, in seconds after the first one's.
        exposure_s : float
            Exposure time in seconds.

        Returns
        -------
        View
            Equal arguments give equal views.
        """
        rng = np.random.default_rng((self.seed, 1, index))
        wander = rng.normal(0.0, self.wander_px, 2) * (index > 0)
        phase = self._cloud_phase(time_s + exposure_s / 2)
        return View(
            index=index,
            time_s=time_s,
            exposure_s=exposure_s,
            transform=self._transform(index, time_s, wander),
            fwhm_px=self._fwhm_px(time_s, rng),
            cloud_phase=phase,
            transparency=math.exp(-self.cloud * math.exp(-(phase**2))),
            satellite=self._satellite(rng),
        )

    def _transform(self, index: int, time_s: float, wander_px: FloatArray) -> Transform:
        """Return frame to first frame: undo drift and dither, then turn about the middle."""
        minutes = time_s / 60
        moved = np.multiply(self.drift_px_per_min, minutes) + self._dither(index) + wander_px
        centre = np.array([(self.shape[1] - 1) / 2, (self.shape[0] - 1) / 2])
        turn = Transform.rigid(rotation_deg=self.rotation_deg_per_min * minutes)
        shift = centre - turn((centre + moved)[None])[0]
        return Transform.rigid(
            rotation_deg=self.rotation_deg_per_min * minutes,
            shift_px=(float(shift[0]), float(shift[1])),
        )

    def _dither(self, index: int) -> FloatArray:
        block = index // self.dither_every if self.dither_every else 0
        if block == 0:
            return np.zeros(2)
        radius, angle = np.random.default_rng((self.seed, 2, block)).uniform(0, 1, 2)
        angle *= 2 * np.pi
        reach_px = self.dither_px * math.sqrt(radius)
        return np.array([reach_px * math.cos(angle), reach_px * math.sin(angle)])

    def _fwhm_px(self, time_s: float, rng: np.random.Generator) -> float:
        slow = math.sin(2 * math.pi * time_s / 420.0)
        return self.fwhm_px * math.exp(self.seeing_change * (0.7 * slow + 0.3 * rng.normal()))

    def _cloud_phase(self, middle_s: float) -> float:
        if not (self.cloud and self.cloud_every_s):
            return math.inf
        since_s = (middle_s - self.cloud_every_s / 3) % self.cloud_every_s
        nearest_s = min(since_s, since_s - self.cloud_every_s, key=abs)
        return 25.0 * nearest_s / self.cloud_every_s

    def _satellite(self, rng: np.random.Generator) -> tuple[float, float, float, float] | None:
        crosses = rng.uniform() < self.satellite_rate
        rows, cols = self.shape
        x, y, angle = rng.uniform(0, 1, 3) * (cols - 1, rows - 1, np.pi)
        reach = math.hypot(rows, cols)
        dx, dy = reach * math.cos(angle), reach * math.sin(angle)
        return (x - dx, y - dy, x + dx, y + dy) if crosses else None
