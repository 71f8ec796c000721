import numpy as np
from numpy.typing import NDArray

from seestack.model import Image, Raw

def convolve_rows(
    pixels: Raw,
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
def finite_rows(pixels: Raw, highest: Raw, top: int, bottom: int) -> bool: ...
