"""Logarithm, exponential, sine and cosine from plain float64 arithmetic, on numpy arrays.

Every back end spells the same operations in the same order (``docs/numerics.md``), so that a comparison never depends
on whose mathematical library a machine has. Error below 2 units in the last place
(``compiler_tests/kernel/test_numbers.py``).
"""

from __future__ import annotations

from math import factorial

import numpy as np
from numpy.typing import ArrayLike, NDArray

LN2_HI = 0.6931471803691238
LN2_LO = 1.9082149292705877e-10
LOG2_E = 1.4426950408889634
SQRT_2 = 1.4142135623730951
TWO_OVER_PI = 0.6366197723675814
HALF_PI_HI = 1.5707963267341256
HALF_PI_LO = 6.077100506506192e-11
LOG_TERMS = tuple(1.0 / k for k in range(21, 0, -2))
EXP_TERMS = tuple(1.0 / factorial(j) for j in range(13, -1, -1))
SIN_TERMS = tuple((-1.0) ** (k // 2) / factorial(k) for k in range(15, 0, -2))
COS_TERMS = tuple((-1.0) ** (k // 2) / factorial(k) for k in range(16, -1, -2))

FloatArray = NDArray[np.float64]


def _horner(terms: tuple[float, ...], x: FloatArray) -> FloatArray:
    total = np.full_like(x, terms[0])
    for term in terms[1:]:
        total = total * x + term
    return total


def log(value: ArrayLike) -> FloatArray:
    """Natural logarithm; −inf at 0, NaN below (fdlibm's argument reduction, series of artanh)."""
    x = np.asarray(value, np.float64)
    bits = x.view(np.int64) if x.ndim else x.reshape(1).view(np.int64)[0]
    exponent = ((bits >> 52) & 0x7FF) - 1023
    mantissa = np.asarray((bits & 0xFFFFFFFFFFFFF) | (1023 << 52), np.int64)
    m = mantissa.view(np.float64) if mantissa.ndim else mantissa.reshape(1).view(np.float64)[0]
    above = m > SQRT_2
    m = np.where(above, m * 0.5, m)
    e = np.where(above, exponent + 1, exponent).astype(np.float64)
    s = (m - 1.0) / (m + 1.0)
    p = _horner(LOG_TERMS, s * s)
    result = e * LN2_HI + ((2.0 * s) * p + e * LN2_LO)
    result = np.where(np.isposinf(x), np.inf, result)
    return np.where(x > 0, result, np.where(x == 0, -np.inf, np.nan))


def exp(value: ArrayLike) -> FloatArray:
    """Exponential, its argument held to [−708, 709]."""
    x = np.minimum(np.maximum(np.asarray(value, np.float64), -708.0), 709.0)
    k = np.floor(x * LOG2_E + 0.5)
    r = (x - k * LN2_HI) - k * LN2_LO
    p = _horner(EXP_TERMS, np.asarray(r))
    whole = np.where(np.isnan(k), 0.0, k).astype(np.int64)
    scale = np.atleast_1d((whole + 1023) << 52).view(np.float64).reshape(np.shape(whole))
    return p * scale


def sin(value: ArrayLike) -> FloatArray:
    """Sine of radians."""
    return _circular(value, 0)


def cos(value: ArrayLike) -> FloatArray:
    """Cosine of radians."""
    return _circular(value, 1)


def _circular(value: ArrayLike, shift: int) -> FloatArray:
    x = np.asarray(value, np.float64)
    q = np.floor(x * TWO_OVER_PI + 0.5)
    r = (x - q * HALF_PI_HI) - q * HALF_PI_LO
    z = np.asarray(r * r)
    sine, cosine = r * _horner(SIN_TERMS, z), _horner(COS_TERMS, z)
    quadrant = (np.where(np.isnan(q), 0.0, q).astype(np.int64) + shift) & 3
    return np.select([quadrant == 0, quadrant == 1, quadrant == 2], [sine, cosine, -sine], -cosine)
