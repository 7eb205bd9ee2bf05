"""Contagion looked at for values that are no number in their range, in a pass of its own before it.

The programs work out what contagion is made of for different people. The pass is made only in a step in which what is
the same for all is wrong, or in a run in which something is that people keep for good.
"""

from __future__ import annotations

from dataclasses import replace

from lpmdsl.lowering.builder import Builder
from lpmdsl.lowering.dense.contagion.weights import MIDDLE
from lpmdsl.lowering.dense.expressions import Scope, read_states
from lpmdsl.lowering.dense.presence import runs_today, takes_part
from lpmdsl.lowering.dense.watched_values import is_sound, look_at
from lpmdsl.program.ir import AtomicAdd, Gate, If, Kernel, KExpr, KStmt, Launch, ScheduleItem, Store
from lpmdsl.program.nodes import all_of, any_of, integer, op, test
from lpmdsl.semantics import model as m
from lpmdsl.semantics.analysis.exposure.largest_hazards import weight_in_a_step
from lpmdsl.semantics.analysis.watched_values import Watched


def contagion_items(builder: Builder) -> tuple[list[ScheduleItem], list[ScheduleItem]]:
    """Passes over those who pass something on or may catch it, if anything of that is to be looked at: what they need
    at the beginning of a run, and in a step."""
    begin: list[ScheduleItem] = []
    step: list[ScheduleItem] = []
    for contagion in builder.model.contagions if builder.watched else ():
        for kind in (a.name for a in builder.model.agents):
            scope = Scope(builder, kind)
            body = read_states(scope)
            looked = _contagion_of(scope, contagion)
            if looked:
                name = f"look_{contagion.condition}_{kind}"
                kernel = Kernel(name, kind, tuple(scope.prologue), (*body, *looked), contagion.span)
                first, then = _gated(builder, contagion, kernel)
                begin, step = [*begin, *first], [*step, *then]
    return begin, step


def _gated(builder: Builder, contagion: m.Contagion, kernel: Kernel) -> tuple[list[ScheduleItem], list[ScheduleItem]]:
    """The pass in a step in which somebody may read what is wrong; in every step where nothing says which these are.

    What is the same for all is looked at once a step, what people keep for good once a run.
    """
    launch = Launch(builder.kernel(kernel))
    found = [builder.watched[key][1] for key in _parts_of(builder, contagion) if key in builder.watched]
    kept, same = [w for w in found if w.of and _never_changes(builder.model, w)], [w for w in found if not w.of]
    if len(kept) + len(same) < len(found):
        return [], [launch]
    tests: list[KExpr] = []
    begin: list[ScheduleItem] = []
    step: list[ScheduleItem] = []
    for name, parts, when in (("once", same, step), ("kept", [w for w in kept if w.of == kernel.domain], begin)):
        if parts:
            wrong = builder.buffer(f"{kernel.name}_{name}", "i64", (1,), "control", note="whether anything is wrong")
            when.append(Launch(builder.kernel(_look_kernel(builder, kernel, wrong, parts))))
            tests.append(test("gt", builder.load(wrong, integer(0)), integer(0)))
    return begin, [*step, Gate(any_of(*tests), (launch,), "somebody may read what is no number in its range")]


def _look_kernel(builder: Builder, kernel: Kernel, wrong: str, parts: list[Watched]) -> Kernel:
    """Kernel that tests what is the same for all, or counts those who have something wrong of their own."""
    kind = parts[0].of
    scope = Scope(builder, kind)
    sound = all_of(*(is_sound(scope, w) for w in parts))
    if kind:
        look: KStmt = If(sound, (), (AtomicAdd(wrong, (integer(0),), integer(1)),))
    else:
        look = Store(wrong, (integer(0),), op("select", sound, integer(0), integer(1)))
    return Kernel(f"find_{wrong}", kind, tuple(scope.prologue), (look,), kernel.span)


def _never_changes(model: m.Model, one: Watched) -> bool:
    """Return True if everybody's value is the same all the time."""
    parts = list(m.walk(one.expr))
    own = [e for e in parts if isinstance(e, m.AttributeRef)]
    plain = m.Literal_ | m.ParameterRef | m.Follows | m.TableRef | m.Apply | m.Population | m.AttributeRef
    still = all(m.is_fixed(model, e.of, e.name) for e in own)
    return still and all(isinstance(e, plain) for e in parts)


def _parts_of(builder: Builder, contagion: m.Contagion) -> list[tuple[m.Expr, str]]:
    networks = [builder.model.network(s.network) for s in contagion.spreads]
    found: list[tuple[m.Expr, str]] = [(n.contacts, "contacts") for n in networks if n.contacts is not None]
    found += [(s.rate, "rate") for s in contagion.spreads]
    found += [(s.factor, "factor") for s in contagion.scalings]
    model = builder.model
    found += [(weight_in_a_step(model, contagion, model.network(s.network), s), "hazard") for s in contagion.spreads]
    return list(dict.fromkeys(found))


def _contagion_of(scope: Scope, contagion: m.Contagion) -> list[KStmt]:
    model, body = scope.builder.model, []
    for network in (model.network(n) for n in contagion.networks):
        inner: list[KStmt] = []
        if network.is_by_person and network.contacts is not None and network.of == scope.kind:
            inner += look_at(scope, network.contacts, "contacts")
        source = contagion.source_on(network.name)
        if model.condition(source).of == scope.kind:
            inner += _at_sources(scope, contagion, network, source)
        if model.condition(contagion.condition).of == scope.kind:
            inner += _at_targets(scope, contagion, network)
        if inner:
            today = runs_today(scope, network)
            tests = [*([today] if today else []), takes_part(scope, network)]
            body.append(If(all_of(*tests), tuple(inner), span=network.span, note=network.name))
    return body


def _at_sources(scope: Scope, contagion: m.Contagion, network: m.Network, source: str) -> list[KStmt]:
    body: list[KStmt] = []
    scope = replace(scope, since_at=MIDDLE)
    for spread in contagion.spreads_on(network.name):
        inner = look_at(scope, spread.rate, "rate")
        if network.contacts is not None and network.mixing is None:
            inner += look_at(scope, network.contacts, "contacts")
        inner += _factors(scope, contagion, network, "source")
        inner += look_at(scope, weight_in_a_step(scope.builder.model, contagion, network, spread), "hazard")
        body += [If(scope.in_state(source, spread.states), tuple(inner), span=spread.span)] if inner else []
    return body


def _at_targets(scope: Scope, contagion: m.Contagion, network: m.Network) -> list[KStmt]:
    condition = scope.builder.model.condition(contagion.condition)
    states = tuple(e.state for e in condition.exits if isinstance(e.trigger, m.ByContagion))
    inner = _factors(scope, contagion, network, "target")
    return [If(scope.in_state(condition.name, states), tuple(inner), span=contagion.span)] if inner else []


def _factors(scope: Scope, contagion: m.Contagion, network: m.Network, end: str) -> list[KStmt]:
    body: list[KStmt] = []
    for scaling in contagion.scalings:
        if scaling.end == end and (not scaling.networks or network.name in scaling.networks):
            looked = look_at(scope, scaling.factor, "factor")
            where = [If(scope.value(scaling.where), tuple(looked))] if looked and scaling.where is not None else looked
            body += where
    return body
