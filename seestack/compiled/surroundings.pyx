# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
# cython: initializedcheck=False
"""Statistics of boxes: what stands out of the boxes around, and a robust spread."""

from libc.stdlib cimport calloc, free

cdef extern from *:
    # Numbers that no other pointer in reach leads to.
    ctypedef double *Alone "double *CYTHON_RESTRICT"

# The square around a box reaches so far and has so many rows. Values are summed in so many
# lanes, so that no sum waits for another.
cdef enum:
    REACH = 3
    SIDE = 7
    LANES = 32


def less_surroundings(
    double[:, :, ::1] images, const unsigned char[:, ::1] usable, const double[:, ::1] shares
):
    """Take the mean of the 7 x 7 boxes around off each box of some images, in place.

    A box counts where it is usable and finite in all images; others become NaN. Row n of
    `shares` holds 1 / n and a factor for what is left where n of the 49 count; row 0 NaN.
    """
    cdef Py_ssize_t several = images.shape[0], rows = images.shape[1], width = images.shape[2]
    cdef Py_ssize_t line = width + 2 * REACH, size = (several + 1) * line
    cdef Py_ssize_t row, col, k, number
    # The rows of the square, their sum, and two lines more. A row has a line for each image and
    # one that is 1 where a box counts; all is 0 beyond the edges and where none does.
    cdef double *square = <double *>calloc((SIDE + 1) * size + 2 * line, sizeof(double))
    if square == NULL:
        raise MemoryError
    cdef double *sums = square + SIDE * size
    cdef double *share = sums + size
    cdef double *factor = share + line
    cdef double *entering
    cdef double *middle
    with nogil:
        for row in range(-REACH, rows):
            # One row enters the square, in the place of the one that leaves it.
            entering = square + (row + REACH) % SIDE * size
            take_off(entering, size, sums)
            if row + REACH < rows:
                enter(images, usable, row + REACH, line, entering)
                add(entering, size, sums)
            if row < 0:
                continue
            middle = square + row % SIDE * size + REACH
            add_beside(sums + several * line, width, share)
            for col in range(width):
                number = <Py_ssize_t>(share[col] * middle[several * line + col])
                share[col] = shares[number, 0]
                factor[col] = shares[number, 1]
            for k in range(several):
                stand_out(
                    middle + k * line, sums + k * line, share, factor, width, &images[k, row, 0]
                )
    free(square)


cdef void enter(
    const double[:, :, ::1] images,
    const unsigned char[:, ::1] usable,
    Py_ssize_t row,
    Py_ssize_t line,
    double *out,
) noexcept nogil:
    """Write a row of all images, 0 where a box does not count, and 1 where it does."""
    cdef Py_ssize_t several = images.shape[0], width = images.shape[2], k, col
    cdef double *counting = out + several * line + REACH
    for col in range(width):
        counting[col] = usable[row, col] != 0
    for k in range(several):
        leave_out(&images[k, row, 0], width, counting)
    for k in range(several):
        copy_counting(&images[k, row, 0], counting, width, out + k * line + REACH)


cdef void leave_out(const double *values, Py_ssize_t size, Alone counting) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(size):
        counting[i] = counting[i] if values[i] - values[i] == 0 else 0.0


cdef void copy_counting(
    const double *values, const double *counting, Py_ssize_t size, Alone out
) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(size):
        out[i] = values[i] if counting[i] > 0 else 0.0


cdef void add(const double *values, Py_ssize_t size, Alone sums) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(size):
        sums[i] += values[i]


cdef void take_off(const double *values, Py_ssize_t size, Alone sums) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(size):
        sums[i] -= values[i]


cdef void add_beside(const double *values, Py_ssize_t size, Alone out) noexcept nogil:
    """Write the sums of each value and the six after it."""
    cdef Py_ssize_t i
    for i in range(size):
        out[i] = (
            values[i] + values[i + 1] + values[i + 2] + values[i + 3]
            + values[i + 4] + values[i + 5] + values[i + 6]
        )


cdef void stand_out(
    const double *values,
    const double *sums,
    const double *share,
    const double *factor,
    Py_ssize_t size,
    Alone out,
) noexcept nogil:
    """Write what is left of values without a share of seven sums, times a factor."""
    cdef Py_ssize_t i
    for i in range(size):
        out[i] = (
            values[i] - (
                sums[i] + sums[i + 1] + sums[i + 2] + sums[i + 3]
                + sums[i + 4] + sums[i + 5] + sums[i + 6]
            ) * share[i]
        ) * factor[i]


def explained_sums(
    const double[::1] values, const double[::1] light, double share, double limit, double[::1] sums
):
    """Write the sums of products of values with light and of its squares.

    Only of those that are at most `limit` from a share of the light.
    """
    cdef double product[LANES]
    cdef double power[LANES]
    cdef Py_ssize_t size = values.shape[0], first = 0, k
    with nogil:
        for k in range(LANES):
            product[k] = power[k] = 0
        while first < size:
            add_explained(
                &values[first], &light[first], min(size - first, <Py_ssize_t>LANES), share,
                limit, product, power,
            )
            first += LANES
        sums[0] = sums[1] = 0
        for k in range(LANES):
            sums[0] += product[k]
            sums[1] += power[k]


cdef void add_explained(
    const double *values,
    const double *light,
    Py_ssize_t size,
    double share,
    double limit,
    Alone product,
    Alone power,
) noexcept nogil:
    cdef double near[LANES]
    cdef Py_ssize_t k
    for k in range(size):
        near[k] = light[k] if abs(values[k] - share * light[k]) <= limit else 0.0
    for k in range(size):
        product[k] += values[k] * near[k]
        power[k] += near[k] * near[k]


def biweight_sums(
    const double[::1] values, double middle, double width, double[::1] sums
):
    """Write the two sums of the biweight midvariance of values, none of them NaN."""
    cdef double above[LANES]
    cdef double below[LANES]
    cdef Py_ssize_t size = values.shape[0], first = 0, k
    with nogil:
        for k in range(LANES):
            above[k] = below[k] = 0
        while first < size:
            add_biweight(
                &values[first], min(size - first, <Py_ssize_t>LANES), middle,
                1 / width, above, below,
            )
            first += LANES
        sums[0] = sums[1] = 0
        for k in range(LANES):
            sums[0] += above[k]
            sums[1] += below[k]


cdef void add_biweight(
    const double *values, Py_ssize_t size, double middle, double inverse, Alone above, Alone below
) noexcept nogil:
    cdef double rest[LANES]
    cdef double off, inner
    cdef Py_ssize_t k
    for k in range(size):
        off = (values[k] - middle) * inverse
        inner = 1 - off * off
        rest[k] = inner if inner > 0 else 0.0
    for k in range(size):
        off = (values[k] - middle) * (rest[k] * rest[k])
        above[k] += off * off
        below[k] += rest[k] * (5 * rest[k] - 4)
