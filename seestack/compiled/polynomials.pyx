# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
# cython: initializedcheck=False
"""Sums over boxes that polynomials in row and column are fitted with.

The places of K boxes are stored row by row: those of row i stand at the positions
along[starts[i]:starts[i + 1]] in it, and all of them at down[i]. So a sum over powers of both is
one over the boxes of a row, for each power along it, and one over the rows. The terms, at most 6,
are the products of powers that `DOWN` and `ALONG` list.
"""

from libc.math cimport fabs

cdef enum:
    MOST_TERMS = 6

cdef Py_ssize_t[MOST_TERMS] DOWN = [0, 0, 1, 0, 1, 2]
cdef Py_ssize_t[MOST_TERMS] ALONG = [0, 1, 0, 2, 1, 0]


cdef inline void powers_of(double x, double* powers) noexcept nogil:
    cdef Py_ssize_t n
    powers[0] = 1
    for n in range(1, 5):
        powers[n] = powers[n - 1] * x


def places(
    const unsigned char[:, ::1] chosen,
    const double[::1] columns,
    Py_ssize_t[::1] starts,
    double[::1] along,
):
    """Write where the boxes of each row start, and the positions in it of those chosen."""
    cdef Py_ssize_t row, column, k = 0
    with nogil:
        for row in range(chosen.shape[0]):
            starts[row] = k
            for column in range(chosen.shape[1]):
                if chosen[row, column]:
                    along[k] = columns[column]
                    k += 1
        starts[chosen.shape[0]] = k


def equations(
    const double[::1] down,
    const Py_ssize_t[::1] starts,
    const double[::1] along,
    const double[::1] values,
    const double[::1] weights,
    double[:, ::1] normal,
    double[::1] right,
):
    """Write the normal equations of all 6 terms, those of fewer being their first ones."""
    cdef Py_ssize_t row, k, a, b
    cdef double u, w, z, w0, w1, w2, w3, w4, z0, z1, z2
    cdef double[5] v
    cdef double[5] of_weights
    cdef double[3] of_values
    normal[:] = 0
    right[:] = 0
    with nogil:
        for row in range(down.shape[0]):
            w0 = w1 = w2 = w3 = w4 = z0 = z1 = z2 = 0
            for k in range(starts[row], starts[row + 1]):
                u, w = along[k], weights[k]
                z = w * values[k]
                w0 += w
                w1 += w * u
                w2 += w * (u * u)
                w3 += w * (u * u * u)
                w4 += w * ((u * u) * (u * u))
                z0 += z
                z1 += z * u
                z2 += z * (u * u)
            of_weights[0], of_weights[1], of_weights[2] = w0, w1, w2
            of_weights[3], of_weights[4] = w3, w4
            of_values[0], of_values[1], of_values[2] = z0, z1, z2
            powers_of(down[row], v)
            for a in range(MOST_TERMS):
                right[a] += v[DOWN[a]] * of_values[ALONG[a]]
                for b in range(MOST_TERMS):
                    normal[a, b] += v[DOWN[a] + DOWN[b]] * of_weights[ALONG[a] + ALONG[b]]


def deviations(
    const double[::1] down,
    const Py_ssize_t[::1] starts,
    const double[::1] along,
    const double[::1] values,
    const double[::1] coefficients,
    double[::1] out,
):
    """Write how far the values are from a polynomial of as many terms as coefficients."""
    cdef Py_ssize_t row, k, a
    cdef double level, slope, bend
    cdef double[5] v
    cdef double[3] part
    with nogil:
        for row in range(down.shape[0]):
            powers_of(down[row], v)
            part[0] = part[1] = part[2] = 0
            for a in range(coefficients.shape[0]):
                part[ALONG[a]] += coefficients[a] * v[DOWN[a]]
            level, slope, bend = part[0], part[1], part[2]
            for k in range(starts[row], starts[row + 1]):
                out[k] = fabs(values[k] - (level + along[k] * (slope + along[k] * bend)))


def highest_leverage(
    const double[::1] down,
    const Py_ssize_t[::1] starts,
    const double[::1] along,
    const double[:, ::1] inverse,
):
    """Return the largest x^T A x over the boxes, x being their terms and A the matrix given.

    0 without boxes. In a row it is a polynomial of the fourth order.
    """
    cdef Py_ssize_t row, k, a, b, terms = inverse.shape[0]
    cdef double u, leverage, c0, c1, c2, c3, c4, highest = 0
    cdef double[5] v
    cdef double[5] c
    with nogil:
        for row in range(down.shape[0]):
            powers_of(down[row], v)
            for k in range(5):
                c[k] = 0
            for a in range(terms):
                for b in range(terms):
                    c[ALONG[a] + ALONG[b]] += inverse[a, b] * v[DOWN[a] + DOWN[b]]
            c0, c1, c2, c3, c4 = c[0], c[1], c[2], c[3], c[4]
            for k in range(starts[row], starts[row + 1]):
                u = along[k]
                leverage = c0 + u * (c1 + u * (c2 + u * (c3 + u * c4)))
                highest = leverage if leverage > highest else highest
    return highest
