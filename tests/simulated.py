"""Known truth for the tests: motions, fields, defects and bad input."""

import numpy as np

from seestack import Transform

SHAPE = (500, 700)


def turn(shape, rotation_deg=0.0, shift_px=(0.0, 0.0)):
    """Return the motion that turns a frame about its centre and displaces the centre."""
    centre = np.array([(shape[1] - 1) / 2, (shape[0] - 1) / 2])
    about_origin = Transform.rigid(rotation_deg=rotation_deg)
    shift = centre + shift_px - about_origin(centre[None])[0]
    return Transform.rigid(rotation_deg=rotation_deg, shift_px=(float(shift[0]), float(shift[1])))


def distance_px(xy, others):
    """Return the distance from each position to the nearest of `others`, inf without any."""
    xy, others = np.reshape(xy, (-1, 2)), np.reshape(others, (-1, 2))
    if len(others) == 0:
        return np.full(len(xy), np.inf)
    return np.linalg.norm(xy[:, None] - others[None], axis=2).min(axis=1)


def spaced(rng, shape, count, *, apart_px=30.0, margin_px=20.0):
    """Return `count` positions (x, y) that keep away from each other and from the edge."""
    xy = np.empty((0, 2))
    while len(xy) < count:
        new = rng.uniform(margin_px, np.array(shape[::-1]) - 1 - margin_px)
        if distance_px(new, xy)[0] >= apart_px:
            xy = np.vstack([xy, new])
    return xy


def share_within(radius, beta):
    """Return the share of a Moffat profile's light within `radius`, in units of its FWHM."""
    return 1 - (1 + 4 * radius**2 * (2 ** (1 / beta) - 1)) ** (1 - beta)


# What is no image: argument, error type, words in the message.
NO_IMAGES = {
    "empty": (np.empty((0, 5)), r"2-D array of shape \(H, W\), got shape \(0, 5\)"),
    "1-D": (np.zeros(5), r"2-D array of shape \(H, W\), got shape \(5,\)"),
    "3-D": (np.zeros((3, 20, 30)), r"2-D array of shape \(H, W\), got shape \(3, 20, 30\)"),
    "4-D": (np.zeros((2, 3, 20, 30)), "2-D array of shape"),
    "objects": (np.full((20, 30), None), "real numbers, got dtype object"),
    "strings": (np.full((20, 30), "a"), "real numbers, got dtype <U1"),
    "complex": (np.zeros((20, 30), complex), "real numbers, got dtype complex128"),
    "dates": (np.zeros((20, 30), "M8[s]"), "real numbers, got dtype datetime64"),
    "truth values": (np.zeros((20, 30), bool), "real numbers, got dtype bool"),
    "nothing": (None, "real numbers, got dtype object"),
    "a number": (3.0, r"2-D array of shape \(H, W\), got shape \(\)"),
    "ragged rows": ([[1.0, 2.0], [3.0]], "rows of different lengths"),
}
# What is no list of positions.
NO_POSITIONS = {
    "1-D": ([1.0, 2.0, 3.0], r"shape \(N, 2\), got \(3,\)"),
    "three columns": (np.zeros((5, 3)), r"shape \(N, 2\), got \(5, 3\)"),
    "3-D": (np.zeros((2, 3, 2)), r"shape \(N, 2\), got \(2, 3, 2\)"),
    "NaN": (np.full((5, 2), np.nan), "NaN or inf"),
    "infinite": (np.full((5, 2), np.inf), "NaN or inf"),
    "objects": (np.full((5, 2), None), "real numbers, got dtype object"),
    "strings": (np.full((5, 2), "a"), "real numbers, got dtype <U1"),
    "complex": (np.zeros((5, 2), complex), "real numbers, got dtype complex128"),
    "nothing": (None, "real numbers, got dtype object"),
    "ragged rows": ([[1.0, 2.0], [3.0]], "rows of different lengths"),
}
# What no option that must be a positive number may be.
NOT_POSITIVE = (
    (0, ValueError, "must be positive, got 0"),
    (-2.5, ValueError, "must be positive, got -2.5"),
    (float("nan"), ValueError, "must be positive, got nan"),
    (float("inf"), ValueError, "must be finite, got inf"),
    ("4", TypeError, "must be a (real|whole) number, got '4'"),
    (None, TypeError, "must be a (real|whole) number, got None"),
    (True, TypeError, "must be a (real|whole) number, got True"),
    (1j, TypeError, "must be a (real|whole) number, got 1j"),
)
# The same for whole numbers.
NOT_COUNTS = (
    (0, ValueError, "must be positive, got 0"),
    (-3, ValueError, "must be positive, got -3"),
    (2.5, TypeError, "must be a whole number, got 2.5"),
    ("4", TypeError, "must be a whole number, got '4'"),
    (None, TypeError, "must be a whole number, got None"),
)
