"""Memory of one's source: the network is drawn at the infection, and who on it when all have moved.

Either draw is in proportion to the exposure that came: on a network to what it made up of the step's, along its ties or
in a place to what each source sent. Both are of integers that no move of the look changes.
"""

from __future__ import annotations

from lpmdsl.lowering.builder import Builder
from lpmdsl.lowering.dense.contagion.buffers import networks_of, remembers, sent_buffer
from lpmdsl.lowering.dense.expressions import Scope
from lpmdsl.lowering.dense.neighbours import rows_of, source_buffer
from lpmdsl.networks.rng_keys import site
from lpmdsl.program.ir import Assign, Draw, If, Kernel, KExpr, KStmt, Launch, ScheduleItem, Store, Var
from lpmdsl.program.nodes import AGENT, STEP, all_of, integer, number, op, real, test, word
from lpmdsl.semantics import model as m

CHOSEN = -2
"""The network that was drawn is noted as this less its number, until the source on it is drawn."""


def choose_network(scope: Scope, contagion: m.Contagion, apart: list[Var], through: Var) -> list[KStmt]:
    """Statements that draw the network through which an infection comes, in proportion to what is met on each.

    ``apart``: locals of that, in the order of the networks.
    """
    if len(apart) == 1:
        return [Assign(through.name, integer(0))]
    body: list[KStmt] = [Assign(through.name, integer(-1))]
    draw = _draw(scope, contagion, body)
    total: KExpr = apart[0]
    for part in apart[1:]:
        total = op("add", total, part)
    wanted = scope.let(body, "wanted", real("mul", _uniform(draw, 2), op("to_f64", total, dtype="f64")))
    so_far: KExpr = integer(0)
    for number_, part in enumerate(apart):
        so_far = op("add", so_far, part)
        here = all_of(test("lt", through, integer(0)), test("lt", wanted, op("to_f64", so_far, dtype="f64")))
        body.append(If(here, (Assign(through.name, integer(number_)),)))
    return body


def note_network(contagion: m.Contagion, through: Var) -> KStmt:
    """The note of the network by which the agent was infected; who on it follows when all have moved."""
    return Store(
        source_buffer(contagion.remembers), (AGENT,), op("to_i32", op("sub", integer(CHOSEN), through), dtype="i32")
    )


def source_items(builder: Builder, is_again: bool = False) -> list[ScheduleItem]:
    """Launches that draw the sources of those infected in a look."""
    items: list[ScheduleItem] = []
    for contagion in (c for c in builder.contagions if remembers(c)):
        if is_again and contagion.condition not in builder.again:
            continue
        name = f"find_{contagion.remembers}"
        if name not in builder.kernels:
            builder.kernel(_source_kernel(builder, contagion, name))
        items.append(Launch(name))
    return items


def _source_kernel(builder: Builder, contagion: m.Contagion, name: str) -> Kernel:
    kind = builder.model.condition(contagion.condition).of
    scope = Scope(builder, kind)
    into = source_buffer(contagion.remembers)
    body: list[KStmt] = []
    noted = scope.let(body, "noted", op("to_i64", builder.load(into, AGENT)))
    inner: list[KStmt] = []
    found = scope.let(inner, "found", integer(-1))
    draw = _draw(scope, contagion, inner)
    for number_, network in enumerate(networks_of(builder, contagion)):
        on = _found_on(scope, contagion, network, _uniform(draw, 0), found)
        inner.append(If(test("eq", noted, integer(CHOSEN - number_)), tuple(on), span=network.span, note=network.name))
    inner.append(Store(into, (AGENT,), op("to_i32", found, dtype="i32"), contagion.span))
    body.append(If(test("le", noted, integer(CHOSEN)), tuple(inner), span=contagion.span))
    return Kernel(name, kind, tuple(scope.prologue), tuple(body), contagion.span, "from whom they caught it")


def _found_on(scope: Scope, contagion: m.Contagion, network: m.Network, uniform: KExpr, found: Var) -> list[KStmt]:
    """Statements that draw one of those who sent something on a network to the agent, in proportion to it."""
    body: list[KStmt] = []
    total = scope.let(body, "total", integer(0))

    def sent_by(other: Var) -> KExpr:
        """The amount that another sent; nobody sends to itself."""
        sent = op("max", scope.builder.load(sent_buffer(contagion, network), other), integer(0))
        return op("select", test("eq", other, AGENT), integer(0), sent) if network.layout == "place" else sent

    def added(neighbour: KExpr, _: KExpr) -> list[KStmt]:
        told: list[KStmt] = []
        other = scope.let(told, "other", neighbour)
        return [*told, Assign(total.name, op("add", total, sent_by(other)))]

    body += rows_of(scope, network, added)
    wanted = scope.let(body, "wanted", real("mul", uniform, op("to_f64", total, dtype="f64")))
    so_far = scope.let(body, "so_far", integer(0))

    def compared(neighbour: KExpr, _: KExpr) -> list[KStmt]:
        told: list[KStmt] = []
        other = scope.let(told, "other", neighbour)
        told.append(Assign(so_far.name, op("add", so_far, sent_by(other))))
        here = all_of(test("lt", found, integer(0)), test("lt", wanted, op("to_f64", so_far, dtype="f64")))
        return [*told, If(here, (Assign(found.name, other),))]

    return [*body, *rows_of(scope, network, compared)]


def _draw(scope: Scope, contagion: m.Contagion, body: list[KStmt]) -> str:
    """Append the draw of a source, one an agent and step; its words 0 and 1 are for who, 2 and 3 for the network."""
    draw, path = scope.fresh("w"), f"{contagion.condition}.source"
    body.append(Draw(draw, site(path), AGENT, STEP, path, contagion.span))
    return draw


def _uniform(draw: str, first: int) -> KExpr:
    """A number in (0, 1) of two words, with 52 bits."""
    bits = op("add", op("shl", word(draw, first), integer(20)), op("shr", word(draw, first + 1), integer(12)))
    return real("mul", real("add", op("to_f64", bits, dtype="f64"), number(0.5)), number(2.0**-52))
