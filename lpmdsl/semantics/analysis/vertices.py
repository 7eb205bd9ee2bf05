"""Values of expressions before a run: at the parameters' values, and at the corners of what they may be."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol, assert_never

from lpmdsl.distributions.table import BOUNDED
from lpmdsl.quantities import Kind
from lpmdsl.semantics import model
from lpmdsl.semantics.operators import BUILT_IN

MOST_CORNERS = 4096
FINE = {1: 64, 2: 16}
"""Parts of a parameter's range that are looked at between its ends, where few parameters are read."""

Lookup = Callable[[model.Expr], float | None]
"""The value of a node that stands for a parameter, attribute, table entry, …; None: work it out from its parts."""


class Known(Protocol):
    """Names needed to evaluate: the check pass's context, or a finished model seen as one."""

    @property
    def parameters(self) -> Mapping[str, model.Parameter]:
        """Parameters by name."""
        ...

    @property
    def values(self) -> Mapping[str, float]:
        """Values of parameters in base units."""
        ...

    @property
    def tables(self) -> Mapping[str, model.Table]:
        """Tables by name."""
        ...

    @property
    def agents(self) -> Mapping[str, model.Agent]:
        """Kinds of agents by name."""
        ...


@dataclass(frozen=True, slots=True)
class View:
    """A finished model as something ``Known``."""

    parameters: Mapping[str, model.Parameter]
    values: Mapping[str, float]
    tables: Mapping[str, model.Table]
    agents: Mapping[str, model.Agent]


def view(checked: model.Model) -> View:
    """A finished model, with the values of its parameters, as something ``Known``."""
    parameters = {p.name: p for p in checked.parameters}
    tables = {t.name: t for t in checked.tables}
    values = parameter_values(parameters, tables)
    return View(parameters, values, tables, {a.name: a for a in checked.agents})


def evaluate(expr: model.Expr, lookup: Lookup, tables: Mapping[str, model.Table]) -> float:
    """The value in base units; NaN where it has none (a division by zero, something only a run knows)."""
    given = lookup(expr)
    if given is not None:
        return given
    match expr:
        case model.Literal_():
            return expr.value
        case model.TableRef():
            return _entry(tables[expr.table], [evaluate(k, lookup, tables) for k in expr.keys])
        case model.Apply():
            return _apply(expr.op, [evaluate(a, lookup, tables) for a in expr.arguments])
        case _:
            return math.nan


def _entry(table: model.Table, keys: list[float]) -> float:
    index = 0
    for key, labels in zip(keys, table.keys, strict=True):
        if math.isnan(key) or not 0 <= key < len(labels):
            return math.nan
        index = index * len(labels) + int(key)
    return table.values[index]


def _apply(op: str, values: list[float]) -> float:
    try:
        result = BUILT_IN[op].value(*values)
        return result if isinstance(result, int | float) else math.nan
    except (ArithmeticError, ValueError):
        return math.nan


def parameter_values(parameters: Mapping[str, model.Parameter], tables: Mapping[str, model.Table]) -> dict[str, float]:
    """Every parameter's own value in base units; parameters stand after those they are made of."""
    values: dict[str, float] = {}
    for name, parameter in parameters.items():
        values[name] = constant(parameter.default, values, tables)
    return values


def constant(expr: model.Expr, values: Mapping[str, float], tables: Mapping[str, model.Table]) -> float:
    """The value of an expression of parameters, tables and numbers; NaN if it reads anything else."""

    def lookup(node: model.Expr) -> float | None:
        return values.get(node.name, math.nan) if isinstance(node, model.ParameterRef) else None

    return evaluate(expr, lookup, tables)


def extremes(known: Known, terms: tuple[model.Expr, ...]) -> Iterator[tuple[float, str]]:
    """The sum of ``terms`` at the parameters' values and at the ends and middles of all that it reads, with a story.

    Exact for what is linear in each thing it reads, a search for the rest. Nothing is said where a value is unknown.
    """
    own, whole = known.values, [_expanded(term, known) for term in terms]
    named = ((_leaf(node), node) for term in whole for node in model.walk(term))
    leaves = {name: node for name, node in named if name}
    free = sum(isinstance(node, model.ParameterRef) for node in leaves.values())
    choices = [_choices(known, node, own, FINE.get(free, 0)) for node in leaves.values()]
    if math.prod(len(c) for c in choices) > MOST_CORNERS:
        choices = [
            c if isinstance(n, model.AttributeRef) else c[:1] for c, n in zip(choices, leaves.values(), strict=True)
        ]
    for corner in itertools.islice(itertools.product(*choices), MOST_CORNERS):
        at = dict(zip(leaves, corner, strict=True))

        def lookup(node: model.Expr, at: dict[str, tuple[float, str]] = at) -> float | None:
            found = at.get(_leaf(node))
            return found[0] if found is not None else None

        total = sum(evaluate(term, lookup, known.tables) for term in whole)
        if not math.isnan(total):
            stories = [story for _, story in corner if story]
            yield total, f" (at {', '.join(stories)})" if stories else ""


