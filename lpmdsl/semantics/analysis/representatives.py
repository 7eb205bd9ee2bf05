"""Representatives: kinds of people by what never changes of them, and the moments at which all of them are asked.

An archetype is a kind at a moment: what is known of a person that stays, and all else that is known. ``asks 40
representatives by response`` asks every kind a short battery, two moments; who answers alike is one group, and from
then on one kind of it is asked for all.
"""

from __future__ import annotations

import itertools
import math

from lpmdsl.semantics import model as m
from lpmdsl.semantics.analysis.archetypes import NONE_YET, NOT_YET_KNOWN, UNKNOWN, digits, most_archetypes

MOST_KINDS = 2_000
"""Kinds that can be told apart by their answers: the distances of all of them are held in memory."""


def own_digits(model: m.Model, behaviour: m.Behaviour) -> tuple[int, ...]:
    """Places of an archetype's labels that say what a person is and stays."""
    return tuple(k for k, known in enumerate(behaviour.knows) if _stays(model, known.value))


def _stays(model: m.Model, value: m.Expr) -> bool:
    """Return True if a value is the same for a person all through a run."""
    plain = m.Literal_ | m.ParameterRef | m.TableRef | m.Apply
    return all(isinstance(e, plain) or (isinstance(e, m.AttributeRef) and m.is_fixed(model, e.of, e.name))
               for e in m.walk(value))  # fmt: skip


def kinds(model: m.Model, behaviour: m.Behaviour) -> list[tuple[str, ...]]:
    """Labels of every kind of people, in the order of their numbers."""
    labels = digits(behaviour)
    return list(itertools.product(*(labels[k] for k in own_digits(model, behaviour))))


def battery(model: m.Model, behaviour: m.Behaviour) -> list[tuple[str, ...]]:
    """Moments at which all kinds are asked first: all that changes at its first label, and all at its last."""
    own = own_digits(model, behaviour)
    moving = [_told(each) for k, each in enumerate(digits(behaviour)) if k not in own]
    return list(dict.fromkeys((tuple(each[0] for each in moving), tuple(each[-1] for each in moving))))


def _told(labels: tuple[str, ...]) -> tuple[str, ...]:
    """The labels of what is known, without that of nothing known yet."""
    return tuple(word for word in labels if word not in (NOT_YET_KNOWN, UNKNOWN, NONE_YET)) or labels


def joined(model: m.Model, behaviour: m.Behaviour, kind: tuple[str, ...], moment: tuple[str, ...]) -> tuple[str, ...]:
    """Labels of the archetype that is a kind at a moment."""
    own, a, b = own_digits(model, behaviour), iter(kind), iter(moment)
    return tuple(next(a) if k in own else next(b) for k in range(len(digits(behaviour))))


def most_asked(model: m.Model, behaviour: m.Behaviour) -> int:
    """Highest number of archetypes about which anything is asked in a run."""
    every = most_archetypes(behaviour)
    if behaviour.representatives is None:
        return every
    own = math.prod(len(digits(behaviour)[k]) for k in own_digits(model, behaviour))
    asked = own * len(battery(model, behaviour))
    return min(every, asked + behaviour.representatives.count * (every // own - len(battery(model, behaviour))))
