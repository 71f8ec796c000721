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
    AT_ONCE = 4  # pixels whose products are summed before they are added
    MOST_NODES = 9
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
    #define LN_2 0.693147181f
    /* The least largest errors that so few coefficients leave. */
    #define LOG_1 2.88539042f
    #define LOG_3 0.961588326f
    #define LOG_5 0.595780722f
    #define EXP_1 0.693146978f
    #define EXP_2 0.240222421f
    #define EXP_3 0.0555073374f
    #define EXP_4 0.00967151268f
    #define EXP_5 0.00132647267f
    """
    float ONE, TWO, HALF, LN_2, LOG_1, LOG_3, LOG_5, EXP_1, EXP_2, EXP_3, EXP_4, EXP_5

cdef union Word:
    float real
    int whole


cdef inline float log2_of(float u, float *reciprocal) noexcept nogil:
    """Return log2(u) to 1e-7 for normal u > 0, and write 1 / u: both take one division.

    With u = m 2**e, it is e and an odd polynomial in (m - 1)/(m + 1).
    """
    cdef Word word
    cdef int exponent
    cdef float more, both, t, square
    word.real = u
    exponent = (word.whole - 0x3F3504F3) >> 23
    word.whole -= exponent << 23
    more = word.real + ONE
    both = ONE / (u * more)
    reciprocal[0] = more * both
    t = (word.real - ONE) * (u * both)
    square = t * t
    return exponent + t * (LOG_1 + square * (LOG_3 + square * LOG_5))


cdef inline float exp2_of(float z) noexcept nogil:
    """Return 2 to the power of z <= 0 to 2e-7; what is below 2**-126 counts as about that."""
    cdef Word word
    cdef int whole = <int>(z - HALF)
    cdef float rest = z - whole, square = rest * rest
    word.whole = (max(whole, -126) + 127) << 23
    return word.real * (
        (ONE + rest * EXP_1) + square * ((EXP_2 + rest * EXP_3) + square * (EXP_4 + rest * EXP_5))
    )


def power(const float[::1] u, const float[::1] exponent, float[::1] out):
    """Write u to the power of -exponent, for u >= 1 and exponent > 0."""
    cdef Py_ssize_t i
    cdef float reciprocal
    with nogil:
        for i in range(u.shape[0]):
            out[i] = exp2_of(-exponent[i] * log2_of(u[i], &reciprocal))


cdef struct Block:
    # Some stars side by side: parameters, what is derived of them, and sums.
    float p[8][BLOCK]
    float a[BLOCK]
    float b[BLOCK]
    float c[BLOCK]
    float sheared[BLOCK]
    float bent[BLOCK]
    float u[MOST_NODES][BLOCK]
    float log_u[MOST_NODES][BLOCK]
    float reciprocal[MOST_NODES][BLOCK]
    float moment[7][BLOCK]
    float slope[AT_ONCE][8][BLOCK]
    float weighted[AT_ONCE][8][BLOCK]
    float residual[AT_ONCE][BLOCK]
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


cdef void integrate(
    Block* block, float x, float y, const float* nodes, int count, bint with_shape
) noexcept nogil:
    """Sum over nodes (x, y, weight) of a pixel: P, P / u times dx, dy and squares, P log2 u.

    u is 1 + k q with the quadratic form q, and P is u to the power of -beta.
    """
    cdef int n, s
    cdef float dx, dy, profile, slope, reciprocal
    memset(&block.moment, 0, sizeof(block.moment))
    for n in range(count):
        for s in range(BLOCK):
            dx = x + nodes[3 * n] - block.p[X][s]
            dy = y + nodes[3 * n + 1] - block.p[Y][s]
            block.u[n][s] = ONE + (
                dx * (block.a[s] * dx + TWO * block.b[s] * dy) + block.c[s] * dy * dy
            )
    for n in range(count):
        for s in range(BLOCK):
            block.log_u[n][s] = log2_of(block.u[n][s], &reciprocal)
            block.reciprocal[n][s] = reciprocal
    for n in range(count):
        for s in range(BLOCK):
            block.u[n][s] = exp2_of(-block.p[BETA][s] * block.log_u[n][s])
    if with_shape:
        for n in range(count):
            for s in range(BLOCK):
                dx = x + nodes[3 * n] - block.p[X][s]
                dy = y + nodes[3 * n + 1] - block.p[Y][s]
                profile = nodes[3 * n + 2] * block.u[n][s]
                slope = profile * block.reciprocal[n][s]
                block.moment[0][s] += profile
                block.moment[1][s] += slope * dx
                block.moment[2][s] += slope * dy
                block.moment[3][s] += slope * dx * dx
                block.moment[4][s] += slope * dy * dy
                block.moment[5][s] += slope * dx * dy
                block.moment[6][s] += profile * block.log_u[n][s]
    else:
        for n in range(count):
            for s in range(BLOCK):
                profile = nodes[3 * n + 2] * block.u[n][s]
                slope = profile * block.reciprocal[n][s]
                block.moment[0][s] += profile
                block.moment[1][s] += slope * (x + nodes[3 * n] - block.p[X][s])
                block.moment[2][s] += slope * (y + nodes[3 * n + 1] - block.p[Y][s])


cdef void derive(Block* block, int place, int free) noexcept nogil:
    """Turn the moments of a pixel into the derivatives of the model."""
    cdef int s
    cdef float steep, along, across, q
    for s in range(BLOCK):
        steep = TWO * block.p[AMPLITUDE][s] * block.p[BETA][s]
        block.slope[place][X][s] = steep * (
            block.a[s] * block.moment[1][s] + block.b[s] * block.moment[2][s]
        )
        block.slope[place][Y][s] = steep * (
            block.c[s] * block.moment[2][s] + block.b[s] * block.moment[1][s]
        )
        block.slope[place][AMPLITUDE][s] = block.moment[0][s]
        block.slope[place][SKY][s] = 1
    if free > 4:
        for s in range(BLOCK):
            steep = -block.p[AMPLITUDE][s] * block.p[BETA][s]
            along = block.a[s] * block.moment[3][s]
            across = block.c[s] * block.moment[4][s]
            q = along + across + TWO * block.b[s] * block.moment[5][s]
            block.slope[place][LOG_SIZE][s] = steep * q
            block.slope[place][STRETCH][s] = steep * (along - across)
            block.slope[place][SHEAR][s] = TWO * steep * block.sheared[s] * block.moment[5][s]
            block.slope[place][BETA][s] = -block.p[AMPLITUDE][s] * (
                LN_2 * block.moment[6][s] + block.bent[s] * q
            )


cdef void weigh(
    Block* block, int place, int free, const float* data, const float* valid, float gain
) noexcept nogil:
    """Set residual and weight of a pixel; the variance is 1 and the photon noise."""
    cdef int k, s
    cdef float light
    for s in range(BLOCK):
        light = block.p[AMPLITUDE][s] * block.moment[0][s]
        block.residual[place][s] = valid[s] * (data[s] - light - block.p[SKY][s])
        light = light if light > 0 else 0
        block.weight[s] = valid[s] / (ONE + gain * light)
        block.square[s] += (
            block.weight[s] * (block.residual[place][s] * block.residual[place][s])
        )
    for k in range(free):
        for s in range(BLOCK):
            block.weighted[place][k][s] = block.weight[s] * block.slope[place][k][s]


cdef void add_pixels(Block* block, int free) noexcept nogil:
    cdef int k, l, s
    for k in range(free):
        for l in range(k + 1):
            for s in range(BLOCK):
                block.normal[k][l][s] += (
                    block.weighted[0][k][s] * block.slope[0][l][s]
                    + block.weighted[1][k][s] * block.slope[1][l][s]
                    + block.weighted[2][k][s] * block.slope[2][l][s]
                    + block.weighted[3][k][s] * block.slope[3][l][s]
                )
        for s in range(BLOCK):
            block.gradient[k][s] += (
                block.weighted[0][k][s] * block.residual[0][s]
                + block.weighted[1][k][s] * block.residual[1][s]
                + block.weighted[2][k][s] * block.residual[2][s]
                + block.weighted[3][k][s] * block.residual[3][s]
            )


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
    amplitude, unless it is None.
    """
    cdef Py_ssize_t number, first, pixel, plane = data.shape[0] * data.shape[1], place
    cdef int count, k, l, s, at, free = normal.shape[1], most = nodes.shape[0] - 1
    cdef float *kept = NULL
    cdef Block block
    if pixels is not None:
        kept = &pixels[0, 0, 0]
    with nogil:
        for number in range((parameters.shape[0] + BLOCK - 1) // BLOCK):
            first = number * BLOCK
            count = <int>min(parameters.shape[0] - first, <Py_ssize_t>BLOCK)
            load(&block, parameters, first)
            for pixel in range(data.shape[0]):
                at = pixel % AT_ONCE
                if pixel < inner:
                    integrate(&block, x[pixel], y[pixel], &nodes[0, 0], most, free > 4)
                else:
                    # The last node is the middle of the pixel.
                    integrate(&block, x[pixel], y[pixel], &nodes[most, 0], 1, free > 4)
                derive(&block, at, free)
                weigh(&block, at, free, &data[pixel, first], &valid[pixel, first], gain)
                if at == AT_ONCE - 1:
                    add_pixels(&block, free)
                elif pixel == data.shape[0] - 1:
                    # Those of earlier pixels stand in the other places.
                    memset(&block.weighted[at + 1], 0, (AT_ONCE - 1 - at) * sizeof(block.weighted[0]))
                    add_pixels(&block, free)
                if pixel == core - 1:
                    for s in range(count):
                        squares[1, first + s] = block.square[s]
                if kept != NULL:
                    place = pixel * data.shape[1] + first
                    memcpy(kept + place, &block.residual[at], BLOCK * sizeof(float))
                    memcpy(kept + plane + place, &block.weight, BLOCK * sizeof(float))
                    for k in range(3):
                        memcpy(
                            kept + (2 + k) * plane + place, &block.slope[at][k],
                            BLOCK * sizeof(float),
                        )
            for s in range(count):
                squares[0, first + s] = block.square[s]
                for k in range(free):
                    gradient[first + s, k] = block.gradient[k][s]
                    for l in range(free):
                        normal[first + s, k, l] = block.normal[max(k, l)][min(k, l)][s]


def move(
    const double[:, ::1] parameters,
    const double[:, ::1] step,
    const double[::1] longest,
    const double[::1] least,
    const double[::1] most,
    double[:, ::1] out,
):
    """Write the parameters of each star after a step, both cut to their limits.

    The first ones have a step. An amplitude falls to a tenth at most.
    """
    cdef Py_ssize_t n, k
    cdef double moved
    with nogil:
        for n in range(parameters.shape[0]):
            for k in range(8):
                moved = parameters[n, k]
                if k < step.shape[1]:
                    moved += max(min(step[n, k], longest[k]), -longest[k])
                out[n, k] = max(min(moved, most[k]), least[k])
            out[n, AMPLITUDE] = max(out[n, AMPLITUDE], parameters[n, AMPLITUDE] / 10)
