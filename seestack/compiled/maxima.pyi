import numpy as np
from numpy.typing import NDArray

from seestack.model import Image

def local_maxima(image: Image, level: float, reach: int, places: NDArray[np.intp]) -> int: ...
