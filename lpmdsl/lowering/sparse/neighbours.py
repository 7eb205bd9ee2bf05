"""Counts of neighbours kept as sums: who changes tells those who see it by how much, as with the force of infection.

Every member of a network adds a whole number, its term. The sum of its neighbours' terms stands with each agent, that
of a whole place once, of which a reader takes away its own. Agents whose term may have changed are on a list; when
something is about to be read the list is gone through, and differences are added. Where so many changed that it is
less work to ask everybody anew, that is done, as in the dense Program.
"""

from __future__ import annotations

from dataclasses import replace
from typing import get_args

from lpmdsl.lowering.builder import Builder
from lpmdsl.lowering.dense.conditions import moves_name
from lpmdsl.lowering.dense.courses import Phase
from lpmdsl.lowering.dense.expressions import Scope, read_states
from lpmdsl.lowering.dense.presence import add_to_shared, along_rows, for_neighbours, place_of, takes_part
from lpmdsl.lowering.plan.sights import Term, may_be_away, telling_attributes, telling_states
from lpmdsl.lowering.sparse.watching import FIRST, varying, watch_kernel
from lpmdsl.lowering.sparse.worklists import awake, declare_list, note_seen, plan_of, seen_changed
from lpmdsl.program import handles
from lpmdsl.program.ir import (
    Assign,
    AtomicAdd,
    Clear,
    DType,
    Fold,
    Gate,
    If,
    Kernel,
    KExpr,
    KStmt,
    Launch,
    Let,
    Mark,
    ScheduleItem,
    Store,
    Tally,
    Var,
    statements,
)
from lpmdsl.program.nodes import AGENT, all_of, any_of, integer, op, test
from lpmdsl.semantics import model as m
from lpmdsl.source import Span

FEW = 4
"""Everybody is asked anew where more than one agent in so many has changed: measured on ties."""


def declare_sights(builder: Builder) -> None:
    """The sums of all terms, what each agent last added to them, and the list of those of whom it may differ."""
    for kind in dict.fromkeys(s.kind for s in plan_of(builder).kept):
        declare_list(builder, seen_changed(kind), kind, "those of whom others may see something else")
        note = "1: is on the list of those of whom others may see something else"
        builder.buffer(handles.noted(seen_changed(kind)), "u8", (kind,), "state", note=note)
        _declare_ways(builder, kind, seen_changed(kind))
        for term in _terms(builder, kind):
            network, name = builder.model.network(term.network), sum_of(builder, kind, term)
            places = handles.places(kind, network.place)
            shape = places if network.layout == "place" else kind
            builder.buffer(name, _dtype(term), (shape,), "state", note=f"sum of {network.name}")
            told: DType = "u8" if term.what is None else "i32"
            builder.buffer(handles.told(name), told, (kind,), "state", note="what the agent adds to it")
        for network in _networks(builder, kind):
            if may_be_away(builder.model, network):
                builder.buffer(handles.sees(network.name), "u8", (kind,), "state", note="1: takes part in it")


def _declare_ways(builder: Builder, kind: str, name: str) -> None:
    note = "0: who changed is listed; 1: too many did, 2: nobody knows who; then everybody is asked anew"
    builder.buffer(f"{name}_anew", "i64", (1,), "control", 2, note)
    builder.buffer(f"{name}_swept", "i64", (1,), "control", note="1: a pass over everybody has listed nobody")
    builder.buffer(f"{name}_count", "i64", (1,), "control", note="how many of those asked had changed")
    builder.buffer(handles.tally(name), "i64", (handles.chunks(kind), 1), "tally")


def _terms(builder: Builder, kind: str) -> list[Term]:
    """All terms that agents of a kind add, each once."""
    return list(dict.fromkeys(t for s in plan_of(builder).kept if s.kind == kind for t in s.terms))


def _networks(builder: Builder, kind: str) -> list[m.Network]:
    return [builder.model.network(n) for n in dict.fromkeys(t.network for t in _terms(builder, kind))]


def sum_of(builder: Builder, kind: str, term: Term) -> str:
    """Name of the buffer of the sums of a term."""
    alike = [t for t in _terms(builder, kind) if t.network == term.network]
    return f"{term.network}_sum_{alike.index(term) + 1}"


def _dtype(term: Term) -> DType:
    return "i32" if term.what is None else "i64"


def _narrow(value: KExpr, dtype: DType) -> KExpr:
    return value if dtype == "i64" else op(f"to_{dtype}", value, dtype=dtype)


# ------------------------------------------------------------------ keeping them


