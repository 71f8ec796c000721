# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
# cython: initializedcheck=False
"""Statistics of boxes: what stands out of the boxes around, and a robust spread."""

from libc.math cimport NAN


cdef void add_row(
    const double[:, ::1] image, const double[:, ::1] usable, Py_ssize_t row, double sign,
    Py_ssize_t reach, double[::1] totals, double[::1] counts
) noexcept nogil:
    """Add the usable boxes of a row to the sums of their columns, or take them off."""
    cdef Py_ssize_t col
    cdef double value
    for col in range(image.shape[1]):
        value = image[row, col]
        totals[reach + col] += sign * (value if usable[row, col] > 0 else 0.0)
        counts[reach + col] += sign * usable[row, col]


cdef void sums_of_seven(const double *values, Py_ssize_t size, double *out) noexcept nogil:
    """Write the sums of each value and the six after it."""
    cdef Py_ssize_t i
    for i in range(size):
        out[i] = (
            values[i] + values[i + 1] + values[i + 2] + values[i + 3]
            + values[i + 4] + values[i + 5] + values[i + 6]
        )


cdef void sums_beside(
    const double *values, Py_ssize_t count, Py_ssize_t size, double *out
) noexcept nogil:
    """Write the sums of each value and those after it, `count` in all."""
    cdef Py_ssize_t i, step
    for i in range(size):
        out[i] = values[i]
    for step in range(1, count):
        for i in range(size):
            out[i] += values[i + step]


def less_surroundings(
    const double[:, ::1] image,
    const double[:, ::1] usable,
    Py_ssize_t reach,
    const double[:, ::1] shares,
    double[:, ::1] columns,
    double[:, ::1] squares,
    double[:, ::1] out,
):
    """Write each box less the mean of the usable ones of the square around it.

    NaN where the box is not usable. `usable` is 1 or 0. Column n of `shares` holds 1 / n and a
    factor for what is left where n boxes of the square are usable. Two rows each, `columns`
    with `reach` more on either side, are scratch and 0.
    """
    cdef Py_ssize_t row, col, number
    cdef double left
    cdef double[::1] totals = columns[0], counts = columns[1]
    cdef double[::1] total = squares[0], count = squares[1]
    with nogil:
        for row in range(-reach, image.shape[0]):
            # One row enters the square and one leaves it.
            if row + reach < image.shape[0]:
                add_row(image, usable, row + reach, 1, reach, totals, counts)
            if row > reach:
                add_row(image, usable, row - reach - 1, -1, reach, totals, counts)
            if row < 0:
                continue
            if reach == 3:  # so that the compiler sees the square and adds in one go
                sums_of_seven(&totals[0], image.shape[1], &total[0])
                sums_of_seven(&counts[0], image.shape[1], &count[0])
            else:
                sums_beside(&totals[0], 2 * reach + 1, image.shape[1], &total[0])
                sums_beside(&counts[0], 2 * reach + 1, image.shape[1], &count[0])
            for col in range(image.shape[1]):
                number = <Py_ssize_t>count[col]
                left = (image[row, col] - total[col] * shares[0, number]) * shares[1, number]
                out[row, col] = left if usable[row, col] > 0 else NAN


def biweight_sums(
    const double[::1] values, double middle, double width, double[::1] sums
):
    """Write the two sums of the biweight midvariance of values, none of them NaN."""
    cdef Py_ssize_t i
    cdef double off, u, above = 0, below = 0, inverse = 1 / width
    with nogil:
        for i in range(values.shape[0]):
            off = values[i] - middle
            u = (off * inverse) * (off * inverse)
            if u < 1:
                above += off * off * (1 - u) * (1 - u) * (1 - u) * (1 - u)
                below += (1 - u) * (1 - 5 * u)
        sums[0] = above
        sums[1] = below
