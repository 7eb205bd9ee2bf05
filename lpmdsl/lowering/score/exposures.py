"""Additions of an exposure to the ledger: every part of it that follows a parameter by itself, endured and gained."""

from __future__ import annotations

from dataclasses import dataclass, field

from lpmdsl.lowering.dense.contagion.weights import scalings_of
from lpmdsl.lowering.parts import Moved, Part, moved_name
from lpmdsl.lowering.score.columns import Recorder, Slopes, add, by_one, plus, scaled
from lpmdsl.lowering.score.statistics import Decision, Ledger, Sum, Term, same_slopes
from lpmdsl.program.ir import Assign, Exposure, If, Infection, KExpr, KStmt, Var
from lpmdsl.program.nodes import HAZARD_ONE, integer, number, op, real
from lpmdsl.quantities import BOOLEAN, NUMBER
from lpmdsl.semantics import model as m
from lpmdsl.semantics.analysis.exposure.moved_times import moved_states


@dataclass(slots=True)
class Felt:
    """The parts of one exposure, a local for each term of the ledger; ``whole``: those of whole networks."""

    slopes: list[Slopes] = field(default_factory=list)
    parts: list[Var] = field(default_factory=list)
    whole: list[int] = field(default_factory=list)

    def declare(self, recorder: Recorder, before: list[KStmt], slopes: Slopes, is_whole: bool = False) -> Var:
        """A local that begins with 0, for a term with these slopes."""
        if is_whole:
            self.whole.append(len(self.slopes))
        self.slopes.append(slopes)
        self.parts.append(recorder.scope.let(before, "felt", integer(0)))
        return self.parts[-1]

    def first(self, recorder: Recorder, path: str) -> int:
        """The first column of the decision: for every part what was endured, and what was gained by catching it."""
        ledger, kind = recorder.ledger, recorder.kind

        def make() -> Decision:
            first = ledger.take(kind, 2 * len(self.slopes))
            score: list[Sum] = [((first + 2 * k + 1, 1), (first + 2 * k, -1)) for k in range(len(self.slopes))]
            control = tuple(c for k in self.whole for c in score[k])
            terms = tuple(Term(slopes, score[k], (plus(first + 2 * k),)) for k, slopes in enumerate(self.slopes))
            return Decision(path, kind, (control,), terms)

        return min(c for c, _ in ledger.decision(path, make).controls[0])


def came_of(recorder: Recorder, felt: Felt, path: str, law: Infection) -> list[KStmt]:
    """Additions of an exposure that was survived or not.

    Survived, ∂ log(1 − p) = −∂h of what was endured. The density of the moment of an infection is ∂ log λ − ∂H; its
    variance is H, the mean of what is endured: so of catching it nothing is to be added to the square.
    """
    first, kind = felt.first(recorder, path), recorder.kind
    body: list[KStmt] = []
    if law.strikes:
        endured = recorder.scope.let(body, "endured", _ratio(law.spent, law.total))
        whole = real("div", number(HAZARD_ONE), op("to_f64", law.total, dtype="f64"))
        gained = recorder.scope.let(body, "gained", whole)
        for k, part in enumerate(felt.parts):
            body.append(add(kind, first + 2 * k, scaled(part, endured)))
            body.append(add(kind, first + 2 * k + 1, scaled(part, gained)))
        return body
    if law.spent == law.total:
        return [add(kind, first + 2 * k, part) for k, part in enumerate(felt.parts)]
    share = recorder.scope.let(body, "share", _ratio(law.spent, law.total))
    return [*body, *(add(kind, first + 2 * k, scaled(part, share)) for k, part in enumerate(felt.parts))]


def _ratio(part: KExpr, whole: KExpr) -> KExpr:
    return real("div", op("to_f64", part, dtype="f64"), op("to_f64", whole, dtype="f64"))


