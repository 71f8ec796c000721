# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
# cython: initializedcheck=False
"""Propose motions from pairs of segments, pile them up, and count the stars that agree."""

from libc.math cimport atan2, floor, sqrt
from libc.stdint cimport int32_t, int64_t, uint64_t


def segments(const double[:, ::1] xy, double shortest, double[:, ::1] out):
    """Write the segments between all pairs of stars that are longer than that; return how many.

    A segment is (x, y) of its middle, a unit vector, its angle and its length.
    """
    cdef Py_ssize_t i, j, k = 0
    cdef double dx, dy, length
    with nogil:
        for i in range(xy.shape[0]):
            for j in range(i + 1, xy.shape[0]):
                dx, dy = xy[j, 0] - xy[i, 0], xy[j, 1] - xy[i, 1]
                length = sqrt(dx * dx + dy * dy)
                if not length > shortest:
                    continue
                out[k, 0] = (xy[i, 0] + xy[j, 0]) / 2
                out[k, 1] = (xy[i, 1] + xy[j, 1]) / 2
                out[k, 2] = dx / length
                out[k, 3] = dy / length
                out[k, 4] = atan2(dy, dx)
                out[k, 5] = length
                k += 1
    return k


def equally_long(
    const double[:, ::1] first,
    const double[:, ::1] second,
    double tolerance,
    Py_ssize_t[::1] low,
    Py_ssize_t[::1] high,
):
    """Write where those of `second` begin and end that are as long as each of `first`.

    Both come by length. Returns how many pairs they make.
    """
    cdef Py_ssize_t i, begin = 0, end = 0, count = 0
    with nogil:
        for i in range(first.shape[0]):
            while begin < second.shape[0] and second[begin, 5] < first[i, 5] - tolerance:
                begin += 1
            while end < second.shape[0] and second[end, 5] < first[i, 5] + tolerance:
                end += 1
            low[i], high[i] = begin, end
            count += end - begin
    return count


def rigid_motions(
    const double[:, ::1] first,
    const double[:, ::1] second,
    const Py_ssize_t[::1] low,
    const Py_ssize_t[::1] high,
    double[:, ::1] motions,
    double[::1] angles,
):
    """Write (cos, sin, dx, dy) and angle that lay a segment of `second` on one of `first`.

    Segment i of `first` is laid on by those from low[i] to high[i]; the second half of the
    motions turns them round.
    """
    cdef Py_ssize_t i, j, k = 0, half = motions.shape[0] // 2
    cdef double cos, sin, x, y
    with nogil:
        for i in range(first.shape[0]):
            for j in range(low[i], high[i]):
                # Rotation by complex division: the unit vector of one over that of the other.
                cos = first[i, 2] * second[j, 2] + first[i, 3] * second[j, 3]
                sin = first[i, 3] * second[j, 2] - first[i, 2] * second[j, 3]
                x = cos * second[j, 0] - sin * second[j, 1]
                y = sin * second[j, 0] + cos * second[j, 1]
                motions[k, 0] = cos
                motions[k, 1] = sin
                motions[k, 2] = first[i, 0] - x
                motions[k, 3] = first[i, 1] - y
                angles[k] = first[i, 4] - second[j, 4]
                motions[half + k, 0] = -cos
                motions[half + k, 1] = -sin
                motions[half + k, 2] = first[i, 0] + x
                motions[half + k, 3] = first[i, 1] + y
                angles[half + k] = angles[k] + 3.141592653589793
                k += 1


cdef inline uint64_t cell_of(
    const double[:, ::1] motions, const double[::1] angles, Py_ssize_t k,
    double turns, double side, double offset
) noexcept nogil:
    """Return a number that stands for the cell of motion space, the same only for equal cells.

    That two cells share one of 2**64 numbers is not to be feared.
    """
    cdef double turn = floor(angles[k] / 6.283185307179586 * turns + offset)
    cdef int64_t row = <int64_t>floor(motions[k, 3] / side + offset)
    cdef int64_t column = <int64_t>floor(motions[k, 2] / side + offset)
    cdef uint64_t cell = <uint64_t><int64_t>(turn - floor(turn / turns) * turns)
    cell = (cell + 1) * <uint64_t>0x9E3779B97F4A7C15
    cell = ((cell ^ (cell >> 29)) + <uint64_t>column) * <uint64_t>0xBF58476D1CE4E5B9
    cell = ((cell ^ (cell >> 32)) + <uint64_t>row) * <uint64_t>0x94D049BB133111EB
    return cell ^ (cell >> 31)


def pile_sizes(
    const double[:, ::1] motions,
    const double[::1] angles,
    double turns,
    double side,
    double offset,
    uint64_t[::1] cells,
    int32_t[::1] counts,
    Py_ssize_t[::1] slots,
    int32_t[::1] sizes,
):
    """Raise each of `sizes` to the number of motions in its cell of a grid.

    `cells` and `counts`, all zero, are a hash table with room for twice as many motions, a power
    of 2; `slots` has the length of `sizes`.
    """
    cdef Py_ssize_t k, slot
    cdef uint64_t cell, last = cells.shape[0] - 1
    with nogil:
        for k in range(motions.shape[0]):
            cell = cell_of(motions, angles, k, turns, side, offset)
            slot = <Py_ssize_t>(cell & last)
            while counts[slot] > 0 and cells[slot] != cell:
                slot = <Py_ssize_t>((slot + 1) & last)
            cells[slot] = cell
            counts[slot] += 1
            slots[k] = slot
        for k in range(motions.shape[0]):
            sizes[k] = max(sizes[k], counts[slots[k]])


