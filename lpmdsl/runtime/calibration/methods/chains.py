"""``by sampling``: the start, warm-up and draws of all chains, with what is written down on the way."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from lpmdsl.runtime.calibration.checkpoint import Checkpoint
from lpmdsl.runtime.calibration.methods.pmmh import Chain, advance, learn_together, new_chain, settle
from lpmdsl.runtime.calibration.methods.start import KEPT, START, Beginning, begin, enough_replicates
from lpmdsl.runtime.calibration.posterior import STOPPED, Posterior, Tell
from lpmdsl.runtime.calibration.problem import Problem, keyed, replicate_numbers
from lpmdsl.runtime.engine.engines import threads_here

Array = NDArray[np.float64]
LEARN_AT = (0.2, 0.4, 0.7, 1.0)
"""Shares of warm-up after which the chains exchange where they have been."""
STRIDE = 5
"""Iterations that a chain makes before the others are waited for."""


def sample(problem: Problem, checkpoint: Checkpoint, tell: Tell) -> Posterior:
    """The draws of all chains; what there is of them when asked to stop."""
    options = problem.options
    warmup = checkpoint.warmup
    started = _start(problem, checkpoint, tell)
    if started is None:
        return _handed_over(problem, [], warmup, 0, 0, STOPPED)
    start, replicates = started
    chains = _chains(problem, checkpoint, start, replicates)
    settle(problem, chains[0])  # alone: it compiles, which no two threads may do at once
    stopped = ""
    with ThreadPoolExecutor(min(len(chains), threads_here(options.threads))) as pool:
        list(pool.map(lambda c: settle(problem, c), chains))
        while chains[0].iteration < warmup + options.draws and not stopped:
            now = chains[0].iteration
            pauses = (*(round(share * warmup) for share in LEARN_AT), warmup + options.draws)
            last = min(now + STRIDE, next(k for k in pauses if k > now))
            list(pool.map(lambda c: _until(problem, c, last, warmup), chains))  # noqa: B023 - done before the next
            if last in pauses[:-1]:
                learn_together(chains, last // 2)
            if last == pauses[1]:
                _reconsider(problem, chains)
                list(pool.map(lambda c: settle(problem, c), chains))
            stopped = "" if tell(*_how_it_goes(chains, warmup, options.draws)) else STOPPED
            checkpoint.keep(_as_arrays(chains), now=bool(stopped))
    checkpoint.keep(_as_arrays(chains), now=True)
    return _handed_over(problem, chains, warmup, start.runs, len(chains[0].numbers), stopped)


def _start(problem: Problem, checkpoint: Checkpoint, tell: Tell) -> tuple[Beginning, int] | None:
    kept = checkpoint.begins_with(KEPT)
    if kept:
        return Beginning.restored(kept), int(kept["replicates"])
    start = begin(problem, tell)
    if start is None:
        return None
    replicates = problem.options.replicates or enough_replicates(problem, _some(problem, start), 0)
    checkpoint.keep({**start.arrays(), f"{KEPT}replicates": np.array(replicates)}, now=True)
    return start, replicates


def _some(problem: Problem, start: Beginning) -> Array:
    """A few points of the start, as often as their weights say."""
    return start.points[keyed(problem.options.seed, START, 2).choice(len(start.points), 6, p=start.weights)]


def _reconsider(problem: Problem, chains: list[Chain]) -> None:
    """Some way into warm-up it is known where the posterior lies: as many replicates as are needed there."""
    if problem.options.replicates is not None:
        return
    wanted = enough_replicates(problem, np.stack([c.z for c in chains]), 1)
    for chain in chains:
        chain.numbers = replicate_numbers(keyed(problem.options.seed, START, 3, chain.number), wanted)
        chain.runs = None


def _chains(problem: Problem, checkpoint: Checkpoint, start: Beginning, replicates: int) -> list[Chain]:
    chains = []
    for k in range(problem.options.chains):
        chain, kept = new_chain(problem, start, k, replicates), checkpoint.begins_with(f"chain {k} ")
        if kept:
            chain.z, chain.numbers, chain.centre = kept["z"], kept["numbers"], kept["centre"]
            chain.covariance, chain.draws = kept["covariance"], list(kept["draws"])
            chain.values = [(float(a), float(b)) for a, b in kept["values"]]
            chain.log_scale, chain.cheap_log_scale = map(float, kept["scales"])
            chain.iteration, chain.accepted = map(int, kept["counts"])
        chains.append(chain)
    return chains


def _as_arrays(chains: list[Chain]) -> dict[str, NDArray]:
    arrays: dict[str, NDArray] = {}
    for k, c in enumerate(chains):
        n = len(c.z)
        mine = {
            "z": c.z, "numbers": c.numbers, "centre": c.centre, "covariance": c.covariance,
            "draws": np.reshape(c.draws, (-1, n)), "values": np.reshape(c.values, (-1, 2)),
            "scales": np.array([c.log_scale, c.cheap_log_scale]), "counts": np.array([c.iteration, c.accepted]),
        }  # fmt: skip
        arrays |= {f"chain {k} {name}": value for name, value in mine.items()}
    return arrays


def _until(problem: Problem, chain: Chain, last: int, warmup: int) -> None:
    while chain.iteration < last:
        if chain.iteration == warmup:
            chain.accepted = 0
        advance(problem, chain, warmup)


def _how_it_goes(chains: list[Chain], warmup: int, draws: int) -> tuple[str, int, int, str]:
    done = chains[0].iteration
    since = done if done <= warmup else done - warmup
    accepted = sum(c.accepted for c in chains) / max(1, since * len(chains))
    middle = float(np.mean([c.log_likelihood for c in chains]))
    word = f"accepted {accepted:.0%}, log likelihood {middle:.1f}"
    return "warm-up" if done <= warmup else "draws", done, warmup + draws, word


def _handed_over(
    problem: Problem, chains: list[Chain], warmup: int, runs: int, replicates: int, stopped: str
) -> Posterior:
    """Draws after warm-up."""
    n = len(problem.free)
    begun = bool(chains) and chains[0].iteration > warmup
    draws = np.stack([np.reshape(c.draws[warmup:], (-1, n)) for c in chains]) if begun else np.empty((0, 0, n))
    values = np.stack([np.reshape(c.values[warmup:], (-1, 2)) for c in chains]) if begun else np.empty((0, 0, 2))
    kept = draws.shape[1] * draws.shape[0]
    acceptance = sum(c.accepted for c in chains) / kept if kept else None
    runs += sum(c.iteration for c in chains) * replicates
    return Posterior(draws, values[..., 1], replicates, runs, acceptance, stopped=stopped)
