import numpy as np
from numpy.typing import NDArray

from seestack.model import FloatArray

def less_surroundings(
    image: FloatArray,
    usable: NDArray[np.uint8],
    reach: int,
    fewest: float,
    totals: FloatArray,
    counts: FloatArray,
    out: FloatArray,
) -> None: ...
def biweight_sums(values: FloatArray, middle: float, width: float, sums: FloatArray) -> None: ...
