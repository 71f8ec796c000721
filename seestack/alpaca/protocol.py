"""The ALPACA wire format: images, JSON answers and the Bayer pattern.

The standard indexes an image ``[x][y]``, so that each image column is contiguous
on the wire. `decode_image` turns the axes, and nothing else in seestack does.
Everything here works on bytes and values; calling a device is `transport`.
"""

from __future__ import annotations

import json
import math
import struct
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from seestack.alpaca.errors import AlpacaProtocolError, AlpacaStatusError, error_for

__all__ = [
    "IMAGE_BYTES",
    "Orientation",
    "bayer_pattern",
    "decode_image",
    "encode_error",
    "encode_image",
    "parse_answer",
]

IMAGE_BYTES = "application/imagebytes"
Orientation = Literal["auto", "transposed", "as-is"]
Body = bytes | bytearray | memoryview

# Version, error, client and server transaction, data start, source element,
# transmitted element, rank, three dimensions.
_HEADER = struct.Struct("<iiIIiiiiiii")
_ELEMENTS: dict[int, np.dtype[Any]] = {
    1: np.dtype("<i2"),
    2: np.dtype("<i4"),
    3: np.dtype("<f8"),
    4: np.dtype("<f4"),
    5: np.dtype("<u8"),
    6: np.dtype("u1"),
    7: np.dtype("<i8"),
    8: np.dtype("<u2"),
    9: np.dtype("<u4"),
}
_PATTERNS = {(0, 0): "RGGB", (1, 0): "GRBG", (0, 1): "GBRG", (1, 1): "BGGR"}


def decode_image(
    body: Body,
    content_type: str | None,
    *,
    orientation: Orientation = "auto",
    size: tuple[int, int] | None = None,
    device: str = "",
    call: str = "GET imagearray",
) -> NDArray[Any]:
    """Turn the body of an ImageArray answer into an image.

    Parameters
    ----------
    body : bytes-like
        The whole body, ImageBytes or JSON.
    content_type : str or None
        The answer's Content-Type, which decides between the two; without one the
        first byte does.
    orientation : {"auto", "transposed", "as-is"}, default "auto"
        ``"transposed"`` follows the standard: pixels arrive column by column and the
        axes are turned. ``"as-is"`` is for a device that sends row by row.
        ``"auto"`` follows the standard, unless `size` shows that the device sent
        (row, col).
    size : tuple of int, optional
        (NumX, NumY), the width and height that the camera was asked for.
    device, call : str, optional
        Named in the text of an error.

    Returns
    -------
    ndarray of shape (H, W) or (H, W, P)
        Indexed (row, col) or (row, col, plane), in the element type of the wire. No
        pixel is copied from ImageBytes: the result is a view of `body`, and
        read-only where `body` is.

    Raises
    ------
    AlpacaProtocolError
        If the body is not an image: cut short, ragged, of an unknown type.
    AlpacaError
        The matching member of the family if the body is the report of an error.
    ValueError
        If `orientation` is none of the three.

    Examples
    --------
    >>> picture = np.arange(6, dtype=np.uint16).reshape(2, 3)
    >>> decode_image(encode_image(picture), "application/imagebytes").tolist()
    [[0, 1, 2], [3, 4, 5]]
    """
    if orientation not in get_args(Orientation):
        raise ValueError(
            f"orientation must be one of {', '.join(get_args(Orientation))}, got {orientation!r}"
        )
    try:
        wire = _image_on_wire(memoryview(body).cast("B"), content_type, device, call)
    except _MalformedError as malformed:
        raise AlpacaProtocolError(str(malformed), device=device, call=call) from None
    return _upright(wire, orientation, size)


def encode_image(
    image: NDArray[Any],
    *,
    element_type: int = 8,
    client_id: int = 0,
    server_id: int = 0,
    rows_first: bool = False,
) -> bytes:
    """Return `image` as an ImageBytes body.

    Parameters
    ----------
    image : ndarray of shape (H, W) or (H, W, P)
        Indexed (row, col) or (row, col, plane).
    element_type : int, default 8
        Type on the wire: 1 int16, 2 int32, 3 float64, 4 float32, 5 uint64, 6 uint8,
        7 int64, 8 uint16, 9 uint32.
    client_id, server_id : int, default 0
        Transaction ids for the header.
    rows_first : bool, default False
        Break the standard: leave the axes as (row, col), as some devices do.

    Returns
    -------
    bytes
        A header of 44 bytes, then the pixels.
    """
    wire = image if rows_first else image.swapaxes(0, 1)
    dimensions = (*wire.shape, 0)[:3]
    header = _HEADER.pack(
        1, 0, client_id, server_id, _HEADER.size, 2, element_type, wire.ndim, *dimensions
    )
    return header + wire.astype(_ELEMENTS[element_type]).tobytes()


