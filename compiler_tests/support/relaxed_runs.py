"""Relaxed runs of small worlds, compiled once for all tests."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

import lpmdsl
from compiler_tests.example_models import relaxed_models
from lpmdsl.networks.world import World
from lpmdsl.population.people import build_world
from lpmdsl.runtime.gradients.relaxed.forward_backward import Relaxations, RelaxedRun
from lpmdsl.semantics.host.evaluate import parameter_values
from lpmdsl.semantics.model import Literal_, Model

ALL = sorted((Path(__file__).parent.parent.parent / "models").glob("*.lpm"))
DECIDING = [p for p in ALL if "\nbehaviour " in p.read_text(encoding="utf-8")]
"""Models with behaviours, which have no relaxation."""
_RULED = (
    "cloned_network", "degroot", "dose_schedule", "gradabm_sir", "molt_cascade", "moran", "opinion", "school_closures",
    "test_trace_isolate", "tracing", "zombies",
)  # fmt: skip
RULED = [p for p in ALL if p.stem in _RULED]
"""Models with what the relaxation has not: rules, neighbours, counts of everybody, time since a move, interventions of
each place, ties that are drawn anew."""
MODELS = [p for p in ALL if p not in DECIDING and p not in RULED]
AT_BENDS = ("vaccine_delay",)
"""Models whose derivatives jump at their own values: as many doses as people to the day, and stays of whole days."""
NAMES = [*(p.stem for p in MODELS), "everything", "again"]


@dataclass(frozen=True)
class Small:
    """A model on a few people, its relaxed programs, and random weights of all its reports."""

    model: Model
    world: World
    values: dict[str, float]
    steps: int
    programs: Relaxations
    weights: dict[str, np.ndarray]

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(p.name for p in self.model.parameters)

    def run(self, threads: int = 1, **changed: float) -> RelaxedRun:
        own = {p.name for p in self.model.parameters if isinstance(p.default, Literal_)}  # the rest follow from others
        given = {n: v for n, v in self.values.items() if n in own}
        values = parameter_values(self.model, given | changed)
        return self.programs.run(self.world, values, self.steps, threads=threads)

    def weighed(self, run: RelaxedRun) -> float:
        return float(sum(np.nansum(w * run.reports(name)) for name, w in self.weights.items()))


@lru_cache
def small(name: str, agents: int = 300, steps: int = 45) -> Small:
    """A model of ``models/`` or of ``relaxed_models`` at small size."""
    text = getattr(relaxed_models, name.upper(), None)
    model = lpmdsl.load(text or next(p for p in MODELS if p.stem == name)).model
    values = parameter_values(model)
    counts = {} if text else {a.name: agents for a in model.agents}
    world = build_world(model, values, 1, counts)
    steps = min(model.clock.steps, steps)
    programs, random = Relaxations(model), np.random.default_rng(4)
    run = programs.run(world, values, steps)
    weights = {o.name: random.normal(size=run.reports(o.name).shape) for o in model.observations}
    return Small(model, world, values, steps, programs, weights)
