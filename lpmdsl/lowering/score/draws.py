"""Additions to the ledger at each draw of an agent, in integers of 2⁻³²; nothing unless a run is to be scored."""

from __future__ import annotations

from dataclasses import dataclass, field

from lpmdsl.lowering.builder import Builder
from lpmdsl.lowering.dense.expressions import Scope
from lpmdsl.lowering.score.statistics import Decision, Ledger, Part, Stay, Sum, Term, same_slopes
from lpmdsl.program.ir import Fold, If, Kernel, KExpr, KStmt, Launch, Loop, ScheduleItem, Store, Tally, Var
from lpmdsl.program.nodes import HAZARD_ONE, STEP, integer, number, op, real, rounded, test
from lpmdsl.quantities import BOOLEAN, NUMBER
from lpmdsl.semantics import model as m
from lpmdsl.semantics.analysis.dependencies import conditions_behind, observations_behind
from lpmdsl.semantics.host.quantile_tables import plan, radix

UNIT = 1 << 32
LEAST = 2.0**-60
Slopes = tuple[tuple[str, m.Expr], ...]


def tally_buffer(kind: str) -> str:
    """Name of the buffer of a kind of statistics."""
    return f"scored_{kind}_tally"


def add(kind: str, column: int | KExpr, value: KExpr) -> Tally:
    """Addition to one column of a kind of statistics."""
    return Tally(tally_buffer(kind), integer(column) if isinstance(column, int) else column, value)


def fixed(value: KExpr) -> KExpr:
    """A number in units of 2⁻³²."""
    return rounded(real("mul", value, number(HAZARD_ONE)))


def plus(*columns: int) -> Sum:
    """Sum of columns, each once."""
    return tuple((c, 1) for c in columns)


# ------------------------------------------------------------------ whether something happens: one number for all


def happens(scope: Scope, name: str, probability: m.Expr, p: KExpr, hit: KExpr, body: list[KStmt]) -> None:
    """Adds the draw of something that happens with probability ``p``: ∂ log p is d / p if it does, −d / (1 − p) if not.

    By ∂ log of p itself: 1 if it does, −p / (1 − p) if not; the square of that is p / (1 − p) in the mean.
    """
    ledger = scope.builder.ledger
    if ledger is None or ledger.ignores(name) or _is_certain(probability):
        return
    rest = real("max", number(LEAST), real("sub", number(1.0), p))
    odds = scope.let(body, "odds", fixed(real("div", real("max", number(0.0), p), rest)))
    value = scope.let(body, "told", op("select", hit, integer(UNIT), op("neg", odds)))
    body += _factors(scope, name, (probability,), value, odds, probability)


def _is_certain(probability: m.Expr) -> bool:
    return isinstance(probability, m.Literal_) and probability.value in (0.0, 1.0)


def _factors(scope: Scope, name: str, factors: tuple[m.Expr, ...], value: KExpr, square: KExpr,
             probability: m.Expr | None = None) -> list[KStmt]:  # fmt: skip
    """Adds a decision with one control: the score by the logarithm of its factors, and its expected square."""
    ledger, kind = scope.builder.ledger, scope.kind
    assert ledger is not None
    own = ledger.own(factors)

    def make() -> Decision:
        first = ledger.take(kind, 2 + 2 * len(own))
        control = plus(first)
        terms = [Term(ledger.free(factors), control, (plus(first + 1),))]
        for k, (parameter, slope) in enumerate(own):
            one = ((parameter, m.Literal_(1.0, NUMBER, slope.span)),)
            terms.append(Term(one, plus(first + 2 + 2 * k), (plus(first + 3 + 2 * k),)))
        everywhere = probability is not None and m.is_constant(probability)
        return Decision(name, kind, (control,), tuple(terms), probability if everywhere else None)

    ((first, _),) = ledger.decision(name, make).controls[0]
    body: list[KStmt] = [add(kind, first, value), add(kind, first + 1, square)]
    for k, (_, slope) in enumerate(own):
        times = scope.let(body, "slope", scope.value(slope, "slope"))
        for column, what in ((first + 2 + 2 * k, value), (first + 3 + 2 * k, square)):
            body.append(add(kind, column, rounded(real("mul", op("to_f64", what, dtype="f64"), times))))
    return body


# ------------------------------------------------------------------ branches


