import numpy as np
from numpy.typing import NDArray

from seestack.model import Image

def convolve_rows(
    pixels: Image,
    bad: NDArray[np.uint8] | None,
    binning: int,
    sky: Image,
    before: NDArray[np.intp],
    share: Image,
    gauss: Image,
    half: int,
    out: Image,
    top: int,
    bottom: int,
) -> None: ...
def finite_rows(pixels: Image, highest: Image, top: int, bottom: int) -> bool: ...
