# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
# cython: initializedcheck=False
"""Turn a band of an image by three shears, each line with eight taps."""

from libc.math cimport M_PI, cos, fabs, sin
from libc.string cimport memcpy, memset

# Pixels beyond each side of a line that its mirror image fills.
cdef enum:
    TAPS = 8


def windowed_sinc(const double[::1] fractions, float[:, ::1] out):
    """Write the Lanczos weights of order four, of unit sum, for each fraction."""
    cdef double weights[TAPS]
    cdef double turn[TAPS]
    cdef double rise[TAPS]
    cdef double fast, slow, fall, total, distance
    cdef Py_ssize_t i
    cdef int tap
    with nogil:
        for tap in range(TAPS):
            turn[tap], rise[tap] = cos(M_PI / 4 * (tap - 3)), sin(M_PI / 4 * (tap - 3))
        for i in range(fractions.shape[0]):
            # The sines of all taps follow from those of the fraction.
            fast = sin(M_PI * fractions[i])
            slow, fall = sin(M_PI / 4 * fractions[i]), cos(M_PI / 4 * fractions[i])
            total = 0.0
            for tap in range(TAPS):
                distance = M_PI * (tap - 3 - fractions[i])
                if fabs(distance) < 1e-9:
                    weights[tap] = 1.0
                else:
                    weights[tap] = 4 * fast * (rise[tap] * fall - turn[tap] * slow)
                    weights[tap] /= distance * distance if tap % 2 == 0 else -distance * distance
                total += weights[tap]
            for tap in range(TAPS):
                out[i, tap] = <float>(weights[tap] / total) + 0.0  # no minus zero


def scratch_size(Py_ssize_t width, Py_ssize_t columns, Py_ssize_t depth):
    """Return how many floats `turn_band` works in."""
    return width + 2 * TAPS + (2 + depth) * columns


def turn_band(
    const float[:, ::1] image,
    const Py_ssize_t[::1] first,
    const float[:, ::1] first_weights,
    const Py_ssize_t[::1] runs,
    const Py_ssize_t[::1] down,
    const float[:, ::1] down_weights,
    const Py_ssize_t[::1] across,
    const float[:, ::1] across_weights,
    float[::1] scratch,
    float[:, ::1] out,
    Py_ssize_t top,
    Py_ssize_t bottom,
):
    """Write rows `top` to `bottom` of `out`.

    Line i of the first shear is row i - 8 of the image, mirrored at its ends, read from
    pixel first[i] - 8 on. Line y + down[k] + tap goes with tap `tap` into row y, in the
    columns from runs[k] to runs[k + 1]. That row is read from pixel across[y] on.
    """
    cdef Py_ssize_t width = image.shape[1], columns = down_weights.shape[1]
    cdef Py_ssize_t lines = first.shape[0], steps = down.shape[0]
    cdef Py_ssize_t lowest = min(down[0], down[steps - 1])
    cdef Py_ssize_t highest = max(down[0], down[steps - 1])
    cdef Py_ssize_t depth = highest - lowest + TAPS
    cdef float *mirrored = &scratch[0]
    cdef float *sheared = mirrored + width + 2 * TAPS
    cdef float *turned = sheared + columns
    cdef float *aligned = turned + columns
    cdef float *rows[TAPS]
    cdef float *target
    cdef Py_ssize_t line, row, k, x, tap, begin, end, left, size
    with nogil:
        line = top + lowest
        for row in range(top, bottom):
            while line <= row + highest + TAPS - 1:
                if down[0] <= down[steps - 1]:
                    begin = first_over(down, line - bottom - TAPS + 1, 1)
                    end = first_over(down, line - top, 1)
                else:
                    begin = first_over(down, top - line - 1, -1)
                    end = first_over(down, bottom + TAPS - 2 - line, -1)
                if begin < end:
                    left, size = runs[begin], runs[end] - runs[begin]
                    if 0 <= line < lines:
                        mirror(&image[reflected(line - TAPS, image.shape[0]), 0], width, mirrored)
                        read_line(
                            mirrored, width + 2 * TAPS, first[line] + left,
                            &first_weights[line, 0], sheared + left, size,
                        )
                    else:
                        memset(sheared + left, 0, size * sizeof(float))
                    for k in range(begin, end):
                        target = aligned + (line - down[k] - top) % depth * columns
                        for x in range(runs[k], runs[k + 1]):
                            target[x] = sheared[x]
                line += 1
            for tap in range(TAPS):
                rows[tap] = aligned + (row - top + tap) % depth * columns
            add_four(rows, down_weights, 0, turned, columns)
            add_four(rows, down_weights, 4, turned, columns)
            read_line(
                turned, columns, across[row], &across_weights[row, 0],
                &out[row, 0], out.shape[1],
            )


