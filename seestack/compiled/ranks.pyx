# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
# cython: initializedcheck=False
"""Find the value of some rank without sorting all, and without a branch for each value."""

from libc.math cimport NAN, isfinite, rint
from libc.stdint cimport int64_t, uint64_t

# Of so many values a sample tells where the median lies, within a few deviations of its rank.
cdef enum:
    MANY = 1024
    SAMPLE = 256
    SLACK = 20

ctypedef fused Number:
    float
    double


cdef inline Py_ssize_t parted(
    Number* values, Py_ssize_t low, Py_ssize_t high, Number pivot, bint equal
) noexcept nogil:
    """Bring the values below the pivot, or also those equal to it, to the front; return its end.
    """
    cdef Py_ssize_t k, end = low
    cdef Number value
    if equal:
        for k in range(low, high):
            value = values[k]
            values[k] = values[end]
            values[end] = value
            end += value <= pivot
    else:
        for k in range(low, high):
            value = values[k]
            values[k] = values[end]
            values[end] = value
            end += value < pivot
    return end


cdef Number selected(Number* values, Py_ssize_t count, Py_ssize_t rank) noexcept nogil:
    """Return the value of a rank from 0 on; no smaller one stays behind it (Hoare, 1961)."""
    cdef Py_ssize_t low = 0, high = count, end
    cdef uint64_t chance = 1
    cdef Number a, b, c, pivot
    while high - low > 1:
        # The middle one of three at scattered places, so that no usual order is a bad one.
        chance = chance * <uint64_t>6364136223846793005 + <uint64_t>1442695040888963407
        a = values[low + <Py_ssize_t>((chance >> 33) % <uint64_t>(high - low))]
        b = values[low + (high - low) // 2]
        c = values[high - 1]
        pivot = max(min(a, b), min(max(a, b), c))
        if pivot != pivot:
            return pivot  # NaN is neither before nor behind
        end = parted(values, low, high, pivot, False)
        if rank < end:
            high = end
            continue
        low = parted(values, end, high, pivot, True)
        if rank < low:
            return pivot
    return values[rank]


cdef Py_ssize_t narrowed(double* values, Py_ssize_t *count) noexcept nogil:
    """Keep the values about the median alone, at the front; return how many below are dropped.

    Two values of a sample enclose it (Floyd and Rivest, 1975). Where the sample misleads, all
    stay.
    """
    cdef double sample[SAMPLE]
    cdef double low, high, value
    cdef int64_t below = 0, within = 0
    cdef Py_ssize_t k, end = 0, half = count[0] // 2, step = count[0] // SAMPLE
    for k in range(SAMPLE):
        sample[k] = values[k * step]
    low = selected(sample, SAMPLE, SAMPLE // 2 - SLACK)
    high = selected(sample, SAMPLE, SAMPLE // 2 + SLACK)
    for k in range(count[0]):
        below += <int64_t>1 if values[k] < low else <int64_t>0
        within += <int64_t>1 if values[k] <= high else <int64_t>0
    if below >= half or within <= half:
        return 0
    for k in range(count[0]):
        value = values[k]
        values[end] = value
        end += (value >= low) & (value <= high)
    count[0] = end
    return below


def median(double[::1] values):
    """Return the median of at least one value; the values are lost.

    With NaN among them it is meaningless, but found.
    """
    cdef Py_ssize_t k, left = values.shape[0], half = values.shape[0] // 2
    cdef double upper, lower
    with nogil:
        if left > MANY:
            half -= narrowed(&values[0], &left)
        upper = lower = selected(&values[0], left, half)
        if values.shape[0] % 2 == 0:
            lower = values[0]
            for k in range(1, half):
                lower = values[k] if values[k] > lower else lower
    return upper if values.shape[0] % 2 else (lower + upper) / 2


def clipped_level(float[::1] values, int cuts, double darker):
    """Return the median of the finite values, and its distance to the share `darker` of them.

    Times `cuts` these two are found; what lies above three times the distance is left out before
    the next time. NaN where no value is finite. The values are other ones then.
    """
    cdef Py_ssize_t k, known = 0, count, half, end
    cdef int cut
    cdef float upper, lower, limit, rank_value
    cdef double level = NAN, sigma = NAN
    cdef float *first = &values[0]
    with nogil:
        for k in range(values.shape[0]):
            first[known] = first[k]
            known += isfinite(first[k]) != 0
        count = end = known
        for cut in range(cuts if known > 0 else 0):
            half = count // 2
            # What is smaller than an earlier median lies before it.
            upper = lower = selected(first, end if half < end else known, half)
            if count % 2 == 0:
                lower = first[0]
                for k in range(1, half):
                    lower = first[k] if first[k] > lower else lower
            level = (<double>lower + <double>upper) / 2
            # The shift of one half makes it unbiased for few values.
            k = <Py_ssize_t>rint(max(darker * count - 0.5, 0.0))
            rank_value = selected(first, half, k) if k < half else upper
            sigma = level - <double>rank_value
            limit = <float>(level + 3 * sigma)
            end, count = half + 1, 0
            for k in range(known):
                count += first[k] <= limit
            count = max(count, <Py_ssize_t>1)
    return level, sigma
