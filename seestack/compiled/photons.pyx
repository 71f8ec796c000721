# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
# cython: initializedcheck=False
"""What the residuals of fitted stars say about the noise of their own light.

Arrays are those of `seestack.compiled.moffat`.
"""

from libc.string cimport memset

cdef enum:
    BLOCK = 32
    X = 0
    Y = 1
    AMPLITUDE = 2
    SKY = 3


cdef extern from *:
    """
    /* Without their suffix C would calculate in double precision. */
    #define ONE 1.0f
    #define TWO 2.0f
    #define MOST 0.9f
    """
    float ONE, TWO, MOST


def star_light(
    const float[:, :, ::1] pixels,
    const float[:, ::1] valid,
    const double[:, ::1] parameters,
    const double[:, :, ::1] covariance,
    float[:, ::1] light,
    float[:, ::1] free,
    float[::1] bright,
):
    """Write the light of each star in its pixels, what the fit leaves of their noise, and more.

    `pixels` are those of `normal_equations`, `covariance` belongs to x, y, amplitude and sky,
    whose derivative is 1. Light that is not above the noise counts as none; `bright` takes the
    number of pixels that have some. A fit leaves a tenth of the noise at least.
    """
    cdef Py_ssize_t number, first, p, star
    cdef int k, l, s
    cdef float of[4][4][BLOCK]
    cdef float amplitude[BLOCK]
    cdef float count[BLOCK]
    cdef const float *weight
    cdef const float *x
    cdef const float *y
    cdef const float *height
    cdef const float *known
    cdef float *out
    cdef float *left
    cdef float share, part
    with nogil:
        for number in range((parameters.shape[0] + BLOCK - 1) // BLOCK):
            first = number * BLOCK
            for s in range(BLOCK):
                star = min(first + s, parameters.shape[0] - 1)
                amplitude[s], count[s] = <float>parameters[star, AMPLITUDE], 0
                for k in range(4):
                    for l in range(4):
                        of[k][l][s] = <float>covariance[star, k, l]
            for p in range(valid.shape[0]):
                weight, x, y = &pixels[1, p, first], &pixels[2, p, first], &pixels[3, p, first]
                height, known = &pixels[4, p, first], &valid[p, first]
                out, left = &light[p, first], &free[p, first]
                for s in range(BLOCK):
                    share = weight[s] * (
                        x[s] * (x[s] * of[X][X][s] + TWO * y[s] * of[X][Y][s])
                        + y[s] * y[s] * of[Y][Y][s]
                        + height[s] * (
                            height[s] * of[AMPLITUDE][AMPLITUDE][s]
                            + TWO * x[s] * of[X][AMPLITUDE][s]
                            + TWO * y[s] * of[Y][AMPLITUDE][s]
                            + TWO * of[AMPLITUDE][SKY][s]
                        )
                        + TWO * x[s] * of[X][SKY][s]
                        + TWO * y[s] * of[Y][SKY][s]
                        + of[SKY][SKY][s]
                    )
                    left[s] = ONE - (share if share < MOST else MOST)
                for s in range(BLOCK):
                    share = amplitude[s] * height[s] * known[s]
                    part = ONE if share > ONE else 0
                    out[s] = share * part
                    count[s] += part
            for s in range(<int>min(parameters.shape[0] - first, <Py_ssize_t>BLOCK)):
                bright[first + s] = count[s]


def gains(
    const float[:, ::1] light,
    const float[:, ::1] residual,
    const float[:, ::1] free,
    const float[::1] bright,
    float fewest,
    float gain,
    double[::1] out,
):
    """Write the variance for each unit of light that each star's residuals tell; return how many.

    Stars with at least the fewest bright pixels count. `gain` is a first guess for the weights.
    """
    cdef Py_ssize_t number, first, p, s, count = 0
    cdef float share, part
    cdef float excess[BLOCK]
    cdef float expected[BLOCK]
    cdef float squares[BLOCK]
    cdef double of
    with nogil:
        for number in range(light.shape[1] // BLOCK):
            first = number * BLOCK
            memset(excess, 0, sizeof(excess))
            memset(expected, 0, sizeof(expected))
            memset(squares, 0, sizeof(squares))
            for p in range(light.shape[0]):
                for s in range(BLOCK):
                    share = ONE + gain * light[p, first + s]
                    share = light[p, first + s] / (share * share)
                    part = share * light[p, first + s] * free[p, first + s]
                    excess[s] += share * (
                        residual[p, first + s] * residual[p, first + s] - free[p, first + s]
                    )
                    expected[s] += part
                    squares[s] += part * part
            for s in range(min(bright.shape[0] - first, <Py_ssize_t>BLOCK)):
                if bright[first + s] >= fewest:
                    # A median of few squares is smaller than their mean (Wilson and Hilferty).
                    of = 1 - 2 / (9.0 * expected[s] * expected[s] / squares[s])
                    out[count] = excess[s] / expected[s] / (of * of * of)
                    count += 1
    return count
