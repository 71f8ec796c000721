import base64
import io
import re
from datetime import UTC, datetime
from xml.etree import ElementTree

import numpy as np
import pytest
from figures import known_pairs
from PIL import Image as PillowImage

from seestack import CaptureSession, Frame, LiveStacker, Registration, Stack, Stars, Transform
from seestack.display import cards
from seestack.simulation import random_field, simulate_frame

SHAPE = (120, 180)


def parsed(html):
    """Return the card as a tree: it is well-formed but for the unclosed <img>."""
    return ElementTree.fromstring(re.sub(r"(<img[^>]*)>", r"\1/>", html))


def facts(html):
    rows = [row for row in parsed(html).iter("tr") if row.find("th") is not None]
    return {row.find("th").text: row.find("td").text for row in rows if row.find("td") is not None}


def picture(html):
    (image,) = parsed(html).iter("img")
    assert image.get("alt")
    data = image.get("src").removeprefix("data:image/png;base64,")
    return PillowImage.open(io.BytesIO(base64.b64decode(data)))


@pytest.fixture
def stacker():
    field = random_field(SHAPE, 40, seed=5)
    st = LiveStacker()
    for seed in range(3):
        st.add_frame(simulate_frame(field, SHAPE, seed=seed))
    st.reject("file <b>0003.fit</b> & more cannot be read")
    return st


def test_a_frame_has_its_picture_and_its_numbers():
    start = datetime(2026, 4, 9, 21, 0, 5, tzinfo=UTC)
    image = np.arange(600 * 900.0).reshape(600, 900)
    html = cards.frame_html(Frame(image, exposure_s=10, start=start, source="a<b>.fit"))
    assert picture(html).size == (320, 213)
    assert facts(html) == {
        "Size": "900 × 600 px",
        "Source": "a<b>.fit",
        "Start": "2026-04-09 21:00:05 UTC",
        "Exposure": "10.00 s",
        "Colour": "none",
        "Median": "269,999.5 ADU",
        "Range": "0.0 to 539,999.0 ADU",
    }
    assert "<b>" not in html


@pytest.mark.parametrize("shape", [(20, 30, 3), (3, 20, 30)])
def test_colour_is_shown_in_colour(shape):
    html = cards.frame_html(Frame(np.arange(1800.0).reshape(shape)))
    assert (picture(html).size, picture(html).mode) == ((30, 20), "RGB")
    mosaic = Frame(np.arange(600, dtype=np.uint16).reshape(20, 30), bayer="GRBG")
    assert picture(cards.frame_html(mosaic)).mode == "RGB"
    assert facts(cards.frame_html(mosaic))["Colour"] == "Bayer GRBG"


@pytest.mark.parametrize(
    "image", [np.empty((0, 0)), np.full((5, 7), np.nan), np.zeros((5, 7, 2)), np.zeros(4)]
)
def test_an_odd_frame_has_a_card_too(image):
    assert "Frame" in cards.frame_html(Frame(image))


def test_stars_are_mapped_and_the_brightest_listed():
    flux = np.linspace(900.0, 100.0, 9)
    stars = Stars(np.arange(18.0).reshape(9, 2) ** 2, flux, fwhm_px=np.full(9, 3.2), sky_adu=950)
    html = cards.stars_html(stars)
    circles = list(parsed(html).iter("circle"))
    radii = [float(circle.get("r")) for circle in circles]
    assert len(circles) == 9
    assert radii == sorted(radii, reverse=True)
    assert radii[0] == 5.0
    assert facts(html) == {
        "Median FWHM": "3.20 px",
        "Median elongation": "–",
        "Sky": "950.0 ADU",
        "Noise of the sky": "–",
    }
    assert "9 stars" in html
    listed = [row for row in parsed(html).iter("tr") if row.find("th") is None]
    assert [row[2].text for row in listed] == ["900", "800", "700", "600", "500"]
    assert "currentColor" in html


def test_nothing_found_has_a_card_too():
    assert "0 stars" in cards.stars_html(Stars([]))
    html = cards.registration_html(Registration(Transform.identity()))
    assert facts(html)["Inliers"] == "0 of 0 pairs"
    assert facts(html)["Residual (rms)"] == "–"
    assert "<svg" not in html


def test_pairs_that_agree_differ_in_shape():
    _, registration, _ = known_pairs()
    html = cards.registration_html(registration)
    tree = parsed(html)
    counts = [len(list(tree.iter(tag))) for tag in ("circle", "path", "line")]
    assert counts == [5, 2, 7]
    assert facts(html)["Shift of pixel (0, 0)"] == "6.00, 4.00 px"
    assert facts(html)["Inliers"] == "5 of 7 pairs"


def test_a_stack_has_its_picture_and_its_numbers(stacker):
    stack = stacker.stack
    html = cards.stack_html(stack)
    assert picture(html).size == (180, 120)
    assert "3 frames" in html
    assert facts(html)["Size"] == "180 × 120 px"
    assert facts(html)["Median"] == f"{np.nanmedian(stack.mean):,.1f} ADU"
    assert isinstance(stack, Stack)


def test_a_stacker_tells_what_became_of_the_last_frames(stacker):
    html = cards.stacker_html(stacker)
    assert picture(html).size == (180, 120)
    assert "3 of 4 frames stacked" in html
    assert facts(html)["Rejected"] == "1 frame"
    assert facts(html)["SNR gain"] == "1.73"
    assert "✗ file &lt;b&gt;0003.fit&lt;/b&gt; &amp; more cannot be read" in html
    assert html.count("✓") == 3


@pytest.mark.usefixtures("no_session_thread_is_left")
def test_a_session_tells_its_state_and_leaves_the_preview_to_others(stacker):
    field = random_field(SHAPE, 40, seed=5)
    session = CaptureSession([simulate_frame(field, SHAPE, seed=n) for n in range(3)], frames=2)
    assert facts(cards.session_html(session))["State"] == "idle: not started"
    session.start()
    session.wait()
    html = cards.session_html(session)
    assert facts(html)["State"] == "finished: 2 frames stacked"
    assert facts(html)["Wanted"] == "2 frames"
    assert "2 of 2 frames stacked" in html
    # The first caller of a preview decides on its size, and a card is not one.
    assert PillowImage.open(io.BytesIO(session.preview(max_px=60))).size == (60, 40)
