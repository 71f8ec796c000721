# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
# cython: initializedcheck=False
"""Convolve an image less its sky with a Gaussian less the mean of a wide box."""

from libc.stdlib cimport free, malloc
from libc.string cimport memcpy

# Highest values kept side by side, so that the compiler looks at several pixels at once.
cdef enum:
    LANES = 32

ctypedef fused Pixel:
    float
    unsigned short


def convolve_rows(
    const Pixel[:, ::1] pixels,
    const unsigned char[:, ::1] bad,
    Py_ssize_t binning,
    const float[:, ::1] sky,
    const Py_ssize_t[::1] before,
    const float[::1] share,
    const float[::1] gauss,
    Py_ssize_t half,
    float[:, ::1] out,
    Py_ssize_t top,
    Py_ssize_t bottom,
):
    """Write rows `top` to `bottom` of `out`, which has one pixel for 1 or 2 by 2 of the image.

    The sky of row y is that of line before[y] of `sky` and, to share[y], of the next. `gauss`
    is one half of the Gaussian from its middle on, `half` the box without its middle pixel.
    Beyond the border the image is mirrored. `bad` pixels count as sky; None where there are none.
    """
    cdef Py_ssize_t width = out.shape[1], reach = max(half, gauss.shape[0] - 1)
    # A line more than is convolved: the one that has just left the box.
    cdef Py_ssize_t padded = width + 2 * reach, depth = 2 * reach + 2
    cdef float *lines = <float *>malloc((depth + 3) * padded * sizeof(float))
    cdef float **rows = <float **>malloc(depth * sizeof(float *))
    if lines == NULL or rows == NULL:
        free(lines)
        free(rows)
        raise MemoryError
    cdef float *narrow = lines + depth * padded
    cdef float *around = narrow + padded
    cdef float *wide = around + padded
    cdef float area = <float>(1.0 / ((2 * half + 1) * (2 * half + 1)))
    cdef bint holed = bad is not None
    cdef Py_ssize_t row, line, source, x, k
    cdef float *a
    with nogil:
        line = top - reach
        for row in range(top, bottom):
            while line <= row + reach:
                a = lines + (line - top + reach) % depth * padded
                source = reflected(line, out.shape[0])
                if holed:
                    bin_holed(pixels, bad, binning, source, width, sky, before, share, a + reach)
                else:
                    bin_row(pixels, binning, source, width, sky, before, share, a + reach)
                for x in range(-reach, 0):
                    a[reach + x] = a[reach + reflected(x, width)]
                    a[reach + width - 1 - x] = a[reach + reflected(width - 1 - x, width)]
                line += 1
            for k in range(depth - 1):
                rows[k] = lines + (row + k - top) % depth * padded
            if row == top:
                add_lines(rows + reach - half, 2 * half + 1, padded, around)
            else:
                a = lines + (row - 1 + reach - half - top) % depth * padded
                move_box(around, a, rows[reach + half], padded)
            weigh_lines(rows + reach, gauss, padded, narrow)
            for k in range(depth - 1):
                rows[k] = around + k
            a = &out[row, 0]
            add_lines(rows + reach - half, 2 * half + 1, width, a)
            for k in range(depth - 1):
                rows[k] = narrow + k
            weigh_lines(rows + reach, gauss, width, wide)
            for x in range(width):
                a[x] = wide[x] - area * a[x]
    free(lines)
    free(rows)


cdef void bin_row(
    const Pixel[:, ::1] pixels,
    Py_ssize_t binning,
    Py_ssize_t row,
    Py_ssize_t width,
    const float[:, ::1] sky,
    const Py_ssize_t[::1] before,
    const float[::1] share,
    float *out,
) noexcept nogil:
    """Write the means of pixels less the sky."""
    cdef const Pixel *first = &pixels[binning * row, 0]
    cdef const Pixel *second = &pixels[binning * row + binning - 1, 0]
    cdef const float *above = &sky[before[row], 0]
    cdef const float *below = &sky[before[row] + 1, 0]
    cdef float part = share[row], quarter = <float>0.25
    cdef Py_ssize_t x
    if binning == 1:
        for x in range(width):
            out[x] = first[x] - (above[x] + part * (below[x] - above[x]))
        return
    for x in range(width):
        out[x] = quarter * (
            (<float>first[2 * x] + <float>first[2 * x + 1])
            + (<float>second[2 * x] + <float>second[2 * x + 1])
        )
    for x in range(width):
        out[x] -= above[x] + part * (below[x] - above[x])


