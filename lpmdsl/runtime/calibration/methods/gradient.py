"""``by gradient``: Adam from several starts through the differentiable simulator, then points about the peak.

The loss is −log of the mean over replicates of the likelihood, on replicates that stay the same for a start. Its
gradient comes through ``runtime.gradients.autograd`` for the parameters that a run reads, and from the formulas of
likelihood and prior for all. A certificate holds it to differences of the loss itself where the first start ends and
where all do; where it is convicted, these take its place.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray

from lpmdsl.config import Certified
from lpmdsl.distributions.family import Ops
from lpmdsl.escaping import json_number
from lpmdsl.runtime.calibration.checkpoint import Checkpoint
from lpmdsl.runtime.calibration.densities import log_density, log_mean_exp
from lpmdsl.runtime.calibration.methods.peak_draws import from_peak, stopped_posterior
from lpmdsl.runtime.calibration.methods.quadratic_peak import Peak, climb_quadratic
from lpmdsl.runtime.calibration.methods.start import KEPT, Beginning, begin, enough_replicates
from lpmdsl.runtime.calibration.posterior import Posterior, Tell
from lpmdsl.runtime.calibration.priors import arguments
from lpmdsl.runtime.calibration.problem import Piece, Problem, keyed, with_threads
from lpmdsl.runtime.engine.engines import threads_here
from lpmdsl.runtime.gradients.autograd import Simulator
from lpmdsl.runtime.gradients.finite_differences import UNCERTAIN, agreement

Array = NDArray[np.float64]
GRADIENT = 5
"""First key of the draws that are made here."""
ROUNDS = 2
ITERATIONS = 40
PACE = 0.35
"""Of Adam, in standard deviations of the start."""
DECAY = (0.8, 0.95)
NUDGE = 1e-4
APART = 2.5
"""Distance from the centre, in standard deviations of the posterior, within which starts must end."""
DIRECTIONS = 24
TORCH = Ops(torch.log, torch.lgamma, lambda x, low, high: torch.clamp(x, low, None if math.isinf(high) else high))


@dataclass(frozen=True, slots=True)
class Loss:
    """The log posterior of one start: always on the same replicates."""

    problem: Problem
    simulator: Simulator
    runs_read: tuple[int, ...]

    def value(self, z: Array) -> float:
        """The log posterior at a point."""
        if not math.isfinite(self.problem.log_prior(z)):
            return -math.inf
        return self._height(z, self._runs(z))

    def _height(self, z: Array, runs: Array) -> float:
        return self.problem.log_prior(z) + log_mean_exp(self.problem.log_likelihoods(z, runs))

    def _theta(self, z: Array) -> Array:
        values = self.problem.values(z)
        return np.array([values[self.problem.names[k]] for k in self.runs_read])

    def _runs(self, z: Array) -> Array:
        return self.simulator.at(self._theta(z))

    def through_simulator(self, z: Array) -> tuple[float, Array]:
        """The log posterior and its gradient on the real line, through the simulator's own derivative."""
        if not self.runs_read:
            return self.value(z), self._formulas(z, self._runs(z))
        theta = torch.tensor(self._theta(z), dtype=torch.float64, requires_grad=True)
        everything = self.problem.everything(self.problem.values(z))
        runs = self.simulator(theta)
        each = sum((_of_piece(self.problem, p, runs, everything) for p in self.problem.pieces), torch.zeros(len(runs)))
        value = torch.logsumexp(each, 0) - math.log(len(runs))
        value.backward()
        gradient = self._formulas(z, runs.detach().numpy())
        assert theta.grad is not None
        for slope, k in zip(theta.grad.numpy(), self.runs_read, strict=True):
            free = self.problem.free[k]
            step = NUDGE * max(1.0, abs(z[k]))
            gradient[k] += slope * (free.value(z[k] + step) - free.value(z[k] - step)) / (2 * step)
        return float(value.detach()) + self.problem.log_prior(z), gradient

    def _formulas(self, z: Array, runs: Array) -> Array:
        """Contribution of the prior and of the arguments of the likelihood, the replicates being as they are."""
        found = np.zeros(len(z))
        for k in range(len(z)):
            step = NUDGE * max(1.0, abs(z[k])) * np.eye(len(z))[k]
            found[k] = (self._height(z + step, runs) - self._height(z - step, runs)) / (2 * step[k])
        return found

    def by_differences(self, z: Array, width: Array) -> tuple[float, Array]:
        """The same from differences of the log posterior itself over ``width``, for what a run reads."""
        runs = self._runs(z)
        value, found = self._height(z, runs), self._formulas(z, runs)
        for k in self.runs_read:
            step = width[k] * np.eye(len(z))[k]
            found[k] = (self.value(z + step) - self.value(z - step)) / (2 * width[k])
        return value, found


