import numpy as np
from numpy.typing import NDArray

from seestack.model import FloatArray, Image

LANES: int

def lay_out(
    stamps: Image,
    known: NDArray[np.uint8],
    places: NDArray[np.intp],
    noise: float,
    data: Image,
    valid: Image,
) -> None: ...
def take(pixels: Image, chosen: NDArray[np.intp], out: Image) -> None: ...
def first_look(
    data: Image,
    valid: Image,
    x: Image,
    y: Image,
    core: int,
    edge: int,
    guess: FloatArray,
) -> None: ...
