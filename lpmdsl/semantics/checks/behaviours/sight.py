"""Sight of others by those who decide: ``knows NAME = EXPR``, of attributes and of states that are ``seen in``."""

from __future__ import annotations

from collections.abc import Iterator

from lpmdsl.diagnostics import Label
from lpmdsl.quantities import ERROR
from lpmdsl.semantics import model
from lpmdsl.semantics.analysis.archetypes import NOT_YET_KNOWN, UNKNOWN
from lpmdsl.semantics.checks.values.expressions import check_expression
from lpmdsl.semantics.context import Context
from lpmdsl.semantics.operators import BUILT_IN
from lpmdsl.semantics.resolve.scope import knowing
from lpmdsl.semantics.spans import word_span
from lpmdsl.source import Span
from lpmdsl.syntax import tree

Hidden = tuple[str, str, Span]
"""A condition, one of its states that is not seen ("": any), and where it is read."""


def seen(ctx: Context, name: tree.Name, clause: tree.Knows, kind: str) -> model.Expr | None:
    """The value of a slot that has a name of its own, read on the agent; None after a report."""
    if clause.value is None or not _is_free(ctx, name, kind):
        return None
    value = check_expression(ctx, clause.value, knowing(kind, "what people know", bool(clause.cuts)))
    if value.type == ERROR:
        return None
    hidden = list(dict.fromkeys(_hidden(ctx, value)))
    for condition, state, span in hidden:
        _report(ctx, condition, state, span)
    return None if hidden else value


def _is_free(ctx: Context, name: tree.Name, kind: str) -> bool:
    """Return True if nothing else has the name of a slot: a prompt names both alike."""
    taken = [*ctx.members[kind], *ctx.states, *ctx.parameters, *ctx.observations, *ctx.networks, *ctx.tables]
    if name.id not in taken:
        return True
    ctx.report.add(
        "E0781",
        f"`{name.id}` is something else already, and a slot needs a name of its own.",
        name.span,
        f"Write another name: `knows {name.id}_seen = …`.",
        labels=ctx.declared(name.id),
    )
    return False


# ------------------------------------------------------------------ states of others


def _report(ctx: Context, condition: str, state: str, span: Span) -> None:
    """E0780: a state of others that the condition does not show."""
    written = ctx.names.conditions()[condition]
    shown = [s.id for s in written.seen]
    listed = ", ".join([*shown, state] if state else ctx.states[condition])
    what = f"who is in {state} of {condition}" if state else f"the whole state of others in {condition}"
    ctx.report.add(
        "E0780",
        f"Nobody sees {what}.",
        span,
        f"Write `seen in {listed}` into `condition {condition}`, or let people know what shows.",
        [Label(word_span(written.span, condition, "condition"), f"seen in {', '.join(shown) or 'no state'}")],
    )


def _hidden(ctx: Context, expr: model.Expr) -> Iterator[Hidden]:
    """States of others that are read and not seen, also through what one sees of those who see."""
    match expr:
        case model.Apply("eq", (model.Theirs(model.StateOf() as state), model.Literal_() as wanted)):
            asked = ctx.states[state.condition][int(wanted.value)]
            if not _is_seen(ctx, state.condition, asked):
                yield state.condition, asked, expr.span
        case model.Theirs(model.StateOf() as state):
            if not _is_seen(ctx, state.condition, ""):
                yield state.condition, "", expr.span
        case model.AttributeRef():
            view = next((a.view for kind, a in ctx.views if (kind, a.name) == (expr.of, expr.name)), None)
            if view is not None:
                yield from _hidden(ctx, view)
        case _:
            for part in model.children(expr):
                yield from _hidden(ctx, part)


def _is_seen(ctx: Context, condition: str, state: str) -> bool:
    """Return True if others see who is in a state; "": in whichever. All are told apart if one alone is not seen."""
    shown = {s.id for s in ctx.names.conditions()[condition].seen}
    rest = [s for s in ctx.states[condition] if s not in shown]
    return state in shown or len(rest) <= 1


# ------------------------------------------------------------------ no value


def missing_label(ctx: Context, value: model.Expr) -> str:
    """The word for no number, of what may be none: a report that is not out, a mean of nobody; "" if it always is."""
    parts = [p for p in model.walk(value) if _can_be_missing(ctx, p)]
    if any(isinstance(p, model.ObservationRef | model.GroupReport) for p in parts):
        return NOT_YET_KNOWN
    return UNKNOWN if parts else ""


def _can_be_missing(ctx: Context, part: model.Expr) -> bool:
    match part:
        case model.ObservationRef() | model.GroupReport():
            observed = ctx.observations[part.observation]
            if not isinstance(observed.value, model.Level):
                return True
            counted = observed.value.aggregate
            return counted.function not in ("count", "sum") and counted.otherwise is None
        case model.AttributeRef():
            view = next((a.view for kind, a in ctx.views if (kind, a.name) == (part.of, part.name)), None)
            return view is not None and view.function not in ("count", "sum") and view.otherwise is None
        case model.Apply("div", (_, model.Literal_() as by)):
            return by.value == 0
        case model.Apply():
            return part.type.is_numeric and not BUILT_IN[part.op].has_numbers
        case _:
            return False
