from seestack.model import FloatArray, Image

def star_light(
    pixels: Image,
    valid: Image,
    parameters: FloatArray,
    covariance: FloatArray,
    light: Image,
    free: Image,
    bright: Image,
) -> None: ...
def gains(
    light: Image,
    residual: Image,
    free: Image,
    bright: Image,
    fewest: float,
    gain: float,
    out: FloatArray,
) -> int: ...
