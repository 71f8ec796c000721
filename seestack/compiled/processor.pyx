# cython: language_level=3
"""Tell what this processor can do."""

cdef extern from *:
    """
    #if (defined(__GNUC__) || defined(__clang__)) && defined(__x86_64__)
    static int with_avx2(void) { return __builtin_cpu_supports("avx2") != 0; }
    #else
    static int with_avx2(void) { return 0; }
    #endif
    """
    int with_avx2()


def has_avx2():
    """Return whether vectors of 256 bits can be used."""
    return with_avx2() != 0