def _of_piece(problem: Problem, piece: Piece, runs: torch.Tensor, everything: dict[str, float]) -> torch.Tensor:
    law = piece.data.fit.likelihood
    a = {k: torch.tensor(v, dtype=torch.float64) for k, v in arguments(law, problem.model, everything).items()}
    where = np.flatnonzero(piece.fitted) + (piece.at.start or 0)
    seen = torch.tensor(piece.seen[piece.fitted])
    return log_density(law.family, a, runs[:, where], seen, piece.is_share, TORCH).sum(-1)


Gradient = Callable[[Loss, Array], tuple[float, Array]]
"""Value and slope of a loss at a point."""


def loss_of(problem: Problem, start: int, replicates: int) -> Loss:
    """The loss on replicates of its own for every start."""
    plan = problem.repeats.plan
    options = plan.options.model_copy(update={"replicates": replicates})
    first = int(keyed(problem.options.seed, GRADIENT, start).integers(0, 2**31))
    repeats = replace(problem.repeats, plan=replace(plan, options=options), first=first)
    read = tuple(k for k, moves in enumerate(problem.moves_run) if moves)
    return Loss(problem, Simulator(repeats, tuple(problem.names[k] for k in read), each=True), read)


# ------------------------------------------------------------------ the climb


def climb(problem: Problem, checkpoint: Checkpoint, tell: Tell) -> Posterior:
    """The peak from all starts, the posterior about it, and the certificate of the gradient."""
    problem = with_threads(problem, threads_here(problem.options.threads))
    start = _start(problem, checkpoint, tell)
    if start is None:
        return stopped_posterior(problem)
    replicates = problem.options.replicates or enough_replicates(problem, start.points[_best_of(start)], 0)
    losses = [loss_of(problem, s, replicates) for s in range(problem.options.chains)]
    width = np.sqrt(np.diag(start.covariance))
    climbed = _climb_all(losses, start, width, checkpoint, tell)
    if climbed is None:
        return stopped_posterior(problem)
    ends, certificate, spent = climbed
    best = ends[int(np.argmax([loss.value(z) for loss, z in zip(losses, ends, strict=True)]))]
    peak = climb_quadratic(problem, best, start.covariance, replicates, tell)
    if peak is None:
        return stopped_posterior(problem)
    doubts = disagreement(problem, ends, peak)
    history = tuple((f"start {s}", checkpoint.arrays[f"history {s}"]) for s in range(len(losses)))
    return from_peak(problem, peak, replicates, start.runs + spent * replicates, doubts, certificate, history, tell)


def _start(problem: Problem, checkpoint: Checkpoint, tell: Tell) -> Beginning | None:
    kept = checkpoint.begins_with(KEPT)
    if kept:
        return Beginning.restored(kept)
    found = begin(problem, tell, ROUNDS)
    if found is not None:
        checkpoint.keep(found.arrays(), now=True)
    return found


def _best_of(start: Beginning) -> NDArray[np.int64]:
    return np.argsort(-start.weights, kind="stable")[:4]


def _climb_all(
    losses: list[Loss], start: Beginning, width: Array, checkpoint: Checkpoint, tell: Tell
) -> tuple[list[Array], Certified, int] | None:
    """End of every start, the certificate of the simulator's gradient, and the number of replicates run; None if
    asked to stop. The others only follow the first by a gradient that is not convicted where that has ended."""
    starts = [start.points[keyed(loss.problem.options.seed, GRADIENT, s, 1).choice(len(start.points), p=start.weights)]
              for s, loss in enumerate(losses)]  # fmt: skip
    through, by_differences = 1 + 4 * len(losses[0].runs_read), 1 + 2 * len(losses[0].runs_read)
    ends: list[Array] = []
    certificate, spent = None, 0
    for some in (range(1), range(1, len(losses))):
        found = ends_of(losses, starts, some, width, Loss.through_simulator, "gradient", checkpoint, tell)
        certificate = certified(losses, [*ends, *found], width, tell) if found is not None else None
        if found is None or certificate is None:
            return None
        ends, spent = [*ends, *found], spent + len(some) * ITERATIONS * through + DIRECTIONS * (through + 2)
        if certificate.words == CONVICTED:
            spent += len(losses) * ITERATIONS * by_differences
            every = range(len(losses))
            found = ends_of(losses, starts, every, width, lambda loss, z: loss.by_differences(z, 0.3 * width),
                            "differences", checkpoint, tell)  # fmt: skip
            return (found, certificate, spent) if found is not None else None
    assert certificate is not None
    return ends, certificate, spent


