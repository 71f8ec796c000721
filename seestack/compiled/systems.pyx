# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
# cython: initializedcheck=False
"""Solve many small symmetric systems of linear equations."""

from libc.math cimport sqrt

cdef enum:
    LARGEST = 8


def solve(
    const double[:, :, ::1] normal,
    const double[:, :, ::1] right,
    double damping,
    double[:, :, ::1] out,
):
    """Write the solution of each system of at most 8 equations, scaled and damped.

    Each is scaled to 1 on its diagonal, or where there is 0, to which the damping is added, and
    factored into L D L^T. No element of D falls below the damping, so that none is singular.
    """
    cdef Py_ssize_t n, i, j, k, column, size = normal.shape[1]
    cdef double scale[LARGEST]
    cdef double pivot[LARGEST]
    cdef double lower[LARGEST][LARGEST]
    cdef double value
    with nogil:
        for n in range(normal.shape[0]):
            for i in range(size):
                scale[i] = sqrt(normal[n, i, i]) if normal[n, i, i] > 0 else 1.0
            for j in range(size):
                value = 1 + damping
                for k in range(j):
                    value -= lower[j][k] * lower[j][k] * pivot[k]
                pivot[j] = max(value, damping)
                for i in range(j + 1, size):
                    value = normal[n, i, j] / (scale[i] * scale[j])
                    for k in range(j):
                        value -= lower[i][k] * lower[j][k] * pivot[k]
                    lower[i][j] = value / pivot[j]
            for column in range(right.shape[2]):
                for i in range(size):
                    value = right[n, i, column] / scale[i]
                    for k in range(i):
                        value -= lower[i][k] * out[n, k, column]
                    out[n, i, column] = value
                for i in range(size - 1, -1, -1):
                    value = out[n, i, column] / pivot[i]
                    for k in range(i + 1, size):
                        value -= lower[k][i] * out[n, k, column]
                    out[n, i, column] = value
                for i in range(size):
                    out[n, i, column] /= scale[i]
