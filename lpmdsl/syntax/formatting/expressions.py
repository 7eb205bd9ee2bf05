"""Expressions as text: brackets only where the grammar would read something else without them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import assert_never

from lpmdsl.syntax import tree as t
from lpmdsl.syntax.grammar import WORD

OR, AND, NOT, TEST, SUM, PRODUCT, SIGN, ATOM = 1, 2, 3, 4, 5, 6, 7, 9
_LEVELS = {
    "or": OR,
    "and": AND,
    "<": TEST,
    "<=": TEST,
    ">": TEST,
    ">=": TEST,
    "+": SUM,
    "-": SUM,
    "*": PRODUCT,
    "/": PRODUCT,
    "^": 8,
}
_ARITHMETIC = frozenset("+-*/^")
_COMPARISONS = frozenset({"<", "<=", ">", ">=", "is", "in"})
_BARE_LABEL = re.compile(rf"{WORD}|\d[\d_]*(?:\.\d+)?|yes|no")


def expression(e: t.Expr, level: int = OR, before: str = "") -> str:
    """An expression where one of at least ``level`` may stand and the word ``before`` follows."""
    text = _bare(e)
    return f"({text})" if _level(e) < level or (before and before in _taken(e)) else text


def label(name: t.Name) -> str:
    """A state or category label, in quotes if it is no word and no number."""
    return name.id if _BARE_LABEL.fullmatch(name.id) else f'"{name.id}"'


def labels(names: Sequence[t.Name]) -> str:
    """Labels, quoted where they need it, with commas between."""
    return ", ".join(label(name) for name in names)


def names(them: Sequence[t.Name]) -> str:
    """Names with commas between."""
    return ", ".join(name.id for name in them)


def expressions(them: Sequence[t.Expr]) -> str:
    """A list of expressions; one that would take the next comma stands in brackets."""
    last = len(them) - 1
    return ", ".join(expression(e, before="" if i == last else ",") for i, e in enumerate(them))


def distribution(d: t.Distribution) -> str:
    """Text of a distribution."""
    if d.keys:
        return f"{d.name.id}[{expressions(d.keys)}]"
    if not d.arguments:
        return d.name.id
    last = len(d.arguments) - 1
    return f"{d.name.id}({', '.join(_argument(a, '' if i == last else ',') for i, a in enumerate(d.arguments))})"


def _argument(a: t.Argument, before: str) -> str:
    value = expression(a.value, before=before)
    if a.name is None:
        return value
    return f"{label(t.Name(a.name, a.span))} {value}"


def generator(g: t.Generator) -> str:
    """Text of a network generator."""
    if not g.arguments:
        return g.name.id
    last = len(g.arguments) - 1
    return f"{g.name.id}({', '.join(_drawn(a, '' if i == last else ',') for i, a in enumerate(g.arguments))})"


def _drawn(a: t.GeneratorArgument, before: str) -> str:
    """An argument of a generator, which may be a distribution."""
    value = distribution(a.value) if isinstance(a.value, t.Distribution) else expression(a.value, before=before)
    return value if a.name is None else f"{a.name} {value}"


def type_name(kind: t.TypeName) -> str:
    """Text of a type with its unit."""
    return " ".join(part for part in (kind.name, unit(kind.unit) if kind.unit else "") if part)


def unit(u: t.Unit) -> str:
    """Text of a unit."""
    return " ".join(word if power > 0 else f"per {word}" for word, power in u.parts)


def guard(e: t.Expr) -> str:
    """A test in ``except where … in STATE``, where a bare ``in`` would end it."""
    return _guard(e, OR)


def _guard(e: t.Expr, level: int) -> str:
    if isinstance(e, t.Binary) and e.op in ("and", "or") and _level(e) >= level:
        own = _level(e)
        left = f"({_bare(e.left)})" if e.op in _taken(e.left) else _guard(e.left, own)
        return f"{left} {e.op} {_guard(e.right, own + 1)}"
    if isinstance(e, t.Unary) and e.op == "not" and level <= NOT:
        return f"not {_guard(e.operand, NOT)}"
    listed = isinstance(e, t.Is) and len(e.values) > 1
    return f"({_bare(e)})" if listed else expression(e, level, before="in")


def _bare(e: t.Expr) -> str:
    match e:
        case t.Quantity():
            return e.text
        case t.Name():
            return e.id
        case t.Theirs():
            return f"their.{e.id}"
        case t.OfTie():
            return f"tie.{e.id}"
        case t.Since():
            return f"time since {e.condition.id}"
        case t.YesNo():
            return "yes" if e.value else "no"
        case t.Date():
            return e.iso
        case t.Lookup():
            return f"{e.table.id}[{expressions(e.keys)}]"
        case t.Call():
            return f"{e.function.id}({expressions(e.arguments)})"
        case t.Unary():
            return f"not {expression(e.operand, NOT)}" if e.op == "not" else f"-{expression(e.operand, SIGN)}"
        case t.Binary():
            return _binary(e)
        case t.Is():
            return _is(e)
        case t.Aggregate():
            return _aggregate(e)
        case t.Stepwise():
            return f"({stepwise(e)})"
        case t.Choice():
            cases = [f"{expression(v, before='where')} where {expression(w, before=',')}" for v, w in e.cases]
            return f"({', '.join(cases)}, {expression(e.otherwise)} otherwise)"
        case _:
            assert_never(e)


def stepwise(e: t.Stepwise) -> str:
    """Values by the days until which they hold, without brackets."""
    pieces = ", ".join(f"{expression(value)} until {day.iso}" for value, day in e.pieces)
    return f"{pieces}, {expression(e.after)} after"


def _binary(e: t.Binary) -> str:
    level = _LEVELS[e.op]
    left, right = level, level + 1
    if e.op == "^":
        left, right = ATOM, SIGN
    elif level == TEST:
        left = SUM
    return f"{expression(e.left, left, before=e.op)} {e.op} {expression(e.right, right)}"


def _is(e: t.Is) -> str:
    several = len(e.values) > 1
    word = "in" if several else "is"
    verb = f"not {word}" if e.negated and several else f"{word} not" if e.negated else word
    return f"{expression(e.subject, SUM, before=word)} {verb} {labels(e.values)}"


def _aggregate(e: t.Aggregate) -> str:
    parts = [e.function, "of"] if e.level is None else [e.function, e.level.text, "of"]
    if e.over is None:
        return f"{e.function} of {_bare(e.what)}" if e.what is not None else e.function
    if e.function == t.LINKED:
        assert isinstance(e.over, t.Name) and isinstance(e.what, t.Theirs)
        parts = [f"{e.over.id}.{e.what.id}"]
        return " ".join([*parts, *(["else", expression(e.otherwise, SIGN)] if e.otherwise is not None else [])])
    if e.what is not None:
        counted = e.function in ("count", "share")
        parts += [_counted(e.what) if counted else expression(e.what, SUM, before="over"), "over"]
    parts.append(_bare(e.over))
    if e.where is not None:
        after = "in" if e.group is not None else "else" if e.otherwise is not None else ""
        parts += ["where", expression(e.where, before=after)]
    if e.group is not None:
        parts += ["in their", e.group.id]
    if e.otherwise is not None:
        parts += ["else", expression(e.otherwise, SIGN)]
    return " ".join(parts)


def _counted(e: t.Expr) -> str:
    return _bare(e) if isinstance(e, t.Name | t.Theirs) else f"({_bare(e)})"


# ------------------------------------------------------------------ what needs brackets


def _level(e: t.Expr) -> int:
    match e:
        case t.Binary():
            return _LEVELS[e.op]
        case t.Unary():
            return NOT if e.op == "not" else SIGN
        case t.Is():
            return TEST
        case t.Aggregate() if e.otherwise is not None:
            return TEST  # where `else V` ends is seen in parentheses alone, in a sum too
        case t.Aggregate() if e.where is not None:
            return SUM  # it takes all that it can: within a product a reader sees in parentheses where it ends
        case _:
            return ATOM


def _taken(e: t.Expr) -> frozenset[str]:
    """The words that would become part of ``e`` if they followed it: its right end may be an aggregate."""
    match e:
        case t.Binary():
            return _taken(e.right)
        case t.Unary():
            return _taken(e.operand)
        case t.Is():
            return frozenset({","}) if len(e.values) > 1 else frozenset()
        case t.Aggregate():
            return _taken_by_aggregate(e)
        case _:
            return frozenset()


def _taken_by_aggregate(e: t.Aggregate) -> frozenset[str]:
    if e.otherwise is not None:
        return _taken(e.otherwise) | {"^"}
    otherwise = frozenset({"else"})
    if e.where is not None:
        return otherwise | _taken(e.where) | _continues(e.where)
    return otherwise | ({"where", "over"} if e.what is None else {"where"})


def _continues(e: t.Expr) -> frozenset[str]:
    """The operators that can extend a test to its right."""
    logic = frozenset({"and", "or"})
    match e:
        case t.Binary() if e.op in logic:
            return _continues(e.right)
        case t.Unary() if e.op == "not":
            return _continues(e.operand)
        case t.Binary() if _LEVELS[e.op] == TEST:
            return logic | _ARITHMETIC
        case t.Is():
            return logic
        case _:
            return logic | _ARITHMETIC | _COMPARISONS
