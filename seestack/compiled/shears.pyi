import numpy as np
from numpy.typing import NDArray

from seestack.model import FloatArray, Image, Raw

def windowed_sinc(fractions: FloatArray, out: Image) -> None: ...
def scratch_size(width: int, columns: int, depth: int) -> int: ...
def turn_band(
    image: Raw,
    first: NDArray[np.intp],
    first_weights: Image,
    runs: NDArray[np.intp],
    down: NDArray[np.intp],
    down_weights: Image,
    across: NDArray[np.intp],
    across_weights: Image,
    scratch: Image,
    out: Image,
    top: int,
    bottom: int,
) -> None: ...
