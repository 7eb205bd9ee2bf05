"""A formula of R0 is shown where it gives the number that stands beside it, and nowhere else."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import sympy as sp

from lpmdsl.semantics import model as m
from lpmdsl.theory.closed_form import r0_formula
from lpmdsl.theory.equations import groups_of, size
from lpmdsl.theory.formulas import Group, NoFormula, values_of
from lpmdsl.theory.sample import Sample

CLOSE = 1e-9
"""The relative difference between a formula's value and the number that is rounding."""


def agreed_formula(
    model: m.Model, condition: m.Condition, parameters: Mapping[str, float], samples: list[Sample], number: float
) -> sp.Expr:
    """R0 as a formula that gives ``number`` for the people of the samples. Raises ``NoFormula`` with the reason."""
    found = r0_formula(model, condition)
    value = value_of(found, model, parameters, samples)
    if math.isnan(value):
        raise NoFormula("the one by the equations has no value here")
    if not abs(value - number) <= CLOSE * max(abs(number), 1e-300):
        raise NoFormula(f"the one by the equations gives {value:.6g}, which leaves something out")
    return found


def value_of(found: sp.Expr, model: m.Model, parameters: Mapping[str, float], samples: list[Sample]) -> float:
    """The value of a formula of R0 for the people of the samples; NaN where it has none."""
    if found.has(sp.zoo, sp.nan):
        return float("nan")
    known: dict[sp.Symbol, float] = values_of(model, parameters, [found])
    named = sizes(model, samples)
    known |= {s: named[s.name] for s in found.free_symbols - set(known) if isinstance(s, sp.Symbol) and s.name in named}
    symbols = [s for s in sorted(found.free_symbols, key=str) if isinstance(s, sp.Symbol)]
    if any(s not in known for s in symbols):
        return float("nan")
    with np.errstate(all="ignore"):
        try:
            return float(sp.lambdify(symbols, found, "numpy")(*(np.float64(known[s]) for s in symbols)))
        except (TypeError, ValueError, OverflowError, ZeroDivisionError):
            return float("nan")


def sizes(model: m.Model, samples: list[Sample]) -> dict[str, float]:
    """``N``, ``N_group`` and the time at the start, as formulas name them."""
    found = {"N": float(samples[0].everyone()), "t": 0.0}
    for sample in samples:
        for group in groups_of(model, sample.condition):
            here = sample.weights[_inside(sample, group)].sum() * sample.everyone()
            found[size(model, sample.condition, group).name] = float(here)
    return found


def _inside(sample: Sample, group: Group) -> np.ndarray:
    inside = np.ones(sample.rows, bool)
    for name, code in group.codes.items():
        inside &= np.asarray(sample.scope.attributes[(sample.condition.of, name)]) == code
    return inside
