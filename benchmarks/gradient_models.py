"""The five settings on which estimators of gradients are compared, as models, and the exact answer of one of them."""

from __future__ import annotations

from dataclasses import dataclass
from math import comb, exp, log1p

import numpy as np

TEXT = """\
model {name} version 1.0

clock
  step 1 day
  for {days} days

parameter beta = {beta!r}
parameter hazard = -log(1 - beta) / 1 day
parameter lesser = -log(1 - 0.1 * beta) / 1 day
parameter recovery = 15 %

agent Person count {people}
{home}
{networks}
condition Flu of Person
  states S, I, R
  start S except {seeds} Person in I
  from S by contagion to I
  from I with probability recovery every day to R

contagion of Flu
{spreads}

observe infections = number entering I per day
"""
TIES = "network ties joins Person as configuration(degrees fixed({degree}))\n"
HOMES = "network homes joins Person sharing home\n"


@dataclass(frozen=True, slots=True)
class Setting:
    """``words``: for the table. ``truth_runs``: replicates of differences for what is taken as the truth, if no
    recursion gives it; ``runs``: of each estimator."""

    name: str
    words: str
    text: str
    people: int
    truth_runs: int
    runs: int


def _text(name: str, days: int, beta: float, people: int, seeds: int, degree: int, room: int = 0) -> str:
    networks = (HOMES if room else "") + (TIES.format(degree=degree) if degree else "")
    at = "  from I on homes at hazard\n" if room else ""
    at += f"  from I on ties at {'lesser' if room else 'hazard'}\n" if degree else ""
    home = f"  home place of size {room}\n" if room else ""
    return TEXT.format(name=name, days=days, beta=beta, people=people, seeds=seeds, home=home, networks=networks,
                       spreads=at)  # fmt: skip


K30_DAYS = 150
"""So long that all is over: who is infected in the end depends on the law of the time ill alone (Sellke 1983), so that
the chain binomial has it, whose cases infect and recover at ends of days."""
SETTINGS = (
    Setting("sparse", "sparse k=6", _text("sparse", 40, 0.06, 1000, 20, 6), 1000, 3000, 2000),
    Setting("dense", "dense k=60", _text("dense", 40, 0.005, 1000, 20, 60), 1000, 3000, 2000),
    Setting("households", "households", _text("households", 40, 0.25, 1000, 20, 4, 5), 1000, 6000, 6000),
    Setting("two_seeds", "2 seeds, T=80", _text("two_seeds", 80, 0.06, 1000, 2, 6), 1000, 6000, 6000),
    Setting("K30", "K30", _text("K30", K30_DAYS, 0.012, 30, 2, 0, 30), 30, 0, 8000),
)


def exact_complete(people: int, seeds: int, days: int, beta: float, recovery: float) -> float:
    """E[infections but the seeds] of the chain binomial on a complete graph, by recursion over (S, I)."""
    law = np.zeros((people + 1, people + 1))
    law[people - seeds, seeds] = 1.0
    for _ in range(days):
        then = np.zeros_like(law)
        for s in range(people + 1):
            for i in range(people - s + 1):
                if law[s, i] > 1e-18:
                    _one_day(then, law[s, i], s, i, beta, recovery)
        law = then
    return float((people - seeds - np.arange(people + 1)) @ law.sum(axis=1))


def _one_day(then: np.ndarray, weight: float, s: int, i: int, beta: float, recovery: float) -> None:
    escapes = exp(i * log1p(-beta))
    for caught in range(s + 1):
        p = weight * comb(s, caught) * (1 - escapes) ** caught * escapes ** (s - caught)
        for well in range(i + 1):
            q = comb(i, well) * recovery**well * (1 - recovery) ** (i - well)
            then[s - caught, i + caught - well] += p * q


def exact_slope(beta: float = 0.012, step: float = 1e-4) -> float:
    """d E / d beta of K30, 1507.40376, by the recursion at four points (error of the fourth order)."""
    at = [exact_complete(30, 2, K30_DAYS, beta + k * step, 0.15) for k in (-2, -1, 1, 2)]
    return float(np.dot(at, (1, -8, 8, -1)) / (12 * step))
