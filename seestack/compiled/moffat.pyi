from seestack.model import Image

def power(u: Image, exponent: Image, out: Image) -> None: ...
def normal_equations(
    data: Image,
    valid: Image,
    x: Image,
    y: Image,
    parameters: Image,
    form: Image,
    nodes: Image,
    inner: int,
    gain: float,
    normal: Image,
    gradient: Image,
    residual: Image,
    weights: Image,
    jacobian: Image,
) -> None: ...
def leverages(jacobian: Image, weights: Image, covariance: Image, out: Image) -> None: ...
def excesses(light: Image, residual: Image, free: Image, gain: float, out: Image) -> None: ...
