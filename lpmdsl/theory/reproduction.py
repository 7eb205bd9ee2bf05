"""Reproduction numbers from a sample of the model's own people: the next-generation matrix over groups and networks.

Types are (group, the network through which one was infected): Diekmann, Heesterbeek & Metz 1990 (J Math Biol 28:365).
Who is infected along ties has more ties than most, and one end of one is used: the excess degree E[k(k−1)]/E[k]
(Newman 2002, Phys Rev E 66:016128). In a place or along a tie one person can be infected once: 1 − E[exp(−hazard·stay)]
in place of the expected number of contacts (household saturation: Ball, Mollison & Scalia-Tomba 1997, Ann Appl
Probab 7:46, first generation). Growth solves Euler and Lotka's equation with the same matrix, discounted.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from functools import cache, partial

import numpy as np

from lpmdsl.networks.world import World
from lpmdsl.population.people import build_world
from lpmdsl.semantics import model as m
from lpmdsl.theory.coupled import coupled
from lpmdsl.theory.course.stays import is_known
from lpmdsl.theory.redrawn import as_random_contacts
from lpmdsl.theory.roots import root
from lpmdsl.theory.sample import EVERYONE, Matrix, Sample
from lpmdsl.theory.steps import in_steps, is_above_one, leading, within_a_step
from lpmdsl.theory.wording import undecided, unseen_absence, written

SAMPLE, SAMPLE_IN_PLACES = 20_000, 4_000
"""So many people of each kind at most; fewer where places make many kinds of neighbourhoods."""
FEW = 2_000
"""So many are enough to decide whether steps are too long: the share that is lost is right to a hundredth."""
FASTEST, SLOWEST = 50.0, -5.0
"""Per day: growth and decline are looked for between these."""


@dataclass(frozen=True, slots=True)
class Growth:
    """Growth per day, and in steps of the model's clock (an estimate: ``theory.steps``)."""

    condition: str
    growth: float
    growth_in_steps: float


@dataclass(frozen=True, slots=True)
class Reproduction:
    """``value``: R0, infinite where somebody infectious never ceases to be. ``first_case``: mean number infected by the
    first infectious person. ``by_network``, ``by_group``: shares of infections while the outbreak grows. ``growth``
    per day, and in steps of the model's clock, where infections of one step that infect in it count for two
    generations; −∞ and ∞ where it is faster than is computed, NaN where it declines more slowly than any
    exponential; ``doubling`` in days (None if it does not grow). ``herd_immunity``: share immune at which it stops,
    1 if none is enough. ``kept``: who is infectious without end, "" if nobody."""

    condition: str
    value: float
    first_case: float
    by_network: Mapping[str, float]
    by_group: Mapping[str, float]
    growth: float
    growth_in_steps: float
    doubling: float | None
    herd_immunity: float
    matrix: Matrix
    types: tuple[tuple[str, str], ...]
    assumptions: tuple[str, ...]
    kept: str = ""

    @property
    def told(self) -> str:
        """R0 in three digits, or in words."""
        return f"{self.value:.3g}" if np.isfinite(self.value) else "without end"

    @property
    def lost_to_steps(self) -> float:
        """The share of the growth that the steps of the clock take, below 0 what they add; 0 where it does not grow."""
        return 1 - self.growth_in_steps / self.growth if 0 < self.growth < np.inf else 0.0


def reproduction(
    model: m.Model, condition: m.Condition, parameters: Mapping[str, float], seed: int = 1,
    samples: list[Sample] | None = None,
) -> Reproduction:  # fmt: skip
    """The numbers of one condition that is passed on. Raises ``ValueError`` if it is not, or needs what a run knows."""
    samples = samples if samples is not None else samples_of(model, condition, parameters, seed)
    sample, types = samples[0], _types(samples)
    matrix = next_generation(samples, 0.0)
    value, vector = leading(matrix)
    growth = _growth(samples, value)
    # Where R0 has no end, the shares are those of the discounted matrix, which has one.
    shares = matrix @ vector if np.isfinite(value) else leading(next_generation(samples, growth))[1]
    shares = shares / shares.sum() if shares.sum() > 0 else shares
    return Reproduction(
        condition.name, value, sum(sample.first_case(s) for s in samples), _shares(types, shares, 1),
        _shares(types, shares, 0), growth, _growth(samples, value, model.clock.step),
        float(np.log(2) / growth) if 0 < growth < np.inf else None, _immune(matrix, len(sample.types())), matrix,
        tuple(types), _assumptions(samples), "" if np.isfinite(value) else _kept(samples),
    )  # fmt: skip


