"""Measurements that every peer makes and prints: the work that all are given, the clock, one line of JSON.

SEIR on a static random network of mean degree 10: 0.0439 a day along each tie, latent 3 days, infectious 5, a hundred
daily steps, one in a thousand seeded. Run by each peer's own interpreter, so nothing but the standard library is used.
"""

from __future__ import annotations

import argparse
import json
import math
import mmap
import os
import resource
import time

RATE, DEGREE, LATENT, INFECTIOUS, SEEDED = 0.0439, 10, 3, 5, 0.001
CHANCE = 1 - math.exp(-RATE)
"""That an infectious neighbour infects within a day."""
BYTES_AN_AGENT = 512


def asked() -> argparse.Namespace:
    """``--agents``, ``--days`` and ``--seed``."""
    options = argparse.ArgumentParser()
    options.add_argument("--agents", type=int, default=10_000)
    options.add_argument("--days", type=int, default=100)
    options.add_argument("--seed", type=int, default=1)
    return options.parse_args()


def random_pairs(agents: int, seed: int):
    """The ends of every tie of the network, as two numpy arrays."""
    import numpy as np

    random = np.random.default_rng(seed)
    ties = agents * DEGREE // 2
    return random.integers(0, agents, ties), random.integers(0, agents, ties)


def warm(agents: int) -> None:
    """Touches, in a process that ends at once, as much memory as an engine may need.

    A virtual machine gives what nobody uses back to its host, and the first touch of it afterwards costs far more than
    the next (2.3 s for a GiB on the machine of ``docs/performance.md``, then 0.05 s): that tells of the host, not of
    engines.
    """
    free = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    size = min((1 << 28) + BYTES_AN_AGENT * agents, free // 2) // mmap.PAGESIZE * mmap.PAGESIZE
    child = os.fork()
    if child == 0:
        memory = mmap.mmap(-1, size)
        memory[:: mmap.PAGESIZE] = bytes(size // mmap.PAGESIZE)
        os._exit(0)
    os.waitpid(child, 0)


class Clock:
    """``setup`` from the beginning to ``start``, ``run`` from there to ``stop``; processor time of the run."""

    def __init__(self) -> None:
        warm(asked().agents)
        self.begun = time.perf_counter()

    def start(self) -> None:
        self.started, self.used = time.perf_counter(), _processor()

    def stop(self) -> None:
        self.run, self.processor = time.perf_counter() - self.started, _processor() - self.used

    def tell(self, agents: int, attack: float, version: str) -> None:
        """Print the line. ``attack``: the fraction ever infected."""
        line = {"agents": agents, "setup_s": self.started - self.begun, "run_s": self.run}
        line |= {"run_cpu_s": self.processor, "attack": attack, "version": version}
        line["peak_mib"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(json.dumps({k: round(v, 5) if isinstance(v, float) else v for k, v in line.items()}))


def _processor() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime
