"""Random networks: (n, arguments, seed, site) → Ties. The same seed gives the same ties on any machine.

Every draw is keyed by what it decides (a block of pairs, a link, a stub), so no thread count shows.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lpmdsl.native.function import native
from lpmdsl.networks.pairs import rows_of_a_piece, tied_pairs
from lpmdsl.networks.random import SEED_MASK, WORLD_REPLICATE, below, philox
from lpmdsl.networks.shuffle import shuffled
from lpmdsl.networks.storage.csr import PART_BITS, Unbuildable, edges_to_ties, pieces_to_ties
from lpmdsl.networks.storage.csr_sorted import ascending_to_ties
from lpmdsl.networks.world import Arguments, Ties

ATTEMPTS = 256
_WORLD = np.uint64(WORLD_REPLICATE)


def number(arguments: Arguments, name: str) -> float:
    """An argument that is one number."""
    return float(arguments[name])  # type: ignore[arg-type]


def whole(arguments: Arguments, name: str, low: int = 0) -> int:
    """An argument that is a whole number from ``low`` up."""
    value = number(arguments, name)
    if value != np.floor(value) or value < low:
        raise Unbuildable(f"`{name}` is {value:g}; it must be a whole number, {low} or more.")
    return int(value)


def even_degree(n: int, arguments: Arguments) -> int:
    """``degree`` of a ring: even (as many neighbours on either side) and below n."""
    degree = whole(arguments, "degree", 2)
    if degree % 2:
        raise Unbuildable(
            f"`degree` is {degree}; it must be even: in a circle everyone has one on either side.",
            f"Write `degree {degree - 1}` or `degree {degree + 1}`.",
        )
    if degree >= n:
        raise Unbuildable(f"`degree` is {degree}, but each of {n} agents has only {n - 1} others to know.")
    return degree


def _keys(seed: int, site: int) -> tuple[np.uint64, np.uint64]:
    return np.uint64(seed & SEED_MASK), np.uint64(site)


# ------------------------------------------------------------------ Erdős–Rényi and stochastic blocks


def erdos_renyi(n: int, arguments: Arguments, seed: int, site: int) -> Ties:
    """Every pair tied independently (Gilbert 1959), with ``probability`` or so that the mean degree is ``degree``."""
    chances = np.array([[chance_of_a_pair(n, arguments)]])
    pieces = tied_pairs(None, n, chances, seed & SEED_MASK, site)
    if not pieces or (1 << PART_BITS) % rows_of_a_piece() != 0:
        return pieces_to_ties(n, pieces)
    return ascending_to_ties(n, pieces, rows_of_a_piece())


def chance_of_a_pair(n: int, arguments: Arguments) -> float:
    """Chance that two agents of ``erdos_renyi`` are tied. Raises ``Unbuildable``."""
    if "probability" in arguments:
        chance = number(arguments, "probability")
    else:
        degree = number(arguments, "degree")
        if not 0 <= degree <= n - 1:
            raise Unbuildable(f"`degree` is {degree:g}, but each of {n} agents has only {n - 1} others to know.")
        chance = degree / max(n - 1, 1)
    if not 0 <= chance <= 1:
        raise Unbuildable(f"`probability` is {chance:g}; a probability lies between 0 and 1.")
    return chance


def stochastic_block(n: int, arguments: Arguments, seed: int, site: int) -> Ties:
    """Every pair tied independently with a chance set by the two groups (Holland et al. 1983).

    ``ties[a, b]``: mean number of ties of one agent of group a with agents of group b; ``groups``: the group of
    every agent; ``labels``: what messages call the groups, else their numbers. Ties are mutual, so for a ≠ b the number
    between the groups is the mean of what the two rows say.
    """
    groups = np.asarray(arguments["groups"], dtype=np.int32)
    means = np.asarray(arguments["ties"], dtype=np.float64)
    sizes = np.bincount(groups, minlength=len(means)).astype(np.float64)
    flows = means * sizes[:, None]
    between = (flows + flows.T) / 2
    pairs = sizes[:, None] * sizes[None, :] - np.diag(sizes)
    chances = np.divide(between, pairs, out=np.zeros_like(between), where=pairs > 0)
    if chances.max(initial=0.0) > 1 or chances.min(initial=0.0) < 0:
        a, b = np.argwhere((chances > 1) | (chances < 0))[0]
        # Within a group both ends of each tie have been counted.
        ties, there = (part[a, b] / (2 if a == b else 1) for part in (between, pairs))
        names = np.asarray(arguments.get("labels", np.arange(1, len(means) + 1)))
        who = f"within group `{names[a]}`" if a == b else f"between groups `{names[a]}` and `{names[b]}`"
        raise Unbuildable(
            f"There would be {ties:,.0f} ties {who}, and there are {there:,.0f} pairs.",
            "Numbers of ties are 0 or more."
            if ties < 0
            else "Lower the mean degree in the table, or make the groups larger.",
        )
    return pieces_to_ties(n, tied_pairs(groups, n, chances, seed & SEED_MASK, site))


# ------------------------------------------------------------------ small world


def small_world(n: int, arguments: Arguments, seed: int, site: int) -> Ties:
    """A ring of ``degree`` nearest neighbours, each tie rewired with chance ``rewiring`` (Watts & Strogatz 1998)."""
    degree = even_degree(n, arguments)
    rewiring = number(arguments, "rewiring")
    if not 0 <= rewiring <= 1:
        raise Unbuildable(f"`rewiring` is {rewiring:g}; a share lies between 0 % and 100 %.")
    threshold = np.uint64(np.floor(rewiring * 2.0**32 + 0.5))
    slots = n * (degree // 2)
    a, b, moved = np.empty(slots, np.int32), np.empty(slots, np.int32), np.zeros(slots, np.uint8)
    newest, older = np.full(n, -1, np.int64), np.full(2 * slots, -1, np.int64)
    _rewire_ring(n, degree // 2, threshold, *_keys(seed, site), a, b, moved, newest, older)
    return edges_to_ties(n, a, b)


@native()
def _rewire_ring(n, half, threshold, seed, site, a, b, moved, newest, older):
    """Write both ends of every tie; slot i·half + d − 1 began as the tie of i with i + d.

    ``newest``: per agent its latest rewired tie, as 2·slot + end (−1: none); ``older``: per end the one before it.
    """
    for i in range(n):
        for d in range(1, half + 1):
            a[i * half + d - 1] = i
            b[i * half + d - 1] = (i + d) % n
    for d in range(1, half + 1):
        for i in range(n):
            slot = i * half + d - 1
            w0, _, w2, w3 = philox(seed, i, site, d * ATTEMPTS, _WORLD)
            if np.uint64(w0) >= threshold:
                continue
            for attempt in range(1, ATTEMPTS + 1):
                other = below(n, w2, w3)
                if other != i and not _know(i, other, n, half, a, b, moved, newest, older):
                    b[slot] = other
                    moved[slot] = 1
                    older[2 * slot], newest[i] = newest[i], 2 * slot
                    older[2 * slot + 1], newest[other] = newest[other], 2 * slot + 1
                    break
                # An agent who knows nearly everyone may find nobody new: then the tie stays where it was.
                _, _, w2, w3 = philox(seed, i, site, d * ATTEMPTS + attempt, _WORLD)


@native()
def _know(i, other, n, half, a, b, moved, newest, older):
    """Return True if i and the other are tied now: by a tie of the ring not yet moved, or by a moved one."""
    ahead = (other - i) % n
    behind = (i - other) % n
    if ahead <= half and moved[i * half + ahead - 1] == 0:
        return True
    if behind <= half and moved[other * half + behind - 1] == 0:
        return True
    end = newest[i]
    while end >= 0:
        slot = end >> 1
        if (b[slot] if end & 1 == 0 else a[slot]) == other:
            return True
        end = older[end]
    return False


# ------------------------------------------------------------------ scale free


def scale_free(n: int, arguments: Arguments, seed: int, site: int) -> Ties:
    """Preferential attachment (Barabási & Albert 1999) from a star of ``links`` + 1 agents: links·(n − links) ties.

    ``links``: ties that each newcomer brings; or ``degree``, twice that, the mean degree of a large network.
    """
    if "links" in arguments:
        links = whole(arguments, "links", 1)
    else:
        degree = whole(arguments, "degree", 2)
        if degree % 2:
            raise Unbuildable(
                f"`degree` is {degree}; it must be even, for each newcomer brings half as many ties.",
                f"Write `degree {degree - 1}` or `degree {degree + 1}`.",
            )
        links = degree // 2
    if links >= n:
        raise Unbuildable(f"Each newcomer brings {links} ties, but there are only {n} agents.")
    a, b = (np.empty(links * (n - links), np.int32) for _ in range(2))
    _attach(n, links, *_keys(seed, site), a, b)
    return edges_to_ties(n, a, b)


@native()
def _attach(n, links, seed, site, a, b):
    """Write both ends of every tie. An end of a tie drawn evenly is an agent drawn by degree."""
    for leaf in range(1, links + 1):
        a[leaf - 1] = leaf
        b[leaf - 1] = 0
    count = links
    for newcomer in range(links + 1, n):
        start = count
        attempt = 0
        while count < start + links:
            w0, w1, _, _ = philox(seed, newcomer, site, attempt, _WORLD)
            attempt += 1
            end = below(2 * start, w0, w1)
            other = a[end >> 1] if end & 1 == 0 else b[end >> 1]
            if not _contains(b, start, count, other):
                a[count] = newcomer
                b[count] = other
                count += 1


@native()
def _contains(values, start, end, wanted):
    for k in range(start, end):  # noqa: SIM110 - native functions have no generators
        if values[k] == wanted:
            return True
    return False


# ------------------------------------------------------------------ configuration


def configuration(n: int, arguments: Arguments, seed: int, site: int) -> Ties:
    """Stubs joined at random (Bollobás 1980, erased: Britton et al. 2006): ``degrees`` holds every agent's degree.

    Ties to oneself and doubles are dropped, an odd stub too: of the order of (mean square degree / mean degree)²
    ties of the whole network, whatever its size, if the degrees have a variance.
    """
    degrees = np.asarray(arguments["degrees"], dtype=np.int64)
    if degrees.min(initial=0) < 0 or degrees.max(initial=0) >= max(n, 1):
        raise Unbuildable(f"A degree must lie between 0 and {n - 1}; one is {_outside(degrees, n)}.")
    if degrees.sum() >= 2**31:
        raise Unbuildable(f"The degrees add up to {degrees.sum():,}; at most {2**31 - 1:,} are possible.")
    stubs = shuffled(np.repeat(np.arange(n, dtype=np.int32), degrees), seed & SEED_MASK, site)
    pairs = stubs.size // 2
    return edges_to_ties(n, stubs[:pairs], stubs[pairs : 2 * pairs])


def _outside(degrees: NDArray[np.int64], n: int) -> int:
    return int(degrees.min()) if degrees.min() < 0 else int(degrees[degrees >= n][0])
