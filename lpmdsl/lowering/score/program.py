"""The score: a pass over a Program that records what the log-probability of each of its draws follows.

It reads the laws that the Program states (``program.ir.draws``) and knows nothing of how conditions, rules or
observations are lowered. The statements that it adds are those of integer sums, so they change no count.
"""

from __future__ import annotations

from dataclasses import replace

from lpmdsl.lowering.builder import Builder
from lpmdsl.lowering.dense.expressions import Scope
from lpmdsl.lowering.score.columns import Recorder, tally_buffer
from lpmdsl.lowering.score.exposures import Felt, came_of, met, parts_of
from lpmdsl.lowering.score.laws import additions
from lpmdsl.lowering.score.statistics import Ledger
from lpmdsl.lowering.score.stays import drawn
from lpmdsl.program import handles
from lpmdsl.program.ir import (
    Draw,
    Exposure,
    Extent,
    Fold,
    If,
    Infection,
    Kernel,
    KStmt,
    Launch,
    Let,
    Loop,
    OneMore,
    Program,
    Quantile,
    Role,
    Sample,
    ScheduleItem,
    Store,
    Var,
    While,
    expressions,
    statements,
    walk,
)
from lpmdsl.program.nodes import STEP, integer, op
from lpmdsl.program.rewrite import map_block
from lpmdsl.semantics import model as m
from lpmdsl.semantics.analysis.dependencies import conditions_behind, observations_behind
from lpmdsl.semantics.analysis.exposure.moved_times import may_move


def new_ledger(model: m.Model, parameters: tuple[str, ...], observation: str) -> Ledger:
    """An empty ledger for what is observed, that knows of which sources it needs their own sum."""
    observed = frozenset(observations_behind(model, {observation}))
    watched = frozenset(conditions_behind(model, {observation}))
    moved = tuple(name for name in parameters if may_move(model, name, observation))
    ledger = Ledger(model, parameters, observed, watched, moved)
    for contagion in (c for c in model.contagions if not ledger.ignores(c.condition)):
        for name in contagion.networks:
            ledger.parts += [part for part, _ in parts_of(ledger, contagion, model.network(name))[1]]
    return ledger


def scored(program: Program, ledger: Ledger) -> Program:
    """The program, lowered with the ledger's parts, that also keeps the sums of which its score is made.

    Fills the ledger with its decisions and their columns. Row t + 1 of the sums is that of step t.
    """
    builder = Builder.of(ledger.model, program)
    recording = [_Recording(builder, ledger, kernel).run() for kernel in program.kernels]
    builder.kernels = {kernel.name: kernel for kernel in recording}
    _declare_sums(builder, ledger)
    beginning, slopes = (_slope_items(builder, ledger, is_beginning) for is_beginning in (True, False))
    closing = _closing_items(builder, ledger)
    return replace(
        program,
        buffers=tuple(builder.buffers.values()),
        constants=tuple(builder.constants),
        kernels=tuple(builder.kernels.values()),
        begin=(*beginning, *program.begin, *closing),
        step=(*program.step, *slopes, *closing),
    )


