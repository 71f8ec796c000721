# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
# cython: initializedcheck=False
"""Reduce an image to the means of its boxes, and take a smooth surface off its rows."""

from libc.math cimport NAN, isfinite

cdef extern from *:
    # Numbers that no other pointer in reach leads to.
    ctypedef float *Alone "float *CYTHON_RESTRICT"

# Pixels of a row worked on together; a multiple of any number of colours.
cdef enum:
    LANES = 48


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
        row = 1
        while row + 3 < side:
            add_rows(
                &rows[row, 0], &rows[row + 1, 0], &rows[row + 2, 0], &rows[row + 3, 0],
                rows.shape[1], &columns[0],
            )
            row += 4
        while row < side:
            for i in range(rows.shape[1]):
                columns[i] += rows[row, i]
            row += 1
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


cdef void add_rows(
    const float *first, const float *second, const float *third, const float *fourth,
    Py_ssize_t size, Alone columns
) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(size):
        columns[i] = columns[i] + first[i] + second[i] + third[i] + fourth[i]


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
    float[:, ::1] pixels, float scale, const float[:, :, ::1] down, const float[:, ::1] along
):
    """Scale pixels and take the product of `down` (H, 3) and `along` (3, W) off, in place.

    `down` has one such factor for each of the C colours side by side in a row, (C, H, 3), and
    `along` every column as many times, (3, C * W).
    """
    cdef Py_ssize_t row, i, first, step = down.shape[0], width = along.shape[1]
    cdef float of[3][LANES]
    cdef int k
    with nogil:
        for row in range(pixels.shape[0]):
            for k in range(LANES):
                for i in range(3):
                    of[i][k] = down[k % step, row, i]
            for first in range(width // LANES):
                take_off(
                    of[0], of[1], of[2], &along[0, first * LANES], &along[1, first * LANES],
                    &along[2, first * LANES], scale, &pixels[row, first * LANES],
                )
            for i in range(width // LANES * LANES, width):
                k = i % LANES
                pixels[row, i] = pixels[row, i] * scale - (
                    of[0][k] * along[0, i] + of[1][k] * along[1, i] + of[2][k] * along[2, i]
                )


cdef inline void take_off(
    const float *a,
    const float *b,
    const float *c,
    const float *first,
    const float *second,
    const float *third,
    float scale,
    Alone pixels,
) noexcept nogil:
    cdef int k
    for k in range(LANES):
        pixels[k] = pixels[k] * scale - (a[k] * first[k] + b[k] * second[k] + c[k] * third[k])
