# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
# cython: initializedcheck=False
"""Statistics of boxes: what stands out of the boxes around, and a robust spread."""

from libc.math cimport NAN, sqrt


def less_surroundings(
    const double[:, ::1] image,
    const unsigned char[:, ::1] usable,
    Py_ssize_t reach,
    double fewest,
    double[::1] totals,
    double[::1] counts,
    double[:, ::1] out,
):
    """Write each box less the mean of the usable ones of the square around it.

    What is left of independent noise keeps its standard deviation. NaN where fewer than
    `fewest` of the square are usable, or the box is not. `totals` and `counts`, one for each
    column, are scratch.
    """
    cdef Py_ssize_t row, col, other
    cdef Py_ssize_t rows = image.shape[0], cols = image.shape[1]
    cdef double total, count
    with nogil:
        for col in range(cols):
            totals[col] = 0
            counts[col] = 0
        for row in range(-reach, rows):
            # A row enters the square and one leaves it.
            other = row + reach
            if other < rows:
                for col in range(cols):
                    if usable[other, col]:
                        totals[col] += image[other, col]
                        counts[col] += 1
            other = row - reach - 1
            if other >= 0:
                for col in range(cols):
                    if usable[other, col]:
                        totals[col] -= image[other, col]
                        counts[col] -= 1
            if row < 0:
                continue
            total = 0
            count = 0
            for col in range(-reach, cols):
                if col + reach < cols:
                    total += totals[col + reach]
                    count += counts[col + reach]
                if col - reach > 0:
                    total -= totals[col - reach - 1]
                    count -= counts[col - reach - 1]
                if col < 0:
                    continue
                if usable[row, col] and count >= fewest and count > 1:
                    out[row, col] = (image[row, col] - total / count) / sqrt(1 - 1 / count)
                else:
                    out[row, col] = NAN


def biweight_sums(
    const double[::1] values, double middle, double width, double[::1] sums
):
    """Write the two sums of the biweight midvariance of values, none of them NaN."""
    cdef Py_ssize_t i
    cdef double off, u, above = 0, below = 0
    with nogil:
        for i in range(values.shape[0]):
            off = values[i] - middle
            u = (off / width) * (off / width)
            if u < 1:
                above += off * off * (1 - u) * (1 - u) * (1 - u) * (1 - u)
                below += (1 - u) * (1 - 5 * u)
        sums[0] = above
        sums[1] = below
