"""The reference of the relaxation, ways through states: which lead to sources, and in which order."""

from __future__ import annotations

from lpmdsl.semantics import model as m


def to_sources(model: m.Model, condition: m.Condition) -> set[int]:
    """Sources of infection, and states from which one becomes a source without being infected."""
    contagion = model.contagion_of(condition.name)
    found = set() if contagion is None else {s for spread in contagion.spreads for s in spread.states}
    for _ in condition.states:
        for exit_ in condition.exits:
            if not isinstance(exit_.trigger, m.ByContagion) and found & {b.to for b in exit_.branches}:
                found.add(exit_.state)
    return found


def downstream(condition: m.Condition) -> list[int]:
    """States before those that they lead to (reverse of the order in which a search leaves them)."""
    left: list[int] = []
    met: set[int] = set()

    def search(state: int) -> None:
        if state not in met:
            met.add(state)
            for exit_ in condition.exits_of(state):
                for branch in exit_.branches:
                    search(branch.to)
            left.append(state)

    for state in range(len(condition.states)):
        search(state)
    return list(reversed(left))
