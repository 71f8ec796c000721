"""The table of frames as HTML, the newest first."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from pathlib import Path

from seestack.display.fragments import known
from seestack.model import FrameReport

__all__ = ["frame_table"]

_MOST_ROWS = 200
_NUMBERS = (
    ("rotation_deg", "turn °", 2),
    ("inliers", "inliers", 0),
    ("stars", "stars", 0),
    ("fwhm_px", "FWHM px", 2),
    ("sky_adu", "sky ADU", 0),
    ("weight", "weight", 2),
    ("snr_gain_measured", "SNR gain", 2),
)


def frame_table(reports: Sequence[FrameReport]) -> str:
    """Return one row for each frame as HTML, at most the newest 200.

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
    text, numbers = '<th class="text">', ("dx px", "dy px", *(name for _, name, _ in _NUMBERS))
    head = (
        f"<th>#</th>{text}verdict</th>{''.join(f'<th>{n}</th>' for n in numbers)}{text}frame</th>"
    )
    body = "".join(map(_row, reversed(reports[-_MOST_ROWS:])))
    more = ""
    if len(reports) > _MOST_ROWS:
        text = f"The newest {_MOST_ROWS} of {len(reports):,} frames; Save writes all of them."
        more = f'<p class="seestack-hint">{text}</p>'
    return (
        f'<div class="seestack-rows"><table><thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>{more}"
    )


def _row(report: FrameReport) -> str:
    accepted = report["accepted"]
    dx, dy = (known(value, 2) if accepted else "–" for value in report["offset"])
    numbers = [known(report[key], digits) for key, _, digits in _NUMBERS]  # type: ignore[literal-required]
    source, reason = report["source"], report["reason"]
    cells = [
        f"<td>{report['index']}</td>",
        f'<td class="text" title="{escape(reason)}">{escape(reason)}</td>',
        *(f"<td>{text}</td>" for text in (dx, dy, *numbers)),
        f'<td class="text" title="{escape(source)}">{escape(Path(source).name or "–")}</td>',
    ]
    kind = "" if accepted else ' class="left-out"'
    return f"<tr{kind}>{''.join(cells)}</tr>"
