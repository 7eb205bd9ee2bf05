"""Archetypes: people who know the same. How many there can be, and how their numbers are made of what is known."""

from __future__ import annotations

import math

from lpmdsl.quantities import Kind
from lpmdsl.semantics.model import Answer, Behaviour, Model

NOT_YET_KNOWN = "not yet known"
NONE_YET = "none yet"
UNKNOWN = "unknown"
"""Label of what has no number: a mean of nobody."""
DECISIONS = "decisions"
"""The slot of a prompt that names the remembered decisions."""

LEAST_CHANCE = 2.0**-32
"""Distance from 0 and 1 at which a probability that is blended is held: as near as a draw can tell."""
MOST_ARCHETYPES = 1_000_000
"""Above, a table of all archetypes would not be small beside the people."""
MOST_ANSWERS = 1 << 24
"""Numbers in a table of all archetypes: 128 MiB."""


def labels_of(behaviour: Behaviour) -> tuple[str, ...]:
    """The words for what is decided, in the order of their numbers; () for a share or probability."""
    return ("no", "yes") if behaviour.decides.kind is Kind.BOOLEAN else behaviour.decides.labels


def answers_of(behaviour: Behaviour) -> tuple[Answer, ...]:
    """All that a reply to the behaviour says, in written order."""
    one = behaviour
    return (Answer(one.into, one.decides, one.answers, one.low, one.high, one.among), *one.also)


def asks_by_itself(behaviour: Behaviour) -> bool:
    """Return True if a language model is asked for it; False for a rule, and for what another ask brings as well."""
    return behaviour.rule is None and not behaviour.asked_with


def asked_as(behaviour: Behaviour) -> str:
    """Name of the behaviour whose archetypes and replies it reads: its own but for one of several answers."""
    return behaviour.asked_with or behaviour.name


def bounds_of(behaviour: Behaviour | Answer) -> tuple[float, float]:
    """The least and the most of a number that is decided."""
    low, high = behaviour.low, behaviour.high
    return 0.0 if low is None else low, 1.0 if high is None else high


def digits(behaviour: Behaviour) -> tuple[tuple[str, ...], ...]:
    """The labels of each digit of an archetype's number, the most significant first.

    What is known, in written order; then the remembered decisions, the latest first, each with one label more for none.
    """
    known = tuple(k.labels for k in behaviour.knows)
    return (*known, *(((*labels_of(behaviour), NONE_YET),) * behaviour.remembers))


def most_archetypes(behaviour: Behaviour) -> int:
    """Highest number of archetypes: prompts a refresh at most. 0 for a rule."""
    return 0 if behaviour.rule is not None else math.prod(len(labels) for labels in digits(behaviour))


def columns(behaviour: Behaviour) -> int:
    """Numbers that are kept of an archetype's answer: a bound for each label but the last, or the replies."""
    labels = labels_of(behaviour)
    return len(labels) - 1 if labels else behaviour.asks


def labels_of_code(behaviour: Behaviour, code: int) -> tuple[str, ...]:
    """The words that an archetype's number stands for."""
    found: list[str] = []
    for labels in reversed(digits(behaviour)):
        code, digit = divmod(code, len(labels))
        found.append(labels[digit])
    return tuple(reversed(found))


def steps_between(model: Model, behaviour: Behaviour) -> int:
    """Steps between two boundaries at which it is due; 1 where changes make it so."""
    return 1 if behaviour.every is None else max(1, round(behaviour.every / model.clock.step))


def stages(model: Model) -> int:
    """Number of times that people look at one moment: each time those decide who come after the others."""
    return 1 + max((b.stage for b in model.behaviours), default=0)


def refreshes(model: Model, behaviour: Behaviour) -> int:
    """At how many boundaries of a run it can be due."""
    return -(-model.clock.steps // steps_between(model, behaviour))


def most_calls(model: Model, behaviour: Behaviour) -> int:
    """Highest number of answers that a run of one replicate can need."""
    return most_archetypes(behaviour) * max(1, behaviour.asks) * refreshes(model, behaviour)


def resting(model: Model, scenario: str) -> frozenset[str]:
    """The behaviours that do not decide in a scenario (``baseline``: the model as written).

    Of several that decide the same attribute the first written decides, unless the scenario names another. What one ask
    answers rests together.
    """
    found = next((s for s in model.scenarios if s.name == scenario), None)
    chosen = found.behaviours if found is not None else ()
    deciding: dict[tuple[str, str], str] = {}
    for behaviour in sorted(model.behaviours, key=lambda b: asked_as(b) not in chosen):
        deciding.setdefault((behaviour.of, behaviour.into), behaviour.name)
    without = found.without if found is not None else ()
    idle = {asked_as(b) for b in model.behaviours if b.name not in deciding.values()}
    return frozenset(b.name for b in model.behaviours if asked_as(b) in idle or asked_as(b) in without)


def asking(model: Model, scenario: str) -> tuple[Behaviour, ...]:
    """The behaviours for which a language model is asked in a scenario, each once."""
    off = resting(model, scenario)
    return tuple(b for b in model.behaviours if asks_by_itself(b) and b.name not in off)
