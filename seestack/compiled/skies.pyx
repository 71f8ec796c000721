# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
# cython: initializedcheck=False
"""Add up the boxes of an image, and take a smooth surface off its rows."""


def add_rows(const float[:, ::1] rows, float[::1] total):
    """Write the sum of some rows."""
    cdef Py_ssize_t row, i, size = rows.shape[1]
    with nogil:
        for i in range(size):
            total[i] = rows[0, i]
        for row in range(1, rows.shape[0]):
            for i in range(size):
                total[i] += rows[row, i]


def subtract(
    float[:, ::1] pixels,
    float scale,
    const float[:, ::1] down,
    const float[:, ::1] along,
    Py_ssize_t step,
    Py_ssize_t first,
):
    """Scale pixels and take the product of `down` (H, 3) and `along` (3, W) off, in place.

    Of `step` colours side by side in a row it is the one that `first` is the place of.
    """
    cdef Py_ssize_t row, i, width = along.shape[1]
    cdef float a, b, c
    with nogil:
        for row in range(pixels.shape[0]):
            a, b, c = down[row, 0], down[row, 1], down[row, 2]
            if step == 1:
                for i in range(width):
                    pixels[row, i] = pixels[row, i] * scale - (
                        a * along[0, i] + b * along[1, i] + c * along[2, i]
                    )
                continue
            for i in range(width):
                pixels[row, first + step * i] = pixels[row, first + step * i] * scale - (
                    a * along[0, i] + b * along[1, i] + c * along[2, i]
                )
