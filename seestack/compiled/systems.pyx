# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
# cython: initializedcheck=False
"""Solve many small symmetric systems of linear equations."""

from libc.math cimport sqrt
from libc.stdlib cimport free, malloc
from libc.string cimport memset

cdef enum:
    LARGEST = 8


cdef struct Factors:
    # Of a matrix scaled to 1 on its diagonal: L D L^T; the scale and D are kept as reciprocals.
    double scale[LARGEST]
    double share[LARGEST]
    double lower[LARGEST][LARGEST]


cdef void factor(
    const double *normal, Py_ssize_t stride, Py_ssize_t size, double damping, Factors *of
) noexcept nogil:
    """Factor a matrix whose rows are `stride` apart.

    No element of D falls below the damping, which is also added to the diagonal, so that
    none is singular. A diagonal element of 0 counts as 1.
    """
    cdef Py_ssize_t i, j, k
    cdef double value
    cdef double pivot[LARGEST]
    for i in range(size):
        value = normal[i * stride + i]
        of.scale[i] = 1 / sqrt(value) if value > 0 else 1.0
    for j in range(size):
        value = 1 + damping
        for k in range(j):
            value -= of.lower[j][k] * of.lower[j][k] * pivot[k]
        pivot[j] = max(value, damping)
        of.share[j] = 1 / pivot[j]
        for i in range(j + 1, size):
            value = normal[i * stride + j] * (of.scale[i] * of.scale[j])
            for k in range(j):
                value -= of.lower[i][k] * of.lower[j][k] * pivot[k]
            of.lower[i][j] = value * of.share[j]


cdef void substitute(const Factors *of, Py_ssize_t size, double *x) noexcept nogil:
    """Turn the right-hand side of a system into its solution."""
    cdef Py_ssize_t i, k
    for i in range(size):
        x[i] *= of.scale[i]
        for k in range(i):
            x[i] -= of.lower[i][k] * x[k]
    for i in range(size - 1, -1, -1):
        x[i] *= of.share[i]
        for k in range(i + 1, size):
            x[i] -= of.lower[k][i] * x[k]
    for i in range(size):
        x[i] *= of.scale[i]


cdef double variance(const Factors *of, Py_ssize_t size, Py_ssize_t unknown) noexcept nogil:
    """Return an element on the diagonal of the inverse."""
    cdef Py_ssize_t i, k
    cdef double x[LARGEST]
    cdef double total = of.share[unknown]
    x[unknown] = 1
    for i in range(unknown + 1, size):
        x[i] = 0
        for k in range(unknown, i):
            x[i] -= of.lower[i][k] * x[k]
        total += x[i] * x[i] * of.share[i]
    return total * of.scale[unknown] * of.scale[unknown]


def solve(
    const double[:, :, ::1] normal,
    const double[:, ::1] right,
    double damping,
    double[:, ::1] out,
    double[:, ::1] variances,
):
    """Write the solution of each system of at most 8 equations, slightly damped.

    And the diagonals of the inverse matrices, unless `variances` is None.
    """
    cdef Py_ssize_t n, i, size = normal.shape[1]
    cdef bint with_variances = variances is not None
    cdef Factors of
    with nogil:
        for n in range(normal.shape[0]):
            factor(&normal[n, 0, 0], size, size, damping, &of)
            for i in range(size):
                out[n, i] = right[n, i]
            substitute(&of, size, &out[n, 0])
            if with_variances:
                for i in range(size):
                    variances[n, i] = variance(&of, size, i)


def invert(
    const double[:, :, ::1] normal, Py_ssize_t size, double damping, double[:, :, ::1] out
):
    """Write the inverse of the first `size` rows and columns of each matrix, slightly damped."""
    cdef Py_ssize_t n, i, j
    cdef double x[LARGEST]
    cdef Factors of
    with nogil:
        for n in range(normal.shape[0]):
            factor(&normal[n, 0, 0], normal.shape[2], size, damping, &of)
            for j in range(size):
                for i in range(size):
                    x[i] = i == j
                substitute(&of, size, x)
                for i in range(size):
                    out[n, i, j] = x[i]


def shared_step(
    const double[:, :, ::1] normal,
    const double[:, ::1] gradient,
    const double[::1] trust,
    const double[::1] prior,
    double damping,
    double[:, ::1] step,
):
    """Solve systems of 8 equations whose last 4 unknowns are common to all, for all at once.

    The first 4 unknowns of each are eliminated (Schur complement); what is left counts with the
    system's trust, and `prior` is added to the diagonal of the common equations.
    """
    cdef Py_ssize_t n, i, j, k, count = normal.shape[0]
    cdef double common[4][4]
    cdef double right[4]
    cdef double x[LARGEST]
    cdef double taken
    cdef Factors of
    cdef double *solved = <double *>malloc(max(count, <Py_ssize_t>1) * 20 * sizeof(double))
    if solved == NULL:
        raise MemoryError
    with nogil:
        memset(common, 0, sizeof(common))
        memset(right, 0, sizeof(right))
        for n in range(count):
            factor(&normal[n, 0, 0], 8, 4, damping, &of)
            for j in range(5):
                for i in range(4):
                    x[i] = normal[n, i, 4 + j] if j < 4 else gradient[n, i]
                substitute(&of, 4, x)
                for i in range(4):
                    solved[(n * 5 + j) * 4 + i] = x[i]
            for i in range(4):
                for j in range(5):
                    taken = 0
                    for k in range(4):
                        taken += normal[n, k, 4 + i] * solved[(n * 5 + j) * 4 + k]
                    if j < 4:
                        common[i][j] += trust[n] * (normal[n, 4 + i, 4 + j] - taken)
                    else:
                        right[i] += trust[n] * (gradient[n, 4 + i] - taken)
        for i in range(4):
            common[i][i] += prior[i]
        factor(&common[0][0], 4, 4, damping, &of)
        substitute(&of, 4, right)
        for n in range(count):
            for i in range(4):
                step[n, i] = solved[(n * 5 + 4) * 4 + i]
                for j in range(4):
                    step[n, i] -= solved[(n * 5 + j) * 4 + i] * right[j]
                step[n, 4 + i] = right[i]
    free(solved)
