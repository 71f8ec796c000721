"""A camera with known faults: bias, dark current, vignetting, dead and hot pixels."""

import numpy as np

from seestack import Frame

SHAPE = (90, 140)
READ_NOISE = 4.0


def bias_level(shape=SHAPE):
    """Return columns of different level."""
    return 300.0 + np.tile(6.0 * np.sin(np.arange(shape[1]) / 3), (shape[0], 1))


def dark_current(shape=SHAPE):
    """Return ADU per second: an amplifier glow in one corner and 20 hot pixels."""
    rows, cols = np.indices(shape)
    current = 0.5 + 4.0 * np.exp(-np.hypot(rows, cols) / 30)
    rng = np.random.default_rng(5)
    current[tuple(rng.integers(8, n - 8, 20) for n in shape)] += 60.0
    return current


def vignetting(shape=SHAPE):
    """Return the share of the light that arrives, 1 in the centre and 0.45 in the corners."""
    rows, cols = (np.linspace(-1, 1, n) for n in shape)
    return 1 - 0.275 * (rows[:, None] ** 2 + cols[None] ** 2)


def coloured(image, bayer, red=0.5, green=1.0, blue=0.7):
    """Return what a mosaic of three transmissions lets through."""
    image = np.array(image, float)
    for site, colour in enumerate(bayer or ""):
        row, col = divmod(site, 2)
        image[row::2, col::2] *= {"R": red, "G": green, "B": blue}[colour]
    return image


def exposed(light=0.0, *, exposure_s=10.0, seed=0, shape=SHAPE, bayer=None, **cards):
    """Return a frame of `light` ADU as this camera takes it, read noise included."""
    level = bias_level(shape) + dark_current(shape) * exposure_s + light
    noise = np.random.default_rng(seed).normal(0.0, READ_NOISE, shape)
    header = {"GAIN": 80, "CCD-TEMP": 20.0, **cards}
    return Frame((level + noise).astype(np.float32), exposure_s, bayer=bayer, header=header)
