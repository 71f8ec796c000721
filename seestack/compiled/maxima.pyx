# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
# cython: initializedcheck=False
"""Find the local maxima of an image that stand above a level."""


cdef bint is_highest(
    const float[:, ::1] image, Py_ssize_t row, Py_ssize_t col, Py_ssize_t reach
) noexcept nogil:
    """Return whether no pixel of the square around is higher."""
    cdef Py_ssize_t i, j
    for i in range(max(row - reach, 0), min(row + reach + 1, image.shape[0])):
        for j in range(max(col - reach, 0), min(col + reach + 1, image.shape[1])):
            if image[i, j] > image[row, col]:
                return False
    return True


def local_maxima(
    const float[:, ::1] image, float level, Py_ssize_t reach, Py_ssize_t[::1] places
):
    """Write the flat indices of the maxima into `places`, in order; return how many there are."""
    cdef Py_ssize_t row, col, count = 0
    with nogil:
        for row in range(image.shape[0]):
            for col in range(image.shape[1]):
                if image[row, col] > level and is_highest(image, row, col, reach):
                    places[count] = row * image.shape[1] + col
                    count += 1
    return count
