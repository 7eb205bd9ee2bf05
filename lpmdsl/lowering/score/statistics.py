"""Statistics of a run's draws, so that the score of the run can be worked out from sums.

The score of a run is Σ ∂ log p over all that was drawn: whether a hazard was survived, how long a stay lasts, which
branch was taken. Every probability is a product of factors, and where ∂ log of a factor is the same for all agents, one
sum over agents serves every parameter that the factor reads: so the cost does not grow with the number of parameters.
All that agents add is integers, in units of 2⁻³², so the sums are the same for any number of threads and any order.

For each decision there are also *controls*: sums that are zero in the mean whatever happened before (infections less
the hazard survived, say), and what is expected of their product with every score. ``runtime.gradients.score.runs``
takes away with them what chance has done to the number that is differentiated.

The statements that agents run are in ``laws``, ``exposures`` and ``stays``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, fields

from lpmdsl.distributions.table import score_of
from lpmdsl.lowering.parts import Part
from lpmdsl.semantics import model as m
from lpmdsl.semantics.analysis.derivative import is_zero, log_derivative

Sum = tuple[tuple[int, int], ...]
"""Columns of a kind's sums, each with the weight +1 or −1."""


@dataclass(frozen=True, slots=True)
class Term:
    """A factor of a decision's probability. ``slopes``: ∂ log factor by parameter, the same for all agents.

    ``score``: the sum Σ ∂ log p / ∂ log factor; ``products``: for each control of the decision, what is expected of the
    product of the two.
    """

    slopes: tuple[tuple[str, m.Expr], ...]
    score: Sum
    products: tuple[Sum, ...]


@dataclass(frozen=True, slots=True)
class Decision:
    """Something that is drawn. ``probability``: where it is one number for all, it must lie between 0 and 1."""

    name: str
    kind: str
    controls: tuple[Sum, ...]
    terms: tuple[Term, ...]
    probability: m.Expr | None = None


@dataclass(frozen=True, slots=True)
class Stay:
    """A time that is drawn from a law: for each row of its table of quantiles (as in ``dwell.plan``) ``width`` columns
    from ``first``: how many, ticks, and ``statistics`` of which the score is made."""

    name: str
    kind: str
    law: m.Distribution
    first: int
    rows: int
    statistics: tuple[str, ...]

    @property
    def width(self) -> int:
        """Number of columns for each row of a dwell time."""
        return 2 + len(self.statistics)


@dataclass(slots=True)
class Ledger:
    """The decisions of a model and the columns of their sums, filled while the model is lowered.

    ``parameters``: by which the score is wanted; ``observed``: the observations whose draws count; ``watched``: the
    conditions whose draws do; ``moved``: those of the parameters along which dwell times are moved too.
    """

    model: m.Model
    parameters: tuple[str, ...]
    observed: frozenset[str]
    watched: frozenset[str]
    moved: tuple[str, ...] = ()
    decisions: dict[str, Decision] = field(default_factory=dict)
    stays: dict[str, Stay] = field(default_factory=dict)
    columns: dict[str, int] = field(default_factory=dict)
    parts: list[Part] = field(default_factory=list)

    def ignores(self, path: str) -> bool:
        """Return True if what is drawn at a place of the text has nothing to do with what is observed."""
        first = path.split(".")[0]
        if any(c.name == first for c in self.model.conditions):
            return first not in self.watched
        return first not in self.observed and any(o.name == first for o in self.model.observations)

    def take(self, kind: str, count: int) -> int:
        """The first of so many new columns."""
        first = self.columns.get(kind, 0)
        self.columns[kind] = first + count
        return first

    def decision(self, name: str, make: Callable[[], Decision]) -> Decision:
        """The decision of a name, made at the first call: lowering comes by the same draw in several kernels."""
        if name not in self.decisions:
            self.decisions[name] = make()
        return self.decisions[name]

    def stay(self, name: str, kind: str, law: m.Distribution, rows: int) -> Stay:
        """Statistics of a dwell time; declared the first time."""
        if name not in self.stays:
            moved = any(not is_zero(s) for _, e in law.arguments for _, s in self.slopes((e,)))
            score = score_of(law.family)
            statistics = score.statistics if moved and not isinstance(score, str) else ()
            first = self.take(kind, rows * (2 + len(statistics)))
            self.stays[name] = Stay(name, kind, law, first, rows, statistics)
        return self.stays[name]

    def slopes(self, factors: Iterable[m.Expr]) -> list[tuple[str, m.Expr]]:
        """∂ log of a product by every parameter that acts on it."""
        found: list[tuple[str, m.Expr]] = []
        for parameter in self.parameters:
            for factor in factors:
                slope = log_derivative(factor, parameter, self.model)
                found += [] if is_zero(slope) else [(parameter, slope)]
        return found

    def free(self, factors: Iterable[m.Expr]) -> tuple[tuple[str, m.Expr], ...]:
        """Those of the slopes that are the same for all agents."""
        return tuple((p, s) for p, s in self.slopes(factors) if not m.reads_agent(s))

    def own(self, factors: Iterable[m.Expr]) -> tuple[tuple[str, m.Expr], ...]:
        """Those of the slopes that differ between agents."""
        return tuple((p, s) for p, s in self.slopes(factors) if m.reads_agent(s))

    def varying(self) -> list[m.Expr]:
        """The slopes that may differ between steps, each once: the run reports their values."""
        found: dict[object, m.Expr] = {}
        for decision in self.decisions.values():
            for term in decision.terms:
                for _, slope in term.slopes:
                    if not m.is_constant(slope):
                        found.setdefault(shape(slope), slope)
        return list(found.values())


def shape(node: object) -> object:
    """An expression without its places in the text, to compare by."""
    if isinstance(node, tuple):
        return tuple(shape(n) for n in node)
    if isinstance(node, m.Expr):
        parts = (shape(getattr(node, f.name)) for f in fields(node) if f.name not in ("span", "type"))
        return (type(node), *parts)
    return node


def same_slopes(several: list[tuple[tuple[str, m.Expr], ...]]) -> bool:
    """Return True if all have the same derivatives by the same parameters, apart from their places."""
    return len({tuple((p, shape(s)) for p, s in slopes) for slopes in several}) <= 1