cdef inline Py_ssize_t first_beyond(const double[:, ::1] xy, double x) noexcept nogil:
    """Return the index of the first of `xy`, sorted by x, that lies beyond it."""
    cdef Py_ssize_t low = 0, high = xy.shape[0], middle
    while low < high:
        middle = (low + high) // 2
        if xy[middle, 0] > x:
            high = middle
        else:
            low = middle + 1
    return low


cdef inline Py_ssize_t beyond_from(
    const double[:, ::1] xy, double x, Py_ssize_t index
) noexcept nogil:
    """Return what `first_beyond` does; quicker from an index that is about right."""
    while index > 0 and xy[index - 1, 0] > x:
        index -= 1
    while index < xy.shape[0] and xy[index, 0] <= x:
        index += 1
    return index


cdef inline Py_ssize_t nearest_of(
    const double[:, ::1] xy,
    Py_ssize_t low,
    double x,
    double y,
    double radius,
    double* distance_sq,
) noexcept nogil:
    """Return the index of the nearest of `xy`, sorted by x, that is closer than the radius.

    -1 without any. The distance squared becomes the square of the radius then. From `low` on
    they lie beyond x less the radius.
    """
    cdef Py_ssize_t nearest = -1
    cdef double off
    distance_sq[0] = radius * radius
    while low < xy.shape[0] and xy[low, 0] < x + radius:
        off = (xy[low, 0] - x) * (xy[low, 0] - x) + (xy[low, 1] - y) * (xy[low, 1] - y)
        if off < distance_sq[0]:
            distance_sq[0] = off
            nearest = low
        low += 1
    return nearest


def nearest(
    const double[:, ::1] xy,
    const double[:, ::1] places,
    double radius,
    Py_ssize_t[::1] found,
):
    """Write the index into `xy`, sorted by x, of what is nearest to each place; -1 for none."""
    cdef Py_ssize_t k, low
    cdef double distance_sq
    with nogil:
        for k in range(places.shape[0]):
            low = first_beyond(xy, places[k, 0] - radius)
            found[k] = nearest_of(xy, low, places[k, 0], places[k, 1], radius, &distance_sq)


def mutual_pairs(
    const double[:, ::1] first,
    const double[:, ::1] second,
    const Py_ssize_t[::1] order,
    double radius,
    double[::1] closest,
    Py_ssize_t[::1] partner,
    Py_ssize_t[:, ::1] pairs,
):
    """Write the pairs that are closer than the radius and each other's nearest; return how many.

    `first` is sorted by x, and `order` tells the indices it had before, which are written. The
    two arrays in between are as long as `first`.
    """
    cdef Py_ssize_t m, n, begin, nearest, count = 0
    cdef double x, y, off, least
    with nogil:
        for n in range(first.shape[0]):
            closest[n] = radius * radius
            partner[n] = -1
        for m in range(second.shape[0]):
            x, y = second[m, 0], second[m, 1]
            least, nearest = radius * radius, -1
            for n in range(first_beyond(first, x - radius), first.shape[0]):
                if first[n, 0] >= x + radius:
                    break
                off = (first[n, 0] - x) * (first[n, 0] - x) + (first[n, 1] - y) * (first[n, 1] - y)
                if off < closest[n]:
                    closest[n], partner[n] = off, m
                if off < least:
                    least, nearest = off, n
            pairs[m, 0] = nearest
        # No pair is written further behind than where it was read.
        for m in range(second.shape[0]):
            nearest = pairs[m, 0]
            if nearest >= 0 and partner[nearest] == m:
                pairs[count, 0], pairs[count, 1] = order[nearest], m
                count += 1
    return count


def most_agreed(
    const double[:, ::1] motions,
    const double[:, ::1] reference,
    const double[:, ::1] frame,
    double radius,
    Py_ssize_t[::1] begins,
):
    """Return the index of the motion that brings the most frame stars close to the reference's.

    Among equals that with the smallest sum of distances, and the first of those. `reference` is
    sorted by x. A motion is given up as soon as it can win no more. Motions that are checked one
    after another are alike, so that a star's search begins where it did before: at `begins`, all
    zero.
    """
    cdef Py_ssize_t k, n, agreeing, possible, most = -1, best = 0, stars = frame.shape[0]
    cdef double x, y, distance_sq, spread, least = 0
    with nogil:
        for k in range(motions.shape[0]):
            agreeing, spread = 0, 0
            for n in range(stars):
                x = motions[k, 0] * frame[n, 0] - motions[k, 1] * frame[n, 1] + motions[k, 2]
                y = motions[k, 1] * frame[n, 0] + motions[k, 0] * frame[n, 1] + motions[k, 3]
                begins[n] = beyond_from(reference, x - radius, begins[n])
                if nearest_of(reference, begins[n], x, y, radius, &distance_sq) >= 0:
                    agreeing += 1
                    spread += sqrt(distance_sq)
                possible = agreeing + stars - 1 - n
                if possible < most or (possible == most and spread >= least):
                    break
            else:
                most, least, best = agreeing, spread, k
    return best
