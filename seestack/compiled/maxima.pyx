# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
# cython: initializedcheck=False
"""Find the local maxima of an image that stand above a level."""

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
    const float[:, ::1] image, float level, Py_ssize_t reach, Py_ssize_t[::1] places
):
    """Write the flat indices of the maxima into `places`, in order; return how many there are."""
    cdef Py_ssize_t row, col, chunk, begin, end, count = 0, width = image.shape[1]
    cdef const float *line
    cdef int high
    with nogil:
        for row in range(image.shape[0]):
            line = &image[row, 0]
            for chunk in range((width + CHUNK - 1) // CHUNK):
                begin, end = chunk * CHUNK, min((chunk + 1) * CHUNK, width)
                high = 0
                for col in range(begin, end):
                    high |= line[col] > level
                if not high:
                    continue
                for col in range(begin, end):
                    if line[col] > level and is_highest(image, row, col, reach):
                        places[count] = row * width + col
                        count += 1
    return count
