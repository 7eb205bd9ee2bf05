"""The paragraphs of a rule, from lark's tree, and the declaration that they make up."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from lark import Token
from lark.tree import Meta

from lpmdsl.syntax import tree as t
from lpmdsl.syntax.build.behaviour import BehaviourBuilder
from lpmdsl.syntax.build.clauses import Target
from lpmdsl.syntax.build.expressions import Children, Clause


class RuleBuilder(BehaviourBuilder):
    """Builder of rules: when, for whom, and paragraphs that run from one opener to the next."""

    def rule(self, meta: Meta, c: Children) -> t.Rule:
        name, of, time, *steps = c
        paragraphs = gathered(steps)
        if not paragraphs:
            self.missing("This rule does nothing", meta, "Add a line such as `set ATTRIBUTE to VALUE`")
        return t.Rule(self.named(name), self.named(of), time, paragraphs, self.doc(meta), self.span(meta))

    def repeated(self, meta: Meta, c: Children) -> Clause:
        every, target, *steps = c
        if isinstance(every, Token):
            every = self.dated(every)
        at_most, kind, where, share, rank = target or Target()
        actions = tuple(step for step in steps if not isinstance(step, t.Paragraph))
        # What is drawn is drawn by the paragraphs of rules; a block of plain actions has no need of them.
        has_paragraphs = len(actions) < len(steps) or any(isinstance(a, t.DrawTo) for a in actions)
        paragraphs = gathered(steps) if has_paragraphs else ()
        plain = () if paragraphs else actions
        node = t.Repeated(every, kind, at_most, where, plain, self.span(meta), share, paragraphs, rank)
        return self._clause("repeated", node, meta)

    def entering(self, meta: Meta, c: Children) -> Clause:
        states, *steps = c
        opened = next((k for k, step in enumerate(steps) if isinstance(step, t.Paragraph)), len(steps))
        paragraphs = gathered(steps[opened:])
        node = t.OnEntering(states, tuple(steps[:opened]), self.span(meta), paragraphs)
        return self._clause("entering", node, meta)

    def rule_time(self, meta: Meta, c: Children) -> t.RuleTime:
        every, after, days, target = c
        at_most, kind, where, share, rank = target or Target()
        return t.RuleTime(every, after, days and str(days), at_most, kind, where, share, self.span(meta), rank=rank)

    def rule_date(self, meta: Meta, c: Children) -> t.RuleTime:
        return self._whenever(meta, c[1], date=self.dated(c[0]))

    def rule_rate(self, meta: Meta, c: Children) -> t.RuleTime:
        return self._whenever(meta, c[1], rate=c[0])

    def rule_when(self, meta: Meta, c: Children) -> t.RuleTime:
        return self._whenever(meta, c[1], test=c[0])

    def _whenever(self, meta: Meta, target: Any, **when: Any) -> t.RuleTime:
        at_most, kind, where, share, rank = target or Target()
        return t.RuleTime(None, None, None, at_most, kind, where, share, self.span(meta), **when, rank=rank)

    def paragraph(self, meta: Meta, c: Children) -> t.Paragraph:
        joined, opener = (c[0], c[1]) if len(c) == 2 else (c[0], None)
        word: Any = "" if joined is None else str(joined)
        if opener is None:
            return t.Paragraph(word, None, None, None, (), self.span(meta))
        return replace(opener, joined=word, span=self.span(meta))

    def if_where(self, meta: Meta, c: Children) -> t.Paragraph:
        return t.Paragraph("", c[0], c[1], None, (), self.span(meta))

    def by_chance(self, meta: Meta, c: Children) -> t.Paragraph:
        return t.Paragraph("", None, c[0], None, (), self.span(meta))

    def always(self, meta: Meta, c: Children) -> t.Paragraph:
        return t.Paragraph("", None, None, None, (), self.span(meta), is_always=True)

    def by_weight(self, meta: Meta, c: Children) -> tuple[str, t.Expr]:
        return "weight", c[0]

    def with_most(self, meta: Meta, c: Children) -> tuple[str, t.Expr]:
        return str(c[0]), c[1]

    def pick(self, meta: Meta, c: Children) -> t.Paragraph:
        _, other, whom, where, choice, probability = c
        order: Any
        order, by = choice or ("lot", None)
        span = self.span(meta)
        meeting = t.Meeting("pick", self.named(whom), other is not None, where, order, by, span)
        return t.Paragraph("", None, probability, meeting, (), span)

    def take(self, meta: Meta, c: Children) -> t.Paragraph:
        _, other, whom, where, chosen, by, first, first_by, probability = c
        order: Any = "lot" if chosen is None else str(chosen)
        place: Any = "lot" if first is None else str(first)
        span = self.span(meta)
        meeting = t.Meeting("take", self.named(whom), other is not None, where, order, by, span, None, place, first_by)
        return t.Paragraph("", None, probability, meeting, (), span)

    def each_of(self, meta: Meta, c: Children) -> t.Paragraph:
        whom, last, where, probability = c
        span = self.span(meta)
        meeting = t.Meeting("each", self.named(whom), False, where, "lot", None, span, last)
        return t.Paragraph("", None, probability, meeting, (), span)

    def last(self, meta: Meta, c: Children) -> t.Quantity:
        return c[0]


def gathered(steps: Children) -> tuple[t.Paragraph, ...]:
    """Paragraphs from openers and actions as they follow one another; those above the first opener make one, too."""
    paragraphs: list[t.Paragraph] = []
    for step in steps:
        if isinstance(step, t.Paragraph):
            paragraphs.append(step)
        elif paragraphs:
            paragraphs[-1] = replace(paragraphs[-1], actions=(*paragraphs[-1].actions, step))
        else:
            paragraphs.append(t.Paragraph("", None, None, None, (step,), step.span, has_opener=False))
    return tuple(paragraphs)
