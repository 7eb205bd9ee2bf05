"""Spread of a gradient by a dwell time: differences, times drawn, times moved, and what is made of both.

    python -m benchmarks.dwell_times [--cases "SIR at random, gamma"] [--people 1000] [--replicates 600] [--batches 4]

Prints one replicate's standard deviation over the truth, d infections / d mean time ill (or mean latent time), with the
standard error of it: single replicates far out decide over a variance, so it needs thousands. A batch of replicates has
its own fit of controls and its own people.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

import lpmdsl
from lpmdsl.config import RunOptions
from lpmdsl.runtime.api import repeats_of
from lpmdsl.runtime.engine.replicates import Repeats
from lpmdsl.runtime.gradients.finite_differences import CENTRAL, STEP
from lpmdsl.runtime.gradients.score.estimator import best_of_both, still_to_come, with_controls, without_controls
from lpmdsl.runtime.gradients.score.gradient import by_score
from lpmdsl.runtime.objective import boundaries_of

Array = NDArray[np.float64]
TEXT = """\
model dwell_times version 1.0

clock
  step 1 day
  for 60 days

parameter rate = {rate} per day
parameter ill = {ill} days
parameter latent = 3 days

agent Person count {people}
network town joins Person {joined}

condition Flu of Person
  states S, {states}
  start S except 20 Person in I
  from S by contagion to {first}
{coming}  from I after {law} to R

contagion of Flu
  from I on town at rate

observe infections = number entering {first} per day
"""
RANDOM, TIES = "at random", "as configuration(degrees fixed(6))"
GAMMA = "gamma(mean ill, sd 2 days)"


@dataclass(frozen=True, slots=True)
class Case:
    """An epidemic: how people meet and at what rate, the law of the time ill, its mean; whether there is a latent time
    (gamma, 3 days, sd 1), and by the mean of which time the gradient is."""

    joined: str
    rate: float
    law: str
    ill: float = 5
    is_latent: bool = False
    by: str = "ill"

    def text(self, people: int) -> str:
        """The model."""
        coming = "  from E after gamma(mean latent, sd 1 day) to I\n" if self.is_latent else ""
        states, first = ("E, I, R", "E") if self.is_latent else ("I, R", "I")
        return TEXT.format(rate=self.rate, ill=self.ill, people=people, joined=self.joined, law=self.law, coming=coming,
                           states=states, first=first)  # fmt: skip


CASES = {
    "SIR at random, exponential": Case(RANDOM, 0.36, "exponential(mean ill)"),
    "SIR at random, gamma": Case(RANDOM, 0.36, GAMMA),
    "SEIR at random, gamma": Case(RANDOM, 0.36, GAMMA, is_latent=True),
    "SEIR at random, by latent time": Case(RANDOM, 0.36, GAMMA, is_latent=True, by="latent"),
    "SIR on ties, exponential": Case(TIES, 0.06, "exponential(mean ill)"),
    "SIR on ties, gamma": Case(TIES, 0.06, GAMMA),
    "SIR on ties, gamma of a day": Case(TIES, 0.3, "gamma(mean ill, sd 0.4 days)", ill=1),
}


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--cases", default=";".join(CASES), help="names, between semicolons")
    options.add_argument("--people", type=int, default=1_000)
    options.add_argument("--replicates", type=int, default=600, help="of a batch")
    options.add_argument("--batches", type=int, default=4)
    asked = options.parse_args()
    for name in asked.cases.split(";"):
        batches = [measured(CASES[name], asked.people, asked.replicates, k + 1) for k in range(asked.batches)]
        each = {key: np.concatenate([b[key] for b in batches]) for key in batches[0]}
        truth = float(each["differences"].mean())
        print(f"{name}, {asked.people} people: {truth:.1f}", *(_row(k, v, truth) for k, v in each.items()), sep="; ")


def _row(name: str, each: Array, truth: float) -> str:
    off = (each - each.mean()) ** 2
    spread = each.std() / abs(truth)
    error = off.std() / np.sqrt(len(off)) / off.mean() / 2 * spread
    return f"{name} {spread:.3f} ± {error:.3f} ({each.mean() / truth - 1:+.1%})"


def measured(case: Case, people: int, replicates: int, seed: int) -> dict[str, Array]:
    """Estimates of every replicate of a batch, by the name of the estimator."""
    options = RunOptions(seed=seed, replicates=replicates, threads=2)
    repeats = repeats_of(lpmdsl.load(case.text(people)), "total of infections", options, True)
    told, slices = by_score(repeats, [case.by]).told({}, replicates)
    reports = told.reports.shape[1]
    to_come = still_to_come(told.reports, np.ones(reports), boundaries_of(repeats.model, "infections", reports), slices)
    plain, each = without_controls(told, to_come), with_controls(told, to_come, slices)
    found = {"differences": differences(repeats, case.by), "drawn, no controls": plain[:, 0], "drawn": each[:, 0]}
    if told.moved:
        found |= {"moved, no controls": plain[:, 1], "moved": each[:, 1], "both": best_of_both(each, told.moved)[:, 0]}
    return found


def differences(repeats: Repeats, name: str) -> Array:
    """The five-point difference of every replicate: four runs."""
    value, count = repeats.plan.variants[0].parameters[name], repeats.plan.options.replicates
    total = np.zeros(count)
    for k, weight in zip(CENTRAL.at, CENTRAL.estimate, strict=True):
        total += weight * repeats.values({name: value * (1 + k * STEP)}, range(count))[:, 0]
    return total / (STEP * value)


if __name__ == "__main__":
    main()
