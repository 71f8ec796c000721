# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
# cython: initializedcheck=False
"""Cut rows of an image to what holds light."""

from libc.math cimport NAN
from libc.string cimport memset


def cut(
    float[:, ::1] pixels,
    unsigned char[:, ::1] footprint,
    const Py_ssize_t[::1] begin,
    const Py_ssize_t[::1] end,
    Py_ssize_t top,
    Py_ssize_t bottom,
):
    """Mark columns begin[row] to end[row] of some rows; the other pixels become NaN."""
    cdef Py_ssize_t row, col, width = pixels.shape[1]
    with nogil:
        for row in range(top, bottom):
            memset(&footprint[row, 0], 0, width)
            if begin[row] < end[row]:
                memset(&footprint[row, begin[row]], 1, end[row] - begin[row])
            for col in range(begin[row]):
                pixels[row, col] = NAN
            for col in range(max(begin[row], end[row]), width):
                pixels[row, col] = NAN


def mark(
    unsigned char[:, :, ::1] footprint,
    const Py_ssize_t[:, ::1] begin,
    const Py_ssize_t[:, ::1] end,
    Py_ssize_t top,
    Py_ssize_t bottom,
):
    """Mark columns begin[row, k] to end[row, k] of colour k of some rows, and no others."""
    cdef Py_ssize_t row, col, k, first, last, width = footprint.shape[1]
    with nogil:
        for row in range(top, bottom):
            # What is the same in all colours in one go.
            first, last = 0, width
            for k in range(3):
                first, last = max(first, begin[row, k]), min(last, end[row, k])
            last = max(first, last)
            memset(&footprint[row, 0, 0], 0, 3 * width)
            memset(&footprint[row, 0, 0] + 3 * first, 1, 3 * (last - first))
            for k in range(3):
                for col in range(begin[row, k], min(first, end[row, k])):
                    footprint[row, col, k] = 1
                for col in range(max(last, begin[row, k]), end[row, k]):
                    footprint[row, col, k] = 1


def all_finite(const float[::1] pixels):
    """Return whether none of the pixels is NaN or infinite."""
    cdef Py_ssize_t i, block, size = pixels.shape[0]
    cdef int wild = 0
    cdef float zero
    with nogil:
        for block in range(0, size, 4096):
            for i in range(block, min(block + 4096, size)):
                zero = pixels[i] - pixels[i]
                wild |= zero != 0
            if wild:
                break
    return not wild
