"""Attributes and sizes drawn on the host: one keyed uniform per agent, through the inverse distribution function."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lpmdsl.diagnostics import fail
from lpmdsl.distributions.family import Law
from lpmdsl.distributions.table import WHOLE, law
from lpmdsl.networks.random import uniforms
from lpmdsl.networks.rng_keys import site
from lpmdsl.quantities import Kind, Type
from lpmdsl.semantics.host.evaluate import Scope, evaluate
from lpmdsl.semantics.host.laws import arguments
from lpmdsl.semantics.model import Agent, Attribute, Distribution


def dtype_of(type_: Type) -> type:
    """Storage of an attribute on the host."""
    match type_.kind:
        case Kind.BOOLEAN | Kind.CATEGORY:
            return np.uint8 if len(type_.labels) <= 256 else np.int32
        case Kind.PLACE:
            return np.int32
        case _:
            return np.float64


def made_values(agent: Agent, attribute: Attribute, scope: Scope, seed: int, n: int) -> NDArray:
    """An attribute of ``n`` agents that no file gives: drawn, computed or banded from those before it. E0811."""
    if attribute.drawn is not None:
        values = draw(attribute.drawn, scope, uniforms(seed, n, site(f"{agent.name}.{attribute.name}")))
    elif attribute.band is not None:
        of, cuts = attribute.band
        edges = np.array([float(evaluate(cut, scope)) for cut in cuts])
        values = np.searchsorted(edges, scope.attributes[(agent.name, of)], side="right")
    else:
        assert attribute.value is not None
        values = np.broadcast_to(np.asarray(evaluate(attribute.value, scope)), (n,))
    return np.array(values, dtype=dtype_of(attribute.type))


def draw(distribution: Distribution, scope: Scope, u: NDArray[np.float64]) -> NDArray[np.float64]:
    """The quantiles at ``u`` in base units; labels as indices into ``distribution.type.labels``, yes as 1. E0811."""
    match distribution.family:
        case "empirical":
            return _empirical(distribution, scope, u)
        case "categorical":
            return _categorical(distribution, scope, u)
        case "fixed":
            return np.full(u.shape, evaluate(distribution.arguments[0][1], scope))
        case "bernoulli":
            return (u < evaluate(distribution.arguments[0][1], scope)).astype(np.float64)
        case _:
            return _quantiles(distribution, scope, u)


def _quantiles(distribution: Distribution, scope: Scope, u: NDArray[np.float64]) -> NDArray[np.float64]:
    given = arguments(distribution, scope)
    with np.errstate(all="ignore"):
        curve = law(distribution.family, given)
        if distribution.family in WHOLE and all(np.ndim(value) == 0 for value in given.values()):
            values = _whole_quantiles(curve, u)
        else:
            values = np.asarray(curve.ppf(u), np.float64)
    if not np.all(np.isfinite(values)):
        written = ", ".join(f"{name} {np.min(value):g}" for name, value in given.items())
        raise fail(
            "E0811",
            f"`{distribution.family}({written})` gives no number for some agents.",
            distribution.span,
            "Look at the arguments: means, scales and standard deviations must be above 0.",
        )
    return values


def _whole_quantiles(curve: Law, u: NDArray[np.float64]) -> NDArray[np.float64]:
    """The same as ``curve.ppf(u)`` for counts, from one table of the distribution function: 50 times as fast."""
    highest = curve.ppf(1.0 - 2.0**-53)
    if not np.isfinite(highest) or highest > 1e6:
        return np.asarray(curve.ppf(u), np.float64)
    return np.searchsorted(curve.cdf(np.arange(int(highest) + 1)), u, side="left").astype(np.float64)


def _empirical(distribution: Distribution, scope: Scope, u: NDArray[np.float64]) -> NDArray[np.float64]:
    """A row label of the table, with the rows' shares as chances."""
    table = scope.model.table(distribution.table or "")
    if distribution.arguments:
        return _conditional(distribution, scope, u)
    if distribution.type.kind is Kind.CATEGORY:
        values = np.array([distribution.type.labels.index(label) for label in table.keys[0]], np.float64)
    else:
        values = np.array([float(label) for label in table.keys[0]])
    shares = np.cumsum(np.asarray(table.values) / np.sum(table.values))
    return values[np.minimum(np.searchsorted(shares, u, side="right"), values.size - 1)]


def _conditional(distribution: Distribution, scope: Scope, u: NDArray[np.float64]) -> NDArray[np.float64]:
    """A label of the table's last category, by the shares of the row that each agent's keys name."""
    table = scope.model.table(distribution.table or "")
    shares = np.reshape(table.values, (-1, len(table.keys[-1])))
    labels = np.array([distribution.type.labels.index(label) for label in table.keys[-1]], np.float64)
    row = np.zeros(u.shape, np.int64)
    for (_, key), own in zip(distribution.arguments, table.keys[:-1], strict=True):
        row = row * len(own) + np.asarray(evaluate(key, scope)).astype(np.int64)
    drawn = np.empty(u.shape)
    order = np.argsort(row, kind="stable")
    for one in np.split(order, np.flatnonzero(np.diff(row[order])) + 1):
        if one.size:
            bounds = np.cumsum(shares[row[one[0]]] / shares[row[one[0]]].sum())
            drawn[one] = labels[np.minimum(np.searchsorted(bounds, u[one], side="right"), labels.size - 1)]
    return drawn


def _categorical(distribution: Distribution, scope: Scope, u: NDArray[np.float64]) -> NDArray[np.float64]:
    """The first label whose cumulative weight exceeds u; weights may differ between agents."""
    weights = [np.asarray(evaluate(w, scope), np.float64) for w in distribution.weights]
    total = sum(weights)
    cumulative = np.zeros(())
    label = np.zeros(u.shape)
    for weight in weights[:-1]:
        cumulative = cumulative + weight
        label += u * total >= cumulative
    return label
