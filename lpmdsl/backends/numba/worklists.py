"""Functions by which threads of generated modules work together: lists, sets and calendars of agents.

A list may be filled in any order, a set and a calendar hold agents in no order, counters add integers: so the order in
which threads come never shows. Who is alone (``threads == 1``) does without atomic instructions.
"""

# pyright: reportCallIssue=false
# Numba itself passes the first argument of an intrinsic, the typing context.
from __future__ import annotations

import numpy as np

from lpmdsl.backends.numba.atomics import (
    add_among as add_among,
    atomic_add as atomic_add,
    barrier as barrier,
    combine_and,
    combine_or,
    exchange,
    fetch_add,
    lowest_bit as lowest_bit,
    prefetch as prefetch,
)
from lpmdsl.backends.numba.prelude import quarters
from lpmdsl.kept import njit

LIST_CHUNK = 2048  # agents of a list, or words of a set, that a thread takes at a time
CHUNK = 16384  # agents with one row of partial sums: fixed, so that no thread count changes a sum


@njit(cache=True)
def piece_of(count, agents):
    """Number of entries of a list, or words of a set, for a thread at a time: no more pieces than chunks of agents."""
    chunks = (agents + CHUNK - 1) // CHUNK
    return max(LIST_CHUNK, (count + chunks - 1) // chunks)


@njit(cache=True)
def _room(size, count, threads):
    """Reserve room for so many at the end of a list, for the caller alone; return where it begins."""
    if threads > 1:
        return fetch_add(size, 0, count)
    first = size[0]
    size[0] = first + count
    return first


@njit(cache=True)
def append(items, size, value, threads):
    """Add to a list; alone, without the price of an atomic instruction."""
    items[_room(size, 1, threads)] = value


@njit(cache=True)
def notes_for(agents):
    """Room for a thread's own notes of some agents, each noted once: [0] counts them."""
    notes = np.empty(agents + 1, np.int32)
    notes[0] = 0
    return notes


@njit(cache=True, inline="always")
def note(notes, value):
    """Add to one's own notes."""
    k = notes[0] + 1
    notes[k] = value
    notes[0] = k


@njit(cache=True)
def append_all(items, size, notes, threads):
    """Add one's notes to a list that others add to as well: one atomic instruction for all of them."""
    count = np.int64(notes[0])
    if count > 0:
        first = _room(size, count, threads)
        items[first : first + count] = notes[1 : 1 + count]


@njit(cache=True)
def decide_yes(archetypes, table, into, items, size, noted, seed, site, episode, replicate, thread, threads):
    """This thread's part of a decision: yes where the word has reached the archetype's threshold. Those who change
    their minds join the list, unless they are noted already."""
    for lo in range(thread * CHUNK, into.size, threads * CHUNK):
        hi = min(into.size, lo + CHUNK)
        said = np.empty(hi - lo, np.uint8)
        _say(archetypes[lo:hi], table[:, 0], quarters(True, seed, lo, hi, site, episode, replicate), into[lo:hi], said)
        _note_fresh(said, into[lo:hi], noted[lo:hi])
        _append_where(said, lo, items, size, threads)


@njit(cache=True)
def decide_yes_unheard(archetypes, table, into, seed, site, episode, replicate, thread, threads):
    """The same where nobody is notified."""
    for lo in range(thread * CHUNK, into.size, threads * CHUNK):
        hi = min(into.size, lo + CHUNK)
        words = quarters(True, seed, lo, hi, site, episode, replicate)
        _say(archetypes[lo:hi], table[:, 0], words, into[lo:hi], into[lo:hi])


@njit(cache=True)
def decide_share(archetypes, table, into, asks, seed, site, episode, replicate, thread, threads):
    """This thread's part of a decision that is one of the replies, as many as there are asks."""
    nobody = np.uint64(table.shape[0] - 1)
    for lo in range(thread * CHUNK, into.size, threads * CHUNK):
        hi = min(into.size, lo + CHUNK)
        words, codes, mine = quarters(True, seed, lo, hi, site, episode, replicate), archetypes[lo:hi], into[lo:hi]
        for k in range(np.uint64(mine.size)):
            row = np.uint64(codes[k])
            reply = table[row, np.uint64(words[k]) * np.uint64(asks) >> np.uint64(32)]
            mine[k] = reply if row != nobody else mine[k]


# Loops without a branch and with indices that have no sign: the compiler takes many agents at a time.


@njit(cache=True)
def _say(archetypes, bounds, words, before, said):
    nobody = np.uint64(bounds.size - 1)
    for k in range(np.uint64(said.size)):
        row = np.uint64(archetypes[k])
        yes = np.uint8(np.int64(words[k]) >= bounds[row])
        said[k] = yes if row != nobody else before[k]


@njit(cache=True)
def _note_fresh(said, into, noted):
    """Keep what was said; leave in ``said`` those who change and are not noted yet."""
    for k in range(np.uint64(said.size)):
        yes = said[k]
        said[k] = (yes ^ into[k]) & (noted[k] ^ np.uint8(1))
        into[k] = yes
        noted[k] |= said[k]


@njit(cache=True)
def _append_where(fresh, lo, items, size, threads):
    """Add the agents whose mark is 1 to a list that others add to as well."""
    notes, count = np.empty(fresh.size + 1, np.int32), np.uint64(0)
    for k in range(np.uint64(fresh.size)):
        notes[count] = np.int32(lo + np.int64(k))
        count += np.uint64(fresh[k])
    if count > np.uint64(0):
        first = _room(size, np.int64(count), threads)
        items[first : first + np.int64(count)] = notes[:count]


@njit(cache=True)
def put_in(bits, index, threads):
    """Put an agent into a set."""
    bit = np.int64(1) << (index & 63)
    if threads == 1:
        bits[index >> 6] |= bit
    else:
        combine_or(bits, index >> 6, bit)


@njit(cache=True)
def take_out(bits, index, threads):
    """Take an agent out of a set; whether it was in it."""
    bit = np.int64(1) << (index & 63)
    if threads == 1:
        was = bits[index >> 6]
        bits[index >> 6] = was & ~bit
    else:
        was = combine_and(bits, index >> 6, ~bit)
    return was & bit != 0


# Calls cost 8 ns an agent: Numba counts references to each array that it hands on.
@njit(cache=True, inline="always")
def enqueue(head, blocks, pool, step, value, threads):
    """Put an agent into the bucket of a step; what lies behind the run's end is left out.

    A bucket is a chain of blocks of 64 places, of which the first two hold the next block and how many are used:
    going through it is reading memory in order. ``head[step]``: its newest block. ``pool``: [0] a lock, [1] one more
    than the first free block, [2] how many blocks were ever used.
    """
    if step >= head.shape[0]:
        return
    if threads > 1:
        while exchange(pool, 0, np.int64(1)) != 0:
            pass
    block = head[step]
    if block < 0 or blocks[block, 1] == blocks.shape[1]:
        fresh = pool[1] - 1
        if fresh >= 0:
            pool[1] = blocks[fresh, 0]
        else:
            fresh = pool[2]
            pool[2] = fresh + 1
        blocks[fresh, 0] = block
        blocks[fresh, 1] = 2
        head[step] = fresh
        block = head[step]
    used = blocks[block, 1]
    blocks[block, used] = value
    blocks[block, 1] = used + 1
    if threads > 1:
        exchange(pool, 0, np.int64(0))


@njit(cache=True)
def collect(head, blocks, pool, step, items, size):
    """Add everyone of a bucket to a list, and give its blocks back."""
    n = size[0]
    block = np.int64(head[step])
    while block >= 0:
        for k in range(2, blocks[block, 1]):
            items[n] = blocks[block, k]
            n += 1
        following = np.int64(blocks[block, 0])
        blocks[block, 0] = pool[1]
        pool[1] = block + 1
        block = following
    size[0] = n


@njit(cache=True)
def spend(left, counts, dirty, never, items, size, thread, threads):
    """This thread's part of a step of those who wait for so many contacts: who has had the last one is listed.

    ``left`` (int16 or int32): contacts until something happens, ``never[0]`` from then on. ``counts``: how many an
    agent has in this step. ``dirty``: 1 for blocks of 64 agents of whom one may have any.
    """
    blocks = dirty.shape[0]
    each = (blocks + threads - 1) // threads
    for block in range(thread * each, min(blocks, (thread + 1) * each)):
        if dirty[block] == 0:
            continue
        first, last = block * 64, min(block * 64 + 64, left.shape[0])
        is_whole = last - first == 64
        most, least = _spend_block(left, counts, first) if is_whole else _spend_rest(left, counts, first, last)
        if most == 0:
            dirty[block] = 0
        if least <= 0:
            reached = _reached(left, first) if is_whole else _reached_rest(left, first, last)
            while reached != 0:
                i = first + lowest_bit(reached)
                left[i] = never[0]
                append(items, size, i, threads)
                reached &= reached - 1


@njit(cache=True)
def _spend_block(left, counts, first):
    """The largest count of a whole block, and the least that is left after it. Made of vector instructions."""
    base = np.uint64(first)
    least, most = left[base], counts[base]
    for k in range(64):
        i = base + np.uint64(k)
        left[i] -= counts[i]
        least = min(least, left[i])
        most |= counts[i]
    return most, least


@njit(cache=True)
def _spend_rest(left, counts, first, last):
    """The same for a block that is not full."""
    least, most = left[first], counts[first]
    for i in range(first, last):
        left[i] -= counts[i]
        least = min(least, left[i])
        most |= counts[i]
    return most, least


@njit(cache=True)
def _reached(left, first):
    """A bit for each agent of a whole block of whom nothing is left."""
    base = np.uint64(first)
    found = np.int64(0)
    for k in range(64):
        found |= np.int64(left[base + np.uint64(k)] <= 0) << k
    return found


@njit(cache=True)
def _reached_rest(left, first, last):
    """The same for a block that is not full."""
    found = np.int64(0)
    for i in range(first, last):
        found |= np.int64(left[i] <= 0) << (i - first)
    return found
