"""Read stack.fits back: the stack and when and with what it was taken.

A file is read only if it is whole. It is not ours to trust: what it says about itself is
checked against its size before memory is asked for.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seestack.model import Frame, Observation, Stack

__all__ = ["StackFileError", "read_observation", "read_stack"]

_IMAGES = ("UNCERT", "COVERAGE", "WEIGHT", "REJECTED")
# What astropy raises when it meets bytes that make no sense, besides an error of its own.
_DAMAGE = (
    *(ArithmeticError, AssertionError, AttributeError, EOFError, LookupError, MemoryError),
    *(OSError, RuntimeError, TypeError, ValueError),
)


class StackFileError(ValueError):
    """A file is no stack that can be used; the message names it, the reason and the remedy."""


def read_stack(path: str | os.PathLike[str]) -> Stack:
    """Read what `write_stack` wrote.

    Parameters
    ----------
    path : path-like
        The file.

    Returns
    -------
    Stack
        With the mean, weight, variance, coverage and rejections of the file, to the
        precision of float32; without `extremes`. The weight is the coverage in files of
        other programs that have no image WEIGHT.

    Raises
    ------
    StackFileError
        If the file is not there, is damaged (a checksum covers every byte), compressed, or
        lacks the images UNCERT and COVERAGE.

    Examples
    --------
    >>> import tempfile
    >>> from seestack.storage.fits import write_stack
    >>> ones = np.ones((4, 6))
    >>> stack = Stack(5 * ones, 2 * ones, 8 * ones, np.full((4, 6), 2, np.int32), 2)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_stack(Path(folder) / "stack.fits", stack)
    ...     again = read_stack(Path(folder) / "stack.fits")
    >>> again.frames, again.mean[0, 0].item(), again.variance[0, 0].item(), again.m2[0, 0].item()
    (2, 5.0, 4.0, 8.0)
    """
    header, images = _contents(path)
    mean, coverage = images["PRIMARY"].astype(np.float64), images["COVERAGE"].astype(np.int32)
    weight = images.get("WEIGHT", coverage).astype(np.float64)
    frames = header.get("STACKCNT", int(coverage.max()))
    variance = images["UNCERT"].astype(np.float64)
    fits_together = (
        np.array_equal(images["COVERAGE"], coverage)
        and (coverage >= 0).all()
        and np.isfinite(weight).all()
        and ((weight > 0) == (coverage > 0)).all()
        and not (variance < 0).any()
        and type(frames) is int
        and frames >= coverage.max()
    )
    if not fits_together:
        raise StackFileError(f"{path}: its images contradict each other; stack the frames again")
    known = np.isfinite(mean) & (coverage > 0)
    free = np.maximum(coverage - 1, 0) * weight
    rejected = images.get("REJECTED")
    return Stack(
        mean=np.where(known, mean, np.nan),
        weight=weight,
        m2=np.where(np.isfinite(variance), variance, 0.0) * free,
        coverage=coverage,
        frames=frames,
        rejected=None if rejected is None else rejected.astype(np.int32),
    )


def read_observation(path: str | os.PathLike[str]) -> Observation:
    """Read when and with what a stack was taken.

    Parameters
    ----------
    path : path-like
        A file that `write_stack` wrote.

    Returns
    -------
    Observation
        Its `reference` stands for the reference frame: it has the header and the exposure
        of that, so that a stack can be written with them, and no pixels of its own.

    Raises
    ------
    StackFileError
        As for `read_stack`.

    Examples
    --------
    >>> import tempfile
    >>> from seestack.storage.fits import write_stack
    >>> ones = np.ones((4, 6))
    >>> stack = Stack(5 * ones, 2 * ones, 8 * ones, np.full((4, 6), 2, np.int32), 2)
    >>> seen = Observation(Frame(ones, 10.0, header={"OBJECT": "M 94"}), 20.0)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_stack(Path(folder) / "stack.fits", stack, seen)
    ...     again = read_observation(Path(folder) / "stack.fits")
    >>> again.reference.header["OBJECT"], again.total_exposure_s
    ('M 94', 20.0)
    """
    header, images = _contents(path)
    start, middle, end = (_moment(header.get(f"DATE-{name}")) for name in ("OBS", "AVG", "END"))
    mean = images["PRIMARY"]
    plane = np.broadcast_to(np.float32(np.nan), mean.shape[:2])
    reference = Frame(plane, _number(header.get("EXPTIME")), start, str(path), None, header)
    if start is None or middle is None or end is None:
        start = middle = end = None
    count = header.get("STACKCNT")
    return Observation(
        reference=reference,
        total_exposure_s=_number(header.get("TOTALEXP")) or 0.0,
        start=start,
        end=end,
        middle=middle,
        timed_frames=count if middle is not None and type(count) is int else 0,
    )


def _contents(path: str | os.PathLike[str]) -> tuple[Mapping[str, Any], dict[str, NDArray[Any]]]:
    """Return the cards of the primary header and the images, colours along the last axis."""
    from astropy.io import fits

    path = Path(path)
    try:
        with path.open("rb") as file:
            if file.read(6) != b"SIMPLE":
                raise StackFileError(f"{path}: is no FITS file, or compressed; unpack it first")
    except OSError as error:
        raise StackFileError(f"{path}: cannot be read ({error.strerror}); check it") from error
    try:
        with (
            warnings.catch_warnings(action="ignore"),
            path.open("rb") as file,  # which astropy would leave open after some errors
            fits.open(file, memmap=False, disable_image_compression=True) as units,
        ):
            _check_whole(units, path)
            header = {card.keyword: card.value for card in units[0].header.cards if card.keyword}
            images = {unit.name: _image(unit) for unit in units if unit.name in _IMAGES}
            images["PRIMARY"] = _image(units[0])
    except StackFileError:
        raise
    except (*_DAMAGE, fits.VerifyError) as error:
        raise StackFileError(f"{path}: is damaged ({error}); write it or copy it again") from error
    if not {"UNCERT", "COVERAGE"} <= images.keys():
        raise StackFileError(
            f"{path}: has no images UNCERT and COVERAGE; only stacks that seestack wrote can be "
            "read as such"
        )
    shapes = {image.shape for image in images.values()}
    (shape,) = shapes if len(shapes) == 1 else ((),)
    if len(shape) not in (2, 3) or 0 in shape or shape[2:] not in ((), (3,)):
        raise StackFileError(
            f"{path}: its images have the shapes {sorted(shapes)}, one of (H, W) or "
            "(3, H, W) was expected; write it again"
        )
    return MappingProxyType(header), images


def _check_whole(units: Any, path: Path) -> None:
    """Compare what the headers announce with the size of the file, and the checksums."""
    size = path.stat().st_size
    for unit in units:
        place = unit.fileinfo()
        if place["datLoc"] + unit.size > size:
            raise StackFileError(f"{path}: is cut short; copy it again")
        if unit.verify_checksum() == 0 or unit.verify_datasum() == 0:
            raise StackFileError(
                f"{path}: is damaged, the checksum of {unit.name} does not fit; copy it again"
            )


def _image(unit: Any) -> NDArray[Any]:
    image = unit.data
    if not isinstance(image, np.ndarray) or image.dtype.kind not in "iuf":
        raise StackFileError(f"{unit.name} is no image of numbers; write the stack again")
    native = image.astype(image.dtype.newbyteorder("="))
    return np.moveaxis(native, 0, 2) if native.ndim == 3 else native


def _number(value: Any) -> float | None:
    known = isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < np.inf
    return float(value) if known else None


def _moment(value: Any) -> datetime | None:
    try:
        return datetime.fromisoformat(value).replace(tzinfo=UTC)
    except (TypeError, ValueError):
        return None
