"""The SNR of a target, how it grew, and how many frames a wanted one takes."""

from __future__ import annotations

from dataclasses import dataclass

from seestack.model import Stack
from seestack.numerics.noise import NoiseTrack
from seestack.steps.forecast import SnrCurve, frames_for_snr
from seestack.steps.targets import Target, TargetSnr, brightest_region, target_snr

__all__ = ["Outlook", "outlook"]


@dataclass(frozen=True, slots=True, eq=False)
class Outlook:
    """What a target has reached, and what it takes to reach more.

    Parameters
    ----------
    target : Target
        Where it was measured.
    measured : TargetSnr
        Its SNR, signal and noise in the stack.
    curve : SnrCurve
        Its SNR against the number of frames, from the parts of the stack.
    frames_wanted : int or None
        Further frames for the SNR that was asked for; None where none was, or where the
        curve does not support a forecast.
    """

    target: Target
    measured: TargetSnr
    curve: SnrCurve
    frames_wanted: int | None


def outlook(
    noise: NoiseTrack, stack: Stack, target: Target | None, *, wanted_snr: float | None = None
) -> Outlook | None:
    """Measure a target, or the brightest extended region; None where there is none.

    Parameters
    ----------
    noise : NoiseTrack
        The frames of the stack.
    stack : Stack
        The stack, in which the brightest region is looked for.
    target : Target or None
        Where to measure.
    wanted_snr : float, optional
        The SNR to foresee the frames for.

    Examples
    --------
    >>> import numpy as np
    >>> from seestack.steps.accumulation import accumulate
    >>> y, x = np.mgrid[:300, :400]
    >>> glow = 40 * np.exp(-((x - 250) ** 2 + (y - 120) ** 2) / (2 * 30**2))
    >>> rng, stack, noise = np.random.default_rng(0), None, None
    >>> for n in range(16):
    ...     frame = glow + rng.normal(500.0, 40.0, glow.shape)
    ...     stack = accumulate(stack, frame, np.ones(glow.shape, bool))
    ...     noise = noise.with_frame(frame) if noise else NoiseTrack.start(frame)
    >>> seen = outlook(noise, stack, None)
    >>> ahead = outlook(noise, stack, seen.target, wanted_snr=1.5 * seen.measured.snr)
    >>> 15 < ahead.frames_wanted < 30
    True
    """
    target = target or brightest_region(stack.mean)
    if target is None:
        return None
    curve = SnrCurve()
    for count in range(2, len(noise.upto) + 1):
        some = noise.first_parts(count)
        curve = curve.with_point(some.frames, target_snr(some, target).snr)
    further = None if wanted_snr is None else frames_for_snr(curve, wanted_snr)
    return Outlook(target, target_snr(noise, target), curve, further)
