"""Lists that several threads fill, and decisions from a table, agent by agent against plain loops."""

from __future__ import annotations

import numpy as np
import pytest

from lpmdsl.backends.llvm.decisions import decide_share, decide_yes, decide_yes_unheard
from lpmdsl.backends.llvm.prelude import quarter
from lpmdsl.backends.llvm.worklists import (
    CHUNK,
    append_all,
    note,
)

PEOPLE, SEED, SITE, EPISODE, REPLICATE = CHUNK + 1_001, 7, 123_456, 2, 4
KEY = (SEED, SITE, EPISODE, REPLICATE)
RANDOM = np.random.default_rng(8)
ARCHETYPES = RANDOM.integers(0, 6, PEOPLE).astype(np.int16)
"""5 is nobody's: who has it does not decide."""
WORDS = np.array([quarter(SEED, i, SITE, EPISODE, REPLICATE) for i in range(PEOPLE)])


@pytest.mark.parametrize("threads", [1, 2])
def test_yes_is_said_from_the_threshold_on(threads: int) -> None:
    """Thresholds of 0 and 2³² are always and never."""
    table = np.array([[0], [2**32], [2**31], [2**30], [3 * 2**30], [0]])
    before, noted = (RANDOM.integers(0, 2, PEOPLE).astype(np.uint8) for _ in range(2))
    into, marks, size, items = before.copy(), noted.copy(), np.zeros(1, np.int64), np.zeros(PEOPLE, np.int32)
    unheard = before.copy()
    for thread in range(threads):
        decide_yes(ARCHETYPES, table, into, items, size, marks, *KEY, thread, threads)
        decide_yes_unheard(ARCHETYPES, table, unheard, *KEY, thread, threads)
    expected = np.where(ARCHETYPES == 5, before, table[ARCHETYPES, 0] <= WORDS)
    assert np.array_equal(into, expected) and np.array_equal(unheard, expected)
    fresh = (expected != before) & (noted == 0)
    assert np.array_equal(np.sort(items[: size[0]]), np.flatnonzero(fresh))
    assert np.array_equal(marks, noted | fresh)


@pytest.mark.parametrize("threads", [1, 2])
def test_a_share_is_one_of_the_replies(threads: int) -> None:
    replies, before = RANDOM.random((6, 7)), RANDOM.random(PEOPLE)
    into = before.copy()
    for thread in range(threads):
        decide_share(ARCHETYPES, replies, into, 7, *KEY, thread, threads)
    assert np.array_equal(into, np.where(ARCHETYPES == 5, before, replies[ARCHETYPES, WORDS * 7 >> 32]))


@pytest.mark.parametrize("threads", [1, 2])
def test_notes_join_a_list_behind_what_is_there(threads: int) -> None:
    items, size, notes = np.arange(10, dtype=np.int32), np.array([3]), np.zeros(6, np.int32)
    append_all(items, size, notes, threads)
    assert size[0] == 3
    for agent in (40, 50):
        note(notes, agent)
    append_all(items, size, notes, threads)
    assert items[:6].tolist() == [0, 1, 2, 40, 50, 5] and size[0] == 5
