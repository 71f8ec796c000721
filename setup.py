"""Build the compiled loops; everything else stands in pyproject.toml."""

import os
import platform
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from setuptools import Extension, setup

sys.path.insert(0, str(Path(__file__).parent / "build_tools"))

from compilers import use_some_compiler
from Cython.Build import cythonize

HERE = Path("seestack", "compiled")
# Contracting a * b + c to one rounding would let results depend on the compiler.
FLAGS = ["/O2"] if sys.platform == "win32" else ["-O3", "-g0", "-ffp-contract=off"]
# The same loops in wider vectors, which give the same results; see seestack/compiled.
WIDE = ["-mavx2"] if sys.platform == "linux" and platform.machine() == "x86_64" else None


def loops() -> list[Extension]:
    """Return the compiled modules, and again those for processors with AVX2."""
    plain = cythonize(
        [extension(source.stem, str(source)) for source in sorted(HERE.glob("*.pyx"))],
        build_dir="build",
    )
    if WIDE is None:
        return plain
    wide = []
    for module in plain:
        (source,) = map(Path, module.sources)
        copy = Path("build", "avx2", source.name)  # so that the objects lie apart
        copy.parent.mkdir(exist_ok=True)
        if not copy.exists() or copy.stat().st_mtime < source.stat().st_mtime:
            shutil.copy2(source, copy)
        wide.append(extension(f"avx2.{source.stem}", str(copy), WIDE))
    return [*plain, *wide]


def extension(name: str, source: str, flags: Sequence[str] = ()) -> Extension:
    """Return one compiled module."""
    return Extension(
        f"seestack.compiled.{name}",
        [source],
        include_dirs=[np.get_include()],
        define_macros=[("NPY_NO_DEPRECATED_API", "NPY_1_7_API_VERSION")],
        extra_compile_args=[*FLAGS, *flags],
    )


use_some_compiler()
setup(ext_modules=loops(), options={"build_ext": {"parallel": os.cpu_count()}})
