import numpy as np
from numpy.typing import NDArray

from seestack.model import FloatArray

def rigid_motions(
    first: FloatArray,
    second: FloatArray,
    low: NDArray[np.intp],
    high: NDArray[np.intp],
    motions: FloatArray,
    angles: FloatArray,
) -> None: ...
def pile_sizes(
    motions: FloatArray,
    angles: FloatArray,
    turns: float,
    side: float,
    offset: float,
    cells: NDArray[np.uint64],
    counts: NDArray[np.int32],
    slots: NDArray[np.intp],
    sizes: NDArray[np.int32],
) -> None: ...
def nearest(xy: FloatArray, places: FloatArray, radius: float, found: NDArray[np.intp]) -> None: ...
def agreements(
    motions: FloatArray,
    reference: FloatArray,
    frame: FloatArray,
    radius: float,
    agreeing: NDArray[np.int32],
    spread: FloatArray,
) -> None: ...
