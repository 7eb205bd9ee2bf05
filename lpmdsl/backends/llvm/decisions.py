"""Decisions of a whole kind of agents at once, from a table of answers by archetype."""

from __future__ import annotations

import numpy as np

from lpmdsl.backends.llvm.prelude import quarters
from lpmdsl.backends.llvm.worklists import CHUNK, room_for
from lpmdsl.native.function import native


@native(unit=True, apart=True)
def decide_yes(archetypes, table, into, items, size, noted, seed, site, episode, replicate, thread, threads):
    """This thread's part of a decision: yes where the word has reached the archetype's threshold. Those who change
    their minds join the list, unless they are noted already."""
    words, said, notes = np.empty(CHUNK, np.uint32), np.empty(CHUNK, np.uint8), np.empty(CHUNK + 1, np.int32)
    for lo in range(thread * CHUNK, into.size, threads * CHUNK):
        hi = min(into.size, lo + CHUNK)
        quarters(words, True, seed, lo, hi, site, episode, replicate)
        _say(archetypes[lo:hi], table, words, into[lo:hi], said)
        _note_fresh(said, into[lo:hi], noted[lo:hi])
        _append_where(said, lo, hi, notes, items, size, threads)


@native(unit=True, apart=True)
def decide_yes_unheard(archetypes, table, into, seed, site, episode, replicate, thread, threads):
    """The same where nobody is notified."""
    words = np.empty(CHUNK, np.uint32)
    for lo in range(thread * CHUNK, into.size, threads * CHUNK):
        hi = min(into.size, lo + CHUNK)
        quarters(words, True, seed, lo, hi, site, episode, replicate)
        _say(archetypes[lo:hi], table, words, into[lo:hi], into[lo:hi])


@native(unit=True, apart=True)
def decide_share(archetypes, table, into, asks, seed, site, episode, replicate, thread, threads):
    """This thread's part of a decision that is one of the replies, as many as there are asks."""
    nobody = np.uint64(table.shape[0] - 1)
    words = np.empty(CHUNK, np.uint32)
    for lo in range(thread * CHUNK, into.size, threads * CHUNK):
        hi = min(into.size, lo + CHUNK)
        quarters(words, True, seed, lo, hi, site, episode, replicate)
        codes, mine = archetypes[lo:hi], into[lo:hi]
        for k in range(np.uint64(mine.size)):
            row = np.uint64(codes[k])
            reply = table[row, np.uint64(words[k]) * np.uint64(asks) >> np.uint64(32)]
            mine[k] = reply if row != nobody else mine[k]


# Loops without a branch and with indices that have no sign: the compiler takes many agents at a time.


@native()
def _say(archetypes, table, words, before, said):
    nobody = np.uint64(table.shape[0] - 1)
    for k in range(np.uint64(archetypes.size)):
        row = np.uint64(archetypes[k])
        yes = np.int64(words[k] >= table[row, 0])
        said[k] = yes if row != nobody else before[k]


@native()
def _note_fresh(said, into, noted):
    """Keep what was said; leave in ``said`` those who change and are not noted yet."""
    for k in range(np.uint64(into.size)):
        yes = said[k]
        fresh = (yes ^ into[k]) & (noted[k] ^ 1)
        said[k] = fresh
        into[k] = yes
        noted[k] |= fresh


@native()
def _append_where(fresh, lo, hi, notes, items, size, threads):
    """Add the agents whose mark is 1 to a list that others add to as well."""
    count = np.uint64(0)
    for k in range(np.uint64(hi - lo)):
        notes[count] = np.int32(lo + np.int64(k))
        count += np.uint64(fresh[k])
    if count > np.uint64(0):
        first = room_for(size, np.int64(count), threads)
        for k in range(np.int64(count)):
            items[first + k] = notes[k]