def samples_of(
    model: m.Model, condition: m.Condition, parameters: Mapping[str, float], seed: int = 1,
    worlds: tuple[World, ...] | None = None,
) -> list[Sample]:  # fmt: skip
    """Samples of the people of a condition, and of those of every other that infects it or that it infects."""
    if not model.is_passed_on(condition.name):
        raise ValueError(f"{condition.name} is not passed on")
    model = as_random_contacts(model)
    together = coupled(model, condition)
    used = {n.name for c in together for n in model.networks_of(c.name)}
    found = worlds if worlds is not None else (world_of(model, parameters, seed, used),)
    return [Sample(model, c, parameters, found, _from(model, c, together)) for c in together]


def _from(model: m.Model, source: m.Condition, together: tuple[m.Condition, ...]) -> dict[str, m.Contagion]:
    """Condition → its contagion, of those that can be caught from people with one."""
    contagions = {c.name: model.contagion_of(c.name) for c in together}
    return {name: found for name, found in contagions.items()
            if found is not None and any((s.of or name) == source.name for s in found.spreads)}  # fmt: skip


def lost_growth(
    model: m.Model, condition: m.Condition, parameters: Mapping[str, float], least: float,
    samples: list[Sample] | None = None,
) -> Growth | None:  # fmt: skip
    """Growth of a condition, exact and in the steps of the clock, where these take a share of ``least`` or more.

    From a small sample, unless given: a few hundredths of a second where ``reproduction`` takes up to seconds. None
    too where it does not grow. Raises ``ValueError`` as ``reproduction`` does.
    """
    if samples is None:
        used = {n.name for c in coupled(model, condition) for n in model.networks_of(c.name)}
        samples = samples_of(model, condition, parameters, worlds=(world_of(model, parameters, 1, used, FEW),))
    value, step = r0_of(samples), model.clock.step
    growth = _growth(samples, value)
    at = growth * (1 - least)
    if not 0 < growth < np.inf:
        return None
    # Mostly two matrices tell what takes the twelve of `_within` to work out.
    if is_above_one(next_generation(samples, at), next_generation(samples, 1 / step), at, step):
        return None
    if _excess(samples, at, step, _within(samples, step)) > 0:
        return None
    return Growth(condition.name, growth, _growth(samples, value, step))


def world_of(
    model: m.Model, parameters: Mapping[str, float], seed: int = 1, networks: Collection[str] | None = None,
    at_most: int = SAMPLE,
) -> World:  # fmt: skip
    """Some of the model's people, of every kind, with their places and the ties of ``networks`` (all)."""
    if networks is not None:
        named = {*networks, *(n.back_of for n in model.networks if n.name in networks)}
        model = replace(model, networks=tuple(n for n in model.networks if n.name in named))
    most = min(at_most, SAMPLE_IN_PLACES if any(n.layout == "place" for n in model.networks) else SAMPLE)
    counts = {a.name: min(a.count or most, most) for a in model.agents if a.file is None}
    return build_world(model, parameters, seed, counts)


def read_by_people(model: m.Model) -> set[str]:
    """The parameters on which attributes, places and ties hang."""
    made = (tuple(a.members for a in model.agents), tuple(n.generator for n in model.networks))
    return {e.name for e in m.every_expression(made) if isinstance(e, m.ParameterRef)}


def r0_of(samples: list[Sample]) -> float:
    """The largest eigenvalue of the next-generation matrix."""
    return leading(next_generation(samples, 0.0))[0]


def next_generation(samples: list[Sample], r: float) -> Matrix:
    """The matrix over the types of all conditions that infect one another, discounted by exp(−r·time)."""
    with np.errstate(invalid="ignore"):
        return np.block([[to.matrix(r) if to is by else by.infects(to, r) for by in samples] for to in samples])


def _types(samples: list[Sample]) -> list[tuple[str, str]]:
    """(group, network) of every type; with several kinds of agents, the kind is part of the group's name."""
    several = len(samples) > 1
    return [(f"{s.condition.of} {s.labels[g]}".removesuffix(f" {EVERYONE}") if several else s.labels[g], n)
            for s in samples for g, n, _ in s.types()]  # fmt: skip


