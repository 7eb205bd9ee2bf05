"""Work that every engine of ``benchmarks.rules`` is given: the network, the clock, one line of JSON."""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable

DEGREE, REWIRED = 6, 0.1


def asked() -> argparse.Namespace:
    """``--agents``, ``--steps`` and ``--seed``."""
    options = argparse.ArgumentParser()
    options.add_argument("--agents", type=int, default=10_000)
    options.add_argument("--steps", type=int, default=20)
    options.add_argument("--seed", type=int, default=1)
    return options.parse_args()


def ring_with_shortcuts(agents: int, seed: int):
    """Rows of a ring of degree 6 of which a tenth of the ties leads elsewhere: offsets and targets (uint32)."""
    import numpy as np

    random = np.random.default_rng(seed)
    first = np.repeat(np.arange(agents), DEGREE // 2)
    second = (first + np.tile(np.arange(1, DEGREE // 2 + 1), agents)) % agents
    moved = random.random(len(second)) < REWIRED
    second[moved] = random.integers(0, agents, moved.sum())
    ends = np.concatenate([first, second]), np.concatenate([second, first])
    order = np.lexsort((ends[1], ends[0]))
    offsets = np.concatenate([[0], np.cumsum(np.bincount(ends[0], minlength=agents))])
    return offsets.astype(np.uint32), ends[1][order].astype(np.uint32)


def told(run: Callable, version: str, repeat: int = 3) -> None:
    """Print the shortest of several runs, in seconds, and the spread of the opinions at its end."""
    seconds = []
    for _ in range(repeat):
        begun = time.perf_counter()
        ends = run()
        seconds.append(time.perf_counter() - begun)
    print(json.dumps({"run_s": round(min(seconds), 5), "spread": round(float(ends.std()), 6), "version": version}))
