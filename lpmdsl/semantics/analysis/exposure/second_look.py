"""Contagions that a step looks at twice: those whose infected may infect within the step of their infection.

What somebody weighs in the step of the infection is known only once that is made. A second look in the same step counts
it in time; elsewhere the next step makes it up, and nothing is lost but a part of a step of time.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from lpmdsl.semantics import model as m
from lpmdsl.semantics.analysis.state_graph import caught, shortest_way
from lpmdsl.semantics.host.evaluate import Scope, evaluate, parameter_values
from lpmdsl.semantics.host.quantile_tables import TICKS, quantile_table

SOON = 1.75
"""Steps from an infection to being a source, in the median, below which there is a second look: one rule for all back
ends and the relaxation (``docs/daily_step.md``). An exponential latency of less than 2.5 steps is below."""


def is_looked_at_again(model: m.Model, contagion: m.Contagion, values: Mapping[str, float] | None = None) -> bool:
    """Return True if the infected of a condition on which it feeds are its sources soon.

    ``values``: of parameters, the model's own if None, as they decide the form of a program made for any.
    """
    values = parameter_values(model) if values is None else values
    return any(_steps_to_source(model, contagion, network, values) < SOON for network in contagion.networks)


def _steps_to_source(model: m.Model, contagion: m.Contagion, network: str, values: Mapping[str, float]) -> float:
    """Median time from an infection to a state that spreads on the network, by the shortest way, in steps."""
    condition, sources = model.condition(contagion.source_on(network)), contagion.sources_on(network)
    return shortest_way(condition, caught(condition), sources, lambda exit_: _median_steps(model, exit_, values))


def _median_steps(model: m.Model, exit_: m.Exit, values: Mapping[str, float]) -> float:
    """Median steps that an exit takes: the least over groups; 0 where a run alone knows, infinite where it is never
    taken in the step of coming."""
    match exit_.trigger:
        case m.After(dwell=law):
            table = quantile_table(law, model, dict(values), model.clock.step)
            return float(table[:, 0, -1].min()) / TICKS
        case m.AtRate(rate=rate):
            if not m.is_constant(rate) or any(isinstance(e, m.Population) for e in m.walk(rate)):
                return 0.0
            per_step = float(evaluate(rate, Scope(model, values))) * model.clock.step
            return math.log(2.0) / per_step if per_step > 0 else math.inf
        case _:
            return math.inf
