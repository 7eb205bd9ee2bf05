"""Particle marginal Metropolis–Hastings (Andrieu, Doucet & Holenstein 2010, J R Stat Soc B 72:269) on whole replicates.

The likelihood of a stochastic model is a mean over its replicates; its estimate from some of them is unbiased, and a
chain that keeps the estimate with its state has exactly the posterior as its law. Half of the moves are small steps
that renew a block of the replicates (Tran et al. 2016, arXiv:1603.02485): the others keep their draws, so that two
estimates that are compared share most of their noise. The other half jump anywhere, by a Student's t fitted in warm-up.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from lpmdsl.runtime.calibration.densities import log_mean_exp
from lpmdsl.runtime.calibration.methods.start import Beginning, log_student_t, student_t
from lpmdsl.runtime.calibration.problem import Problem, keyed, replicate_numbers

Array = NDArray[np.float64]
BLOCKS = 4
CHAIN = 2
"""First key of the draws of the chains."""
AIM = 0.25
"""Share of proposals that warm-up makes the chain accept."""
JUMPS = 0.5
"""Share of the moves that are jumps."""
FREEDOM = 5
WIDER = 1.3
"""Degrees of freedom of the jumps, and how much wider their covariance is than what was seen."""
CHEAP = 2
"""Moves of the parameters that only the likelihood reads, for every move of all."""


@dataclass(slots=True)
class Chain:
    """One chain: where it stands, all that it has drawn, and what is known of the shape of the posterior.

    Everything that decides how it goes on is here but for the replicates themselves, which their numbers give back.
    """

    number: int
    z: Array
    numbers: NDArray[np.int64]
    centre: Array
    covariance: Array
    log_scale: float = 0.0
    cheap_log_scale: float = 0.0
    iteration: int = 0
    accepted: int = 0
    log_prior: float = -math.inf
    log_likelihood: float = -math.inf
    runs: Array | None = None
    draws: list[Array] = field(default_factory=list)
    values: list[tuple[float, float]] = field(default_factory=list)


def new_chain(problem: Problem, start: Beginning, number: int, replicates: int) -> Chain:
    """A chain at a point drawn from the last round of the start."""
    random = keyed(problem.options.seed, CHAIN, number, 0)
    z = start.points[random.choice(len(start.points), p=start.weights)]
    return Chain(number, z.copy(), replicate_numbers(random, replicates), start.centre.copy(), start.covariance.copy())


def settle(problem: Problem, chain: Chain) -> None:
    """Runs the replicates of where the chain stands, at its beginning or after it was read back."""
    if chain.runs is None:
        chain.runs = problem.run(chain.z, chain.numbers)
        chain.log_prior = problem.log_prior(chain.z)
        chain.log_likelihood = log_mean_exp(problem.log_likelihoods(chain.z, chain.runs))


def advance(problem: Problem, chain: Chain, warmup: int) -> None:
    """One iteration: a move of everything, then inexpensive moves of what only the likelihood reads."""
    random = keyed(problem.options.seed, CHAIN, chain.number, 1 + chain.iteration)
    jumps = random.random() < JUMPS
    chance = _move(problem, chain, random, *(_jump(chain, random) if jumps else _step(chain, random)))
    cheap = _cheap_moves(problem, chain, random)
    if chain.iteration < warmup:
        _learn(chain, None if jumps else chance, cheap)
    chain.draws.append(chain.z.copy())
    chain.values.append((chain.log_prior, chain.log_likelihood))
    chain.iteration += 1


def _step(chain: Chain, random: np.random.Generator) -> tuple[Array, NDArray[np.int64], float]:
    """A small step with a renewed block of replicates; the way back is as likely."""
    n = len(chain.z)
    width = math.exp(chain.log_scale) * 2.38 / math.sqrt(n)
    z = chain.z + width * (np.linalg.cholesky(chain.covariance) @ random.standard_normal(n))
    numbers = chain.numbers.copy()
    block = np.arange(len(numbers)) % BLOCKS == random.integers(BLOCKS)
    numbers[block] = replicate_numbers(random, int(block.sum()))
    return z, numbers, 0.0


def _jump(chain: Chain, random: np.random.Generator) -> tuple[Array, NDArray[np.int64], float]:
    """A point wherever the posterior is thought to lie, with new replicates; by how much the way back is likelier."""
    n, root = len(chain.z), np.linalg.cholesky(WIDER * chain.covariance)
    (apart,) = student_t(random, 1, n, FREEDOM)
    back = np.linalg.solve(root, chain.z - chain.centre)
    there, here = log_student_t(np.stack([apart, back]), FREEDOM)
    return chain.centre + root @ apart, replicate_numbers(random, len(chain.numbers)), float(here - there)


def _move(problem: Problem, chain: Chain, random: np.random.Generator, z: Array, numbers: NDArray[np.int64],
          likelier: float) -> float:  # fmt: skip
    """Goes there or stays; returns the chance of being accepted."""
    level, prior = math.log(random.random()), problem.log_prior(z)
    if not math.isfinite(prior):
        return 0.0
    runs = problem.run(z, numbers)
    likelihood = log_mean_exp(problem.log_likelihoods(z, runs))
    ratio = prior + likelihood - chain.log_prior - chain.log_likelihood + likelier
    if level < ratio:
        chain.z, chain.numbers, chain.runs = z, numbers, runs
        chain.log_prior, chain.log_likelihood = prior, likelihood
        chain.accepted += 1
    return math.exp(min(0.0, ratio)) if not math.isnan(ratio) else 0.0


def _cheap_moves(problem: Problem, chain: Chain, random: np.random.Generator) -> float | None:
    """Moves of the parameters that no run reads, on the replicates as they are; None where there are none."""
    cheap = np.flatnonzero(~np.asarray(problem.moves_run))
    if not len(cheap) or chain.runs is None:
        return None
    root = np.linalg.cholesky(chain.covariance[np.ix_(cheap, cheap)])
    width, chances = math.exp(chain.cheap_log_scale) * 2.38 / math.sqrt(len(cheap)), []
    for _ in range(CHEAP):
        z = chain.z.copy()
        z[cheap] += width * (root @ random.standard_normal(len(cheap)))
        level, prior = math.log(random.random()), problem.log_prior(z)
        likelihood = log_mean_exp(problem.log_likelihoods(z, chain.runs)) if math.isfinite(prior) else -math.inf
        ratio = prior + likelihood - chain.log_prior - chain.log_likelihood
        if level < ratio:
            chain.z, chain.log_prior, chain.log_likelihood = z, prior, likelihood
        chances.append(math.exp(min(0.0, ratio)) if not math.isnan(ratio) else 0.0)
    return float(np.mean(chances))


def _learn(chain: Chain, chance: float | None, cheap: float | None) -> None:
    """Warm-up finds the widths that accept ``AIM`` of the steps."""
    rate = min(0.5, 3 / math.sqrt(chain.iteration + 1))
    if chance is not None:
        chain.log_scale += rate * (chance - AIM)
    if cheap is not None:
        chain.cheap_log_scale += rate * (cheap - 0.4)


def learn_together(chains: Sequence[Chain], since: int) -> None:
    """Warm-up, now and then: the centre and the covariance of where all chains have been since an iteration, over what
    was known before as if that had been ten points."""
    seen = np.concatenate([c.draws[since:] for c in chains])
    weight = len(seen) / (len(seen) + 10 * len(chains[0].z))
    centre = seen.mean(axis=0)
    covariance = np.atleast_2d(np.cov(seen.T))
    for chain in chains:
        chain.centre = centre
        chain.covariance = weight * covariance + (1 - weight) * chain.covariance
