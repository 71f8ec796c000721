# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
# cython: initializedcheck=False
"""Add the samples of one frame to the running sums of each pixel."""

from libc.math cimport isfinite

# Pixels looked at together: where all have a sample and a mean there is nothing to ask.
cdef enum:
    CHUNK = 64

ctypedef fused Count:
    int
    unsigned short


def add_samples(
    const float[::1] samples,
    const unsigned char[::1] covered,
    double weight,
    double[::1] mean,
    double[::1] total,
    double[::1] m2,
    Count[::1] coverage,
):
    """Update mean, sum of weights, weighted squared deviations and count, in place.

    Pixels that are not covered or not finite stay as they are.
    """
    cdef Py_ssize_t chunk, begin, end, i, size = samples.shape[0]
    with nogil:
        for chunk in range((size + CHUNK - 1) // CHUNK):
            begin, end = chunk * CHUNK, min((chunk + 1) * CHUNK, size)
            if end - begin == CHUNK and is_plain(
                &samples[begin], &covered[begin], &coverage[begin]
            ):
                for i in range(begin, begin + CHUNK):
                    update(&samples[i], weight, &mean[i], &total[i], &m2[i])
                for i in range(begin, begin + CHUNK):
                    coverage[i] += 1
                continue
            for i in range(begin, end):
                if not covered[i] or not isfinite(samples[i]):
                    continue
                if coverage[i] == 0:
                    mean[i] = samples[i]
                update(&samples[i], weight, &mean[i], &total[i], &m2[i])
                coverage[i] += 1


cdef inline void update(
    const float *sample, double weight, double *mean, double *total, double *m2
) noexcept nogil:
    cdef double delta = sample[0] - mean[0]
    cdef double after = total[0] + weight
    cdef double step = weight / after * delta
    mean[0] += step
    m2[0] += weight * delta * (delta - step)
    total[0] = after


cdef inline bint is_plain(
    const float *samples, const unsigned char *covered, const Count *coverage
) noexcept nogil:
    """Return whether all pixels of a chunk have a sample and a mean."""
    cdef int odd = 0
    cdef Py_ssize_t i
    for i in range(CHUNK):
        odd |= (samples[i] - samples[i] != 0) | (coverage[i] == 0)
    for i in range(CHUNK):
        odd |= covered[i] == 0
    return not odd
