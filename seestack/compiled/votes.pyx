# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
# cython: initializedcheck=False
"""Propose motions from pairs of segments, pile them up, and count the stars that agree."""

from libc.math cimport floor, sqrt
from libc.stdint cimport int32_t, int64_t, uint64_t


def rigid_motions(
    const double[:, ::1] first,
    const double[:, ::1] second,
    const Py_ssize_t[::1] low,
    const Py_ssize_t[::1] high,
    double[:, ::1] motions,
    double[::1] angles,
):
    """Write (cos, sin, dx, dy) and angle that lay a segment of `second` on one of `first`.

    Segments are (x, y) of the middle, a unit vector and its angle. Segment i of `first` is laid
    on by those from low[i] to high[i]; the second half of the motions turns them round.
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


cdef inline Py_ssize_t nearest_of(
    const double[:, ::1] xy, double x, double y, double radius, double* distance_sq
) noexcept nogil:
    """Return the index of the nearest of `xy`, sorted by x, that is closer than the radius.

    -1 without any. The distance squared becomes the square of the radius then.
    """
    cdef Py_ssize_t low = 0, high = xy.shape[0], middle, nearest = -1
    cdef double off
    while low < high:
        middle = (low + high) // 2
        if xy[middle, 0] > x - radius:
            high = middle
        else:
            low = middle + 1
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
    cdef Py_ssize_t k
    cdef double distance_sq
    with nogil:
        for k in range(places.shape[0]):
            found[k] = nearest_of(xy, places[k, 0], places[k, 1], radius, &distance_sq)


def agreements(
    const double[:, ::1] motions,
    const double[:, ::1] reference,
    const double[:, ::1] frame,
    double radius,
    int32_t[::1] agreeing,
    double[::1] spread,
):
    """Count for each motion the frame stars that come close to one of the reference.

    `reference` is sorted by x. `spread` is the sum of their distances.
    """
    cdef Py_ssize_t k, n
    cdef double x, y, distance_sq
    with nogil:
        for k in range(motions.shape[0]):
            agreeing[k] = 0
            spread[k] = 0
            for n in range(frame.shape[0]):
                x = motions[k, 0] * frame[n, 0] - motions[k, 1] * frame[n, 1] + motions[k, 2]
                y = motions[k, 1] * frame[n, 0] + motions[k, 0] * frame[n, 1] + motions[k, 3]
                if nearest_of(reference, x, y, radius, &distance_sq) >= 0:
                    agreeing[k] += 1
                    spread[k] += sqrt(distance_sq)