def encode_error(number: int, message: str, *, client_id: int = 0, server_id: int = 0) -> bytes:
    """Return the ImageBytes body that reports an error instead of an image."""
    header = _HEADER.pack(1, number, client_id, server_id, _HEADER.size, 0, 0, 0, 0, 0, 0)
    return header + message.encode()


def parse_answer(status: int, body: Body, *, device: str = "", call: str = "") -> dict[str, Any]:
    """Read the JSON answer to an ordinary call.

    Parameters
    ----------
    status : int
        HTTP status of the answer.
    body : bytes-like
        Its body.
    device, call : str, optional
        Named in the text of an error.

    Returns
    -------
    dict
        The answer; ``Value`` may be missing.

    Raises
    ------
    AlpacaStatusError
        If `status` is not 200; the text of the body is quoted.
    AlpacaProtocolError
        If the body is not an ALPACA answer.
    AlpacaError
        The matching member of the family if the answer reports an error.

    Examples
    --------
    >>> parse_answer(200, b'{"Value": 80, "ErrorNumber": 0, "ErrorMessage": ""}')["Value"]
    80
    """
    if status != 200:
        text = bytes(body[:300]).decode("utf-8", "replace").strip()
        raise AlpacaStatusError(
            f"HTTP status {status}: {text}", device=device, call=call, status=status
        )
    try:
        answer = _json_object(body)
        number, message = _reported_error(answer)
    except _MalformedError as malformed:
        raise AlpacaProtocolError(str(malformed), device=device, call=call) from None
    if number or message:
        raise error_for(number, message, device=device, call=call)
    return answer


def bayer_pattern(
    sensor_type: int, offset: tuple[int, int] = (0, 0), start: tuple[int, int] = (0, 0)
) -> str | None:
    """Return the Bayer pattern whose first letter is the colour of ``image[0, 0]``.

    Parameters
    ----------
    sensor_type : int
        ALPACA SensorType. Only 2 (RGGB) is a pattern that seestack can separate.
    offset : tuple of int, default (0, 0)
        (BayerOffsetX, BayerOffsetY), counted from the sensor's first pixel.
    start : tuple of int, default (0, 0)
        (StartX, StartY) of the subframe, which the offset does not know about.

    Returns
    -------
    {"RGGB", "GRBG", "GBRG", "BGGR"} or None
        None for a sensor without these colours.

    Examples
    --------
    >>> bayer_pattern(2, (1, 0)), bayer_pattern(2, (1, 0), start=(3, 0)), bayer_pattern(0)
    ('GRBG', 'RGGB', None)
    """
    if sensor_type != 2:
        return None
    x, y = ((o + s) % 2 for o, s in zip(offset, start, strict=True))
    return _PATTERNS[x, y]


class _MalformedError(Exception):
    """What is wrong with a body; the public functions add who sent it."""


def _image_on_wire(
    body: memoryview, content_type: str | None, device: str, call: str
) -> NDArray[Any]:
    kind = (content_type or "").split(";")[0].strip().lower()
    if kind == IMAGE_BYTES or (not kind.endswith("json") and bytes(body[:4]) == b"\1\0\0\0"):
        return _from_image_bytes(body, device, call)
    answer = _json_object(body)
    number, message = _reported_error(answer)
    if number or message:
        raise error_for(number, message, device=device, call=call)
    return _from_json(answer)


