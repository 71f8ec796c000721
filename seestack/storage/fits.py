"""Write stacks and frames as FITS files that the next program understands.

The mean is the primary image; its variance, a mask and the number of frames follow as
extensions, under the names by which astropy's `CCDData` finds them. Of the reference
frame's header only known keywords are carried over, so neither the place of the
observer nor anything that is true of a single frame only slips through.
"""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seestack.model import Frame, Observation, Stack
from seestack.storage.replacing import replacing

__all__ = ["write_frame", "write_stack"]

_ENDINGS = (".fits", ".fit", ".fts")
_OPTICS = "TELESCOP INSTRUME CAMERA FILTER FOCALLEN APERTURE APTDIA FOCRATIO"
_CAMERA = "GAIN EGAIN OFFSET CCD-TEMP SET-TEMP XBINNING YBINNING XPIXSZ YPIXSZ PIXSIZE1 PIXSIZE2"
_TARGET = "OBJECT OBJCTRA OBJCTDEC RA DEC IMAGETYP ROWORDER"
_CARRIED = f"{_TARGET} {_OPTICS} {_CAMERA}".split()
_WCS = re.compile(
    r"(?:CTYPE|CRPIX|CRVAL|CUNIT|CDELT|CROTA)[12]|(?:CD|PC)[12]_[12]|PV[12]_\d+"
    r"|(?:A|B|AP|BP)_(?:ORDER|\d_\d)|LONPOLE|LATPOLE|RADESYS|EQUINOX"
)
_SITE = re.compile(
    r"SITE(?:LAT|LONG?|ELEV)|OBSGEO-.|(?:OBS-?)?(?:LAT|LONG?|ALT|ELEV)(?:-?OBS)?"
    r"|LATITUDE|LONGITUD|ELEVATIO|ALTITUDE|GPS_(?:LAT|LON|ALT)|GEO(?:LAT|LON|ELEV)"
)
_KEYWORD = re.compile(r"[A-Z0-9_-]{1,8}")
_STRUCTURE = {
    "END",
    "SIMPLE",
    "BITPIX",
    "EXTEND",
    "BZERO",
    "BSCALE",
    "XTENSION",
    "PCOUNT",
    "GCOUNT",
}
_MJD_EPOCH = datetime(1858, 11, 17, tzinfo=UTC)


def write_stack(
    path: str | os.PathLike[str],
    stack: Stack,
    observation: Observation | None = None,
    *,
    history: Iterable[str] = (),
    with_site: bool = False,
    overwrite: bool = False,
) -> None:
    """Write a stack to a FITS file.

    Parameters
    ----------
    path : path-like
        Ends in ``.fits``, ``.fit`` or ``.fts``. Missing folders are made.
    stack : Stack
        The stack in ADU, (H, W), or (H, W, 3) with colours.
    observation : Observation, optional
        Times and reference frame, for the header.
    history : iterable of str, optional
        Lines for HISTORY cards, such as the settings of the stack.
    with_site : bool, default False
        Carry over the observer's coordinates from the reference frame.
    overwrite : bool, default False
        Replace a file of that name.

    Raises
    ------
    ValueError
        If the name has another ending.
    FileExistsError
        If the file exists and `overwrite` is not set.
    OSError
        If the file cannot be written, for want of space or rights; names the file.

    Notes
    -----
    The file is complete or not there: it is written under another name in the same
    folder and renamed, so a full disk leaves an older file as it was. Every unit has its
    CHECKSUM and DATASUM, by which ``astropy.io.fits.open(path, checksum=True)`` and
    ``fitscheck`` find damage.

    ===========  =========  =====================================================
    image        type       content
    ===========  =========  =====================================================
    (primary)    float32    mean in ADU, NaN where no frame covered the pixel
    UNCERT       float32    variance of the mean in ADU squared, NaN if unknown
    MASK         uint8      1 where the mean is not known
    COVERAGE     int32      number of frames
    WEIGHT       float32    sum of the weights
    REJECTED     int32      samples left out, of a stack without its outliers
    ===========  =========  =====================================================

    A colour stack makes images of shape (3, H, W), the planes red, green and blue, and
    the card COLORSPC = 'RGB' says so. astropy opens a WCS with distortions (SIP) from
    such a file with ``WCS(header, naxis=2)``.

    EXPTIME is the exposure of the reference frame, TOTALEXP the sum of all; STACKCNT
    and NCOMBINE the number of frames; DATE-OBS, DATE-AVG and DATE-END begin, middle
    and end of the whole observation in UTC. The WCS is that of the reference frame,
    whose pixels the stack has.

    Examples
    --------
    >>> import tempfile
    >>> from astropy.nddata import CCDData
    >>> ones = np.ones((4, 6))
    >>> stack = Stack(5 * ones, 2 * ones, 8 * ones, np.full((4, 6), 2, np.int32), 2)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_stack(Path(folder) / "stack.fits", stack)
    ...     ccd = CCDData.read(Path(folder) / "stack.fits")
    >>> ccd.unit.to_string(), float(ccd.uncertainty.array[0, 0]), ccd.header["STACKCNT"]
    ('adu', 4.0, 2)
    """
    target = _checked(path, overwrite)
    _put(target, _units(stack, _cards(stack, observation or Observation(), with_site), history))


