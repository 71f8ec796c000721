# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
# cython: initializedcheck=False
"""Moffat profiles on the stamps of many stars, and what a Gauss-Newton step needs of them.

The innermost loops go over 32 stars side by side, so that the compiler does several at once
and no sum changes its order for that; there are places for stars beyond the last one, which
weigh nothing. Everything is in units of the noise of the sky.
"""

from libc.math cimport exp, exp2, log
from libc.string cimport memcpy, memset

cdef enum:
    BLOCK = 32
    X = 0
    Y = 1
    AMPLITUDE = 2
    SKY = 3
    LOG_SIZE = 4
    STRETCH = 5
    SHEAR = 6
    BETA = 7


cdef extern from *:
    """
    /* Without their suffix C would calculate in double precision. */
    #define ONE 1.0f
    #define TWO 2.0f
    #define HALF 0.5f
    #define MOST 0.9f
    #define LN_2 0.693147181f
    #define LOG_1 2.88539008f
    #define LOG_3 0.961796694f
    #define LOG_5 0.577078016f
    #define LOG_7 0.412198583f
    #define EXP_3 0.166666667f
    #define EXP_4 0.0416666667f
    #define EXP_5 0.00833333333f
    #define EXP_6 0.00138888889f
    """
    float ONE, TWO, HALF, MOST, LN_2, LOG_1, LOG_3, LOG_5, LOG_7, EXP_3, EXP_4, EXP_5, EXP_6

cdef union Word:
    float real
    int whole


cdef inline float log2_of(float u) noexcept nogil:
    """Return log2(u) to 1e-7 for normal u > 0: exponent, and the series in (m - 1)/(m + 1)."""
    cdef Word word
    cdef int exponent
    cdef float t, square
    word.real = u
    exponent = (word.whole - 0x3F3504F3) >> 23
    word.whole -= exponent << 23
    t = (word.real - ONE) / (word.real + ONE)
    square = t * t
    return exponent + t * (LOG_1 + square * (LOG_3 + square * (LOG_5 + square * LOG_7)))


cdef inline float exp2_of(float z) noexcept nogil:
    """Return 2 to the power of z <= 0 to 1e-7; what is below 2**-126 counts as about that."""
    cdef Word word
    cdef int whole = <int>(z - HALF)
    cdef float rest = (z - whole) * LN_2
    word.whole = (max(whole, -126) + 127) << 23
    return word.real * (ONE + rest * (ONE + rest * (
        HALF + rest * (EXP_3 + rest * (EXP_4 + rest * (EXP_5 + rest * EXP_6)))
    )))


def power(const float[::1] u, const float[::1] exponent, float[::1] out):
    """Write u to the power of -exponent, for u >= 1 and exponent > 0."""
    cdef Py_ssize_t i
    with nogil:
        for i in range(u.shape[0]):
            out[i] = exp2_of(-exponent[i] * log2_of(u[i]))


cdef struct Block:
    # Some stars side by side: parameters, what is derived of them, and sums.
    float p[8][BLOCK]
    float a[BLOCK]
    float b[BLOCK]
    float c[BLOCK]
    float sheared[BLOCK]
    float bent[BLOCK]
    float moment[7][BLOCK]
    float derivative[8][BLOCK]
    float residual[BLOCK]
    float weight[BLOCK]
    float normal[8][8][BLOCK]
    float gradient[8][BLOCK]
    float square[BLOCK]


cdef void load(Block* block, const double[:, ::1] parameters, Py_ssize_t first) noexcept nogil:
    """Derive k times the quadratic form, k times the size, and d(log k) / d(log beta)."""
    cdef int k, s
    cdef Py_ssize_t star
    cdef double size, stretch, power, of_power
    memset(block, 0, sizeof(Block))
    for s in range(BLOCK):
        star = min(first + s, parameters.shape[0] - 1)
        for k in range(8):
            block.p[k][s] = <float>parameters[star, k]
        size, stretch = exp(parameters[star, LOG_SIZE]), exp(parameters[star, STRETCH])
        power = exp2(1 / parameters[star, BETA])
        of_power = power - 1
        block.a[s] = <float>(of_power * (size * stretch))
        block.b[s] = <float>(of_power * (size * parameters[star, SHEAR]))
        block.c[s] = <float>(of_power * (size / stretch))
        block.sheared[s] = <float>(of_power * size)
        block.bent[s] = <float>(-log(2.0) * power / (parameters[star, BETA] * of_power))


