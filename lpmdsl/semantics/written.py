"""Which attributes of agents are written during a run."""

from __future__ import annotations

from lpmdsl.semantics.model import Model, SetAttribute


def attributes_written(model: Model) -> set[tuple[str, str]]:
    """(kind of agents, attribute) of all whose stored value an intervention, a state or a behaviour may replace.

    A ``while`` clause is none of these: what it says goes while its state lasts, and the stored value stays.
    """
    actions = [(r.of, a) for i in model.interventions for r in i.repeated for a in r.actions]
    written = {(of, a.attribute) for of, a in actions if isinstance(a, SetAttribute)}
    written |= {(b.of, b.into) for b in model.behaviours}
    return written | {(c.of, a.attribute) for c in model.conditions for e in c.entering for a in e.actions}
