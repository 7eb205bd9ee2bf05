"""Ties of the draws of some days that are over: worked out again from their keys, with who was present then.

Presence is kept as a bit for each of the last steps: two agents met over a tie of a draw if both were present in one of
the steps that the draw lasted and that are looked back to.
"""

from __future__ import annotations

from collections.abc import Callable

from lpmdsl.lowering.builder import Builder
from lpmdsl.lowering.dense.expressions import Scope, read_states
from lpmdsl.lowering.dense.presence import draw_of, runs_today, takes_part
from lpmdsl.program import handles
from lpmdsl.program.ir import Beside, If, Kernel, KExpr, KStmt, Launch, Loop, ScheduleItem, Store, Var
from lpmdsl.program.nodes import AGENT, STEP, all_of, integer, op, test
from lpmdsl.semantics import model as m
from lpmdsl.semantics.analysis.events import may_be_absent
from lpmdsl.semantics.analysis.views import MOST_BACK, looked_back

EVERY_BIT = (1 << MOST_BACK) - 1


def keeps_presence(model: m.Model, network: m.Network) -> bool:
    """Return True if somebody may be absent from a network, so that it must be known who was present."""
    return bool(network.days) or network.where is not None or may_be_absent(model, network, network.of)


def declare_presence(builder: Builder) -> None:
    """Declare the bits of who was present in the last steps on networks that somebody looks back to."""
    for network in looked_back(builder.model):
        if keeps_presence(builder.model, network):
            note = "bit k: present k steps before the last"
            builder.buffer(_kept(network), "i64", (network.of,), "state", note=note)


def remember_items(builder: Builder) -> list[ScheduleItem]:
    """Launches that note who is present in a step, on networks that somebody looks back to."""
    networks = (n for n in looked_back(builder.model) if keeps_presence(builder.model, n))
    return [Launch(builder.kernel(_remember_kernel(builder, network))) for network in networks]


def _kept(network: m.Network) -> str:
    return f"{network.name}_was_here"


def _remember_kernel(builder: Builder, network: m.Network) -> Kernel:
    scope = Scope(builder, network.of)
    body = read_states(scope)
    today = runs_today(scope, network)
    here = all_of(*([today] if today is not None else []), takes_part(scope, network))
    before = op("shl", op("bit_and", builder.load(_kept(network), AGENT), integer(EVERY_BIT >> 1)), integer(1))
    now = op("select", here, integer(1), integer(0))
    body.append(Store(_kept(network), (AGENT,), op("add", before, now), network.span))
    return Kernel(f"remember_{network.name}", network.of, tuple(scope.prologue), tuple(body), network.span)


def met_before(scope: Scope, meeting: m.Meeting, found: Callable[[Scope], list[KStmt]]) -> list[KStmt]:
    """The loop over those whom the agent met in the steps that a meeting looks back to.

    Who was met in several draws is found in each of them.
    """
    builder, network = scope.builder, scope.builder.model.network(meeting.network)
    steps = round(meeting.last / builder.model.clock.step)
    body: list[KStmt] = []
    latest = scope.let(body, "latest", STEP if scope.is_after_moves else op("sub", STEP, integer(1)))
    first = scope.let(body, "first", op("max", op("sub", latest, integer(steps - 1)), integer(0)))
    degree = builder.load(handles.degree(network.name), integer(0))
    edge = Var(scope.fresh("edge"), "i64")
    inner: list[KStmt] = []
    index = scope.let(inner, "other", Beside(handles.circles(network.name), scope.agent, edge, Var(network.of, "i64")))
    other = scope.beside(network.of, index)
    inner += read_states(other)
    told = found(scope.facing(other, edge))
    if keeps_presence(builder.model, network):
        own = scope.let(body, "was_here", builder.load(_kept(network), scope.agent))
        draw = scope.let(inner, "draw", op("floordiv", edge, degree))
        both = op("bit_and", own, builder.load(_kept(network), index))
        bits = op("bit_and", both, _bits_of(builder, network, draw, first, latest))
        told = [If(test("ne", bits, integer(0)), tuple(told), span=meeting.span)]
    start = op("mul", draw_of(builder, network, first), degree)
    stop = op("mul", op("add", draw_of(builder, network, latest), integer(1)), degree)
    loop = Loop(edge.name, start, stop, (*inner, *told))
    return [*body, If(test("ge", latest, integer(0)), (loop,), span=meeting.span)]


def _bits_of(builder: Builder, network: m.Network, draw: KExpr, first: KExpr, latest: KExpr) -> KExpr:
    """Bits of the steps of a draw from ``first`` to ``latest``, the last of which has bit 0."""
    lasts = round(network.redrawn / builder.model.clock.step)
    if lasts == 1:
        return op("shl", integer(1), op("sub", latest, draw))
    begins = op("mul", draw, integer(lasts))
    since, until = op("max", begins, first), op("min", op("add", begins, integer(lasts - 1)), latest)
    whole = op("sub", op("shl", integer(1), op("add", op("sub", until, since), integer(1))), integer(1))
    return op("shl", whole, op("sub", latest, until))
