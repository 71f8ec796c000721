# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
# cython: initializedcheck=False
"""Sums over boxes that polynomials in row and column are fitted with.

The places of K boxes are stored row by row: those of row i stand at the positions
along[starts[i]:starts[i + 1]] in it, and all of them at down[i]. So a sum over powers of both is
one over the boxes of a row, for each power along it, and one over the rows. The terms, at most 6,
are the products of powers that `DOWN` and `ALONG` list.
"""

from libc.math cimport fabs, sqrt

cdef enum:
    MOST_TERMS = 6

# A term of which no more than this share is news after the terms before it is left out.
cdef double NO_NEWS = 1e-13

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
    double[:, ::1] lower,
    double[::1] steps,
):
    r"""Write the triangle L and the L^-1 b of the normal equations L L^T x = b of all 6 terms.

    The first of them are those of fewer terms. 0 where a term is a sum of those before it.
    """
    cdef Py_ssize_t row, k, a, b
    cdef double u, w, z, w0, w1, w2, w3, w4, z0, z1, z2
    cdef double[5] v
    cdef double[5] of_weights
    cdef double[3] of_values
    cdef double[MOST_TERMS][MOST_TERMS] normal
    cdef double[MOST_TERMS] right
    with nogil:
        for a in range(MOST_TERMS):
            right[a] = 0
            for b in range(MOST_TERMS):
                normal[a][b] = 0
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
                for b in range(a + 1):
                    normal[a][b] += v[DOWN[a] + DOWN[b]] * of_weights[ALONG[a] + ALONG[b]]
        factor(normal, right, lower, steps)


cdef inline void factor(
    double[MOST_TERMS][MOST_TERMS] normal,
    double[MOST_TERMS] right,
    double[:, ::1] lower,
    double[::1] steps,
) noexcept nogil:
    """Factor a matrix, of which the lower triangle is read, by Cholesky's method."""
    cdef Py_ssize_t i, j, k
    cdef double value, pivot
    for j in range(MOST_TERMS):
        value = normal[j][j]
        for k in range(j):
            value -= lower[j, k] * lower[j, k]
        pivot = sqrt(value) if value > NO_NEWS * normal[j][j] else 0
        lower[j, j] = pivot
        for i in range(j + 1, MOST_TERMS):
            value = normal[i][j]
            for k in range(j):
                value -= lower[i, k] * lower[j, k]
            lower[i, j] = value / pivot if pivot > 0 else 0
            lower[j, i] = 0
        value = right[j]
        for k in range(j):
            value -= lower[j, k] * steps[k]
        steps[j] = value / pivot if pivot > 0 else 0


def solution(const double[:, ::1] lower, const double[::1] steps, double[::1] coefficients):
    """Write the coefficients of as many terms as there is room for; 0 for those left out."""
    cdef Py_ssize_t i, k, terms = coefficients.shape[0]
    cdef double value
    with nogil:
        for i in range(terms - 1, -1, -1):
            value = steps[i]
            for k in range(i + 1, terms):
                value -= lower[k, i] * coefficients[k]
            coefficients[i] = value / lower[i, i] if lower[i, i] > 0 else 0


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


cdef inline void invert(
    const double[:, ::1] lower, Py_ssize_t terms, double[MOST_TERMS][MOST_TERMS] inverse
) noexcept nogil:
    """Write the inverse of a lower triangle without 0 on its diagonal."""
    cdef Py_ssize_t i, j, k
    cdef double value
    for j in range(terms):
        for i in range(terms):
            value = 1 if i == j else 0
            for k in range(j, i):
                value -= lower[i, k] * inverse[k][j]
            inverse[i][j] = value / lower[i, i] if i >= j else 0


def highest_leverage(
    const double[::1] down,
    const Py_ssize_t[::1] starts,
    const double[::1] along,
    const double[:, ::1] lower,
    Py_ssize_t terms,
):
    """Return the largest variance of a fit of so many terms over the boxes.

    In units of the variance of a value that was fitted; 0 without boxes. It is the sum of the
    squares of L^-1 x, x being the terms at the box, and in a row of boxes a polynomial of the
    fourth order.
    """
    cdef Py_ssize_t row, k, a, n
    cdef double u, leverage, c0, c1, c2, c3, c4, highest = 0
    cdef double[5] v
    cdef double[3] p
    cdef double[MOST_TERMS][MOST_TERMS] inverse
    with nogil:
        invert(lower, terms, inverse)
        for row in range(down.shape[0]):
            powers_of(down[row], v)
            c0 = c1 = c2 = c3 = c4 = 0
            for n in range(terms):
                p[0] = p[1] = p[2] = 0
                for a in range(n + 1):
                    p[ALONG[a]] += inverse[n][a] * v[DOWN[a]]
                c0 += p[0] * p[0]
                c1 += 2 * p[0] * p[1]
                c2 += 2 * p[0] * p[2] + p[1] * p[1]
                c3 += 2 * p[1] * p[2]
                c4 += p[2] * p[2]
            for k in range(starts[row], starts[row + 1]):
                u = along[k]
                leverage = c0 + u * (c1 + u * (c2 + u * (c3 + u * c4)))
                highest = leverage if leverage > highest else highest
    return highest
