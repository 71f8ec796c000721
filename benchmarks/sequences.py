"""Simulated nights with known truth: sixteen frames of one field, each with one trouble."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np

from seestack import Transform
from seestack.defects import add_light, draw_gradient, draw_hot_pixels, draw_trail
from seestack.simulation import StarField, random_field, simulate_frame

__all__ = ["CASES", "SHAPE", "Night", "Trail", "make_night"]

SHAPE = (900, 1200)
FRAMES = 16
FIELD = random_field(SHAPE, 330, seed=11, margin_px=60)
FWHM_PX = 3.0
SKY_ADU = 800.0
READ_NOISE_E = 5.0
SIGMA_ADU = float(np.sqrt(SKY_ADU + READ_NOISE_E**2))
HOT_PIXELS = 400

Light = Callable[[int], np.ndarray]


@dataclass(frozen=True)
class Trail:
    """A satellite's trail: the frame it crosses, its ends in that frame's pixels."""

    frame: int
    start_xy: tuple[float, float]
    end_xy: tuple[float, float]


@dataclass(frozen=True, eq=False)
class Night:
    """A sequence and its truth; one value a frame where there is a tuple.

    Parameters
    ----------
    frames : list of ndarray of shape (H, W)
        The first is the reference.
    motions : tuple of Transform
        Frame pixels to reference pixels.
    fwhm_px, transparency, sky_adu : tuple of float
        Star size, share of the light that arrives, mean level of the sky.
    ideal : ndarray of shape (H, W)
        The mean of the frames without noise, motion, clouds and defects.
    field : StarField
        The stars, in pixels of the reference.
    clean : list of ndarray, optional
        The same frames without trails.
    trails : tuple of Trail
        What `frames` have and `clean` have not.
    hot_xy : ndarray of shape (N, 2)
        Hot pixels of the sensor.
    """

    frames: list[np.ndarray]
    motions: tuple[Transform, ...]
    fwhm_px: tuple[float, ...]
    transparency: tuple[float, ...]
    sky_adu: tuple[float, ...]
    ideal: np.ndarray
    field: StarField
    clean: list[np.ndarray] | None = None
    trails: tuple[Trail, ...] = ()
    hot_xy: np.ndarray = field(default_factory=lambda: np.empty((0, 2)))


def make_night(
    motions: tuple[Transform, ...],
    *,
    stars: StarField = FIELD,
    shape: tuple[int, int] = SHAPE,
    fwhm_px: tuple[float, ...] | None = None,
    transparency: tuple[float, ...] | None = None,
    sky_adu: tuple[float, ...] | None = None,
    light: Light | None = None,
    seed: int = 0,
) -> Night:
    """Take the frames of a night.

    Parameters
    ----------
    motions : tuple of Transform
        Frame pixels to reference pixels; as many frames are taken.
    stars : StarField
        In pixels of the reference.
    shape : tuple of int
        (row, col) of a frame.
    fwhm_px, transparency, sky_adu : tuple of float, optional
        One value a frame.
    light : callable, optional
        Light (H, W) that falls on the frame of a given index besides.
    seed : int
        Frame n draws its noise from `seed` + n.
    """
    count = len(motions)
    fwhm_px = fwhm_px or (FWHM_PX,) * count
    transparency = transparency or (1.0,) * count
    sky_adu = sky_adu or (SKY_ADU,) * count
    frames = []
    levels = []
    for n, motion in enumerate(motions):
        frame = simulate_frame(
            stars,
            shape,
            transform=motion,
            seed=seed + n,
            fwhm_px=fwhm_px[n],
            transparency=transparency[n],
            sky_adu=sky_adu[n],
            read_noise_e=READ_NOISE_E,
        )
        extra = np.zeros(shape) if light is None else light(n)
        frames.append(frame if light is None else add_light(frame, extra, seed=seed + 5000 + n))
        levels.append(sky_adu[n] + float(extra.mean()))
    widths = dict.fromkeys(fwhm_px)
    ideals = {
        w: simulate_frame(stars, shape, seed=None, fwhm_px=w, sky_adu=SKY_ADU) for w in widths
    }
    ideal = np.mean([ideals[w] for w in fwhm_px], axis=0)
    return Night(frames, motions, fwhm_px, transparency, tuple(levels), ideal, stars)


def about_centre(rotation_deg: float, shift_px: np.ndarray) -> Transform:
    """Return the motion that turns a frame about its centre and displaces the centre."""
    centre = (np.array(SHAPE[::-1]) - 1) / 2
    turned = Transform.rigid(rotation_deg=rotation_deg)(centre[None])[0]
    dx, dy = centre + shift_px - turned
    return Transform.rigid(rotation_deg=rotation_deg, shift_px=(float(dx), float(dy)))


def drifting(
    *, rate_px: tuple[float, float] = (1.7, -0.9), turn_deg: float = 0.0, flip_after: int = FRAMES
) -> tuple[Transform, ...]:
    """Return motions that drift by `rate_px` a frame, with half a pixel of chance each.

    The field turns by `turn_deg` in total, and by half a turn from frame `flip_after` on.
    """
    rng = np.random.default_rng(7)
    motions = [Transform.identity()]
    for n in range(1, FRAMES):
        shift = n * np.array(rate_px) + rng.uniform(-0.5, 0.5, 2)
        turn = turn_deg * n / (FRAMES - 1) + (180.0 if n >= flip_after else 0.0)
        motions.append(about_centre(turn, shift))
    return tuple(motions)


def drift() -> Night:
    return make_night(drifting())


def rotation() -> Night:
    return make_night(drifting(turn_deg=3.0))


def flip() -> Night:
    return make_night(drifting(flip_after=8))


def trails() -> Night:
    night = drift()
    lines = (Trail(0, (-20.0, 130.0), (1220.0, 610.0)), Trail(7, (250.0, -20.0), (930.0, 920.0)))
    frames = list(night.frames)
    for line in lines:
        light = draw_trail(SHAPE, line.start_xy, line.end_xy, peak_adu=40 * SIGMA_ADU, fwhm_px=5.0)
        frames[line.frame] = add_light(frames[line.frame], light, seed=9000 + line.frame)
    return replace(night, frames=frames, clean=night.frames, trails=lines)


def gradient() -> Night:
    def moonlight(n: int) -> np.ndarray:
        return draw_gradient(SHAPE, 15 * SIGMA_ADU * n / (FRAMES - 1), direction_deg=20 + 8.0 * n)

    return make_night(drifting(), light=moonlight)


def clouds() -> Night:
    cloudy = (5, 11)
    return make_night(
        drifting(),
        transparency=tuple(0.25 if n in cloudy else 1.0 for n in range(FRAMES)),
        sky_adu=tuple(SKY_ADU * (3.0 if n in cloudy else 1.0) for n in range(FRAMES)),
    )


def hot_pixels() -> Night:
    hot = draw_hot_pixels(SHAPE, HOT_PIXELS, seed=3)
    night = make_night(drifting(rate_px=(1.1, 0.6), turn_deg=0.3), light=lambda _: hot)
    return replace(night, hot_xy=np.argwhere(hot > 0)[:, ::-1].astype(float))


def seeing() -> Night:
    return make_night(drifting(), fwhm_px=tuple(np.linspace(2.5, 4.0, FRAMES).tolist()))


def dither() -> Night:
    shifts = np.random.default_rng(8).uniform(-10, 10, (FRAMES - 1, 2))
    return make_night((Transform.identity(), *(about_centre(0.0, shift) for shift in shifts)))


CASES: dict[str, Callable[[], Night]] = {
    "drift": drift,
    "rotation": rotation,
    "flip": flip,
    "trails": trails,
    "gradient": gradient,
    "clouds": clouds,
    "hot pixels": hot_pixels,
    "seeing": seeing,
    "dither": dither,
}
