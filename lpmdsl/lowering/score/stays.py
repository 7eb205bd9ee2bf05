"""Additions of a drawn time to the ledger: itself, and the statistics of which its score is made."""

from __future__ import annotations

from lpmdsl.lowering.score.columns import UNIT, Recorder, add, fixed
from lpmdsl.lowering.score.statistics import Stay
from lpmdsl.program.ir import KExpr, KStmt, Quantile, QuantileTable, Var
from lpmdsl.program.nodes import integer, number, op, real
from lpmdsl.semantics import model as m
from lpmdsl.semantics.host.quantile_tables import plan, radix


def drawn(recorder: Recorder, table: QuantileTable, time: Quantile, body: list[KStmt]) -> Var:
    """Append a drawn time as a local and its additions to the ledger; return the local (ticks)."""
    law = table.distribution
    assert isinstance(law, m.Distribution)
    rows = 1
    for leaf in plan(law):
        rows *= radix(leaf)
    scope, kind = recorder.scope, recorder.kind
    known = recorder.ledger.stay(table.path, kind, law, rows)
    ticks = scope.let(body, "stays", time)
    row = op("mul", time.row, integer(known.width))
    first = scope.let(body, "row_told", op("add", integer(known.first), row))
    body += [add(kind, first, integer(1)), add(kind, op("add", first, integer(1)), ticks)]
    for k, value in enumerate(_statistics(recorder, known, ticks, time.word, body)):
        body.append(add(kind, op("add", first, integer(2 + k)), fixed(value)))
    return ticks


def _statistics(recorder: Recorder, known: Stay, time: KExpr, word: KExpr, body: list[KStmt]) -> list[KExpr]:
    scope = recorder.scope
    if not known.statistics:
        return []
    if known.statistics[0] == "log":
        log = scope.let(body, "log_time", real("log", op("to_f64", time, dtype="f64")))
        return [log, real("mul", log, log)][: len(known.statistics)]
    above = real("sub", number(UNIT - 0.5), op("to_f64", word, dtype="f64"))
    z = scope.let(body, "z", real("neg", real("log", real("mul", above, number(2.0**-32)))))
    if len(known.statistics) == 1:
        return [z]
    log_z = scope.let(body, "log_z", real("log", z))
    return [z, log_z, real("mul", z, log_z)]
