"""Laws of draws: what a word decides and how probable that was, and what is endured of hazards until they strike.

A Program says so of everything random until ``passes.draws`` turns it into words and comparisons. What differentiates a
draw's log-probability comes before (``lowering.score``). Two laws are expressions: ``Threshold``, an exponential one
that a hazard waits for, and ``Quantile``, a time drawn from the law that its table is filled from.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import assert_never

from lpmdsl.program.ir.expressions import KExpr, Var


@dataclass(frozen=True, slots=True)
class Given:
    """Model expressions of a law, read at the boundary ``now``; ``reads``: what they read of the agent, by expression.

    A pass that needs another expression of the same parts, such as a derivative, finds them there.
    """

    expressions: tuple[object, ...]
    reads: tuple[tuple[object, KExpr], ...]
    now: KExpr


@dataclass(frozen=True, slots=True)
class Bernoulli:
    """Event of a chance: it happens if the word is below it. ``matters``: test that anything comes of it."""

    word: KExpr
    chance: KExpr
    given: Given
    matters: KExpr | None = None


@dataclass(frozen=True, slots=True)
class Categorical:
    """One of ``values`` (i64): the first whose chances up to it exceed the word; the last has what is left."""

    word: KExpr
    chances: tuple[KExpr, ...]
    values: tuple[int, ...]
    given: Given


@dataclass(frozen=True, slots=True)
class Hazard:
    """So much of a hazard was ``spent`` (2⁻³²) in a step, of a rate; ``strikes``: with that its threshold was."""

    spent: KExpr
    strikes: bool
    given: Given


@dataclass(frozen=True, slots=True)
class Tries:
    """So many tries of a chance, together a hazard (2⁻³²); ``succeeds``: test that the last of them was one."""

    count: KExpr
    chance: KExpr
    hazard: KExpr
    succeeds: KExpr
    given: Given


@dataclass(frozen=True, slots=True)
class Exposure:
    """Exposure of the agent on one network in a look (2⁻³²), a part of the local ``total``.

    ``apart``: what it meets there of each part of the sources that is counted apart.
    """

    condition: str
    network: str
    total: Var
    met: KExpr
    apart: tuple[KExpr, ...]
    given: Given


@dataclass(frozen=True, slots=True)
class Infection:
    """So much of a ``total`` exposure was ``spent`` (2⁻³²); ``strikes``: with that its threshold was."""

    condition: str
    total: Var
    spent: KExpr
    strikes: bool


Law = Bernoulli | Categorical | Hazard | Tries | Exposure | Infection


def law_parts(law: Law) -> tuple[KExpr, ...]:
    """The expressions that a law is made of."""
    found: list[KExpr] = []

    def keep(part: KExpr) -> KExpr:
        found.append(part)
        return part

    map_law(law, keep)
    return tuple(found)


def map_law(law: Law, through: Callable[[KExpr], KExpr]) -> Law:
    """The law with each of its expressions replaced."""

    def given(of: Given) -> Given:
        reads = tuple((expr, through(value)) for expr, value in of.reads)
        return replace(of, reads=reads, now=through(of.now))

    match law:
        case Bernoulli():
            matters = None if law.matters is None else through(law.matters)
            return Bernoulli(through(law.word), through(law.chance), given(law.given), matters)
        case Categorical():
            chances = tuple(through(p) for p in law.chances)
            return Categorical(through(law.word), chances, law.values, given(law.given))
        case Hazard():
            return Hazard(through(law.spent), law.strikes, given(law.given))
        case Tries():
            count, chance, hazard = through(law.count), through(law.chance), through(law.hazard)
            return Tries(count, chance, hazard, through(law.succeeds), given(law.given))
        case Exposure():
            apart = tuple(through(part) for part in law.apart)
            return replace(
                law, total=_local(through(law.total)), met=through(law.met), apart=apart, given=given(law.given)
            )
        case Infection():
            return replace(law, total=_local(through(law.total)), spent=through(law.spent))
        case _:
            assert_never(law)


def _local(expr: KExpr) -> Var:
    assert isinstance(expr, Var), "an exposure in all is a local"
    return expr
