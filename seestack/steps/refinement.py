"""Fit the motion between two frames to all stars that follow it.

Starting from the winner of the vote, stars are paired again under the current
transform and the transform is fitted again, weighted by the position errors of the
stars, until nothing changes. The circle in which a star may find its partner shrinks
to what the residuals justify.

A position is the complex number x + iy here, so that a motion is a multiplication, by the
number that turns and scales, and a shift.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from seestack.checks import check_positive
from seestack.model import (
    BoolArray,
    FloatArray,
    FrameRejected,
    Matches,
    Registration,
    RejectionKind,
    Stars,
    Transform,
    as_positions,
)
from seestack.numerics.neighbours import mutual_pairs
from seestack.numerics.robust import median

__all__ = ["refine"]

TRANSFORMS = ("rigid", "translation", "similarity")
TOO_FEW = "alignment failed (too few matching stars)"
_MAX_ROUNDS = 10
# Residuals beyond this many standard deviations are no inliers.
_CUT = 4.0
# The fit has settled when no variance changes by more, as a share and in pixels squared.
_STILL, _STILL_PX2 = 0.01, 1e-8
# Variance in pixels squared that keeps weights finite for error-free positions.
_TINY = 1e-12
# Of a squared distance over its variance per axis: that of chi-square of 2 degrees of freedom.
_MEDIAN_OF_DISTANCE_SQ = 2 * math.log(2)

Positions = NDArray[np.complexfloating[Any, Any]]


def refine(
    reference: Stars | ArrayLike,
    frame: Stars | ArrayLike,
    matches: Matches,
    *,
    transform: str = "rigid",
    tolerance_px: float = 2.0,
    min_inliers: int = 4,
) -> Registration:
    r"""Fit the transform from frame to reference by least squares on all inliers.

    Parameters
    ----------
    reference, frame : Stars or array_like of shape (N, 2) and (M, 2)
        Star positions (x, y) in pixels.
    matches : Matches
        Star pairs to start from, as `seestack.vote` finds them.
    transform : {"rigid", "translation", "similarity"}
        The motion to fit: rotation and shift, a shift alone, or rotation, shift and scale.
    tolerance_px : float, default 2.0
        Pairs further apart than this are never inliers.
    min_inliers : int, default 4
        Fewer inliers reject the frame.

    Returns
    -------
    Registration
        The transform, all pairs within the tolerance as positions and as indices, and
        which of them are inliers.

    Raises
    ------
    FrameRejected
        If fewer than `min_inliers` pairs agree.
    ValueError
        If `transform` is unknown, a match points at a star that is not there, or
        `tolerance_px` or `min_inliers` is not positive.
    TypeError
        If `matches` is something else or one of the last two is not a number.

    Notes
    -----
    Pair k weighs :math:`1/(\sigma_{r,k}^2 + \sigma_{f,k}^2 + s^2)`, with the position
    errors of both stars and a common scatter s that makes the residuals as large
    as they are (distortion, blends); s is zero where the errors explain them. The
    weighted rotation is Procrustes' solution [1]_. Pairs beyond four standard
    deviations are left out.

    References
    ----------
    .. [1] S. Umeyama, "Least-squares estimation of transformation parameters between
       two point patterns", IEEE PAMI 13, 376 (1991).

    Examples
    --------
    >>> reference = np.random.default_rng(1).uniform(0, 300, size=(15, 2))
    >>> frame = Transform.rigid(rotation_deg=2.0, shift_px=(5.0, -3.0)).inverse(reference)
    >>> every = Matches(np.arange(15), np.arange(15))
    >>> registration = refine(reference, frame, every)
    >>> round(registration.transform.rotation_deg, 6), int(registration.inliers.sum())
    (2.0, 15)
    """
    if transform not in TRANSFORMS:
        raise ValueError(f"transform must be one of {', '.join(TRANSFORMS)}, got {transform!r}")
    check_positive("tolerance_px", tolerance_px)
    check_positive("min_inliers", min_inliers, whole=True)
    first, second = _as_stars("reference", reference), _as_stars("frame", frame)
    least = max(min_inliers, 1 if transform == "translation" else 2)
    _check_matches(matches, first, second, least)
    pair = np.column_stack([matches.reference, matches.frame])
    errors_known = np.isfinite(first.xy_err_px).all() and np.isfinite(second.xy_err_px).all()
    there, here = _complex(first.xy), _complex(second.xy)
    moved = _placed(matches, transform, there, here)
    use = np.empty(0, bool)
    for _ in range(_MAX_ROUNDS):
        again = mutual_pairs(first.xy, _real(moved), tolerance_px)
        if len(use) and np.array_equal(again, pair):
            break
        pair = again
        r, f = pair[:, 0], pair[:, 1]
        own = first.xy_err_px[r] ** 2 + second.xy_err_px[f] ** 2 if errors_known else 0.0 * r
        motion, use = _robust_fit(transform, there[r], here[f], own, least)
        moved = motion.moved(here)
    order = np.argsort(pair[:, 0], kind="stable")
    pair, use, found = pair[order], use[order], motion.transform
    return Registration(
        transform=found,
        reference_xy=first.xy[pair[:, 0]],
        frame_xy=second.xy[pair[:, 1]],
        inliers=use,
        matches=Matches(pair[:, 0], pair[:, 1], found),
    )


class _Motion(NamedTuple):
    """Turns and scales by a complex factor, then shifts."""

    factor: complex
    shift: complex

    def moved(self, positions: Positions) -> Positions:
        return self.factor * positions + self.shift

    def distance_sq(self, reference: Positions, frame: Positions) -> FloatArray:
        off = self.moved(frame) - reference
        return off.real**2 + off.imag**2

    @property
    def transform(self) -> Transform:
        (c, s), (dx, dy) = ((number.real, number.imag) for number in self)
        return Transform(np.array([[c, -s, dx], [s, c, dy], [0.0, 0.0, 1.0]]))


def _complex(xy: FloatArray) -> Positions:
    return xy[:, 0] + 1j * xy[:, 1]


def _real(positions: Positions) -> FloatArray:
    return positions.view(np.float64).reshape(-1, 2)


def _placed(matches: Matches, transform: str, there: Positions, here: Positions) -> Positions:
    """Return where the matches bring the stars of the frame."""
    if matches.transform is not None:
        return _complex(matches.transform(_real(here)))
    pairs = there[matches.reference], here[matches.frame]
    return _fitted(transform, *pairs, np.ones(len(matches))).moved(here)


def _check_matches(matches: object, first: Stars, second: Stars, least: int) -> None:
    if not isinstance(matches, Matches):
        raise TypeError(f"matches must be Matches as vote returns them, got {matches!r}")
    if len(matches) < least:
        raise _too_few(len(matches), least)
    if matches.reference.max() >= len(first) or matches.frame.max() >= len(second):
        raise ValueError(
            "matches must index stars of reference and frame; vote on these very lists"
        )


def _as_stars(name: str, stars: Stars | ArrayLike) -> Stars:
    return stars if isinstance(stars, Stars) else Stars(as_positions(name, stars))


def _robust_fit(
    transform: str, reference: Positions, frame: Positions, own: FloatArray, least: int
) -> tuple[_Motion, BoolArray]:
    """Return the weighted fit to the pairs that agree, and which pairs those are.

    `own` is each pair's variance per axis from the position errors of its stars.
    """
    if len(own) < least:
        raise _too_few(len(own), least)
    use = np.ones(len(own), bool)
    # Errors may be unknown or too small: the first fit judges nobody by them.
    alike = _fitted(transform, reference, frame, np.ones(len(own)))
    distance_sq = alike.distance_sq(reference, frame)
    scatter, smallest = max(median(own), _extra_variance(distance_sq, own)), own.min()
    for _ in range(_MAX_ROUNDS):
        variance = own + (scatter + _TINY)
        motion = _fitted(transform, reference[use], frame[use], 1 / variance[use])
        distance_sq = motion.distance_sq(reference, frame)
        # Judged with the variance of this very fit: a star that it hardly weighed may be off.
        again = distance_sq <= _CUT**2 * variance
        before, scatter = scatter, _extra_variance(distance_sq[use], own[use])
        settled = abs(before - scatter) <= _STILL * (smallest + scatter) + _STILL_PX2
        if settled and np.array_equal(again, use):
            break
        use = again
        if np.count_nonzero(use) < least:
            raise _too_few(int(np.count_nonzero(use)), least)
    return motion, use


def _too_few(agreeing: int, least: int) -> FrameRejected:
    return FrameRejected(
        TOO_FEW, kind=RejectionKind.NO_MATCH, value=float(agreeing), limit=float(least)
    )


def _extra_variance(distance_sq: FloatArray, own: FloatArray) -> float:
    """Return the variance per axis that the residuals show beyond the stars' own errors.

    Half of the stars must show more than what is returned: the median is blind to a few wrong
    pairs. Within its statistical scatter nothing is added.
    """
    expected = _MEDIAN_OF_DISTANCE_SQ
    slack = 1 + 2.5 / math.sqrt(len(own))
    if median(distance_sq / (own + _TINY)) <= expected * slack:
        return 0.0
    return max(median(distance_sq / expected - own), 0.0)


def _fitted(transform: str, reference: Positions, frame: Positions, weights: FloatArray) -> _Motion:
    """Return the weighted least-squares fit.

    About the centres of gravity the best factor is the sum of w f* r over that of w f* f; a
    rotation alone is its direction.
    """
    weights = weights / weights.sum()
    to, origin = complex(weights @ reference), complex(weights @ frame)
    factor = complex(1.0)
    if transform != "translation":
        centred = frame - origin
        weighted = weights * centred
        factor = complex(np.vdot(weighted, reference - to))
        if transform == "similarity":
            factor /= float(np.vdot(weighted, centred).real)
        else:
            factor = factor / abs(factor) if factor else complex(1.0)
    return _Motion(factor, to - factor * origin)
