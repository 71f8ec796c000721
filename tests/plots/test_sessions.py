"""What plots of matches and of reports say; how they look is in test_reference_images."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from figures import axis_labels, known_pairs, known_reports
from matplotlib.figure import Figure

from seestack import LiveStacker, Registration, Transform
from seestack.plots import plot_matches, plot_offsets, plot_quality, plot_snr_gain
from seestack.simulation import random_field, simulate_frame


def line_of(ax, label):
    (line,) = [line for line in ax.lines if line.get_label().startswith(label)]
    return line


def test_inliers_outliers_and_lonely_stars_differ_in_shape_and_colour():
    image, registration, stars = known_pairs()
    ax = plot_matches(image, registration, stars=stars)
    labels = ("pair that agrees", "pair that does not", "star without partner")
    lines = [line_of(ax, label) for label in labels]
    assert [len(line.get_xdata()) for line in lines] == [5, 2, 2]
    assert len({line.get_marker() for line in lines}) == 3
    assert len({line.get_markeredgecolor() for line in lines}) == 3
    np.testing.assert_array_equal(lines[0].get_xydata(), registration.frame_xy[:5])
    assert ax.get_title() == f"5 of 7 pairs agree, rms {registration.rms_px:.2f} px"
    assert axis_labels(ax) == ["x (px)", "y (px)"]


def test_arrows_lead_from_the_frame_to_the_reference():
    image, registration, _ = known_pairs()
    ax = plot_matches(image, registration)
    starts, ends = (
        sorted(tuple(map(float, getattr(text, name))) for text in ax.texts)
        for name in ("xyann", "xy")
    )
    assert starts == sorted(map(tuple, registration.frame_xy.tolist()))
    assert ends == sorted(map(tuple, registration.reference_xy.tolist()))
    dashed = [text.arrow_patch.get_linestyle() in ("--", "dashed") for text in ax.texts]
    assert sum(dashed) == 2


@pytest.mark.parametrize("nothing", [None, Registration(Transform.identity())])
def test_a_reference_has_no_pairs(nothing):
    ax = plot_matches(np.arange(600.0).reshape(20, 30), nothing)
    assert ax.get_title() == "no pairs"
    assert ax.get_legend() is None


def test_the_track_has_the_stacked_frames_in_order_at_an_equal_aspect():
    track, rotation = plot_offsets(known_reports()).child_axes
    stacked = [index for index in range(12) if index not in (4, 7)]
    offsets = [(1.5 * index, 0.1 * index**2) for index in stacked]
    (points,) = track.collections
    np.testing.assert_allclose(points.get_offsets(), offsets, rtol=0, atol=1e-9)
    np.testing.assert_array_equal(points.get_array(), stacked)
    assert track.get_aspect() == 1.0
    assert track.yaxis_inverted()
    assert tuple(line_of(track, "first").get_xydata()[0]) == offsets[0]
    assert tuple(line_of(track, "last").get_xydata()[0]) == offsets[-1]
    (turn,) = rotation.lines
    np.testing.assert_allclose(turn.get_xydata()[-1], (11, 0.55), rtol=0, atol=1e-9)


def test_the_gain_is_drawn_beside_the_square_root():
    ax = plot_snr_gain(known_reports())
    ideal, measured = line_of(ax, "√N"), line_of(ax, "measured")
    np.testing.assert_allclose(ideal.get_ydata() ** 2, ideal.get_xdata(), rtol=1e-9, atol=0)
    assert measured.get_xdata()[-1] == 10
    assert measured.get_ydata()[-1] == pytest.approx(0.95 * 10**0.5, abs=0.01)
    assert ideal.get_linestyle() != measured.get_linestyle()


def test_rejected_frames_are_crosses_with_their_reasons():
    ax = plot_quality(known_reports())
    *measured, reasons = ax.child_axes
    assert len(measured) == 6
    for panel in measured:
        stacked, rejected = panel.lines
        assert (stacked.get_marker(), rejected.get_marker()) == ("o", "x")
        assert rejected.get_xdata().tolist() == [4, 7]
        assert len(stacked.get_xdata()) == 10
    texts = [label.get_text() for label in reasons.get_yticklabels()]
    assert texts == ["offset out of range", "alignment failed"]
    assert [line.get_xdata() for line in reasons.lines] == [[4], [7]]
    assert ax.get_title() == "10 frames stacked (dots), 2 rejected (crosses)"


def test_frames_refused_by_the_same_limit_share_a_line():
    st = LiveStacker(max_sky=1.5)
    field = random_field((120, 180), 40, seed=5)
    for n, sky_adu in enumerate((800, 800, 800, 1600, 1700, 800)):
        st.add_frame(simulate_frame(field, (120, 180), seed=n, sky_adu=sky_adu))
    assert len({report["reason"] for report in st.reports if not report["accepted"]}) == 2
    reasons = plot_quality(st.reports).child_axes[-1]
    assert [label.get_text() for label in reasons.get_yticklabels()] == ["sky out of range"]
    (line,) = reasons.lines
    assert list(line.get_xdata()) == [3, 4]


def test_long_reasons_are_wrapped_and_shortened():
    reports = known_reports()
    reports[4]["reason"] = "the file night/0004.fit ends too early, and " * 4
    label = plot_quality(reports).child_axes[-1].get_yticklabels()[0].get_text()
    assert max(map(len, label.split("\n"))) <= 22
    assert label.endswith("…")


@pytest.mark.parametrize("plot", [plot_offsets, plot_snr_gain, plot_quality])
def test_every_axis_has_its_unit(plot):
    labels = [label for label in axis_labels(plot(known_reports())) if label]
    units = ("(px)", "(°)", "(ADU)", "(count)", "(ratio)", "(ratio to one frame)")
    without = [label for label in labels if not label.endswith(units)]
    assert set(without) <= {"Frame number (the first is 0)", "Frame number"}
    assert labels


@pytest.mark.parametrize("plot", [plot_offsets, plot_snr_gain, plot_quality])
@pytest.mark.parametrize("kept", [slice(0), slice(1), slice(4, 5), slice(None)])
def test_few_frames_without_measurements_can_be_drawn(plot, kept):
    reports = known_reports()[kept]
    for report in reports:
        report |= {"fwhm_px": None, "rotation_deg": None, "snr_gain_measured": None}
        del report["sky_adu"]
    plot(reports).figure.canvas.draw()


def test_what_was_never_measured_is_said():
    reports = [report | {"fwhm_px": None} for report in known_reports()]
    fwhm, elongation = plot_quality(reports).child_axes[:2]
    assert [text.get_text() for text in fwhm.texts] == ["not measured"]
    assert not elongation.texts


def test_each_quality_panel_shows_its_own_measurement():
    panels = plot_quality(known_reports()).child_axes
    for panel, key in zip(
        panels,
        ("fwhm_px", "elongation", "sky_adu", "transparency", "stars", "weight"),
        strict=False,
    ):
        stacked = [report[key] for report in known_reports() if report["accepted"]]
        assert panel.lines[0].get_ydata().tolist() == stacked


def test_axes_of_the_user_need_no_pyplot():
    image, registration, stars = known_pairs()
    axes = Figure().subplots(2, 2).ravel()
    assert plot_matches(image, registration, stars=stars, ax=axes[0]) is axes[0]
    for ax, plot in zip(axes[1:], (plot_offsets, plot_snr_gain, plot_quality), strict=True):
        assert plot(known_reports(), ax=ax) is ax
    axes[0].figure.canvas.draw()
    assert not plt.get_fignums()
