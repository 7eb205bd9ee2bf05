"""Expressions, quantities and distributions of the syntax tree, from lark's tree."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date as calendar_date
from typing import Any

from lark import Token, Tree
from lark.tree import Meta
from lark.visitors import Transformer_NonRecursive

from lpmdsl.diagnostics import Report
from lpmdsl.source import Source, Span
from lpmdsl.syntax import tree as t
from lpmdsl.syntax.chunks import Docs

Children = list[Any]


@dataclass(frozen=True, slots=True)
class Clause:
    """A clause that has no node of its own: what it is called and what it holds."""

    kind: str
    value: Any
    span: Span


def unquoted(token: str) -> str:
    """Text of a string without its quotes."""
    return token[1:-1] if token.startswith('"') else str(token)


class ExpressionBuilder(Transformer_NonRecursive):
    """Each method is named after a rule of the grammar and makes its node."""

    def __init__(self, source: Source, base: int, text: str, report: Report, docs: Docs) -> None:
        super().__init__(visit_tokens=False)
        self.source, self.base, self.text, self.report, self.docs = source, base, text, report, docs

    def _call_userfunc(self, tree: Tree, new_children: Children | None = None) -> Any:
        """The node of one rule: lark hands the children over, and every node here needs its place too."""
        return getattr(self, tree.data)(tree.meta, tree.children if new_children is None else new_children)

    # -------------------------------------------------------------- places in the text

    def span(self, meta: Meta) -> Span:
        """The place of a rule, without the blanks and line breaks after it."""
        end = meta.end_pos
        while end > meta.start_pos and self.text[end - 1].isspace():
            end -= 1
        return Span(self.source, self.base + meta.start_pos, self.base + end)

    def token_span(self, token: Token) -> Span:
        start = self.base + (token.start_pos or 0)
        return Span(self.source, start, start + len(token))

    def named(self, token: Token) -> t.Name:
        return t.Name(unquoted(token), self.token_span(token))

    def maybe_named(self, token: Token | None) -> t.Name | None:
        return None if token is None else self.named(token)

    def error(self, message: str, span: Span, help: str = "") -> None:
        self.report.add("E0101", message, span, help)

    # -------------------------------------------------------------- names and literals

    def name(self, meta: Meta, children: Children) -> t.Name:
        return self.named(children[0])

    label = name

    def names(self, meta: Meta, children: Children) -> tuple[t.Name, ...]:
        return tuple(self.named(token) for token in children)

    def labels(self, meta: Meta, children: Children) -> tuple[t.Name, ...]:
        return tuple(children)

    def exprs(self, meta: Meta, children: Children) -> tuple[t.Expr, ...]:
        return tuple(children)

    def yes_no(self, meta: Meta, children: Children) -> t.YesNo:
        return t.YesNo(children[0] == "yes", self.span(meta))

    def date(self, meta: Meta, children: Children) -> t.Date:
        return self.dated(children[0])

    def dated(self, token: Token) -> t.Date:
        """A date that is on the calendar; another is reported."""
        try:
            calendar_date.fromisoformat(token)
        except ValueError:
            self.error(f"There is no day `{token}`", self.token_span(token), "A date is written YEAR-MONTH-DAY")
        return t.Date(str(token), self.token_span(token))

    def theirs(self, meta: Meta, children: Children) -> t.Theirs:
        return t.Theirs(str(children[0]), self.span(meta))

    def of_tie(self, meta: Meta, children: Children) -> t.OfTie:
        return t.OfTie(str(children[1]), self.span(meta))

    # -------------------------------------------------------------- quantities

    def _float(self, token: Token) -> float:
        value = float(token.replace("_", ""))
        if math.isinf(value):
            self.error(f"`{token}` is too large for a number", self.token_span(token))
            return 1.0
        return value

    def number(self, meta: Meta, children: Children) -> t.Quantity:
        return t.Quantity(self._float(children[0]), False, None, None, str(children[0]), self.span(meta))

    def quantity(self, meta: Meta, children: Children) -> t.Quantity:
        number, percent, unit, *pers = children
        below = [self._float(p) for p in pers if p.type == "NUMBER"]
        if 0 in below:
            self.error("Nothing can be counted per 0", self.span(meta))
            below = []
        units = [p for p in pers if p.type == "UNIT"]
        words = [w for w in (number, percent, unit) if w is not None]
        text = " ".join([*words, *(f"per {p}" for p in pers)])
        return t.Quantity(
            self._float(number),
            percent is not None,
            math.prod(below) if below else None,
            self._unit(unit, units),
            text,
            self.span(meta),
        )

    def per(self, meta: Meta, children: Children) -> Token:
        return children[0]

    def _unit(self, above: Token | None, below: list[Token]) -> t.Unit | None:
        parts = [(str(above), 1)] if above is not None else []
        parts += [(str(word), -1) for word in below]
        if not parts:
            return None
        tokens = [token for token in (above, *below) if token is not None]
        return t.Unit(tuple(parts), self.token_span(tokens[0]).to(self.token_span(tokens[-1])))

    def period(self, meta: Meta, children: Children) -> t.Quantity:
        *number, unit = children
        count = self._float(number[0]) if number else 1.0
        return t.Quantity(count, False, None, self._unit(unit, []), " ".join(children), self.span(meta))

    def type(self, meta: Meta, children: Children) -> t.TypeName:
        first, *below = children
        if first.type == "TYPE":
            return t.TypeName(str(first), self._unit(None, below), self.span(meta))
        return t.TypeName("", self._unit(first, below), self.span(meta))

    def labelled(self, meta: Meta, children: Children) -> t.TypeName:
        return t.TypeName("category", None, self.span(meta))

    def rate_type(self, meta: Meta, children: Children) -> t.TypeName:
        return t.TypeName("number", self._unit(None, list(children)), self.span(meta))

    # -------------------------------------------------------------- operators

    def binary(self, meta: Meta, children: Children) -> t.Binary:
        left, op, right = children
        return t.Binary(str(op), left, right, self.span(meta))

    def negated(self, meta: Meta, children: Children) -> t.Unary:
        return t.Unary("not", children[0], self.span(meta))

    def minus(self, meta: Meta, children: Children) -> t.Unary:
        return t.Unary("-", children[-1], self.span(meta))

    def is_(self, meta: Meta, children: Children) -> t.Is:
        return t.Is(children[0], (children[1],), False, self.span(meta))

    def is_not(self, meta: Meta, children: Children) -> t.Is:
        return t.Is(children[0], (children[1],), True, self.span(meta))

    def among(self, meta: Meta, children: Children) -> t.Is:
        return t.Is(children[0], children[1], False, self.span(meta))

    def not_among(self, meta: Meta, children: Children) -> t.Is:
        return t.Is(children[0], children[1], True, self.span(meta))

    def lookup(self, meta: Meta, children: Children) -> t.Lookup:
        return t.Lookup(self.named(children[0]), children[1], self.span(meta))

    def call(self, meta: Meta, children: Children) -> t.Call:
        return t.Call(self.named(children[0]), tuple(children[1:]), self.span(meta))

    def case(self, meta: Meta, children: Children) -> tuple[t.Expr, t.Expr]:
        return children[0], children[1]

    def choice(self, meta: Meta, children: Children) -> t.Choice:
        *cases, otherwise, _ = children
        return t.Choice(tuple(cases), otherwise, self.span(meta))

    def since(self, meta: Meta, children: Children) -> t.Since:
        return t.Since(self.named(children[1]), self.span(meta))

    def until(self, meta: Meta, children: Children) -> tuple[t.Expr, t.Date]:
        return children[0], self.dated(children[1])

    def stepwise(self, meta: Meta, children: Children) -> t.Stepwise:
        *pieces, after = children
        return t.Stepwise(tuple(pieces), after, self.span(meta))

    def where(self, meta: Meta, children: Children) -> t.Expr:
        return children[0]

    def counted(self, meta: Meta, children: Children) -> t.Aggregate:
        function, over, where, _, group, otherwise = children
        return t.Aggregate(
            str(function), None, self.named(over), where, otherwise, self.span(meta), group=self.maybe_named(group)
        )

    def linked(self, meta: Meta, children: Children) -> t.Aggregate:
        whose, what, otherwise = children
        their = t.Theirs(str(what), self.token_span(what))
        return t.Aggregate(t.LINKED, their, self.named(whose), None, otherwise, self.span(meta))

    def aggregate(self, meta: Meta, children: Children) -> t.Aggregate:
        function, what, over, where, _, group, otherwise = children
        if isinstance(what, Token):
            what = self.named(what)
        return t.Aggregate(str(function), what, over, where, otherwise, self.span(meta), group=self.maybe_named(group))

    def quantile(self, meta: Meta, children: Children) -> t.Aggregate:
        _, level, what, over, where, _, group, otherwise = children
        return t.Aggregate("quantile", what, over, where, otherwise, self.span(meta), level, self.maybe_named(group))

    def counted_them(self, meta: Meta, children: Children) -> t.Aggregate:
        function, where = children
        nobody_named = t.Name("", self.token_span(function))
        return t.Aggregate(str(function), None, nobody_named, where, None, self.span(meta))

    def total(self, meta: Meta, children: Children) -> t.Aggregate:
        _, what, over = children
        return t.Aggregate("total", what, over, None, None, self.span(meta))

    # -------------------------------------------------------------- distributions

    def dist(self, meta: Meta, children: Children) -> t.Distribution:
        name, *arguments = children
        return t.Distribution(self.named(name), tuple(a for a in arguments if a is not None), self.span(meta))

    def dist_by(self, meta: Meta, children: Children) -> t.Distribution:
        """``jobs[age_group]``: a table of shares, drawn from by what stands in brackets."""
        return t.Distribution(self.named(children[0]), (), self.span(meta), children[1])

    def argument(self, meta: Meta, children: Children) -> t.Argument:
        return t.Argument(None, children[0], self.span(meta))

    def named_argument(self, meta: Meta, children: Children) -> t.Argument:
        return t.Argument(unquoted(children[0]), children[1], self.span(meta))

    # -------------------------------------------------------------- network generators

    def generator(self, meta: Meta, children: Children) -> t.Generator:
        name, *arguments = children
        return t.Generator(self.named(name), tuple(a for a in arguments if a is not None), self.span(meta))

    def generator_argument(self, meta: Meta, children: Children) -> t.GeneratorArgument:
        return t.GeneratorArgument(None, children[0], self.span(meta))

    def named_generator_argument(self, meta: Meta, children: Children) -> t.GeneratorArgument:
        return t.GeneratorArgument(str(children[0]), children[1], self.span(meta))

    def law(self, meta: Meta, children: Children) -> t.Distribution:
        """A distribution as an argument, with the name of at least one of its own."""
        name, *arguments = children
        given = (a if isinstance(a, t.Argument) else t.Argument(None, a, a.span) for a in arguments)
        return t.Distribution(self.named(name), tuple(given), self.span(meta))
