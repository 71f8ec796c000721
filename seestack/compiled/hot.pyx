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


def mark(
    const Pixel[:, ::1] image,
    const Pixel[:, ::1] limits,
    const float[:, ::1] level,
    float share,
    unsigned char[:, ::1] hot,
    Py_ssize_t top,
    Py_ssize_t bottom,
):
    """Mark pixels above their limit whose neighbours have less than a share of their light.

    Light is what is above `level` (step, step), step 1 or 2, the sky of each place in the
    cell of a mosaic; `limits` are of shape (step, W). Returns the number of pixels marked in rows
    `top` to `bottom`; the others are left as they are.
    """
    cdef Py_ssize_t row, col, chunk, begin, end, count = 0
    cdef Py_ssize_t step = limits.shape[0], width = image.shape[1]
    cdef const Pixel *line
    cdef const Pixel *limit
    cdef int bright
    with nogil:
        for row in range(top, bottom):
            line, limit = &image[row, 0], &limits[row % step, 0]
            for chunk in range((width + CHUNK - 1) // CHUNK):
                begin, end = chunk * CHUNK, min((chunk + 1) * CHUNK, width)
                bright = 0
                for col in range(begin, end):
                    bright |= line[col] > limit[col]
                if not bright:
                    continue
                for col in range(begin, end):
                    if line[col] > limit[col] and is_alone(image, level, share, row, col):
                        hot[row, col] = 1
                        count += 1
    return count


cdef inline float light(
    const Pixel[:, ::1] image, const float[:, ::1] level, Py_ssize_t row, Py_ssize_t col
) noexcept nogil:
    """Return what a pixel has above the sky; 0 where it has no value."""
    cdef Py_ssize_t odd = level.shape[0] - 1
    cdef float above = <float>image[row, col] - level[row & odd, col & odd]
    return above if isfinite(above) else 0.0


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
        for down in range(-1, 2):
            for right in range(-1, 2):
                if down != 0 or right != 0:
                    around += light(image, level, row + down, col + right)
        return around - share * own < 0
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
