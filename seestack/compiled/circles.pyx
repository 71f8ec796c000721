# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
# cython: initializedcheck=False
"""Circles of pixels around stars, with the stars side by side, and a first look at them.

Stars are the last axis of `data` and `valid`, which have places for a multiple of 32, pixels the
first, from the middle outwards. Places beyond the last star are empty.
"""

from libc.math cimport INFINITY
from libc.stdlib cimport free, malloc
from libc.string cimport memset

LANES = 32

cdef enum:
    BLOCK = 32


def lay_out(
    const float[:, ::1] stamps,
    const unsigned char[:, ::1] known,
    const Py_ssize_t[::1] places,
    float noise,
    float[:, ::1] data,
    float[:, ::1] valid,
):
    """Write the pixels of each stamp at some places over the noise, and 1 where they count."""
    cdef Py_ssize_t number, first, p, s, count
    with nogil:
        for number in range(data.shape[1] // BLOCK):
            first = number * BLOCK
            count = min(stamps.shape[0] - first, <Py_ssize_t>BLOCK)
            for p in range(places.shape[0]):
                memset(&data[p, first], 0, BLOCK * sizeof(float))
                memset(&valid[p, first], 0, BLOCK * sizeof(float))
                for s in range(count):
                    data[p, first + s] = stamps[first + s, places[p]]
                    valid[p, first + s] = known[first + s, places[p]]
                for s in range(BLOCK):
                    data[p, first + s] /= noise


def take(const float[:, ::1] pixels, const Py_ssize_t[::1] chosen, float[:, ::1] out):
    """Write the pixels of the chosen stars."""
    cdef Py_ssize_t p, s
    with nogil:
        for p in range(pixels.shape[0]):
            for s in range(chosen.shape[0]):
                out[p, s] = pixels[p, chosen[s]]
            for s in range(chosen.shape[0], out.shape[1]):
                out[p, s] = 0


def first_look(
    const float[:, ::1] data,
    const float[:, ::1] valid,
    const float[::1] x,
    const float[::1] y,
    Py_ssize_t core,
    Py_ssize_t edge,
    double[:, ::1] guess,
):
    """Write x, y, height and sky of each star.

    The sky is the median of the pixels from `edge` on, 0 where none counts; x and y are the
    middle of the light in the first `core` pixels, and the height is that of the highest.
    """
    cdef Py_ssize_t number, first, p, s, count = data.shape[0] - edge
    cdef float[BLOCK] sky, total, along_x, along_y, highest
    cdef float light
    cdef float *ring = <float *>malloc(max(count, <Py_ssize_t>1) * BLOCK * sizeof(float))
    if ring == NULL:
        raise MemoryError
    with nogil:
        for number in range(data.shape[1] // BLOCK):
            first = number * BLOCK
            write_medians(data, valid, first, edge, ring, sky)
            memset(total, 0, sizeof(total))
            memset(along_x, 0, sizeof(along_x))
            memset(along_y, 0, sizeof(along_y))
            for s in range(BLOCK):
                highest[s] = -INFINITY
            for p in range(core):
                for s in range(BLOCK):
                    light = data[p, first + s] - sky[s]
                    light = (light if light > 0 else 0) * valid[p, first + s]
                    total[s] += light
                    along_x[s] += x[p] * light
                    along_y[s] += y[p] * light
                for s in range(BLOCK):
                    light = data[p, first + s] if valid[p, first + s] > 0 else -INFINITY
                    highest[s] = light if light > highest[s] else highest[s]
            for s in range(min(guess.shape[0] - first, <Py_ssize_t>BLOCK)):
                total[s] = max(total[s], <float>1e-12)
                guess[first + s, 0] = along_x[s] / total[s]
                guess[first + s, 1] = along_y[s] / total[s]
                light = highest[s] if highest[s] > -INFINITY else 0
                guess[first + s, 2] = max(light - sky[s], <float>1e-6)
                guess[first + s, 3] = sky[s]
    free(ring)


cdef void write_medians(
    const float[:, ::1] data,
    const float[:, ::1] valid,
    Py_ssize_t first,
    Py_ssize_t edge,
    float *ring,
    float *medians,
) noexcept nogil:
    """Write the medians of the pixels from `edge` on that count, 0 where none does."""
    cdef Py_ssize_t p, s, count = data.shape[0] - edge
    cdef int known
    for p in range(count):
        for s in range(BLOCK):
            ring[p * BLOCK + s] = (
                data[edge + p, first + s] if valid[edge + p, first + s] > 0 else INFINITY
            )
    put_in_order(ring, count)
    for s in range(BLOCK):
        known = 0
        for p in range(count):
            known += valid[edge + p, first + s] > 0
        medians[s] = 0
        if known > 0:
            medians[s] = (
                ring[(known - 1) // 2 * BLOCK + s] / 2 + ring[known // 2 * BLOCK + s] / 2
            )


cdef void put_in_order(float *values, Py_ssize_t count) noexcept nogil:
    """Sort each column (D. E. Knuth, The Art of Computer Programming 3, 5.2.2, algorithm M)."""
    cdef Py_ssize_t most = 1, p, q, r, d, i, s
    cdef float low, high
    while 2 * most < count:
        most *= 2
    p = most
    while p > 0:
        q, r, d = most, 0, p
        while d > 0:
            for i in range(count - d):
                if (i & p) == r:
                    for s in range(BLOCK):
                        low = values[i * BLOCK + s]
                        high = values[(i + d) * BLOCK + s]
                        values[i * BLOCK + s] = low if low < high else high
                        values[(i + d) * BLOCK + s] = high if low < high else low
            d = q - p
            q //= 2
            r = p
        p //= 2
