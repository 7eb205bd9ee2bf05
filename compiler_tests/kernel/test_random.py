"""Philox against its authors' vectors; uniforms, shuffles and priorities against their laws."""

from __future__ import annotations

import math
from hashlib import blake2s
from itertools import permutations

import numpy as np
import pytest

from lpmdsl.backends.llvm import prelude
from lpmdsl.networks import random, shuffle
from lpmdsl.networks.random import (
    below,
    in_keyed_order,
    log,
    logs,
    philox,
    uniform,
    uniform_rows,
    uniforms,
    word_rows,
    words,
)
from lpmdsl.networks.rng_keys import site
from lpmdsl.networks.storage.parallel import on_threads

# Random123's kat_vectors for philox4x32-10: counter, key, result.
KNOWN = [
    ((0, 0, 0, 0), (0, 0), "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
    ((0xFFFFFFFF,) * 4, (0xFFFFFFFF,) * 2, "408f276d 41c83b0e a20bc7c6 6d5451fd"),
    ((0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344), (0xA4093822, 0x299F31D0), "d16cfe09 94fdcceb 5001e420 24126ea1"),
]


@pytest.mark.parametrize("counter, key, expected", KNOWN)
def test_philox_equals_the_published_vectors(counter, key, expected):
    agent, place, episode, replicate = counter
    seed = key[0] | key[1] << 32
    row = words(seed, np.array([agent]), place, episode, replicate)[0]
    assert [f"{w:08x}" for w in row] == expected.split()
    scalar = philox(np.uint64(seed), *(np.uint64(c) for c in counter))
    assert [f"{w:08x}" for w in scalar] == expected.split()


@pytest.mark.parametrize("seed", [0, 0x123456789ABCDEF, 2**64 - 1])
@pytest.mark.parametrize("episode, replicate", [(0, 2**32 - 1), (7, 0), (2**32 - 1, 3)])
def test_numpy_draws_the_bits_of_machine_code(seed, episode, replicate, monkeypatch):
    """While LLVM is not loaded numpy draws for a few; with the last agents that a word numbers, and with none."""
    agents = np.concatenate([np.arange(1000), [2**31 - 1, 2**31 - 2]])
    found = []
    for ready in (False, True):
        monkeypatch.setattr(random, "is_ready", lambda ready=ready: ready)
        key = (99, episode, replicate)
        some, orders = [uniforms(seed, who, *key) for who in (agents, 300, 0)], []
        for first in (None, 13, 0):
            orders.append(in_keyed_order(seed, agents, *key, first=first))
        found.append([*some, *orders, in_keyed_order(seed, agents[:0], *key)])
    assert [a.dtype for a in found[0]] == [a.dtype for a in found[1]]
    assert [a.tobytes() for a in found[0]] == [a.tobytes() for a in found[1]]


def test_four_agents_share_a_draw():
    """One at a time and a chunk at a time; a chunk may end within a four."""
    seed, place, episode, replicate = 0x123456789ABCDEF, 77, 5, 3
    row, untouched = np.full(110, 7, np.uint32), np.full(110, 7, np.uint32)
    prelude.quarters(row, True, seed, 16, 123, place, episode, replicate)
    prelude.quarters(untouched, False, seed, 16, 123, place, episode, replicate)
    assert (row[108:] == 7).all() and (untouched == 7).all()
    for agent in range(16, 123):
        shared = prelude.philox(seed, agent // 4, place, episode, replicate)
        assert row[agent - 16] == shared[agent % 4] == prelude.quarter(seed, agent, place, episode, replicate)


def test_every_part_of_the_key_matters():
    first = (1, 2, 3, 4, 5)
    others = [(*first[:k], first[k] + 1, *first[k + 1 :]) for k in range(5)] + [(1 + 2**32, 2, 3, 4, 5)]
    rows = [words(s, np.array([a]), p, e, r)[0].tolist() for s, a, p, e, r in [first, *others]]
    assert len({tuple(row) for row in rows}) == len(rows)


def test_an_agents_words_do_not_depend_on_the_others():
    assert np.array_equal(words(9, 100, 7)[[3, 50]], words(9, np.array([3, 50]), 7))


def test_site_is_the_first_four_bytes_of_blake2s():
    digest = blake2s(b"Flu.S.exit0").digest()
    assert site("Flu.S.exit0") == digest[0] + (digest[1] << 8) + (digest[2] << 16) + (digest[3] << 24)


def test_uniforms_have_the_stated_bits_mean_and_variance():
    n = 200_000
    u, w = uniforms(5, n, 11), words(5, n, 11)
    assert u[17] == ((int(w[17, 0]) << 20) + (int(w[17, 1]) >> 12) + 0.5) / 2**52
    assert u.min() > 0 and u.max() < 1
    assert abs(u.mean() - 0.5) < 4 * math.sqrt(1 / 12 / n)
    assert abs(u.var() - 1 / 12) < 4 * math.sqrt(1 / 180 / n)
    assert uniform(np.uint64(5), np.uint64(17), np.uint64(11), np.uint64(0)) == u[17]


def test_log_is_within_two_units_in_the_last_place():
    for x in [*uniforms(3, 2000, 1), 2.0**-53, 1 - 2.0**-53, 0.5, 1.0, 3.0, 1e300]:
        assert abs(log(x) - math.log(x)) <= 2 * math.ulp(math.log(x))


def test_below_is_the_high_half_of_the_product():
    for w0, w1, n in [(0, 0, 5), (2**32 - 1, 2**32 - 1, 2**31 - 1), (123456789, 987654321, 1_000_003)]:
        assert below(n, np.uint32(w0), np.uint32(w1)) == ((w0 << 32) + w1) * n >> 64


@pytest.mark.parametrize("bucket", [1 << 16, 1])
def test_shuffle_gives_all_orders_alike(monkeypatch, bucket):
    """Of three values in one bucket and in four."""
    monkeypatch.setattr(shuffle, "BUCKET", bucket)
    counts = dict.fromkeys(permutations(range(3)), 0)
    for seed in range(3000):
        counts[tuple(shuffle.shuffled(np.arange(3, dtype=np.int32), seed, 1).tolist())] += 1
    assert sum((c - 500) ** 2 / 500 for c in counts.values()) < 25.7  # chi squared, 5 degrees of freedom: p = 1e-4


def test_shuffle_of_many_leads_from_everywhere_to_everywhere():
    """300 000 values in eight buckets: all are there, and tenths of the positions before and after are independent."""
    n = 300_000
    values = shuffle.shuffled(np.arange(n, dtype=np.int32), 1, 2)
    assert np.array_equal(np.sort(values), np.arange(n))
    counts = np.bincount(values // (n // 10) * 10 + np.arange(n) // (n // 10), minlength=100)
    assert ((counts - n / 100) ** 2 / (n / 100)).sum() < 147.6  # 81 degrees of freedom: p < 1e-5


def test_shuffle_draws_with_the_stated_words():
    """One bucket: position p changes places with ``below(p + 1)`` of two words of agent p div 2."""
    n = 5000
    expected = list(range(n))
    drawn = words(9, n // 2, 3, 1)
    for p in range(n - 1, -1, -1):
        w0, w1 = drawn[p // 2, 2 * (p % 2) : 2 * (p % 2) + 2]
        j = below(p + 1, w0, w1)
        expected[p], expected[j] = expected[j], expected[p]
    assert shuffle.shuffled(np.arange(n, dtype=np.int32), 9, 3).tolist() == expected


def test_what_is_drawn_many_at_once_has_the_same_bits():
    key = np.uint64(5), np.uint64(6), np.uint64(7)
    rows, out = np.empty(200), np.empty((4, 50), np.uint32)
    uniform_rows(*key, 30, rows)
    assert rows[:100].tolist() == [uniform(*key, np.uint64(30 + k)) for k in range(100)]
    _, _, w2, w3 = philox(*key, np.uint64(32), np.uint64(2**32 - 1))
    assert rows[102] == ((int(w2) << 20) + (int(w3) >> 12) + 0.5) / 2**52
    word_rows(np.uint64(5), 10, np.uint64(6), np.uint64(7), out)
    assert np.array_equal(out.T, words(5, np.arange(10, 60), 6, 7))
    numbers = np.concatenate([uniforms(3, 2000, 1), [2.0**-53, 1 - 2.0**-53, 0.5, 1.4142135623730951, 1.0, 3.0]])
    expected = [log(x) for x in numbers]
    logs(numbers, np.empty(numbers.size, np.int64))
    assert numbers.tolist() == expected


def test_keyed_order_is_by_word_then_number_and_first_is_its_beginning():
    agents = np.arange(1000)
    priority = words(4, 1000, 8)[:, 0]
    expected = sorted(range(1000), key=lambda i: (int(priority[i]), i))
    assert in_keyed_order(4, agents, 8).tolist() == expected
    assert in_keyed_order(4, agents, 8, first=13).tolist() == expected[:13]
    assert in_keyed_order(4, agents, 8, first=0).tolist() == []


def test_draws_are_the_same_on_any_number_of_threads():
    agents = np.arange(0, 600_000, 3)
    alone = uniforms(5, agents, 11), uniforms(5, 200_000, 11), in_keyed_order(5, agents, 11)
    with on_threads(3):
        together = uniforms(5, agents, 11), uniforms(5, 200_000, 11), in_keyed_order(5, agents, 11)
    assert all(np.array_equal(a, b) for a, b in zip(alone, together, strict=True))
