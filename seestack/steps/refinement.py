"""Fit the motion between two frames to all stars that follow it.

Starting from the winner of the vote, stars are paired again under the current
transform and the transform is fitted again, weighted by the position errors of the
stars, until nothing changes. The circle in which a star may find its partner shrinks
to what the residuals justify.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

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

TOO_FEW = "alignment failed (too few matching stars)"
_MAX_ROUNDS = 10
# Residuals beyond this many standard deviations are no inliers.
_CUT = 4.0
# Variance in pixels squared that keeps weights finite for error-free positions.
_TINY = 1e-12


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
    if transform not in _FITS:
        raise ValueError(f"transform must be one of {', '.join(_FITS)}, got {transform!r}")
    check_positive("tolerance_px", tolerance_px)
    check_positive("min_inliers", min_inliers, whole=True)
    fit = _FITS[transform]
    first, second = _as_stars("reference", reference), _as_stars("frame", frame)
    if not isinstance(matches, Matches):
        raise TypeError(f"matches must be Matches as vote returns them, got {matches!r}")
    least = max(min_inliers, 1 if transform == "translation" else 2)
    if len(matches) < least:
        raise _too_few(len(matches), least)
    pair = np.column_stack([matches.reference, matches.frame])
    if (pair.max(axis=0) >= (len(first), len(second))).any():
        raise ValueError(
            "matches must index stars of reference and frame; vote on these very lists"
        )
    errors_known = np.isfinite(first.xy_err_px).all() and np.isfinite(second.xy_err_px).all()
    motion = matches.transform or fit(
        first.xy[pair[:, 0]], second.xy[pair[:, 1]], np.ones(len(pair))
    )
    use = np.empty(0, bool)
    for _ in range(_MAX_ROUNDS):
        again = mutual_pairs(first.xy, motion(second.xy), tolerance_px)
        if len(use) and np.array_equal(again, pair):
            break
        pair = again
        r, f = pair[:, 0], pair[:, 1]
        own = first.xy_err_px[r] ** 2 + second.xy_err_px[f] ** 2 if errors_known else 0.0 * r
        motion, use = _robust_fit(fit, first.xy[r], second.xy[f], own, least)
    order = np.argsort(pair[:, 0], kind="stable")
    pair, use = pair[order], use[order]
    found = Matches(pair[:, 0], pair[:, 1], motion)
    return Registration(motion, first.xy[pair[:, 0]], second.xy[pair[:, 1]], use, found)


def _as_stars(name: str, stars: Stars | ArrayLike) -> Stars:
    return stars if isinstance(stars, Stars) else Stars(as_positions(name, stars))


def _robust_fit(
    fit: Callable[[FloatArray, FloatArray, FloatArray], Transform],
    reference_xy: FloatArray,
    frame_xy: FloatArray,
    own: FloatArray,
    least: int,
) -> tuple[Transform, BoolArray]:
    """Return the weighted fit to the pairs that agree, and which pairs those are.

    `own` is each pair's variance per axis from the position errors of its stars.
    """
    use = np.ones(len(own), bool)
    if use.sum() < least:
        raise _too_few(len(own), least)
    # Errors may be unknown or too small: the first fit judges nobody by them.
    alike = fit(reference_xy, frame_xy, np.ones(len(own)))
    distance_sq = ((alike(frame_xy) - reference_xy) ** 2).sum(axis=1)
    scatter = max(median(own), _extra_variance(distance_sq, own))
    for _ in range(_MAX_ROUNDS):
        if use.sum() < least:
            raise _too_few(int(use.sum()), least)
        variance = own + scatter + _TINY
        motion = fit(reference_xy[use], frame_xy[use], 1 / variance[use])
        distance_sq = ((motion(frame_xy) - reference_xy) ** 2).sum(axis=1)
        # Judged with the variance of this very fit: a star that it hardly weighed may be off.
        again = distance_sq <= _CUT**2 * variance
        scatter = _extra_variance(distance_sq[use], own[use])
        settled = np.allclose(variance, own + scatter + _TINY, rtol=0.01)
        if settled and np.array_equal(again, use):
            break
        use = again
    if use.sum() < least:
        raise _too_few(int(use.sum()), least)
    return motion, use


def _too_few(agreeing: int, least: int) -> FrameRejected:
    return FrameRejected(
        TOO_FEW, kind=RejectionKind.NO_MATCH, value=float(agreeing), limit=float(least)
    )


def _extra_variance(distance_sq: FloatArray, own: FloatArray) -> float:
    """Return the variance per axis that the residuals show beyond the stars' own errors.

    In two dimensions the median of a squared distance over its variance per axis is
    2 ln 2: half of the stars must show more than what is returned. The median is blind to a
    few wrong pairs. Within its statistical scatter nothing is added.
    """
    expected = 2 * np.log(2)
    slack = 1 + 2.5 / np.sqrt(len(own))
    if median(distance_sq / (own + _TINY)) <= expected * slack:
        return 0.0
    return max(median(distance_sq / expected - own), 0.0)


def _fit_translation(
    reference_xy: FloatArray, frame_xy: FloatArray, weights: FloatArray
) -> Transform:
    shift = np.average(reference_xy - frame_xy, axis=0, weights=weights)
    return Transform.rigid(shift_px=(float(shift[0]), float(shift[1])))


def _fit_rigid(reference_xy: FloatArray, frame_xy: FloatArray, weights: FloatArray) -> Transform:
    to = np.average(reference_xy, axis=0, weights=weights)
    origin = np.average(frame_xy, axis=0, weights=weights)
    r, f = reference_xy - to, frame_xy - origin
    cos = float((weights * (r * f).sum(axis=1)).sum())
    sin = float((weights * (f[:, 0] * r[:, 1] - f[:, 1] * r[:, 0])).sum())
    angle = float(np.rad2deg(np.arctan2(sin, cos)))
    turn = Transform.rigid(rotation_deg=angle)
    dx, dy = to - turn(origin[None])[0]
    return Transform.rigid(rotation_deg=angle, shift_px=(float(dx), float(dy)))


def _fit_similarity(
    reference_xy: FloatArray, frame_xy: FloatArray, weights: FloatArray
) -> Transform:
    turn = _fit_rigid(reference_xy, frame_xy, weights).matrix[:2, :2]
    to = np.average(reference_xy, axis=0, weights=weights)
    origin = np.average(frame_xy, axis=0, weights=weights)
    r, f = reference_xy - to, (frame_xy - origin) @ turn.T
    scale = (weights * (r * f).sum(axis=1)).sum() / (weights * (f * f).sum(axis=1)).sum()
    matrix = np.eye(3)
    matrix[:2, :2] = scale * turn
    matrix[:2, 2] = to - matrix[:2, :2] @ origin
    return Transform(matrix)


_FITS = {"rigid": _fit_rigid, "translation": _fit_translation, "similarity": _fit_similarity}
