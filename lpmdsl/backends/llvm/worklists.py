"""Functions by which threads of generated modules work together: lists, sets and calendars of agents.

A list may be filled in any order, a set and a calendar hold agents in no order, counters add integers: so the order in
which threads come never shows. Who is alone (``threads == 1``) does without atomic instructions.
"""

from __future__ import annotations

import numpy as np

from lpmdsl.native.function import native
from lpmdsl.native.instructions import (
    atomic_add,
    combine_and,
    combine_or,
    exchange,
    fetch_add,
    give_way,
    lowest_bit,
    other_than_zero,
    subtract,
)

LIST_CHUNK = 2048  # agents of a list, or words of a set, that a thread takes at a time
CHUNK = 16384  # agents with one row of partial sums: fixed, so that no thread count changes a sum
_SPINS = 2000


@native()
def barrier(team, threads):
    """Returns when all threads of the team have come; ``team[0]`` counts arrivals, ``team[8]`` the times all came.

    The two stand on different cache lines. Who waits long gives its processor away, so a busy machine loses little.
    """
    if threads == 1:
        return
    times = fetch_add(team, 8, 0)
    if fetch_add(team, 0, 1) == threads - 1:
        fetch_add(team, 0, -threads)
        fetch_add(team, 8, 1)
        return
    spins = 0
    while fetch_add(team, 8, 0) == times:
        spins += 1
        if spins > _SPINS:
            give_way()


@native()
def add_among(threads, array, index, value):
    """``atomic_add`` without the price of an atomic instruction where one thread is all there is."""
    if threads == 1:
        array[index] += value
    else:
        atomic_add(array, index, value)


@native()
def piece_of(count, agents):
    """Number of entries of a list, or words of a set, for a thread at a time: no more pieces than chunks of agents."""
    chunks = (agents + CHUNK - 1) // CHUNK
    return max(LIST_CHUNK, (count + chunks - 1) // chunks)


@native()
def room_for(size, count, threads):
    """Reserve room for so many at the end of a list, for the caller alone; return where it begins."""
    if threads > 1:
        return fetch_add(size, 0, count)
    first = size[0]
    size[0] = first + count
    return first


@native()
def append(items, size, value, threads):
    """Add to a list; alone, without the price of an atomic instruction."""
    items[room_for(size, 1, threads)] = value


@native(inline=True)
def note(notes, value):
    """Add to a thread's own notes, of which ``notes[0]`` is the number."""
    k = notes[0] + 1
    notes[k] = value
    notes[0] = k


@native()
def append_all(items, size, notes, threads):
    """Add one's notes to a list that others add to as well: one atomic instruction for all of them."""
    count = np.int64(notes[0])
    if count > 0:
        first = room_for(size, count, threads)
        for k in range(count):
            items[first + k] = notes[1 + k]


@native()
def put_in(bits, index, threads):
    """Put an agent into a set."""
    bit = np.int64(1) << (index & 63)
    if threads == 1:
        bits[index >> 6] |= bit
    else:
        combine_or(bits, index >> 6, bit)


@native()
def take_out(bits, index, threads):
    """Take an agent out of a set; whether it was in it."""
    bit = np.int64(1) << (index & 63)
    if threads == 1:
        was = bits[index >> 6]
        bits[index >> 6] = was & ~bit
    else:
        was = combine_and(bits, index >> 6, ~bit)
    return was & bit != 0


@native(inline=True)
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


@native(unit=True, apart=True)
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


@native(unit=True, apart=True)
def spend(left, counts, dirty, never, items, size, thread, threads):
    """This thread's part of a step of those who wait for so many contacts: who has had the last one is listed.

    ``left`` (int16 or int32): contacts until something happens, as many beyond
    ``never[0]`` from then on. ``counts``: how many an
    agent has in this step. ``dirty``: 1 for blocks of 64 agents of whom one may have any.
    """
    blocks = dirty.shape[0]
    each = (blocks + threads - 1) // threads
    beyond, n = never[0], size[0]
    for block in range(thread * each, min(blocks, (thread + 1) * each)):
        if dirty[block] == 0:
            continue
        first, last = block * 64, min(block * 64 + 64, left.shape[0])
        if last - first == 64:
            most, reached = other_than_zero(counts, first), subtract(left, first, counts)
        else:
            most, reached = _spend_rest(left, counts, first, last)
        if most == 0:
            dirty[block] = 0
        while reached != 0:
            i = first + lowest_bit(reached)
            left[i] += beyond
            if threads == 1:
                items[n] = i
                n += 1
            else:
                append(items, size, i, threads)
            reached &= reached - 1
    if threads == 1:
        size[0] = n


@native()
def _spend_rest(left, counts, first, last):
    """Return whether anybody of a block that is not full counts any, and a bit for each of whom nothing is left."""
    most, reached = counts[first], np.int64(0)
    for i in range(first, last):
        left[i] -= counts[i]
        most |= counts[i]
        reached |= np.int64(left[i] <= 0) << (i - first)
    return most, reached