def sight_items(builder: Builder, kind: str) -> list[ScheduleItem]:
    """Items that bring the sums of a kind up to date; its kernels are made here."""
    name = seen_changed(kind)
    refresh = _refresh_kernel(builder, kind)
    way = builder.load(f"{name}_anew", FIRST)
    are_listed = test("eq", way, integer(0))
    anew = [test("not", are_listed), _are_many(builder, kind, "size")]
    swept = test("ne", builder.load(f"{name}_swept", FIRST), integer(0))
    found = Gate(all_of(swept, are_listed), (Launch(builder.kernel(_find_kernel(builder, kind))),), "who changed")
    items: list[ScheduleItem] = [found, Clear(f"{name}_swept")]
    differing = varying(builder, refresh)
    assert differing is not None, "nothing is kept that differs in every step"
    if differing:
        watch = watch_kernel(builder, refresh, name, differing, test("eq", way, integer(2)))
        items.append(Launch(builder.kernel(watch)))
        anew.append(test("ne", builder.load(f"{name}_all", FIRST), integer(0)))
    many = op("select", _are_many(builder, kind, "count"), integer(1), integer(0))
    later = op("select", test("eq", way, integer(2)), integer(0), many)
    rate = Kernel(f"rate_{name}", "", (), (Store(f"{name}_anew", (FIRST,), later),), seen_at(builder, kind))
    asked: list[ScheduleItem] = [
        *(Clear(sum_of(builder, kind, t)) for t in _terms(builder, kind) if _is_of_places(builder, t)),
        Launch(builder.kernel(_recount_kernel(builder, kind))),
        Fold(handles.tally(name), f"{name}_count", "add"),
        Launch(builder.kernel(rate)),
        Clear(handles.size(name)),
    ]
    items.append(Gate(any_of(*anew), tuple(asked), "everybody anew"))
    return [*items, Launch(builder.kernel(replace(refresh, over=name))), Clear(handles.size(name))]


def _are_many(builder: Builder, kind: str, counter: str) -> KExpr:
    """Test that so many agents changed that asking everybody anew is less work."""
    changed = builder.load(f"{seen_changed(kind)}_{counter}", FIRST)
    return test("gt", op("mul", changed, integer(FEW)), Var(kind, "i64"))


def _is_of_places(builder: Builder, term: Term) -> bool:
    return builder.model.network(term.network).layout == "place"


def _is_noted(kind: str, is_noted: int) -> Store:
    return Store(handles.noted(seen_changed(kind)), (AGENT,), integer_u8(is_noted))


def integer_u8(value: int) -> KExpr:
    """A small number as a byte."""
    return op("to_u8", integer(value), dtype="u8")


def _own_terms(
    builder: Builder, scope: Scope, body: list[KStmt], notes_presence: bool = True
) -> list[tuple[Term, Var]]:
    """Append what the agent adds to each sum, 0 where it takes no part; note where it does."""
    here: dict[str, KExpr] = {}
    for network in _networks(builder, scope.kind):
        here[network.name] = takes_part(scope, network)
        if may_be_away(builder.model, network):
            here[network.name] = scope.let(body, f"{network.name}_here", here[network.name])
            sees = op("to_u8", here[network.name], dtype="u8")
            if notes_presence:
                body.append(Store(handles.sees(network.name), (AGENT,), sees, network.span))
    found: list[tuple[Term, Var]] = []
    for term in _terms(builder, scope.kind):
        adds = scope.let(body, "adds", integer(0))
        inner = term_of(scope.facing(scope), term, adds)
        body.append(If(here[term.network], tuple(inner)))
        found.append((term, adds))
    return found


def term_of(scope: Scope, term: Term, into: Var) -> list[KStmt]:
    """Add the term of the agent in view to a local."""
    value: KExpr = integer(1) if term.what is None else op("to_i64", scope.value(term.what))
    more = Assign(into.name, op("add", into, value))
    return [more] if term.where is None else [If(scope.value(term.where), (more,))]


def _refresh_kernel(builder: Builder, kind: str) -> Kernel:
    """The differences of one agent's terms, told to those who see it."""
    scope = Scope(builder, kind)
    body = read_states(scope)
    for term, adds in _own_terms(builder, scope, body):
        network, name = builder.model.network(term.network), sum_of(builder, kind, term)
        told = builder.buffers[handles.told(name)]
        before = scope.let(body, "told", op("to_i64", builder.load(told.name, AGENT)))
        store = Store(told.name, (AGENT,), _narrow(adds, told.dtype))
        inner: list[KStmt] = [store]
        change = scope.let(inner, "change", op("sub", adds, before))
        inner += _told(scope, network, term, change)
        body.append(If(test("ne", before, adds), tuple(inner), span=network.span))
    body += [*(Mark(awake(c), AGENT, True) for c in _woken(builder, kind)), _is_noted(kind, 0)]
    return Kernel(f"refresh_seen_{kind}", kind, tuple(scope.prologue), tuple(body), seen_at(builder, kind))


def _told(scope: Scope, network: m.Network, term: Term, change: Var) -> list[KStmt]:
    """Add a difference to the sums of those who see the agent, and wake them."""
    name, added = sum_of(scope.builder, scope.kind, term), _narrow(change, _dtype(term))
    woken = _woken(scope.builder, scope.kind)
    if network.layout == "place" or not woken:
        return add_to_shared(scope, network, name, added, span=network.span)

    def tell(neighbour: KExpr) -> list[KStmt]:
        other = Var(scope.fresh("other"), "i64")
        marks = (Mark(awake(c), other, True) for c in woken)
        return [Let(other.name, neighbour), AtomicAdd(name, (other,), added, network.span), *marks]

    return for_neighbours(scope, network, tell)


