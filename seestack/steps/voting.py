"""Pair the stars of two frames by letting hypotheses about the motion vote.

For a translation, each pair of one reference star and one frame star proposes a
shift. For a rigid motion, two stars of the reference and two of the frame, equally
far apart, propose a rotation and a shift. True proposals agree with each other and
pile up; chance ones scatter. The proposals in the fullest piles are checked star by
star, and the one that explains the most stars wins, if so many stars could hardly
agree by chance.

This module sees positions only. Nothing is sampled at random: equal inputs give
equal matches.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from seestack.checks import check_positive
from seestack.compiled import votes
from seestack.model import FloatArray, Matches, Stars, Transform, as_positions
from seestack.numerics.neighbours import mutual_pairs, nearest_within

__all__ = ["vote"]

TRANSFORMS = ("translation", "rigid")
# So many stars propose motions at first; enough if this share of all stars then agrees.
_FIRST_PASS, _OBVIOUS = 30, 0.5
# Hypotheses checked star by star, those in the fullest piles first.
_CHECKED = 300
# Accept a hypothesis if fewer than this many as good ones are expected by chance.
_MAX_FALSE_ALARMS = 1e-5
# More stars than these hardly lie symmetrically by chance.
_MAX_SYMMETRIC = 16


def vote(
    reference: Stars | ArrayLike,
    frame: Stars | ArrayLike,
    *,
    tolerance_px: float = 2.0,
    transform: str = "rigid",
    max_stars: int = 60,
) -> Matches:
    r"""Find the motion that the most stars agree on, and the star pairs it makes.

    Parameters
    ----------
    reference, frame : Stars or array_like of shape (N, 2) and (M, 2)
        Star positions (x, y) in pixels, brightest first.
    tolerance_px : float, default 2.0
        A pair agrees with a hypothesis when it ends this close.
    transform : {"rigid", "translation"}
        The motions considered: rotation by any angle and a shift, or a shift alone.
        Mirror images never match.
    max_stars : int, default 60
        Stars of each frame that take part, brightest first.

    Returns
    -------
    Matches
        The pairs, brightest reference star first, and the winning hypothesis as
        `Matches.transform`. Empty when the best hypothesis is no better than
        chance would give.

    Raises
    ------
    ValueError
        If a position is not finite, `transform` is unknown, or `tolerance_px` or
        `max_stars` is not positive.
    TypeError
        If one of the last two is not a number, or `max_stars` not a whole one.

    Notes
    -----
    With n hypotheses, and a probability p that a star finds a partner by chance, the
    number of hypotheses expected to gain k more stars by chance is

    .. math:: n \sum_{i \ge k} \binom{m}{i} p^i (1 - p)^{m - i}

    for m stars that lie in the other frame. The winner must push this number of
    false alarms [1]_ below 1e-5. The tolerance in p is the radius within which
    the pairs really agree: six stars that agree to 0.2 px are worth more than six
    that agree to 2 px. The 30 brightest stars of each frame propose first; all do where
    less than half of the stars agree with what these propose.

    References
    ----------
    .. [1] L. Moisan and B. Stival, "A probabilistic criterion to detect rigid point
       matches between two images", IJCV 57, 201 (2004).

    Examples
    --------
    A field turned by 130 degrees, with every third star lost.

    >>> reference = np.random.default_rng(7).uniform(0, 500, size=(24, 2))
    >>> turn = Transform.rigid(rotation_deg=130.0, shift_px=(400.0, 90.0))
    >>> frame = turn.inverse(reference)[np.arange(24) % 3 > 0]
    >>> matches = vote(reference, frame)
    >>> len(matches), round(matches.transform.rotation_deg, 3)
    (16, 130.0)
    """
    if transform not in TRANSFORMS:
        raise ValueError(f"transform must be one of {', '.join(TRANSFORMS)}, got {transform!r}")
    check_positive("tolerance_px", tolerance_px)
    check_positive("max_stars", max_stars, whole=True)
    reference_xy = _positions("reference", reference)[:max_stars]
    frame_xy = _positions("frame", frame)[:max_stars]
    minimal = 1 if transform == "translation" else 2
    if min(len(reference_xy), len(frame_xy)) <= minimal:
        return _no_matches()
    # Around the middle of the stars a small error of the angle moves no star far.
    origin = frame_xy.mean(axis=0)
    # Few hypotheses are enough where most stars of both frames are the same.
    for count, least in ((_FIRST_PASS, _OBVIOUS), (max_stars, 0.0)):
        found = _vote(reference_xy, frame_xy - origin, tolerance_px, transform, count, least)
        if found is not None:
            pairs, motion = found
            order = np.argsort(pairs[:, 0], kind="stable")
            return Matches(pairs[order, 0], pairs[order, 1], _as_transform(motion, origin))
    return _no_matches()


def _vote(
    reference_xy: FloatArray,
    frame_xy: FloatArray,
    tolerance_px: float,
    transform: str,
    count: int,
    least: float,
) -> tuple[NDArray[np.intp], FloatArray] | None:
    """Return pairs and motion that the `count` brightest stars propose and all stars judge.

    None where chance would do as well, or where they pair less than `least` of all stars.
    """
    propose = _shifts if transform == "translation" else _rigid_motions
    motions, angles = propose(reference_xy[:count], frame_xy[:count], tolerance_px)
    if len(motions) == 0:
        return None
    reach = float(np.abs(frame_xy).max()) + tolerance_px
    checked = motions[_fullest_piles(motions, angles, tolerance_px, reach)]
    motion = _most_agreed(checked, reference_xy, frame_xy, tolerance_px)
    pairs = mutual_pairs(reference_xy, _move(motion, frame_xy), tolerance_px)
    if len(pairs) < least * min(len(reference_xy), len(frame_xy)):
        return None
    minimal = 1 if transform == "translation" else 2
    arguments = (motion, pairs, reference_xy, frame_xy)
    if not _beats_chance(*arguments, len(motions), minimal, tolerance_px):
        return None
    return None if _rather_mirrored(*arguments, tolerance_px) else (pairs, motion)


def _positions(name: str, stars: Stars | ArrayLike) -> FloatArray:
    return stars.xy if isinstance(stars, Stars) else as_positions(name, stars)


def _no_matches() -> Matches:
    none = np.empty(0, dtype=np.intp)
    return Matches(none, none)


def _shifts(
    reference_xy: FloatArray, frame_xy: FloatArray, tolerance_px: float
) -> tuple[FloatArray, FloatArray]:
    """Return every (cos, sin, dx, dy) that lays one frame star on a reference star; no angle."""
    shift = (reference_xy[:, None] - frame_xy[None]).reshape(-1, 2)
    none = np.zeros(len(shift))
    return np.column_stack([none + 1, none, shift]), none


def _rigid_motions(
    reference_xy: FloatArray, frame_xy: FloatArray, tolerance_px: float
) -> tuple[FloatArray, FloatArray]:
    """Return (cos, sin, dx, dy) and angle for all segments of equal length, both ways round."""
    first, second = _segments(reference_xy, tolerance_px), _segments(frame_xy, tolerance_px)
    low, high = np.empty(len(first), np.intp), np.empty(len(first), np.intp)
    count = 2 * votes.equally_long(first, second, float(tolerance_px), low, high)
    motions, angles = np.empty((count, 4)), np.empty(count)
    votes.rigid_motions(first, second, low, high, motions, angles)
    return motions, angles


def _segments(xy: FloatArray, tolerance_px: float) -> FloatArray:
    """Return (x, y) of the middle, unit vector, angle and length of all star pairs, by length.

    Short ones tell no angle and are left out.
    """
    segments = np.empty((len(xy) * (len(xy) - 1) // 2, 6))
    count = votes.segments(np.ascontiguousarray(xy), 5.0 * tolerance_px, segments)
    return segments[np.argsort(segments[:count, 5], kind="stable")]


def _fullest_piles(
    motions: FloatArray, angles: FloatArray, tolerance_px: float, reach_px: float
) -> NDArray[np.intp]:
    """Return indices of motions whose neighbourhood in motion space is the fullest."""
    side = 2 * tolerance_px
    turns = max(int(np.ceil(2 * np.pi * reach_px / side)), 1)
    count, room = len(motions), 1 << (2 * len(motions)).bit_length()
    sizes, slots = np.zeros(count, np.int32), np.empty(count, np.intp)
    # Two grids, half a cell apart, so that no pile is split in both.
    for offset in (0.0, 0.5):
        cells, counts = np.zeros(room, np.uint64), np.zeros(room, np.int32)
        votes.pile_sizes(motions, angles, turns, side, offset, cells, counts, slots, sizes)
    # NumPy sorts numbers of 16 bits several times as fast as longer ones.
    short = np.minimum(sizes, np.iinfo(np.uint16).max).astype(np.uint16)
    return np.argsort(short.max() - short, kind="stable")[:_CHECKED]


def _most_agreed(
    motions: FloatArray, reference_xy: FloatArray, frame_xy: FloatArray, tolerance_px: float
) -> FloatArray:
    """Return the motion with the most inliers, the closest ones among equals."""
    sorted_xy = reference_xy[np.argsort(reference_xy[:, 0], kind="stable")]
    begins = np.zeros(len(frame_xy), np.intp)
    return motions[votes.most_agreed(motions, sorted_xy, frame_xy, float(tolerance_px), begins)]


def _move(motion: FloatArray, xy: FloatArray) -> FloatArray:
    """Return positions (N, 2) after a motion (cos, sin, dx, dy)."""
    cos, sin = motion[:2]
    return xy @ np.array([[cos, sin], [-sin, cos]]) + motion[2:]


def _beats_chance(
    motion: FloatArray,
    pairs: NDArray[np.intp],
    reference_xy: FloatArray,
    frame_xy: FloatArray,
    hypotheses: int,
    minimal: int,
    tolerance_px: float,
) -> bool:
    """Judge by the number of false alarms, for the radius that looks best."""
    moved = _move(motion, frame_xy)
    off = moved[pairs[:, 1]] - reference_xy[pairs[:, 0]]
    distance = np.hypot(off[:, 0], off[:, 1])
    low, high = reference_xy.min(axis=0) - tolerance_px, reference_xy.max(axis=0) + tolerance_px
    area = float(np.prod(high - low))
    inside = int(((moved >= low) & (moved <= high)).all(axis=1).sum())
    radii = np.minimum(np.maximum(distance, 0.25), tolerance_px)
    for radius in sorted(set(radii.tolist())):
        agreeing = int(np.count_nonzero(distance <= radius)) - minimal
        chance = min(len(reference_xy) * np.pi * radius**2 / area, 1.0)
        expected = hypotheses * len(distance) * _binomial_tail(inside - minimal, agreeing, chance)
        if agreeing > 0 and expected < _MAX_FALSE_ALARMS:
            return True
    return False


def _rather_mirrored(
    motion: FloatArray,
    pairs: NDArray[np.intp],
    reference_xy: FloatArray,
    frame_xy: FloatArray,
    tolerance_px: float,
) -> bool:
    """Return whether the frame, mirrored at a line after the motion, explains more stars.

    A mirrored frame can be turned so that two stars fall on their partners, or change
    places; others on the line through them, or lying symmetrically about it, then
    agree as well. That is no chance, and mirrored at this line all stars agree.
    """
    if len(pairs) > _MAX_SYMMETRIC:
        return False
    xy = reference_xy[pairs[:, 0]]
    i, j = np.triu_indices(len(xy), k=1)
    middle, along = (xy[i] + xy[j]) / 2, xy[j] - xy[i]
    along = along / np.maximum(np.linalg.norm(along, axis=1, keepdims=True), 1e-9)
    point, normal = np.vstack([middle, middle]), np.vstack([along, along[:, ::-1] * [1.0, -1.0]])
    moved = _move(motion, frame_xy)
    height = ((moved[None] - point[:, None]) * normal[:, None]).sum(axis=2)
    mirrored = moved[None] - 2 * height[..., None] * normal[:, None]
    # The line is known less exactly than a star.
    found = nearest_within(reference_xy, mirrored.reshape(-1, 2), 2 * tolerance_px) >= 0
    return bool(found.reshape(len(point), -1).sum(axis=1).max(initial=0) > len(pairs))


def _binomial_tail(trials: int, successes: int, probability: float) -> float:
    """Return the probability of at least that many successes."""
    if successes <= 0 or probability >= 1:
        return 1.0
    if probability <= 0:
        return 0.0
    n = max(trials, successes)
    log_p, log_q = math.log(probability), math.log1p(-probability)
    log_ways = math.lgamma(n + 1)
    return sum(
        math.exp(
            log_ways - math.lgamma(k + 1) - math.lgamma(n - k + 1) + k * log_p + (n - k) * log_q
        )
        for k in range(successes, n + 1)
    )


def _as_transform(motion: FloatArray, origin: FloatArray) -> Transform:
    turn = complex(motion[0], motion[1])
    turn /= abs(turn)
    shift = complex(motion[2], motion[3]) - turn * complex(origin[0], origin[1])
    cos, sin = turn.real, turn.imag
    return Transform(np.array([[cos, -sin, shift.real], [sin, cos, shift.imag], [0.0, 0.0, 1.0]]))
