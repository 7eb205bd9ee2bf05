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
class Behaviour:
    """A decision that a language model takes once per occupied archetype, or a rule for each agent (``rule`` set).

    ``every`` in days; None: whenever one of ``when`` (slots of ``knows``) changes. ``asks``: replies per archetype;
    0: one call that gives probabilities (log-probabilities of the answers). ``prompt`` and ``system`` hold ``{slot}``.
    ``remembers``: so many earlier decisions of the agent itself are part of its archetype. ``shifted``: a shift of the
    logit. ``otherwise``: what is decided (probability of yes, share, label index) where no reply can be had.
    ``most_fallbacks``: the share of asks that may fall back before a run stops. ``answers``: what no and yes are called
    in a reply; () where they are called no and yes.
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
