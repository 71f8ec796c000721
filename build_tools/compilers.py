"""Find the C compiler that builds the compiled loops."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
import sysconfig

__all__ = ["has_compiler", "use_some_compiler"]


def has_compiler() -> bool:
    """Return whether the machine has the C compiler that Python would call.

    On Windows setuptools looks for one by itself, and says what to install.
    """
    if sys.platform == "win32":
        return True
    command = os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc"
    return shutil.which(shlex.split(command)[0]) is not None


def use_some_compiler() -> None:
    """Let setuptools call the compiler of the package ziglang where there is no other."""
    if not has_compiler():
        zig = shlex.join([sys.executable, "-m", "ziglang", "cc"])
        os.environ["CC"], os.environ["LDSHARED"] = zig, f"{zig} -shared"
