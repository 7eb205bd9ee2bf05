"""Neighbours: what an agent sees of those with whom it has ties, in a loop over them, and where it is kept.

A view is an attribute that is worked out anew before something reads it, so that whatever reads it (an exit, a rule, an
observation, of any back end) reads an attribute. The loop adds in the order of the row: float64 sums have one order.
"""

from __future__ import annotations

from collections.abc import Callable

from lpmdsl.lowering.builder import Builder, as_stored, stored_as
from lpmdsl.lowering.dense.expressions import Scope, read_states
from lpmdsl.lowering.dense.kept_members import is_kept, kept_number
from lpmdsl.lowering.dense.looking_back import met_before
from lpmdsl.lowering.dense.presence import (
    along_rows,
    any_removed,
    declare_circles,
    declare_days,
    declare_place,
    declare_ties,
    place_of,
    takes_part,
)
from lpmdsl.networks.rng_keys import site
from lpmdsl.program import handles
from lpmdsl.program.ir import (
    Assign,
    Draw,
    If,
    Kernel,
    KExpr,
    KStmt,
    Launch,
    Loop,
    MemberRows,
    Members,
    OneMore,
    ScheduleItem,
    Store,
    TieColumn,
    Var,
    bounded,
)
from lpmdsl.program.nodes import AGENT, STEP, all_of, as_number, integer, number, op, real, test, word
from lpmdsl.semantics import model as m
from lpmdsl.semantics.analysis.views import seen_by

Told = Callable[[Scope], list[KStmt]]
NAN = number(float("nan"))
NOBODY = integer(-1)
"""No entry of rows of ties: whom one shares a place with stands in none."""


def declare_rows(builder: Builder, network: m.Network) -> None:
    """Inputs by which the neighbours of an agent are found: rows of ties, or the members of places."""
    kind, name = network.of, network.name
    if network.remembers:
        note = f"from whom each caught {network.remembers}, −1: from nobody"
        builder.buffer(source_buffer(name), "i32", (kind,), "state", -1, note)
    elif network.layout == "place":
        declare_members(builder, kind, network.place)
    elif builder.is_circles(network):
        declare_circles(builder, name)
    else:
        declare_ties(builder, network, name)
        for column in network.columns:
            filled, ends = TieColumn(name, column.name), (handles.ties(name),)
            builder.buffer(handles.tie_column(name, column.name), stored_as(column.type), ends, "input", filled=filled)
    declare_days(builder, network)


def declare_members(builder: Builder, kind: str, place: str) -> None:
    """Inputs by which the members of each place of a kind of agents are found."""
    declare_place(builder, kind, place)
    rows, members = handles.member_rows(kind, place), handles.members(kind, place)
    ends = (OneMore(handles.places(kind, place)),)
    builder.buffer(rows, "i64", ends, "input", note="rows of members", filled=MemberRows(kind, place))
    builder.buffer(members, "i32", (kind,), "input", note="members of each place", filled=Members(kind, place))


def source_buffer(name: str) -> str:
    """Name of the buffer of everybody's source, of a network of sources."""
    return f"{name}_who"


# ------------------------------------------------------------------ views


AT_END = "_at_end"
"""Phase of looks at the end of a step, for what is observed then."""


def look_name(kind: str, seen: m.Attribute, phase: str) -> str:
    """Name of the kernel that brings up to date in a phase what is seen of neighbours."""
    return bounded(f"look_{kind}_{seen.name}{phase}")


def view_items(
    builder: Builder, part: object, phase: str, now: KExpr = STEP, due: Callable[[Scope], KExpr] | None = None
) -> list[ScheduleItem]:
    """Launches that bring up to date what a part of the model reads of neighbours; ``phase`` tells kernels apart.

    ``due``: a test without which nobody looks.
    """
    return [Launch(_look(builder, kind, seen, phase, now, due)) for kind, seen in seen_by(builder.model, part)]


