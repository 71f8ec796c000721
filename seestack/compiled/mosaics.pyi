from seestack.model import Image

def gather_green(
    mosaic: Image,
    shift_x: int,
    shift_y: int,
    margin: int,
    out: Image,
    top: int,
    bottom: int,
) -> None: ...