def _immune(matrix: Matrix, own: int) -> float:
    """The share immune among those who have the first ``own`` types at which an outbreak stops, 1 if none is enough."""

    def excess(share: float) -> float:
        scaled = matrix.copy()
        scaled[:own] *= 1 - share
        return leading(scaled)[0] - 1

    if excess(0.0) <= 0 or not np.all(np.isfinite(matrix)):
        return 0.0 if np.all(np.isfinite(matrix)) else 1.0
    return 1.0 if excess(1.0) >= 0 else root(excess, 0.0, 1.0, 1e-12)


def _growth(samples: list[Sample], value: float, step: float = 0.0) -> float:
    """The r at which the discounted matrix, or that from step to step, has 1 as its largest eigenvalue; NaN if none."""
    excess = cache(partial(_excess, samples, step=step, within=_within(samples, step)))
    if value <= 0:
        return float("-inf")
    low, high = (0.0, 0.05) if value > 1 else (-0.05, 0.0)
    while value > 1 and excess(high) > 0 and high < FASTEST:
        low, high = high, 2 * high
    while value <= 1 and excess(low) < 0 and low > SLOWEST:
        low, high = 2 * low, low
    if value <= 1 and excess(low) < 0:
        return float("-inf")
    if value > 1 and excess(high) > 0:
        return float("inf")
    # Below some r the integrals have no end: the root, if there is one, lies above.
    while not np.isfinite(excess(low)):
        if high - low < 1e-9:
            return float("nan")
        middle = (low + high) / 2
        low, high = (middle, high) if excess(middle) > 0 else (low, middle)
    if excess(low) * excess(high) > 0:
        return float("nan")
    return root(excess, low, high, 1e-9)


def _within(samples: list[Sample], step: float) -> Matrix | None:
    """Infections by somebody infected in the same step; None where steps are not asked for."""
    return within_a_step(partial(next_generation, samples), step) if step > 0 else None


def _excess(samples: list[Sample], r: float, step: float, within: Matrix | None) -> float:
    """By how much the discounted matrix, or that from step to step, has more than 1 as its largest eigenvalue."""
    discounted = next_generation(samples, r)
    if within is None or not np.all(np.isfinite(discounted)):
        return leading(discounted)[0] - 1
    return leading(in_steps(discounted, within, r, step))[0] - 1


def _shares(types: list[tuple[str, str]], shares: Matrix, part: int) -> dict[str, float]:
    total: dict[str, float] = {}
    for kind, share in zip(types, shares, strict=True):
        total[kind[part]] = total.get(kind[part], 0.0) + float(share)
    return total


def _kept(samples: list[Sample]) -> str:
    """The states in which somebody infectious stays without end: ``I``."""
    found: list[str] = []
    for sample in samples:
        times = sample.course.times(0.0)
        found += [sample.condition.states[s] for s in sorted(times) if not np.all(np.isfinite(times[s]))]
    return ", ".join(dict.fromkeys(found))


def _assumptions(samples: list[Sample]) -> tuple[str, ...]:
    model, networks = samples[0].model, [n for s in samples for n in s.networks]
    said: list[str] = []
    if len(samples) > 1:
        said.append(f"a generation goes from one kind to the other; immune are agents of {samples[0].condition.of}")
    said += ["nearly everyone is susceptible, and nothing changes with time", "no intervention is active"]
    said += undecided(model) + [away for s in samples for away in unseen_absence(model, s.condition)]
    if any(n.layout == "place" for n in networks):
        said.append("in a place, cases of the first generation only: each person there can be infected once")
    if any(n.directed for n in networks):
        said.append("along directed ties one is infected by those they lead to; few of those ties lead back")
    if any(n.layout == "ties" and not n.directed for n in networks):
        said.append("ties form no short loops: the infected have one tie less to pass it on (excess degree)")
    if any(n.days for n in networks):
        said.append("contacts on some days only count as five sevenths (or two) of contacts on all days")
    for name in dict.fromkeys(n.name for n in networks if n.redrawn):
        said.append(f"whom one has met on {name} is met again by chance alone, also within a period")
    untold = [e for s in samples for e in s.condition.exits if not is_known(e)]
    said += [f"nobody takes `{' '.join(written(e.span).split())}`, which depends on the run" for e in untold]
    return tuple(said)
