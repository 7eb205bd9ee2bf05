"""Representatives: kinds of people by what never changes of them, and the moments at which all of them are asked.

An archetype is a kind at a moment: what is known of a person that stays, and all else that is known. ``asks 40
representatives by response`` asks every kind a short battery, two moments; who answers alike is one group, and from
then on one kind of it is asked for all.
"""

from __future__ import annotations

import itertools
import math

from lpmdsl.records import dataclass
from lpmdsl.semantics import model as m
from lpmdsl.semantics.analysis.archetypes import NONE_YET, NOT_YET_KNOWN, UNKNOWN, digits, most_archetypes

MOST_KINDS = 2_000
"""Kinds that can be told apart by their answers: the distances of all of them are held in memory."""


Labels = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Kinds:
    """Makings of the archetypes of a behaviour: the ``labels`` of each digit, and the places (``own``) of those that
    say what a person is and stays; all else is the moment."""

    labels: tuple[Labels, ...]
    own: tuple[int, ...]

    @property
    def count(self) -> int:
        """Number of kinds of people."""
        return math.prod(len(self.labels[k]) for k in self.own)

    @property
    def moments(self) -> int:
        """Number of moments that one of a kind can know of."""
        return math.prod(len(each) for each in self.labels) // self.count

    @property
    def each(self) -> list[Labels]:
        """Labels of every kind of people, in the order of their numbers."""
        return list(itertools.product(*(self.labels[k] for k in self.own)))

    @property
    def battery(self) -> list[Labels]:
        """Moments at which all kinds are asked first: all that changes at its first label, and all at its last."""
        moving = [_told(each) for k, each in enumerate(self.labels) if k not in self.own]
        return list(dict.fromkeys((tuple(each[0] for each in moving), tuple(each[-1] for each in moving))))

    def split(self, archetype: Labels) -> tuple[Labels, Labels]:
        """The kind and the moment that the labels of an archetype say."""
        moment = tuple(word for k, word in enumerate(archetype) if k not in self.own)
        return tuple(archetype[k] for k in self.own), moment

    def joined(self, kind: Labels, moment: Labels) -> Labels:
        """Labels of the archetype that is a kind at a moment."""
        a, b = iter(kind), iter(moment)
        return tuple(next(a) if k in self.own else next(b) for k in range(len(self.labels)))


def kinds(model: m.Model, behaviour: m.Behaviour) -> Kinds:
    """The kinds of people of a behaviour, by what never changes of what they know."""
    own = tuple(k for k, known in enumerate(behaviour.knows) if _stays(model, known.value))
    return Kinds(digits(behaviour), own)


def _stays(model: m.Model, value: m.Expr) -> bool:
    """Return True if a value is the same for a person all through a run."""
    plain = m.Literal_ | m.ParameterRef | m.TableRef | m.Apply
    return all(isinstance(e, plain) or (isinstance(e, m.AttributeRef) and m.is_fixed(model, e.of, e.name))
               for e in m.walk(value))  # fmt: skip


def _told(labels: Labels) -> Labels:
    """The labels of what is known, without that of nothing known yet."""
    return tuple(word for word in labels if word not in (NOT_YET_KNOWN, UNKNOWN, NONE_YET)) or labels


def most_asked(model: m.Model, behaviour: m.Behaviour, looks: int | None = None) -> int:
    """Highest number of archetypes about which anything is asked in a run in which anybody looks ``looks`` times."""
    every = most_archetypes(behaviour)
    if behaviour.representatives is None:
        return every if looks is None else min(every, looks)
    of = kinds(model, behaviour)
    asked = of.count * len(of.battery)
    most = min(every, asked + behaviour.representatives.count * (of.moments - len(of.battery)))
    return most if looks is None else min(most, asked + looks)
