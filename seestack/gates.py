"""Judge a frame by its measured quality against what the session has seen.

A gate says no with a typed reason, the value it measured and the limit. Only hopeless
frames are refused by default: a frame that is merely poor is better served by its
weight, which takes from it what it has to give.
"""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass, fields, replace

from seestack.checks import check_positive
from seestack.model import FrameQuality, FrameRejected, RejectionKind
from seestack.steps.quality import frame_weight

__all__ = ["Baseline", "Gates", "judge"]

_FEWEST_FRAMES = 3
_LAST_FRAMES = 60


@dataclass(frozen=True, slots=True)
class Gates:
    """What a frame must be to get into the stack; None turns a gate off.

    All but `max_elongation` are factors on the session's typical frame, see `Baseline`,
    so that they mean the same under every sky and with every telescope.

    Parameters
    ----------
    max_fwhm : float, optional
        Stars at most this many times as wide as usual; at least 1.
    max_elongation : float, optional
        Major over minor axis of the stars, itself and not a factor: round stars have 1,
        whatever the session. 3 by default, which only stars drawn out to lines reach; a
        frame of a light wind has 1.3 to 1.5, a badly trailed one 2 to 2.5.
    min_transparency : float, optional
        At least this share of the usual star light, at most 1.
    max_sky : float, optional
        A sky at most this many times as bright as usual; at least 1. The camera's
        pedestal is part of it where no dark was subtracted.
    min_stars : float, optional
        At least this share of the usual number of stars, at most 1.
    min_weight : float, optional
        At least this share of the weight of a usual frame, at most 1. 0.01 by default:
        a hundred such frames would do the stack as much good as one good one.

    Raises
    ------
    ValueError
        If a gate is out of its range.
    TypeError
        If a gate is neither a number nor None.

    Examples
    --------
    >>> Gates(max_fwhm=1.5, min_transparency=0.5).max_fwhm
    1.5
    >>> Gates(min_stars=20)
    Traceback (most recent call last):
    ValueError: min_stars must be at most 1, a share of what is usual, got 20
    """

    max_fwhm: float | None = None
    max_elongation: float | None = 3.0
    min_transparency: float | None = None
    max_sky: float | None = None
    min_stars: float | None = None
    min_weight: float | None = 0.01

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if value is None:
                continue
            check_positive(field.name, value)
            if field.name.startswith("max_") and value < 1:
                meaning = (
                    "which round stars have"
                    if field.name == "max_elongation"
                    else "a factor on what is usual"
                )
                raise ValueError(f"{field.name} must be at least 1, {meaning}, got {value!r}")
            if field.name.startswith("min_") and value > 1:
                raise ValueError(
                    f"{field.name} must be at most 1, a share of what is usual, got {value!r}"
                )


@dataclass(frozen=True, slots=True)
class Baseline:
    """What the session has seen: the qualities of its last 60 frames.

    The medians tell what is usual. They follow the sky through the night and are blind
    to a few bad frames; since a frame counts whether or not a gate refused it, a change
    that stays, such as the rising Moon, becomes usual instead of ending the session.

    Parameters
    ----------
    qualities : tuple of FrameQuality
        The last frames, oldest first.

    Examples
    --------
    >>> baseline = Baseline()
    >>> for fwhm_px in (3.0, 9.0, 3.2):
    ...     baseline = baseline.with_frame(FrameQuality(stars=40, fwhm_px=fwhm_px))
    >>> baseline.usual.fwhm_px, baseline.usual.stars
    (3.2, 40)
    """

    qualities: tuple[FrameQuality, ...] = ()

    def __len__(self) -> int:
        return len(self.qualities)

    def with_frame(self, quality: FrameQuality) -> Baseline:
        """Return the baseline with one more frame; the oldest goes when there are 60."""
        return replace(self, qualities=(*self.qualities, quality)[-_LAST_FRAMES:])

    @property
    def usual(self) -> FrameQuality:
        """The median of each number over the frames where it is known; NaN without any."""
        return FrameQuality(
            sky_adu=self.usual_of("sky_adu"),
            sky_sigma_adu=self.usual_of("sky_sigma_adu"),
            stars=round(self.usual_of("stars")) if self.qualities else 0,
            fwhm_px=self.usual_of("fwhm_px"),
            elongation=self.usual_of("elongation"),
            transparency=self.usual_of("transparency"),
            transparency_err=self.usual_of("transparency_err"),
        )

    def usual_of(self, name: str) -> float:
        """Return the median of one number of the frames where it is known; NaN without any."""
        values = (getattr(quality, name) for quality in self.qualities)
        known = [value for value in values if math.isfinite(value)]
        return float(statistics.median(known)) if known else math.nan


