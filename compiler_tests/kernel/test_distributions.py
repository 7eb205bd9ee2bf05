"""Every row of the table of distributions is whole, and its columns agree: law, density, moments, score, formulas."""

from __future__ import annotations

import itertools
from dataclasses import fields
from typing import Any

import mpmath
import numpy as np
import pytest
import sympy as sp
import torch

import lpmdsl
from compiler_tests.relaxed_reference.stages import _mean_and_variance
from lpmdsl.diagnostics import LpmError
from lpmdsl.distributions.family import Arguments, Family, Numbers
from lpmdsl.distributions.laws import parameters_of
from lpmdsl.distributions.table import BOUNDED, DISTRIBUTIONS, WHOLE, frozen, law, moments
from lpmdsl.lowering.relaxed.phase_type import STAGES
from lpmdsl.lowering.score.dwell_scores import _STATISTICS
from lpmdsl.quantities import NUMBER
from lpmdsl.runtime.calibration.densities import NUMPY
from lpmdsl.semantics.host.evaluate import Scope, evaluate
from lpmdsl.semantics.model import Distribution, Literal_
from lpmdsl.source import NOWHERE

NUMERIC = [row for row in DISTRIBUTIONS.values() if row.numbers is not None]
EXAMPLE = {
    "value": 2.0, "positive value": 3.0, "per value": 0.4, "number": 0.5, "positive number": 1.7, "above one": 1.6,
    "probability": 0.3, "whole number": 3.0,
}  # fmt: skip
OWN = {"max": 6.5, "mode": 3.25, "high": 9.0, "mean 2": 5.0, "sd": 1.25}
CASES = [(row, form) for row in NUMERIC for form in row.forms]
EACH = pytest.mark.parametrize(("row", "form"), CASES, ids=lambda x: x.name if isinstance(x, Family) else "")
NODES, WEIGHTS = np.polynomial.legendre.leggauss(60)


def written(row: Family, form: tuple) -> dict[str, float]:
    """Arguments that make sense together."""
    found = {name: OWN.get(name, EXAMPLE[role]) for name, role in form}
    return {**found, "sd": 0.1} if row.name == "beta" and "sd" in found else found


def numbers(row: Family) -> Numbers:
    assert row.numbers is not None
    return row.numbers


def mean_of(row: Family, a: Arguments, function: Any) -> float:
    """The mean of a function: over counts, else by quantiles, Gauss–Legendre rules on parts that halve towards both
    ends."""
    curve = law(row.name, a)
    if row.support in ("whole", "yes/no"):
        counts = np.arange(0.0, 400.0)
        return float(np.diff(np.concatenate([[0.0], curve.cdf(counts)])) @ function(counts))
    edges = np.concatenate([[0.0], 0.5 ** np.arange(60.0, 0.0, -1.0)])
    tail = (edges[:-1, None] + np.diff(edges)[:, None] * (1 + NODES) / 2).reshape(-1)
    weights = (np.diff(edges)[:, None] * WEIGHTS / 2).reshape(-1)
    return float(sum((weights * function(np.asarray(end(tail)))).sum() for end in (curve.ppf, curve.isf)))


@pytest.mark.parametrize("row", DISTRIBUTIONS.values(), ids=lambda row: row.name)
def test_no_column_is_empty(row: Family) -> None:
    """What a use needs is there: a density for what is fitted, stages for a time in a state."""
    assert row.uses and row.example.startswith((row.name, "household_sizes"))
    assert (row.likelihood is not None) == ("likelihood" in row.uses)
    if row.numbers is None:
        assert row.uses == {"draw"} and not row.forms
        return
    assert row.forms and all(form for form in row.forms)
    optional = {"frozen", "stages"}
    assert all(getattr(row.numbers, f.name) is not None for f in fields(row.numbers) if f.name not in optional)
    assert row.numbers.frozen is not None or not row.uses & {"prior", "likelihood"}
    assert row.numbers.stages is not None or "dwell" not in row.uses
    if row.between is not None:
        assert set(row.between) <= {name for name, _ in row.forms[0]}


@EACH
def test_every_form_comes_to_the_same_parameters(row: Family, form: tuple) -> None:
    a = written(row, form)
    parameters = parameters_of(numbers(row), a)
    assert len(parameters) == len(parameters_of(numbers(row), written(row, row.forms[0])))
    assert all(np.isfinite(np.asarray(p, np.float64)) for p in parameters)