def met(recorder: Recorder, felt: Felt, law: Exposure, before: list[KStmt]) -> list[KStmt]:
    """Statements that keep what was met on a network, and every part of it that follows a parameter by itself.

    ``before``: gets the declarations of their locals, where the exposure in all is declared.
    """
    ledger, scope = recorder.ledger, recorder.scope
    contagion = ledger.model.contagion_of(law.condition)
    assert contagion is not None
    network = ledger.model.network(law.network)
    slopes, parts = parts_of(ledger, contagion, network)
    scalings = scalings_of(contagion, network, "target")
    for scaling in (s for s in scalings if s.where is None):
        slopes += ledger.free((scaling.factor,))
    body: list[KStmt] = [Assign(felt.declare(recorder, before, slopes, is_whole=True).name, law.met)]
    for (_, its), weight in zip(parts, law.apart, strict=True):
        body.append(Assign(felt.declare(recorder, before, its).name, weight))
    for scaling in scalings:
        where = None if scaling.where is None else scope.value(scaling.where)
        free = ledger.free((scaling.factor,))
        kept: list[KStmt] = []
        if free and where is not None:
            kept.append(Assign(felt.declare(recorder, before, free).name, law.met))
        for parameter, slope in ledger.own((scaling.factor,)):
            value = scaled(law.met, scope.value(slope, "slope"))
            kept.append(Assign(felt.declare(recorder, before, by_one(parameter, slope)).name, value))
        body += kept if where is None or not kept else [If(where, tuple(kept), span=scaling.span)]
    return body


# ------------------------------------------------------------------ the parts of the sources


def parts_of(ledger: Ledger, contagion: m.Contagion, network: m.Network) -> tuple[Slopes, list[tuple[Part, Slopes]]]:
    """The slopes of the whole force on a network by what its sources weigh, and the sources that need their own sum."""
    spreads = contagion.spreads_on(network.name)
    scalings = scalings_of(contagion, network, "source")
    contacts = [network.contacts] if network.contacts is not None and network.mixing is None else []
    rates = [ledger.free((s.rate, *contacts)) for s in spreads]
    whole: Slopes = ()
    parts = _Parts(contagion, network)
    if same_slopes(rates):
        whole += rates[0]
    else:
        for spread, slopes in zip(spreads, rates, strict=True):
            if slopes:
                parts.add(slopes, (spread,))
    for spread in spreads:
        parts.by_agent(ledger.own((spread.rate, *contacts)), (spread,))
    for scaling in scalings:
        slopes, own = ledger.free((scaling.factor,)), ledger.own((scaling.factor,))
        only = _only(scaling)
        if slopes and not only:
            whole += slopes
        elif slopes:
            parts.add(slopes, tuple(spreads), *only)
        parts.by_agent(own, tuple(spreads), *only)
    return whole, [*parts.found, *moved_parts(ledger, contagion, network)]


def moved_parts(ledger: Ledger, contagion: m.Contagion, network: m.Network) -> list[tuple[Part, Slopes]]:
    """The parts of a contagion that times moved by each parameter bring, and whose score they belong to."""
    found: list[tuple[Part, Slopes]] = []
    for k, parameter in enumerate(ledger.moved):
        if moved_states(ledger.model, ledger.model.condition(contagion.condition), parameter):
            suffix = f"_{network.name}_moved_{k}"
            part = Moved(contagion.condition, contagion.spreads_on(network.name), contagion.scalings, contagion.doc,
                         contagion.span, network=network.name, suffix=suffix, parameter=parameter)  # fmt: skip
            found.append((part, ((moved_name(parameter), m.Literal_(1.0, NUMBER, contagion.span)),)))
    return found


def _only(scaling: m.Scaling) -> tuple[m.Scaling, ...]:
    """A scaling that leaves those sources alone whom another scaling is for."""
    if scaling.where is None:
        return ()
    none = m.Literal_(0.0, NUMBER, scaling.span)
    elsewhere = m.Apply("not", (scaling.where,), BOOLEAN, scaling.span)
    return (m.Scaling("source", none, elsewhere, (), scaling.span),)


@dataclass(slots=True)
class _Parts:
    """The parts of the sources on a network, with the slopes of each."""

    contagion: m.Contagion
    network: m.Network
    found: list[tuple[Part, Slopes]] = field(default_factory=list)

    def add(self, slopes: Slopes, of: tuple[m.Spread, ...], *more: m.Scaling) -> None:
        one, name = self.contagion, self.network.name
        suffix = f"_{name}_part_{len(self.found)}"
        scalings = (*one.scalings, *more)
        part = Part(one.condition, of, scalings, one.doc, one.span, network=name, suffix=suffix)
        self.found.append((part, slopes))

    def by_agent(self, slopes: Slopes, of: tuple[m.Spread, ...], *more: m.Scaling) -> None:
        """Parts weighed by a slope that differs between agents: what is above 0 of it, and what is below."""
        for parameter, slope in slopes:
            for sign in (1.0, -1.0):
                factor = m.Apply("mul", (m.Literal_(sign, NUMBER, slope.span), slope), NUMBER, slope.span)
                one = ((parameter, m.Literal_(sign, NUMBER, slope.span)),)
                self.add(one, of, *more, m.Scaling("source", factor, None, (), slope.span))
