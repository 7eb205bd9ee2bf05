"""Numba by hand: the rule of ``benchmarks/listen.lpm`` as one loop over rows of ties, from one array to another."""

from __future__ import annotations

import numba
import numpy as np
from listen_shared import asked, ring_with_shortcuts, told


@numba.njit
def listen(opinion, after, offsets, targets):
    """Everybody takes the mean of itself and of its friends, as they were."""
    for i in range(len(opinion)):
        total = opinion[i]
        for edge in range(offsets[i], offsets[i + 1]):
            total += opinion[targets[edge]]
        after[i] = total / (1 + offsets[i + 1] - offsets[i])


def main() -> None:
    options = asked()
    offsets, targets = ring_with_shortcuts(options.agents, options.seed)
    opinion = np.random.default_rng(options.seed).random(options.agents)
    listen(opinion[:2].copy(), np.empty(2), np.zeros(3, np.uint32), targets)
    after = np.empty_like(opinion)

    def run() -> np.ndarray:
        now, then = opinion.copy(), after
        for _ in range(options.steps):
            listen(now, then, offsets, targets)
            now, then = then, now
        return now

    told(run, f"Numba {numba.__version__}")


main()
