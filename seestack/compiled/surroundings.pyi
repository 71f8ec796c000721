import numpy as np
from numpy.typing import NDArray

from seestack.model import FloatArray

def less_surroundings(
    images: FloatArray, usable: NDArray[np.uint8], shares: FloatArray
) -> None: ...
def explained_sums(
    values: FloatArray, light: FloatArray, share: float, limit: float, sums: FloatArray
) -> None: ...
def biweight_sums(values: FloatArray, middle: float, width: float, sums: FloatArray) -> None: ...
