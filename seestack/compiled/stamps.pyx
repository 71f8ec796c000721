# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
# cython: initializedcheck=False
"""Cut squares out of an image, without the sky that lies under them."""

from libc.string cimport memset

ctypedef fused Pixel:
    float
    unsigned short


def cut_out(
    const Pixel[:, ::1] pixels,
    const unsigned char[:, ::1] bad,
    const float[:, ::1] levels,
    double pitch_row,
    double pitch_col,
    const Py_ssize_t[:, ::1] centres,
    float[:, :, ::1] light,
    unsigned char[:, :, ::1] valid,
):
    """Write the light and which pixels have one, 0 for the others, around (row, col) centres.

    `levels` are those of boxes, with one more on each side. The sky is bilinear between them at
    the corners of each square, and between its corners. `bad` is None where all pixels are
    good; pixels that are not finite must be bad.
    """
    cdef Py_ssize_t n, i, j, row, col, side = light.shape[1], half = side // 2
    cdef float top_left, top_right, low_left, low_right, left, right, down, step
    cdef bint holed = bad is not None, inside
    cdef const Pixel *line
    with nogil:
        step = <float>(1.0 / (side - 1))
        for n in range(centres.shape[0]):
            row, col = centres[n, 0] - half, centres[n, 1] - half
            top_left = level_at(levels, row, col, pitch_row, pitch_col)
            top_right = level_at(levels, row, col + side - 1, pitch_row, pitch_col)
            low_left = level_at(levels, row + side - 1, col, pitch_row, pitch_col)
            low_right = level_at(levels, row + side - 1, col + side - 1, pitch_row, pitch_col)
            inside = 0 <= col and col + side <= pixels.shape[1]
            for i in range(side):
                down = i * step
                left = top_left + down * (low_left - top_left)
                right = (top_right + down * (low_right - top_right) - left) * step
                if not 0 <= row + i < pixels.shape[0]:
                    memset(&light[n, i, 0], 0, side * sizeof(float))
                    memset(&valid[n, i, 0], 0, side)
                    continue
                line = &pixels[row + i, 0] + col
                if inside and not holed:
                    for j in range(side):
                        light[n, i, j] = line[j] - (left + j * right)
                        valid[n, i, j] = 1
                    continue
                for j in range(side):
                    light[n, i, j] = 0
                    valid[n, i, j] = (
                        0 <= col + j < pixels.shape[1]
                        and not (holed and bad[row + i, col + j])
                    )
                    if valid[n, i, j]:
                        light[n, i, j] = line[j] - (left + j * right)


cdef inline float level_at(
    const float[:, ::1] levels, Py_ssize_t row, Py_ssize_t col, double pitch_row, double pitch_col
) noexcept nogil:
    """Return the level at a pixel, between the centres of boxes."""
    cdef double y = min(max((row + 0.5) / pitch_row + 0.5, 0.0), levels.shape[0] - 1.0)
    cdef double x = min(max((col + 0.5) / pitch_col + 0.5, 0.0), levels.shape[1] - 1.0)
    cdef Py_ssize_t i = min(<Py_ssize_t>y, levels.shape[0] - 2)
    cdef Py_ssize_t j = min(<Py_ssize_t>x, levels.shape[1] - 2)
    cdef float across = <float>(x - j), down = <float>(y - i), upper, lower
    upper = levels[i, j] + across * (levels[i, j + 1] - levels[i, j])
    lower = levels[i + 1, j] + across * (levels[i + 1, j + 1] - levels[i + 1, j])
    return upper + down * (lower - upper)
