"""Masters from the files of calibration frames."""

from __future__ import annotations

import warnings
from collections.abc import Iterable

from seestack.masters import Calibration, CalibrationMismatchError, Master, check_match
from seestack.model import Frame
from seestack.sources.files import FrameWarning, StrPath, find_frames, read_frame
from seestack.steps.combination import bad_pixels, make_master

__all__ = ["read_calibration"]

_Paths = StrPath | Iterable[StrPath]


def read_calibration(
    *,
    bias: _Paths | None = None,
    dark: _Paths | None = None,
    flat: _Paths | None = None,
    scale_dark: bool = False,
) -> Calibration:
    """Combine the calibration frames of files and folders.

    Parameters
    ----------
    bias, dark, flat : path-like or iterable of path-like, optional
        Raw frames of each kind, see `seestack.find_frames`.
    scale_dark : bool, default False
        See `seestack.calibrate`.

    Returns
    -------
    Calibration
        With the bad pixels of the dark. The flats lose the dark where it fits them,
        else the bias.

    Raises
    ------
    UnreadableFrameError
        If a path holds no frame.
    CalibrationMismatchError
        If frames of one kind differ from each other, or the bias from the flats.
    ValueError
        If a dark is to be scaled without a bias, or a flat shows no light.

    Warns
    -----
    FrameWarning
        If nothing can be taken off the flats.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> from astropy.io import fits
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for n in range(3):
    ...         pixels = np.random.default_rng(n).normal(50, 2, (40, 60)).astype(np.float32)
    ...         fits.writeto(f"{folder}/{n}.fit", pixels, fits.Header({"EXPTIME": 10.0}))
    ...     read_calibration(dark=folder).described()
    ['dark = 3 frames, 10 s', 'bad pixels = 0']
    """
    master_bias = None if bias is None else make_master(_frames(bias), "bias")
    master_dark = None if dark is None else make_master(_frames(dark), "dark")
    master_flat = None if flat is None else _flat(_frames(flat), master_bias, master_dark)
    bad = None if master_dark is None else bad_pixels(master_dark)
    return Calibration(master_bias, master_dark, master_flat, bad, scale_dark)


def _frames(paths: _Paths) -> list[Frame]:
    return [read_frame(path) for path in find_frames(paths)]


def _flat(flats: list[Frame], bias: Master | None, dark: Master | None) -> Master:
    if dark is not None and all(_fits(flat, dark) for flat in flats):
        return make_master(flats, "flat", dark=dark)
    if bias is None:
        warnings.warn(
            "nothing is taken off the flats, so they correct too little; "
            "add bias frames, or darks of the exposure of the flats",
            FrameWarning,
            stacklevel=3,
        )
    return make_master(flats, "flat", bias=bias)


def _fits(frame: Frame, master: Master) -> bool:
    try:
        check_match(frame, master)
    except CalibrationMismatchError:
        return False
    return True
