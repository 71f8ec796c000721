import numpy as np
from numpy.typing import NDArray

from seestack.model import FloatArray, Image, Raw

def split(
    mosaic: Raw,
    rows: NDArray[np.intp],
    firsts: NDArray[np.intp],
    columns: NDArray[np.intp],
    margin: int,
    out: Image,
    top: int,
    bottom: int,
) -> None: ...
def darkest_square(plane: Image, out: Image, top: int, bottom: int) -> None: ...
def darkest_diagonal(plane: Image, odd: int, out: Image, top: int, bottom: int) -> None: ...
def lay(
    plane: Image,
    darkest: Image,
    into: FloatArray,
    begin: NDArray[np.intp],
    end: NDArray[np.intp],
    out: Image,
    colour: int,
    top: int,
    bottom: int,
) -> None: ...
def lay_runs(
    plane: Image,
    darkest: Image,
    into: FloatArray,
    diagonal: bool,
    odd: int,
    above: int,
    begin: NDArray[np.intp],
    end: NDArray[np.intp],
    out: Image,
    colour: int,
    top: int,
    bottom: int,
) -> None: ...
