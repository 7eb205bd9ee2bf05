"""The ties of a model's networks: arguments evaluated, generators called, files read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from lpmdsl.diagnostics import fail
from lpmdsl.networks.directed import directed_graph
from lpmdsl.networks.files import read_ties
from lpmdsl.networks.generators import NETWORKS, GeneratorArgument, contradiction
from lpmdsl.networks.random import uniforms
from lpmdsl.networks.rng_keys import site
from lpmdsl.networks.storage.csr import Unbuildable
from lpmdsl.networks.world import Arguments, Circles, Ties
from lpmdsl.population.draws import draw, dtype_of, made_values
from lpmdsl.quantities import NUMBER
from lpmdsl.reading.door import place_of
from lpmdsl.semantics.context import text_of
from lpmdsl.semantics.data_files.agents import wanted
from lpmdsl.semantics.host.evaluate import Scope, evaluate
from lpmdsl.semantics.model import (
    Agent,
    AttributeRef,
    Distribution,
    Expr,
    Model,
    Network,
    Table,
    TableRef,
    every_expression,
    reads_agent,
)

SAMPLED = 1000
"""Agents by whose degrees the memory of a network is foreseen."""


def build_ties(network: Network, scope: Scope, seed: int, ids: NDArray | None) -> Ties:
    """The rows of one network of layout ``ties``; draws are keyed by ``network.NAME``. E0649, or a file's codes."""
    n = scope.counts[network.of]
    if network.generator is None:
        where = place_of(network.span.source, scope.model.directory)
        asked = tuple(want for want in map(wanted, network.columns) if want is not None)
        ties = read_ties(network.file or "", where, n, network.span, ids, network.directed, asked)
        return replace(ties, columns={c.name: ties.columns[c.name].astype(dtype_of(c.type)) for c in network.columns})
    row = NETWORKS[network.generator.name]
    arguments = _arguments(network, scope, lambda: uniforms(seed, n, site(f"network.{network.name}.degrees")))
    _possible(network, arguments, n)
    key = f"network.{network.name}"
    try:
        if network.directed:
            return directed_graph(row, n, arguments, seed, (site(key), site(f"{key}.back")))
        return row.function(n, arguments, seed, site(key))
    except Unbuildable as problem:
        raise fail("E0649", f"`{network.name}`: {problem}", network.generator.span, problem.help) from problem


def build_circles(network: Network, scope: Scope, seed: int) -> Circles:
    """The keys of a network that is not written out, under the same name of its draws as ``build_ties``. E0649."""
    from lpmdsl.networks.random_regular import circles  # the lightest of what makes people knows no LLVM

    assert network.generator is not None
    arguments = _arguments(network, scope, lambda: np.empty(0))
    try:
        every = round(network.redrawn / scope.model.clock.step)
        return circles(scope.counts[network.of], arguments, seed, site(f"network.{network.name}"), every)
    except Unbuildable as problem:
        raise fail("E0649", f"`{network.name}`: {problem}", network.generator.span, problem.help) from problem


def foreseen_degree(
    network: Network, model: Model, parameters: Mapping[str, float], counts: Mapping[str, int]
) -> float:
    """About how many ties an agent of a generated network will have; of degrees that a file gives 0, not known yet."""
    if network.generator is None:
        return 0.0
    grid = (np.arange(SAMPLED) + 0.5) / SAMPLED
    scope = Scope(model, parameters, counts=counts)
    if any(isinstance(e, AttributeRef) for e in every_expression(network.generator)):
        scope = replace(scope, attributes=_sampled(model.agent(network.of), scope))
    arguments = _arguments(network, scope, lambda: grid)
    return NETWORKS[network.generator.name].expected_degree(counts[network.of], arguments)


