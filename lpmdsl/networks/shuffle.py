"""A random order of many: every value draws a bucket, and every bucket is shuffled by itself (Sandelius 1962).

That gives all orders alike, like Fisher and Yates's shuffle of the whole, which would wait for memory at every swap.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lpmdsl.native.function import native
from lpmdsl.networks.random import below, word_rows
from lpmdsl.networks.storage.parallel import each, spans

PIECE = 1 << 18
BUCKET, MOST_BUCKETS = 1 << 16, 1024
"""A bucket holds about so many values, which fit in a core's cache; so many buckets can be filled side by side."""
_AT_ONCE = 1024


def shuffled(values: NDArray[np.int32], seed: int, site: int) -> NDArray[np.int32]:
    """The values in an order drawn evenly. Draws are keyed by the value's position, swaps by bucket and position."""
    key, at = np.uint64(seed), np.uint64(site)
    bits = min((values.size // BUCKET).bit_length(), MOST_BUCKETS.bit_length() - 1)
    pieces = spans(values.size, PIECE)
    counts = np.zeros((len(pieces), 1 << bits), np.int64)
    each(lambda k: _count(*pieces[k], bits, key, at, counts[k]), range(len(pieces)))
    ends = np.cumsum(counts.T.ravel()).reshape(counts.T.shape)
    out = np.empty_like(values)
    each(lambda k: _spread(values, *pieces[k], bits, key, at, ends[:, k] - counts[k], out), range(len(pieces)))
    bounds = np.concatenate(([0], np.cumsum(counts.sum(axis=0))))
    each(lambda k: _shuffle(out[bounds[k] : bounds[k + 1]], key, at, np.uint64(k + 1)), range(1 << bits))
    return out


@native()
def _count(first, last, bits, seed, site, counts):
    """Count how many of a piece draw each bucket. Position p draws with word p mod 4 of agent p div 4."""
    words = np.empty((4, _AT_ONCE), np.uint32)
    for start in range(first, last, 4 * _AT_ONCE):
        word_rows(seed, start >> 2, site, np.uint64(0), words)
        for p in range(start, min(start + 4 * _AT_ONCE, last)):
            counts[np.int64(words[p & 3, (p - start) >> 2]) >> (32 - bits)] += 1


@native()
def _spread(values, first, last, bits, seed, site, free, out):
    """Every value of a piece to the bucket it draws."""
    words = np.empty((4, _AT_ONCE), np.uint32)
    for start in range(first, last, 4 * _AT_ONCE):
        word_rows(seed, start >> 2, site, np.uint64(0), words)
        for p in range(start, min(start + 4 * _AT_ONCE, last)):
            bucket = np.int64(words[p & 3, (p - start) >> 2]) >> (32 - bits)
            out[free[bucket]] = values[p]
            free[bucket] += 1


@native()
def _shuffle(values, seed, site, episode):
    """Fisher and Yates's shuffle in place: position p changes places with one of 0 … p.

    Positions are taken from the last on in runs of twice as many as are drawn at once; p draws with two words of agent
    p div 2, those in front if p is even.
    """
    words = np.empty((4, _AT_ONCE), np.uint32)
    run = 2 * _AT_ONCE
    for start in range((values.size - 1) // run * run, -1, -2 * _AT_ONCE):
        word_rows(seed, start >> 1, site, episode, words)
        for p in range(min(start + run, values.size) - 1, start - 1, -1):
            k = (p - start) >> 1
            j = below(p + 1, words[2 * (p & 1), k], words[2 * (p & 1) + 1, k])
            values[p], values[j] = values[j], values[p]
