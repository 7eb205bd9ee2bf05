"""Exposure by the ticks in which a source was one: what it owes beside its weight of a whole step.

A step counts everybody whole who is a source once the moves are made that hang on nobody else. Whoever came or went
within it owes the difference: negative for those who came, positive for those who went. It is sent with the weights.
What somebody weighs after an infection is owed too: a second look in the same step, or the next step, makes it up.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from lpmdsl.lowering.builder import BOUNDARY, Builder
from lpmdsl.lowering.dense.contagion.buffers import networks_of, owed_buffer
from lpmdsl.lowering.dense.contagion.weights import MIDDLE, reads_since, weight_of
from lpmdsl.lowering.dense.courses import Course, is_entered, keeps_entry
from lpmdsl.lowering.dense.expressions import Scope
from lpmdsl.lowering.dense.moved_times import owed
from lpmdsl.lowering.dense.presence import runs_today, takes_part
from lpmdsl.lowering.parts import Moved
from lpmdsl.program import handles
from lpmdsl.program.ir import Assign, If, KExpr, KStmt, Store, Var
from lpmdsl.program.nodes import AGENT, all_of, any_of, integer, op, test
from lpmdsl.semantics import model as m
from lpmdsl.semantics.host.quantile_tables import TICK_BITS, TICKS

Debts = dict[str, Var]
"""Locals in which a kernel adds up what an agent owes, by buffer."""


def fed_by(builder: Builder, condition: m.Condition) -> Iterator[tuple[m.Contagion, m.Network]]:
    """The contagions and networks on which agents in states of the condition are sources."""
    for contagion in builder.contagions:
        for network in networks_of(builder, contagion):
            if contagion.source_on(network.name) == condition.name:
                yield contagion, network


def no_debts(course: Course, body: list[KStmt]) -> Debts:
    """Locals of 0."""
    scope = course.scope
    pairs = fed_by(scope.builder, course.condition)
    return {owed_buffer(c, n): scope.let(body, f"owes_{n.name}", integer(0)) for c, n in pairs}


def weigh(
    course: Course, debts: Debts, owes_something: KExpr, until: KExpr, is_counted: KExpr, goes: KExpr
) -> list[KStmt]:
    """Adds what the agent weighs in its state until a tick, less what the exposure counts of it where ``is_counted``.

    That is the whole step before the exposure, and in a look the time from when the agent came.
    ``owes_something``: False for those who stay and have not moved. ``goes``: True if the agent leaves at that tick.
    """
    body: list[KStmt] = []
    begins = course.scope.let(body, "begins", op("max", course.since, START))
    counted = WHOLE if course.phase == "own" else op("sub", BOUNDARY, begins)
    name = course.condition.name
    scope = replace(course.scope, states={**course.scope.states, name: course.state}, attributes={},
                    entered={**course.scope.entered, name: course.since})  # fmt: skip
    at_exposure = MIDDLE if course.phase == "own" else _halfway(begins, BOUNDARY)
    for contagion, network in fed_by(scope.builder, course.condition):
        owes = debts[owed_buffer(contagion, network)]
        inner: list[KStmt] = []
        if isinstance(contagion, Moved):
            whole = scope.builder.model.contagion_of(contagion.condition)
            assert whole is not None
            more = owed(course.moves, contagion, weight_of(scope, whole, network, inner), goes)
            inner.append(Assign(owes.name, op("add", owes, more)))
        else:
            hangs_on_time = reads_since(contagion, network)
            here = replace(scope, since_at=_halfway(begins, until)) if hangs_on_time else scope
            weight = weight_of(here, contagion, network, inner)
            inner.append(Assign(owes.name, op("add", owes, share_of(weight, op("sub", until, begins)))))
            less: list[KStmt] = []
            if hangs_on_time:
                weight = weight_of(replace(scope, since_at=at_exposure), contagion, network, less)
            less.append(Assign(owes.name, op("sub", owes, share_of(weight, counted))))
            inner.append(If(is_counted, tuple(less)))
        states = contagion.sources_on(network.name)
        today = runs_today(scope, network)
        tests = [*([today] if today else []), scope.in_state(course.condition.name, states), takes_part(scope, network)]
        body.append(If(all_of(*tests), tuple(inner), span=network.span, note=network.name))
    return [If(owes_something, tuple(body), span=course.condition.span)] if debts else []


def _halfway(begins: KExpr, ends: KExpr) -> KExpr:
    """The tick in the middle between two."""
    return op("shr", op("add", begins, ends), integer(1))


START = op("mul", Var("t", "i64"), integer(TICKS))
"""The tick at which step t begins."""


WHOLE = integer(TICKS)
"""The ticks of a step."""


def share_of(hazard: KExpr, ticks: KExpr) -> KExpr:
    """Share of a step's hazard, of at most ``HAZARD_MOST``, in so many ticks."""
    return op("shr", op("mul", hazard, ticks), integer(TICK_BITS))


def share_of_any(hazard: KExpr, ticks: KExpr) -> KExpr:
    """The same of a hazard of any size: of its whole multiples of ``TICKS`` and of the rest."""
    whole, rest = op("shr", hazard, integer(TICK_BITS)), op("bit_and", hazard, integer(TICKS - 1))
    return op("add", op("mul", whole, ticks), share_of(rest, ticks))


def exposed(scope: Scope, condition: m.Condition, state: int, total: Var, begins: KExpr, body: list[KStmt]) -> Var:
    """Share of an exposure that an agent in a state meets from a tick on; all of it where nobody comes to the state."""
    if not is_entered(condition, state):
        return total
    return scope.let(body, "met_here", share_of_any(total, op("sub", BOUNDARY, begins)))


def came(builder: Builder, condition: m.Condition) -> KExpr:
    """The tick from which an agent has been in its state within this step."""
    if not keeps_entry(condition):
        return START
    return op("max", builder.load(handles.entered(condition.name), AGENT), START)


def keep_debts(course: Course, debts: Debts) -> list[KStmt]:
    """Statements that add what the agent owes to what it owes already."""
    body: list[KStmt] = []
    builder, condition = course.scope.builder, course.condition
    if builder.has_constant_hazard(condition.name):
        # Neighbours are told in the same pass, or before the next.
        along = {owed_buffer(c, n) for c, n in fed_by(builder, condition) if c.condition == condition.name}
        builder.owes |= {(course.phase, name): debts[name] for name in along}
    for name, owes in debts.items():
        is_all = (course.phase, name) in builder.owes
        if is_all and course.phase == "own":
            continue
        more = Store(name, (AGENT,), owes if is_all else op("add", builder.load(name, AGENT), owes))
        body.append(If(test("ne", owes, integer(0)), (more,)))
    return body


def owes_something(builder: Builder, condition: m.Condition, phase: str = "") -> KExpr:
    """Test that an agent owes something that is not sent yet; ``phase``: that of its moves in this pass."""
    names = [owed_buffer(c, n) for c, n in fed_by(builder, condition)]
    owes = [builder.owes.get((phase, name), builder.load(name, AGENT)) for name in names]
    return any_of(*(test("ne", owed, integer(0)) for owed in owes))
