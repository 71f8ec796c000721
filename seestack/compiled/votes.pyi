import numpy as np
from numpy.typing import NDArray

from seestack.model import FloatArray

def segments(xy: FloatArray, shortest: float, out: FloatArray) -> int: ...
def equally_long(
    first: FloatArray,
    second: FloatArray,
    tolerance: float,
    low: NDArray[np.intp],
    high: NDArray[np.intp],
) -> int: ...
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
def mutual_pairs(
    first: FloatArray,
    second: FloatArray,
    order: NDArray[np.intp],
    radius: float,
    closest: FloatArray,
    partner: NDArray[np.intp],
    pairs: NDArray[np.intp],
) -> int: ...
def most_agreed(
    motions: FloatArray,
    reference: FloatArray,
    frame: FloatArray,
    radius: float,
    begins: NDArray[np.intp],
) -> int: ...
