# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
# cython: initializedcheck=False
"""Find the value of some rank without sorting all, and without a branch for each value."""

from libc.stdint cimport uint64_t


cdef inline Py_ssize_t parted(
    double* values, Py_ssize_t low, Py_ssize_t high, double pivot, bint equal
) noexcept nogil:
    """Bring the values below the pivot, or also those equal to it, to the front; return its end.
    """
    cdef Py_ssize_t k, end = low
    cdef double value
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


cdef double selected(double* values, Py_ssize_t count, Py_ssize_t rank) noexcept nogil:
    """Return the value of a rank from 0 on; no smaller one stays behind it (Hoare, 1961)."""
    cdef Py_ssize_t low = 0, high = count, end
    cdef uint64_t chance = 1
    cdef double a, b, c, pivot
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


def median(double[::1] values):
    """Return the median of at least one value; they are in another order then.

    With NaN among them it is meaningless, but found.
    """
    cdef Py_ssize_t k, count = values.shape[0], half = values.shape[0] // 2
    cdef double upper, lower
    with nogil:
        upper = lower = selected(&values[0], count, half)
        if count % 2 == 0:
            lower = values[0]
            for k in range(1, half):
                lower = values[k] if values[k] > lower else lower
    return upper if count % 2 else (lower + upper) / 2