def write_frame(
    path: str | os.PathLike[str], frame: Frame, *, with_site: bool = False, overwrite: bool = False
) -> None:
    """Write a frame to a FITS file, as it came.

    Parameters
    ----------
    path : path-like
        Ends in ``.fits``, ``.fit`` or ``.fts``. Missing folders are made.
    frame : Frame
        Its pixels are written in their own type, a mosaic as a mosaic.
    with_site : bool, default False
        Write the observer's coordinates, where the frame's header has them.
    overwrite : bool, default False
        Replace a file of that name.

    Raises
    ------
    ValueError
        If the name has another ending.
    FileExistsError
        If the file exists and `overwrite` is not set.
    OSError
        If the file cannot be written, for want of space or rights; names the file.

    Examples
    --------
    >>> import tempfile
    >>> from seestack.sources.files import read_frame
    >>> frame = Frame(np.arange(12, dtype=np.uint16).reshape(3, 4), 10.0, bayer="GRBG")
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_frame(Path(folder) / "sub.fits", frame)
    ...     again = read_frame(Path(folder) / "sub.fits")
    >>> again.image.tolist() == frame.image.tolist(), again.exposure_s, again.bayer
    (True, 10.0, 'GRBG')
    """
    from astropy.io import fits

    target = _checked(path, overwrite)
    primary = fits.PrimaryHDU(np.asarray(frame.image))
    for keyword, value in frame.header.items():
        private = _SITE.fullmatch(keyword) and not with_site
        known = _KEYWORD.fullmatch(keyword) and not _is_structure(keyword)
        if known and not private and _fits_in(value):
            primary.header[keyword] = _plain(value)
    if frame.exposure_s is not None:
        primary.header["EXPTIME"] = (frame.exposure_s, "[s] exposure time")
    if frame.start is not None:
        utc = frame.start.astimezone(UTC).replace(tzinfo=None)
        primary.header["DATE-OBS"] = (utc.isoformat(), "start of the exposure, UTC")
    # The pattern that a reader must see first: offsets and order are taken into account.
    for keyword in ("XBAYROFF", "YBAYROFF", "ROWORDER", "BAYERPAT"):
        primary.header.remove(keyword, ignore_missing=True)
    if frame.bayer is not None:
        primary.header["BAYERPAT"] = (frame.bayer, "colours from the first pixel on")
    _put(target, fits.HDUList([primary]))


def _is_structure(keyword: str) -> bool:
    return keyword in _STRUCTURE or keyword.startswith(("NAXIS", "CHECKSUM", "DATASUM"))


def _checked(path: str | os.PathLike[str], overwrite: bool) -> Path:
    target = Path(path)
    if target.suffix.lower() not in _ENDINGS:
        raise ValueError(f"path must end in {', '.join(_ENDINGS)}, got {target.name!r}")
    if target.exists() and not overwrite:
        raise FileExistsError(f"{target} exists; choose another name or set overwrite=True")
    return target


