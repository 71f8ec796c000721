# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
# cython: initializedcheck=False
"""Put the samples of one frame where they are among the extremes of each pixel."""

from libc.math cimport INFINITY

# Pixels looked at together; more than the compiler would unroll instead of making vectors.
cdef enum:
    CHUNK = 32

ctypedef fused Number:
    unsigned short
    unsigned int


def insert(
    const float[::1] samples,
    const unsigned char[::1] covered,
    Py_ssize_t frame,
    float[:, ::1] high,
    Number[:, ::1] high_frame,
    float[:, ::1] low,
    Number[:, ::1] low_frame,
    Py_ssize_t start,
):
    """Insert the samples of the pixels from `start` on, in place.

    What is not covered or not finite is no sample. Where none of the pixels of a chunk has
    a new extreme, nothing but the last ones is read, and nothing written.
    """
    cdef Py_ssize_t chunk, first, size = samples.shape[0], whole = size // CHUNK
    with nogil:
        for chunk in range(whole):
            first = chunk * CHUNK
            put(&samples[first], &covered[first], frame, high, high_frame, start + first, CHUNK, 1)
            put(&samples[first], &covered[first], frame, low, low_frame, start + first, CHUNK, -1)
        first = whole * CHUNK
        if first < size:
            chunk = size - first
            put(&samples[first], &covered[first], frame, high, high_frame, start + first, chunk, 1)
            put(&samples[first], &covered[first], frame, low, low_frame, start + first, chunk, -1)


cdef inline void put(
    const float *samples,
    const unsigned char *covered,
    Py_ssize_t frame,
    float[:, ::1] values,
    Number[:, ::1] frames,
    Py_ssize_t first,
    Py_ssize_t size,
    int sign,
) noexcept nogil:
    """Let each sample of a chunk take its place; those behind it move on by one."""
    cdef Py_ssize_t i, place, count = values.shape[0]
    cdef float height[CHUNK]
    cdef Number number[CHUNK]
    cdef Number further[CHUNK]
    cdef float *value
    cdef Number *holder
    cdef float held, new
    cdef Number holds
    cdef int some = 0, hidden = 0, wild = 0
    if count == 0:
        return
    value = &values[count - 1, first]
    for i in range(size):
        some |= sign * samples[i] > sign * value[i]
    if not some:
        return
    for i in range(size):
        height[i] = sign * samples[i]
        number[i] = <Number>frame
        hidden |= covered[i] == 0
        wild |= samples[i] - samples[i] != 0
    if hidden or wild:
        for i in range(size):
            if not covered[i] or samples[i] - samples[i] != 0:
                height[i] = -INFINITY
    for place in range(count):
        value = &values[place, first]
        holder = &frames[place, first]
        # One type of number in each loop: so the compiler makes vectors of them.
        for i in range(size):
            further[i] = height[i] > sign * value[i]
        for i in range(size):
            held, new = sign * value[i], height[i]
            value[i] = sign * max(held, new)
            height[i] = min(held, new)
        for i in range(size):
            holds = holder[i]
            holder[i] = number[i] if further[i] else holds
            number[i] = holds if further[i] else number[i]
