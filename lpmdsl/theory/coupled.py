"""Conditions that infect one another: those of two kinds of agents whom a network joins, such as hosts and vectors."""

from __future__ import annotations

from lpmdsl.semantics import model as m


def coupled(model: m.Model, condition: m.Condition) -> tuple[m.Condition, ...]:
    """The condition itself, then every other that infects it or that it infects, near or far."""
    found = [condition.name]
    for name in found:
        for contagion in model.contagions:
            others = {s.of for s in contagion.spreads if s.of}
            joined = others if contagion.condition == name else {contagion.condition} if name in others else set()
            found += sorted(joined - set(found))
    return tuple(model.condition(name) for name in found)


def is_coupled(model: m.Model, condition: m.Condition) -> bool:
    """Return True if another kind of agents takes part."""
    return len(coupled(model, condition)) > 1
