"""Our own mathematics, from plain float64 arithmetic: ``docs/numerics.md`` states every formula.

The torch reference spells them a second time on its own.
"""

from __future__ import annotations

import numpy as np

from lpmdsl.native.function import native
from lpmdsl.native.instructions import bits_float, float_bits

_LN2_HI, _LN2_LO, _LOG2_E = 0.6931471803691238, 1.9082149292705877e-10, 1.4426950408889634
_SQRT_2 = 1.4142135623730951
_TWO_OVER_PI, _HALF_PI_HI, _HALF_PI_LO = 0.6366197723675814, 1.5707963267341256, 6.077100506506192e-11


@native()
def smaller(a, b):
    """Return the smaller; ``a`` where either has no number or both are equal."""
    return b if b < a else a


@native()
def larger(a, b):
    """Return the larger; ``a`` where either has no number or both are equal."""
    return b if b > a else a


@native()
def least(a, b):
    """The smaller one; no number if either is none."""
    return b if b < a or b != b else a


@native()
def greatest(a, b):
    """The larger one; no number if either is none."""
    return b if b > a or b != b else a


@native()
def rank_of(x):
    """An integer from 0 on in the order of the numbers: their bits, those of numbers below 0 the other way round."""
    bits = float_bits(x + 0.0)
    return ((bits ^ 0x7FFFFFFFFFFFFFFF if bits < 0 else bits) >> 1) + (1 << 62)


@native()
def log(x):
    """Natural logarithm from plain float64 arithmetic."""
    if not x > 0.0:
        return -np.inf if x == 0.0 else np.nan
    if x == np.inf:
        return np.inf
    bits = float_bits(x)
    exponent = ((bits >> 52) & 0x7FF) - 1023
    m = bits_float((bits & 0xFFFFFFFFFFFFF) | (1023 << 52))
    if m > _SQRT_2:
        m *= 0.5
        exponent += 1
    s = (m - 1.0) / (m + 1.0)
    z = s * s
    p = 1.0 / 21.0
    p = p * z + 1.0 / 19.0
    p = p * z + 1.0 / 17.0
    p = p * z + 1.0 / 15.0
    p = p * z + 1.0 / 13.0
    p = p * z + 1.0 / 11.0
    p = p * z + 1.0 / 9.0
    p = p * z + 1.0 / 7.0
    p = p * z + 1.0 / 5.0
    p = p * z + 1.0 / 3.0
    p = p * z + 1.0
    e = np.float64(exponent)
    return e * _LN2_HI + ((2.0 * s) * p + e * _LN2_LO)


@native()
def exp(x):
    """Exponential from plain float64 arithmetic, its argument held to [−708, 709]."""
    if x != x:
        return x
    x = smaller(larger(x, -708.0), 709.0)
    k = np.floor(x * _LOG2_E + 0.5)
    r = (x - k * _LN2_HI) - k * _LN2_LO
    p = 1.0 / 6227020800.0
    p = p * r + 1.0 / 479001600.0
    p = p * r + 1.0 / 39916800.0
    p = p * r + 1.0 / 3628800.0
    p = p * r + 1.0 / 362880.0
    p = p * r + 1.0 / 40320.0
    p = p * r + 1.0 / 5040.0
    p = p * r + 1.0 / 720.0
    p = p * r + 1.0 / 120.0
    p = p * r + 1.0 / 24.0
    p = p * r + 1.0 / 6.0
    p = p * r + 0.5
    p = p * r + 1.0
    p = p * r + 1.0
    return p * bits_float((np.int64(k) + 1023) << 52)


@native()
def _circular(x, shift):
    q = np.floor(x * _TWO_OVER_PI + 0.5)
    r = (x - q * _HALF_PI_HI) - q * _HALF_PI_LO
    z = r * r
    s = -1.0 / 1307674368000.0
    s = s * z + 1.0 / 6227020800.0
    s = s * z + -1.0 / 39916800.0
    s = s * z + 1.0 / 362880.0
    s = s * z + -1.0 / 5040.0
    s = s * z + 1.0 / 120.0
    s = s * z + -1.0 / 6.0
    s = s * z + 1.0
    c = 1.0 / 20922789888000.0
    c = c * z + -1.0 / 87178291200.0
    c = c * z + 1.0 / 479001600.0
    c = c * z + -1.0 / 3628800.0
    c = c * z + 1.0 / 40320.0
    c = c * z + -1.0 / 720.0
    c = c * z + 1.0 / 24.0
    c = c * z + -0.5
    c = c * z + 1.0
    quadrant = (np.int64(q) + shift) & 3
    sine = r * s
    if quadrant == 0:
        return sine
    if quadrant == 1:
        return c
    return -sine if quadrant == 2 else -c


@native()
def sin(x):
    """Sine of radians."""
    return _circular(x, 0)


@native()
def cos(x):
    """Cosine of radians."""
    return _circular(x, 1)
