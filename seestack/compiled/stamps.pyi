import numpy as np
from numpy.typing import NDArray

from seestack.model import Image, Raw

def cut_out(
    pixels: Raw,
    bad: NDArray[np.uint8] | None,
    levels: Image,
    pitch_row: float,
    pitch_col: float,
    centres: NDArray[np.intp],
    light: Image,
    valid: NDArray[np.uint8],
) -> None: ...
