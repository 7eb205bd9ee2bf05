"""Laws made of others: scaled, shifted, from ``scipy.stats``; and what keeps senseless parameters out of them."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from lpmdsl.distributions.family import Arguments, Law, Numbers


def positive(x: Any) -> Any:
    """x, or NaN where it is not above 0: squared, a negative standard deviation would pass for one."""
    return np.where(np.asarray(x) > 0, x, np.nan)


_ARITHMETIC: dict[str, Callable[..., Any]] = {
    "add": operator.add, "sub": operator.sub, "mul": operator.mul, "div": operator.truediv, "pow": operator.pow,
}  # fmt: skip
_OF_NUMBERS: dict[str, Callable[..., Any]] = {
    "log": np.log, "log1p": np.log1p, "exp": np.exp, "sqrt": np.sqrt, "positive": positive,
}  # fmt: skip


def parameters_of(row: Numbers, arguments: Arguments) -> tuple[Any, ...]:
    """The canonical parameters as numbers, from whichever arguments were written; NaN where they make no sense."""
    known = {**_ARITHMETIC, **_OF_NUMBERS, **dict(row.solved)}
    return row.canonical(lambda op, *parts: known[op](*parts), arguments)


def in_symbols(op: str, *parts: Any) -> Any:
    """Arithmetic of formulas; that a number is above 0 is taken for granted in them."""
    return parts[0] if op == "positive" else _ARITHMETIC[op](*parts)


def scaled(standard: Law, scale: Any, *shapes: Any) -> Law:
    """``scale`` times the standard law; NaN where the scale or a shape is not above 0."""
    sound = np.logical_and.reduce(np.broadcast_arrays(*(np.asarray(x) > 0 for x in (scale, *shapes))))
    return Law(
        lambda p: np.where(sound, standard.ppf(p) * scale, np.nan),
        lambda p: np.where(sound, standard.isf(p) * scale, np.nan),
        lambda x: np.where(sound, standard.cdf(x / scale), np.nan),
    )


def shifted(centred: Law, by: Any) -> Law:
    """The law moved to the right."""
    return Law(lambda p: centred.ppf(p) + by, lambda p: centred.isf(p) + by, lambda x: centred.cdf(x - by))


def from_stats(frozen: Callable[..., Any]) -> Callable[..., Law]:
    """The law of a family by its distribution of ``scipy.stats``."""

    def law(*parameters: Any) -> Law:
        made = frozen(*parameters)
        return Law(made.ppf, made.isf, made.cdf)

    return law
