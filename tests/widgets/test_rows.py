"""The words about a frame that was left out: in the table, in a hint, in the card."""

import re
from html import unescape

import numpy as np
import pytest

from seestack import LiveStacker, RejectionKind
from seestack.display.cards import stacker_html
from seestack.simulation import random_field, simulate_frame
from seestack.widgets.fields import MAIN, MORE, named_as_shown
from seestack.widgets.rows import frame_table

SHAPE = (120, 180)
REMEDY = re.compile('<small class="seestack-remedy">(.*?)</small>')


@pytest.fixture
def stacker():
    """Two frames, two cut ones, an empty one and a third frame."""
    field = random_field(SHAPE, 40, seed=5)
    frames = [simulate_frame(field, SHAPE, seed=seed) for seed in range(3)]
    st = LiveStacker()
    for image in (*frames[:2], frames[0][:-5], frames[1][:-9], np.ones(SHAPE), frames[2]):
        st.add_frame(image)
    return st


def rows_of(html):
    return html.split("<tr")[2:]


def test_a_row_says_what_can_be_done_about_its_frame_once_for_frames_in_a_row(stacker):
    reports = stacker.reports
    assert [report["rejection"] for report in reports] == [
        None, None, "size", "size", "no_match", None,
    ]  # fmt: skip
    remedies = [list(map(unescape, REMEDY.findall(row))) for row in rows_of(frame_table(reports))]
    no_match = named_as_shown(RejectionKind.NO_MATCH.hint)
    assert remedies == [[], [no_match], [RejectionKind.SIZE.hint], [], [], []]


def test_the_newest_row_of_a_long_table_has_its_remedy():
    st = LiveStacker()
    for _ in range(201):
        st.reject("file cannot be read")
    html = frame_table(st.reports)
    assert len(rows_of(html)) == 200
    assert [bool(REMEDY.search(row)) for row in rows_of(html)] == [True] + [False] * 199
    assert "The newest 200 of 201 frames" in html


def test_reasons_and_names_are_text(stacker):
    stacker.reject("a <b> & more", source="night/<i>.fit")
    row = rows_of(frame_table(stacker.reports))[0]
    assert "a &lt;b&gt; &amp; more" in row
    assert 'title="&lt;i&gt;.fit"' in row
    assert "<b>" not in row
    assert "<i>" not in row


@pytest.mark.parametrize("kind", list(RejectionKind))
def test_a_hint_names_settings_as_the_form_does(kind):
    said = named_as_shown(kind.hint)
    assert not [field.key for field in (*MAIN, *MORE) if "_" in field.key and field.key in said]
    names = {field.name for field in (*MAIN, *MORE)}
    assert set(re.findall("“(.*?)”", said)) <= names


def test_a_hint_keeps_the_names_that_the_form_does_not_show():
    assert named_as_shown("lower min_stars, max_fwhm or max_offset_px, in colour") == (
        "lower min_stars, “Widest stars” or “Largest offset”, in colour"
    )


def test_the_card_of_a_stacker_has_the_hints(stacker):
    html = unescape(stacker_html(stacker))
    assert html.count(f"\n{RejectionKind.SIZE.hint}</td>") == 2
    assert f"\n{RejectionKind.NO_MATCH.hint}</td>" in html
    assert "white-space:pre-line" in html