def _put(path: Path, units: Any) -> None:
    """Write a file that is complete or not there, with a checksum in every unit."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        reason = error.strerror or str(error)
        raise OSError(error.errno or errno.EIO, reason, str(path)) from error
    with replacing(path) as file:
        units.writeto(file, checksum=True)


def _units(stack: Stack, cards: Iterable[tuple[str, Any, str]], history: Iterable[str]) -> Any:
    from astropy.io import fits

    primary = fits.PrimaryHDU(_planes(stack.mean.astype(np.float32)))
    for keyword, value, comment in cards:
        primary.header[keyword] = (value, comment)
    if stack.mean.ndim == 3:
        primary.header["COLORSPC"] = ("RGB", "planes: red, green, blue")
    for line in history:
        for part in line.splitlines():
            primary.header.add_history(_plain(part))
    uncertainty = fits.ImageHDU(_planes(stack.variance.astype(np.float32)), name="UNCERT")
    uncertainty.header["UTYPE"] = ("VarianceUncertainty", "kind of uncertainty")
    uncertainty.header["BUNIT"] = ("adu2", "variance of the mean")
    unknown = (stack.coverage == 0) | ~np.isfinite(stack.mean)
    mask = fits.ImageHDU(_planes(unknown.astype(np.uint8)), name="MASK")
    coverage = fits.ImageHDU(_planes(stack.coverage.astype(np.int32)), name="COVERAGE")
    weight = fits.ImageHDU(_planes(stack.weight.astype(np.float32)), name="WEIGHT")
    units = [primary, uncertainty, mask, coverage, weight]
    if stack.rejected is not None:
        rejected = _planes(stack.rejected.astype(np.int32))
        units.append(fits.ImageHDU(rejected, name="REJECTED"))
    return fits.HDUList(units)


def _planes(image: NDArray[Any]) -> NDArray[Any]:
    """Return the image with its colours, if it has any, along the first axis."""
    return np.ascontiguousarray(np.moveaxis(image, 2, 0)) if image.ndim == 3 else image


def _cards(
    stack: Stack, observation: Observation, with_site: bool
) -> Iterator[tuple[str, Any, str]]:
    """Yield (keyword, value, comment) of the primary header."""
    reference = observation.reference
    yield "BUNIT", "adu", "mean of the frames"
    yield "STACKCNT", stack.frames, "number of stacked frames"
    yield "NCOMBINE", stack.frames, "number of stacked frames"
    if reference is not None and reference.exposure_s is not None:
        yield "EXPTIME", reference.exposure_s, "[s] exposure of one frame"
    if observation.total_exposure_s > 0:
        yield "TOTALEXP", observation.total_exposure_s, "[s] exposure of all frames"
    yield from _times(observation)
    yield "SWCREATE", "seestack", "program that made this file"
    if reference is None:
        return
    header = reference.header
    # With the colours along the first axis, the reference's WCS is not about x and y.
    if reference.image.ndim == 2 or reference.image.shape[-1] != 3:
        yield from _wcs(header)
    for keyword in _CARRIED:
        if _fits_in(header.get(keyword)):
            yield keyword, _plain(header[keyword]), ""
    if with_site:
        for keyword, value in header.items():
            if _SITE.fullmatch(keyword) and _fits_in(value):
                yield keyword, _plain(value), ""


def _times(observation: Observation) -> Iterator[tuple[str, Any, str]]:
    moments = {
        "OBS": (observation.start, "start of the first exposure"),
        "AVG": (observation.middle, "mean of the middles of the exposures"),
        "END": (observation.end, "end of the last exposure"),
    }
    if observation.start is not None:
        yield "TIMESYS", "UTC", "time scale"
    for name, (moment, comment) in moments.items():
        if moment is not None:
            utc = moment.astimezone(UTC)
            text = utc.replace(tzinfo=None).isoformat(timespec="milliseconds")
            yield f"DATE-{name}", text, comment
            yield f"MJD-{name}", (utc - _MJD_EPOCH).total_seconds() / 86400, f"[d] {comment}"


def _wcs(header: Mapping[str, Any]) -> Iterator[tuple[str, Any, str]]:
    """Yield the cards of the two celestial axes, none if they are incomplete."""
    needed = ("CTYPE1", "CTYPE2", "CRVAL1", "CRVAL2", "CRPIX1", "CRPIX2")
    if not all(_fits_in(header.get(keyword)) for keyword in needed):
        return
    yield "WCSAXES", 2, ""
    for keyword, value in header.items():
        if keyword == "RADECSYS" and "RADESYS" not in header:
            keyword = "RADESYS"
        if _WCS.fullmatch(keyword) and _fits_in(value):
            yield keyword, _plain(value), ""


def _fits_in(value: Any) -> bool:
    """Tell whether a card can hold the value."""
    return isinstance(value, (str, bool, int)) or (isinstance(value, float) and np.isfinite(value))


def _plain(value: Any) -> Any:
    """Replace what a card cannot hold by question marks."""
    if not isinstance(value, str):
        return value
    return "".join(letter if " " <= letter <= "~" else "?" for letter in value)
