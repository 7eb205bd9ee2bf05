"""Behaviours: what is decided, known, asked and validated."""

from __future__ import annotations

from typing import Literal

from lpmdsl.quantities import Type
from lpmdsl.records import dataclass
from lpmdsl.semantics.model.expressions import Expr
from lpmdsl.source import Span


@dataclass(frozen=True, slots=True)
class Known:
    """One thing that a prompt may name. ``value`` is read on the agent; ``labels`` are the words for it in a prompt.

    ``cuts`` (base units, rising, global expressions) cut a number into ``len(cuts) + 1`` bands; () for a category or
    yes/no. One label more than bands: the last is for what has not been reported yet (NaN).
    """

    slot: str
    value: Expr
    cuts: tuple[Expr, ...]
    labels: tuple[str, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Validate:
    """A survey: ``column`` of ``file`` holds the share (or mean) that the decision should have, for each of ``by``."""

    file: str
    column: str
    by: tuple[str, ...]
    distance: Literal["mean_absolute", "total_variation", "rms"]
    at_most: float | None
    span: Span


@dataclass(frozen=True, slots=True)
class Blend:
    """A rule for the probability of yes beside that of a language model: their logits are weighed.

    ``rule``: a probability or a truth, read on the agent; ``weight``: its share of the logit, a global expression.
    """

    rule: Expr
    weight: Expr
    span: Span


@dataclass(frozen=True, slots=True)
class Answer:
    """One thing that a reply says: what is decided, of which type, into which attribute.

    ``words``: what no and yes are called; () where they are called no and yes. ``low``, ``high``: bounds of a number or
    a share; None: 0 and 1. ``among``: the labels of a category that may be said; () for all.
    """

    into: str
    decides: Type
    words: tuple[str, ...] = ()
    low: float | None = None
    high: float | None = None
    among: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Representatives:
    """So many kinds of people who are asked for all, each for those who answer like it."""

    count: int
    span: Span


@dataclass(frozen=True, slots=True)
class Behaviour:
    """A decision that a language model takes once per occupied archetype, or a rule for each agent (``rule`` set).

    ``every`` in days; None: whenever one of ``when`` (slots of ``knows``) changes. ``asks``: replies per archetype;
    0: one call that gives probabilities (log-probabilities of the answers). ``prompt`` and ``system`` hold ``{slot}``.
    ``remembers``: so many earlier decisions of the agent itself are part of its archetype. ``shifted``: a shift of the
    logit. ``otherwise``: what is decided (probability of yes, share, label index) where no reply can be had.
    ``most_fallbacks``: the share of asks that may fall back before a run stops. ``answers``, ``low``, ``high``,
    ``among``: as in ``Answer``. Of several answers to one ask each is a behaviour: the first asks, and ``also`` holds
    what else its replies say; the others read their part of the replies to the first, ``asked_with``. ``stage``: at one
    moment those of a lower stage have decided before it looks.
    """

    name: str
    of: str
    decides: Type
    into: str
    every: float | None
    when: tuple[str, ...]
    knows: tuple[Known, ...]
    asks: int
    prompt: str
    system: str
    remembers: int
    shifted: Expr | None
    otherwise: Expr
    rule: Expr | None
    most_fallbacks: float
    validate: Validate | None
    site: str
    doc: str
    span: Span
    answers: tuple[str, ...] = ()
    low: float | None = None
    high: float | None = None
    among: tuple[str, ...] = ()
    also: tuple[Answer, ...] = ()
    asked_with: str = ""
    stage: int = 0
    blends: Blend | None = None
    representatives: Representatives | None = None
