import numpy as np
from numpy.typing import NDArray

from seestack.model import FloatArray, Image

def add_samples(
    samples: Image,
    covered: NDArray[np.uint8],
    weight: float,
    mean: FloatArray,
    total: FloatArray,
    m2: FloatArray,
    coverage: NDArray[np.integer],
) -> None: ...
