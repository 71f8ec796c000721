# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
# cython: initializedcheck=False
"""Reduce an image to the means of its boxes, and take a smooth surface off its rows."""

from libc.math cimport NAN, isfinite


def means_of_line(
    const float[:, ::1] rows,
    Py_ssize_t step,
    double least_known,
    float[::1] columns,
    float[::1] means,
):
    """Write the means of the boxes side by side in some rows, as wide as the rows are many.

    There are `step` colours side by side. A box with a smaller share of finite pixels
    becomes NaN. `columns`, as long as a row, is worked in.
    """
    cdef Py_ssize_t side = rows.shape[0], boxes = means.shape[0] // step
    cdef Py_ssize_t row, i, box, colour, first
    cdef double total
    with nogil:
        for i in range(rows.shape[1]):
            columns[i] = rows[0, i]
        for row in range(1, side):
            for i in range(rows.shape[1]):
                columns[i] += rows[row, i]
        for box in range(boxes):
            for colour in range(step):
                first = box * side * step + colour
                total = 0.0
                for i in range(side):
                    total += columns[first + i * step]
                total /= side * side
                if not isfinite(total):
                    total = mean_of_known(rows, first, step, least_known)
                means[box * step + colour] = <float>total


cdef double mean_of_known(
    const float[:, ::1] rows, Py_ssize_t first, Py_ssize_t step, double least_known
) noexcept nogil:
    cdef Py_ssize_t side = rows.shape[0], row, i, known = 0
    cdef double total = 0.0
    for row in range(side):
        for i in range(side):
            if isfinite(rows[row, first + i * step]):
                total += rows[row, first + i * step]
                known += 1
    return total / known if known > 0 and known >= least_known * side * side else NAN


def subtract(
    float[:, ::1] pixels,
    float scale,
    const float[:, ::1] down,
    const float[:, ::1] along,
    Py_ssize_t step,
    Py_ssize_t first,
):
    """Scale pixels and take the product of `down` (H, 3) and `along` (3, W) off, in place.

    Of `step` colours side by side in a row it is the one that `first` is the place of.
    """
    cdef Py_ssize_t row, i, width = along.shape[1]
    cdef float a, b, c
    with nogil:
        for row in range(pixels.shape[0]):
            a, b, c = down[row, 0], down[row, 1], down[row, 2]
            if step == 1:
                for i in range(width):
                    pixels[row, i] = pixels[row, i] * scale - (
                        a * along[0, i] + b * along[1, i] + c * along[2, i]
                    )
                continue
            for i in range(width):
                pixels[row, first + step * i] = pixels[row, first + step * i] * scale - (
                    a * along[0, i] + b * along[1, i] + c * along[2, i]
                )
