"""Pieces of HTML that suit dark and light themes: a card, a table, a map of stars."""

from __future__ import annotations

import base64
import math
from collections.abc import Iterable, Mapping, Sequence
from html import escape

import numpy as np
from numpy.typing import ArrayLike

from seestack.steps.stretching import preview_png

__all__ = ["card", "counted", "known", "map_of_stars", "picture", "table"]

_WIDTH_PX = 320


def card(title: str, facts: Mapping[str, str], *, left: str = "", below: str = "") -> str:
    """Return a block with a title, a list of facts, a picture to the left and more below.

    Title and facts are text, and escaped; `left` and `below` are HTML.

    Examples
    --------
    >>> "&lt;b&gt;" in card("Frame", {"Source": "<b>"})
    True
    """
    rows = "".join(
        f'<tr><th style="text-align:left">{escape(name)}</th>'
        f'<td style="text-align:left;overflow-wrap:anywhere">{escape(value)}</td></tr>'
        for name, value in facts.items()
    )
    return (
        '<div style="display:flex;flex-wrap:wrap;gap:1em;align-items:flex-start">'
        f'{left}<div style="flex:1 1 300px"><strong>{escape(title)}</strong>'
        f"<table>{rows}</table>{below}</div></div>"
    )


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table of texts, which are escaped; a line break in a text is one on the screen."""
    cell = '<td style="text-align:left;white-space:pre-line">'
    head = "".join(f'<th style="text-align:left">{escape(name)}</th>' for name in header)
    body = "".join(
        "<tr>" + "".join(f"{cell}{escape(text)}</td>" for text in row) + "</tr>" for row in rows
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def picture(image: ArrayLike, alt: str) -> str:
    """Return a stretched image of shape (H, W) or (H, W, 3) as a small embedded PNG."""
    png = base64.b64encode(preview_png(image, max_px=_WIDTH_PX)).decode()
    return f'<img alt="{escape(alt)}" src="data:image/png;base64,{png}" style="max-width:100%">'


def map_of_stars(
    xy: ArrayLike,
    radii: Sequence[float],
    alt: str,
    *,
    outliers: ArrayLike = (),
    lines: Sequence[tuple[ArrayLike, ArrayLike]] = (),
) -> str:
    """Draw positions (x, y) as an SVG in the colour of the text.

    Parameters
    ----------
    xy : array_like of shape (N, 2)
        Circles.
    radii : sequence of float, length N
        Their radii on the screen, in CSS pixels.
    alt : str
        The map in words.
    outliers : array_like of shape (K, 2), optional
        Crosses.
    lines : sequence of pairs of positions, optional
        From where to where.

    Returns
    -------
    str
        Empty where there is nothing to draw.
    """
    circles, crosses = np.reshape(xy, (-1, 2)), np.reshape(outliers, (-1, 2))
    ends = np.reshape([end for line in lines for end in line], (-1, 2))
    points = np.vstack([circles, crosses, ends])
    if not len(points):
        return ""
    low, high = points.min(axis=0), points.max(axis=0)
    width, height = (max(float(side), 1.0) for side in high - low)
    scale = min(_WIDTH_PX / width, _WIDTH_PX / height)

    def place(position: ArrayLike) -> tuple[float, float]:
        x, y = (np.asarray(position) - low) * scale
        return round(float(x), 1), round(float(y), 1)

    marks = [
        f'<line x1="{x}" y1="{y}" x2="{u}" y2="{v}" opacity="0.5"/>'
        for (x, y), (u, v) in ((place(start), place(end)) for start, end in lines)
    ]
    marks += [
        f'<circle cx="{x}" cy="{y}" r="{radius:.1f}"/>'
        for (x, y), radius in zip(map(place, circles), radii, strict=True)
    ]
    marks += [f'<path d="M{x - 4:.1f} {y - 4:.1f}l8 8m0 -8l-8 8"/>' for x, y in map(place, crosses)]
    box = f"-6 -6 {width * scale + 12:.0f} {height * scale + 12:.0f}"
    return (
        f'<svg role="img" aria-label="{escape(alt)}" viewBox="{box}" '
        f'width="{width * scale + 12:.0f}" height="{height * scale + 12:.0f}" '
        'fill="none" stroke="currentColor" stroke-width="1.2" '
        f'style="max-width:100%;border:1px solid">{"".join(marks)}</svg>'
    )


def known(value: float | None, digits: int, unit: str = "") -> str:
    """Return a number with its unit, or a dash where it is None or NaN.

    Examples
    --------
    >>> known(3.14159, 2, "px"), known(None, 2, "px"), known(1e6, 0)
    ('3.14 px', '–', '1,000,000')
    """
    if value is None or not math.isfinite(value):
        return "–"
    return f"{value:,.{digits}f} {unit}".rstrip()


def counted(count: int, noun: str) -> str:
    """Return how many there are.

    Examples
    --------
    >>> counted(1, "star"), counted(0, "star")
    ('1 star', '0 stars')
    """
    return f"{count:,} {noun}" + ("" if count == 1 else "s")
