"""What spoils a frame: satellite trails, hot pixels and gradients, each with its noise.

Each ``draw_`` function returns light in ADU with nothing else in the picture;
`add_light` lays it over a frame. The sum of two Poisson counts is a Poisson count, so
a frame and the same frame with a defect differ by the defect and its own noise alone.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from seestack.checks import as_image, check_positive
from seestack.model import FloatArray, as_positions

__all__ = ["add_light", "distance_to_line", "draw_gradient", "draw_hot_pixels", "draw_trail"]


def add_light(
    frame: ArrayLike,
    light_adu: ArrayLike,
    *,
    seed: int | None = 0,
    gain_e_per_adu: float = 1.0,
    saturation_adu: float = 65535.0,
) -> NDArray[np.float32]:
    """Lay light over a frame, with the Poisson noise of that light.

    Parameters
    ----------
    frame : array_like of shape (H, W)
        In ADU.
    light_adu : array_like of shape (H, W)
        Expected light, not negative.
    seed : int or None, default 0
        Seed of the noise; None adds the expected light without noise. Must differ from
        frame to frame for the noise to differ.
    gain_e_per_adu : float, default 1
        Electrons per ADU.
    saturation_adu : float, default 65535
        Pixels are clipped here.

    Returns
    -------
    ndarray of shape (H, W), float32
        A new array; pixels without light keep their values.

    Raises
    ------
    ValueError
        If the shapes differ, or the light is negative or NaN somewhere.

    Examples
    --------
    >>> light = draw_hot_pixels((30, 40), 3, seed=1)
    >>> spoiled = add_light(np.full((30, 40), 800.0), light)
    >>> int((spoiled > 900).sum())
    3
    """
    before, light = as_image("frame", frame), as_image("light_adu", light_adu)
    check_positive("gain_e_per_adu", gain_e_per_adu)
    if before.shape != light.shape:
        raise ValueError(
            f"light_adu must have the shape of frame, {before.shape}, got {light.shape}"
        )
    if not (light >= 0).all():
        raise ValueError("light_adu must not be negative or NaN; draw dark defects otherwise")
    expected_e = light.astype(np.float64) * gain_e_per_adu
    electrons = expected_e if seed is None else np.random.default_rng(seed).poisson(expected_e)
    return np.minimum(before + electrons / gain_e_per_adu, saturation_adu).astype(np.float32)


def draw_trail(
    shape: tuple[int, int],
    start_xy: tuple[float, float],
    end_xy: tuple[float, float],
    *,
    peak_adu: float,
    fwhm_px: float = 3.0,
) -> FloatArray:
    r"""Draw the trail of a satellite or an aeroplane.

    Parameters
    ----------
    shape : tuple of int
        (row, col) of the image.
    start_xy, end_xy : tuple of float
        Both ends (x, y) in pixels; may lie outside of the image.
    peak_adu : float
        Light of a pixel on the line.
    fwhm_px : float, default 3.0
        Width across the line.

    Returns
    -------
    ndarray of shape `shape`, float64
        :math:`p\,2^{-(2d/w)^2}` with the distance d from the line, the peak p and the
        width w: a Gaussian across, with round ends.

    Examples
    --------
    >>> trail = draw_trail((40, 60), (-5.0, 20.0), (70.0, 20.0), peak_adu=100.0, fwhm_px=4.0)
    >>> trail[20, 30], trail[22, 30], trail[18, 0]
    (np.float64(100.0), np.float64(50.0), np.float64(50.0))
    """
    check_positive("peak_adu", peak_adu)
    check_positive("fwhm_px", fwhm_px)
    row, col = np.indices(shape)
    distance = distance_to_line(np.column_stack([col.ravel(), row.ravel()]), start_xy, end_xy)
    return peak_adu * np.exp2(-((2 * distance / fwhm_px) ** 2)).reshape(shape)


def distance_to_line(
    xy: ArrayLike, start_xy: tuple[float, float], end_xy: tuple[float, float]
) -> FloatArray:
    """Return how far positions lie from the line between two points.

    Parameters
    ----------
    xy : array_like of shape (N, 2)
        Positions (x, y) in pixels.
    start_xy, end_xy : tuple of float
        Both ends (x, y) of the line.

    Returns
    -------
    ndarray of shape (N,)
        In pixels; the distance from the nearer end for a position beyond it.

    Raises
    ------
    ValueError
        If the two ends are the same point.

    Examples
    --------
    >>> distance_to_line([[5.0, 2.0], [13.0, 4.0]], (0.0, 0.0), (10.0, 0.0)).tolist()
    [2.0, 5.0]
    """
    position = as_positions("xy", xy)
    start = np.asarray(start_xy, np.float64)
    along = np.asarray(end_xy, np.float64) - start
    length_sq = float(along @ along)
    if length_sq == 0:
        raise ValueError(f"start_xy and end_xy must differ, got {tuple(start_xy)} twice")
    share = np.clip((position - start) @ along / length_sq, 0.0, 1.0)
    return np.linalg.norm(position - start - share[:, None] * along, axis=1)


def draw_hot_pixels(
    shape: tuple[int, int],
    count: int,
    *,
    seed: int = 0,
    faintest_adu: float = 300.0,
    brightest_adu: float = 5_000.0,
) -> FloatArray:
    """Draw pixels with a strong dark current, the same for equal seeds.

    Parameters
    ----------
    shape : tuple of int
        (row, col) of the sensor.
    count : int
        Number of hot pixels, no two the same.
    seed : int, default 0
        Where they are and how bright.
    faintest_adu, brightest_adu : float
        Limits of their light, which is spread evenly in its logarithm.

    Returns
    -------
    ndarray of shape `shape`, float64
        Zero but for the hot pixels.

    Raises
    ------
    ValueError
        If there are fewer pixels than `count`.

    Examples
    --------
    >>> light = draw_hot_pixels((30, 40), 25, seed=4)
    >>> int(np.count_nonzero(light)), bool(300 <= light[light > 0].min() <= light.max() <= 5000)
    (25, True)
    """
    rows, cols = shape
    if not 0 <= count <= rows * cols:
        raise ValueError(f"count must lie from 0 to the {rows * cols} pixels, got {count}")
    check_positive("faintest_adu", faintest_adu)
    check_positive("brightest_adu", brightest_adu)
    rng = np.random.default_rng(seed)
    light = np.zeros(rows * cols)
    chosen = rng.choice(rows * cols, count, replace=False)
    light[chosen] = np.exp(rng.uniform(np.log(faintest_adu), np.log(brightest_adu), count))
    return light.reshape(shape)


def draw_gradient(
    shape: tuple[int, int], rise_adu: float, *, direction_deg: float = 0.0
) -> FloatArray:
    """Draw a plane of light, as the Moon or a town gives it.

    Parameters
    ----------
    shape : tuple of int
        (row, col) of the image.
    rise_adu : float
        How much brighter the brightest corner is than the darkest, which is 0.
    direction_deg : float, default 0
        Where it rises to, from +x towards +y.

    Returns
    -------
    ndarray of shape `shape`, float64
        In ADU.

    Examples
    --------
    >>> plane = draw_gradient((3, 5), 8.0)
    >>> plane[1].tolist(), plane[2].tolist()
    ([0.0, 2.0, 4.0, 6.0, 8.0], [0.0, 2.0, 4.0, 6.0, 8.0])
    """
    row, col = np.indices(shape)
    angle = np.deg2rad(direction_deg)
    height = np.cos(angle) * col + np.sin(angle) * row
    span = float(np.ptp(height))
    return rise_adu * (height - height.min()) / (span or 1.0)
