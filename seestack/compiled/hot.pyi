from typing import Any

import numpy as np
from numpy.typing import NDArray

from seestack.model import Image

def mark(
    image: NDArray[Any],
    limits: NDArray[Any],
    level: Image,
    share: float,
    hot: NDArray[np.uint8],
    top: int,
    bottom: int,
) -> int: ...