@EACH
def test_the_model_has_the_same_parameters_as_expressions(row: Family, form: tuple) -> None:
    """Of every form but those of a Weibull law by its mean, for which the row solves."""
    a = written(row, form)
    expressions = tuple((name, Literal_(value, NUMBER, NOWHERE)) for name, value in a.items())
    canonical = Distribution(row.name, expressions, None, (), NUMBER, NOWHERE).canonical
    if canonical is None:
        assert row.name == "weibull" and "mean" in a and numbers(row).solved
        return
    known = Scope(None, {})  # type: ignore[arg-type]
    np.testing.assert_allclose(
        [float(evaluate(e, known)) for e in canonical], [float(p) for p in parameters_of(numbers(row), a)], rtol=1e-13
    )


@EACH
def test_the_law_is_one_law(row: Family, form: tuple) -> None:
    """The share up to a quantile is its probability, both tails meet, and the density has that law."""
    a, p = written(row, form), np.linspace(0.02, 0.98, 49)
    curve = law(row.name, a)
    values = np.asarray(curve.ppf(p))
    assert np.all(np.diff(values) >= 0)
    np.testing.assert_allclose(curve.isf(1 - p), values, rtol=1e-9)
    if row.support in ("real", "positive", "unit") and row.name != "fixed":
        np.testing.assert_allclose(curve.cdf(values), p, rtol=1e-9)
    if numbers(row).frozen is not None:
        np.testing.assert_allclose(frozen(row.name, a).cdf(values), curve.cdf(values), rtol=1e-9)
    if row.support in ("positive", "unit", "whole"):
        assert float(curve.ppf(1e-9)) >= 0
    if row.between is not None:
        np.testing.assert_allclose((curve.ppf(0.0), curve.isf(0.0)), [a[end] for end in row.between])


@EACH
def test_moments_are_those_of_the_law(row: Family, form: tuple) -> None:
    a = written(row, form)
    mean, variance = moments(row.name, a)
    assert mean_of(row, a, lambda x: x) == pytest.approx(float(mean), rel=1e-7)
    assert mean_of(row, a, lambda x: (x - float(mean)) ** 2) == pytest.approx(float(variance), rel=2e-6, abs=1e-9)
    with_own = numbers(row).moments(*parameters_of(numbers(row), a))
    np.testing.assert_allclose(np.asarray(with_own, np.float64), np.asarray((mean, variance), np.float64), rtol=1e-9)


@EACH
def test_formulas_have_the_numbers_of_the_law(row: Family, form: tuple) -> None:
    """Without a short formula there is none, and a stated mean is always one."""
    a = written(row, form)
    symbols = {name: sp.Symbol(name.replace(" ", ""), positive=True) for name in a}
    values = {symbols[name]: value for name, value in a.items()}
    formula = numbers(row).formulas.mean(symbols)
    assert formula is not None or ("mean" not in a and row.name in ("lognormal", "weibull"))
    if formula is not None:
        assert float(formula.subs(values)) == pytest.approx(float(moments(row.name, a)[0]), rel=1e-12)
    discounted = numbers(row).formulas.discounted
    if discounted is not None:
        found = float(sp.sympify(discounted(sp, sp.Float(0.3), symbols)).subs(values))
        assert found == pytest.approx(mean_of(row, a, lambda x: np.exp(-0.3 * x)), rel=1e-9)


@EACH
def test_scores_are_the_derivative_of_the_density(row: Family, form: tuple) -> None:
    """Between two times the derivative of the log density by a canonical parameter changes as the score says."""
    score = numbers(row).score
    if isinstance(score, str):
        assert row.name in score.format(family=row.name)
        return
    own, make, tick = parameters_of(numbers(row), written(row, form)), numbers(row).frozen, 1e-3
    assert make is not None
    at = np.asarray(numbers(row).law(*own).ppf(np.array([0.2, 0.7])))
    z = -np.asarray(make(*own).logsf(at))
    columns = np.array([at / tick, *(_STATISTICS[s](at / tick, z) for s in score.statistics)])
    for k in range(len(own)):
        h = 1e-5 * own[k]
        ends = [make(*(p + s * h * (j == k) for j, p in enumerate(own))).logpdf(at) for s in (-1, 1)]
        measured = np.diff((ends[1] - ends[0]) / (2 * h))[0]
        slopes = np.array(score.slopes(own, np.eye(len(own))[k], tick), np.float64)
        assert slopes @ np.diff(columns, axis=1)[:, 0] == pytest.approx(measured, rel=1e-6, abs=1e-7), k