def _possible(network: Network, arguments: Arguments, n: int) -> None:
    """Raises E0649 where somebody's own number of ties is negative, no number, or more than there are others."""
    assert network.generator is not None
    written = dict(network.generator.arguments).get("degrees")
    if written is None or isinstance(written, Distribution) or not reads_agent(written):
        return
    degrees = np.broadcast_to(np.asarray(arguments["degrees"], np.float64), (n,))
    outside = np.flatnonzero(~((degrees >= 0) & (degrees < n)))
    if outside.size:
        raise fail(
            "E0649",
            f"`{network.name}`: {text_of(written.span)} is {degrees[outside[0]]:g} for {network.of} {outside[0]:,}, "
            f"and a number of ties lies between 0 and {n - 1:,}; so it is with {outside.size:,} of {n:,} {network.of}.",
            written.span,
            f"Keep it within: `min({n - 1}, max(0, …))`, or draw it from a law of such numbers.",
        )


def _sampled(agent: Agent, scope: Scope) -> dict[tuple[str, str], NDArray]:
    """Attributes of a few agents drawn as in a run of the seed 0; 0 where a file gives them.

    Degrees read what is written: not whom places are counted by, for which there would have to be places.
    """
    found: dict[tuple[str, str], NDArray] = {}
    inside = replace(scope, attributes=found)
    for attribute in agent.attributes:
        if attribute.first_of:
            continue
        given = attribute.column is not None
        values = np.zeros(SAMPLED) if given else made_values(agent, attribute, inside, 0, SAMPLED)
        found[agent.name, attribute.name] = values
    return found


def _arguments(network: Network, scope: Scope, u: Callable[[], NDArray[np.float64]]) -> Arguments:
    """Values of the written arguments, then the defaults; drawn degrees are the quantiles at what ``u`` gives."""
    assert network.generator is not None
    written = dict(network.generator.arguments)
    values: dict[str, float | NDArray] = {}
    for argument in NETWORKS[network.generator.name].arguments:
        if argument.name in written:
            values |= _value(argument, written[argument.name], network, scope, u)
        elif argument.default is not None:
            values[argument.name] = argument.default
    return values


def _value(
    argument: GeneratorArgument,
    expr: Expr | Distribution,
    network: Network,
    scope: Scope,
    u: Callable[[], NDArray[np.float64]],
) -> dict[str, float | NDArray]:
    match argument.kind:
        case "degrees":
            if not isinstance(expr, Distribution) and reads_agent(expr):
                return {argument.name: np.floor(evaluate(expr, scope) + 0.5)}
            return {argument.name: np.floor(draw(_distribution(expr), scope, u()) + 0.5)}
        case "blocks":
            assert isinstance(expr, TableRef)
            table = scope.model.table(expr.table)
            matrix = np.asarray(table.values).reshape(len(table.keys[0]), len(table.keys[1]))
            groups = scope.attributes.get((network.of, table.key_attributes[0]), np.empty(0, np.uint8))
            if not network.directed:
                _agrees(network, table, matrix, groups)
            return {argument.name: matrix, "groups": groups, "labels": np.asarray(table.keys[0])}
        case "number" | "share" | "yes/no":
            assert not isinstance(expr, Distribution)
            return {argument.name: float(evaluate(expr, scope))}


def _agrees(network: Network, table: Table, matrix: NDArray, groups: NDArray) -> None:
    """Raises E0651 where the groups as they are cannot have the ties of the table."""
    sizes = np.bincount(groups, minlength=len(matrix)).astype(np.float64)
    found = contradiction(matrix, sizes, drawn=True) if groups.size else None
    if found is not None:
        a, b, one, other = found
        first, second = table.keys[0][a], table.keys[0][b]
        assert network.generator is not None
        raise fail(
            "E0651",
            f"The table `{table.name}` gives the {sizes[a]:,.0f} of group `{first}` {one:,.0f} ties with `{second}`, "
            f"and the {sizes[b]:,.0f} of `{second}` {other:,.0f} with `{first}`: these are the same ties.",
            network.generator.span,
            f"Write {second} {first} as {one / max(sizes[b], 1):.4g}, or {first} {second} as "
            f"{other / max(sizes[a], 1):.4g}.",
        )


def _distribution(expr: Expr | Distribution) -> Distribution:
    """A distribution as written, a table's, or one fixed degree."""
    if isinstance(expr, Distribution):
        return expr
    if isinstance(expr, TableRef) and not expr.keys:
        return Distribution("empirical", (), expr.table, (), NUMBER, expr.span)
    return Distribution("fixed", (("value", expr),), None, (), NUMBER, expr.span)
