"""The table of frames as HTML, the newest first; a narrow one keeps the columns that matter."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

from seestack.display.fragments import known
from seestack.model import FrameReport
from seestack.widgets.fields import named_as_shown

__all__ = ["frame_table"]

_MOST_ROWS = 200


@dataclass(frozen=True, slots=True)
class _Number:
    """A column of numbers, and the class of width that it needs: none, "wide" or "widest"."""

    key: str
    name: str
    digits: int
    width: str = ""


_SHIFTS = ("dx px", "dy px")
_NUMBERS = (
    _Number("rotation_deg", "turn °", 2, "widest"),
    _Number("inliers", "inliers", 0, "wide"),
    _Number("stars", "stars", 0),
    _Number("fwhm_px", "FWHM px", 2),
    _Number("sky_adu", "sky ADU", 0, "widest"),
    _Number("weight", "weight", 2),
    _Number("snr_gain_measured", "SNR gain", 2, "widest"),
)


def frame_table(reports: Sequence[FrameReport]) -> str:
    """Return one row for each frame as HTML, at most the newest 200.

    What can be done about a frame that was left out is said once for frames that follow
    each other with the same trouble, at the newest of them.

    Parameters
    ----------
    reports : sequence of FrameReport
        In the order of the frames.

    Examples
    --------
    >>> "No frames yet" in frame_table([])
    True
    """
    if not reports:
        return '<p class="seestack-hint">No frames yet.</p>'
    shifts = "".join(f'<th class="wide">{name}</th>' for name in _SHIFTS)
    numbers = "".join(f'<th class="{each.width}">{each.name}</th>' for each in _NUMBERS)
    head = (
        f'<th>#</th><th class="text verdict">verdict</th>{shifts}{numbers}'
        '<th class="text widest">frame</th>'
    )
    shown = reports[: -_MOST_ROWS - 1 : -1]
    newer = (None, *(report["rejection"] for report in shown))
    body = "".join(
        _row(report, with_hint=report["rejection"] != kind)
        for report, kind in zip(shown, newer, strict=False)
    )
    more = ""
    if len(reports) > _MOST_ROWS:
        text = f"The newest {_MOST_ROWS} of {len(reports):,} frames; Save writes all of them."
        more = f'<p class="seestack-hint">{text}</p>'
    return (
        f'<div class="seestack-rows"><table><thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>{more}"
    )


def _row(report: FrameReport, *, with_hint: bool) -> str:
    accepted, source = report["accepted"], report["source"]
    shifts = (known(value, 2) if accepted else "–" for value in report["offset"])
    name = escape(Path(source).name or "–")
    cells = [
        f"<td>{report['index']}</td>",
        f'<td class="text verdict" title="{name}">{_verdict(report, with_hint=with_hint)}</td>',
        *(f'<td class="wide">{text}</td>' for text in shifts),
        *(
            f'<td class="{each.width}">{known(report[each.key], each.digits)}</td>'  # type: ignore[literal-required]
            for each in _NUMBERS
        ),
        f'<td class="text widest" title="{escape(source)}">{name}</td>',
    ]
    kind = "" if accepted else ' class="left-out"'
    return f"<tr{kind}>{''.join(cells)}</tr>"


def _verdict(report: FrameReport, *, with_hint: bool) -> str:
    hint = escape(named_as_shown(report["hint"])) if with_hint else ""
    remedy = f'<small class="seestack-remedy">{hint}</small>' if hint else ""
    return f"{escape(report['reason'])}{remedy}"