cdef void add_node(
    Block* block, float x, float y, float share, bint with_shape
) noexcept nogil:
    """Add one point of a pixel to its moments: P, P / u times dx, dy and squares, P log2 u.

    u is 1 + k q with the quadratic form q, and P is u to the power of -beta.
    """
    cdef int s
    cdef float dx, dy, u, log_u, profile, slope
    if with_shape:
        for s in range(BLOCK):
            dx = x - block.p[X][s]
            dy = y - block.p[Y][s]
            u = ONE + (dx * (block.a[s] * dx + TWO * block.b[s] * dy) + block.c[s] * dy * dy)
            log_u = log2_of(u)
            profile = share * exp2_of(-block.p[BETA][s] * log_u)
            slope = profile / u
            block.moment[0][s] += profile
            block.moment[1][s] += slope * dx
            block.moment[2][s] += slope * dy
            block.moment[3][s] += slope * dx * dx
            block.moment[4][s] += slope * dy * dy
            block.moment[5][s] += slope * dx * dy
            block.moment[6][s] += profile * log_u
    else:
        for s in range(BLOCK):
            dx = x - block.p[X][s]
            dy = y - block.p[Y][s]
            u = ONE + (dx * (block.a[s] * dx + TWO * block.b[s] * dy) + block.c[s] * dy * dy)
            profile = share * exp2_of(-block.p[BETA][s] * log2_of(u))
            slope = profile / u
            block.moment[0][s] += profile
            block.moment[1][s] += slope * dx
            block.moment[2][s] += slope * dy


cdef void derive(Block* block, bint with_shape) noexcept nogil:
    """Turn the moments of a pixel into the derivatives of the model."""
    cdef int s
    cdef float steep, along, across, q
    for s in range(BLOCK):
        steep = TWO * block.p[AMPLITUDE][s] * block.p[BETA][s]
        block.derivative[X][s] = steep * (
            block.a[s] * block.moment[1][s] + block.b[s] * block.moment[2][s]
        )
        block.derivative[Y][s] = steep * (
            block.c[s] * block.moment[2][s] + block.b[s] * block.moment[1][s]
        )
        block.derivative[AMPLITUDE][s] = block.moment[0][s]
        block.derivative[SKY][s] = 1
    if with_shape:
        for s in range(BLOCK):
            steep = -block.p[AMPLITUDE][s] * block.p[BETA][s]
            along = block.a[s] * block.moment[3][s]
            across = block.c[s] * block.moment[4][s]
            q = along + across + TWO * block.b[s] * block.moment[5][s]
            block.derivative[LOG_SIZE][s] = steep * q
            block.derivative[STRETCH][s] = steep * (along - across)
            block.derivative[SHEAR][s] = TWO * steep * block.sheared[s] * block.moment[5][s]
            block.derivative[BETA][s] = -block.p[AMPLITUDE][s] * (
                LN_2 * block.moment[6][s] + block.bent[s] * q
            )


cdef void weigh(
    Block* block, const float* data, const float* valid, float gain
) noexcept nogil:
    """Set residual and weight of a pixel; the variance is 1 and the photon noise."""
    cdef int s
    cdef float light
    for s in range(BLOCK):
        light = block.p[AMPLITUDE][s] * block.moment[0][s]
        block.residual[s] = valid[s] * (data[s] - light - block.p[SKY][s])
        light = light if light > 0 else 0
        block.weight[s] = valid[s] / (ONE + gain * light)
        block.square[s] += block.weight[s] * (block.residual[s] * block.residual[s])


cdef void add_pixel(Block* block, int free) noexcept nogil:
    cdef int k, l, s
    for k in range(free):
        for l in range(k + 1):
            for s in range(BLOCK):
                block.normal[k][l][s] += (
                    block.weight[s] * block.derivative[k][s] * block.derivative[l][s]
                )
        for s in range(BLOCK):
            block.gradient[k][s] += block.weight[s] * block.derivative[k][s] * block.residual[s]