def judge(quality: FrameQuality, baseline: Baseline, gates: Gates) -> None:
    """Let a frame pass, or raise `FrameRejected` with the first gate that says no.

    Parameters
    ----------
    quality : FrameQuality
        The frame, as `seestack.steps.quality.measure_quality` measured it.
    baseline : Baseline
        The frames before it. With fewer than 3, only `max_elongation` judges.
    gates : Gates
        The limits.

    Raises
    ------
    FrameRejected
        With `kind`, the measured `value` and the `limit` in the same unit. What is not
        known is not judged.

    Examples
    --------
    >>> baseline = Baseline((FrameQuality(fwhm_px=3.1),) * 3)
    >>> try:
    ...     judge(FrameQuality(fwhm_px=5.82), baseline, Gates(max_fwhm=1.5))
    ... except FrameRejected as rejection:
    ...     print(rejection, "|", rejection.kind)
    fwhm 5.82 px is over max_fwhm 1.5 x 3.10 px | fwhm
    """
    elongation, longest = quality.elongation, gates.max_elongation
    if longest is not None and elongation > longest:
        text = f"elongation {elongation:.2f} is over max_elongation {longest:g}"
        raise FrameRejected(
            text, kind=RejectionKind.ELONGATION, value=elongation, limit=1.0 * longest
        )
    if len(baseline) < _FEWEST_FRAMES:
        return
    kinds, seen = RejectionKind, (quality, baseline)
    _at_most(kinds.FWHM, gates.max_fwhm, *seen, "fwhm_px", ".2f", " px")
    if gates.min_transparency is not None:
        light, usual = quality.transparency, baseline.usual_of("transparency")
        _refuse_below(kinds.TRANSPARENCY, light, gates.min_transparency, usual, ".3f")
    _at_most(kinds.SKY, gates.max_sky, *seen, "sky_adu", ".0f", " ADU")
    if gates.min_stars is not None:
        usual = round(baseline.usual_of("stars"))
        _refuse_below(kinds.STARS, quality.stars, gates.min_stars, usual, ".0f")
    if gates.min_weight is not None:
        weight = _highest_weight(quality, baseline)
        _refuse_below(kinds.WEIGHT, weight, gates.min_weight, 1.0, ".4f")


def _at_most(
    kind: RejectionKind,
    factor: float | None,
    quality: FrameQuality,
    baseline: Baseline,
    name: str,
    digits: str,
    unit: str,
) -> None:
    if factor is None:
        return
    value, usual = getattr(quality, name), baseline.usual_of(name)
    # Where the usual is not positive, such as a sky after a dark, no factor means anything.
    if usual > 0 and value > factor * usual:
        raise FrameRejected(
            f"{kind} {value:{digits}}{unit} is over max_{kind} {factor:g} x {usual:{digits}}{unit}",
            kind=kind,
            value=float(value),
            limit=float(factor * usual),
        )


def _refuse_below(
    kind: RejectionKind, value: float, share: float, usual: float, digits: str
) -> None:
    if value < share * usual:
        raise FrameRejected(
            f"{kind} {value:{digits}} is under min_{kind} {share:g} x {usual:{digits}}",
            kind=kind,
            value=float(value),
            limit=float(share * usual),
        )


def _highest_weight(quality: FrameQuality, baseline: Baseline) -> float:
    """Return the weight over that of a usual frame, two standard errors in its favour."""
    error = quality.transparency_err if math.isfinite(quality.transparency_err) else 0.0
    favoured = replace(quality, transparency=quality.transparency + 2 * error)
    usual = FrameQuality(
        sky_sigma_adu=baseline.usual_of("sky_sigma_adu"),
        transparency=baseline.usual_of("transparency"),
        transparency_err=baseline.usual_of("transparency_err"),
    )
    return frame_weight(favoured, usual)
