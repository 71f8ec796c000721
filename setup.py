"""Build the compiled loops; everything else stands in pyproject.toml."""

import os
import sys
from pathlib import Path

import numpy as np
from setuptools import Extension, setup

sys.path.insert(0, str(Path(__file__).parent / "build_tools"))

from compilers import use_some_compiler
from Cython.Build import cythonize

# Contracting a * b + c to one rounding would let results depend on the compiler.
FLAGS = ["/O2"] if sys.platform == "win32" else ["-O3", "-ffp-contract=off"]

use_some_compiler()
setup(
    ext_modules=cythonize(
        [
            Extension(
                f"seestack.compiled.{source.stem}",
                [str(source)],
                include_dirs=[np.get_include()],
                define_macros=[("NPY_NO_DEPRECATED_API", "NPY_1_7_API_VERSION")],
                extra_compile_args=FLAGS,
            )
            for source in sorted(Path("seestack/compiled").glob("*.pyx"))
        ],
        build_dir="build",
    ),
    options={"build_ext": {"parallel": os.cpu_count()}},
)
