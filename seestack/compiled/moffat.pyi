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
    pixels: Image,
) -> None: ...
def star_light(
    pixels: Image,
    valid: Image,
    parameters: FloatArray,
    covariance: FloatArray,
    light: Image,
    free: Image,
    bright: Image,
) -> None: ...
def excesses(light: Image, residual: Image, free: Image, gain: float, out: Image) -> None: ...
