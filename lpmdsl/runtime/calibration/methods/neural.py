"""``by neural posterior``: a network learns from simulated data which parameters they come from (neural posterior
estimation; Papamakarios & Murray 2016, arXiv:1605.06376, in the package ``sbi``), then reads the data that were seen.

It needs no likelihood beyond draws of data, and once trained nothing more is run. It is as good as its training: the
posterior predictive says how far to trust it.
"""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
from numpy.typing import NDArray

from lpmdsl.extras import optional
from lpmdsl.runtime.calibration.checkpoint import Checkpoint
from lpmdsl.runtime.calibration.methods.peak_draws import stopped_posterior
from lpmdsl.runtime.calibration.posterior import Posterior, Tell
from lpmdsl.runtime.calibration.problem import Problem, keyed, replicate_numbers
from lpmdsl.runtime.engine.engines import threads_here

Array = NDArray[np.float64]
NEURAL = 7
"""First key of the draws that are made here."""
SIMULATIONS = 4000
TOGETHER = 50
EPOCHS = 300
REPLICATES = 64
"""Of the predictive, where none were asked for."""
LEAKS = 0.2
"""Share of the network's draws that may be impossible."""


def neural(problem: Problem, checkpoint: Checkpoint, tell: Tell) -> Posterior:
    """Independent draws from the trained network at the data."""
    both = _simulations(problem, checkpoint, tell)
    if both is None:
        return stopped_posterior(problem)
    z, x = both
    options = problem.options
    # Between the ends of training there is nothing to resume: it takes a fraction of the simulations' time.
    tell("training", 0, 1, f"{len(z)} simulations")
    wanted = options.chains * options.draws
    draws_at, loss = trained(z, x, options.seed)
    drawn = draws_at(_seen(problem), wanted)
    sound = np.array([np.isfinite(problem.log_prior(one)) for one in drawn])
    doubts = []
    if sound.mean() < 1 - LEAKS:
        doubts.append(f"{1 - sound.mean():.0%} of what the network proposes is impossible: it needs more simulations")
    draws = drawn[sound]
    draws = draws[np.arange(wanted) % len(draws)].reshape(options.chains, options.draws, -1)
    unknown = np.full(draws.shape[:2], np.nan)
    return Posterior(draws, unknown, options.replicates or REPLICATES, len(z), independent=True, doubts=tuple(doubts),
                     history=(("validation loss", loss),))  # fmt: skip


def _simulations(problem: Problem, checkpoint: Checkpoint, tell: Tell) -> tuple[Array, Array] | None:
    """Parameters from the prior, (n, parameters), and one draw of all fitted data for each; None if asked to stop."""
    kept = checkpoint.begins_with("simulated ")
    z, x = ([kept["z"]], [kept["x"]]) if kept else ([], [])
    done = len(kept["z"]) if kept else 0
    problem.run(from_prior(problem, keyed(problem.options.seed, NEURAL, 0)), [0])  # alone: it compiles
    with ThreadPoolExecutor(threads_here(problem.options.threads)) as pool:
        while done < SIMULATIONS:
            made = list(pool.map(lambda k: simulated(problem, k), range(done, min(SIMULATIONS, done + TOGETHER))))
            z.append(np.stack([one[0] for one in made]))
            x.append(np.stack([one[1] for one in made]))
            done += len(made)
            go_on = tell("simulating", done, SIMULATIONS, "")
            checkpoint.keep({"simulated z": np.concatenate(z), "simulated x": np.concatenate(x)}, now=not go_on)
            if not go_on:
                return None
    return np.concatenate(z), np.concatenate(x)


def simulated(problem: Problem, number: int) -> tuple[Array, Array]:
    """Parameters from the prior, on the real line, and one draw of all fitted data of theirs; the same for a number."""
    random = keyed(problem.options.seed, NEURAL, 1 + number)
    z = from_prior(problem, random)
    reports = problem.run(z, replicate_numbers(random, 1))[0]
    drawn = problem.data_draws(z, reports, random)
    return z, np.concatenate([drawn[p.at][p.fitted] for p in problem.pieces])


def from_prior(problem: Problem, random: np.random.Generator) -> Array:
    """Parameters from the prior, on the real line."""
    return problem.prior_on_the_line(lambda _: random, 1)[0]


def _seen(problem: Problem) -> Array:
    return np.concatenate([p.seen[p.fitted] for p in problem.pieces])


def _features(x: Array) -> torch.Tensor:
    """Counts on a scale on which ten and twenty are as far apart as a hundred and two hundred."""
    return torch.tensor(np.sign(x) * np.log1p(np.abs(x)), dtype=torch.float32)


class _Nowhere:
    """A tracker as ``sbi`` asks for, that keeps nothing: its own writes into the current folder."""

    log_dir = None

    def log_metric(self, name: str, value: float, step: int | None = None) -> None: ...

    def log_metrics(self, metrics: dict[str, float], step: int | None = None) -> None: ...

    def log_params(self, params: dict[str, object]) -> None: ...

    def add_figure(self, name: str, figure: object, step: int | None = None) -> None: ...

    def flush(self) -> None: ...


def trained(z: Array, x: Array, seed: int) -> tuple[Callable[[Array, int], Array], Array]:
    """A network that draws: a function of data (numbers,) and how many draws, which gives (draws, parameters) on the
    real line; and the validation loss of every epoch. ``z``, ``x``: parameters and the data that each gave, by rows."""
    inference = optional("sbi.inference")
    centre, width = z.mean(axis=0), z.std(axis=0) + 1e-9
    theta = torch.tensor((z - centre) / width, dtype=torch.float32)
    with _quietly(seed):
        prior = torch.distributions.MultivariateNormal(torch.zeros(theta.shape[1]), torch.eye(theta.shape[1]))
        learner = inference.NPE(prior=prior, density_estimator="mdn", tracker=_Nowhere(), show_progress_bars=False)
        network = learner.append_simulations(theta, _features(x)).train(training_batch_size=200, max_num_epochs=EPOCHS)
        loss = np.asarray(learner.summary["validation_loss"], np.float64)
        state = torch.get_rng_state()

    def draws(seen: Array, count: int) -> Array:
        with _quietly(seed):
            torch.set_rng_state(state)
            # The network itself: no draw is thrown away for a prior that is not the model's.
            drawn = network.sample((count,), condition=_features(seen[None])).detach().numpy().reshape(count, -1)
        return drawn.astype(np.float64) * width + centre

    return draws, loss


@contextlib.contextmanager
def _quietly(seed: int) -> Iterator[None]:
    """Without warnings and words, on draws of its own, on one thread: so small a network is slower on more."""
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()), torch.random.fork_rng([]):
        warnings.simplefilter("ignore")
        torch.manual_seed(seed)
        threads = torch.get_num_threads()
        torch.set_num_threads(1)
        try:
            yield
        finally:
            torch.set_num_threads(threads)
