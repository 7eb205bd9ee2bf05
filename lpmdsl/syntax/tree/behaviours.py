"""Behaviours: what is decided, known, asked and validated."""

from __future__ import annotations

from lpmdsl.records import dataclass
from lpmdsl.source import Span
from lpmdsl.syntax.tree.expressions import Expr, Name, Quantity, TypeName


@dataclass(frozen=True, slots=True)
class Text:
    """One line of a prompt, without its quotes; ``span`` is what stands between them."""

    text: str
    span: Span


@dataclass(frozen=True, slots=True)
class Decides:
    """``decides yes/no into isolating``, for a rule with ``by rule EXPR``.

    ``answers``: the words of ``as isolate or go_out`` (yes first), or (). ``low``, ``high``: the bounds of ``whole
    number from 0 to 100`` and ``share from 20 % to 80 %``. ``among``: the labels of ``category one of bus, feet``.
    """

    type: TypeName
    into: Name
    answers: tuple[Text, ...]
    rule: Expr | None
    span: Span
    low: Expr | None = None
    high: Expr | None = None
    among: tuple[Name, ...] = ()


@dataclass(frozen=True, slots=True)
class Knows:
    """``knows age_group, borough`` (no cuts) or ``knows income in bands at 600 USD per week``.

    ``labels``: the words of ``named "poor", "rich"`` for the bands, or (). ``value``: that of the one name in
    ``knows calm_ones = share of friends where their.calm in bands at 50 %``.
    """

    names: tuple[Name, ...]
    cuts: tuple[Expr, ...]
    labels: tuple[Text, ...]
    span: Span
    value: Expr | None = None


@dataclass(frozen=True, slots=True)
class Asks:
    """``asks 20 times per archetype`` or ``asks for probabilities`` (``times=None``), and the prompt below it."""

    times: Quantity | None
    prompt: tuple[Text, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Blends:
    """``blends with rule EXPR by weight W``"""

    rule: Expr
    weight: Expr
    span: Span


@dataclass(frozen=True, slots=True)
class Representatives:
    """``asks 40 representatives by response``"""

    count: Quantity
    span: Span


@dataclass(frozen=True, slots=True)
class Validate:
    """``validate against "survey.csv" column c by age_group within 5 % by mean absolute``"""

    file: str
    file_span: Span
    column: Name
    by: tuple[Name, ...]
    at_most: Expr | None
    distance: Name | None
    span: Span


@dataclass(frozen=True, slots=True)
class Behaviour:
    """``every`` or ``when`` says when it decides; ``fallbacks`` is the share of ``at most 2 % fallbacks``.

    ``otherwise``: a value for each line of ``decides``. ``after``: behaviours of the same moment that decide before it
    looks.
    """

    name: Name
    of: Name
    decides: tuple[Decides, ...]
    every: Quantity | None
    when: tuple[Name, ...]
    knows: tuple[Knows, ...]
    asks: Asks | None
    system: tuple[Text, ...]
    remembers: Quantity | None
    shifted: Expr | None
    otherwise: tuple[Expr, ...]
    fallbacks: Expr | None
    validate: Validate | None
    doc: str
    span: Span
    after: tuple[Name, ...] = ()
    blends: Blends | None = None
    represented: Representatives | None = None
