"""Additions of each law to the ledger: its draw's log-probability, differentiated by the logarithms of its factors."""

from __future__ import annotations

from lpmdsl.lowering.score.columns import LEAST, UNIT, Recorder, add, by_one, fixed, of_model, plus, scaled
from lpmdsl.lowering.score.statistics import Decision, Term
from lpmdsl.program.ir import Bernoulli, Categorical, Hazard, If, KExpr, KStmt, Sample, Tries, Var
from lpmdsl.program.nodes import HAZARD_ONE, integer, number, op, real, test
from lpmdsl.program.passes.draws import bounds
from lpmdsl.semantics import model as m


def additions(recorder: Recorder, sample: Sample) -> list[KStmt]:
    """Statements that add a draw, or what came of a hazard, to the ledger; they follow it in its block."""
    match sample.law:
        case Bernoulli() as law:
            body = _bernoulli(recorder.reading(law.given), sample.path, law, Var(sample.name, "bool"))
            return body if law.matters is None or not body else [If(law.matters, tuple(body), span=sample.span)]
        case Categorical() as law:
            return _categorical(recorder.reading(law.given), sample.path, law)
        case Hazard() as law:
            return _hazard(recorder.reading(law.given), sample.path, law)
        case Tries() as law:
            body = _tries(recorder.reading(law.given), sample.path, law)
            return [If(test("gt", law.count, integer(0)), tuple(body), span=sample.span)] if body else []
        case _:
            raise AssertionError(f"{type(sample.law).__name__} is no draw by itself")


def _is_certain(probability: m.Expr) -> bool:
    return isinstance(probability, m.Literal_) and probability.value in (0.0, 1.0)


def _bernoulli(recorder: Recorder, path: str, law: Bernoulli, hit: Var) -> list[KStmt]:
    """∂ log p is d / p if it happens, −d / (1 − p) if not.

    By ∂ log of p itself: 1 if it does, −p / (1 − p) if not; the square of that is p / (1 − p) in the mean.
    """
    (probability,) = of_model(law.given)
    if _is_certain(probability):
        return []
    body: list[KStmt] = []
    rest = real("max", number(LEAST), real("sub", number(1.0), law.chance))
    odds = recorder.scope.let(body, "odds", fixed(real("div", real("max", number(0.0), law.chance), rest)))
    value = recorder.scope.let(body, "told", op("select", hit, integer(UNIT), op("neg", odds)))
    return [*body, *recorder.factors(path, (probability,), value, odds, probability)]


def _hazard(recorder: Recorder, path: str, law: Hazard) -> list[KStmt]:
    """Add what was spent of a hazard in a step, less 1 if that was all that its threshold had: its own variance."""
    body: list[KStmt] = []
    known = recorder.scope.let(body, "spent", law.spent)
    value = op("sub", integer(UNIT), known) if law.strikes else op("neg", known)
    return [*body, *recorder.factors(path + ".rate", of_model(law.given), value, known)]


def _tries(recorder: Recorder, path: str, law: Tries) -> list[KStmt]:
    """Some tries of which one was the last, or none: the hazard −n·log(1 − p) and its slope n·p / (1 − p)."""
    (probability,) = of_model(law.given)
    if _is_certain(probability):
        return []
    scope, p = recorder.scope, law.chance
    body: list[KStmt] = []
    rest = real("max", number(LEAST), real("sub", number(1.0), p))
    odds = scope.let(body, "odds", real("mul", op("to_f64", law.count, dtype="f64"), real("div", p, rest)))
    hazard = real("div", op("to_f64", law.hazard, dtype="f64"), number(HAZARD_ONE))
    survived = scope.let(body, "survives", real("exp", real("neg", hazard)))
    happened = real("max", real("sub", number(1.0), survived), number(LEAST))
    gained = scope.let(body, "gained", real("div", real("mul", odds, survived), happened))
    value = scope.let(body, "told", fixed(op("select", law.succeeds, gained, real("neg", odds), dtype="f64")))
    # P·gained² + (1 − P)·odds², with gained = odds·(1 − P) / P
    square = scope.let(body, "square", fixed(real("mul", gained, odds)))
    return [*body, *recorder.factors(path + ".tries", (probability,), value, square, probability)]


# ------------------------------------------------------------------ one of several


def _categorical(recorder: Recorder, path: str, law: Categorical) -> list[KStmt]:
    """1 for the branch that was taken, and if it is the last, −p / (what is left) for all others."""
    first, own = _branches(recorder, path, of_model(law.given))
    kind, scope, count = recorder.kind, recorder.scope, len(law.chances)
    body: list[KStmt] = []
    rest: KExpr = number(1.0)
    for p in law.chances:
        rest = real("sub", rest, p)
    rest = scope.let(body, "what_is_left", real("max", number(LEAST), rest))
    edges = bounds(law.chances)
    is_last = scope.let(body, "is_last", test("ge", law.word, edges[-1]))
    at = first + count + count * count
    for j, p in enumerate(law.chances):
        chosen = test("lt", law.word, edges[j])
        if j:
            chosen = test("and", chosen, test("ge", law.word, edges[j - 1]))
        lost = op("neg", fixed(real("div", p, rest)))
        value = scope.let(body, "told", op("select", is_last, lost, op("select", chosen, integer(UNIT), integer(0))))
        body.append(add(kind, first + j, value))
        known = [scope.let(body, "product", fixed(x)) for x in _products(law.chances, j, rest)]
        body += [add(kind, first + count + j * count + k, x) for k, x in enumerate(known)]
        for _, slope in own[j]:
            times = scope.let(body, "slope", scope.value(slope, "slope"))
            body += [add(kind, at + k, scaled(what, times)) for k, what in enumerate((value, *known))]
            at += 1 + count
    return body


def _products(chances: tuple[KExpr, ...], branch: int, rest: KExpr) -> list[KExpr]:
    """Expectations of the product of a branch's score with each branch's."""
    products: list[KExpr] = [real("div", real("mul", chances[branch], q), rest) for q in chances]
    products[branch] = real("add", products[branch], chances[branch])
    return products


def _branches(
    recorder: Recorder, path: str, shares: tuple[m.Expr, ...]
) -> tuple[int, list[tuple[tuple[str, m.Expr], ...]]]:
    """First column of the decision between branches, and for each the slopes that differ between agents."""
    ledger, kind, count = recorder.ledger, recorder.kind, len(shares)
    own = [ledger.own((p,)) for p in shares]

    def make() -> Decision:
        first = ledger.take(kind, count + count * count + sum(len(o) for o in own) * (1 + count))
        at = first + count + count * count
        products = [tuple(plus(first + count + j * count + k) for k in range(count)) for j in range(count)]
        terms = [Term(ledger.free((p,)), plus(first + j), products[j]) for j, p in enumerate(shares)]
        for parameter, slope in (pair for slopes in own for pair in slopes):
            columns = plus(at), tuple(plus(at + 1 + k) for k in range(count))
            terms.append(Term(by_one(parameter, slope), *columns))
            at += 1 + count
        alike = shares[0] if count == 1 and m.is_constant(shares[0]) else None
        return Decision(path, kind, tuple(plus(first + j) for j in range(count)), tuple(terms), alike)

    ((first, _),) = ledger.decision(path, make).controls[0]
    return first, own
