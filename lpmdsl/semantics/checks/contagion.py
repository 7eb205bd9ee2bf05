"""Contagions: what spreads a condition, on which networks, at which rate."""

from __future__ import annotations

from dataclasses import replace

from lpmdsl.diagnostics import Label, did_you_mean, instead
from lpmdsl.quantities import CONTACT_RATE, ERROR, NUMBER, NUMBER_DIM, PER_CONTACT, PER_TIME, Dimension, Kind, Type
from lpmdsl.semantics import model
from lpmdsl.semantics.analysis.value_origins import origins
from lpmdsl.semantics.checks.networks.sources import nobody_meets_there, remembered
from lpmdsl.semantics.checks.values.expressions import check_expression, check_test, check_value
from lpmdsl.semantics.checks.values.probabilities import not_negative
from lpmdsl.semantics.checks.values.units import expect
from lpmdsl.semantics.context import Context, text_of
from lpmdsl.semantics.resolve.scope import Scope, running
from lpmdsl.source import Span
from lpmdsl.syntax import tree


def check_contagion(ctx: Context, written: tree.Contagion) -> model.Contagion | None:
    """The contagion with one spread per network; None if its condition is unknown."""
    condition = written.of.id
    if condition not in ctx.states:
        if condition not in ctx.broken:
            ctx.unknown(written.of, "a condition", ctx.states)
        return None
    kind = ctx.kind_of[condition]
    spreads = [s for clause in written.spreads for s in _spreads(ctx, condition, kind, clause)]
    used = {s.network for s in spreads}
    scalings = [s for clause in written.scalings for s in _scalings(ctx, condition, kind, clause, used)]
    source = remembered(ctx, written, tuple(spreads))
    return model.Contagion(condition, tuple(spreads), tuple(scalings), written.doc, written.span, source)


def _spreads(ctx: Context, condition: str, kind: str, written: tree.Spread) -> list[model.Spread]:
    """One spread a network. On one that joins two kinds, those of the other kind spread, in states of their own."""
    networks = [n for name in written.networks if (n := network_of(ctx, name, kind)) is not None]
    found: list[model.Spread] = []
    for other in dict.fromkeys(_other_kind(n, kind) for n in networks):
        on = [n for n in networks if _other_kind(n, kind) == other]
        source = condition if not other else _source_condition(ctx, written, other)
        if source is not None:
            found += _spreads_from(ctx, source, other or kind, condition, written, on)
    if networks or any(n.id in ctx.broken for n in written.networks):
        return found
    return _spreads_from(ctx, condition, kind, condition, written, [])


def _other_kind(network: model.Network, kind: str) -> str:
    """The kind that meets ``kind`` on a network between two, else ""."""
    return next((k for k in (network.of, network.to) if k != kind), "") if network.is_between else ""


def _source_condition(ctx: Context, written: tree.Spread, kind: str) -> str | None:
    """The one condition of a kind that has all states which the clause names; None after a report."""
    named = [ctx.condition_with(name, kind) for name in written.states]
    if None in named:
        return None
    if len(set(named)) > 1:
        ctx.report.add(
            "E0622",
            f"{' and '.join(f'`{s.id}`' for s in written.states)} are states of different conditions of {kind}.",
            written.states[1].span,
            "Write a line `from … on … at …` for each of them.",
        )
        return None
    return named[0]


def _spreads_from(
    ctx: Context, source: str, kind: str, condition: str, written: tree.Spread, networks: list[model.Network]
) -> list[model.Spread]:
    states = [ctx.state(source, name) for name in written.states]
    rate = check_expression(ctx, written.rate, running(kind, f"the contagion of {condition}"))
    if rate.type == ERROR or any(s is None for s in states):
        return []
    if rate.type.is_numeric:
        not_negative(ctx, rate, "a contagion's rate")
    else:
        expect(ctx, rate, NUMBER, "the rate of a contagion")
        return []
    known, of = tuple(s for s in states if s is not None), source if source != condition else ""
    fine = [n for n in networks if _is_hazard(ctx, rate, n)]
    return [model.Spread(known, network.name, rate, written.span, of) for network in fine]


def network_of(ctx: Context, name: tree.Name, kind: str) -> model.Network | None:
    """The network called ``name`` that joins ``kind``; None after a report (a library's may come from its user)."""
    network = ctx.networks.get(name.id)
    if network is None:
        if name.id not in ctx.broken and not ctx.names.is_library:
            known = ctx.names.networks()
            help = f"Declare it: `network {name.id} joins {kind} at random`." if not known else ""
            if ctx.names.word_of(name.id):
                ctx.unknown(name, "a network", known, help)
            else:
                message = f"There is no network `{name.id}`.{did_you_mean(name.id, known)}"
                ctx.report.add("E0201", message, name.span, help, fixes=instead(name.span, name.id, known))
        return None
    if kind not in (network.of, network.to):
        joined = f"{network.of} to {network.to}" if network.is_between else network.of
        ctx.report.add(
            "E0607",
            f"`{name.id}` joins {joined}, and this is a condition of {kind}.",
            name.span,
            f"Use a network that joins {kind}.",
            labels=ctx.declared(name.id),
        )
        return None
    if network.remembers:
        nobody_meets_there(ctx, name, network)
        return None
    return network


