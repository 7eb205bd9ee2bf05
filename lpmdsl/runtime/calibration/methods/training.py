"""``by gradient`` where networks give parts of families: their weights are trained, then drawn about the peak.

Weights climb by Adam from several starts. The simulator gives its gradient by the parts, as in ``gradient`` and with
the same certificate, and the chain rule leads on to the weights. About the best end the weights are normal with the
curvature of their prior and of the data (Gauss and Newton: the derivatives of expected data by the parts, over the
covariance of data that the model draws), and the logs of the parts are linear in them (Immer et al. 2021, AISTATS
130:703: a network's outputs bend too much over the weights that the data leave open).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lpmdsl.config import Certified
from lpmdsl.runtime.calibration.checkpoint import Checkpoint
from lpmdsl.runtime.calibration.methods.gradient import (
    CONVICTED,
    DIRECTIONS,
    GRADIENT,
    ITERATIONS,
    NUDGE,
    Loss,
    certified,
    disagreement,
    ends_of,
    loss_of,
)
from lpmdsl.runtime.calibration.methods.peak_draws import stopped_posterior
from lpmdsl.runtime.calibration.methods.quadratic_peak import Peak
from lpmdsl.runtime.calibration.nets import Network, network_of
from lpmdsl.runtime.calibration.posterior import Posterior, Tell
from lpmdsl.runtime.calibration.priors import log_prior
from lpmdsl.runtime.calibration.problem import Problem, keyed, replicate_numbers, with_threads
from lpmdsl.runtime.engine.engines import threads_here

Array = NDArray[np.float64]
Places = NDArray[np.int64]
REPLICATES = 32
EXPECTED = 128
"""Replicates of the data that are expected at the peak."""
NEAR = 0.3
"""Distance, as a share of the prior's width, over which the gradient is certified."""


@dataclass(frozen=True, slots=True)
class Way:
    """From w, the weights of all networks and then the other parameters on the real line, to the parameters of the
    problem. ``parts``: of each network its parts that are estimated, by their places in the network and the problem.
    """

    problem: Problem
    networks: tuple[Network, ...]
    parts: tuple[tuple[Places, Places], ...]
    plain: Places

    @property
    def weights(self) -> int:
        """Number of weights of all networks."""
        return sum(network.size for network in self.networks)

    def z(self, w: Array) -> Array:
        """The parameters of the problem on the real line."""
        z, at = np.empty(len(self.problem.free)), 0
        for network, (own, theirs) in zip(self.networks, self.parts, strict=True):
            z[theirs] = network.logs(w[at : at + network.size])[own]
            at += network.size
        z[self.plain] = w[at:]
        return z

    def slopes(self, w: Array) -> Array:
        """(parameters of the problem, w): their derivatives."""
        found, at = np.zeros((len(self.problem.free), len(w))), 0
        for network, (own, theirs) in zip(self.networks, self.parts, strict=True):
            found[theirs, at : at + network.size] = network.slopes(w[at : at + network.size])[own]
            at += network.size
        found[self.plain, range(at, len(w))] = 1.0
        return found

    def prior(self, w: Array) -> float:
        """Log density of the weights and of the other parameters."""
        problem, z = self.problem, self.z(w)
        frees = tuple(problem.free[k] for k in self.plain)
        others = log_prior(frees, problem.model, problem.everything(problem.values(z)))
        others += sum(f.log_slope(float(x)) for f, x in zip(frees, z[self.plain], strict=True))
        return others - 0.5 * float((w[: self.weights] ** 2).sum())

    def prior_slopes(self, w: Array) -> Array:
        """(w,): its derivatives."""
        found = -w.copy()
        for k in range(self.weights, len(w)):
            step = NUDGE * np.eye(len(w))[k]
            found[k] = (self.prior(w + step) - self.prior(w - step)) / (2 * NUDGE)
        return found

    def climbed(self, loss: Loss, w: Array, by_differences: Array | None) -> tuple[float, Array]:
        """Value and slope of the log posterior of w. ``by_differences``: over which widths, in place of the simulator's
        own gradient."""
        z = self.z(w)
        value, slope = loss.through_simulator(z) if by_differences is None else loss.by_differences(z, by_differences)
        counted = np.array([self._counted(z, k) for k in range(len(z))])  # by the problem, which knows no weights
        total = value - self.problem.log_prior(z) + self.prior(w)
        return total, self.slopes(w).T @ (slope - counted) + self.prior_slopes(w)

    def _counted(self, z: Array, k: int) -> float:
        step = NUDGE * max(1.0, abs(z[k])) * np.eye(len(z))[k]
        return (self.problem.log_prior(z + step) - self.problem.log_prior(z - step)) / (2 * step[k])


