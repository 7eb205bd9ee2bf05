"""Epidemics without steps: random mixing event by event, closed households by Ball's equations; and EpiModel's law."""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq

from benchmarks.steps_cases import Household, Mixing

Series = NDArray[np.float64]


def daily_cases(case: Mixing, people: int, seed: int) -> Series:
    """New infections a day among ``people`` at random, each at its real time (Sellke 1983, J Appl Prob 20:390)."""
    random = np.random.default_rng(seed)
    first = case.first_of(people)

    def drawn(mean: float, size: int) -> Series:
        return np.full(size, float(mean)) if case.is_fixed else random.exponential(mean, size)

    thresholds = np.sort(random.exponential(1, people - first))
    latent = drawn(case.latent, people - first) if case.latent else np.zeros(people - first)
    stays = drawn(case.infectious, people)
    return _events(thresholds, latent, stays[first:], stays[:first], case.beta / people, case.days)


def _events(thresholds: Series, latent: Series, stays: Series, first: Series, rate: float, days: int) -> Series:
    cases, now, met, infectious, caught = np.zeros(days), 0.0, 0.0, len(first), 0
    coming = [(stay, -1.0) for stay in first]
    heapq.heapify(coming)
    while now < days:
        at = coming[0][0] if len(coming) else np.inf
        force = rate * infectious
        infection = np.inf
        if caught < len(thresholds) and infectious > 0:
            infection = now + (thresholds[caught] - met) / force
        if infection == np.inf and at == np.inf:
            break
        if infection <= at:
            met, now = thresholds[caught], infection
            if now >= days:
                break
            cases[int(now)] += 1
            heapq.heappush(coming, (now + latent[caught], stays[caught]))
            caught += 1
        else:
            met, now = met + force * (at - now), at
            _, stay = heapq.heappop(coming)
            if stay < 0:
                infectious -= 1
            else:
                infectious += 1
                heapq.heappush(coming, (now + stay, -1.0))
    return cases


def final_size(r0: float, first: float) -> float:
    """The share of those at risk who are infected in the end, with a share ``first`` infectious at the start."""

    def excess(z: float) -> float:
        return 1 - z - math.exp(-r0 * ((1 - first) * z + first))

    return float(brentq(excess, 1e-9, 1.0))  # type: ignore[arg-type]


def further_cases(household: Household) -> float:
    """Mean number infected beside one index case in a closed household (Ball 1986, Adv Appl Prob 18:289)."""
    n, transform = household.size - 1, _transform(household)
    found = np.zeros(n + 1)
    for j in range(n + 1):
        before = sum(math.comb(n - i, j - i) * found[i] / transform(n - j) ** (i + 1) for i in range(j))
        found[j] = (math.comb(n, j) - before) * transform(n - j) ** (j + 1)
    return float(found @ np.arange(n + 1))


def _transform(household: Household) -> Callable[[int], float]:
    shape = (household.mean / household.sd) ** 2
    return lambda k: (1 + k * household.rate * household.mean / shape) ** -shape


# ------------------------------------------------------------------ whole steps


def whole_steps(case: Mixing, people: int, step: float, seed: int) -> Series:
    """New infections a day by EpiModel's law: who is infected in a step infects from the next one on, and each leaves a
    state with the chance rate × step in every step (Jenness, Goodreau & Morris 2018, J Stat Softw 84:8)."""
    random = np.random.default_rng(seed)
    infectious = case.first_of(people)
    susceptible, latent = people - infectious, 0
    cases = np.zeros(round(case.days / step))
    for t in range(len(cases)):
        caught = random.binomial(susceptible, -math.expm1(-case.beta * step * infectious / people))
        well = random.binomial(infectious, min(1.0, step / case.infectious))
        ill = random.binomial(latent, min(1.0, step / case.latent)) if case.latent else caught
        susceptible, latent = susceptible - caught, latent + caught - ill
        infectious, cases[t] = infectious + ill - well, caught
    return cases.reshape(case.days, -1).sum(axis=1)


def whole_steps_at_home(household: Household, count: int, step: float, seed: int) -> float:
    """Mean number of further cases in ``count`` closed households by EpiModel's law."""
    random = np.random.default_rng(seed)
    state = np.zeros((count, household.size), np.int8)
    state[:, 0] = 1
    chance = min(1.0, step / household.mean)
    for _ in range(round(60 / step)):
        sources = (state == 1).sum(axis=1, keepdims=True)
        caught = (state == 0) & (random.random(state.shape) < -np.expm1(-household.rate * step * sources))
        well = (state == 1) & (random.random(state.shape) < chance)
        state[caught], state[well] = 1, 2
    return float((state != 0).sum() / count - 1)