def _woken(builder: Builder, kind: str) -> list[m.Condition]:
    """The conditions with states in which agents are looked at again when what they see has changed."""
    return [c for c in builder.model.conditions if c.of == kind and plan_of(builder).woken.get(c.name)]


def _recount_kernel(builder: Builder, kind: str) -> Kernel:
    """All terms and all sums anew: along its ties each agent asks everybody, in places everybody adds itself."""
    scope = Scope(builder, kind)
    body = read_states(scope)
    terms = _own_terms(builder, scope, body)
    body.append(If(_differs(builder, kind, terms), (Tally(handles.tally(seen_changed(kind)), FIRST, integer(1)),)))
    for term, adds in terms:
        network, name = builder.model.network(term.network), sum_of(builder, kind, term)
        body.append(Store(handles.told(name), (AGENT,), _narrow(adds, builder.buffers[handles.told(name)].dtype)))
        if network.layout == "place":
            added = AtomicAdd(name, (place_of(scope, network),), _narrow(adds, _dtype(term)), network.span)
            body.append(If(test("ne", adds, integer(0)), (added,)))
        else:
            total = _asked(scope, network, term, body)
            body.append(Store(name, (AGENT,), _narrow(total, _dtype(term))))
    body += [*(Mark(awake(c), AGENT, True) for c in _woken(builder, kind)), _is_noted(kind, 0)]
    return Kernel(f"recount_seen_{kind}", kind, tuple(scope.prologue), tuple(body), seen_at(builder, kind))


def _differs(builder: Builder, kind: str, terms: list[tuple[Term, Var]]) -> KExpr:
    """Test that a term of the agent is another than it has told."""
    told = (builder.load(handles.told(sum_of(builder, kind, t)), AGENT) for t, _ in terms)
    return any_of(*(test("ne", op("to_i64", before), adds) for before, (_, adds) in zip(told, terms, strict=True)))


def seen_at(builder: Builder, kind: str) -> Span:
    """Place in the text of the first of what is kept of a kind's neighbours."""
    return next(s.attribute.span for s in plan_of(builder).kept if s.kind == kind)


def _find_kernel(builder: Builder, kind: str) -> Kernel:
    """Lists of everybody those who changed; where one takes part is left to the pass over the list."""
    scope = Scope(builder, kind)
    body = read_states(scope)
    differs = _differs(builder, kind, _own_terms(builder, scope, body, notes_presence=False))
    away = [n for n in _networks(builder, kind) if may_be_away(builder.model, n)]
    seen = [test("ne", builder.load(handles.sees(n.name), AGENT), op("to_u8", takes_part(scope, n), dtype="u8"))
            for n in away]  # fmt: skip
    body.append(If(any_of(differs, *seen), (note_seen(scope),)))
    return Kernel(f"find_changed_{kind}", kind, tuple(scope.prologue), tuple(body), seen_at(builder, kind))


def _asked(scope: Scope, network: m.Network, term: Term, body: list[KStmt]) -> Var:
    """Append the loop that adds up the terms of those to whom the agent has ties."""
    total = scope.let(body, "total", integer(0))

    def each(neighbour: KExpr, edge: KExpr) -> list[KStmt]:
        inner: list[KStmt] = []
        other = scope.beside(network.of, scope.let(inner, "other", neighbour))
        inner += read_states(other)
        added = term_of(scope.facing(other, edge), term, total)
        return [*inner, If(takes_part(other, network), tuple(added))]

    body += along_rows(scope, network, each)
    return total


def listens(builder: Builder, kind: str) -> set[str]:
    """The buffers of attributes of a kind whose change others may see."""
    found = telling_attributes(builder.model, plan_of(builder).kept, kind)
    return {handles.attribute(kind, name) for name in found}


def is_unnoted(builder: Builder, kernel: Kernel) -> bool:
    """Return True if a kernel goes through everybody and writes what others see: lists would cost it more than a look
    for those who changed, which comes after it. Moves and the beginning are noted one by one."""
    moves = {moves_name(kernel.domain, phase) for phase in get_args(Phase)} | {f"begin_{kernel.domain}"}
    if kernel.over or kernel.name in moves:
        return False
    kept = plan_of(builder).kept
    own = [c for c in builder.model.conditions if c.of == kernel.domain]
    seen = listens(builder, kernel.domain) | {c.name for c in own if telling_states(builder.model, kept, c)}
    return any(isinstance(s, Store) and s.buffer in seen for s in statements(kernel.body))


def swept(kind: str) -> Store:
    """The note that a pass over everybody has listed nobody."""
    return Store(f"{seen_changed(kind)}_swept", (FIRST,), integer(1))
