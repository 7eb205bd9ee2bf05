"""Declarations of the syntax tree, from lark's tree; clauses written twice or missing are reported."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NamedTuple

from lark import Token
from lark.tree import Meta

from lpmdsl.diagnostics import Label, Report
from lpmdsl.source import Span
from lpmdsl.syntax import tree as t
from lpmdsl.syntax.build.expressions import Children, Clause, ExpressionBuilder, unquoted


class Clauses:
    """The clauses of one declaration by kind."""

    def __init__(self, children: Children, report: Report) -> None:
        self._clauses = [child for child in children if isinstance(child, Clause)]
        self._report = report

    def all(self, kind: str) -> tuple[Any, ...]:
        return tuple(clause.value for clause in self._clauses if clause.kind == kind)

    def joined(self, kind: str) -> tuple[Any, ...]:
        """The values of clauses that hold lists, one after the other."""
        return tuple(value for values in self.all(kind) for value in values)

    def one(self, kind: str, written: str = "") -> Any:
        """The only clause of a kind, or ``None``; a second one is reported where it stands."""
        found = [clause for clause in self._clauses if clause.kind == kind]
        for second in found[1:]:
            self._report.add(
                "E0111",
                f"`{written or kind}` is written twice in one declaration",
                second.span,
                "Keep one of the two lines",
                [Label(found[0].span, "the first one is here")],
            )
        return found[0].value if found else None


class Target(NamedTuple):
    """The parts of ``for at most N KIND where E highest X`` and of ``for share P of KIND where E``."""

    at_most: t.Expr | None = None
    kind: t.Name | None = None
    where: t.Expr | None = None
    share: t.Expr | None = None
    rank: t.Rank | None = None


class ClauseBuilder(ExpressionBuilder):
    """The clause lines."""

    def _clause(self, kind: str, value: Any, meta: Meta) -> Clause:
        return Clause(kind, value, self.span(meta))

    def _first(self, meta: Meta, children: Children, kind: str) -> Clause:
        return self._clause(kind, children[0], meta)

    def clock_step(self, meta: Meta, c: Children) -> Clause:
        return self._first(meta, c, "step")

    def clock_span(self, meta: Meta, c: Children) -> Clause:
        return self._clause("span", (self.dated(c[0]), c[1]), meta)

    def clock_for(self, meta: Meta, c: Children) -> Clause:
        return self._clause("span", (None, c[0]), meta)

    def prior(self, meta: Meta, c: Children) -> Clause:
        return self._first(meta, c, "prior")

    def bounds(self, meta: Meta, c: Children) -> Clause:
        return self._clause("between", (c[0], c[1]), meta)

    between = bounds

    def at_most(self, meta: Meta, c: Children) -> Clause:
        return self._clause("between", (None, c[0]), meta)

    def cited(self, meta: Meta, c: Children) -> Clause:
        return self._clause("source", unquoted(c[0]), meta)

    def row(self, meta: Meta, c: Children) -> Clause:
        return self._clause("row", t.TableRow(tuple(c[:-1]), c[-1], self.span(meta)), meta)

    def named_row(self, meta: Meta, c: Children) -> Clause:
        return self.row(meta, c)

    def named_value(self, meta: Meta, c: Children) -> t.Name:
        return t.Name(unquoted(c[0]), self.token_span(c[0]))

    def point(self, meta: Meta, c: Children) -> Clause:
        return self._clause("point", t.TablePoint(c[0], c[1], self.span(meta)), meta)

    def row_value(self, meta: Meta, c: Children) -> t.Quantity:
        sign, value = c
        if sign is None:
            return value
        return replace(value, number=-value.number, text=f"-{value.text}", span=self.span(meta))

    # -------------------------------------------------------------- agents

    def computed(self, meta: Meta, c: Children) -> Clause:
        return self._first(meta, c, "=")

    def drawn(self, meta: Meta, c: Children) -> Clause:
        return self._first(meta, c, "~")

    def band(self, meta: Meta, c: Children) -> Clause:
        _, of, cuts, labels = c
        return self._clause("=", t.Band(self.named(of), cuts, labels, self.span(meta)), meta)

    def one_of(self, meta: Meta, c: Children) -> Clause:
        return self._clause("one of", (c[1], c[2]), meta)

    def back(self, meta: Meta, c: Children) -> t.Name:
        return self.named(c[0])

    def attribute(self, meta: Meta, c: Children) -> Clause:
        names, kind, value, limits, missing = c
        low, high = limits.value if limits is not None else (None, None)
        return self._attributes(meta, names, kind, value, (), missing, low, high)

    def when_missing(self, meta: Meta, c: Children) -> t.Expr:
        """Meaning of a missing value; a label in quotes is kept as a name."""
        value = c[0]
        return t.Name(unquoted(value), self.token_span(value)) if isinstance(value, Token) else value

    def category(self, meta: Meta, c: Children) -> Clause:
        names, token, value, missing = c
        kind = t.TypeName("category", None, self.token_span(token))
        if value is not None and value.kind == "one of":
            labels, value = value.value
            return self._attributes(meta, names, kind, value, labels, missing)
        return self._attributes(meta, names, kind, value, (), missing)

    def _attributes(
        self, meta: Meta, names: tuple[t.Name, ...], kind: t.TypeName, value: Clause | None, labels: tuple[t.Name, ...],
        missing: t.Expr | None, low: t.Expr | None = None, high: t.Expr | None = None,
    ) -> Clause:  # fmt: skip
        span = self.span(meta)
        doc = self.docs.above(span.start)
        computed = value.value if value is not None and value.kind == "=" else None
        drawn = value.value if value is not None and value.kind == "~" else None
        made = tuple(t.Attribute(name, kind, computed, drawn, labels, doc, span, low, high, missing) for name in names)
        return self._clause("attributes", made, meta)

    def place(self, meta: Meta, c: Children) -> Clause:
        names, sized, missing = c
        size, within, where = sized or (None, (), None)
        span = self.span(meta)
        doc = self.docs.above(span.start)
        made = tuple(t.Place(name, size, within, where, doc, span, missing) for name in names)
        return self._clause("attributes", made, meta)

    def place_size(self, meta: Meta, c: Children) -> tuple[Any, tuple[t.Name, ...], Any]:
        return c[0], c[1] or (), c[2]

    # -------------------------------------------------------------- conditions and contagions

    def states(self, meta: Meta, c: Children) -> Clause:
        return self._first(meta, c, "states")

    def start(self, meta: Meta, c: Children) -> Clause:
        return self._clause("start", t.Start(c[0], tuple(c[1:]), self.span(meta)), meta)

    def except_(self, meta: Meta, c: Children) -> t.Except:
        return t.Except(c[0], self.named(c[1]), None, c[2], c[3], self.span(meta))

    def except_percent(self, meta: Meta, c: Children) -> t.Except:
        """``except 1 % in E``: the same as ``except share 1 % in E``."""
        number, _, where, state = c
        text, span = f"{number.text} %", Span(number.span.source, number.span.start, self.token_span(c[1]).end)
        return t.Except(None, None, replace(number, percent=True, text=text, span=span), where, state, self.span(meta))

    def except_share(self, meta: Meta, c: Children) -> t.Except:
        return t.Except(None, None, c[0], c[1], c[2], self.span(meta))

    def except_where(self, meta: Meta, c: Children) -> t.Except:
        return t.Except(None, None, None, c[0], c[1], self.span(meta))

    def infection(self, meta: Meta, c: Children) -> t.ByContagion:
        return t.ByContagion(self.span(meta))

    def after(self, meta: Meta, c: Children) -> t.After:
        return t.After(c[0], self.span(meta))

    def at_rate(self, meta: Meta, c: Children) -> t.AtRate:
        return t.AtRate(c[0], self.span(meta))

    def chance(self, meta: Meta, c: Children) -> t.Chance:
        return t.Chance(c[0], c[1], self.span(meta))

    def when(self, meta: Meta, c: Children) -> t.When:
        return t.When(c[0], self.span(meta))

    def branch(self, meta: Meta, c: Children) -> t.Branch:
        probability = None if isinstance(c[1], Token) else c[1]
        return t.Branch(c[0], probability, self.span(meta))

    def exit(self, meta: Meta, c: Children) -> Clause:
        row = c[2] if isinstance(c[2], t.Distribution) else None
        branches = () if row is not None else tuple(c[2:])
        return self._clause("exit", t.Exit(c[0], c[1], branches, self.span(meta), row), meta)

    def by_row(self, meta: Meta, c: Children) -> t.Distribution:
        _, table, keys = c
        span = self.token_span(table).to(self.span(meta))
        return t.Distribution(self.named(table), (), span, keys or ())

    def during(self, meta: Meta, c: Children) -> Clause:
        return self._clause("while", t.While(c[0], tuple(c[1:]), self.span(meta)), meta)

    def removed(self, meta: Meta, c: Children) -> Clause:
        return self._first(meta, c, "removed")

    def seen(self, meta: Meta, c: Children) -> Clause:
        return self._first(meta, c, "seen")

    def exclusive(self, meta: Meta, c: Children) -> Clause:
        return self._clause("at most one of", c[1], meta)

    def set_to(self, meta: Meta, c: Children) -> t.SetTo:
        return t.SetTo(c[0], c[1], c[2], self.span(meta))

    def draw_to(self, meta: Meta, c: Children) -> t.DrawTo:
        target, _, drawn, probability = c
        return t.DrawTo(target, drawn, probability, self.span(meta))

    def add_to(self, meta: Meta, c: Children) -> t.SetTo:
        return t.SetTo(c[1], c[0], c[2], self.span(meta), adds=True)

    def move_to(self, meta: Meta, c: Children) -> t.MoveTo:
        return t.MoveTo(self.named(c[0]), c[1], c[2], self.span(meta))

    def move_other(self, meta: Meta, c: Children) -> t.MoveTo:
        return t.MoveTo(c[0], c[1], c[2], self.span(meta))

    def leave(self, meta: Meta, c: Children) -> t.Leave:
        return t.Leave(c[0], self.span(meta))

    def scale(self, meta: Meta, c: Children) -> t.Scale:
        return t.Scale(c[0], c[1], self.span(meta))

    def change_to(self, meta: Meta, c: Children) -> t.Change:
        target, part = c[0]
        return t.Change(target, c[1], self.span(meta), part)

    def part(self, meta: Meta, c: Children) -> tuple[t.Name, tuple[t.Name, ...]]:
        return self.named(c[0]), c[1] or ()

    def spread(self, meta: Meta, c: Children) -> Clause:
        return self._clause("spread", t.Spread(c[0], c[1], c[2], self.span(meta)), meta)

    def ends(self, meta: Meta, c: Children) -> tuple[str, ...]:
        return tuple(str(end) for end in c)

    def scaled(self, meta: Meta, c: Children) -> Clause:
        ends, factor, where, networks = c
        return self._clause("scaled", t.Scaled(ends, factor, where, networks or (), self.span(meta)), meta)

    # -------------------------------------------------------------- interventions

    def on_date(self, meta: Meta, c: Children) -> t.Date:
        return self.dated(c[0])

    def on_day(self, meta: Meta, c: Children) -> t.OnDay:
        return t.OnDay(c[-1], self.span(meta))

    def elapsed(self, meta: Meta, c: Children) -> t.Elapsed:
        return t.Elapsed(c[0], "after", self.span(meta))

    def since_start(self, meta: Meta, c: Children) -> t.Elapsed:
        return t.Elapsed(c[0], "since", self.span(meta))

    def lasts(self, meta: Meta, c: Children) -> Clause:
        return self._clause("stops", t.Elapsed(c[0], "lasts", self.span(meta)), meta)

    def delay(self, meta: Meta, c: Children) -> t.Expr:
        return c[0]

    def crossing(self, meta: Meta, c: Children) -> t.Crossing:
        delay, value, crosses, level = c
        return t.Crossing(value, crosses.startswith("rises"), level, delay, self.span(meta))

    def starts(self, meta: Meta, c: Children) -> Clause:
        return self._first(meta, c, "starts")

    def stops(self, meta: Meta, c: Children) -> Clause:
        return self._first(meta, c, "stops")

    def costs(self, meta: Meta, c: Children) -> Clause:
        return self._first(meta, c, "costs")

    def target(self, meta: Meta, c: Children) -> Target:
        return Target(c[0], self.named(c[1]), c[2], None, c[3])

    def rank(self, meta: Meta, c: Children) -> t.Rank:
        order: Any = str(c[0])
        return t.Rank(order, c[1], self.span(meta))

    def share_target(self, meta: Meta, c: Children) -> Target:
        return Target(None, self.named(c[1]), c[2], c[0])

    def together(self, meta: Meta, c: Children) -> Clause:
        return self._clause("together", t.Together(c[0], self.named(c[1]), c[2], None, self.span(meta)), meta)

    def together_with(self, meta: Meta, c: Children) -> Clause:
        return self._clause("together", t.Together(None, None, None, self.named(c[0]), self.span(meta)), meta)

    def while_active(self, meta: Meta, c: Children) -> Clause:
        target, *actions = c
        at_most, kind, where, share, rank = target or Target()
        for limit in (e for e in (at_most, rank) if e is not None):
            self.error("`at most` limits what happens `every` period, not what holds `while active`", limit.span)
        return self._clause("active", t.WhileActive(kind, where, tuple(actions), self.span(meta), share), meta)

    # -------------------------------------------------------------- calibration, scenarios, comparisons

    def fit(self, meta: Meta, c: Children) -> Clause:
        observation, file, column, by, likelihood = c
        node = t.Fit(
            self.named(observation),
            unquoted(file),
            self.token_span(file),
            self.named(column),
            by or (),
            likelihood,
            self.span(meta),
        )
        return self._clause("fit", node, meta)

    def method(self, meta: Meta, c: Children) -> t.Name:
        return t.Name("_".join(c), self.span(meta))

    def estimate(self, meta: Meta, c: Children) -> Clause:
        return self._clause("estimate", (c[0], c[1]), meta)

    def hold_out(self, meta: Meta, c: Children) -> Clause:
        return self._first(meta, c, "hold out")

    def without(self, meta: Meta, c: Children) -> Clause:
        return self._first(meta, c, "without")

    def include(self, meta: Meta, c: Children) -> Clause:
        return self._first(meta, c, "with")

    def change(self, meta: Meta, c: Children) -> Clause:
        return self._clause("change", self.change_to(meta, c), meta)

    def repeat(self, meta: Meta, c: Children) -> Clause:
        return self._first(meta, c, "repeat")

    def summary(self, meta: Meta, c: Children) -> t.Summary:
        return t.Summary(" ".join(c[0].split()), self.named(c[1]), self.span(meta), c[2] or ())

    def attack_rate(self, meta: Meta, c: Children) -> t.Summary:
        return t.Summary(" ".join(c[0].split()), None, self.span(meta))

    def told_apart(self, meta: Meta, c: Children) -> tuple[t.Name, ...]:
        return tuple(self.named(token) for token in c if token.type == "NAME")

    def summaries(self, meta: Meta, c: Children) -> Clause:
        return self._clause("report", tuple(c), meta)

    # -------------------------------------------------------------- places in the first line

    def first_line(self, meta: Meta) -> Span:
        """Place at which a missing clause is reported: the first line of the declaration."""
        line = self.text[meta.start_pos : meta.end_pos].split("\n", 1)[0].rstrip()
        start = self.base + meta.start_pos
        return Span(self.source, start, start + len(line))

    def doc(self, meta: Meta) -> str:
        """The documentation above a declaration."""
        return self.docs.above(self.base + meta.start_pos)

    def clauses(self, children: Children) -> Clauses:
        return Clauses(children, self.report)

    def missing(self, message: str, meta: Meta, help: str) -> None:
        self.report.add("E0112", message, self.first_line(meta), help)
