from typing import Any

import numpy as np
from numpy.typing import NDArray

from seestack.model import Image

def insert(
    samples: Image,
    covered: NDArray[np.uint8],
    frame: int,
    high: Image,
    high_frame: NDArray[Any],
    low: Image,
    low_frame: NDArray[Any],
    start: int,
) -> None: ...
