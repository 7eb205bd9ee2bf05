"""The share of people with an attribute at which an outbreak stops: where the next-generation matrix with that share
as the unknown has 1 as its largest eigenvalue.

The people are made once with and once without the attribute, everything that depends on it following; a share c of them
stands in the one world and 1 − c in the other, whoever they are. So some who have it already count as they are, a
scaling at either end, on some networks only, or of one of two kinds of agents too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from lpmdsl.diagnostics import LpmError
from lpmdsl.networks.world import World
from lpmdsl.quantities import Kind
from lpmdsl.semantics import model as m
from lpmdsl.theory.coupled import coupled
from lpmdsl.theory.reproduction import next_generation, samples_of, world_of
from lpmdsl.theory.roots import root
from lpmdsl.theory.sample import Sample
from lpmdsl.theory.steps import leading

GRID = 16
"""Shares at which a first look is taken, so that a threshold is found where R0 goes down and up with the share."""


@dataclass(frozen=True, slots=True)
class Coverage:
    """``needed``: attribute → share of people with it at which an outbreak stops, above 1 where it cannot. ``unknown``:
    attribute → why that cannot be said."""

    needed: Mapping[str, float] = field(default_factory=dict)
    unknown: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Choice:
    """A value of an attribute of a kind of agents that somebody may have or not."""

    kind: str
    attribute: m.Attribute
    code: int

    @property
    def name(self) -> str:
        labels = self.attribute.type.labels
        return labels[self.code] if self.attribute.type.kind is Kind.CATEGORY else self.attribute.name


def coverage(model: m.Model, condition: m.Condition, parameters: Mapping[str, float], seed: int = 1) -> Coverage:
    """The shares for every yes/no attribute and category label that protects somebody in this condition's contagion.

    What makes people more susceptible or infectious is left out. Raises ``ValueError`` as ``reproduction`` does.
    """
    needed: dict[str, float] = {}
    unknown: dict[str, str] = {}
    for choice in _choices(model, condition):
        try:
            share = _needed(model, condition, parameters, seed, choice)
        except _NotKnown as reason:
            unknown[choice.name] = str(reason)
            continue
        if share is not None:
            needed[choice.name] = share
    return Coverage(needed, unknown)


class _NotKnown(ValueError):
    """Reason why the share is not known."""


def radius_at(samples: list[Sample], kind: str, shares: np.ndarray) -> float:
    """R0 with these shares of the worlds among the agents of a kind."""
    for sample in samples:
        if sample.condition.of == kind:
            sample.weigh(shares)
    return leading(next_generation(samples, 0.0))[0]


def _needed(
    model: m.Model, condition: m.Condition, parameters: Mapping[str, float], seed: int, choice: _Choice
) -> float | None:
    now, worlds = _worlds(model, condition, parameters, seed, choice)
    samples = samples_of(model, condition, parameters, seed, tuple(worlds))
    others = _others(now, choice)

    def excess(share: float) -> float:
        shares = others * (1 - share)
        shares[choice.code] = share
        return radius_at(samples, choice.kind, shares) - 1

    at = np.linspace(0.0, 1.0, GRID + 1)
    values = np.array([excess(float(c)) for c in at])
    if values[-1] >= values[0] or values[0] <= 0:
        return None
    first = np.flatnonzero((values[:-1] > 0) & (values[1:] <= 0))
    if not len(first):
        return 1.0 if abs(values[-1]) < 1e-9 else 2.0
    low, high = float(at[first[-1]]), float(at[first[-1] + 1])
    if not np.isfinite(values[first[-1]]):
        raise _NotKnown("R0 has no end without it")
    return root(excess, low, high, 1e-12)


def _worlds(
    model: m.Model, condition: m.Condition, parameters: Mapping[str, float], seed: int, choice: _Choice
) -> tuple[World, list[World]]:
    """The people as they are, and with each value of the attribute in turn.

    Raises ``_NotKnown`` where other things change too.
    """
    count = len(choice.attribute.type.labels) if choice.attribute.type.kind is Kind.CATEGORY else 2
    used = {n.name for c in coupled(model, condition) for n in model.networks_of(c.name)}
    try:
        worlds = [world_of(_forced(model, choice, code), parameters, seed, used) for code in range(count)]
    except LpmError as reason:
        raise _NotKnown("the people cannot be made if all have it, or nobody") from reason
    # Beside them as they are: two worlds in which nobody is tied are alike too.
    first = world_of(model, parameters, seed, used)
    places = {key for a in model.agents for key in [(a.name, p.name) for p in a.places]}
    mixed = {(n.of, model.table(n.mixing).key_attributes[0]) for n in model.networks
             if n.mixing is not None and n.name in used}  # fmt: skip
    for other in worlds:
        if any(not np.array_equal(first.attributes[key], other.attributes[key]) for key in places | mixed):
            raise _NotKnown("who meets whom depends on it")
        pairs = [(t, other.ties[name]) for name, t in first.ties.items()]
        if any(not (np.array_equal(a.offsets, b.offsets) and np.array_equal(a.targets, b.targets)) for a, b in pairs):
            raise _NotKnown("who is tied to whom depends on it")
    return first, worlds


def _forced(model: m.Model, choice: _Choice, code: int) -> m.Model:
    """The model in which everybody has one value."""
    value = m.Literal_(float(code), choice.attribute.type, choice.attribute.span)
    forced = replace(choice.attribute, value=value, drawn=None, band=None, column=None)
    agents = tuple(
        replace(a, members=tuple(forced if member is choice.attribute else member for member in a.members))
        if a.name == choice.kind else a
        for a in model.agents
    )  # fmt: skip
    return replace(model, agents=agents)


def _others(world: World, choice: _Choice) -> np.ndarray:
    """Shares of the people without the value among the other values: as they are now, else evenly."""
    count = len(choice.attribute.type.labels) if choice.attribute.type.kind is Kind.CATEGORY else 2
    if count == 2:
        return np.array([float(k != choice.code) for k in range(2)])
    now = world.attributes[(choice.kind, choice.attribute.name)]
    shares = np.bincount(np.asarray(now, np.int64), minlength=count).astype(float)
    shares[choice.code] = 0
    if shares.sum() == 0:
        shares = np.array([float(k != choice.code) for k in range(count)])
    return shares / shares.sum()


# ------------------------------------------------------------------ attributes that a contagion reads


def _choices(model: m.Model, condition: m.Condition) -> Iterator[_Choice]:
    """Yes/no attributes, and labels that are asked for, which scale a contagion, themselves or by way of another."""
    contagions = [c for c in (model.contagion_of(x.name) for x in coupled(model, condition)) if c is not None]
    asked = [e for c in contagions for e in m.every_expression(c.scalings)]
    found = [(e.of, e.name) for e in asked if isinstance(e, m.AttributeRef)]
    seen: set[tuple[str, str]] = set()
    while found:
        kind, name = found.pop(0)
        if (kind, name) in seen:
            continue
        seen.add((kind, name))
        attribute = next(a for a in model.agent(kind).attributes if a.name == name)
        read = m.every_expression((attribute.value, attribute.drawn))
        found += [(e.of, e.name) for e in read if isinstance(e, m.AttributeRef)]
        if attribute.band is None and (attribute.value is None or m.is_constant(attribute.value)):
            yield from (_Choice(kind, attribute, code) for code in _codes(attribute, asked))


def _codes(attribute: m.Attribute, asked: list[m.Expr]) -> list[int]:
    """Yes, or the labels of a category that a scaling asks for by name."""
    if attribute.type.kind is Kind.BOOLEAN:
        return [1]
    if attribute.type.kind is not Kind.CATEGORY:
        return []
    found: list[int] = []
    for e in asked:
        if isinstance(e, m.Apply) and e.op == "eq":
            names = [a.name for a in e.arguments if isinstance(a, m.AttributeRef)]
            codes = [int(a.value) for a in e.arguments if isinstance(a, m.Literal_)]
            found += [c for c in codes if attribute.name in names and c not in found]
    return found