@EACH
def test_what_is_said_of_the_law_holds(row: Family, form: tuple) -> None:
    a, own = written(row, form), parameters_of(numbers(row), written(row, form))
    days = np.array([0.5, 4.0, 30.0])
    if numbers(row).is_memoryless:
        np.testing.assert_allclose(1 - law(row.name, a).cdf(days), np.exp(-days / own[0]), rtol=1e-9)
    if numbers(row).is_gamma:
        np.testing.assert_allclose(
            law(row.name, a).cdf(days), law("gamma", {"shape": own[0], "scale": own[1]}).cdf(days)
        )
    if numbers(row).is_lognormal:
        made = law("lognormal", {"median": own[1], "spread": np.exp(own[0])})
        np.testing.assert_allclose(law(row.name, a).cdf(days), made.cdf(days))
    if row.support == "positive" and not numbers(row).is_heavy(*own):
        far = np.asarray(law(row.name, a).isf(np.array([1e-200, 1e-300])))
        assert np.log(1e100) / np.diff(far)[0] > 0.05, "the tail falls at least as fast as an exponential"
    assert (STAGES.get(row.name) is not None) == (numbers(row).stages is not None)


@pytest.mark.parametrize("row", [r for r in DISTRIBUTIONS.values() if r.likelihood is not None], ids=lambda r: r.name)
def test_likelihoods_are_the_density_about_the_report(row: Family) -> None:
    likelihood, whole = row.likelihood, row.support == "whole"
    assert likelihood is not None
    for form, is_share in itertools.product(likelihood.forms, (False, True)):
        expected, seen = np.array([0.4, 0.9]) * (1 if is_share else 2), np.array([1.0, 2.0])
        about = likelihood.about(NUMPY, written(row, form), expected, is_share)
        made = frozen(row.name, about)
        wanted = made.logpmf(seen) if whole else made.logpdf(seen)
        np.testing.assert_allclose(likelihood.log_density(NUMPY, about, seen), wanted, rtol=1e-10)


@EACH
def test_the_reference_of_the_relaxation_has_the_same_moments(row: Family, form: tuple) -> None:
    if "dwell" not in row.uses:
        return
    a = written(row, form)
    distribution = Distribution(row.name, (), None, (), NUMBER, NOWHERE)
    tensors = {name: torch.tensor(value, dtype=torch.float64) for name, value in a.items()}
    found = _mean_and_variance(distribution, tensors, None)  # type: ignore[arg-type]
    np.testing.assert_allclose([float(x) for x in found], [float(x) for x in moments(row.name, a)], rtol=1e-9)


def test_sets_of_families_are_what_they_were() -> None:
    assert {"uniform", "triangular"} == BOUNDED
    assert {"poisson", "binomial", "negative_binomial"} == WHOLE


@pytest.mark.parametrize(("first", "second"), [(2.0, 3.0), (5.0, 5.0), (5.0, 5.0000001), (1e-3, 4.0), (7.0, 0.5)])
def test_two_stages_have_their_law_in_both_tails(first: float, second: float) -> None:
    """Against the difference of two exponentials with 40 digits, to 13 of them from 2⁻³⁴ to 1 − 2⁻³⁴."""
    tail = 2.0 ** -np.arange(1, 35)
    curve = law("hypoexponential", {"mean": first, "mean 2": second})
    with mpmath.workdps(40):
        a, b = mpmath.mpf(first), mpmath.mpf(second)

        def longer(x: Any) -> Any:
            far = mpmath.exp(-x / a)
            return far * (1 + x / a) if a == b else (a * far - b * mpmath.exp(-x / b)) / (a - b)

        for p, low, high in zip(tail, curve.ppf(tail), curve.isf(tail), strict=True):
            assert float((1 - longer(mpmath.mpf(low))) / p) == pytest.approx(1, abs=1e-13)
            assert float(longer(mpmath.mpf(high)) / p) == pytest.approx(1, abs=1e-13)


def test_a_repeated_argument_is_the_second_of_its_name() -> None:
    text = (
        "model two version 1.0\nclock\n  step 1 day\n  for 3 days\nagent Person count 9\n"
        "condition C of Person\n  states S, R\n  start S\n  from S after {} to R\n"
    )
    for written in ("hypoexponential(mean 2 days, mean 3 days)", "hypoexponential(2 days, 3 days)"):
        (exit_,) = lpmdsl.load(text.format(written)).model.conditions[0].exits
        assert [e.value for _, e in exit_.trigger.dwell.arguments] == [2.0, 3.0]  # type: ignore[union-attr]
    with pytest.raises(LpmError, match=r"takes \(mean, mean\), and it was given mean"):
        lpmdsl.load(text.format("hypoexponential(mean 2 days)"))
    with pytest.raises(LpmError, match="`mean` of `hypoexponential` must be above 0"):
        lpmdsl.load(text.format("hypoexponential(mean 2 days, mean 0 days)"))
