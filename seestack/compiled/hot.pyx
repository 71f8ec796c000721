# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
# cython: initializedcheck=False
"""Find pixels that stand out alone."""

from libc.math cimport isfinite

# Pixels looked at together: among the sky nothing is bright.
cdef enum:
    CHUNK = 32

ctypedef fused Pixel:
    unsigned char
    short
    unsigned short
    int
    float
    double


def find(
    const Pixel[:, ::1] image,
    const Pixel[:, ::1] limits,
    const float[:, ::1] level,
    float share,
    Py_ssize_t[::1] places,
    Py_ssize_t top,
    Py_ssize_t bottom,
):
    """Write the flat indices of pixels above their limit that stand alone; return their number.

    Their neighbours have less than a share of their light. Light is what is above `level`
    (step, step), step 1 or 2, the sky of each place in the cell of a mosaic; `limits` are of
    shape (step, W). Those of rows `top` to `bottom` are written in order, as many as there is
    room for.
    """
    cdef Py_ssize_t row, col, chunk, begin, end, count = 0
    cdef Py_ssize_t step = limits.shape[0], width = image.shape[1]
    cdef const Pixel *line
    cdef const Pixel *limit
    with nogil:
        for row in range(top, bottom):
            line, limit = &image[row, 0], &limits[row % step, 0]
            for chunk in range((width + CHUNK - 1) // CHUNK):
                begin, end = chunk * CHUNK, min((chunk + 1) * CHUNK, width)
                if end - begin == CHUNK and not any_above(line + begin, limit + begin):
                    continue
                for col in range(begin, end):
                    if line[col] > limit[col] and is_alone(image, level, share, row, col):
                        if count < places.shape[0]:
                            places[count] = row * width + col
                        count += 1
    return count


cdef inline bint any_above(const Pixel *values, const Pixel *limit) noexcept nogil:
    """Return whether any pixel of a chunk is above its limit."""
    cdef int k, above = 0
    for k in range(CHUNK):
        above |= values[k] > limit[k]
    return above


cdef inline float light(
    const Pixel[:, ::1] image, const float[:, ::1] level, Py_ssize_t row, Py_ssize_t col
) noexcept nogil:
    """Return what a pixel has above the sky; 0 where it has no value."""
    cdef Py_ssize_t odd = level.shape[0] - 1
    cdef float above = <float>image[row, col] - level[row & odd, col & odd]
    return above if isfinite(above) else 0.0


cdef inline float neighbours(
    const Pixel *above, const Pixel *line, const Pixel *below
) noexcept nogil:
    """Return the sum of the eight pixels around the middle of three lines of three."""
    cdef float around = <float>line[0] + <float>line[2]
    around += <float>above[0] + <float>above[1] + <float>above[2]
    return around + (<float>below[0] + <float>below[1] + <float>below[2])


cdef inline float level_around(
    const float[:, ::1] level, Py_ssize_t row, Py_ssize_t col
) noexcept nogil:
    """Return the sum of the sky's levels in the eight pixels around one."""
    cdef Py_ssize_t odd = level.shape[0] - 1, i = row & odd, j = col & odd
    return 2 * (level[i, j ^ odd] + level[i ^ odd, j]) + 4 * level[i ^ odd, j ^ odd]


cdef inline bint is_alone(
    const Pixel[:, ::1] image,
    const float[:, ::1] level,
    float share,
    Py_ssize_t row,
    Py_ssize_t col,
) noexcept nogil:
    cdef Py_ssize_t height = image.shape[0], width = image.shape[1], down, right
    cdef float own = light(image, level, row, col), around = 0.0
    if not own > 0:
        return False
    if 0 < row < height - 1 and 0 < col < width - 1:  # nothing to mirror
        around = neighbours(&image[row - 1, col - 1], &image[row, col - 1], &image[row + 1, col - 1])
        around -= level_around(level, row, col)
        if isfinite(around):
            return around - share * own < 0
        around = 0.0
    for down in range(-1, 2):
        for right in range(-1, 2):
            if down != 0 or right != 0:
                around += light(
                    image, level, mirrored(row + down, height), mirrored(col + right, width)
                )
    return around - share * own < 0


cdef inline Py_ssize_t mirrored(Py_ssize_t place, Py_ssize_t size) noexcept nogil:
    """Return a place at most one beyond the ends, mirrored about the outermost pixels."""
    if place < 0:
        return min(1, size - 1)
    return max(size - 2, 0) if place >= size else place
