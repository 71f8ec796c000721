from typing import Any

from numpy.typing import NDArray

from seestack.model import Image, Raw

def gather_green(
    mosaic: Image,
    shift_x: int,
    shift_y: int,
    margin: int,
    out: Image,
    top: int,
    bottom: int,
) -> None: ...
def interleave(
    red: NDArray[Any], green: NDArray[Any], blue: NDArray[Any], out: NDArray[Any]
) -> None: ...
def blur(mosaic: Raw, out: Image, top: int, bottom: int) -> None: ...
