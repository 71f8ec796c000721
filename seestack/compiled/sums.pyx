# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
# cython: initializedcheck=False
"""Add the samples of one frame to the running sums of each pixel."""

from libc.math cimport isfinite


def add_samples(
    const float[::1] samples,
    const unsigned char[::1] usable,
    double weight,
    double[::1] mean,
    double[::1] total,
    double[::1] m2,
    int[::1] coverage,
):
    """Update mean, sum of weights, weighted squared deviations and count, in place."""
    cdef Py_ssize_t i
    cdef double delta, step, after
    with nogil:
        for i in range(samples.shape[0]):
            if not usable[i] or not isfinite(samples[i]):
                continue
            if coverage[i] == 0:
                mean[i] = samples[i]
            delta = samples[i] - mean[i]
            after = total[i] + weight
            step = weight / after * delta
            mean[i] += step
            m2[i] += weight * delta * (delta - step)
            total[i] = after
            coverage[i] += 1