def _is_hazard(ctx: Context, rate: model.Expr, network: model.Network) -> bool:
    """Return True if rate × contacts of this network is per time; the report says which of the two does not fit."""
    counts_contacts = network.contacts is not None or network.mixing is not None
    want = PER_CONTACT if counts_contacts else PER_TIME
    if rate.type.dimension == want:
        return True
    if rate.type.dimension == NUMBER_DIM:
        needed = "the chance that a contact infects" if counts_contacts else "the rate of a contagion"
        return expect(ctx, rate, Type(Kind.NUMBER, want), needed).type != ERROR
    shown, has = text_of(rate.span), _words(rate.type.dimension)
    if counts_contacts:
        message = (
            f"{shown} is {has}, and `{network.name}` says how many contacts a day there are: what is "
            "needed is the chance that one contact infects (per contact)."
        )
        help = "Write the value per contact, such as `0.02 per contact`."
        if rate.type.dimension == PER_TIME:
            help = f"Write it per contact, or leave `with … contacts per day` out of `network {network.name}`."
    else:
        message = (
            f"{shown} is {has}, and `{network.name}` does not say how many contacts a day there are: "
            "a rate (per day) is needed."
        )
        help = "Write the value per day, such as `0.3 per day`."
        if rate.type.dimension in (PER_CONTACT, CONTACT_RATE):
            help = f"Write `with 8 contacts per day` in `network {network.name}`, or the rate per day."
    ctx.report.add("E0609", message, rate.span, help, origins(ctx, rate))
    return False


def _words(dimension: Dimension) -> str:
    text = str(dimension)
    return text if text.startswith(("per", "a ")) else f"in {text}"


def _scalings(ctx: Context, condition: str, kind: str, written: tree.Scaled, used: set[str]) -> list[model.Scaling]:
    networks = [network_of(ctx, name, kind) for name in written.networks]
    for name, network in zip(written.networks, networks, strict=True):
        if network is not None and network.name not in used:
            _unused(ctx, condition, name.span, name.id, used)
    names = tuple(n.name for n in networks if n is not None)
    by_kind: dict[str, model.Scaling] = {}
    found: list[model.Scaling] = []
    for end in written.ends:
        own = kind if end == "target" else _kind_of_sources(ctx, written, kind, names or tuple(used))
        if own is not None and own not in by_kind:
            made = _scaling(ctx, written, running(own, f"a scaling of the contagion of {condition}"), names)
            by_kind |= {own: made} if made is not None else {}
        if own in by_kind:
            found.append(replace(by_kind[own], end=end))
    return [] if written.networks and not names else found


def _kind_of_sources(ctx: Context, written: tree.Scaled, kind: str, networks: tuple[str, ...]) -> str | None:
    """The kind of those who spread on the networks; None after a report that they are of several."""
    kinds = {_other_kind(ctx.networks[n], kind) or kind for n in networks}
    if len(kinds) <= 1:
        return next(iter(kinds), kind)
    ctx.report.add(
        "E0622",
        f"The sources here are of several kinds of agents: {', '.join(sorted(kinds))}.",
        written.span,
        "Write a line for each, with `on` and its networks.",
    )
    return None


def _scaling(ctx: Context, written: tree.Scaled, scope: Scope, names: tuple[str, ...]) -> model.Scaling | None:
    """The scaling as one of the source."""
    factor = check_value(ctx, written.factor, scope, NUMBER, "a factor")
    where = check_test(ctx, written.where, scope, "what follows `where`") if written.where is not None else None
    if ERROR in (factor.type, where.type if where else None):
        return None
    if factor.type.dimension == NUMBER_DIM:
        not_negative(ctx, factor, "a factor")
    return model.Scaling("source", factor, where, names, written.span)


def _unused(ctx: Context, condition: str, span: Span, name: str, used: set[str]) -> None:
    if not ctx.names.is_library:
        ctx.report.add(
            "E0618",
            f"{condition} does not spread on `{name}`, so scaling it there changes nothing.",
            span,
            f"It spreads on {', '.join(sorted(used)) or 'no network'}.",
            [Label(s.span, "it spreads here") for s in ctx.names.contagions[condition].spreads],
        )
