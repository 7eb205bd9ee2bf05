"""Conditions: where people start, and how they leave each state."""

from __future__ import annotations

from collections.abc import Iterable
from typing import assert_never

from lpmdsl.syntax import tree as t
from lpmdsl.syntax.formatting.actions import acting, with_chance
from lpmdsl.syntax.formatting.expressions import SUM, distribution, expression, guard, label, labels, names
from lpmdsl.syntax.formatting.lines import Line, join, line_at
from lpmdsl.syntax.formatting.rules import paragraphs


def condition(node: t.Condition) -> Iterable[Line]:
    """Lines of a condition."""
    if node.states:
        yield line_at(node.states[0].span.to(node.states[-1].span), f"states {labels(node.states)}")
    if node.start is not None:
        yield from _start(node.start)
    for exit in node.exits:
        yield from _exit(exit)
    for clause in node.whiles:
        yield from acting(clause, f"while {labels(clause.states)}", clause.actions)
    for clause in node.entering:
        yield from acting(clause, f"on entering {labels(clause.states)}", clause.actions)
        yield from paragraphs(clause.paragraphs, 2)
    if node.at_most_one:
        span = node.at_most_one[0].span.to(node.at_most_one[-1].span)
        yield line_at(span, f"at most one of {names(node.at_most_one)}")
    if node.removed:
        yield line_at(node.removed[0].span.to(node.removed[-1].span), f"removed in {labels(node.removed)}")
    if node.seen:
        yield line_at(node.seen[0].span.to(node.seen[-1].span), f"seen in {labels(node.seen)}")


def _start(start: t.Start) -> Iterable[Line]:
    """The starting state, and its exceptions on the rows on which they were written."""
    span, text = start.state.span, f"start {label(start.state)}"
    indent = 1
    for exception in start.exceptions:
        if exception.span.line == span.line:
            span, text = span.to(exception.span), f"{text} {_except(exception)}"
        else:
            yield line_at(span, text, indent)
            span, text, indent = exception.span, _except(exception), 2
    yield line_at(span, text, indent)


def _except(e: t.Except) -> str:
    words = ["except"]
    if e.share is not None:
        words += ["share", expression(e.share, SUM, before="in")]
    elif e.number is not None:
        assert e.kind is not None
        plain = isinstance(e.number, t.Quantity | t.Name)
        words += [expression(e.number) if plain else f"({expression(e.number)})", e.kind.id]
    if e.where is not None:
        words += ["where", guard(e.where)]
    return " ".join([*words, "in", label(e.state)])


def _exit(exit: t.Exit) -> Iterable[Line]:
    head = f"from {labels(exit.states)} {_trigger(exit.trigger)}"
    if exit.row is not None:
        yield line_at(exit.span, f"{head} to one of {distribution(exit.row)}")
        return
    if len(exit.branches) == 1:
        yield line_at(exit.span, f"{head} {_branch(exit.branches[0], alone=True)}")
        return
    yield line_at(exit.states[0].span.to(exit.trigger.span), head)
    for branch in exit.branches:
        yield line_at(branch.span, _branch(branch, alone=False), 2)


def _trigger(trigger: t.ByContagion | t.After | t.AtRate | t.Chance | t.When) -> str:
    match trigger:
        case t.ByContagion():
            return "by contagion"
        case t.After():
            return f"after {distribution(trigger.dwell)}"
        case t.AtRate():
            return f"at rate {expression(trigger.rate, SUM)}"
        case t.Chance():
            return f"with probability {expression(trigger.probability, SUM)} every {trigger.every.text}"
        case t.When():
            return f"when {expression(trigger.test)}"
        case _:
            assert_never(trigger)


def _branch(branch: t.Branch, alone: bool) -> str:
    chance = with_chance(branch.probability) or ("" if alone else "otherwise")
    return join(f"to {label(branch.to)}", chance)
