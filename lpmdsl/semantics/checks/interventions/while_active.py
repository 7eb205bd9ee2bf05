"""Effects while an intervention is active: absences, attributes, scaled contacts, other values of parameters."""

from __future__ import annotations

from typing import assert_never

from lpmdsl.diagnostics import Label
from lpmdsl.quantities import ERROR, NUMBER
from lpmdsl.semantics import model
from lpmdsl.semantics.analysis.vertices import constant
from lpmdsl.semantics.checks.actions import lasting_attribute, left_networks
from lpmdsl.semantics.checks.families.declaration import changed_parts
from lpmdsl.semantics.checks.interventions.shares import draw_share
from lpmdsl.semantics.checks.parameters import limits
from lpmdsl.semantics.checks.values.expressions import check_test, check_value
from lpmdsl.semantics.checks.values.probabilities import not_negative
from lpmdsl.semantics.context import Context
from lpmdsl.semantics.resolve.scope import apart, reporting
from lpmdsl.source import Span
from lpmdsl.syntax import tree

LASTING = {tree.Leave: "staying away", tree.Scale: "a change of contacts", tree.Change: "another value of a parameter"}


def kind_of(ctx: Context, name: tree.Name | None, span: Span, domain: tuple[str, str] | None = None) -> str | None:
    """The kind of agent meant by ``for KIND``, that of the place of which the intervention is, or the only one there
    is; None after a report."""
    if name is not None:
        return ctx.agent_kind(name)
    if domain is not None:
        return domain[0]
    kinds = list(ctx.members)
    if len(kinds) == 1:
        return kinds[0]
    ctx.report.add(
        "E0613", "Several kinds of agents could be meant.", span, f"Write `for {kinds[0]}`." if kinds else ""
    )
    return None


def check_while_active(
    ctx: Context, name: str, written: tree.WhileActive, domain: tuple[str, str] | None = None
) -> tuple[model.WhileActive, model.Repeated | None] | None:
    """The clause with all that is right in it, and the block that draws its share; None if it is unclear for whom.

    ``domain``: the kind of agents and their place, each of which the intervention ``name`` is of.
    """
    about_people = any(isinstance(a, tree.Leave | tree.SetTo) for a in written.actions)
    kind = ""
    if about_people or written.kind is not None or domain is not None:
        found = kind_of(ctx, written.kind, written.span, domain)
        if found is None:
            return None
        kind = found
    where = None
    if written.where is not None:
        where = check_test(ctx, written.where, apart(kind, f"the intervention `{name}`"), "what follows `where`")
    made = _Held(ctx, name, kind, written)
    for action in written.actions:
        made.add(action)
    if where is not None and where.type == ERROR:
        return None
    draws = None
    if written.share is not None:
        drawn = draw_share(ctx, name, kind, written.share, None, where)
        if drawn is None:
            return None
        draws, where = drawn
    held = model.WhileActive(
        kind, where, tuple(made.networks), written.span, tuple(made.sets), tuple(made.scales), tuple(made.changes)
    )
    return held, draws


class _Held:
    """The actions of one clause, checked one after the other."""

    def __init__(self, ctx: Context, name: str, kind: str, written: tree.WhileActive) -> None:
        self.ctx, self.name, self.kind, self.written = ctx, name, kind, written
        self.networks: list[str] = []
        self.sets: list[model.SetAttribute] = []
        self.scales: list[model.Rescale] = []
        self.changes: list[model.ParameterChange] = []

    def add(self, action: tree.Action) -> None:
        match action:
            case tree.Leave():
                self.networks += left_networks(self.ctx, action.networks, self.kind, "leave it")
            case tree.SetTo():
                self._set(action)
            case tree.Scale():
                self._scale(action)
            case tree.Change():
                self._change(action)
            case tree.MoveTo() | tree.DrawTo():
                self.ctx.report.add(
                    "E0709",
                    f"{'A move' if isinstance(action, tree.MoveTo) else 'A draw'} happens at a moment, and "
                    "`while active` lasts.",
                    action.span,
                    "Write it under `every … for …`.",
                )
            case _:
                assert_never(action)

    def _set(self, action: tree.SetTo) -> None:
        scope = apart(self.kind, f"the intervention `{self.name}`")
        instead = "Write it under `every … for …`, or let a share of the agents have an attribute and write `where`."
        made = lasting_attribute(self.ctx, action, self.kind, scope, "an intervention is active", instead)
        self.sets += [made] if made is not None else []

    def _scale(self, action: tree.Scale) -> None:
        networks = left_networks(self.ctx, action.networks, self.kind, "scale its contacts there")
        factor = check_value(self.ctx, action.factor, self._scope(), NUMBER, "a factor")
        if factor.type == ERROR or not networks:
            return
        not_negative(self.ctx, factor, "a factor")
        self.scales.append(model.Rescale(networks, factor, action.span))

    def _change(self, action: tree.Change) -> None:
        if self.written.kind is not None:
            self.ctx.report.add(
                "E0741",
                f"`{action.target.id}` is one number for everybody, and this clause is for some.",
                action.span,
                "Write it under a `while active` of its own, or use a choice where the parameter is read: "
                f"`(A where TEST, {action.target.id} otherwise)`.",
                labels=self.ctx.declared(action.target.id),
            )
            return
        for one in [action] if _is_over_time(self.ctx, action) else changed_parts(self.ctx, action):
            changed = parameter_change(self.ctx, one, self._scope(), "An intervention")
            if changed is not None:
                self.changes.append(model.ParameterChange(one.target.id, changed, one.span))

    def _scope(self):
        return reporting(f"the intervention `{self.name}`")


def _is_over_time(ctx: Context, action: tree.Change) -> bool:
    """Return True for a family that is one number at a time: its name is that number, whichever piece it is."""
    family = ctx.families.get(action.target.id)
    return family is not None and not family.by and not action.part


def _bounds(written: tree.Parameter) -> list[Label]:
    if written.low is None or written.high is None:
        return []
    return [Label(written.low.span.to(written.high.span), f"the bounds of `{written.name.id}`")]


def parameter_change(ctx: Context, change: tree.Change, scope, who: str) -> model.Expr | None:
    """The new value of a parameter, in its unit and within its bounds; None after a report."""
    name = change.target.id
    parameter = ctx.parameters.get(name)
    if parameter is None:
        if name not in ctx.broken:
            ctx.unknown(change.target, "a parameter", ctx.names.parameters(), f"{who} changes parameters.")
        return None
    value = check_value(ctx, change.value, scope, parameter.type, f"`{name}`")
    if value.type == ERROR:
        return None
    low, high = limits(parameter)
    number = constant(value, ctx.values, ctx.tables)
    if (low is not None and number < low) or (high is not None and number > high):
        ctx.report.add(
            "E0317",
            f"{who} sets `{name}` outside the bounds that it was given.",
            change.value.span,
            "Widen `between … and …`, or choose another value.",
            _bounds(ctx.names.parameters()[model.family_in(name)]),
        )
        return None
    return value
