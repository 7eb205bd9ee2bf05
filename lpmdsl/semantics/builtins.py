"""The distributions, one row each, and the names that nobody else can take.

A row says what a call must look like; the checker, the dwell-time tables, the samplers and the documentation read it.
"""

from __future__ import annotations

import keyword
from dataclasses import dataclass
from typing import Literal

RESERVED = frozenset({"time", "population", "pi"})
"""Names that every model has; no declaration may take them."""
_TEXT = (
    "i t seed replicate chunk lo hi np nb tl triton njit thread threads team first last opens clock gates member row "
    "rows lane here end step begin constants quarter quarters notes_for note append_all decide_yes is_closed "
    "decide_yes_unheard decide_share u atomic_add add_shared add_along_rows sum_along_rows sum_reals_along_rows "
    "philox quantile threshold log exp sin cos smaller larger least greatest least_of greatest_of order_statistic "
    "floor_divide floor_modulo some abs min max range word count piece append put_in take_out enqueue collect "
    "prefetch piece_of lowest_bit add_among spend clear fold_add fold_lanes fold_min fold_max select_smallest barrier "
    "circular clear_kernel fold_lanes_kernel fold_extreme_kernel count_digits_kernel pick_digit_kernel int float len "
    "print neighbour CHUNK LANES TALLY_ROWS GATES GATE CELLS GROUPS BLOCK"
)
GENERATED = frozenset({*_TEXT.split(), *keyword.kwlist})
"""Names that generated code has for itself: agents and conditions, which stand there under their own names, cannot take
them, and a parameter of that name gets another one there."""

# ------------------------------------------------------------------ distributions

Role = Literal[
    "value", "positive value", "per value", "number", "positive number", "above one", "probability", "whole number"
]
"""What an argument is: in the dimension of the drawn quantity (any or positive), per that dimension, a pure number."""

Use = Literal["dwell", "draw", "prior", "likelihood"]


@dataclass(frozen=True, slots=True)
class Family:
    """One distribution.

    ``forms``: the argument sets that it takes, each a tuple of (canonical name, role) in positional order; the first is
    the one messages show. ``support``: ``real``, ``positive``, ``unit`` (0 to 1), ``whole`` (counts), ``yes/no``,
    ``labels``. ``likelihood``: the arguments beside the observation itself, which gives the mean.
    """

    name: str
    forms: tuple[tuple[tuple[str, Role], ...], ...]
    support: Literal["real", "positive", "unit", "whole", "yes/no", "labels"]
    uses: frozenset[Use]
    likelihood: tuple[tuple[tuple[str, Role], ...], ...] = ()
    example: str = ""


def _family(name: str, support: str, uses: str, example: str, *forms: tuple, likelihood: tuple = ()) -> Family:
    return Family(name, forms, support, frozenset(uses.split()), likelihood, example)  # type: ignore[arg-type]


_V, _P, _N = "value", "positive value", "positive number"
_FAMILIES = (
    _family(
        "exponential",
        "positive",
        "dwell draw prior",
        "exponential(mean 5 days)",
        (("mean", _P),),
        (("rate", "per value"),),
    ),
    _family(
        "gamma",
        "positive",
        "dwell draw prior",
        "gamma(mean 5 days, sd 2 days)",
        (("mean", _P), ("sd", _P)),
        (("shape", _N), ("scale", _P)),
        (("shape", _N), ("rate", "per value")),
        (("shape", _N), ("mean", _P)),
    ),
    _family(
        "erlang",
        "positive",
        "dwell draw prior",
        "erlang(mean 5 days, shape 3)",
        (("mean", _P), ("shape", "whole number")),
        (("shape", "whole number"), ("scale", _P)),
        (("shape", "whole number"), ("rate", "per value")),
    ),
    _family(
        "lognormal",
        "positive",
        "dwell draw prior likelihood",
        "lognormal(median 5 days, spread 1.5)",
        (("median", _P), ("spread", "above one")),
        (("mean", _P), ("sd", _P)),
        likelihood=((("spread", "above one"),),),
    ),
    _family(
        "weibull",
        "positive",
        "dwell draw prior",
        "weibull(k 2, scale 5 days)",
        (("k", _N), ("scale", _P)),
        (("k", _N), ("mean", _P)),
        (("shape", _N), ("scale", _P)),
        (("shape", _N), ("mean", _P)),
        (("mean", _P), ("sd", _P)),
    ),
    _family("fixed", "real", "dwell draw", "fixed(5 days)", (("value", _V),)),
    _family("uniform", "real", "dwell draw prior", "uniform(2 days, 6 days)", (("min", _V), ("max", _V))),
    _family(
        "triangular",
        "real",
        "dwell draw prior",
        "triangular(1 day, 3 days, 9 days)",
        (("low", _V), ("mode", _V), ("high", _V)),
    ),
    _family(
        "normal",
        "real",
        "draw prior likelihood",
        "normal(mean 0, sd 1)",
        (("mean", _V), ("sd", _P)),
        likelihood=((("sd", _P),),),
    ),
    _family(
        "beta",
        "unit",
        "draw prior",
        "beta(mean 30 %, sd 10 %)",
        (("mean", "probability"), ("sd", _N)),
        (("a", _N), ("b", _N)),
    ),
    _family("bernoulli", "yes/no", "draw", "bernoulli(20 %)", (("probability", "probability"),)),
    _family(
        "binomial",
        "whole",
        "draw likelihood",
        "binomial(trials 10, probability 20 %)",
        (("trials", "whole number"), ("probability", "probability")),
        likelihood=((("trials", "whole number"),),),
    ),
    _family("poisson", "whole", "draw likelihood", "poisson(4)", (("mean", _N),), likelihood=((),)),
    _family(
        "negative_binomial",
        "whole",
        "draw likelihood",
        "negative_binomial(mean 4, dispersion 2)",
        (("mean", _N), ("dispersion", _N)),
        likelihood=((("dispersion", _N),),),
    ),
    _family("categorical", "labels", "draw", "categorical(north 40 %, south 60 %)"),
    _family("empirical", "labels", "draw", "household_sizes"),
)
DISTRIBUTIONS: dict[str, Family] = {row.name: row for row in _FAMILIES}
BOUNDED = frozenset({"uniform", "triangular"})
"""Families whose arguments are the ends between which they lie, the least first and the greatest last."""
