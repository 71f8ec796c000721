# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
# cython: initializedcheck=False
"""Find the local maxima of an image that stand above a level, and what is round among them."""

from libc.math cimport hypot

# Pixels looked at together: among the sky nothing is high.
cdef enum:
    CHUNK = 32


cdef bint is_highest(
    const float[:, ::1] image, Py_ssize_t row, Py_ssize_t col, Py_ssize_t reach
) noexcept nogil:
    """Return whether no pixel of the square around is higher."""
    cdef Py_ssize_t i, j
    # The pixels beside it say no to nearly all of a star's.
    if col > 0 and image[row, col - 1] > image[row, col]:
        return False
    if col + 1 < image.shape[1] and image[row, col + 1] > image[row, col]:
        return False
    for i in range(max(row - reach, 0), min(row + reach + 1, image.shape[0])):
        for j in range(max(col - reach, 0), min(col + reach + 1, image.shape[1])):
            if image[i, j] > image[row, col]:
                return False
    return True


def local_maxima(
    const float[:, ::1] image,
    float level,
    Py_ssize_t reach,
    Py_ssize_t[::1] places,
    Py_ssize_t top,
    Py_ssize_t bottom,
):
    """Write the flat indices of the maxima of rows `top` to `bottom`; return how many there are.

    They are written in order, as many as there is room for.
    """
    cdef Py_ssize_t row, col, chunk, end, count = 0, width = image.shape[1]
    cdef const float *line
    with nogil:
        for row in range(top, bottom):
            line = &image[row, 0]
            for chunk in range((width + CHUNK - 1) // CHUNK):
                end = min((chunk + 1) * CHUNK, width)
                if end - chunk * CHUNK == CHUNK and not any_above(line + chunk * CHUNK, level):
                    continue
                for col in range(chunk * CHUNK, end):
                    if line[col] > level and is_highest(image, row, col, reach):
                        if count < places.shape[0]:
                            places[count] = row * width + col
                        count += 1
    return count


cdef inline bint any_above(const float *values, float level) noexcept nogil:
    """Return whether any value of a chunk is above the level."""
    cdef int k, high = 0
    for k in range(CHUNK):
        high |= values[k] > level
    return high


def round_maxima(
    const float[:, ::1] image,
    const Py_ssize_t[::1] places,
    Py_ssize_t lag,
    double least_ratio,
    double[:, ::1] out,
):
    """Write (row, col, height) of the maxima that bend all round; return how many there are.

    Second differences over `lag` pixels are the Hessian; the ratio of its eigenvalues, the smaller
    over the larger, must be above `least_ratio`. Parabolas along row and column tell place and
    height between the pixels.
    """
    cdef Py_ssize_t n, row, col, count = 0, width = image.shape[1]
    cdef Py_ssize_t up, down, left, right
    cdef double own, across, along, mixed, mean, spread
    with nogil:
        for n in range(places.shape[0]):
            row, col = places[n] // width, places[n] % width
            up, down = max(row - lag, 0), min(row + lag, image.shape[0] - 1)
            left, right = max(col - lag, 0), min(col + lag, width - 1)
            own = 2 * <double>image[row, col]
            across = own - image[row, left] - image[row, right]
            along = own - image[up, col] - image[down, col]
            mixed = (
                (<double>image[up, right] + image[down, left])
                - (<double>image[up, left] + image[down, right])
            ) / 4
            mean, spread = (across + along) / 2, hypot((across - along) / 2, mixed)
            if not mean - spread > least_ratio * (mean + spread):
                continue
            out[count, 0], out[count, 1], out[count, 2] = row, col, own / 2
            add_parabola(
                image[max(row - 1, 0), col], image[row, col],
                image[min(row + 1, image.shape[0] - 1), col], &out[count, 0], &out[count, 2],
            )
            add_parabola(
                image[row, max(col - 1, 0)], image[row, col],
                image[row, min(col + 1, width - 1)], &out[count, 1], &out[count, 2],
            )
            count += 1
    return count


cdef inline void add_parabola(
    double before, double top, double after, double *place, double *height
) noexcept nogil:
    """Move a place to the vertex of the parabola through three values, and raise its height."""
    cdef double bend = 2 * top - before - after, slope = (after - before) / 2
    if bend > 0:
        place[0] += slope / bend
        height[0] += slope * slope / bend / 2