def _look(
    builder: Builder, kind: str, seen: m.Attribute, phase: str, now: KExpr, due: Callable[[Scope], KExpr] | None
) -> str:
    """Name of the kernel that works a view out; made when it is first asked for."""
    name = look_name(kind, seen, phase)
    if name in builder.kernels:
        return name
    assert seen.view is not None
    scope = Scope(builder, kind, now=now)
    body = read_states(scope)
    value = looked_at(scope, seen.view, body)
    body.append(Store(handles.attribute(kind, seen.name), (AGENT,), as_stored(value, stored_as(seen.type)), seen.span))
    body = body if due is None else [If(due(scope), tuple(body), span=seen.span)]
    return builder.kernel(Kernel(name, kind, tuple(scope.prologue), tuple(body), seen.span))


# ------------------------------------------------------------------ loops over neighbours


def look(scope: Scope, part: object, body: list[KStmt]) -> None:
    """Append the loops for all that the expressions of a part see of neighbours, the innermost first."""
    for expr in m.whole_expressions(part):
        found = [e for e in m.walk(expr) if isinstance(e, m.Neighbours)]
        for one in reversed(found):
            scope.aggregates[one] = looked_at(scope, one, body)


def looked_at(scope: Scope, expr: m.Neighbours, body: list[KStmt]) -> KExpr:
    """Append the loops that work out what is seen of neighbours; return its value."""
    if expr.function == "quantile":
        return _quantile(scope, expr, body)
    if expr.function == "commonest":
        return _commonest(scope, expr, body)
    if is_kept(scope.builder, expr):
        return _kept(scope, expr, body)
    count = scope.let(body, "counted", integer(0))
    if expr.function == "count":
        body += members(scope, expr, lambda other: [_more(count)])
        return op("to_f64", count, dtype="f64")
    if expr.function == "share":
        everybody = scope.let(body, "present", integer(0))
        body += members(scope, expr, lambda other: [_more(count)], lambda other: [_more(everybody)])
        return _of_somebody(scope, expr, everybody, real("div", as_number(count), as_number(everybody)))
    return _of_numbers(scope, expr, count, body)


def _kept(scope: Scope, expr: m.Neighbours, body: list[KStmt]) -> KExpr:
    """The number or share of the members of a place, of whom moves keep count."""
    counted = as_number(kept_number(scope.builder, expr, scope.agent))
    if expr.function == "count":
        return counted
    start, stop = members_row(scope, expr.of, expr.place, scope.agent)
    everybody = scope.let(body, "present", op("sub", stop, start))
    return _of_somebody(scope, expr, everybody, real("div", counted, as_number(everybody)))


def _of_numbers(scope: Scope, expr: m.Neighbours, count: Var, body: list[KStmt]) -> KExpr:
    assert expr.what is not None
    what, function = expr.what, expr.function
    first = {"min": float("inf"), "max": float("-inf")}.get(function, 0.0)
    total = scope.let(body, "total", number(first))
    squares = scope.let(body, "squares", number(0.0)) if function == "sd" else None

    def told(other: Scope) -> list[KStmt]:
        inner: list[KStmt] = [_more(count)]
        x = scope.let(inner, "x", as_number(other.value(what)))
        how = {"min": "minimum", "max": "maximum"}.get(function, "add")
        inner.append(Assign(total.name, real(how, total, x)))
        if squares is not None:
            inner.append(Assign(squares.name, real("add", squares, real("mul", x, x))))
        return inner

    body += members(scope, expr, told)
    match function:
        case "sum":
            return total
        case "min" | "max":
            return _of_somebody(scope, expr, count, total)
        case _:
            mean = real("div", total, as_number(count))
    if squares is None:
        return _of_somebody(scope, expr, count, mean)
    variance = real("sub", real("div", squares, as_number(count)), real("mul", mean, mean))
    return _of_somebody(scope, expr, count, real("sqrt", real("maximum", number(0.0), variance)))


