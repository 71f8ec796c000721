# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
# cython: initializedcheck=False
"""Cubic convolution over the sites of one colour of a mosaic, and the limit from below.

Sites lie in a plane whose margin stands for what is beyond the frame. In a square plane
(red, blue) place (row, col) is the site there. In a diagonal one (green) each row holds every
other pixel of the mosaic, the first one at x = (odd + row) % 2; its grid has the axes
u = (x + y - odd) / 2 and v = (x - y - odd) / 2.

Where the result is hardly turned, every other pixel of its row moves by one site, so that
runs of them read contiguous sites, with weights that change little by little.
"""

from libc.math cimport NAN, fabs, floor
from libc.stdlib cimport free, malloc

cdef enum:
    LANES = 8
    REACH = 2
    SPAN = 5
    OFFSET = 64


ctypedef fused Pixel:
    float
    unsigned short


def split(
    const Pixel[:, ::1] mosaic,
    const Py_ssize_t[::1] rows,
    const Py_ssize_t[::1] firsts,
    const Py_ssize_t[:, ::1] columns,
    Py_ssize_t margin,
    float[:, ::1] out,
    Py_ssize_t top,
    Py_ssize_t bottom,
):
    """Write every other pixel of rows of a mosaic.

    Row i of `out` shows row rows[i] from pixel firsts[i] (0 or 1) on. In the margin its place k
    shows pixel columns[firsts[i], k].
    """
    cdef Py_ssize_t i, k, count
    cdef const Pixel *line
    cdef float *target
    with nogil:
        for i in range(top, bottom):
            target = &out[i, 0]
            count = (mosaic.shape[1] - firsts[i] + 1) // 2
            line = &mosaic[rows[i], 0]
            for k in range(margin):
                target[k] = line[columns[firsts[i], k]]
            for k in range(margin + count, out.shape[1]):
                target[k] = line[columns[firsts[i], k]]
            line += firsts[i]
            target += margin
            for k in range(count):
                target[k] = line[2 * k]


def darkest_square(
    const float[:, ::1] plane, float[:, ::1] out, Py_ssize_t top, Py_ssize_t bottom
):
    """Write the darkest of the 5 x 5 sites around those in some rows of a square plane.

    The two outermost places of `out` on each side are not written.
    """
    cdef Py_ssize_t row, col, width = plane.shape[1]
    cdef const float *a
    cdef const float *b
    cdef const float *c
    cdef const float *d
    cdef const float *e
    cdef float *target
    cdef float *line = <float *>malloc(width * sizeof(float))
    if line == NULL:
        raise MemoryError
    with nogil:
        for row in range(max(top, REACH), min(bottom, plane.shape[0] - REACH)):
            a, b, c = &plane[row - 2, 0], &plane[row - 1, 0], &plane[row, 0]
            d, e = &plane[row + 1, 0], &plane[row + 2, 0]
            for col in range(width):
                line[col] = least(a[col], b[col], c[col], d[col], e[col])
            target = &out[row, REACH]
            for col in range(width - 2 * REACH):
                target[col] = least(
                    line[col], line[col + 1], line[col + 2], line[col + 3], line[col + 4]
                )
    free(line)


def darkest_diagonal(
    const float[:, ::1] plane,
    Py_ssize_t odd,
    float[:, ::1] out,
    Py_ssize_t top,
    Py_ssize_t bottom,
):
    """Write the darkest of the 5 x 5 sites, along u and v, in some rows of a diagonal plane.

    The four outermost rows and columns of `out` are without meaning.
    """
    cdef Py_ssize_t row, width = plane.shape[1], first = max(top, 2 * REACH)
    # What is darkest along u, of the last five rows.
    cdef float *along = <float *>malloc(SPAN * width * sizeof(float))
    if along == NULL:
        raise MemoryError
    with nogil:
        for row in range(first - REACH, min(bottom, plane.shape[0] - 2 * REACH) + REACH):
            darkest_of_five(
                &plane[row - 2, 0], &plane[row - 1, 0], &plane[row, 0], &plane[row + 1, 0],
                &plane[row + 2, 0], (odd + row) & 1, width, along + row % SPAN * width,
            )
            if row >= first + REACH:
                darkest_of_five(
                    along + row % SPAN * width, along + (row - 1) % SPAN * width,
                    along + (row - 2) % SPAN * width, along + (row - 3) % SPAN * width,
                    along + (row - 4) % SPAN * width, (odd + row) & 1, width,
                    &out[row - REACH, 0],
                )
    free(along)


