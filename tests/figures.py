"""Known reports and fields for the plots and tables, and figures without words."""

import numpy as np
from matplotlib.text import Text

from seestack import Registration, Stars, Transform
from seestack.simulation import random_field, simulate_frame

SHAPE = (60, 90)

FIELDS = {
    "source": "night/x.fit",
    "rotation_deg": None,
    "inliers": 0,
    "rms_px": None,
    "stars": 0,
    "fwhm_px": None,
    "sky_adu": None,
    "weight": 0.0,
    "snr_gain_measured": None,
    "amended": [],
}


def known_reports():
    """Return twelve reports: ten stacked frames on a bent track, two rejected for two reasons."""
    reports, stacked = [], 0
    reasons = {4: "offset out of range (350.2,12.1)", 7: "alignment failed (too few stars)"}
    for index in range(12):
        accepted = index not in reasons
        stacked += accepted
        report = FIELDS | {
            "index": index,
            "accepted": accepted,
            "reason": reasons.get(index, "stacked"),
            "frames_stacked": stacked,
            "frames_total": index + 1,
            "frames_rejected": index + 1 - stacked,
            "offset": (1.5 * index, 0.1 * index**2) if accepted else (0.0, 0.0),
            "snr_gain": round(stacked**0.5, 2),
        }
        if accepted:
            report |= {
                "rotation_deg": 0.05 * index,
                "stars": 40 + index,
                "fwhm_px": 3.0 + 0.1 * index,
                "elongation": 1.1 + 0.02 * (index % 3),
                "sky_adu": 1000.0 + 3 * index,
                "transparency": 1.0 - 0.03 * index,
                "weight": 1.0,
                "snr_gain_measured": round(0.95 * stacked**0.5, 2),
            }
        reports.append(report)
    return reports


def known_pairs():
    """Return a frame, its registration with five inliers and two outliers, and nine stars."""
    field = random_field(SHAPE, 12, seed=3)
    image = simulate_frame(field, SHAPE, seed=4)
    x, y = np.array([10, 25, 40, 60, 75, 20, 70.0]), np.array([12, 40, 20, 45, 15, 25, 30.0])
    frame_xy = np.column_stack([x, y])
    motion = Transform.rigid(shift_px=(6.0, 4.0))
    reference_xy = motion(frame_xy)
    reference_xy[5:] += [[0.0, 12.0], [-15.0, 5.0]]
    inliers = np.arange(7) < 5
    stars = Stars(np.vstack([frame_xy, [[50.0, 52.0], [35.0, 6.0]]]))
    return image, Registration(motion, reference_xy, frame_xy, inliers), stars


def without_words(ax):
    """Return the figure of `ax` without text, whose shapes differ between versions of fonts."""
    for text in ax.figure.findobj(Text):
        if getattr(text, "arrow_patch", None) is None:
            text.set_visible(False)
    for coordinate in getattr(ax, "coords", ()):
        coordinate.set_ticklabel_visible(False)
    return ax.figure


def axis_labels(ax):
    """Return the labels of `ax` and of every panel and colour bar inside it."""
    own = [ax.get_xlabel(), ax.get_ylabel()] if ax.axison else []
    return own + [label for child in ax.child_axes for label in axis_labels(child)]
