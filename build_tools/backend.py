"""Build seestack with setuptools, and with a C compiler from a package where there is none.

The compiled loops in `seestack/compiled` need a C compiler. Where the machine has none, the
package ziglang, which contains one, is asked for as a build requirement; `setup.py` uses it.
"""

from __future__ import annotations

from typing import Any

from compilers import has_compiler
from setuptools import build_meta
from setuptools.build_meta import (
    build_editable,
    build_sdist,
    build_wheel,
    get_requires_for_build_sdist,
    prepare_metadata_for_build_editable,
    prepare_metadata_for_build_wheel,
)

__all__ = [
    "build_editable",
    "build_sdist",
    "build_wheel",
    "get_requires_for_build_editable",
    "get_requires_for_build_sdist",
    "get_requires_for_build_wheel",
    "prepare_metadata_for_build_editable",
    "prepare_metadata_for_build_wheel",
]

_COMPILER = "ziglang>=0.13"


def get_requires_for_build_wheel(config_settings: Any = None) -> list[str]:
    """Return what a wheel needs beside the requirements in pyproject.toml."""
    return [*_compiler(), *build_meta.get_requires_for_build_wheel(config_settings)]


def get_requires_for_build_editable(config_settings: Any = None) -> list[str]:
    """Return what an editable installation needs beside those requirements."""
    return [*_compiler(), *build_meta.get_requires_for_build_editable(config_settings)]


def _compiler() -> list[str]:
    # Asked before setup.py runs, which names the compiler it uses in the environment.
    return [] if has_compiler() else [_COMPILER]