cdef void darkest_of_five(
    const float *a,
    const float *b,
    const float *c,
    const float *d,
    const float *e,
    Py_ssize_t late,
    Py_ssize_t width,
    float *out,
) noexcept nogil:
    """Take five rows, each 1 px further right; those of c begin `late`, at 1 and not at 0."""
    cdef Py_ssize_t col
    b += late
    d += late
    for col in range(REACH, width - REACH):
        out[col] = least(a[col - 1], b[col - 1], c[col], d[col], e[col + 1])


cdef inline float least(float a, float b, float c, float d, float e) noexcept nogil:
    return min(min(min(a, b), min(d, e)), c)


def lay(
    const float[:, ::1] plane,
    const float[:, ::1] darkest,
    const double[:, ::1] into,
    const Py_ssize_t[::1] begin,
    const Py_ssize_t[::1] end,
    float[:, :, ::1] out,
    Py_ssize_t colour,
    Py_ssize_t top,
    Py_ssize_t bottom,
):
    """Write rows `top` to `bottom` of one colour of `out`, from a square plane.

    `into` (2, 3) maps (x, y) of the result to (x, y) of the plane, whose margin must hold all
    that the columns begin[row] to end[row] reach: two sites more than the places themselves, and
    one more with a value in `darkest`. The other columns become NaN.
    """
    cdef Py_ssize_t row
    with nogil:
        for row in range(top, bottom):
            blacken(&out[row, 0, colour], begin[row], end[row], out.shape[1])
            if begin[row] < end[row]:
                scattered(
                    &plane[0, 0], &darkest[0, 0], plane.shape[1],
                    into[0, 0] * begin[row] + into[0, 1] * row + into[0, 2],
                    into[1, 0] * begin[row] + into[1, 1] * row + into[1, 2],
                    into[0, 0], into[1, 0], end[row] - begin[row],
                    &out[row, begin[row], colour],
                )


def lay_runs(
    const float[:, ::1] plane,
    const float[:, ::1] darkest,
    const double[:, ::1] into,
    bint diagonal,
    Py_ssize_t odd,
    Py_ssize_t above,
    const Py_ssize_t[::1] begin,
    const Py_ssize_t[::1] end,
    float[:, :, ::1] out,
    Py_ssize_t colour,
    Py_ssize_t top,
    Py_ssize_t bottom,
):
    """Do the same as `lay` where the result is hardly turned, or by nearly 180 degrees.

    In a diagonal plane `into` leads to (u, v). Of the whole plane `above` rows are missing before
    the first of `plane`. Beyond what `lay` asks for, there must be two more rows below.
    """
    cdef Py_ssize_t row, first, size, step, parity
    cdef double sign = 1 if into[0, 0] > 0 else -1
    cdef double rate_x = settled(2 * sign * into[0, 0] - 1)
    cdef double rate_y = settled(2 * sign * into[1, 0] - (1 if diagonal else 0))
    with nogil:
        for row in range(top, bottom):
            blacken(&out[row, 0, colour], begin[row], end[row], out.shape[1])
            for parity in range(2):
                first, step = begin[row] + parity, 6
                size = (end[row] - first + 1) // 2
                if size <= 0:
                    continue
                if sign < 0:  # from right to left
                    first, step = first + 2 * (size - 1), -6
                in_runs(
                    &plane[0, 0], &darkest[0, 0], plane.shape[1], diagonal, odd, above,
                    into[0, 0] * first + into[0, 1] * row + into[0, 2],
                    into[1, 0] * first + into[1, 1] * row + into[1, 2],
                    rate_x, rate_y, size, step, &out[row, first, colour],
                )


cdef inline void blacken(
    float *out, Py_ssize_t begin, Py_ssize_t end, Py_ssize_t width
) noexcept nogil:
    cdef Py_ssize_t col
    for col in range(begin):
        out[3 * col] = NAN
    for col in range(max(begin, end), width):
        out[3 * col] = NAN


