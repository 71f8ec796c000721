import numpy as np
from numpy.typing import NDArray

from seestack.model import FloatArray

def places(
    chosen: NDArray[np.uint8],
    columns: FloatArray,
    starts: NDArray[np.intp],
    along: FloatArray,
) -> None: ...
def equations(
    down: FloatArray,
    starts: NDArray[np.intp],
    along: FloatArray,
    values: FloatArray,
    weights: FloatArray,
    lower: FloatArray,
    steps: FloatArray,
) -> None: ...
def solution(lower: FloatArray, steps: FloatArray, coefficients: FloatArray) -> None: ...
def deviations(
    down: FloatArray,
    starts: NDArray[np.intp],
    along: FloatArray,
    values: FloatArray,
    coefficients: FloatArray,
    out: FloatArray,
) -> None: ...
def highest_leverage(
    down: FloatArray,
    starts: NDArray[np.intp],
    along: FloatArray,
    lower: FloatArray,
    terms: int,
) -> float: ...