cdef void bin_holed(
    const Pixel[:, ::1] pixels,
    const unsigned char[:, ::1] bad,
    Py_ssize_t binning,
    Py_ssize_t row,
    Py_ssize_t width,
    const float[:, ::1] sky,
    const Py_ssize_t[::1] before,
    const float[::1] share,
    float *out,
) noexcept nogil:
    cdef Py_ssize_t x, i, j
    cdef float level, total
    for x in range(width):
        level = sky[before[row], x]
        level += share[row] * (sky[before[row] + 1, x] - level)
        total = 0
        for i in range(binning * row, binning * (row + 1)):
            for j in range(binning * x, binning * (x + 1)):
                if not bad[i, j]:
                    total += pixels[i, j] - level
        out[x] = total / (binning * binning)


cdef void add_lines(float **lines, Py_ssize_t count, Py_ssize_t size, float *out) noexcept nogil:
    """Write the sum of an odd number of lines."""
    cdef Py_ssize_t x, k = 1
    cdef const float *a = lines[0]
    cdef const float *b
    cdef const float *c
    cdef const float *d
    memcpy(out, a, size * sizeof(float))
    while k + 3 < count:
        a, b, c, d = lines[k], lines[k + 1], lines[k + 2], lines[k + 3]
        for x in range(size):
            out[x] = out[x] + a[x] + b[x] + c[x] + d[x]
        k += 4
    if k < count:
        a, b = lines[k], lines[k + 1]
        for x in range(size):
            out[x] = out[x] + a[x] + b[x]


cdef void move_box(
    float *total, const float *leaving, const float *coming, Py_ssize_t size
) noexcept nogil:
    """Turn the sum of some lines into that of the same ones a line further on."""
    cdef Py_ssize_t x
    for x in range(size):
        total[x] = total[x] + (coming[x] - leaving[x])


cdef void weigh_lines(
    float **middle, const float[::1] weights, Py_ssize_t size, float *out
) noexcept nogil:
    """Write the sum of a line and those on both sides of it, equally weighted."""
    cdef Py_ssize_t x, k = 1
    cdef const float *a = middle[0]
    cdef const float *b
    cdef const float *c
    cdef const float *d
    cdef float v = weights[0], w
    for x in range(size):
        out[x] = v * a[x]
    while k + 1 < weights.shape[0]:
        a, b, c, d = middle[-k], middle[k], middle[-k - 1], middle[k + 1]
        v, w = weights[k], weights[k + 1]
        for x in range(size):
            out[x] = out[x] + v * (a[x] + b[x]) + w * (c[x] + d[x])
        k += 2
    if k < weights.shape[0]:
        a, b, v = middle[-k], middle[k], weights[k]
        for x in range(size):
            out[x] += v * (a[x] + b[x])


cdef inline Py_ssize_t reflected(Py_ssize_t place, Py_ssize_t size) noexcept nogil:
    """Return a place mirrored at the border, the outermost pixel repeated."""
    place = place % (2 * size)
    if place < 0:
        place += 2 * size
    return place if place < size else 2 * size - 1 - place


def finite_rows(
    const Pixel[:, ::1] pixels, Pixel[::1] highest, Py_ssize_t top, Py_ssize_t bottom
):
    """Write the highest value of rows `top` to `bottom`; return whether all are finite.

    Where they are not all finite, the highest values are meaningless.
    """
    cdef Py_ssize_t row, x, width = pixels.shape[1]
    cdef int wild = 0
    cdef const Pixel *line
    cdef Pixel most
    cdef float zero
    cdef Pixel lanes[LANES]
    cdef Py_ssize_t k
    with nogil:
        for row in range(top, bottom):
            line = &pixels[row, 0]
            for k in range(LANES):
                lanes[k] = line[0]
            for x in range(width // LANES):
                for k in range(LANES):
                    lanes[k] = max(lanes[k], line[x * LANES + k])
            if Pixel is float:
                for x in range(width):
                    zero = line[x] - line[x]
                    wild |= zero != 0
            most = lanes[0]
            for k in range(1, LANES):
                most = max(most, lanes[k])
            for x in range(width // LANES * LANES, width):
                most = max(most, line[x])
            highest[row] = most
    return not wild