def ends_of(
    losses: list[Loss], starts: list[Array], some: range, width: Array, gradient: Gradient, name: str,
    checkpoint: Checkpoint, tell: Tell,
) -> list[Array] | None:  # fmt: skip
    """Ends of the climbs from ``some`` of the starts; None if asked to stop. ``name``: of the way, in what is told."""
    ends = []
    for s in some:
        end = adam(losses[s], starts[s], width, gradient, f"{name} climb {s} ", s, len(losses), checkpoint, tell)
        if end is None:
            return None
        ends.append(end)
    return ends


def adam(
    loss: Loss, z: Array, width: Array, gradient: Gradient, key: str, s: int, of: int, checkpoint: Checkpoint,
    tell: Tell,
) -> Array | None:  # fmt: skip
    """Mean of the last quarter of a climb by Adam (Kingma & Ba 2015, arXiv:1412.6980), in standard deviations of the
    start and at a falling pace; None if asked to stop. Its state is kept after every iteration."""
    kept = checkpoint.begins_with(key)
    values, path = ([*kept["values"]], [*kept["path"]]) if kept else ([], [])
    away = torch.tensor(kept["away"] if kept else np.zeros(len(z)))
    adam = torch.optim.Adam([away], betas=DECAY, maximize=True)
    if kept:
        moments = {"exp_avg": torch.tensor(kept["mean"]), "exp_avg_sq": torch.tensor(kept["square"])}
        adam.state[away] = {"step": torch.tensor(float(len(values))), **moments}
    while len(values) < ITERATIONS:
        k = len(values)
        value, slope = gradient(loss, z + width * away.numpy())
        away.grad = torch.tensor(np.clip(np.nan_to_num(slope * width), -1e3, 1e3))
        adam.param_groups[0]["lr"] = PACE * 0.5 * (1 + math.cos(math.pi * k / ITERATIONS)) + 0.02
        adam.step()
        values, path = [*values, value], [*path, z + width * away.numpy()]
        state = {"away": away, "mean": adam.state[away]["exp_avg"], "square": adam.state[away]["exp_avg_sq"]}
        now = {n: v.numpy().copy() for n, v in state.items()} | {"values": np.array(values), "path": np.array(path)}
        word = f"log posterior {value:.2f}"
        go_on = tell("gradient", s * ITERATIONS + k + 1, of * ITERATIONS, word)
        checkpoint.keep({**{key + n: v for n, v in now.items()}, f"history {s}": np.array(values)}, now=not go_on)
        if not go_on:
            return None
    return np.mean(path[-ITERATIONS // 4 :], axis=0)


def disagreement(problem: Problem, ends: list[Array], peak: Peak) -> list[str]:
    """Starts that ended elsewhere: the surface has more than one peak, or the climb was too short."""
    root = np.linalg.cholesky(peak.covariance + peak.error)
    far = [float(np.linalg.norm(np.linalg.solve(root, z - peak.centre))) for z in ends]
    limit = APART * math.sqrt(len(problem.free))
    lost = [s for s, f in enumerate(far) if f > limit]
    if not lost:
        return []
    return [f"{len(lost)} of {len(ends)} starts ended up to {max(far):.1f} standard deviations from the peak: there "
            "may be more than one"]  # fmt: skip


# ------------------------------------------------------------------ the certificate

AGREE = "the simulator's gradient and differences of the log posterior agree within 10 %"
CONVICTED = "the simulator's gradient is not that of the log posterior: differences took its place"


def certified(losses: list[Loss], about: list[Array], width: Array, tell: Tell) -> Certified | None:
    """The gradient in use against differences of the log posterior along random directions at random points."""
    ours, truth = [], []
    for k in range(DIRECTIONS):
        if not tell("certificate", k, DIRECTIONS, ""):
            return None
        s = k % len(about)
        random = keyed(losses[s].problem.options.seed, GRADIENT, s, 2, k)
        z = about[s] + 0.5 * width * random.standard_normal(len(width))
        way = random.standard_normal(len(width))
        way *= width / np.linalg.norm(way)
        slope = losses[s].through_simulator(z)[1] @ way
        step = 0.15
        ours.append(float(slope))
        truth.append((losses[s].value(z + step * way) - losses[s].value(z - step * way)) / (2 * step))
    return verdict(np.array(ours), np.array(truth))


def verdict(ours: Array, truth: Array) -> Certified:
    """The slope of ours on the truth, with its interval: within ±10 % of 1 it holds."""
    found = agreement(ours, truth, (AGREE, CONVICTED, UNCERTAIN))
    numbers = {"ratio": found.ratio, "low": found.low, "high": found.high, "cosine": found.cosine}
    known = {n: json_number(x) for n, x in numbers.items()}
    return Certified(holds=found.holds, words=found.words, **known)
