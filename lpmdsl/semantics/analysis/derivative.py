"""Exact derivatives of Model expressions with respect to a parameter, as Model expressions, and where there are none.

A parameter acts on an expression by itself, through parameters that are computed from it, and through what a ``while``
clause makes an attribute read as. What it does to the course of a run is not an expression's business: states, reports
and stored attributes are held still. Comparisons, steps and choices of a table row have the derivative zero; what a
parameter does through them is *lost*, and ``lost`` says where.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import assert_never

from lpmdsl.quantities import BOOLEAN, NUMBER, Kind, Type
from lpmdsl.semantics.analysis.dependencies import acts_on, computed_from, observations_in
from lpmdsl.semantics.analysis.events import events
from lpmdsl.semantics.model import (
    Aggregate,
    Apply,
    AttributeRef,
    Derived,
    Expr,
    Follows,
    GroupReport,
    InState,
    IsActive,
    Level,
    Literal_,
    Luck,
    Model,
    Neighbours,
    ObservationRef,
    ParameterRef,
    Population,
    Rolling,
    SetAttribute,
    Since,
    StateOf,
    TableRef,
    Theirs,
    TieRef,
    Time,
    children,
    every_expression,
    overlays,
    view_of,
    walk,
)
from lpmdsl.semantics.operators import BUILT_IN, STEPS
from lpmdsl.semantics.rows import Do


def derivative(expr: Expr, parameter: str, model: Model) -> Expr:
    """d ``expr`` / d ``parameter``, simplified; a literal 0 where the parameter does not act or its way is lost."""
    zero = _number(0.0, expr)
    if not acts_on(expr, parameter, model):
        return zero
    match expr:
        case ParameterRef():
            own = model.parameter(expr.name).default
            return _number(1.0, expr) if expr.name == parameter else derivative(own, parameter, model)
        case AttributeRef():
            return _attribute(expr, parameter, model)
        case Apply():
            return _apply(expr, parameter, model)
        case Aggregate():
            return _aggregate(expr, parameter, model)
        case TableRef() | InState() | StateOf() | Since() | Population() | Time():
            return zero
        case ObservationRef() | GroupReport() | Rolling():
            return zero
        case Literal_() | IsActive() | Follows() | Theirs() | TieRef() | Neighbours() | Luck():
            return zero
        case _:
            assert_never(expr)


def is_zero(expr: Expr) -> bool:
    """Return True if the expression is a written 0."""
    return isinstance(expr, Literal_) and expr.value == 0


# ------------------------------------------------------------------ where a derivative is lost


def lost(expr: Expr, parameter: str, model: Model) -> tuple[Expr, ...]:
    """The parts through which the parameter acts on the value without a derivative, outermost first.

    Comparisons and steps, keys of tables, reports and attributes that themselves depend on the parameter by an
    expression, and the activity of interventions whose triggers do.
    """
    return tuple(dict.fromkeys(_lost(expr, parameter, model)))


def _lost(expr: Expr, parameter: str, model: Model) -> Iterator[Expr]:
    match expr:
        case ParameterRef():
            if expr.name != parameter and expr.name in computed_from(parameter, model):
                yield from _lost(model.parameter(expr.name).default, parameter, model)
            return
        case Apply() if expr.op in STEPS and acts_on(expr, parameter, model):
            yield expr
        case TableRef() if any(acts_on(k, parameter, model) for k in expr.keys):
            yield expr
        case AttributeRef() if (view := view_of(model, expr)) is not None and acts_on(view, parameter, model):
            yield expr
        case AttributeRef() if is_moved(expr, parameter, model) or not all(
            _is_expressible(value, parameter, model) for _, value in _clauses(expr, model)
        ):
            yield expr
        case AttributeRef():
            for _, value in _clauses(expr, model):
                yield from _lost(value, parameter, model)
        case ObservationRef() | GroupReport() | Rolling() if _is_formula_of(expr.observation, parameter, model):
            yield expr
        case IsActive() if any(acts_on(e, parameter, model) for e in _triggers(expr, model)):
            yield expr
        case Aggregate() if _loses(expr, parameter, model):
            yield expr
        case Neighbours() if acts_on(expr, parameter, model):
            yield expr
        case _:
            pass
    for child in children(expr):
        yield from _lost(child, parameter, model)


def _triggers(expr: IsActive, model: Model) -> Iterator[Expr]:
    one = model.intervention(expr.intervention)
    return every_expression((one.starts, one.stops))


def _is_formula_of(observation: str, parameter: str, model: Model) -> bool:
    """Return True if reports of an observation are computed with the parameter, not only counted from what it does."""
    match model.observation(observation).value:
        case Derived(formula):
            parts = observations_in(formula)
            return acts_on(formula, parameter, model) or any(_is_formula_of(p, parameter, model) for p in parts)
        case Level(aggregate):
            return acts_on(aggregate, parameter, model)
        case _:
            return False


def is_moved(ref: AttributeRef, parameter: str, model: Model) -> bool:
    """Return True if what is stored for an attribute depends on the parameter: drawn, computed or set with it."""
    return ref.name in _moved(ref.of, parameter, model)


def _moved(kind: str, parameter: str, model: Model) -> set[str]:
    """The attributes of a kind of agent whose stored values depend on the parameter, directly or by each other."""
    agent = model.agent(kind)
    sources = {a.name: [(a.value, a.drawn, a.band)] for a in agent.attributes}
    for action in _sets(kind, model):
        sources[action.attribute].append((action.value, None, None))
    found: set[str] = set()
    for _ in agent.attributes:
        for name, parts in sources.items():
            leaves = list(every_expression(tuple(parts)))
            reads = {e.name for e in leaves if isinstance(e, AttributeRef)}
            bands = {part[2][0] for part in parts if part[2] is not None}
            if any(acts_on(e, parameter, model) for e in leaves) or (reads | bands) & found:
                found.add(name)
    return found


def _sets(kind: str, model: Model) -> Iterator[SetAttribute]:
    every = (effect for event in events(model) if event.of == kind for effect in event.effects)
    return (effect for effect in every if isinstance(effect, SetAttribute))


# ------------------------------------------------------------------ attributes and aggregates


def _clauses(ref: AttributeRef, model: Model) -> list[tuple[Expr, Expr]]:
    """Tests of ``while`` clauses that change how an attribute reads, with its value, as written: the last one wins."""
    return overlays(model, ref.of, ref.name)


def _is_expressible(value: Expr, parameter: str, model: Model) -> bool:
    """A clause reads attributes as they are stored; outside it that can be written only of those no clause sets."""
    change = derivative(value, parameter, model)
    return not any(isinstance(e, AttributeRef) and _clauses(e, model) for e in walk(change))


def _attribute(ref: AttributeRef, parameter: str, model: Model) -> Expr:
    total: Expr = _number(0.0, ref)
    for inside, value in _clauses(ref, model):
        change: Expr = _number(0.0, ref)
        if _is_expressible(value, parameter, model):
            change = derivative(value, parameter, model)
        total = _add(_times(_no(inside), total), _times(inside, change))
    return total


def _loses(expr: Aggregate, parameter: str, model: Model) -> bool:
    if expr.where is not None and acts_on(expr.where, parameter, model):
        return True
    return expr.function in ("sd", "min", "max") and expr.what is not None and acts_on(expr.what, parameter, model)


def _aggregate(expr: Aggregate, parameter: str, model: Model) -> Expr:
    """Sums and means are linear in what they are of; counts, spreads and extremes have no derivative here."""
    if expr.function not in ("sum", "mean") or expr.what is None:
        return _number(0.0, expr)
    what = derivative(expr.what, parameter, model)
    otherwise = None if expr.otherwise is None else derivative(expr.otherwise, parameter, model)
    if is_zero(what) and (otherwise is None or is_zero(otherwise)):
        return _number(0.0, expr)
    return replace(expr, what=what, otherwise=otherwise, type=_plain(expr.type))


# ------------------------------------------------------------------ built-ins


def _apply(expr: Apply, parameter: str, model: Model) -> Expr:
    change = BUILT_IN[expr.op].change
    if change is None:
        return _number(0.0, expr)
    changes = [derivative(argument, parameter, model) for argument in expr.arguments]
    return change.of(_doing(expr), expr, list(expr.arguments), changes)


def _doing(like: Expr) -> Do:
    """Operations and functions on expressions, simplified; numbers stand where ``like`` does."""

    def do(op: str, *parts: Expr | float) -> Expr:
        made = [_number(p, like) if isinstance(p, int | float) else p for p in parts]
        if op == "select":
            return replace(_made(op, *made), span=like.span)
        return _SIMPLIFIED[op](*made) if op in _SIMPLIFIED else _made(op, *made)

    return do


def _to_the(base: Expr, exponent: Expr) -> Expr:
    if _is(exponent, 0):
        return _number(1.0, base)
    if isinstance(exponent, Literal_) and exponent.value == 1:
        return base
    return Apply("pow", (base, exponent), NUMBER, base.span)


# ------------------------------------------------------------------ building, simplified


def _plain(type_: Type) -> Type:
    """A number: a derivative is no share and no probability, whatever it is of."""
    return NUMBER if type_.kind is not Kind.NUMBER else type_


def _number(value: float, like: Expr) -> Literal_:
    return Literal_(value, NUMBER, like.span)


def _is(expr: Expr, value: float) -> bool:
    return isinstance(expr, Literal_) and expr.type.is_numeric and expr.value == value


def _both(a: Expr, b: Expr) -> tuple[float, float] | None:
    """The values of two literal numbers."""
    if isinstance(a, Literal_) and isinstance(b, Literal_) and a.type.is_numeric and b.type.is_numeric:
        return a.value, b.value
    return None


def _made(op: str, *arguments: Expr) -> Apply:
    return Apply(op, arguments, NUMBER, arguments[0].span)


def _truth(op: str, a: Expr, b: Expr) -> Expr:
    return replace(_made(op, a, b), type=BOOLEAN)


def _no(test: Expr) -> Expr:
    return replace(_made("not", test), type=BOOLEAN)


def _neg(a: Expr) -> Expr:
    return _number(-a.value, a) if isinstance(a, Literal_) else _made("neg", a)


def _add(a: Expr, b: Expr) -> Expr:
    if _is(a, 0) or _is(b, 0):
        return b if _is(a, 0) else a
    known = _both(a, b)
    return _number(sum(known), a) if known else _made("add", a, b)


def _sub(a: Expr, b: Expr) -> Expr:
    if _is(b, 0):
        return a
    known = _both(a, b)
    if known:
        return _number(known[0] - known[1], a)
    return _neg(b) if _is(a, 0) else _made("sub", a, b)


def _times(a: Expr, b: Expr) -> Expr:
    if _is(a, 0) or _is(b, 0):
        return _number(0.0, a)
    if _is(a, 1) or _is(b, 1):
        return b if _is(a, 1) else a
    known = _both(a, b)
    return _number(known[0] * known[1], a) if known else _made("mul", a, b)


def _over(a: Expr, b: Expr) -> Expr:
    if _is(a, 0) or _is(b, 1):
        return a
    return _made("div", a, b)


_SIMPLIFIED: dict[str, Callable[..., Expr]] = {
    "add": _add,
    "sub": _sub,
    "mul": _times,
    "div": _over,
    "neg": _neg,
    "pow": _to_the,
    "not": _no,
    "lt": lambda a, b: _truth("lt", a, b),
    "gt": lambda a, b: _truth("gt", a, b),
}

# ------------------------------------------------------------------ of the logarithm


def log_derivative(expr: Expr, parameter: str, model: Model) -> Expr:
    """d log ``expr`` / d ``parameter``, simplified: a factor that the parameter does not act on has no part in it.

    So it often reads no agent where the derivative itself does: that of ``rate * contacts[group]`` by ``rate`` is
    ``1 / rate``.
    """
    if not acts_on(expr, parameter, model):
        return _number(0.0, expr)
    if isinstance(expr, ParameterRef) and expr.name != parameter:
        return log_derivative(model.parameter(expr.name).default, parameter, model)
    if isinstance(expr, Apply):
        found = _log_change(expr, parameter, model)
        if found is not None:
            return found
    return _over(derivative(expr, parameter, model), expr)


def _log_change(expr: Apply, parameter: str, model: Model) -> Expr | None:
    """That of a product, a power or a function that says so, from its parts; None of another."""
    change, a = BUILT_IN[expr.op].change, expr.arguments
    if change is None or change.of_log is None:
        return None
    if change.held is not None and acts_on(a[change.held], parameter, model):
        return None
    changes = [derivative(one, parameter, model) for one in a]
    logs = [log_derivative(one, parameter, model) for one in a]
    return change.of_log(_doing(expr), list(a), changes, logs)