def branches(scope: Scope, exit_: m.Exit, chances: list[KExpr], bounds: list[KExpr], word: KExpr) -> list[KStmt]:
    """Adds the choice of a branch: 1 for that chosen, and if it is the last, −p / (what is left) for all others."""
    ledger, kind = scope.builder.ledger, scope.kind
    if ledger is None or ledger.ignores(exit_.site) or not bounds:
        return []
    others = [b.probability for b in exit_.branches[:-1] if b.probability is not None]
    count = len(others)
    own = [ledger.own((p,)) for p in others]
    name = f"{exit_.site}.branch"

    def make() -> Decision:
        first = ledger.take(kind, count + count * count + sum(len(o) for o in own) * (1 + count))
        at = first + count + count * count
        products = [tuple(plus(first + count + j * count + k) for k in range(count)) for j in range(count)]
        terms = [Term(ledger.free((p,)), plus(first + j), products[j]) for j, p in enumerate(others)]
        for slopes in own:
            for parameter, slope in slopes:
                one = ((parameter, m.Literal_(1.0, NUMBER, slope.span)),)
                terms.append(Term(one, plus(at), tuple(plus(at + 1 + k) for k in range(count))))
                at += 1 + count
        alike = others[0] if count == 1 and m.is_constant(others[0]) else None
        return Decision(name, kind, tuple(plus(first + j) for j in range(count)), tuple(terms), alike)

    ((first, _),) = ledger.decision(name, make).controls[0]
    body: list[KStmt] = []
    rest: KExpr = number(1.0)
    for p in chances:
        rest = real("sub", rest, p)
    rest = scope.let(body, "what_is_left", real("max", number(LEAST), rest))
    is_last = scope.let(body, "is_last", test("ge", word, bounds[-1]))
    at = first + count + count * count
    for j, p in enumerate(chances):
        chosen = test("lt", word, bounds[j])
        if j:
            chosen = test("and", chosen, test("ge", word, bounds[j - 1]))
        lost = op("neg", fixed(real("div", p, rest)))
        value = scope.let(body, "told", op("select", is_last, lost, op("select", chosen, integer(UNIT), integer(0))))
        body.append(add(kind, first + j, value))
        products = [real("div", real("mul", p, q), rest) for q in chances]
        products[j] = real("add", products[j], p)
        known = [scope.let(body, "product", fixed(x)) for x in products]
        body += [add(kind, first + count + j * count + k, x) for k, x in enumerate(known)]
        for _, slope in own[j]:
            times = scope.let(body, "slope", scope.value(slope, "slope"))
            for k, what in enumerate((value, *known)):
                body.append(add(kind, at + k, rounded(real("mul", op("to_f64", what, dtype="f64"), times))))
            at += 1 + count
    return body


# ------------------------------------------------------------------ hazards


def rate_exit(scope: Scope, exit_: m.Exit, rate: m.Expr, spent: KExpr, is_hit: bool) -> list[KStmt]:
    """Adds what an exit at a rate spent of its hazard in a step, less 1 if that was all it had: its own variance."""
    ledger = scope.builder.ledger
    if ledger is None or ledger.ignores(exit_.site):
        return []
    body: list[KStmt] = []
    known = scope.let(body, "spent", spent)
    value = op("sub", integer(UNIT), known) if is_hit else op("neg", known)
    return body + _factors(scope, exit_.site + ".rate", (rate,), value, known)


def tries(scope: Scope, exit_: m.Exit, probability: m.Expr, p: KExpr, hazard: KExpr, count: KExpr, hit: KExpr,
          body: list[KStmt]) -> None:  # fmt: skip
    """Adds some tries of which one was the last, or none: the hazard −n·log(1 − p) and its slope n·p / (1 − p)."""
    ledger = scope.builder.ledger
    if ledger is None or ledger.ignores(exit_.site) or _is_certain(probability):
        return
    inner: list[KStmt] = []
    rest = real("max", number(LEAST), real("sub", number(1.0), p))
    each = real("mul", op("to_f64", count, dtype="f64"), real("div", p, rest))
    odds = scope.let(inner, "odds", each)
    survived = scope.let(inner, "survives", real("exp", real("neg", real("div", op("to_f64", hazard, dtype="f64"),
                                                                         number(HAZARD_ONE)))))  # fmt: skip
    happened = real("max", real("sub", number(1.0), survived), number(LEAST))
    gained = scope.let(inner, "gained", real("div", real("mul", odds, survived), happened))
    value = scope.let(inner, "told", fixed(op("select", hit, gained, real("neg", odds), dtype="f64")))
    # P·gained² + (1 − P)·odds², with gained = odds·(1 − P) / P
    square = scope.let(inner, "square", fixed(real("mul", gained, odds)))
    inner += _factors(scope, exit_.site + ".tries", (probability,), value, square, probability)
    body.append(If(test("gt", count, integer(0)), tuple(inner), span=exit_.span))


# ------------------------------------------------------------------ contagion


