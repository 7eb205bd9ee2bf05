"""Hazards of one step, and the most that a step counts of one: 1 024, so that its part of a step fits into 63 bits.

A source's weight and an exit's rate are held there. For one source that meets one person through a whole step that
changes nothing, e^(−1024) being 0; it would where only a part of a step counts, where contacts are spread over many,
where the target's factor is small or two exits compete. So a hazard above the limit is an error: E0776.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

from lpmdsl.diagnostics import fail
from lpmdsl.quantities import NUMBER
from lpmdsl.semantics import model as m
from lpmdsl.semantics.analysis.intervals import Knowledge, bounds
from lpmdsl.semantics.context import text_of
from lpmdsl.semantics.host.evaluate import Scope, evaluate

MOST = 1024.0
"""The largest hazard of a step that is counted as it is."""
MOST_CONTACTS = 65_536.0
"""The most contacts a day that one may have of one's own."""
MOST_TOGETHER = 2.0**30
"""The largest sum of the weights of all who meet at random: with what is owed it fits into 63 bits."""
_SHORTER = ("12 hours", "6 hours", "4 hours", "3 hours", "2 hours", "1 hour", "30 minutes", "15 minutes", "10 minutes",
            "5 minutes", "1 minute")  # fmt: skip
_DAYS = {"hour": 1 / 24, "hours": 1 / 24, "minute": 1 / 1440, "minutes": 1 / 1440}


@dataclass(frozen=True, slots=True)
class Hazard:
    """A hazard of a step as an expression. ``network``: where it is a source's weight; None for an exit's rate."""

    expr: m.Expr
    network: m.Network | None


@lru_cache(maxsize=16)  # each run of a model looks at them
def hazards(model: m.Model) -> tuple[Hazard, ...]:
    """Every source's weight on every network, then every exit at a rate, in written order."""
    return tuple(_hazards(model))


def _hazards(model: m.Model) -> Iterator[Hazard]:
    for contagion in model.contagions:
        for spread in contagion.spreads:
            network = model.network(spread.network)
            yield Hazard(weight_in_a_step(model, contagion, network, spread), network)
    for exit_ in (e for c in model.conditions for e in c.exits):
        if isinstance(exit_.trigger, m.AtRate):
            yield Hazard(rate_in_a_step(model, exit_.trigger), None)


def weight_in_a_step(model: m.Model, contagion: m.Contagion, network: m.Network, spread: m.Spread) -> m.Expr:
    """Rate × contacts × step × the source's factors, in the order in which programs multiply them."""
    value = spread.rate
    if network.contacts is not None and network.mixing is None:
        value = _times(value, network.contacts)
    value = _times(value, _step(model, value))
    one = m.Literal_(1.0, NUMBER, value.span)
    for scaling in contagion.scalings:
        if scaling.end == "source" and (not scaling.networks or network.name in scaling.networks):
            factor = scaling.factor
            if scaling.where is not None:
                factor = m.Apply("select", (scaling.where, factor, one), NUMBER, value.span)
            value = _times(value, factor)
    return value


def rate_in_a_step(model: m.Model, trigger: m.AtRate) -> m.Expr:
    """Rate × step."""
    return _times(trigger.rate, _step(model, trigger.rate))


def _times(a: m.Expr, b: m.Expr) -> m.Expr:
    return m.Apply("mul", (a, b), NUMBER, a.span)


def _step(model: m.Model, value: m.Expr) -> m.Expr:
    return m.Literal_(model.clock.step, NUMBER, value.span)


# ------------------------------------------------------------------ what is said


def refuse_hazards(model: m.Model, values: Mapping[str, float], counts: Mapping[str, int]) -> None:
    """Look at what parameters decide and at how many there are, before a run with these values (base units).

    Raises ``LpmError`` (E0776). What else may be above the limit is looked at in the run (``watched_values``).
    """
    known = Knowledge(model, values, given={name: (value, value) for name, value in values.items()})
    scope = Scope(model, values, counts=counts)
    for hazard in hazards(model):
        exact = m.is_constant(hazard.expr)  # bounds of powers are endless
        most = float(evaluate(hazard.expr, scope)) if exact else bounds(hazard.expr, known)[1]
        if exact and most > MOST:
            message, help = said(model, hazard, most)
            raise fail("E0776", message, hazard.expr.span, help)
        if hazard.network is not None and hazard.network.layout == "random":
            _refuse_together(model, hazard, hazard.network, most, counts)


def _refuse_together(
    model: m.Model, hazard: Hazard, network: m.Network, most: float, counts: Mapping[str, int]
) -> None:
    number = max(counts.get(network.of, 0), counts.get(network.to, 0))
    if MOST_TOGETHER < most * number < float("inf"):
        message = (f"{_whole(hazard)} comes to as much as {most:.6g} in a step, so that {number:_} together come to "
                   f"more than 2^30, the most that is counted.")  # fmt: skip
        raise fail("E0776", message, hazard.expr.span, _help(model.clock, most, MOST_TOGETHER / number))


def said(model: m.Model, hazard: Hazard, value: float) -> tuple[str, str]:
    """Message and help for a hazard of this value."""
    message = f"{_whole(hazard)} comes to {value:.6g} in a step, and no more than 1 024 is counted."
    return message, _help(model.clock, value, MOST)


def said_in_a_run(model: m.Model, expr: m.Expr, whose: str, when: str) -> tuple[str, str]:
    """Message and help for a hazard that a run found above the limit."""
    hazard = next(h for h in hazards(model) if h.expr == expr)
    message = f"{_whole(hazard)} comes to more than 1 024 in a step{whose} at {when}, and no more is counted."
    return message, f"Check its units, or take a step shorter than {_days(model.clock)}."


def _whole(hazard: Hazard) -> str:
    text = text_of(hazard.expr.span)
    return text if hazard.network is None else f"With contacts and factors on `{hazard.network.name}`, {text}"


def _days(clock: m.Clock) -> str:
    if clock.step == 1.0:
        return "1 day"
    return f"{clock.step:g} days" if clock.step > 1 else f"{24 * clock.step:g} hours"


def _help(clock: m.Clock, value: float, most: float) -> str:
    """Proposes the longest usual step with which the hazard is below ``most``."""
    for text in _SHORTER:
        number, unit = text.split()
        step = float(number) * _DAYS[unit]
        if step < clock.step and value * step / clock.step <= most:
            return f"Check its units, or take a shorter step: with `step {text}` it is {value * step / clock.step:.4g}."
    return "Check its units: no step is short enough for it."
