"""``by search``: Optuna looks for the values with the highest log posterior; points about them are weighted.

For what has no useful gradient and is too expensive to sample. Every ensemble searches on its own.
"""

from __future__ import annotations

from types import ModuleType

import numpy as np
from numpy.typing import NDArray

from lpmdsl.extras import optional
from lpmdsl.runtime.calibration.checkpoint import Checkpoint
from lpmdsl.runtime.calibration.methods.peak_draws import from_peak, stopped_posterior
from lpmdsl.runtime.calibration.methods.quadratic_peak import climb_quadratic
from lpmdsl.runtime.calibration.methods.start import enough_replicates, log_posterior
from lpmdsl.runtime.calibration.posterior import Posterior, Tell
from lpmdsl.runtime.calibration.problem import Problem, keyed, replicate_numbers, with_threads
from lpmdsl.runtime.engine.engines import threads_here

Array = NDArray[np.float64]
SEARCH = 6
"""First key of the draws that are made here."""
TRIALS = 60
"""Of every ensemble, for each parameter half as many again."""
RUNS = 32
HEDGE = 1e-4
"""Share of the prior that is cut off at either end of what is searched."""
ELITE = 0.15


def search(problem: Problem, checkpoint: Checkpoint, tell: Tell) -> Posterior:
    """The best values found by every ensemble, and the posterior about the best of all."""
    problem = with_threads(problem, threads_here(problem.options.threads))
    trials = TRIALS + TRIALS * len(problem.free) // 2
    points, values = [], []
    for ensemble in range(problem.options.chains):
        found = _ensemble(problem, ensemble, trials, checkpoint, tell)
        if found is None:
            return stopped_posterior(problem)
        points.append(found[0])
        values.append(found[1])
    everywhere, heights = np.concatenate(points), np.concatenate(values)
    best = everywhere[np.argsort(-heights)[: max(8, int(ELITE * len(heights)))]]
    covariance = np.atleast_2d(np.cov(best.T)) / 2 + 1e-4 * np.eye(len(problem.free))
    replicates = problem.options.replicates or enough_replicates(problem, best[:4], 0)
    peak = climb_quadratic(problem, best[:8].mean(axis=0), covariance, replicates, tell)
    if peak is None:
        return stopped_posterior(problem)
    history = tuple((f"ensemble {k}", np.maximum.accumulate(v)) for k, v in enumerate(values))
    return from_peak(problem, peak, replicates, len(heights) * RUNS, [], None, history, tell)


def _ensemble(
    problem: Problem, ensemble: int, trials: int, checkpoint: Checkpoint, tell: Tell
) -> tuple[Array, Array] | None:
    """Points and log posteriors of one search; None if asked to stop. Goes on after what the checkpoint has."""
    optuna, name = optional("optuna"), f"ensemble {ensemble} "
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(direction="maximize")
    bounds = _bounds(problem)
    ranges = {n: optuna.distributions.FloatDistribution(*b) for n, b in zip(problem.names, bounds, strict=True)}
    kept = checkpoint.begins_with(name)
    points, values = ([*kept["points"]], [*kept["values"]]) if kept else ([], [])
    for z, value in zip(points, values, strict=True):
        study.add_trial(_told(optuna, problem, ranges, z, value))
    while len(values) < trials:
        k = len(values)
        # A sampler of its own for every trial: what it proposes depends on the trials before and on nothing else.
        random = keyed(problem.options.seed, SEARCH, ensemble, k)
        seed = int(random.integers(2**31))
        study.sampler = optuna.samplers.TPESampler(seed=seed, multivariate=True, n_startup_trials=20)
        trial = study.ask(ranges)
        z = np.array([trial.params[n] for n in problem.names])
        value = log_posterior(problem, z, replicate_numbers(random, RUNS))
        value = float(np.clip(value, -1e12, None))
        study.tell(trial, value)
        points, values = [*points, z], [*values, value]
        go_on = tell("search", ensemble * trials + k + 1, problem.options.chains * trials,
                     f"best log posterior {max(values):.2f}")  # fmt: skip
        checkpoint.keep({name + "points": np.array(points), name + "values": np.array(values)}, now=not go_on)
        if not go_on:
            return None
    return np.array(points), np.array(values)


def _told(optuna: ModuleType, problem: Problem, ranges: dict, z: Array, value: float) -> object:
    params = dict(zip(problem.names, map(float, z), strict=True))
    return optuna.trial.create_trial(params=params, distributions=ranges, value=float(value))


def _bounds(problem: Problem) -> list[tuple[float, float]]:
    """The middle of every prior on the real line."""
    drawn = problem.prior_on_the_line(lambda k: keyed(problem.options.seed, SEARCH, 10**6, k), 4000)
    ends = np.quantile(drawn, (10 * HEDGE, 1 - 10 * HEDGE), axis=0)
    return [(float(low), float(high)) for low, high in ends.T]
