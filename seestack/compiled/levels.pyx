# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
# cython: initializedcheck=False
"""Levels of boxes that are mostly sky."""

from libc.math cimport NAN, isfinite, rint

ctypedef fused Pixel:
    float
    unsigned short


def gather(const Pixel[:, :] image, Py_ssize_t height, Py_ssize_t width, float[:, ::1] boxes):
    """Write the pixels of each box of an image into a row, line by line of boxes, then NaN.

    Boxes are `height` by `width`; those at the lower and the right end may hang over.
    """
    cdef Py_ssize_t rows = image.shape[0], cols = image.shape[1]
    cdef Py_ssize_t across = (cols + width - 1) // width, box, row, col, top, left, count
    cdef float *target
    with nogil:
        for box in range(boxes.shape[0]):
            top, left = box // across * height, box % across * width
            target, count = &boxes[box, 0], 0
            for row in range(top, min(top + height, rows)):
                for col in range(left, min(left + width, cols)):
                    target[count] = <float>image[row, col]
                    count += 1
            for count in range(count, boxes.shape[1]):
                target[count] = NAN


def clipped_medians(
    const float[:, ::1] ordered, int cuts, double darker, Py_ssize_t fewest, float[::1] out
):
    """Write the median of each row of sorted values; NaN goes to the end and takes no part.

    Times `cuts`, what lies above three times the distance to the share `darker` of the values
    is left out. NaN where fewer than `fewest` values are finite.
    """
    cdef Py_ssize_t row, known, count, rank
    cdef int cut
    cdef float level, sigma
    cdef const float *values
    with nogil:
        for row in range(ordered.shape[0]):
            values, known = &ordered[row, 0], ordered.shape[1]
            while known > 0 and not isfinite(values[known - 1]):
                known -= 1
            if known < max(fewest, <Py_ssize_t>1) or not isfinite(values[0]):
                out[row] = NAN
                continue
            count = known
            for cut in range(cuts):
                level = (values[(count - 1) // 2] + values[count // 2]) / 2
                # The shift of one half makes it unbiased for few values.
                rank = <Py_ssize_t>rint(max(darker * count - 0.5, 0.0))
                sigma = level - values[rank]
                count = max(not_above(values, known, level + 3 * sigma), <Py_ssize_t>1)
            out[row] = level


cdef inline Py_ssize_t not_above(
    const float *values, Py_ssize_t count, float limit
) noexcept nogil:
    """Return how many of the sorted values are not above the limit."""
    cdef Py_ssize_t low = 0, high = count, middle
    while low < high:
        middle = (low + high) // 2
        if values[middle] > limit:
            high = middle
        else:
            low = middle + 1
    return low
