# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
# cython: initializedcheck=False
"""Reduce a stack to the means of boxes, without the samples that stand out alone."""

from libc.float cimport FLT_MAX
from libc.stdlib cimport free, malloc
from libc.string cimport memset

# Pixels that are worked on together, and columns looked at together: in few of them anything
# stands out.
cdef enum:
    PIXELS = 512
    CHUNK = 32
    SUMS = 4

ctypedef fused Count:
    int
    unsigned short

ctypedef fused Number:
    unsigned short
    unsigned int


def reduce_band(
    const double[:, ::1] mean,
    const double[:, ::1] total,
    const Count[:, ::1] coverage,
    const float[:, :, ::1] high,
    const Number[:, :, ::1] high_frame,
    const float[:, :, ::1] low,
    const Number[:, :, ::1] low_frame,
    const double[::1] weights,
    const unsigned char[:, ::1] aside,
    const float[:, ::1] noise,
    Py_ssize_t noise_step,
    float kappa,
    float share,
    Py_ssize_t side,
    Py_ssize_t colours,
    float[:, ::1] out,
    Py_ssize_t top,
    Py_ssize_t bottom,
):
    """Write rows `top` to `bottom` of `out`, the means of boxes of `side` pixels.

    Rows hold `colours` values of each pixel side by side. Of a pixel with n samples the
    aside[n, 0] highest and aside[n, 1] lowest are judged: one goes that is further from
    the mean of the others than `kappa` times the noise at its place plus `share` times
    the range of these means over 3 x 3 boxes.
    """
    cdef Py_ssize_t width = mean.shape[1], boxes = out.shape[1], lines = out.shape[0]
    cdef Py_ssize_t row, i
    # Of three lines of boxes, of one line at the place of each column, and for the boxes.
    cdef Py_ssize_t line = SUMS * width + boxes
    cdef float *columns = <float *>malloc((3 * line + width + 3 * boxes) * sizeof(float))
    if columns == NULL:
        raise MemoryError
    cdef float *limits = columns + 3 * line
    cdef float *spans = limits + width
    cdef float *above
    cdef float *here
    cdef float *below
    with nogil:
        for row in range(max(top - 2, -1), bottom):
            below = columns + (row + 1) % 3 * line  # one ahead
            if row + 1 < lines:
                add_line(mean, coverage, high, low, (row + 1) * side, side, below)
                gather(below, boxes, side, colours, below + SUMS * width)
                for i in range(boxes):
                    below[SUMS * width + i] /= <float>(side * side)
            if row < top:
                continue
            here = columns + row % 3 * line
            above = columns + max(row - 1, 0) % 3 * line
            below = below if row + 1 < lines else here
            add_contrast(
                above + SUMS * width, here + SUMS * width, below + SUMS * width, boxes, colours,
                share, spans,
            )
            for i in range(width):
                limits[i] = kappa * noise[row * side // noise_step, i]
            spread(spans, boxes, side, colours, limits)
            take_out_line(
                mean, total, coverage, high, high_frame, low, low_frame, weights, aside,
                row * side, side, here + 3 * width, limits, here + width,
            )
            gather(here + width, boxes, side, colours, spans)
            gather(here + 2 * width, boxes, side, colours, &out[row, 0])
            for i in range(boxes):
                out[row, i] = spans[i] / out[row, i]  # 0 / 0 where nothing is known
    free(columns)


cdef void add_line(
    const double[:, ::1] mean,
    const Count[:, ::1] coverage,
    const float[:, :, ::1] high,
    const float[:, :, ::1] low,
    Py_ssize_t top,
    Py_ssize_t side,
    float *columns,
) noexcept nogil:
    """Sum up a line of boxes at the place of each column.

    Written are the sum of the means without extremes, that of the means, the number of known
    ones, and how far at most an extreme is from the mean without them.
    """
    cdef Py_ssize_t width = mean.shape[1], part, row, first, size, i
    memset(columns, 0, 3 * width * sizeof(float))
    for i in range(width):
        columns[3 * width + i] = -FLT_MAX
    for part in range((width + PIXELS - 1) // PIXELS):
        first = part * PIXELS
        size = min(<Py_ssize_t>PIXELS, width - first)
        for row in range(top, top + side):
            add_pixels(mean, coverage, high, low, row, first, size, columns + first, width)


cdef void add_pixels(
    const double[:, ::1] mean,
    const Count[:, ::1] coverage,
    const float[:, :, ::1] high,
    const float[:, :, ::1] low,
    Py_ssize_t row,
    Py_ssize_t first,
    Py_ssize_t size,
    float *columns,
    Py_ssize_t width,
) noexcept nogil:
    """Add the pixels of a part of a row to what is summed up at their columns."""
    # Arrays of its own are surely not those read, so the compiler makes vectors of the loops.
    cdef float value[PIXELS]
    cdef float level[PIXELS]
    cdef const double *means = &mean[row, first]
    cdef const Count *counts = &coverage[row, first]
    cdef const float *highest = &high[0, row, first] if high.shape[0] else NULL
    cdef const float *lowest = &low[0, row, first] if low.shape[0] else NULL
    cdef const float *second
    cdef int kept = <int>(high.shape[0] + low.shape[0])
    cdef float others[PIXELS]
    cdef float count, far, one = 1
    cdef Py_ssize_t i, k
    if high.shape[0] == 2 and low.shape[0] == 1:
        # All at once, so that the memory has something to do meanwhile.
        second = &high[1, row, first]
        for i in range(size):
            value[i] = <float>means[i]
            others[i] = <float>counts[i] - 3
            level[i] = <float>means[i] * <float>counts[i] - highest[i] - second[i] - lowest[i]
    else:
        for i in range(size):
            value[i] = <float>means[i]
            others[i] = <float>(counts[i] - kept)
            level[i] = <float>means[i] * <float>counts[i]
        for k in range(high.shape[0]):
            second = &high[k, row, first]
            for i in range(size):
                level[i] -= second[i]
        for k in range(low.shape[0]):
            second = &low[k, row, first]
            for i in range(size):
                level[i] -= second[i]
    for i in range(size):
        count = others[i]
        level[i] /= count if count > one else one
    for i in range(size):
        level[i] = level[i] if others[i] > one else value[i]
    for i in range(size):
        columns[i] += level[i]
    columns += width
    for i in range(size):
        columns[i] += value[i] if value[i] == value[i] else <float>0
    columns += width
    for i in range(size):
        columns[i] += <float>1 if value[i] == value[i] else <float>0
    columns += width
    if highest != NULL:
        for i in range(size):
            far = highest[i] - level[i]
            columns[i] = far if far > columns[i] else columns[i]
    if lowest != NULL:
        for i in range(size):
            far = level[i] - lowest[i]
            columns[i] = far if far > columns[i] else columns[i]


cdef void gather(
    const float *values, Py_ssize_t boxes, Py_ssize_t side, Py_ssize_t colours, float *out
) noexcept nogil:
    """Write the sums of the boxes of a row."""
    cdef Py_ssize_t k, box, colour
    cdef const float *first
    cdef float total
    if colours == 1 and side == 2:  # so that the compiler sees the stride
        for box in range(boxes):
            out[box] = values[2 * box] + values[2 * box + 1]
        return
    if colours == 1 and side == 3:
        for box in range(boxes):
            out[box] = values[3 * box] + values[3 * box + 1] + values[3 * box + 2]
        return
    for colour in range(colours):
        for box in range(boxes // colours):
            first = values + box * side * colours + colour
            total = 0
            for k in range(side):
                total += first[k * colours]
            out[box * colours + colour] = total


cdef void spread(
    const float *values, Py_ssize_t boxes, Py_ssize_t side, Py_ssize_t colours, float *out
) noexcept nogil:
    """Add the value of each box to its pixels of a row."""
    cdef Py_ssize_t box, k, colour
    cdef float *first
    if colours == 1 and side == 2:
        for box in range(boxes):
            out[2 * box] += values[box]
            out[2 * box + 1] += values[box]
        return
    for k in range(side):
        for colour in range(colours):
            first = out + k * colours + colour
            for box in range(boxes // colours):
                first[box * side * colours] += values[box * colours + colour]


cdef void add_contrast(
    const float *above,
    const float *middle,
    const float *below,
    Py_ssize_t boxes,
    Py_ssize_t colours,
    float share,
    float *out,
) noexcept nogil:
    """Write a share of the range over 3 x 3 boxes; those without a level take no part."""
    cdef float *lowest = out + boxes
    cdef float *highest = lowest + boxes
    cdef float low, high
    cdef Py_ssize_t i
    for i in range(boxes):
        low = middle[i] if middle[i] == middle[i] else FLT_MAX
        low = min(low, above[i] if above[i] == above[i] else FLT_MAX)
        lowest[i] = min(low, below[i] if below[i] == below[i] else FLT_MAX)
        high = middle[i] if middle[i] == middle[i] else -FLT_MAX
        high = max(high, above[i] if above[i] == above[i] else -FLT_MAX)
        highest[i] = max(high, below[i] if below[i] == below[i] else -FLT_MAX)
    for i in range(boxes):
        out[i] = 0
    for i in range(colours, boxes - colours):
        low = min(min(lowest[i - colours], lowest[i]), lowest[i + colours])
        high = max(max(highest[i - colours], highest[i]), highest[i + colours])
        out[i] = share * max(high - low, <float>0)


cdef void take_out_line(
    const double[:, ::1] mean,
    const double[:, ::1] total,
    const Count[:, ::1] coverage,
    const float[:, :, ::1] high,
    const Number[:, :, ::1] high_frame,
    const float[:, :, ::1] low,
    const Number[:, :, ::1] low_frame,
    const double[::1] weights,
    const unsigned char[:, ::1] aside,
    Py_ssize_t top,
    Py_ssize_t side,
    const float *farthest,
    const float *limit,
    float *sums,
) noexcept nogil:
    """Correct the sums of the means where an extreme is too far from the mean of the others."""
    cdef Py_ssize_t width = mean.shape[1], chunk, begin, end, row, i
    cdef int far
    for chunk in range((width + CHUNK - 1) // CHUNK):
        begin, end = chunk * CHUNK, min((chunk + 1) * CHUNK, width)
        far = 0
        for i in range(begin, end):
            far |= farthest[i] > limit[i]
        if not far:
            continue
        for i in range(begin, end):
            if not farthest[i] > limit[i]:
                continue
            for row in range(top, top + side):
                sums[i] += correction(
                    mean, total, coverage, high, high_frame, low, low_frame, weights, aside,
                    row, i, limit[i],
                )


cdef inline float correction(
    const double[:, ::1] mean,
    const double[:, ::1] total,
    const Count[:, ::1] coverage,
    const float[:, :, ::1] high,
    const Number[:, :, ::1] high_frame,
    const float[:, :, ::1] low,
    const Number[:, :, ::1] low_frame,
    const double[::1] weights,
    const unsigned char[:, ::1] aside,
    Py_ssize_t row,
    Py_ssize_t col,
    float limit,
) noexcept nogil:
    """Return by how much the mean of a pixel changes without the samples that are too far."""
    cdef double clean = mean[row, col], weight = total[row, col]
    cdef float level = <float>clean * <float>coverage[row, col]
    cdef Py_ssize_t k, kept = high.shape[0] + low.shape[0]
    if coverage[row, col] == 0:
        return 0
    for k in range(high.shape[0]):
        level -= high[k, row, col]
    for k in range(low.shape[0]):
        level -= low[k, row, col]
    level /= <float>max(coverage[row, col] - kept, <Py_ssize_t>1)
    if coverage[row, col] <= kept + 1:
        level = <float>clean
    take_out(
        high, high_frame, weights, aside[coverage[row, col], 0], row, col, level, limit, 1,
        &clean, &weight,
    )
    take_out(
        low, low_frame, weights, aside[coverage[row, col], 1], row, col, level, limit, -1,
        &clean, &weight,
    )
    return <float>(clean - mean[row, col])


cdef inline void take_out(
    const float[:, :, ::1] values,
    const Number[:, :, ::1] frames,
    const double[::1] weights,
    int count,
    Py_ssize_t row,
    Py_ssize_t col,
    float level,
    float limit,
    int sign,
    double *mean,
    double *total,
) noexcept nogil:
    """Undo the update of the mean by each sample that is too far from the level."""
    cdef Py_ssize_t k
    cdef double weight
    for k in range(count):
        if not sign * (values[k, row, col] - level) > limit:
            return
        weight = weights[frames[k, row, col]]
        total[0] -= weight
        mean[0] -= weight * (values[k, row, col] - mean[0]) / total[0]
