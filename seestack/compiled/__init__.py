"""Loops over pixels and stars that NumPy cannot fuse, in Cython.

Each module has one loop or a few that belong together, without the checks and the words of
the functions that call them: arrays are C-contiguous and of the stated types. The loops run
without Python's lock, so that bands of an image share the processors.
"""
