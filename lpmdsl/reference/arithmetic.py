"""The numbers of ``docs/numerics.md`` in plain torch: Philox, our own log, exp, sin and cos, thresholds and quantiles.

Words are int64 tensors that hold 32 bits. Every operation is written in the order of the contract; torch rounds each
one by itself, so nothing is contracted.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

TICK_BITS = 20
TICKS = 1 << TICK_BITS
WORD = 0xFFFFFFFF
ONE = float(1 << 32)
CERTAIN = 1 << 45
"""The hazard of an event that cannot fail, above every threshold."""
LARGEST = 1 << 42
"""The most that a weight or a rate can be in one step: 1 024 events, so that its share of a step fits into 63 bits."""
SURE = float(1 << 58)
"""An exposure that infects in one tick: a share of a step in 2⁻²⁰ of it is above every threshold."""
_HALF, _LOW = np.uint64(32), np.uint64(WORD)
Words = tuple[Tensor, Tensor, Tensor, Tensor]

LN2_HI = 0.6931471803691238
LN2_LO = 1.9082149292705877e-10
HALF_PI_HI = 1.5707963267341256
HALF_PI_LO = 6.077100506506192e-11
SINE = (-1 / math.factorial(15), *((-1) ** k / math.factorial(2 * k + 1) for k in range(6, -1, -1)))
COSINE = (1 / math.factorial(16), *((-1) ** k / math.factorial(2 * k) for k in range(7, -1, -1)))


# ------------------------------------------------------------------ draws


@dataclass(frozen=True, slots=True)
class Draws:
    """The seed and the replicate of a run: the part of a draw's key that no place in the text decides."""

    seed: int
    replicate: int

    def words(self, agents: Tensor, path: str, episode: Tensor) -> Words:
        """The four words of the place ``path`` in the text for each of ``agents`` in its ``episode``."""
        counter = (agents, site_of(path), episode & WORD, self.replicate & WORD)
        return philox(counter, (self.seed & WORD, (self.seed >> 32) & WORD))


def site_of(path: str) -> int:
    """The 32-bit number of a place in the text: the first four bytes of its BLAKE2s hash, little endian."""
    return int.from_bytes(hashlib.blake2s(path.encode()).digest()[:4], "little")


def philox(counter: tuple[Tensor, int, Tensor, int], key: tuple[int, int]) -> Words:
    """Philox4x32-10: four words for a counter of four words (Salmon et al. 2011, SC '11, section 3.3).

    In numbers without a sign, which hold a product of two words, and which numpy has and torch has not.
    """
    c0, c1, c2, c3 = (np.asarray(c, dtype=np.uint64) for c in counter)
    k0, k1 = key
    for _ in range(10):
        first, second = c0 * np.uint64(0xD2511F53), c2 * np.uint64(0xCD9E8D57)
        c0, c1 = (second >> _HALF) ^ c1 ^ np.uint64(k0), second & _LOW
        c2, c3 = (first >> _HALF) ^ c3 ^ np.uint64(k1), first & _LOW
        k0, k1 = (k0 + 0x9E3779B9) & WORD, (k1 + 0xBB67AE85) & WORD
    w0, w1, w2, w3 = (torch.from_numpy(c.view(np.int64)) for c in (c0, c1, c2, c3))
    return w0, w1, w2, w3


# ------------------------------------------------------------------ rounding


def rounded(x: Tensor) -> Tensor:
    """``floor(x + 0.5)`` as int64; a value that is no number counts as 0."""
    return torch.floor(torch.nan_to_num(x, nan=0.0, posinf=2.0**62, neginf=-(2.0**62)) + 0.5).to(torch.int64)


def fixed(x: Tensor) -> Tensor:
    """A probability or hazard in units of 2⁻³² as int64."""
    return rounded(x * ONE)


def capped(x: Tensor) -> Tensor:
    """A weight or hazard of one step in units of 2⁻³², at least 0 and at most 2⁴²."""
    return torch.clamp(rounded(torch.clamp(torch.nan_to_num(x, nan=0.0), 0.0, 2.0**20) * ONE), max=LARGEST)


def share(hazard: Tensor, ticks: Tensor) -> Tensor:
    """Share of a step's hazard, of any size, in so many ticks of it."""
    return (hazard >> TICK_BITS) * ticks + (((hazard & (TICKS - 1)) * ticks) >> TICK_BITS)


