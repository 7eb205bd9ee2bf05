"""Values that a rule draws: what a law makes of uniform numbers, as an expression that every back end knows."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from lpmdsl.quantities import BOOLEAN, NUMBER, Kind, Type
from lpmdsl.semantics import model
from lpmdsl.semantics.checks.values.laws.shares import row_of
from lpmdsl.source import Span

Expr = model.Expr


class Writer:
    """Expressions of one draw: arithmetic at its place, and its uniform numbers."""

    def __init__(self, kind: str, site: str, span: Span) -> None:
        self.kind, self.site, self.span = kind, site, span

    def number(self, value: float) -> Expr:
        """A literal number."""
        return model.Literal_(value, NUMBER, self.span)

    def luck(self, word: int) -> Expr:
        """The uniform number made of a word of the draw."""
        return model.Luck(self.kind, self.site, word, NUMBER, self.span)

    def do(self, op: str, *parts: Expr | float) -> Expr:
        """An operation on expressions and numbers."""
        made = tuple(self.number(p) if isinstance(p, int | float) else p for p in parts)
        kind = BOOLEAN if op in ("lt", "le") else NUMBER
        return model.Apply(op, made, kind, self.span)

    def standard_normal(self) -> Expr:
        """A standard normal number of two uniform ones (Box and Muller 1958, Ann Math Stat 29:610)."""
        radius = self.do("sqrt", self.do("mul", -2.0, self.do("log", self.luck(0))))
        return self.do("mul", radius, self.do("cos", self.do("mul", 2.0 * math.pi, self.luck(1))))


def _uniform(w: Writer, low: Expr, high: Expr) -> Expr:
    return w.do("add", low, w.do("mul", w.do("sub", high, low), w.luck(0)))


def _triangular(w: Writer, low: Expr, mode: Expr, high: Expr) -> Expr:
    width, left = w.do("sub", high, low), w.do("sub", mode, low)
    rising = w.do("add", low, w.do("sqrt", w.do("mul", w.luck(0), w.do("mul", width, left))))
    rest = w.do("mul", w.do("sub", 1.0, w.luck(0)), w.do("mul", width, w.do("sub", high, mode)))
    falling = w.do("sub", high, w.do("sqrt", rest))
    return w.do("select", w.do("lt", w.luck(0), w.do("div", left, width)), rising, falling)


def _normal(w: Writer, mean: Expr, sd: Expr) -> Expr:
    return w.do("add", mean, w.do("mul", sd, w.standard_normal()))


def _lognormal(w: Writer, sigma: Expr, median: Expr) -> Expr:
    return w.do("mul", median, w.do("exp", w.do("mul", sigma, w.standard_normal())))


def _exponential(w: Writer, mean: Expr) -> Expr:
    return w.do("mul", mean, w.do("neg", w.do("log", w.luck(0))))


def _weibull(w: Writer, k: Expr, scale: Expr) -> Expr:
    waited = w.do("neg", w.do("log", w.luck(0)))
    return w.do("mul", scale, w.do("exp", w.do("div", w.do("log", waited), k)))


DRAWN: dict[str, Callable[..., Expr]] = {
    "fixed": lambda w, value: value,
    "uniform": _uniform,
    "triangular": _triangular,
    "normal": _normal,
    "lognormal": _lognormal,
    "exponential": _exponential,
    "weibull": _weibull,
    "bernoulli": lambda w, probability: w.do("lt", w.luck(0), probability),
}
"""Families that a rule can draw from, beside ``categorical``: what they make of uniform numbers by their canonical
parameters."""


def drawn_value(
    law: model.Distribution, kind: str, site: str, want: Type, tables: Mapping[str, model.Table]
) -> Expr | None:
    """The value that a law gives for the draw of an agent at ``site``; None for a family without such an expression."""
    writer = Writer(kind, site, law.span)
    if law.family == "categorical":
        return _chosen(writer, law.weights, [float(k) for k in range(len(law.weights))], want)
    if law.family == "empirical":
        return _of_table(writer, law, tables[law.table or ""], want)
    made, parameters = DRAWN.get(law.family), law.canonical
    return None if made is None or parameters is None else made(writer, *parameters)


def _of_table(w: Writer, law: model.Distribution, table: model.Table, want: Type) -> Expr:
    """A label, or a number, of the table's last column of labels by the shares of the row that the keys name."""
    labels = table.keys[-1]
    shares = row_of(table, tuple(key for _, key in law.arguments), law.span)
    is_label = want.kind is Kind.CATEGORY
    return _chosen(w, shares, [float(want.labels.index(x) if is_label else x) for x in labels], want)


def _chosen(w: Writer, weights: tuple[Expr, ...], values: list[float], want: Type) -> Expr:
    """The first value whose share, with those before it, exceeds the uniform number; else the last."""
    found: Expr = model.Literal_(values[-1], want, w.span)
    sums: list[Expr] = []
    for weight in weights[:-1]:
        sums.append(weight if not sums else w.do("add", sums[-1], weight))
    for value, most in reversed(list(zip(values, sums, strict=False))):
        here = w.do("lt", w.luck(0), most)
        found = model.Apply("select", (here, model.Literal_(value, want, w.span), found), want, w.span)
    return found
