from seestack.model import Image

def means_of_line(
    rows: Image, step: int, least_known: float, columns: Image, means: Image
) -> None: ...
def subtract(
    pixels: Image, scale: float, down: Image, along: Image, step: int, first: int
) -> None: ...