cdef void in_runs(
    const float *plane,
    const float *darkest,
    Py_ssize_t width,
    bint diagonal,
    Py_ssize_t odd,
    Py_ssize_t above,
    double x,
    double y,
    double rate_x,
    double rate_y,
    Py_ssize_t size,
    Py_ssize_t step,
    float *out,
) noexcept nogil:
    """Write a line of pixels, each of which lies one site further along a row of the plane.

    From one to the next the first lies at (x, y) and the places drift by the rates.
    """
    # Pixels that a place takes to drift through a cell; for good if it does not.
    cdef double wait_x = 1 / rate_x if rate_x != 0 else 1e18
    cdef double wait_y = 1 / rate_y if rate_y != 0 else 1e18
    cdef double whole_x, whole_y, part_x, part_y
    cdef Py_ssize_t done = 0, block, run, row, place, late, i, k
    cdef float values[LANES]
    while done < size:
        whole_x, whole_y = floor(x + done * rate_x), floor(y + done * rate_y)
        part_x = settled(x + done * rate_x - whole_x)
        part_y = settled(y + done * rate_y - whole_y)
        # The pixels until either place is in another cell.
        run = <Py_ssize_t>min(
            min(
                (1 - part_x) * wait_x if wait_x > 0 else -part_x * wait_x,
                (1 - part_y) * wait_y if wait_y > 0 else -part_y * wait_y,
            ),
            <double>(size - done - 1),
        ) + 1
        late = 0
        if diagonal:
            row = <Py_ssize_t>(whole_x - whole_y)
            late = (odd + row) & 1
            place = (<Py_ssize_t>(whole_x + whole_y) + odd - late) // 2 + done
        else:
            row = <Py_ssize_t>whole_y
            place = <Py_ssize_t>whole_x + done
        place += (row - above) * width
        # Whole blocks: what is too much the next run writes over.
        for k in range((run + LANES - 1) // LANES):
            block = k * LANES
            if diagonal:
                diagonal_block(
                    plane + place + block, darkest + place + block, width, late,
                    <float>(part_x + block * rate_x), <float>(part_y + block * rate_y),
                    <float>rate_x, <float>rate_y, values,
                )
            else:
                square_block(
                    plane + place + block, darkest + place + block, width,
                    <float>(part_x + block * rate_x), <float>(part_y + block * rate_y),
                    <float>rate_x, <float>rate_y, values,
                )
            if run - block >= LANES:
                for i in range(LANES):
                    out[i * step] = values[i]
                out += LANES * step
            else:
                for i in range(run - block):
                    out[i * step] = values[i]
                out += (run - block) * step
        done += run


# The weights of cubic convolution with a = -0.75, for a place at distance x after the second tap;
# constants in single precision, lest the loops turn to double.
cdef inline float weight_0(float x) noexcept nogil:
    return <float>-0.75 * (x * (<float>1 - x)) * (<float>1 - x)


cdef inline float weight_1(float x) noexcept nogil:
    return <float>1 - (<float>2.25 - <float>1.25 * x) * (x * x)


cdef inline float weight_3(float x) noexcept nogil:
    return <float>-0.75 * (x * (<float>1 - x)) * x


cdef inline double settled(double place) noexcept nogil:
    """Return 0 for a place next to it, whose powers a processor would be slow to multiply."""
    return 0 if fabs(place) < 1e-12 else place


cdef inline float four(
    float a, float b, float c, float d, float wa, float wb, float wc, float wd
) noexcept nogil:
    return a * wa + b * wb + c * wc + d * wd


cdef void square_block(
    const float *at,
    const float *darkest,
    Py_ssize_t width,
    float x,
    float y,
    float rate_x,
    float rate_y,
    float *out,
) noexcept nogil:
    cdef const float *p = at - width - 1
    cdef const float *q = at - 1
    cdef const float *r = at + width - 1
    cdef const float *s = at + 2 * width - 1
    cdef const float *below = darkest + width
    cdef float values[LANES]
    cdef float fx, fy, a, b, c, d, w0, w1, w3, value, low, high
    cdef int i
    for i in range(LANES):
        fx, fy = x + i * rate_x, y + i * rate_y
        a, b, d = weight_0(fy), weight_1(fy), weight_3(fy)
        c = <float>1 - b - (a + d)
        w0, w1, w3 = weight_0(fx), weight_1(fx), weight_3(fx)
        value = four(
            four(p[i], q[i], r[i], s[i], a, b, c, d),
            four(p[i + 1], q[i + 1], r[i + 1], s[i + 1], a, b, c, d),
            four(p[i + 2], q[i + 2], r[i + 2], s[i + 2], a, b, c, d),
            four(p[i + 3], q[i + 3], r[i + 3], s[i + 3], a, b, c, d),
            w0, w1, <float>1 - w1 - (w0 + w3), w3,
        )
        low, high = darkest[i], below[i]
        a, b = darkest[i + 1], below[i + 1]
        low = low if fx < <float>0.5 else a
        high = high if fx < <float>0.5 else b
        low = low if fy < <float>0.5 else high
        values[i] = max(value, low)
    for i in range(LANES):
        out[i] = values[i]


cdef void diagonal_block(
    const float *at,
    const float *darkest,
    Py_ssize_t width,
    Py_ssize_t late,
    float u,
    float v,
    float rate_u,
    float rate_v,
    float *out,
) noexcept nogil:
    # Rows above and below, from the pixel straight there or, by odd steps, the next one.
    cdef const float *m3 = at - 3 * width + late
    cdef const float *m2 = at - 2 * width
    cdef const float *m1 = at - width + late
    cdef const float *p1 = at + width + late
    cdef const float *p2 = at + 2 * width
    cdef const float *p3 = at + 3 * width + late
    cdef const float *above = darkest - width + late
    cdef const float *below = darkest + width + late
    cdef float values[LANES]
    cdef float fu, fv, a, b, c, d, w0, w1, w3, value, low, high
    cdef int i
    for i in range(LANES):
        fu, fv = u + i * rate_u, v + i * rate_v
        a, b, d = weight_0(fv), weight_1(fv), weight_3(fv)
        c = <float>1 - b - (a + d)
        w0, w1, w3 = weight_0(fu), weight_1(fu), weight_3(fu)
        value = four(
            four(at[i - 1], m1[i - 1], m2[i], m3[i], a, b, c, d),
            four(p1[i - 1], at[i], m1[i], m2[i + 1], a, b, c, d),
            four(p2[i], p1[i], at[i + 1], m1[i + 1], a, b, c, d),
            four(p3[i], p2[i + 1], p1[i + 1], at[i + 2], a, b, c, d),
            w0, w1, <float>1 - w1 - (w0 + w3), w3,
        )
        low, high = darkest[i], above[i]
        a, b = below[i], darkest[i + 1]
        low = low if fu < <float>0.5 else a
        high = high if fu < <float>0.5 else b
        low = low if fv < <float>0.5 else high
        values[i] = max(value, low)
    for i in range(LANES):
        out[i] = values[i]


cdef void scattered(
    const float *plane,
    const float *darkest,
    Py_ssize_t width,
    double x,
    double y,
    double step_x,
    double step_y,
    Py_ssize_t size,
    float *out,
) noexcept nogil:
    """Write a line of pixels, every third of `out`, which begins at (x, y) of a square plane."""
    cdef float columns[4 * LANES]
    cdef float down[4 * LANES]
    cdef float across[4 * LANES]
    cdef float values[LANES]
    cdef int places[LANES]
    cdef int nearest[LANES]
    cdef float fx, fy
    cdef float rate_x = <float>settled(step_x), rate_y = <float>settled(step_y)
    cdef float start_x, start_y
    cdef double whole_x, whole_y
    cdef Py_ssize_t chunk, block, count, corner
    cdef const float *p
    cdef const float *q
    cdef const float *r
    cdef const float *s
    cdef int i, k, ix, iy
    for chunk in range((size + LANES - 1) // LANES):
        block = chunk * LANES
        count = min(LANES, size - block)
        whole_x, whole_y = floor(x + block * step_x), floor(y + block * step_y)
        corner = <Py_ssize_t>whole_y * width + <Py_ssize_t>whole_x
        start_x = <float>settled(x + block * step_x - whole_x)
        start_y = <float>settled(y + block * step_y - whole_y)
        for i in range(LANES):
            fx, fy = start_x + i * rate_x, start_y + i * rate_y
            ix, iy = <int>(fx + OFFSET) - OFFSET, <int>(fy + OFFSET) - OFFSET
            places[i] = iy * <int>width + ix
            fx, fy = fx - ix, fy - iy
            nearest[i] = places[i] + (fx >= <float>0.5) + (fy >= <float>0.5) * <int>width
            across[i], across[LANES + i], across[3 * LANES + i] = weight_0(fx), weight_1(fx), weight_3(fx)
            down[i], down[LANES + i], down[3 * LANES + i] = weight_0(fy), weight_1(fy), weight_3(fy)
            across[2 * LANES + i] = (
                <float>1 - across[LANES + i] - (across[i] + across[3 * LANES + i])
            )
            down[2 * LANES + i] = <float>1 - down[LANES + i] - (down[i] + down[3 * LANES + i])
        for i in range(count):
            p = plane + corner + places[i] - width - 1
            q = p + width
            r = q + width
            s = r + width
            for k in range(4):
                columns[4 * i + k] = four(
                    p[k], q[k], r[k], s[k],
                    down[i], down[LANES + i], down[2 * LANES + i], down[3 * LANES + i],
                )
        for i in range(LANES):
            values[i] = four(
                columns[4 * i], columns[4 * i + 1], columns[4 * i + 2], columns[4 * i + 3],
                across[i], across[LANES + i], across[2 * LANES + i], across[3 * LANES + i],
            )
        for i in range(count):
            out[3 * (block + i)] = max(values[i], darkest[corner + nearest[i]])
