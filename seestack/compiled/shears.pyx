# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
# cython: initializedcheck=False
"""Turn a band of an image by three shears, each line with eight taps."""

from libc.math cimport M_PI, cos, fabs, sin
from libc.string cimport memset

cdef extern from *:
    # Numbers that no other pointer in reach leads to.
    ctypedef float *Alone "float *CYTHON_RESTRICT"

cdef enum:
    TAPS = 8  # also the pixels beyond each side of a line that its mirror image fills
    SHORT = 48  # pixels of a run for which a call of its own is too much
    AT_ONCE = 4  # rows that share the loads of the weights and of each other's pixels


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


ctypedef fused Pixel:
    float
    unsigned short


def scratch_size(Py_ssize_t width, Py_ssize_t columns, Py_ssize_t depth):
    """Return how many floats `turn_band` works in."""
    return width + 2 * TAPS + (1 + AT_ONCE + depth + AT_ONCE - 1) * columns


def turn_band(
    const Pixel[:, ::1] image,
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
    cdef Py_ssize_t depth = highest - lowest + TAPS + AT_ONCE - 1
    # Rows come in groups; of the last one some may lie below the band.
    cdef Py_ssize_t below = top + (bottom - top + AT_ONCE - 1) // AT_ONCE * AT_ONCE
    cdef float *mirrored = &scratch[0]
    cdef float *sheared = mirrored + width + 2 * TAPS
    cdef float *turned = sheared + columns
    cdef float *aligned = turned + AT_ONCE * columns
    cdef float *rows[TAPS + AT_ONCE - 1]
    cdef float *target
    cdef const Pixel *source
    cdef Py_ssize_t line, group, row, k, i, begin, end, left, size
    cdef bint direct
    with nogil:
        line = top + lowest
        for group in range((below - top) // AT_ONCE):
            row = top + group * AT_ONCE
            while line <= row + AT_ONCE - 1 + highest + TAPS - 1:
                if down[0] <= down[steps - 1]:
                    begin = first_over(down, line - below - TAPS + 1, 1)
                    end = first_over(down, line - top, 1)
                else:
                    begin = first_over(down, top - line - 1, -1)
                    end = first_over(down, below + TAPS - 2 - line, -1)
                if begin < end:
                    left, size = runs[begin], runs[end] - runs[begin]
                    # Many short runs are read at once and copied.
                    direct = size >= SHORT * (end - begin)
                    source = NULL
                    if 0 <= line < lines:
                        source = &image[reflected(line - TAPS, image.shape[0]), 0]
                        mirror(source, width, mirrored)
                        if not direct:
                            read_line(
                                mirrored, width + 2 * TAPS, first[line] + left,
                                &first_weights[line, 0], sheared + left, size,
                            )
                    elif not direct:
                        memset(sheared + left, 0, size * sizeof(float))
                for k in range(begin, end):
                    target = aligned + (line - down[k] - top) % depth * columns
                    if not direct:
                        for i in range(runs[k], runs[k + 1]):
                            target[i] = sheared[i]
                    elif source != NULL:
                        read_line(
                            mirrored, width + 2 * TAPS, first[line] + runs[k],
                            &first_weights[line, 0], target + runs[k], runs[k + 1] - runs[k],
                        )
                    else:
                        memset(target + runs[k], 0, (runs[k + 1] - runs[k]) * sizeof(float))
                line += 1
            for i in range(TAPS + AT_ONCE - 1):
                rows[i] = aligned + (row - top + i) % depth * columns
            read_columns(
                rows, down_weights, columns, turned, turned + columns, turned + 2 * columns,
                turned + 3 * columns,
            )
            for i in range(min(AT_ONCE, bottom - row)):
                read_line(
                    turned + i * columns, columns, across[row + i], &across_weights[row + i, 0],
                    &out[row + i, 0], out.shape[1],
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


cdef void mirror(const Pixel *line, Py_ssize_t width, float *out) noexcept nogil:
    """Copy a line with eight mirrored pixels at each end."""
    cdef Py_ssize_t i
    for i in range(width):
        out[TAPS + i] = line[i]
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


cdef void read_columns(
    float **rows,
    const float[:, ::1] weights,
    Py_ssize_t size,
    Alone first,
    Alone second,
    Alone third,
    Alone fourth,
) noexcept nogil:
    """Read the columns of eleven rows at four places one below the other."""
    cdef const float *a = rows[0]
    cdef const float *b = rows[1]
    cdef const float *c = rows[2]
    cdef const float *d = rows[3]
    cdef const float *e = rows[4]
    cdef const float *f = rows[5]
    cdef const float *g = rows[6]
    cdef const float *h = rows[7]
    cdef const float *i = rows[8]
    cdef const float *j = rows[9]
    cdef const float *k = rows[10]
    cdef const float *wa = &weights[0, 0]
    cdef const float *wb = &weights[1, 0]
    cdef const float *wc = &weights[2, 0]
    cdef const float *wd = &weights[3, 0]
    cdef const float *we = &weights[4, 0]
    cdef const float *wf = &weights[5, 0]
    cdef const float *wg = &weights[6, 0]
    cdef const float *wh = &weights[7, 0]
    cdef Py_ssize_t x
    for x in range(size):
        first[x] = (
            a[x] * wa[x] + b[x] * wb[x] + c[x] * wc[x] + d[x] * wd[x]
            + e[x] * we[x] + f[x] * wf[x] + g[x] * wg[x] + h[x] * wh[x]
        )
        second[x] = (
            b[x] * wa[x] + c[x] * wb[x] + d[x] * wc[x] + e[x] * wd[x]
            + f[x] * we[x] + g[x] * wf[x] + h[x] * wg[x] + i[x] * wh[x]
        )
        third[x] = (
            c[x] * wa[x] + d[x] * wb[x] + e[x] * wc[x] + f[x] * wd[x]
            + g[x] * we[x] + h[x] * wf[x] + i[x] * wg[x] + j[x] * wh[x]
        )
        fourth[x] = (
            d[x] * wa[x] + e[x] * wb[x] + f[x] * wc[x] + g[x] * wd[x]
            + h[x] * we[x] + i[x] * wf[x] + j[x] * wg[x] + k[x] * wh[x]
        )