def normal_equations(
    const float[:, ::1] data,
    const float[:, ::1] valid,
    const float[::1] x,
    const float[::1] y,
    const double[:, ::1] parameters,
    const float[:, ::1] nodes,
    Py_ssize_t inner,
    Py_ssize_t core,
    float gain,
    double[:, :, ::1] normal,
    double[:, ::1] gradient,
    double[:, ::1] squares,
    float[:, :, ::1] pixels,
):
    """Evaluate the model of each star and sum the normal equations over its pixels.

    Stars are the last axis of `data`, `valid` and `pixels`, which have places for a multiple of
    32, pixels the one before. The first `inner` pixels are integrated over all nodes but
    the last, the others are taken at the last. The first 4 parameters are free or all 8, as the
    size of `normal` says. `squares` takes the weighted squares of the residuals of all pixels
    and of the first `core`; `pixels` residuals, weights, and the derivatives by x, y and
    amplitude, where it has room.
    """
    cdef Py_ssize_t number, first, pixel, n, plane = data.shape[0] * data.shape[1], place
    cdef int count, k, l, s, free = normal.shape[1]
    cdef float *kept = NULL
    cdef Block block
    if pixels.shape[1] == data.shape[0]:
        kept = &pixels[0, 0, 0]
    with nogil:
        for number in range((parameters.shape[0] + BLOCK - 1) // BLOCK):
            first = number * BLOCK
            count = <int>min(parameters.shape[0] - first, <Py_ssize_t>BLOCK)
            load(&block, parameters, first)
            for pixel in range(data.shape[0]):
                memset(&block.moment, 0, sizeof(block.moment))
                # The last node, the middle of the pixel, serves for the outer pixels alone.
                for n in range(
                    0 if pixel < inner else nodes.shape[0] - 1,
                    nodes.shape[0] - 1 if pixel < inner else nodes.shape[0],
                ):
                    add_node(
                        &block, x[pixel] + nodes[n, 0], y[pixel] + nodes[n, 1], nodes[n, 2],
                        free > 4
                    )
                derive(&block, free > 4)
                weigh(&block, &data[pixel, first], &valid[pixel, first], gain)
                add_pixel(&block, free)
                if pixel == core - 1:
                    for s in range(count):
                        squares[1, first + s] = block.square[s]
                if kept != NULL:
                    place = pixel * data.shape[1] + first
                    memcpy(kept + place, &block.residual, BLOCK * sizeof(float))
                    memcpy(kept + plane + place, &block.weight, BLOCK * sizeof(float))
                    for k in range(3):
                        memcpy(
                            kept + (2 + k) * plane + place, &block.derivative[k],
                            BLOCK * sizeof(float),
                        )
            for s in range(count):
                squares[0, first + s] = block.square[s]
                for k in range(free):
                    gradient[first + s, k] = block.gradient[k][s]
                    for l in range(free):
                        normal[first + s, k, l] = block.normal[max(k, l)][min(k, l)][s]


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
    cdef float share
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
                    out[s] = share if share > ONE else 0
                for s in range(BLOCK):
                    count[s] += ONE if out[s] > 0 else 0
            for s in range(<int>min(parameters.shape[0] - first, <Py_ssize_t>BLOCK)):
                bright[first + s] = count[s]


def excesses(
    const float[:, ::1] light,
    const float[:, ::1] residual,
    const float[:, ::1] free,
    float gain,
    float[:, ::1] out,
):
    """Write sums over the bright pixels of each star, of what tells the photon noise.

    The rows of `out` are the squared residual beyond the sky's noise times its share, the
    expected value of the same for a gain of 1, and the sum of the squares of its parts.
    Pixels without light take no part.
    """
    cdef Py_ssize_t p, s
    cdef float share, part
    with nogil:
        for s in range(light.shape[1]):
            out[0, s] = 0
            out[1, s] = 0
            out[2, s] = 0
        for p in range(light.shape[0]):
            for s in range(light.shape[1]):
                share = light[p, s] / ((ONE + gain * light[p, s]) * (ONE + gain * light[p, s]))
                part = share * light[p, s] * free[p, s]
                out[0, s] += share * (residual[p, s] * residual[p, s] - free[p, s])
                out[1, s] += part
                out[2, s] += part * part
