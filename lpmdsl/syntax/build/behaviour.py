"""The clauses of a behaviour, from lark's tree, and the declaration that they make up."""

from __future__ import annotations

from lark import Token
from lark.tree import Meta

from lpmdsl.source import Span
from lpmdsl.syntax import tree as t
from lpmdsl.syntax.build.clauses import ClauseBuilder
from lpmdsl.syntax.build.expressions import Children, Clause, unquoted

_Decided = tuple[t.TypeName, t.Expr | None, t.Expr | None, tuple[t.Name, ...]]
"""Type, bounds and labels of a decision."""


class BehaviourBuilder(ClauseBuilder):
    """Builder of behaviours: what is decided, when, from what, and by whom."""

    def behaviour(self, meta: Meta, c: Children) -> t.Behaviour:
        clauses = self.clauses(c)
        decides, every, when = clauses.all("decides"), clauses.one("every"), clauses.one("when")
        if not decides:
            help = "Add a line such as `decides yes/no into ATTRIBUTE`"
            self.missing("This behaviour does not say what it decides", meta, help)
        if every is None and when is None:
            help = "Add a line such as `every week` or `when cases changes`"
            self.missing("This behaviour does not say when it decides", meta, help)
        return t.Behaviour(
            self.named(c[0]),
            self.named(c[1]),
            decides,
            every,
            when or (),
            clauses.all("knows"),
            clauses.one("asks"),
            clauses.one("system") or (),
            clauses.one("remembers"),
            clauses.one("shifted", "shifted by"),
            clauses.one("otherwise") or (),
            clauses.one("fallbacks", "at most … fallbacks"),
            clauses.one("validate"),
            self.doc(meta),
            self.span(meta),
            clauses.one("after") or (),
            clauses.one("blends"),
            clauses.one("represented", "asks … representatives"),
        )

    def prompt(self, meta: Meta, c: Children) -> tuple[t.Text, ...]:
        return tuple(t.Text(unquoted(line), self._inside(line)) for line in c)

    def _inside(self, token: Token) -> Span:
        whole = self.token_span(token)
        return Span(self.source, whole.start + 1, whole.end - 1)

    def decided(self, meta: Meta, c: Children) -> _Decided:
        low, high = c[1] or (None, None)
        return t.TypeName(" ".join(str(c[0]).split()), None, self.token_span(c[0])), low, high, ()

    decided_whole = decided

    def decided_category(self, meta: Meta, c: Children) -> _Decided:
        return t.TypeName(str(c[0]), None, self.token_span(c[0])), None, None, c[2] or ()

    def answer_bounds(self, meta: Meta, c: Children) -> tuple[t.Expr, t.Expr]:
        return c[0], c[1]

    def decides(self, meta: Meta, c: Children) -> Clause:
        type_, low, high, among = c[0]
        answers = self._answers(c[2], c[3])
        node = t.Decides(type_, self.named(c[1]), answers, c[4], self.span(meta), low, high, among)
        return self._clause("decides", node, meta)

    def _answers(self, yes: Token | None, no: Token | None) -> tuple[t.Text, ...]:
        return tuple(t.Text(str(word), self.token_span(word)) for word in (yes, no) if word is not None)

    def decided_every(self, meta: Meta, c: Children) -> Clause:
        return self._first(meta, c, "every")

    def decided_when(self, meta: Meta, c: Children) -> Clause:
        return self._first(meta, c, "when")

    def decided_after(self, meta: Meta, c: Children) -> Clause:
        return self._first(meta, c, "after")

    def knows(self, meta: Meta, c: Children) -> Clause:
        cuts, said = c[1] or ((), ())
        return self._clause("knows", t.Knows(c[0], cuts, said, self.span(meta)), meta)

    def knows_value(self, meta: Meta, c: Children) -> Clause:
        cuts, said = c[2] or ((), ())
        return self._clause("knows", t.Knows((self.named(c[0]),), cuts, said, self.span(meta), c[1]), meta)

    def bands(self, meta: Meta, c: Children) -> tuple[tuple[t.Expr, ...], tuple[t.Text, ...]]:
        return c[1], c[2] or ()

    def said(self, meta: Meta, c: Children) -> tuple[t.Text, ...]:
        return tuple(t.Text(unquoted(word), self._inside(word)) for word in c)

    def asks(self, meta: Meta, c: Children) -> Clause:
        return self._clause("asks", t.Asks(c[0], c[-1], self.span(meta)), meta)

    def asks_for(self, meta: Meta, c: Children) -> Clause:
        return self._clause("asks", t.Asks(None, c[-1], self.span(meta)), meta)

    def represented(self, meta: Meta, c: Children) -> Clause:
        return self._clause("represented", t.Representatives(c[0], self.span(meta)), meta)

    def system(self, meta: Meta, c: Children) -> Clause:
        return self._first(meta, c, "system")

    def remembers(self, meta: Meta, c: Children) -> Clause:
        return self._first(meta, c, "remembers")

    def shifted(self, meta: Meta, c: Children) -> Clause:
        return self._first(meta, c, "shifted")

    def blends(self, meta: Meta, c: Children) -> Clause:
        return self._clause("blends", t.Blends(c[0], c[1], self.span(meta)), meta)

    def fallback(self, meta: Meta, c: Children) -> Clause:
        return self._clause("otherwise", c[-1], meta)

    def most_fallbacks(self, meta: Meta, c: Children) -> Clause:
        return self._first(meta, c, "fallbacks")

    def within(self, meta: Meta, c: Children) -> tuple[t.Expr, t.Name | None]:
        return c[0], c[1]

    def validate(self, meta: Meta, c: Children) -> Clause:
        file, column, by, within = c
        at_most, distance = within or (None, None)
        node = t.Validate(
            unquoted(file), self.token_span(file), self.named(column), by or (), at_most, distance, self.span(meta)
        )
        return self._clause("validate", node, meta)
