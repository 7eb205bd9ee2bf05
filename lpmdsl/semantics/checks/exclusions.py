"""Conditions of which an agent has at most one at a time: ``at most one of Alpha, Beta``."""

from __future__ import annotations

from dataclasses import replace

from lpmdsl.quantities import BOOLEAN, NUMBER
from lpmdsl.semantics import model
from lpmdsl.semantics.context import Context
from lpmdsl.source import Span
from lpmdsl.syntax import tree


def keep_apart(ctx: Context, made: model.Model) -> model.Model:
    """The model in which whoever has one of several conditions is not at risk of the others (E0727)."""
    excludes: dict[str, set[str]] = {}
    for written in ctx.names.conditions().values():
        named = _named(ctx, made, written) if written.at_most_one else []
        for name in named:
            excludes.setdefault(name, set()).update(n for n in named if n != name)
    conditions = tuple(
        replace(c, excludes=tuple(o.name for o in made.conditions if o.name in excludes.get(c.name, ())))
        for c in made.conditions
    )
    apart = {c.name: c for c in conditions}
    contagions = tuple(_apart(c, apart) for c in made.contagions)
    return replace(made, conditions=conditions, contagions=contagions)


def _named(ctx: Context, made: model.Model, written: tree.Condition) -> list[str]:
    """The conditions of a line, those that can be kept apart."""
    found: list[str] = []
    known = {c.name: c for c in made.conditions}
    for name in written.at_most_one:
        condition = known.get(name.id)
        if condition is None:
            if name.id not in ctx.broken:
                ctx.unknown(name, "a condition", ctx.names.conditions())
        elif condition.of != written.of.id:
            _wrong(ctx, f"`{name.id}` is a condition of {condition.of}, and this one of {written.of.id}.", name.span)
        elif not _starts_with_contagion(condition):
            _wrong(ctx, f"{condition.name} can begin in another way than by contagion.", name.span)
        else:
            found.append(name.id)
    if len(written.at_most_one) < 2 or written.name.id not in {n.id for n in written.at_most_one}:
        place = next((n.span for n in written.at_most_one), written.name.span)
        _wrong(ctx, "The line names this condition and at least one other.", place)
        return []
    return found


def _wrong(ctx: Context, message: str, span: Span) -> None:
    ctx.report.add("E0727", message, span,
                   "Write `at most one of A, B` for conditions of one kind whose start state is left `by contagion` "
                   "alone.")  # fmt: skip


def _starts_with_contagion(condition: model.Condition) -> bool:
    exits = condition.exits_of(condition.start.state)
    return bool(exits) and all(isinstance(e.trigger, model.ByContagion) for e in exits)


def _apart(contagion: model.Contagion, conditions: dict[str, model.Condition]) -> model.Contagion:
    """The contagion whose targets have none of the other conditions."""
    condition = conditions.get(contagion.condition)
    scalings = list(contagion.scalings)
    for name in condition.excludes if condition is not None else ():
        span = contagion.span
        free = model.InState(name, (conditions[name].start.state,), BOOLEAN, span)
        taken = model.Apply("not", (free,), BOOLEAN, span)
        scalings.append(model.Scaling("target", model.Literal_(0.0, NUMBER, span), taken, (), span))
    return replace(contagion, scalings=tuple(scalings))
