# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
# cython: initializedcheck=False
"""Gather the green pixels of a mosaic along the diagonals of the frame, and blur it to grey."""

from libc.stdlib cimport free, malloc

ctypedef fused Pixel:
    float
    unsigned short


def gather_green(
    const float[:, ::1] mosaic,
    Py_ssize_t shift_x,
    Py_ssize_t shift_y,
    Py_ssize_t margin,
    float[:, ::1] out,
    Py_ssize_t top,
    Py_ssize_t bottom,
):
    """Write rows `top` to `bottom` of the grid of green, which stands on its corner.

    Its place (i, j) shows the pixel x = i + j - shift_x, y = i - j + shift_y, mirrored
    about the outermost ones up to `margin` pixels beyond them. The rest is not written.
    """
    cdef Py_ssize_t height = mosaic.shape[0], width = mosaic.shape[1]
    cdef Py_ssize_t i, j, x, y, first, last, begin, end
    cdef const float *pixel
    with nogil:
        for j in range(top, bottom):
            # What lies in the frame, from `begin` on, and with the margin, from `first` on.
            begin = max(shift_x - j, j - shift_y)
            end = min(width + shift_x - j, height + j - shift_y)
            first = max(begin - margin, 0)
            last = min(end + margin, out.shape[1])
            begin = min(max(begin, first), last)
            end = min(max(end, begin), last)
            for i in range(first, begin):
                out[j, i] = mirrored(mosaic, i + j - shift_x, i - j + shift_y)
            if begin < end:
                pixel = &mosaic[begin - j + shift_y, begin + j - shift_x]
                for i in range(end - begin):
                    out[j, begin + i] = pixel[i * (width + 1)]
            for i in range(end, last):
                out[j, i] = mirrored(mosaic, i + j - shift_x, i - j + shift_y)


cdef inline float mirrored(const float[:, ::1] mosaic, Py_ssize_t x, Py_ssize_t y) noexcept nogil:
    return mosaic[reflected(y, mosaic.shape[0]), reflected(x, mosaic.shape[1])]


cdef inline Py_ssize_t reflected(Py_ssize_t place, Py_ssize_t size) noexcept nogil:
    """Return a place mirrored about the outermost ones, as often as it takes."""
    cdef Py_ssize_t period = 2 * (size - 1)
    place = place % period
    if place < 0:
        place += period
    return min(place, period - place)


ctypedef fused Value:
    float
    unsigned char


def interleave(
    const Value[:, ::1] red,
    const Value[:, ::1] green,
    const Value[:, ::1] blue,
    Value[:, :, ::1] out,
):
    """Write the colours of each pixel side by side."""
    cdef Py_ssize_t row, col, width = red.shape[1]
    cdef Value *line
    with nogil:
        for row in range(red.shape[0]):
            line = &out[row, 0, 0]
            for col in range(width):
                line[3 * col] = red[row, col]
                line[3 * col + 1] = green[row, col]
                line[3 * col + 2] = blue[row, col]


def blur(const Pixel[:, ::1] mosaic, float[:, ::1] out, Py_ssize_t top, Py_ssize_t bottom):
    """Write rows `top` to `bottom` filtered with (1, 2, 1) / 4 along rows and columns.

    Beyond the border the image is mirrored about the outermost pixels.
    """
    cdef Py_ssize_t height = mosaic.shape[0], width = mosaic.shape[1], row, x
    cdef float *line = <float *>malloc((width + 2) * sizeof(float))
    if line == NULL:
        raise MemoryError
    with nogil:
        for row in range(top, bottom):
            add_three(
                &mosaic[min(row + 1, height - 1) if row == 0 else row - 1, 0], &mosaic[row, 0],
                &mosaic[max(row - 1, 0) if row == height - 1 else row + 1, 0], width, line + 1,
            )
            line[0], line[width + 1] = line[min(2, width)], line[max(width - 1, 1)]
            average_three(line, width, &out[row, 0])
    free(line)


cdef void add_three(
    const Pixel *above, const Pixel *middle, const Pixel *below, Py_ssize_t size, float *out
) noexcept nogil:
    cdef Py_ssize_t x
    for x in range(size):
        out[x] = <float>above[x] + 2 * <float>middle[x] + <float>below[x]


cdef void average_three(const float *line, Py_ssize_t size, float *out) noexcept nogil:
    cdef Py_ssize_t x
    for x in range(size):
        out[x] = (line[x] + 2 * line[x + 1] + line[x + 2]) * <float>0.0625
