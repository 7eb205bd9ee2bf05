"""Parameters that act on a run through chances alone, so that the score of its draws has their whole derivative.

A parameter may act on hazards, probabilities and laws of dwell times. One that moves people, ties or start states, that
is compared with something, or that a report is computed with, acts on what the draws then decide by itself, and the
score does not see it. ``unscored`` says what, and where.
"""

from __future__ import annotations

from collections.abc import Iterator

from lpmdsl.distributions.table import score_of
from lpmdsl.semantics import model as m
from lpmdsl.semantics.analysis.dependencies import acts_on, moving, observations_behind
from lpmdsl.semantics.analysis.derivative import lost
from lpmdsl.semantics.context import text_of


def unscored(model: m.Model, parameter: str, observation: str) -> str | None:
    """Reason why the score of a run has not all that a parameter does to an observation, in words; None if it has."""
    if model.clock.until is not None:
        return f"the run may end early ({_place(model.clock.until)})"
    if (formula := moving(model).get(parameter)) is not None:
        return f"its formula moves in a run, and only set by hand has it one value ({_place(formula)})"
    behind = observations_behind(model, {observation})
    for part, why in _fixed(model, behind):
        for expr in m.whole_expressions(part):
            if acts_on(expr, parameter, model):
                return f"{why} ({_place(expr)})"
    for law in _laws(model, behind):
        moved = [e for e in m.whole_expressions(law.arguments) if acts_on(e, parameter, model)]
        score = score_of(law.family)
        if moved and isinstance(score, str):
            return f"{score} ({_place(moved[0])})"
    for expr in _chances(model, behind):
        for part in lost(expr, parameter, model):
            return f"it acts through {text_of(part.span)}, which has no derivative ({_place(part)})"
    return None


def _place(expr: m.Expr) -> str:
    return expr.span.label


def _fixed(model: m.Model, behind: set[str]) -> Iterator[tuple[object, str]]:
    """Expressions that decide without a draw, with what a parameter in them does."""
    yield model.agents, "it decides who and where people are"
    yield tuple(n.generator for n in model.networks), "it decides who is joined with whom"
    own = tuple(n.contacts for n in model.networks if n.is_by_person)
    yield own, "it decides over how many contacts an infection is spread"
    yield tuple(n.where for n in model.networks), "it is compared with something"
    yield tuple(c.start for c in model.conditions), "it decides who starts in which state"
    yield tuple(w for c in model.contagions for w in (s.where for s in c.scalings)), "it is compared with something"
    apart = {c.name for c in model.conditions if c.excludes}
    yield tuple(c for c in model.contagions if c.condition in apart), "it is of conditions that exclude each other"
    remembered = tuple(c for c in model.contagions if c.remembers)
    met = tuple(model.network(name).contacts for c in remembered for name in c.networks)
    yield (remembered, met), "it decides who is remembered as the source"
    for condition in model.conditions:
        tests = tuple(e.trigger for e in condition.exits if isinstance(e.trigger, m.When))
        yield tests, "it is compared with something"
        yield tuple(a.value for c in condition.entering for a in c.actions), "it decides what an attribute is set to"
    for rule in m.every_rule(model):
        yield from _of_rule(rule)
    for decision in model.behaviours:
        parts = (decision.shifted, decision.rule, decision.blends, decision.otherwise, decision.knows)
        yield parts, f"it decides what `{decision.name}` decides"
    for one in model.interventions:
        yield (one.starts, one.stops), "it decides when an intervention starts or stops"
        yield tuple(w.where for w in one.while_active), "it is compared with something"
        yield (one.together.at_most if one.together is not None else None,), "it decides who is chosen"
        for block in one.repeated:
            yield (block.at_most, block.where, block.by), "it decides who is chosen"
            sets = tuple(a.value for a in block.actions if isinstance(a, m.SetAttribute))
            yield sets, "it decides what an attribute is set to"
    for name in sorted(behind):
        observation = model.observation(name)
        yield (observation.value, observation.where, observation.by), f"`{name}` itself is computed with it"
        if isinstance(observation.value, m.Level) and not _is_constant(observation.thinned):
            yield observation.thinned, f"the thinning of `{name}` changes with time"


def _of_rule(rule: m.Rule) -> Iterator[tuple[object, str]]:
    """Parts of a rule that decide without a draw of a chance."""
    yield (rule.test, rule.date), f"it decides when `{rule.name}` is followed"
    yield (rule.block.at_most, rule.block.where, rule.block.by), f"it decides who follows `{rule.name}`"
    for one in rule.paragraphs:
        yield one.where, "it is compared with something"
        yield one.meeting, "it decides who is met"
        sets = tuple(a.value for a in one.actions if isinstance(a, m.SetAttribute))
        yield sets, "it decides what an attribute is set to"


def _is_constant(probability: m.Expr | None) -> bool:
    """Return True if neither time nor reports decide a probability."""
    moves = m.Time | m.ObservationRef | m.Rolling | m.IsActive
    return probability is None or not any(isinstance(e, moves) for e in m.walk(probability))


def _laws(model: m.Model, behind: set[str]) -> Iterator[m.Distribution]:
    for condition in model.conditions:
        yield from (e.trigger.dwell for e in condition.exits if isinstance(e.trigger, m.After))
    yield from (d for d in (model.observation(n).delayed for n in sorted(behind)) if d is not None)


def _chances(model: m.Model, behind: set[str]) -> Iterator[m.Expr]:
    """The expressions of every hazard, probability and argument of a law, and what attributes read as."""
    parts: list[object] = [tuple(s.rate for s in c.spreads) for c in model.contagions]
    parts += [tuple(s.factor for s in c.scalings) for c in model.contagions]
    parts += [tuple(n.contacts for n in model.networks)]
    for condition in model.conditions:
        parts += [tuple(e.branches for e in condition.exits), tuple(w.value for w in condition.whiles)]
        parts += [e.trigger for e in condition.exits if isinstance(e.trigger, m.AtRate | m.Chance)]
        parts += [a.probability for c in condition.entering for a in c.actions]
    parts += [a.probability for i in model.interventions for b in i.repeated for a in b.actions]
    for rule in m.every_rule(model):
        parts += [rule.chance, *(p.probability for p in rule.paragraphs), *(a.probability for a in rule.actions)]
    parts += [model.observation(name).thinned for name in sorted(behind)]
    parts += [law.arguments for law in _laws(model, behind)]
    yield from (e for part in parts for e in m.whole_expressions(part))