def _quantile(scope: Scope, expr: m.Neighbours, body: list[KStmt]) -> KExpr:
    """Between the two values nearest to the level: each is the value that so many others lie below."""
    assert expr.what is not None
    what = expr.what
    count = scope.let(body, "counted", integer(0))
    none = scope.let(body, "unknown", integer(0))

    def counted(other: Scope) -> list[KStmt]:
        inner: list[KStmt] = []
        x = scope.let(inner, "x", as_number(other.value(what)))
        return [*inner, _more(count), If(test("ne", x, x), (_more(none),))]

    body += members(scope, expr, counted)
    last = op("sub", count, integer(1))
    place = scope.let(body, "place", real("mul", number(expr.level), as_number(last)))
    below = scope.let(body, "below", op("max", integer(0), op("to_i64", real("floor", place))))
    above = scope.let(body, "above", op("min", op("add", below, integer(1)), op("max", integer(0), last)))
    low, high = scope.let(body, "low", number(0.0)), scope.let(body, "high", number(0.0))

    def ranked(other: Scope) -> list[KStmt]:
        inner: list[KStmt] = []
        x = scope.let(inner, "x", as_number(other.value(what)))
        less, alike = scope.let(inner, "less", integer(0)), scope.let(inner, "alike", integer(0))

        def compared(another: Scope) -> list[KStmt]:
            told: list[KStmt] = []
            y = scope.let(told, "y", as_number(another.value(what)))
            return [*told, If(test("lt", y, x), (_more(less),), (If(test("eq", y, x), (_more(alike),)),))]

        inner += members(scope, expr, compared)
        for rank, into in ((below, low), (above, high)):
            here = all_of(test("le", less, rank), test("lt", rank, op("add", less, alike)))
            inner.append(If(here, (Assign(into.name, x),)))
        return inner

    body += members(scope, expr, ranked)
    between = real("add", low, real("mul", real("sub", place, as_number(below)), real("sub", high, low)))
    value = op("select", test("eq", low, high), low, between, dtype="f64")
    known = op("select", test("gt", none, integer(0)), NAN, value, dtype="f64")
    return _of_somebody(scope, expr, count, known)


def _commonest(scope: Scope, expr: m.Neighbours, body: list[KStmt]) -> KExpr:
    """The label that most have; of those that are equally common the one with the lowest lot."""
    assert expr.what is not None
    what = expr.what
    most, best = scope.let(body, "most", integer(0)), scope.let(body, "commonest", integer(0))
    lowest = scope.let(body, "lowest", integer(0))
    label, draw = Var(scope.fresh("label"), "i64"), scope.fresh("w")
    inner: list[KStmt] = []
    number_of = scope.let(inner, "having", integer(0))

    def counted(other: Scope) -> list[KStmt]:
        return [If(test("eq", other.index(what), label), (_more(number_of),))]

    inner += members(scope, expr, counted)
    path = f"{expr.network}.commonest"
    inner.append(Draw(draw, site(path), scope.agent, label, path, expr.span))
    first = test("gt", number_of, most)
    by_lot = all_of(test("eq", number_of, most), test("gt", most, integer(0)), test("lt", word(draw, 0), lowest))
    taken = (Assign(most.name, number_of), Assign(best.name, label), Assign(lowest.name, word(draw, 0)))
    inner.append(If(test("or", first, by_lot), taken))
    labels = max(2, len(what.type.labels))
    body.append(Loop(label.name, integer(0), integer(labels), tuple(inner), expr.span))
    if expr.otherwise is None:
        return best
    return op("select", test("eq", most, integer(0)), scope.index(expr.otherwise), best)