@dataclass(slots=True)
class Felt:
    """The parts of one agent's force of infection in a step, a local for each term of the ledger."""

    scope: Scope
    condition: m.Condition
    exit: m.Exit
    slopes: list[Slopes] = field(default_factory=list)
    parts: list[Var] = field(default_factory=list)
    whole: list[int] = field(default_factory=list)

    def declare(self, body: list[KStmt], slopes: Slopes, is_whole: bool = False) -> Var:
        """A local that begins with 0; ``is_whole``: the force of a whole network, which is a part of the control."""
        if is_whole:
            self.whole.append(len(self.slopes))
        self.slopes.append(slopes)
        self.parts.append(self.scope.let(body, "felt", integer(0)))
        return self.parts[-1]

    @property
    def ledger(self) -> Ledger:
        """The ledger of draws; a run that is scored has one."""
        ledger = self.scope.builder.ledger
        assert ledger is not None
        return ledger

    def decision(self) -> int:
        """The first column: for every part what was endured, and what was gained by catching it."""
        kind = self.condition.of

        def make() -> Decision:
            first = self.ledger.take(kind, 2 * len(self.slopes))
            score: list[Sum] = [((first + 2 * k + 1, 1), (first + 2 * k, -1)) for k in range(len(self.slopes))]
            control = tuple(c for k in self.whole for c in score[k])
            terms = tuple(Term(slopes, score[k], (plus(first + 2 * k),)) for k, slopes in enumerate(self.slopes))
            return Decision(self.exit.site, kind, (control,), terms)

        return min(c for c, _ in self.ledger.decision(self.exit.site, make).controls[0])

    def survived(self, met: KExpr, total: KExpr) -> list[KStmt]:
        """∂ log(1 − p) = −∂h, of the share ``met`` of the exposure that the agent was there for."""
        first, scope = self.decision(), self.scope
        if met == total:
            return [add(self.condition.of, first + 2 * k, part) for k, part in enumerate(self.parts)]
        body: list[KStmt] = []
        share = scope.let(body, "share", _ratio(met, total))
        return [*body, *(add(self.condition.of, first + 2 * k, _times(p, share)) for k, p in enumerate(self.parts))]

    def caught(self, total: KExpr, spent: KExpr) -> list[KStmt]:
        """Density of the moment of infection: ∂ log λ − ∂H, of what was ``spent`` of the exposure until then.

        Its variance is H, the mean of what is endured: so of catching it nothing is to be added to the square.
        """
        first, scope = self.decision(), self.scope
        body: list[KStmt] = []
        endured = scope.let(body, "endured", _ratio(spent, total))
        gained = scope.let(body, "gained", real("div", number(HAZARD_ONE), op("to_f64", total, dtype="f64")))
        for k, part in enumerate(self.parts):
            body.append(add(self.condition.of, first + 2 * k, _times(part, endured)))
            body.append(add(self.condition.of, first + 2 * k + 1, _times(part, gained)))
        return body


def _ratio(part: KExpr, whole: KExpr) -> KExpr:
    return real("div", op("to_f64", part, dtype="f64"), op("to_f64", whole, dtype="f64"))


def _times(part: KExpr, factor: KExpr) -> KExpr:
    return rounded(real("mul", op("to_f64", part, dtype="f64"), factor))


def felt_by(scope: Scope, condition: m.Condition, exit_: m.Exit) -> Felt | None:
    """Recorder of the parts of a force of infection; None if no run is scored."""
    ledger = scope.builder.ledger
    return Felt(scope, condition, exit_) if ledger is not None and not ledger.ignores(exit_.site) else None


def parts_of(ledger: Ledger, contagion: m.Contagion, network: m.Network) -> tuple[Slopes, list[tuple[Part, Slopes]]]:
    """The slopes of the whole force on a network by what its sources weigh, and the sources that need their own sum."""
    spreads = contagion.spreads_on(network.name)
    scalings = [s for s in contagion.scalings if s.end == "source" and (not s.networks or network.name in s.networks)]
    contacts = [network.contacts] if network.contacts is not None and network.mixing is None else []
    rates = [ledger.free((s.rate, *contacts)) for s in spreads]
    whole: Slopes = ()
    found: list[tuple[Part, Slopes]] = []

    def part(slopes: Slopes, of: tuple[m.Spread, ...], *more: m.Scaling) -> None:
        suffix = f"_{network.name}_part_{len(found)}"
        base = (contagion.condition, of, (*contagion.scalings, *more), contagion.doc, contagion.span)
        found.append((Part(*base, suffix=suffix), slopes))

    def by_agent(slopes: Slopes, of: tuple[m.Spread, ...], *more: m.Scaling) -> None:
        for parameter, slope in slopes:
            for sign in (1.0, -1.0):
                factor = m.Apply("mul", (m.Literal_(sign, NUMBER, slope.span), slope), NUMBER, slope.span)
                one = ((parameter, m.Literal_(sign, NUMBER, slope.span)),)
                part(one, of, *more, m.Scaling("source", factor, None, (), slope.span))

    if same_slopes(rates):
        whole += rates[0]
    else:
        for spread, slopes in zip(spreads, rates, strict=True):
            if slopes:
                part(slopes, (spread,))
    for spread in spreads:
        by_agent(ledger.own((spread.rate, *contacts)), (spread,))
    for scaling in scalings:
        slopes, own = ledger.free((scaling.factor,)), ledger.own((scaling.factor,))
        only: tuple[m.Scaling, ...] = ()
        if scaling.where is not None:
            none = m.Literal_(0.0, NUMBER, scaling.span)
            elsewhere = m.Apply("not", (scaling.where,), BOOLEAN, scaling.span)
            only = (m.Scaling("source", none, elsewhere, (), scaling.span),)
        if slopes and not only:
            whole += slopes
        elif slopes:
            part(slopes, tuple(spreads), *only)
        by_agent(own, tuple(spreads), *only)
    return whole, found


