"""Reports, stars and star pairs as tables of pandas or astropy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from seestack.model import FrameReport, Registration, Stars

if TYPE_CHECKING:
    from astropy.table import Table
    from pandas import DataFrame

__all__ = ["as_dataframe", "as_table"]

Tabular = Sequence[FrameReport] | Stars | Registration
# Names end in their unit.
_UNITS = {"_px": "pix", "_deg": "deg", "_adu": "adu", "_s": "s"}


def as_table(values: Tabular) -> Table:
    """Return an astropy Table with units.

    Parameters
    ----------
    values : sequence of FrameReport, Stars or Registration
        One row for each frame, star or pair.

    Returns
    -------
    astropy.table.Table
        The columns of the CSV ledger for reports: ``offset`` becomes ``dx_px`` and
        ``dy_px``. What is not known is masked.

    Raises
    ------
    TypeError
        If `values` is something else.

    Examples
    --------
    >>> table = as_table(Stars([[10.0, 20.0], [30.5, 7.25]]))
    >>> table.colnames[:3], table["x_px"].unit, len(table)
    (['x_px', 'y_px', 'flux'], Unit("pix"), 2)
    """
    from astropy.table import MaskedColumn, Table

    table = Table()
    for name, column in _columns(values).items():
        absent = np.array([value is None for value in column], bool)
        known = [value for value in column if value is not None]
        # A column of which nothing is known holds numbers, as its neighbours do.
        filler = type(known[0])() if known else 0.0
        filled = [filler if value is None else value for value in column]
        unit = next((unit for end, unit in _UNITS.items() if name.endswith(end)), None)
        kind = MaskedColumn if absent.any() else table.Column
        options = {"mask": absent} if absent.any() else {}
        table[name] = kind(filled, unit=unit, **options)
    return table


def as_dataframe(values: Tabular) -> DataFrame:
    """Return a pandas DataFrame.

    Parameters
    ----------
    values : sequence of FrameReport, Stars or Registration
        One row for each frame, star or pair.

    Returns
    -------
    pandas.DataFrame
        The columns of `as_table`. What is not known is NaN.

    Raises
    ------
    ImportError
        If pandas is not installed.
    TypeError
        If `values` is something else.

    Examples
    --------
    >>> as_dataframe(Stars([[10.0, 20.0], [30.5, 7.25]]))["y_px"].tolist()
    [20.0, 7.25]
    """
    try:
        import pandas as pd
    except ImportError as error:
        raise ImportError(
            "as_dataframe needs pandas; install it with `pip install pandas`, "
            "or use as_table, which does not"
        ) from error
    # Without a known value pandas would make a column of objects.
    return pd.DataFrame(
        {
            name: np.full(len(column), np.nan) if all(v is None for v in column) else list(column)
            for name, column in _columns(values).items()
        }
    )


def _columns(values: Tabular) -> Mapping[str, Sequence[Any]]:
    if isinstance(values, Stars):
        return _star_columns(values)
    if isinstance(values, Registration):
        return _pair_columns(values)
    if isinstance(values, Mapping | str) or not isinstance(values, Sequence):
        raise TypeError(
            "values must be a sequence of reports, Stars or a Registration, "
            f"got {type(values).__name__}"
        )
    return _report_columns(values)


def _report_columns(reports: Sequence[FrameReport]) -> dict[str, list[Any]]:
    rows = [_row(report) for report in reports] or []
    template = rows or [_row(dict.fromkeys(FrameReport.__annotations__) | {"offset": (0.0, 0.0)})]
    # Reports of another version may lack keys.
    names = list(dict.fromkeys(name for row in template for name in row))
    return {name: [row.get(name) for row in rows] for name in names}


def _row(report: Mapping[str, Any]) -> dict[str, Any]:
    row: dict[str, Any] = {}
    for key, value in report.items():
        if key == "offset":
            row["dx_px"], row["dy_px"] = value
        elif isinstance(value, list | tuple):
            row[key] = " ".join(map(str, value))
        else:
            row[key] = value
    return row


def _star_columns(stars: Stars) -> dict[str, list[float]]:
    columns = {
        "x_px": stars.xy[:, 0],
        "y_px": stars.xy[:, 1],
        "flux": stars.flux,
        "fwhm_px": stars.fwhm_px,
        "xy_err_px": stars.xy_err_px,
        "elongation": stars.elongation,
    }
    return {name: _known(column) for name, column in columns.items()}


def _pair_columns(registration: Registration) -> dict[str, list[Any]]:
    columns = {
        "frame_x_px": registration.frame_xy[:, 0],
        "frame_y_px": registration.frame_xy[:, 1],
        "reference_x_px": registration.reference_xy[:, 0],
        "reference_y_px": registration.reference_xy[:, 1],
        "residual_px": registration.residuals_px,
    }
    pairs: dict[str, list[Any]] = {name: _known(column) for name, column in columns.items()}
    return pairs | {"inlier": registration.inliers.tolist()}


def _known(column: np.ndarray[Any, Any]) -> list[Any]:
    return [None if np.isnan(value) else value for value in column.tolist()]
