"""Types of the rows of the table of distributions.

Parameters are *canonical*: whichever arguments were written, everything behind ``canonical`` knows one set of numbers.
They are floats, arrays over people, or complex numbers with a tiny imaginary part, by which the relaxation
differentiates. Scipy takes a second to load, so it is imported where it is called.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal

from lpmdsl.records import dataclass

Role = Literal[
    "value", "positive value", "per value", "number", "positive number", "above one", "probability", "whole number"
]
"""Kinds of arguments: in the dimension of the drawn quantity (any or positive), per that dimension, a pure number."""

Use = Literal["dwell", "draw", "prior", "likelihood"]
Form = tuple[tuple[str, Role], ...]
Curve = Callable[[Any], Any]
Arguments = Mapping[str, Any]
Do = Callable[..., Any]
"""``do(op, *parts)``: arithmetic by the names of the language's operators and functions, ``positive`` (NaN of what is
not above 0), ``log1p``, and what a row has in ``solved``; of numbers or of expressions."""


@dataclass(frozen=True, slots=True)
class Law:
    """``ppf(p)``: the value below which a share p lies; ``isf(p)``: above which; ``cdf(x)``: the share up to x."""

    ppf: Curve
    isf: Curve
    cdf: Curve


@dataclass(frozen=True, slots=True)
class Ops:
    """The functions of numpy or torch that the log density of a likelihood is made of."""

    log: Curve
    gammaln: Curve
    clip: Callable[[Any, float, float], Any]


@dataclass(frozen=True, slots=True)
class Score:
    """The derivative of the log density, linear in the time and in ``statistics`` of it.

    ``statistics``: ``log`` of the time in ticks, its square, ``z``: −log of the share that stays longer, and products.
    ``slopes(canonical, changes, tick)``: the factors of the time and of the statistics when the canonical parameters
    change so; ``tick`` in days.
    """

    statistics: tuple[str, ...]
    slopes: Callable[[tuple[Any, ...], Any, float], list[float]]


NO_SCORE = "the density of `{family}` has no derivative by it"
"""That of a uniform law jumps at its ends."""


@dataclass(frozen=True, slots=True)
class Likelihood:
    """Scatter of data about a report.

    ``forms``: the arguments beside the report. ``about(ops, a, expected, is_share)``: the family's own arguments where
    the report is ``expected``; ``is_share``: the report is a share. ``log_density(ops, arguments, seen)``.
    """

    forms: tuple[Form, ...]
    about: Callable[[Ops, Arguments, Any, bool], dict[str, Any]]
    log_density: Callable[[Ops, Arguments, Any], Any]


@dataclass(frozen=True, slots=True)
class Formulas:
    """The symbolic form. ``mean(a)`` of the written arguments, None where none is short; ``discounted(sp, rate, a)``:
    E e^(−rate·X), given the module ``sympy``."""

    mean: Callable[[Arguments], Any]
    discounted: Callable[[Any, Any, Arguments], Any] | None = None


@dataclass(frozen=True, slots=True)
class Numbers:
    """Facts about a family whose values are numbers.

    ``canonical(do, a)``: the parameters from whichever arguments were written, in base units: of numbers
    (``laws.parameters_of``) or of the Model's expressions (``m.Distribution.canonical``). ``solved``: names and
    functions in it that have numbers alone. All else takes these: ``law``, ``moments`` (mean, variance), ``frozen``
    (the distribution of ``scipy.stats``, with its density and draws; None where nothing is fitted by it). ``stages``:
    as a dwell time of the relaxed program it is left with one chance a step, it is spread over stages, or it lies at
    single moments; None: it is no dwell time.
    ``score``: that of a drawn time, or why there is none. ``is_memoryless``: a rate says all, 1 / the one parameter.
    ``is_gamma``: the parameters are shape and scale of a gamma law; ``is_lognormal``: the standard deviation of the
    logarithm, and the median. Both have numbers where both parameters are above 0. ``is_heavy(*parameters)``: the tail
    is heavier than every exponential.
    """

    canonical: Callable[[Do, Arguments], tuple[Any, ...]]
    law: Callable[..., Law]
    moments: Callable[..., tuple[Any, Any]]
    frozen: Callable[..., Any] | None
    formulas: Formulas
    stages: Literal["one", "spread", "atoms"] | None = None
    score: Score | str = NO_SCORE
    is_memoryless: bool = False
    is_gamma: bool = False
    is_lognormal: bool = False
    is_heavy: Callable[..., bool] = lambda *_: False
    solved: tuple[tuple[str, Callable[..., Any]], ...] = ()


@dataclass(frozen=True, slots=True)
class Family:
    """One distribution.

    ``forms``: the argument sets that it takes, each a tuple of (name, role) in positional order; the first is the one
    messages show. A name written a second time is ``NAME 2``. ``support``: ``real``, ``positive``, ``unit`` (0 to 1),
    ``whole`` (counts), ``yes/no``, ``labels``. ``between``: the arguments that are the least and the greatest value.
    ``numbers`` None: drawn by shares of labels.
    """

    name: str
    forms: tuple[Form, ...]
    support: Literal["real", "positive", "unit", "whole", "yes/no", "labels"]
    uses: frozenset[Use]
    example: str
    numbers: Numbers | None
    likelihood: Likelihood | None = None
    between: tuple[str, str] | None = None


def uses(words: str) -> frozenset[Use]:
    """The uses in words."""
    return frozenset(words.split())  # type: ignore[return-value]


def stated_mean(a: Arguments) -> Any:
    """The mean that was written, if one was."""
    return a.get("mean")
