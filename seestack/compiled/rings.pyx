# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
# cython: initializedcheck=False
"""Take the dark rings of a sharp kernel off a band of a resampled image."""

from libc.math cimport fabs
from libc.stdlib cimport free, malloc

cdef extern from *:
    # Numbers that no other pointer in reach leads to.
    ctypedef float *Alone "float *CYTHON_RESTRICT"

ctypedef fused Pixel:
    float
    unsigned short

cdef enum:
    REACH = 2
    AT_ONCE = 4  # rows whose darkest pixels are found together
    TILE = 256
    CHUNK = 64


def lift(
    float[:, ::1] warped,
    const Pixel[:, ::1] image,
    const double[:, ::1] inverse,
    Py_ssize_t top,
    Py_ssize_t bottom,
):
    """Raise rows `top` to `bottom` to the darkest of the 5 x 5 pixels they came from.

    `inverse` (2, 3) maps (x, y) of `warped` to (x, y) of `image`; beyond the border the
    outermost pixels count.
    """
    cdef Py_ssize_t tile, left, right, width = image.shape[1]
    # A tile of the result spans no more than this in the image, along x and y.
    cdef Py_ssize_t across = min(TILE + bottom - top + 2, width)
    cdef Py_ssize_t down = min(TILE + bottom - top + 2, image.shape[0])
    cdef Pixel *darkest = <Pixel *>malloc(
        (across * down + AT_ONCE * (across + 2 * REACH)) * sizeof(Pixel)
    )
    if darkest == NULL:
        raise MemoryError
    with nogil:
        for tile in range((warped.shape[1] + TILE - 1) // TILE):
            left, right = tile * TILE, min((tile + 1) * TILE, warped.shape[1])
            lift_tile(warped, image, inverse, top, bottom, left, right, darkest)
    free(darkest)


cdef inline Py_ssize_t nearest(double place, Py_ssize_t size) noexcept nogil:
    """Return the pixel of a line of `size` nearest to a place."""
    if not place > 0:
        return 0
    return size - 1 if place >= size - 1 else <Py_ssize_t>(place + 0.5)


cdef void lift_tile(
    float[:, ::1] warped,
    const Pixel[:, ::1] image,
    const double[:, ::1] inverse,
    Py_ssize_t top,
    Py_ssize_t bottom,
    Py_ssize_t left,
    Py_ssize_t right,
    Pixel *darkest,
) noexcept nogil:
    cdef double xx = inverse[0, 0], xy = inverse[0, 1], yx = inverse[1, 0], yy = inverse[1, 1]
    cdef double x0, y0
    cdef Py_ssize_t height = image.shape[0], width = image.shape[1]
    cdef Py_ssize_t first_x, last_x, first_y, last_y, columns, x, y, i, chunk, begin, end
    cdef Pixel *line
    cdef float step_x = <float>xx, step_y = <float>yx, start_x, start_y, most_x, most_y
    cdef int places[CHUNK]
    cdef int k, cut, jump
    cdef float *row
    cdef const Pixel *limit
    # The corners of the tile bound what it came from.
    x0 = xx * (left if xx > 0 else right - 1) + xy * (top if xy > 0 else bottom - 1) + inverse[0, 2]
    y0 = yx * (left if yx > 0 else right - 1) + yy * (top if yy > 0 else bottom - 1) + inverse[1, 2]
    first_x, first_y = nearest(x0, width), nearest(y0, height)
    x0 += fabs(xx) * (right - 1 - left) + fabs(xy) * (bottom - 1 - top)
    y0 += fabs(yx) * (right - 1 - left) + fabs(yy) * (bottom - 1 - top)
    last_x, last_y = nearest(x0, width), nearest(y0, height)
    most_x, most_y = last_x - first_x, last_y - first_y
    columns = last_x - first_x + 1
    line = darkest + columns * (last_y - first_y + 1)
    for i in range((last_y - first_y) // AT_ONCE + 1):
        y = first_y + i * AT_ONCE
        darkest_of_rows(
            image, y, min(AT_ONCE, last_y + 1 - y), first_x, last_x, line,
            darkest + (y - first_y) * columns,
        )
    for y in range(top, bottom):
        for chunk in range((right - left + CHUNK - 1) // CHUNK):
            begin = left + chunk * CHUNK
            end = min(CHUNK, right - begin)
            # In single precision, which is enough within a tile.
            x0 = xx * begin + xy * y + inverse[0, 2] - first_x + 0.5
            y0 = yx * begin + yy * y + inverse[1, 2] - first_y + 0.5
            start_x, start_y = <float>x0, <float>y0
            row = &warped[y, begin]
            x, i = pixel(start_x, most_x), pixel(start_y, most_y)
            jump = pixel(start_y + (end - 1) * step_y, most_y) - i
            if (
                -1 <= jump <= 1
                and end - 1 == pixel(start_x + (end - 1) * step_x, most_x) - x
            ):
                limit = darkest + i * columns + x
                cut = end
                if jump != 0:
                    # The chunk came from two rows: here the other one begins.
                    cut = <int>min(max((i + max(jump, 0) - start_y) / step_y, 1), end - 1)
                    while cut > 1 and pixel(start_y + (cut - 1) * step_y, most_y) != i:
                        cut -= 1
                    while pixel(start_y + cut * step_y, most_y) == i:
                        cut += 1
                    raise_to(limit + jump * columns + cut, end - cut, row + cut)
                raise_to(limit, cut, row)
                continue
            for k in range(CHUNK):
                places[k] = pixel(start_y + k * step_y, most_y) * columns
            for k in range(CHUNK):
                places[k] += pixel(start_x + k * step_x, most_x)
            for k in range(end):
                row[k] = max(row[k], <float>darkest[places[k]])


cdef inline int pixel(float place, float most) noexcept nogil:
    """Return the whole part of a place, from 0 to `most`."""
    return <int>min(max(place, <float>0), most)


cdef inline void raise_to(const Pixel *limit, Py_ssize_t size, Alone row) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(size):
        row[i] = max(row[i], <float>limit[i])


cdef void darkest_of_rows(
    const Pixel[:, ::1] image,
    Py_ssize_t y,
    Py_ssize_t count,
    Py_ssize_t first,
    Py_ssize_t last,
    Pixel *lines,
    Pixel *out,
) noexcept nogil:
    """Write the darkest of the 5 x 5 pixels around those of up to four rows, cut at the border."""
    cdef Py_ssize_t height = image.shape[0], width = image.shape[1], x, i
    cdef Py_ssize_t begin = max(first - REACH, 0), end = min(last + REACH + 1, width)
    cdef Py_ssize_t columns = last - first + 1, size = columns + 2 * REACH
    cdef const Pixel *rows[AT_ONCE + 2 * REACH]
    cdef Pixel brightest
    cdef Pixel *line
    if Pixel is float:
        brightest = 3.4028235e38
    else:
        brightest = 65535
    for i in range(AT_ONCE + 2 * REACH):
        rows[i] = &image[min(max(y - REACH + i, 0), height - 1), begin]
    line = lines + begin - first + REACH
    darkest_in_columns(rows, end - begin, line, line + size, line + 2 * size, line + 3 * size)
    for i in range(count):
        line = lines + i * size
        # The outermost pixels stand for those beyond the border.
        for x in range(begin - first + REACH):
            line[x] = brightest
        for x in range(end - first + REACH, size):
            line[x] = brightest
        darkest_in_line(line, columns, out + i * columns)


cdef void darkest_in_columns(
    const Pixel **rows, Py_ssize_t size, Pixel *first, Pixel *second, Pixel *third, Pixel *fourth
) noexcept nogil:
    """Write the darkest of five rows below each other, for four places among eight rows."""
    cdef const Pixel *a = rows[0]
    cdef const Pixel *b = rows[1]
    cdef const Pixel *c = rows[2]
    cdef const Pixel *d = rows[3]
    cdef const Pixel *e = rows[4]
    cdef const Pixel *f = rows[5]
    cdef const Pixel *g = rows[6]
    cdef const Pixel *h = rows[7]
    cdef Pixel middle, above, below
    cdef Py_ssize_t x
    for x in range(size):
        middle = min(d[x], e[x])
        above, below = min(min(b[x], c[x]), middle), min(middle, min(f[x], g[x]))
        first[x] = min(a[x], above)
        second[x] = min(above, f[x])
        third[x] = min(c[x], below)
        fourth[x] = min(below, h[x])


cdef void darkest_in_line(const Pixel *line, Py_ssize_t size, Pixel *out) noexcept nogil:
    """Write the darkest of five pixels side by side."""
    cdef Py_ssize_t x
    for x in range(size):
        out[x] = min(
            min(min(line[x], line[x + 1]), min(line[x + 3], line[x + 4])), line[x + 2]
        )
