from typing import Any

import numpy as np
from numpy.typing import NDArray

from seestack.model import Image

def find(
    image: NDArray[Any],
    limits: NDArray[Any],
    level: Image,
    share: float,
    places: NDArray[np.intp],
    top: int,
    bottom: int,
) -> int: ...
