"""Additions to the columns of a ledger, in integers of 2⁻³², and the decisions that they are columns of."""

from __future__ import annotations

from dataclasses import dataclass, replace

from lpmdsl.lowering.dense.expressions import Scope
from lpmdsl.lowering.score.statistics import Decision, Ledger, Sum, Term
from lpmdsl.program import handles
from lpmdsl.program.ir import Given, KExpr, KStmt, Tally
from lpmdsl.program.nodes import HAZARD_ONE, integer, number, op, real, rounded
from lpmdsl.quantities import NUMBER
from lpmdsl.semantics import model as m

UNIT = 1 << 32
LEAST = 2.0**-60
Slopes = tuple[tuple[str, m.Expr], ...]


def tally_buffer(kind: str) -> str:
    """Name of the buffer of a kind of statistics."""
    return handles.tally(handles.scored(kind))


def add(kind: str, column: int | KExpr, value: KExpr) -> Tally:
    """Addition to one column of a kind of statistics."""
    return Tally(tally_buffer(kind), integer(column) if isinstance(column, int) else column, value)


def fixed(value: KExpr) -> KExpr:
    """A number in units of 2⁻³²."""
    return rounded(real("mul", value, number(HAZARD_ONE)))


def scaled(value: KExpr, factor: KExpr) -> KExpr:
    """An integer times a number, as an integer."""
    return rounded(real("mul", op("to_f64", value, dtype="f64"), factor))


def plus(*columns: int) -> Sum:
    """Sum of columns, each once."""
    return tuple((c, 1) for c in columns)


def by_one(parameter: str, slope: m.Expr) -> Slopes:
    """Slopes of what is multiplied by its slope already."""
    return ((parameter, m.Literal_(1.0, NUMBER, slope.span)),)


@dataclass(frozen=True, slots=True)
class Recorder:
    """The additions of one draw's law, in the scope of its kernel."""

    ledger: Ledger
    scope: Scope

    @property
    def kind(self) -> str:
        """The kind of agents whose columns are added to."""
        return self.scope.kind

    def reading(self, given: Given) -> Recorder:
        """The recorder in a scope that reads what a law was given."""
        return replace(self, scope=replace(self.scope, given=dict(given.reads), now=given.now))

    def factors(
        self, name: str, factors: tuple[m.Expr, ...], value: KExpr, square: KExpr, probability: m.Expr | None = None
    ) -> list[KStmt]:
        """Additions of a decision with one control: its score by the logarithm of its factors, ``value``, and the
        expected square of that. ``probability``: that of the decision, where it is to be held between 0 and 1."""
        ledger, kind = self.ledger, self.kind
        own = ledger.own(factors)

        def make() -> Decision:
            first = ledger.take(kind, 2 + 2 * len(own))
            control = plus(first)
            terms = [Term(ledger.free(factors), control, (plus(first + 1),))]
            for k, (parameter, slope) in enumerate(own):
                columns = plus(first + 2 + 2 * k), (plus(first + 3 + 2 * k),)
                terms.append(Term(by_one(parameter, slope), *columns))
            everywhere = probability is not None and m.is_constant(probability)
            return Decision(name, kind, (control,), tuple(terms), probability if everywhere else None)

        ((first, _),) = ledger.decision(name, make).controls[0]
        body: list[KStmt] = [add(kind, first, value), add(kind, first + 1, square)]
        for k, (_, slope) in enumerate(own):
            times = self.scope.let(body, "slope", self.scope.value(slope, "slope"))
            body.append(add(kind, first + 2 + 2 * k, scaled(value, times)))
            body.append(add(kind, first + 3 + 2 * k, scaled(square, times)))
        return body


def of_model(given: Given) -> tuple[m.Expr, ...]:
    """The Model expressions of a law."""
    return given.expressions  # type: ignore[return-value]
