"""The colours of real mosaics: patterns seen in the pixels, and of a nebula that is known."""

import numpy as np
import pytest

from seestack import LiveStacker, Transform, find_frames, read_frame
from seestack.numerics.robust import sky_level
from seestack.steps.calibration import without_hot_pixels
from seestack.steps.stretching import stretch
from seestack.steps.warping import warp_mosaic

PATTERNS = {
    "eaa_m27_asi224mc": "RGGB",
    "seestar_s50_m94_n3": "GRBG",
    "seestar_s50_ngc7023_altaz": "GRBG",
}


@pytest.fixture(scope="module")
def m27(data_folder):
    """The six frames of M 27 as a colour stack, its mean."""
    st, total, count = LiveStacker(), 0.0, 0
    for path in find_frames(data_folder / "eaa_m27_asi224mc"):
        frame = read_frame(path)
        assert st.add_frame(frame)["accepted"]
        seen = st.last_registration
        transform = Transform.identity() if seen is None else seen.transform
        mosaic = without_hot_pixels(frame.image, frame.bayer)
        image, footprint = warp_mosaic(mosaic, frame.bayer, transform)
        total, count = total + np.nan_to_num(image), count + footprint
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


@pytest.mark.parametrize(("name", "bayer"), PATTERNS.items())
def test_the_greens_are_where_the_pattern_says(data_folder, name, bayer):
    frame = read_frame(find_frames(data_folder / name)[0])
    assert frame.bayer == bayer
    level = {(r, c): sky_level(frame.image[r::2, c::2])[0] for r in (0, 1) for c in (0, 1)}
    first, second = (divmod(k, 2) for k in range(4) if bayer[k] == "G")
    red, blue = (divmod(bayer.index(c), 2) for c in "RB")
    between_greens = abs(level[first] - level[second])
    assert between_greens < 0.01 * level[first]
    assert between_greens < 0.5 * abs(level[red] - level[first])
    assert between_greens < 0.5 * abs(level[blue] - level[first])


def test_m27_is_blue_green_with_a_reddish_rim(m27):
    red, green, blue = np.moveaxis(m27 - [sky_level(m27[..., k])[0] for k in range(3)], 2, 0)
    centre = np.s_[420:460, 570:610]
    rim = np.s_[532:546, 540:570]
    inside = [float(np.median(plane[centre])) for plane in (red, green, blue)]
    edge = [float(np.median(plane[rim])) for plane in (red, green, blue)]
    assert inside[1] > 1.3 * inside[0]
    assert inside[2] > 0.8 * inside[0]
    assert inside[2] / inside[0] > 1.5 * edge[2] / edge[0]
    assert edge[0] > 1.2 * edge[1]
    assert edge[0] > 1.2 * edge[2]


def test_the_picture_of_m27_shows_it_on_a_grey_sky(m27):
    picture = stretch(m27).astype(float)
    r, g, b = picture[420:460, 570:610].mean(axis=(0, 1))
    assert g > 1.1 * r
    bluish = b / r  # about 1: this camera is less sensitive to blue
    r, g, b = picture[532:546, 540:570].mean(axis=(0, 1))
    assert r > g
    assert b / r < 0.75 * bluish
    sky = np.median(picture[700:900, 200:1200], axis=(0, 1))
    assert np.ptp(sky) < 12