def members(scope: Scope, expr: m.Neighbours | m.Meeting, told: Told, met: Told | None = None) -> list[KStmt]:
    """The loop over those present with the agent on a network; ``told`` those with ``where``, ``met`` all of them.

    Of a place the loop over its members who are not removed: ``scope`` is that of a kernel over places.
    """
    if isinstance(expr, m.Neighbours) and expr.place:
        return _of_place(scope, expr, told, met)
    network = scope.builder.model.network(expr.network)
    if isinstance(expr, m.Meeting) and expr.last:
        return met_before(scope, expr, lambda other: _wanted(other, expr, told))

    def each(neighbour: KExpr, edge: KExpr) -> list[KStmt]:
        body: list[KStmt] = []
        index = scope.let(body, "other", neighbour)
        other = scope.beside(network.of, index)
        body += read_states(other)
        inner = scope.facing(other, edge)
        found = [*(met(inner) if met is not None else []), *_wanted(inner, expr, told)]
        there = takes_part(other, network)
        if network.layout == "place":
            there = all_of(test("ne", index, scope.agent), there)
        return [*body, If(there, tuple(found), span=expr.span)]

    here = takes_part(scope, network)
    if network.days:
        day = op("max", STEP, integer(0))  # at the end of a step those of its day are still met
        here = all_of(here, test("ne", scope.builder.load(handles.open_days(network.name), day), integer(0)))
    return [If(here, tuple(rows_of(scope, network, each)), span=expr.span)]


def _wanted(inner: Scope, expr: m.Neighbours | m.Meeting, told: Told) -> list[KStmt]:
    """Statements that are told, for those for whom ``where`` holds."""
    wanted = told(inner)
    return wanted if expr.where is None else [If(inner.value(expr.where), tuple(wanted), span=expr.span)]


def _of_place(scope: Scope, expr: m.Neighbours, told: Told, met: Told | None) -> list[KStmt]:
    def each(member: KExpr) -> list[KStmt]:
        body: list[KStmt] = []
        other = scope.beside(expr.of, scope.let(body, "member", member))
        body += read_states(other)
        found = [*(met(other) if met is not None else []), *_wanted(other, expr, told)]
        gone = m.may_be_removed(scope.builder.model, expr.of)
        return [*body, If(test("not", any_removed(other, expr.of)), tuple(found))] if gone else [*body, *found]

    return members_of(scope, expr.of, expr.place, scope.agent, each)


def members_row(scope: Scope, kind: str, place: str, number_of: KExpr) -> tuple[KExpr, KExpr]:
    """The first entry of a place among its members' rows, and the one after its last."""
    rows = handles.member_rows(kind, place)
    return scope.builder.load(rows, number_of), scope.builder.load(rows, op("add", number_of, integer(1)))


def members_of(
    scope: Scope, kind: str, place: str, number_of: KExpr, each: Callable[[KExpr], list[KStmt]]
) -> list[KStmt]:
    """The loop over the members of a place; ``each`` gives the statements for one of them."""
    name, edge = handles.attribute(kind, place), Var(scope.fresh("edge"), "i64")
    start, stop = members_row(scope, kind, place, number_of)
    member = op("to_i64", scope.builder.load(f"{name}_members", edge))
    return [Loop(edge.name, start, stop, tuple(each(member)))]


def rows_of(scope: Scope, network: m.Network, each: Callable[[KExpr, KExpr], list[KStmt]]) -> list[KStmt]:
    """The loop over all to whom an agent is tied or with whom it shares a place, itself among these."""
    if network.remembers:
        source = scope.builder.load(source_buffer(network.name), scope.agent)
        who = op("to_i64", source)
        return [If(test("ge", who, integer(0)), tuple(each(who, integer(0))))]
    if network.layout != "place":
        return along_rows(scope, network, each)
    return members_of(scope, network.of, network.place, place_of(scope, network), lambda other: each(other, NOBODY))


def _of_somebody(scope: Scope, expr: m.Neighbours, count: Var, value: KExpr) -> KExpr:
    """The value, or what ``else`` says where there is nobody."""
    none = NAN if expr.otherwise is None else as_number(scope.value(expr.otherwise))
    return op("select", test("eq", count, integer(0)), none, value, dtype="f64")


def _more(count: Var) -> Assign:
    return Assign(count.name, op("add", count, integer(1)))
