from seestack.model import FloatArray, Image

def power(u: Image, exponent: Image, out: Image) -> None: ...
def normal_equations(
    data: Image,
    valid: Image,
    x: Image,
    y: Image,
    parameters: FloatArray,
    nodes: Image,
    inner: int,
    core: int,
    gain: float,
    normal: FloatArray,
    gradient: FloatArray,
    squares: FloatArray,
    pixels: Image | None,
) -> None: ...
def move(
    parameters: FloatArray,
    step: FloatArray,
    longest: FloatArray,
    least: FloatArray,
    most: FloatArray,
    out: FloatArray,
) -> None: ...