def _from_image_bytes(body: memoryview, device: str, call: str) -> NDArray[Any]:
    if len(body) < _HEADER.size:
        raise _MalformedError(f"ImageBytes body has {len(body)} bytes, its header alone needs 44")
    version, number, _, _, start, _, element, rank, *dimensions = _HEADER.unpack_from(body)
    if version != 1:
        raise _MalformedError(f"ImageBytes version must be 1, got {version}")
    if not _HEADER.size <= start <= len(body):
        raise _MalformedError(f"ImageBytes data start {start} is not within the {len(body)} bytes")
    if number:
        text = bytes(body[start:]).decode("utf-8", "replace")
        raise error_for(number, text, device=device, call=call)
    if element not in _ELEMENTS:
        raise _MalformedError(f"ImageBytes element type must be 1 to 9, got {element}")
    if rank not in (2, 3):
        raise _MalformedError(f"ImageBytes rank must be 2 or 3, got {rank}")
    shape = tuple(dimensions[:rank])
    if min(shape) < 1:
        raise _MalformedError(f"ImageBytes dimensions must be positive, got {shape}")
    count = math.prod(shape)
    if count * _ELEMENTS[element].itemsize > len(body) - start:
        raise _MalformedError(
            f"ImageBytes body is cut short: {shape} of {_ELEMENTS[element].name} "
            f"does not fit in {len(body) - start} bytes"
        )
    pixels: NDArray[Any] = np.frombuffer(body, _ELEMENTS[element], count=count, offset=start)
    return pixels.reshape(shape)


def _json_object(body: Body) -> dict[str, Any]:
    try:
        answer = json.loads(bytes(body), parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        quoted = bytes(body[:60])
        raise _MalformedError(f"answer is not JSON ({error}), it begins with {quoted!r}") from None
    if not isinstance(answer, dict):
        raise _MalformedError(f"answer must be a JSON object, got {type(answer).__name__}")
    return answer


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not a number")


def _reported_error(answer: dict[str, Any]) -> tuple[int, str]:
    number, message = answer.get("ErrorNumber"), answer.get("ErrorMessage")
    if not (number is None or type(number) is int):
        raise _MalformedError(f"ErrorNumber must be an integer, got {number!r:.60}")
    if not (message is None or isinstance(message, str)):
        raise _MalformedError(f"ErrorMessage must be text, got {message!r:.60}")
    return number or 0, message or ""


def _from_json(answer: dict[str, Any]) -> NDArray[Any]:
    rank = answer.get("Rank")
    columns: Any = answer.get("Value")
    if rank not in (2, 3) or type(rank) is not int:
        raise _MalformedError(f"Rank of a JSON image must be 2 or 3, got {rank!r:.60}")
    cells = [columns]
    for _ in range(rank):
        cells = _unnested(cells)
    kinds = set(map(type, cells))
    if not kinds <= {int, float}:
        names = ", ".join(sorted(kind.__name__ for kind in kinds - {int, float}))
        raise _MalformedError(f"pixels of a JSON image must be numbers, got {names}")
    shape = _nested_shape(columns, rank)
    dtypes: tuple[type, ...] = (np.float64,) if float in kinds else (np.int32, np.int64)
    for dtype in dtypes:
        try:
            return np.array(cells, dtype=dtype).reshape(shape)
        except OverflowError:
            continue
    raise _MalformedError("pixels of a JSON image are out of range")


def _unnested(lists: list[Any]) -> list[Any]:
    """Return the items of `lists`, which must be lists of one length, in one list."""
    if not all(type(item) is list for item in lists):
        raise _MalformedError("Value of a JSON image is nested less deeply than its Rank")
    lengths = set(map(len, lists))
    if len(lengths) != 1 or 0 in lengths:
        raise _MalformedError("Value of a JSON image is empty or ragged")
    return [cell for item in lists for cell in item]


def _nested_shape(columns: Any, rank: int) -> tuple[int, ...]:
    shape = []
    for _ in range(rank):
        shape.append(len(columns))
        columns = columns[0]
    return tuple(shape)


def _upright(
    wire: NDArray[Any], orientation: Orientation, size: tuple[int, int] | None
) -> NDArray[Any]:
    sent = wire.shape[:2]
    rows_first = orientation == "as-is"
    if orientation == "auto" and size is not None:
        rows_first = sent != size and sent == size[::-1]
    if not rows_first:
        return wire.swapaxes(0, 1)
    if size is not None and sent == size:
        return wire.reshape(size[1], size[0], *wire.shape[2:])
    return wire
