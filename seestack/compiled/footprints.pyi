import numpy as np
from numpy.typing import NDArray

from seestack.model import Image

def cut(
    pixels: Image,
    footprint: NDArray[np.uint8],
    begin: NDArray[np.intp],
    end: NDArray[np.intp],
    top: int,
    bottom: int,
) -> None: ...
def mark(
    footprint: NDArray[np.uint8],
    begin: NDArray[np.intp],
    end: NDArray[np.intp],
    top: int,
    bottom: int,
) -> None: ...
def all_finite(pixels: Image) -> bool: ...
