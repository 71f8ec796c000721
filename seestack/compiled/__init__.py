"""Loops over pixels and stars that NumPy cannot fuse, in Cython.

Each module has one loop or a few that belong together, without the checks and the words of
the functions that call them: arrays are C-contiguous and of the stated types. The loops run
without Python's lock, so that bands of an image share the processors.

On Linux every module is built twice. ``from seestack.compiled import sums`` gives the one in
`seestack.compiled.avx2` where the processor has AVX2. Both do the same operations in the same
order, without fused products, so their results are the same bits.
"""

from importlib import import_module
from importlib.util import find_spec
from types import ModuleType

__all__: list[str] = []


def __getattr__(name: str) -> ModuleType:
    if not name.startswith("_") and find_spec(f"{__name__}.avx2.{name}"):
        processor = import_module(f"{__name__}.processor")
        if processor.has_avx2():
            return import_module(f"{__name__}.avx2.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
