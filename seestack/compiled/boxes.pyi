from typing import Any

import numpy as np
from numpy.typing import NDArray

from seestack.model import FloatArray, Image

def reduce_band(
    mean: FloatArray,
    total: FloatArray,
    coverage: NDArray[np.integer],
    high: Image,
    high_frame: NDArray[Any],
    low: Image,
    low_frame: NDArray[Any],
    weights: FloatArray,
    aside: NDArray[np.uint8],
    noise: Image,
    noise_step: int,
    kappa: float,
    share: float,
    side: int,
    colours: int,
    out: Image,
    top: int,
    bottom: int,
) -> None: ...