cdef inline Py_ssize_t first_over(
    const Py_ssize_t[::1] steps, Py_ssize_t limit, int sign
) noexcept nogil:
    """Return the first of rising steps, or falling ones with sign -1, beyond a limit."""
    cdef Py_ssize_t low = 0, high = steps.shape[0], middle
    while low < high:
        middle = (low + high) // 2
        if sign * steps[middle] > limit:
            high = middle
        else:
            low = middle + 1
    return low


cdef inline Py_ssize_t reflected(Py_ssize_t place, Py_ssize_t size) noexcept nogil:
    """Return the place mirrored about the outermost ones, as often as it takes."""
    cdef Py_ssize_t period = max(2 * (size - 1), 1)
    place = place % period
    if place < 0:
        place += period
    return min(place, period - place) if size > 1 else 0


cdef void mirror(const float *line, Py_ssize_t width, float *out) noexcept nogil:
    """Copy a line with eight mirrored pixels at each end."""
    cdef Py_ssize_t i
    memcpy(out + TAPS, line, width * sizeof(float))
    for i in range(1, TAPS + 1):
        out[TAPS - i] = line[reflected(-i, width)]
        out[TAPS + width - 1 + i] = line[reflected(width - 1 + i, width)]


cdef void read_line(
    const float *line,
    Py_ssize_t length,
    Py_ssize_t begin,
    const float *weights,
    float *out,
    Py_ssize_t size,
) noexcept nogil:
    """Read a line from pixel `begin` on; 0 where a tap lies beyond it."""
    cdef Py_ssize_t low = min(max(-begin, 0), size)
    cdef Py_ssize_t high = max(min(length - (TAPS - 1) - begin, size), low)
    cdef float w0 = weights[0], w1 = weights[1], w2 = weights[2], w3 = weights[3]
    cdef float w4 = weights[4], w5 = weights[5], w6 = weights[6], w7 = weights[7]
    cdef const float *p = line + begin
    cdef Py_ssize_t x
    memset(out, 0, low * sizeof(float))
    for x in range(low, high):
        out[x] = (
            p[x] * w0 + p[x + 1] * w1 + p[x + 2] * w2 + p[x + 3] * w3
            + p[x + 4] * w4 + p[x + 5] * w5 + p[x + 6] * w6 + p[x + 7] * w7
        )
    memset(out + high, 0, (size - high) * sizeof(float))


cdef void add_four(
    float **rows, const float[:, ::1] weights, int tap, float *out, Py_ssize_t size
) noexcept nogil:
    """Add four of the eight taps of a column to each pixel of a row; tap 0 begins it."""
    cdef const float *a = rows[tap]
    cdef const float *b = rows[tap + 1]
    cdef const float *c = rows[tap + 2]
    cdef const float *d = rows[tap + 3]
    cdef const float *wa = &weights[tap, 0]
    cdef const float *wb = &weights[tap + 1, 0]
    cdef const float *wc = &weights[tap + 2, 0]
    cdef const float *wd = &weights[tap + 3, 0]
    cdef Py_ssize_t x
    if tap == 0:
        memset(out, 0, size * sizeof(float))
    for x in range(size):
        out[x] = out[x] + a[x] * wa[x] + b[x] * wb[x] + c[x] * wc[x] + d[x] * wd[x]