class _Recording:
    """The pass over one kernel."""

    def __init__(self, builder: Builder, ledger: Ledger, kernel: Kernel) -> None:
        scope = Scope(builder, kernel.domain)
        scope.reserve(s.name for s in statements((*kernel.prologue, *kernel.body)) if isinstance(s, Let | Draw))
        self.recorder, self.kernel = Recorder(ledger, scope), kernel
        self.felt: dict[str, Felt] = {}
        self.declared: dict[str, list[KStmt]] = {}

    def run(self) -> Kernel:
        """The kernel with its additions."""
        if not self.kernel.domain:
            return self.kernel
        body = self.block(self.kernel.body)
        return replace(self.kernel, prologue=(*self.kernel.prologue, *self.recorder.scope.prologue), body=body)

    def block(self, body: tuple[KStmt, ...]) -> tuple[KStmt, ...]:
        """The statements, with what each adds to the ledger; nested blocks first, as they say what is declared."""
        made: list[list[KStmt]] = []
        for stmt in body:
            match stmt:
                case Sample():
                    made.append([stmt, *self.sample(stmt)])
                case If():
                    made.append([replace(stmt, then=self.block(stmt.then), orelse=self.block(stmt.orelse))])
                case Loop() | While():
                    made.append([replace(stmt, body=self.block(stmt.body))])
                case _:
                    made.append(self.stays(stmt))
        for stmts in made:
            stmts += [s for stmt in stmts if isinstance(stmt, Let) for s in self.declared.pop(stmt.name, [])]
        return tuple(s for stmts in made for s in stmts)

    def sample(self, sample: Sample) -> list[KStmt]:
        """Additions of a draw or an exposure, unless it has nothing to do with what is observed."""
        if self.recorder.ledger.ignores(sample.path):
            return []
        match sample.law:
            case Exposure() as law:
                felt = self.felt.setdefault(law.total.name, Felt())
                before = self.declared.setdefault(law.total.name, [])
                return met(self.recorder.reading(law.given), felt, law, before)
            case Infection() as law:
                return came_of(self.recorder, self.felt.setdefault(law.total.name, Felt()), sample.path, law)
            case _:
                return additions(self.recorder, sample)

    def stays(self, stmt: KStmt) -> list[KStmt]:
        """A statement with the times that it draws as locals before it."""
        made: list[KStmt] = []
        times = dict.fromkeys(e for x in expressions(stmt) for e in walk(x) if isinstance(e, Quantile))
        for time in times:
            table = self.recorder.scope.builder.quantiles[time.buffer]
            if table.slope_by or self.recorder.ledger.ignores(table.path):
                continue
            local = drawn(self.recorder, table, time, made)
            (stmt,) = map_block((stmt,), lambda e, time=time, local=local: local if e == time else e)
        return [*made, stmt]


# ------------------------------------------------------------------ the sums


def _declare_sums(builder: Builder, ledger: Ledger) -> None:
    """The buffers of the ledger, once it is known how many columns it has."""
    for kind, columns in ledger.columns.items():
        declared: tuple[tuple[str, tuple[Extent, ...], Role], ...] = (
            (tally_buffer(kind), (handles.chunks(kind), columns), "tally"),
            (f"scored_{kind}_total", (columns,), "scratch"),
            (handles.scored(kind), (OneMore("steps"), columns), "output"),
        )
        for name, shape, role in declared:
            builder.buffer(name, "i64", shape, role, note="sums of which the score is made")


def _closing_items(builder: Builder, ledger: Ledger) -> list[ScheduleItem]:
    """The sums of a step, kept in its row; the beginning has row 0."""
    items: list[ScheduleItem] = []
    for kind, columns in ledger.columns.items():
        at = Var("column", "i64")
        total = builder.load(f"scored_{kind}_total", at)
        store = Store(handles.scored(kind), (op("add", STEP, integer(1)), at), total)
        loop = Loop(at.name, integer(0), integer(columns), (store,))
        items += [Fold(tally_buffer(kind), f"scored_{kind}_total", "add")]
        items += [Launch(builder.kernel(Kernel(f"keep_scored_{kind}", "", (), (loop,))))]
    return items


def _slope_items(builder: Builder, ledger: Ledger, is_beginning: bool) -> list[ScheduleItem]:
    """The slopes that differ between steps, as they are in this one: nothing that they read changes within it."""
    varying = ledger.varying()
    if not varying:
        return []
    builder.buffer("slopes", "f64", (OneMore("steps"), len(varying)), "output", float("nan"), "∂ log factor, by step")
    scope = Scope(builder, "", now=integer(0) if is_beginning else STEP)
    row = op("add", STEP, integer(1))
    body = [Store("slopes", (row, integer(k)), scope.value(e, "slope"), e.span) for k, e in enumerate(varying)]
    name = "slopes_at_beginning" if is_beginning else "slopes_of_step"
    return [Launch(builder.kernel(Kernel(name, "", tuple(scope.prologue), tuple(body))))]
