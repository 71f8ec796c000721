"""Place one list of stars on another whose scale, angle and handedness may differ.

`seestack.vote` knows shifts and rotations. A list is therefore brought to several scales,
close enough to each other for the vote to find one, mirrored if need be; `seestack.refine`
then fits the scale too.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from seestack.model import FrameRejected, Matches, Registration, RejectionKind, Stars, Transform
from seestack.steps.quality import measure_quality
from seestack.steps.refinement import refine
from seestack.steps.voting import vote

__all__ = ["Placement", "align"]

_TOLERANCE_PX = 3.0
_MIN_INLIERS = 6
# So large a share of the stars in agreement leaves no doubt.
_ENOUGH = 0.6
_VOTERS = 60


@dataclass(frozen=True, slots=True)
class Placement:
    """How a stack lies on another.

    Parameters
    ----------
    transform : Transform
        Its pixels to those of the other; of negative determinant if mirrored.
    mirrored : bool
        Whether it is a mirror image.
    flux_scale : float
        What its pixels must be multiplied by.
    inliers : int
        Star pairs that agree.
    rms_px : float or None
        Root mean square of their distances.
    """

    transform: Transform
    mirrored: bool = False
    flux_scale: float = 1.0
    inliers: int = 0
    rms_px: float | None = None

    @classmethod
    def identity(cls) -> Placement:
        """Return the placement of a stack on itself."""
        return cls(Transform.identity())


def align(
    reference: Stars,
    stars: Stars,
    reference_shape: tuple[int, int],
    shape: tuple[int, int],
    max_scale_change: float,
    *,
    name: str = "",
) -> Placement:
    """Find how a stack lies on another from the stars of both.

    Parameters
    ----------
    reference, stars : Stars
        Of the other stack, and of the one to place.
    reference_shape, shape : tuple of int
        (row, col) of both.
    max_scale_change : float
        Scales that differ by so much, as a share, are tried.
    name : str, optional
        Of the stack, for the error.

    Raises
    ------
    FrameRejected
        If the stars do not agree, mirrored or not.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> xy, flux = rng.uniform(0, 400, (50, 2)), rng.uniform(1e3, 1e5, 50)
    >>> larger = Stars(xy * 1.02, flux=flux / 2)
    >>> placement = align(Stars(xy, flux=flux), larger, (400, 400), (408, 408), 0.03)
    >>> round(placement.transform.scale * 1.02, 4), round(placement.flux_scale, 2)
    (1.0, 2.08)
    """
    mirror = Transform(np.array([[-1.0, 0, shape[1] - 1], [0, 1, 0], [0, 0, 1]]))
    for flip in (None, mirror):
        seen = stars if flip is None else replace(stars, xy=flip(stars.xy))
        registration = _registered(reference, seen, reference_shape, shape, max_scale_change)
        if registration is None:
            continue
        ratio = measure_quality(seen, registration, reference).flux_scale
        turn = registration.transform
        return Placement(
            transform=turn if flip is None else turn @ flip,
            mirrored=flip is not None,
            flux_scale=1 / (ratio * turn.scale**2),
            inliers=int(registration.inliers.sum()),
            rms_px=registration.rms_px,
        )
    raise FrameRejected(
        f"{name or 'a stack'} cannot be aligned with the first (too few matching stars); "
        "are they of the same field and about the same scale?",
        kind=RejectionKind.NO_MATCH,
    )


def _registered(
    reference: Stars,
    stars: Stars,
    reference_shape: tuple[int, int],
    shape: tuple[int, int],
    max_scale_change: float,
) -> Registration | None:
    best: Matches | None = None
    reach_px = np.hypot(*np.minimum(reference_shape, shape)) / 2
    enough = _ENOUGH * min(len(reference), len(stars), _VOTERS)
    for scale in _scales(max_scale_change, _TOLERANCE_PX / reach_px):
        matches = vote(
            reference.xy, stars.xy * scale, tolerance_px=_TOLERANCE_PX, max_stars=_VOTERS
        )
        if matches.transform is not None and (best is None or len(matches) > len(best)):
            motion = matches.transform @ Transform(np.diag([scale, scale, 1.0]))
            best = replace(matches, transform=motion)
            if len(matches) >= enough:
                break
    if best is None:
        return None
    try:
        registration = refine(
            reference, stars, best, transform="similarity", min_inliers=_MIN_INLIERS
        )
    except FrameRejected:
        return None
    # A little more than was tried is found by the fit.
    change = abs(np.log(registration.transform.scale))
    return registration if change <= 1.1 * np.log1p(max_scale_change) + 1e-3 else None


def _scales(most: float, step: float) -> Iterator[float]:
    """Yield scales about 1, the closest first."""
    yield 1.0
    for number in range(1, int(np.ceil(most / step)) + 1):
        yield from (1.0 + number * step, 1.0 - number * step)