def new_ledger(model: m.Model, parameters: tuple[str, ...], observation: str) -> Ledger:
    """An empty ledger for what is observed, that knows of which sources it needs their own sum."""
    observed = frozenset(observations_behind(model, {observation}))
    ledger = Ledger(model, parameters, observed, frozenset(conditions_behind(model, {observation})))
    for contagion in (c for c in model.contagions if not ledger.ignores(c.condition)):
        for name in dict.fromkeys(s.network for s in contagion.spreads):
            ledger.parts += [part for part, _ in parts_of(ledger, contagion, model.network(name))[1]]
    return ledger


# ------------------------------------------------------------------ stays


def stay(scope: Scope, name: str, law: m.Distribution, ticks: KExpr, word: KExpr) -> list[KStmt]:
    """Adds a drawn time and the statistics of which its score is made; a fixed time is no draw."""
    ledger = scope.builder.ledger
    if ledger is None or ledger.ignores(name) or law.family == "fixed":
        return []
    leaves = plan(law)
    sizes = [radix(leaf) for leaf in leaves]
    rows = 1
    for size in sizes:
        rows *= size
    known = ledger.stay(name, scope.kind, law, rows)
    body: list[KStmt] = []
    row = op("mul", scope.mixed_radix(leaves, sizes), integer(known.width))
    first = scope.let(body, "row_told", op("add", integer(known.first), row))
    time = scope.let(body, "stays", ticks)
    body += [add(scope.kind, first, integer(1)), add(scope.kind, op("add", first, integer(1)), time)]
    for k, value in enumerate(_statistics(scope, known, time, word, body)):
        body.append(add(scope.kind, op("add", first, integer(2 + k)), fixed(value)))
    return body


def _statistics(scope: Scope, known: Stay, time: KExpr, word: KExpr, body: list[KStmt]) -> list[KExpr]:
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


# ------------------------------------------------------------------ the sums


def declare_sums(builder: Builder) -> None:
    """The buffers of the ledger, once it is known how many columns it has."""
    ledger = builder.ledger
    assert ledger is not None
    for kind, columns in ledger.columns.items():
        for name, shape, role in (
            (tally_buffer(kind), (f"chunks_{kind}", columns), "tally"),
            (f"scored_{kind}_total", (columns,), "scratch"),
            (f"scored_{kind}", ("steps+1", columns), "output"),
        ):
            builder.buffer(name, "i64", shape, role, note="sums of which the score is made")  # type: ignore[arg-type]


def closing_items(builder: Builder) -> list[ScheduleItem]:
    """The sums of a step, kept in its row; the beginning has row 0."""
    ledger = builder.ledger
    items: list[ScheduleItem] = []
    for kind, columns in (ledger.columns if ledger is not None else {}).items():
        at = Var("column", "i64")
        total = builder.load(f"scored_{kind}_total", at)
        store = Store(f"scored_{kind}", (op("add", STEP, integer(1)), at), total)
        loop = Loop(at.name, integer(0), integer(columns), (store,))
        items += [Fold(tally_buffer(kind), f"scored_{kind}_total", "add")]
        items += [Launch(builder.kernel(Kernel(f"keep_scored_{kind}", "", (), (loop,))))]
    return items


def slope_items(builder: Builder, is_beginning: bool) -> list[ScheduleItem]:
    """The slopes that differ between steps, as they are in this one."""
    ledger = builder.ledger
    varying = ledger.varying() if ledger is not None else []
    if not varying:
        return []
    builder.buffer("slopes", "f64", ("steps+1", len(varying)), "output", float("nan"), "∂ log factor, by step")
    scope = Scope(builder, "", now=integer(0) if is_beginning else STEP)
    row = op("add", STEP, integer(1))
    body = [Store("slopes", (row, integer(k)), scope.value(e, "slope"), e.span) for k, e in enumerate(varying)]
    name = "slopes_at_beginning" if is_beginning else "slopes_of_step"
    return [Launch(builder.kernel(Kernel(name, "", tuple(scope.prologue), tuple(body))))]