def _expanded(expr: model.Expr, known: Known) -> model.Expr:
    """The expression with computed parameters that have no bounds of their own replaced by what computes them."""
    match expr:
        case model.ParameterRef() if expr.name in known.parameters:
            parameter = known.parameters[expr.name]
            computed = parameter.low is None and not isinstance(parameter.default, model.Literal_)
            return _expanded(parameter.default, known) if computed else expr
        case model.TableRef():
            keys = tuple(_expanded(k, known) for k in expr.keys)
            return model.TableRef(expr.table, keys, expr.type, expr.span)
        case model.Apply():
            return model.Apply(expr.op, tuple(_expanded(a, known) for a in expr.arguments), expr.type, expr.span)
        case _:
            return expr


def _leaf(node: model.Expr) -> str:
    """Name of a thing whose value can vary; "" for what is worked out from its parts."""
    match node:
        case model.ParameterRef():
            return f"parameter {node.name}"
        case model.Follows():
            return f"whether {node.parameter} follows"
        case model.AttributeRef():
            return f"attribute {node.name}"
        case model.InState():
            return f"state {node.condition} {node.states}"
        case model.IsActive():
            return f"active {node.intervention}"
        case model.ObservationRef() | model.Rolling():
            return f"observation {node.observation} {node.group}"
        case model.GroupReport():
            return f"observation {node.observation} of the own group"
        case model.Population():
            return f"number of {node.of}"
        case model.Aggregate() | model.Neighbours() | model.Theirs() | model.TieRef() | model.Luck():
            return "aggregate"
        case model.StateOf():
            return f"state {node.condition}"
        case model.Since():
            return f"time since {node.condition}"
        case model.Time():
            return "time"
        case model.Literal_() | model.Apply() | model.TableRef():
            return ""
        case _:
            assert_never(node)


def _range(known: Known, parameter: model.Parameter) -> tuple[float, float] | None:
    """Between which values a parameter lies: its bounds, else the ends of a uniform or triangular prior."""
    if parameter.low is not None and parameter.high is not None:
        return parameter.low, parameter.high
    if parameter.prior is None or parameter.prior.family not in BOUNDED:
        return None
    ends = [constant(e, known.values, known.tables) for _, e in parameter.prior.arguments]
    return ends[0], ends[-1]


def _choices(known: Known, node: model.Expr, own: Mapping[str, float], parts: int) -> list[tuple[float, str]]:
    """The values to try for one leaf, each with words for it (none for a parameter's own value)."""
    match node:
        case model.ParameterRef():
            parameter = known.parameters.get(node.name)
            value = own.get(node.name, math.nan)
            limits = _range(known, parameter) if parameter is not None else None
            if parameter is None or limits is None:
                return [(value, "")]
            low, high = limits
            between = (low + (high - low) * k / parts for k in range(1, parts))
            ends = (low, (low + high) / 2, high, *between)
            return [
                (value, ""),
                *((v, f"{node.name} = {v / parameter.scale:g}{_spaced(parameter.unit)}") for v in ends),
            ]
        case model.InState() | model.IsActive() | model.Follows():
            return [(0.0, ""), (1.0, "")]
        case model.StateOf():
            return [(float(i), f"{node.condition} {label}") for i, label in enumerate(node.type.labels)]
        case model.AttributeRef():
            return _attribute_choices(known, node, own)
        case model.ObservationRef() | model.GroupReport() | model.Rolling() if node.type.kind is Kind.SHARE:
            return [(v, f"{node.observation} = {100 * v:g} %") for v in (0.0, 0.5, 1.0)]
        case _:
            return [(math.nan, "")]


def _attribute_choices(known: Known, node: model.AttributeRef, own: Mapping[str, float]) -> list[tuple[float, str]]:
    match node.type.kind:
        case Kind.CATEGORY:
            return [(float(i), f"{node.name} {label}") for i, label in enumerate(node.type.labels)] or [(math.nan, "")]
        case Kind.BOOLEAN:
            return [(0.0, f"{node.name} no"), (1.0, f"{node.name} yes")]
        case Kind.SHARE | Kind.PROBABILITY:
            return [(v, f"{node.name} = {100 * v:g} %") for v in (0.0, 0.5, 1.0)]
        case _:
            return _number_choices(known, node, own)


def _number_choices(known: Known, node: model.AttributeRef, own: Mapping[str, float]) -> list[tuple[float, str]]:
    """The ends of a bounded draw or a written value that nothing changes; else unknown."""
    agent = known.agents.get(node.of)
    attribute = next((a for a in agent.attributes if a.name == node.name), None) if agent else None
    if attribute is None or attribute.is_changed or attribute.drawn is None or attribute.drawn.family not in BOUNDED:
        return [(math.nan, "")]
    ends = [constant(e, own, known.tables) for _, e in attribute.drawn.arguments]
    return [(v, f"{node.name} = {v / attribute.scale:g}{_spaced(attribute.unit)}") for v in ends]


def _spaced(unit: str) -> str:
    return f" {unit}" if unit else ""
