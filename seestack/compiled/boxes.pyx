# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
# cython: initializedcheck=False
"""Reduce a stack to the means of boxes, without the samples that stand out alone."""

from libc.float cimport FLT_MAX
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy

# Pixels looked at together: in few of them anything stands out.
cdef enum:
    CHUNK = 32

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
    # The levels of the pixels and of the boxes of three lines; the rest is for one line.
    cdef Py_ssize_t area = side * width, row, line, i
    cdef float *pixels = <float *>malloc((3 * (area + boxes) + 3 * width + 3 * boxes) * sizeof(float))
    if pixels == NULL:
        raise MemoryError
    cdef float *levels = pixels + 3 * area
    cdef float *limits = levels + 3 * boxes
    cdef float *sums = limits + width
    cdef float *known = sums + width
    cdef float *spans = known + width
    with nogil:
        for row in range(max(top - 2, -1), bottom):
            line = row + 1  # one ahead
            if line < lines:
                level_line(
                    mean, coverage, high, low, line * side, side, colours,
                    pixels + line % 3 * area, sums, levels + line % 3 * boxes, boxes,
                )
            if row < top:
                continue
            add_contrast(
                levels + max(row - 1, 0) % 3 * boxes, levels + row % 3 * boxes,
                levels + min(row + 1, lines - 1) % 3 * boxes, boxes, colours, share, spans,
            )
            for i in range(width):
                limits[i] = kappa * noise[row * side // noise_step, i]
                sums[i] = known[i] = 0
            spread(spans, boxes, side, colours, limits)
            for i in range(side):
                line = row * side + i
                add_row(
                    mean, total, coverage, high, high_frame, low, low_frame, weights, aside,
                    line, pixels + row % 3 * area + i * width, limits, sums, known,
                )
            gather(sums, boxes, side, colours, spans)
            gather(known, boxes, side, colours, &out[row, 0])
            for i in range(boxes):
                out[row, i] = spans[i] / out[row, i]  # 0 / 0 where nothing is known
    free(pixels)


cdef void level_line(
    const double[:, ::1] mean,
    const Count[:, ::1] coverage,
    const float[:, :, ::1] high,
    const float[:, :, ::1] low,
    Py_ssize_t top,
    Py_ssize_t side,
    Py_ssize_t colours,
    float *pixels,
    float *columns,
    float *levels,
    Py_ssize_t boxes,
) noexcept nogil:
    """Write the mean of each pixel without its extremes, and its mean over the boxes."""
    cdef Py_ssize_t width = mean.shape[1], row, i, k
    cdef int kept = <int>(high.shape[0] + low.shape[0])
    cdef float *line
    cdef int few, count
    cdef float value
    for row in range(side):
        line = pixels + row * width
        if high.shape[0] == 2 and low.shape[0] == 1:
            # All at once, so that the memory has something to do meanwhile.
            add_up(
                &mean[top + row, 0], &coverage[top + row, 0], &high[0, top + row, 0],
                &high[1, top + row, 0], &low[0, top + row, 0], line, width,
            )
        else:
            for i in range(width):
                line[i] = <float>mean[top + row, i] * <float>coverage[top + row, i]
            for k in range(high.shape[0]):
                for i in range(width):
                    line[i] -= high[k, top + row, i]
            for k in range(low.shape[0]):
                for i in range(width):
                    line[i] -= low[k, top + row, i]
        few = 0
        for i in range(width):
            few |= coverage[top + row, i] <= kept + 1
        if few:
            for i in range(width):
                count = coverage[top + row, i] - kept
                line[i] /= <float>(count if count > 1 else 1)
            for i in range(width):
                value = <float>mean[top + row, i]
                line[i] = line[i] if coverage[top + row, i] > kept + 1 else value
        else:
            for i in range(width):
                line[i] /= <float>(coverage[top + row, i] - kept)
        if row == 0:
            memcpy(columns, line, width * sizeof(float))
            continue
        for i in range(width):
            columns[i] += line[i]
    gather(columns, boxes, side, colours, levels)
    for i in range(boxes):
        levels[i] /= <float>(side * side)


cdef void add_up(
    const double *mean,
    const Count *coverage,
    const float *first,
    const float *second,
    const float *lowest,
    float *out,
    Py_ssize_t size,
) noexcept nogil:
    """Write the sum of all samples but three."""
    cdef Py_ssize_t i
    for i in range(size):
        out[i] = <float>mean[i] * <float>coverage[i] - first[i] - second[i] - lowest[i]


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


cdef void add_row(
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
    const float *level,
    const float *limit,
    float *sums,
    float *known,
) noexcept nogil:
    """Add the clean means of a row of pixels to the sums of each column."""
    cdef Py_ssize_t width = mean.shape[1], chunk, begin, end, i
    cdef const float *highest = &high[0, row, 0] if high.shape[0] else NULL
    cdef const float *lowest = &low[0, row, 0] if low.shape[0] else NULL
    cdef double clean, weight
    cdef float value
    cdef int far
    for i in range(width):
        value = <float>mean[row, i]  # NaN where nothing covers
        known[i] += <float>1 if value == value else <float>0
        sums[i] += value if value == value else <float>0
    for chunk in range((width + CHUNK - 1) // CHUNK):
        begin, end = chunk * CHUNK, min((chunk + 1) * CHUNK, width)
        far = 0
        if highest != NULL:
            for i in range(begin, end):
                far |= highest[i] - level[i] > limit[i]
        if lowest != NULL:
            for i in range(begin, end):
                far |= level[i] - lowest[i] > limit[i]
        if not far:
            continue
        for i in range(begin, end):
            if coverage[row, i] == 0:
                continue
            clean, weight = mean[row, i], total[row, i]
            if highest != NULL:
                take_out(
                    high, high_frame, weights, aside[coverage[row, i], 0], row, i, level[i],
                    limit[i], 1, &clean, &weight,
                )
            if lowest != NULL:
                take_out(
                    low, low_frame, weights, aside[coverage[row, i], 1], row, i, level[i],
                    limit[i], -1, &clean, &weight,
                )
            sums[i] += <float>(clean - mean[row, i])


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
