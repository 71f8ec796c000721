import numpy as np
from numpy.typing import NDArray

from seestack.model import FloatArray, Image

def local_maxima(
    image: Image, level: float, reach: int, places: NDArray[np.intp], top: int, bottom: int
) -> int: ...
def round_maxima(
    image: Image, places: NDArray[np.intp], lag: int, least_ratio: float, out: FloatArray
) -> int: ...