def threshold(w0: Tensor, w1: Tensor) -> Tensor:
    """An Exp(1) threshold in units of 2⁻³² from two words, at least 1."""
    n = (w0 << 20) + (w1 >> 12)
    u = (n.to(torch.float64) + 0.5) * 2.0**-52
    return torch.clamp(rounded(-log(u) * ONE), min=1)


def quantile(tables: Tensor, row: Tensor, word: Tensor) -> Tensor:
    """Ticks: the quantile of ``word`` in the ``row`` of tables (rows, 2, CELLS + 1), interpolated within its cell."""
    upper = (word >= 1 << 31).to(torch.int64)
    v = torch.where(upper == 1, WORD - word, word)
    octave = torch.zeros_like(v)
    for length in range(8, 32):
        octave = torch.where(v >= 1 << (length - 1), length - 7, octave)
    cell = 64 * octave + (v >> octave)
    within = v & ((1 << octave) - 1)
    a, b = tables[row, upper, cell], tables[row, upper, cell + 1]
    return torch.clamp(a + (((b - a) * (2 * within + 1)) >> (octave + 1)), min=1)


# ------------------------------------------------------------------ functions


def log(x: Tensor) -> Tensor:
    """Natural logarithm by the series of artanh about 1; −inf at 0, NaN below."""
    bits = x.contiguous().view(torch.int64)
    exponent = ((bits >> 52) - 1023).to(torch.float64)
    m = ((bits & ((1 << 52) - 1)) | (1023 << 52)).view(torch.float64)
    big = m > 1.4142135623730951
    m, exponent = torch.where(big, m * 0.5, m), torch.where(big, exponent + 1.0, exponent)
    s = (m - 1.0) / (m + 1.0)
    z = s * s
    p = torch.full_like(x, 1 / 21)
    for k in range(19, 0, -2):
        p = p * z + 1 / k
    value = exponent * LN2_HI + ((2.0 * s) * p + exponent * LN2_LO)
    value = torch.where(x == 0, -math.inf, torch.where(x == math.inf, math.inf, value))
    return torch.where((x < 0) | torch.isnan(x), math.nan, value)


def exp(x: Tensor) -> Tensor:
    """e to the power x, with x held within [−708, 709]."""
    x = torch.clamp(x, -708.0, 709.0)
    k = torch.floor(x * 1.4426950408889634 + 0.5)
    r = (x - k * LN2_HI) - k * LN2_LO
    p = torch.full_like(x, 1 / math.factorial(13))
    for j in range(12, -1, -1):
        p = p * r + 1 / math.factorial(j)
    power = (torch.nan_to_num(k).to(torch.int64) + 1023) << 52
    return p * power.view(torch.float64)


def sqrt(x: Tensor) -> Tensor:
    """IEEE's square root; torch's own is less by one in the last place on some processors (2.13 with MKL, of 2)."""
    with np.errstate(invalid="ignore"):
        return torch.from_numpy(np.sqrt(x.contiguous().numpy(), out=np.empty(tuple(x.shape))))


def sin(x: Tensor) -> Tensor:
    """Sine of x radians."""
    sine, cosine, quadrant = _quarter_turn(x)
    value = torch.where(quadrant % 2 == 0, sine, cosine)
    return torch.where(quadrant >= 2, -value, value)


def cos(x: Tensor) -> Tensor:
    """Cosine of x radians."""
    sine, cosine, quadrant = _quarter_turn(x)
    value = torch.where(quadrant % 2 == 0, cosine, sine)
    return torch.where((quadrant == 1) | (quadrant == 2), -value, value)


def _quarter_turn(x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Sine and cosine of what is left of x after whole quarter turns, and the number of those modulo 4."""
    q = torch.floor(x * 0.6366197723675814 + 0.5)
    r = (x - q * HALF_PI_HI) - q * HALF_PI_LO
    z = r * r
    return _horner(SINE, z) * r, _horner(COSINE, z), torch.nan_to_num(q).to(torch.int64) % 4


def _horner(coefficients: tuple[float, ...], z: Tensor) -> Tensor:
    p = torch.full_like(z, coefficients[0])
    for c in coefficients[1:]:
        p = p * z + c
    return p
