"""Whole sequences as telescopes wrote them: every frame stacked, and stacked right."""

import re

import numpy as np
import pytest
from astropy.wcs import WCS

from seestack import LiveStacker, find_frames, read_frame

SEQUENCES = {
    "seestar_s50_ngc7023_altaz": 4,
    "seestar_s50_m94_n3": 11,
    "eaa_arp186_asi290mini": 24,
    "eaa_m27_asi224mc": 6,
}


@pytest.fixture(scope="module")
def stacked(data_folder):
    """Stack a sequence once: its stacker, its reports and the registrations."""
    done = {}

    def stack(name):
        if name not in done:
            st = LiveStacker()
            reports, registrations = [], []
            for path in find_frames(data_folder / name):
                reports.append(st.add_frame(read_frame(path)))
                registrations.append(st.last_registration)
            done[name] = st, reports, registrations
        return done[name]

    return stack


@pytest.mark.parametrize(("name", "count"), SEQUENCES.items())
def test_every_frame_is_accepted(stacked, name, count):
    st, reports, _ = stacked(name)
    assert [report["reason"] for report in reports] == ["reference frame"] + ["stacked"] * (
        count - 1
    )
    assert st.frames_stacked == count
    assert all(report["inliers"] >= 50 for report in reports[1:])
    assert all(report["rms_px"] < 0.5 for report in reports[1:])


def plate_solution(frame):
    kept = re.compile("(CTYPE|CRPIX|CRVAL|CUNIT|CDELT)[12]|(CD|PC)[12]_[12]|RADESYS|EQUINOX")
    return WCS({key: value for key, value in frame.header.items() if kept.fullmatch(key)})


def test_motion_agrees_with_the_plate_solution(stacked, data_folder):
    _, reports, registrations = stacked("seestar_s50_ngc7023_altaz")
    paths = find_frames(data_folder / "seestar_s50_ngc7023_altaz")
    reference, *others = (read_frame(path) for path in paths)
    solution = plate_solution(reference)
    rows, cols = np.mgrid[100:1900:200, 100:1000:150]
    grid = np.column_stack([cols.ravel(), rows.ravel()]).astype(float)
    for frame, registration, report in zip(others, registrations[1:], reports[1:], strict=True):
        sky = plate_solution(frame).pixel_to_world_values(grid)
        solved = solution.wcs_world2pix(sky, 0)
        difference = registration.transform(grid) - solved
        assert np.abs(difference.mean(axis=0)).max() < 0.15
        moved = solved - solved.mean(axis=0)
        along = grid - grid.mean(axis=0)
        angle = np.arctan2(
            (along[:, 0] * moved[:, 1] - along[:, 1] * moved[:, 0]).sum(),
            (along * moved).sum(),
        )
        assert report["rotation_deg"] == pytest.approx(np.rad2deg(angle), abs=0.01)


def test_motions_that_are_known(stacked):
    _, reports, _ = stacked("eaa_arp186_asi290mini")
    assert reports[-1]["rotation_deg"] == pytest.approx(-1.67, abs=0.02)
    _, reports, _ = stacked("eaa_m27_asi224mc")
    assert max(abs(report["rotation_deg"]) for report in reports) < 0.006
    assert np.hypot(*reports[-1]["offset"]) == pytest.approx(31, abs=1.0)
    _, reports, _ = stacked("seestar_s50_m94_n3")
    assert max(np.hypot(*report["offset"]) for report in reports) == pytest.approx(107, abs=1.0)


@pytest.mark.parametrize(
    ("name", "least"),
    [("seestar_s50_m94_n3", 0.95), ("eaa_arp186_asi290mini", 0.9), ("eaa_m27_asi224mc", 0.8)],
)
def test_noise_falls_as_the_frames_allow(stacked, name, least):
    _, reports, _ = stacked(name)
    ratio = reports[-1]["snr_gain_measured"] / reports[-1]["snr_gain"]
    assert least < ratio < 1.03


@pytest.mark.parametrize(
    "name",
    [
        "qhy268m_rasa11_wcs_sip_6s",
        "seestar_s50_dec76_bright_sky_10s",
        "seestar_s50_trailed_stars_2s",
        "streak_ystar_saao_60s",
    ],
)
def test_a_difficult_single_frame_gets_a_clear_report(data_folder, name):
    (path,) = (data_folder / "singles").glob(f"{name}.*")
    st = LiveStacker()
    first = st.add_frame(read_frame(path))
    again = st.add_frame(read_frame(path))
    assert re.fullmatch("reference frame( has too few stars)?", first["reason"])
    if first["accepted"]:
        assert again["reason"] == "stacked"
        assert again["offset"] == pytest.approx((0.0, 0.0), abs=0.01)
        assert again["rotation_deg"] == pytest.approx(0.0, abs=0.001)
    assert first["sky_adu"] > 0