def way_of(problem: Problem) -> Way:
    """The way of a problem with networks."""
    values = problem.everything({})
    networks = tuple(network_of(net, values) for net in problem.nets)
    places = {name: k for k, name in enumerate(problem.names)}
    parts = []
    for network in networks:
        own = [k for k, part in enumerate(network.net.parts) if part in places]
        theirs = [places[network.net.parts[k]] for k in own]
        parts.append((np.array(own, dtype=np.int64), np.array(theirs, dtype=np.int64)))
    given = {int(k) for _, theirs in parts for k in theirs}
    plain = np.array([k for k in range(len(problem.free)) if k not in given], dtype=np.int64)
    return Way(problem, networks, tuple(parts), plain)


# ------------------------------------------------------------------ training


def train(problem: Problem, checkpoint: Checkpoint, tell: Tell) -> Posterior:
    """The trained networks, and draws of the parameters about them."""
    problem = with_threads(problem, threads_here(problem.options.threads))
    way, replicates = way_of(problem), problem.options.replicates or REPLICATES
    losses = [loss_of(problem, s, replicates) for s in range(problem.options.chains)]
    climbed = _climbed(way, losses, checkpoint, tell)
    if climbed is None:
        return stopped_posterior(problem)
    ends, certificate, spent = climbed
    heights = [loss.value(way.z(w)) - problem.log_prior(way.z(w)) + way.prior(w)
               for loss, w in zip(losses, ends, strict=True)]  # fmt: skip
    best = ends[int(np.argmax(heights))]
    drawn = _draws(way, best, losses[0])
    flat = drawn.reshape(-1, drawn.shape[-1])
    peak = Peak(way.z(best), np.cov(flat.T).reshape(2 * flat.shape[1:]) + 1e-12 * np.eye(flat.shape[1]),
                np.zeros(2 * flat.shape[1:]), max(heights), True, 0)  # fmt: skip
    history = tuple((f"start {s}", checkpoint.arrays[f"history {s}"]) for s in range(len(losses)))
    runs = spent * replicates + EXPECTED + 4 * len(losses[0].runs_read) * replicates
    return Posterior(drawn, np.full(drawn.shape[:2], np.nan), replicates, runs, certificate=certificate,
                     independent=True, doubts=tuple(disagreement(problem, [way.z(w) for w in ends], peak)),
                     notes=_notes(problem, way), history=history, networks=_trained(way, best))  # fmt: skip


def _climbed(
    way: Way, losses: list[Loss], checkpoint: Checkpoint, tell: Tell
) -> tuple[list[Array], Certified, int] | None:
    """End of every start, the certificate of the simulator's gradient, and the number of runs for each replicate."""
    ends = _ends(way, losses, None, "gradient", checkpoint, tell)
    if ends is None:
        return None
    width = NEAR * way.problem.prior_on_the_line(lambda k: keyed(way.problem.options.seed, GRADIENT, 3, k), 500).std(0)
    certificate = certified(losses, [way.z(w) for w in ends], width, tell)
    if certificate is None:
        return None
    read = len(losses[0].runs_read)
    spent = len(losses) * ITERATIONS * (1 + 4 * read) + DIRECTIONS * (3 + 4 * read)
    if certificate.words == CONVICTED:
        again = _ends(way, losses, width, "differences", checkpoint, tell)
        return None if again is None else (again, certificate, spent + len(losses) * ITERATIONS * (1 + 2 * read))
    return ends, certificate, spent


