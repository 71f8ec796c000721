from seestack.model import FloatArray

def solve(
    normal: FloatArray,
    right: FloatArray,
    damping: float,
    out: FloatArray,
    variances: FloatArray | None,
) -> None: ...
def invert(normal: FloatArray, size: int, damping: float, out: FloatArray) -> None: ...
def shared_step(
    normal: FloatArray,
    gradient: FloatArray,
    trust: FloatArray,
    prior: FloatArray,
    damping: float,
    step: FloatArray,
) -> None: ...
