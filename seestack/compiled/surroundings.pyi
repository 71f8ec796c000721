from seestack.model import FloatArray

def less_surroundings(
    image: FloatArray,
    usable: FloatArray,
    reach: int,
    shares: FloatArray,
    columns: FloatArray,
    squares: FloatArray,
    out: FloatArray,
) -> None: ...
def biweight_sums(values: FloatArray, middle: float, width: float, sums: FloatArray) -> None: ...
