import sys

import numpy as np
import pytest
from figures import known_pairs, known_reports

from seestack import LiveStacker, Stars, as_dataframe, as_table, write_frames_csv


def test_reports_become_the_columns_of_the_ledger(tmp_path):
    st = LiveStacker()
    st.reject("file cannot be read", source="night/0001.fit")
    write_frames_csv(tmp_path / "frames.csv", st.reports)
    columns = (tmp_path / "frames.csv").read_text().splitlines()[0].split(",")
    assert as_table(st.reports).colnames == columns
    assert as_dataframe(st.reports).columns.tolist() == columns
    assert as_dataframe([]).columns.tolist() == columns
    assert len(as_table([])) == 0


def test_values_and_units_are_kept_and_what_is_unknown_is_marked():
    table, frame = as_table(known_reports()), as_dataframe(known_reports())
    assert table["dx_px"].tolist()[:3] == frame["dx_px"].tolist()[:3] == [0.0, 1.5, 3.0]
    assert (table["dx_px"].unit, table["sky_adu"].unit) == ("pix", "adu")
    assert (table["rotation_deg"].unit, table["reason"].unit) == ("deg", None)
    assert np.flatnonzero(table["fwhm_px"].mask).tolist() == [4, 7]
    assert np.flatnonzero(frame["fwhm_px"].isna()).tolist() == [4, 7]
    assert frame["frames_stacked"].dtype.kind == table["frames_stacked"].dtype.kind == "i"
    assert frame["accepted"].sum() == table["accepted"].sum() == 10
    assert table["rms_px"].mask.all()
    assert frame["rms_px"].dtype.kind == "f"


def test_lists_become_text_and_keys_of_one_report_alone_a_column():
    reports = known_reports()
    reports[3] |= {"amended": [1, 2], "moon_deg": 1.2}
    table, frame = as_table(reports), as_dataframe(reports)
    assert table["amended"][3] == frame["amended"][3] == "1 2"
    assert table["moon_deg"].mask.sum() == frame["moon_deg"].isna().sum() == 11


def test_stars_and_pairs_become_tables():
    _, registration, stars = known_pairs()
    table, frame = as_table(stars), as_dataframe(stars)
    np.testing.assert_array_equal(np.column_stack([table["x_px"], table["y_px"]]), stars.xy)
    np.testing.assert_array_equal(frame[["x_px", "y_px"]], stars.xy)
    assert table["fwhm_px"].mask.all()
    pairs = as_dataframe(registration)
    np.testing.assert_array_equal(pairs[["frame_x_px", "frame_y_px"]], registration.frame_xy)
    np.testing.assert_array_equal(
        as_table(registration)["reference_y_px"], registration.reference_xy[:, 1]
    )
    assert pairs["inlier"].tolist() == registration.inliers.tolist()
    assert len(as_table(Stars([]))) == len(as_dataframe(Stars([]))) == 0


@pytest.mark.parametrize("convert", [as_table, as_dataframe])
@pytest.mark.parametrize("values", ["reports", {"index": 1}, 3, None])
def test_what_is_no_table_is_refused(convert, values):
    with pytest.raises(TypeError, match="values must be a sequence of reports, Stars or a Reg"):
        convert(values)


def test_without_pandas_the_remedy_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ImportError, match=r"needs pandas; install it with .* or use as_table"):
        as_dataframe(known_reports())
