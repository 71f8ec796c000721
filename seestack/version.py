"""The version of seestack, where every module can read it."""

__all__ = ["__version__"]

__version__ = "0.1.0"
