"""Contagions that a step looks at twice: those whose infected may infect within the step of their infection.

What somebody weighs in the step of the infection is known only once that is made. A second look in the same step counts
it in time; elsewhere the next step makes it up, and nothing is lost but a part of a step of time.
"""

from __future__ import annotations

import math

from lpmdsl.semantics import model as m
from lpmdsl.semantics.analysis.state_graph import caught, shortest_way
from lpmdsl.semantics.host.evaluate import Scope, evaluate, parameter_values
from lpmdsl.semantics.host.quantile_tables import TICKS, quantile_table

SOON = 1.5
"""Steps from an infection to being a source, in the median. Later than that, what the next step makes up is less than a
fifth of what one weighs in a step, and the peak of an epidemic is right within 0.3 % (``docs/daily_step.md``)."""


def is_looked_at_again(model: m.Model, contagion: m.Contagion) -> bool:
    """Return True if the infected of a condition on which it feeds are its sources soon, by the model's own values."""
    networks = dict.fromkeys(s.network for s in contagion.spreads)
    return any(_steps_to_source(model, contagion, network) < SOON for network in networks)


def _steps_to_source(model: m.Model, contagion: m.Contagion, network: str) -> float:
    """Median time from an infection to a state that spreads on the network, by the shortest way, in steps."""
    condition, sources = model.condition(contagion.source_on(network)), contagion.sources_on(network)
    return shortest_way(condition, caught(condition), sources, lambda exit_: _median_steps(model, exit_))


def _median_steps(model: m.Model, exit_: m.Exit) -> float:
    """Median steps that an exit takes: the least over groups; 0 where a run alone knows, infinite at ends of steps."""
    match exit_.trigger:
        case m.After(dwell=law):
            table = quantile_table(law, model, parameter_values(model), model.clock.step)
            return float(table[:, 0, -1].min()) / TICKS
        case m.AtRate(rate=rate):
            if not m.is_constant(rate):
                return 0.0
            per_step = float(evaluate(rate, Scope(model, parameter_values(model)))) * model.clock.step
            return math.log(2.0) / per_step if per_step > 0 else math.inf
        case _:
            return math.inf