def _ends(
    way: Way, losses: list[Loss], width: Array | None, name: str, checkpoint: Checkpoint, tell: Tell
) -> list[Array] | None:
    """Ends of all starts; a start is a draw of the weights, and the middle of the other priors."""
    problem = way.problem
    middle = np.median(problem.prior_on_the_line(lambda k: keyed(problem.options.seed, GRADIENT, 4, k), 500), axis=0)
    first = [keyed(problem.options.seed, GRADIENT, s, 5).standard_normal(way.weights) for s in range(len(losses))]
    starts = [np.concatenate([w, middle[way.plain]]) for w in first]
    return ends_of(losses, starts, range(len(losses)), np.ones(len(starts[0])),
                   lambda one, x: way.climbed(one, x, width), name, checkpoint, tell)  # fmt: skip


# ------------------------------------------------------------------ about the peak


def _draws(way: Way, w: Array, loss: Loss) -> Array:
    """(chains, draws, parameters) on the real line: linear in normal weights."""
    options, slopes = way.problem.options, way.slopes(w)
    precision = slopes.T @ _information(way.problem, way.z(w), loss) @ slopes
    precision[np.diag_indices(way.weights)] += 1.0
    for k in range(way.weights, len(w)):
        step = 0.05 * np.eye(len(w))[k]
        bend = (2 * way.prior(w) - way.prior(w + step) - way.prior(w - step)) / 0.05**2
        precision[k, k] += max(bend, 1e-3)
    root = np.linalg.cholesky(np.linalg.inv(precision))
    apart = keyed(options.seed, GRADIENT, 6).standard_normal((options.chains * options.draws, len(w)))
    drawn = way.z(w) + apart @ (slopes @ root).T
    return drawn.reshape(options.chains, options.draws, -1)


def _information(problem: Problem, z: Array, loss: Loss) -> Array:
    """(parameters, parameters): what the data tell of the parameters on the real line."""
    random = keyed(problem.options.seed, GRADIENT, 7)
    fitted = np.concatenate([np.flatnonzero(p.fitted) + (p.at.start or 0) for p in problem.pieces])
    data = problem.data_draws(z, problem.run(z, replicate_numbers(random, EXPECTED)), random)[:, fitted]
    scatter = np.atleast_2d(np.cov(data.T))
    scatter += np.diag(1e-3 * np.diag(scatter) + 1e-9)
    # The inverse of a covariance from n draws of p numbers is too large (Hartlap et al. 2007, A&A 464:399).
    share = max(EXPECTED - len(fitted) - 2, 1) / (EXPECTED - 1)
    values = problem.values(z)
    theta = np.array([values[problem.names[k]] for k in loss.runs_read])
    moved = np.zeros((len(fitted), len(z)))
    for at, k in enumerate(loss.runs_read):
        change = (problem.free[k].value(z[k] + NUDGE) - problem.free[k].value(z[k] - NUDGE)) / (2 * NUDGE)
        moved[:, k] = loss.simulator.pushed_forward(theta, np.eye(len(theta))[at]).mean(axis=0)[fitted] * change
    return share * moved.T @ np.linalg.solve(scatter, moved)


def _trained(way: Way, w: Array) -> dict[str, dict[str, float]]:
    """The weights of every family's network by their names."""
    found, at = {}, 0
    for network in way.networks:
        found[network.net.family] = dict(zip(network.names(), map(float, w[at : at + network.size]), strict=True))
        at += network.size
    return found


def _notes(problem: Problem, way: Way) -> tuple[str, ...]:
    """Notes on what is not as a reader may think, in words."""
    nets = (network.net for network in way.networks)
    told = [f"`{net.family}` is given by a network of {net.hidden}: intervals are those of weights normal about the "
            "best" for net in nets]  # fmt: skip
    still = [problem.names[k] for k in way.plain if not problem.moves_run[k]]
    told += [f"`{name}` moves no run, so its interval here is as wide as its prior" for name in still]
    return tuple(told)
