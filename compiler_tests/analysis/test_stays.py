"""Times in a state with a short way to their transform, against integrals of their densities."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import integrate, stats

from compiler_tests.support.agreement import checked
from lpmdsl.diagnostics import LpmError
from lpmdsl.theory.course.stays import _lognormal
from lpmdsl.theory.reproduction import reproduction


@pytest.mark.parametrize("sigma", [0.05, 0.38, 1.0, 2.0])
@pytest.mark.parametrize("kinds", [1, 100])
def test_a_lognormal_time_has_the_transform_of_its_density(sigma, kinds):
    """Over its normal logarithm; to 10⁻¹⁰, of many kinds of people 10⁻⁶."""
    medians = np.linspace(4.6, 9.0, kinds)
    rule, median = _lognormal(3, np.full(kinds, sigma), medians), medians[0]
    within = 1e-10 if kinds == 1 else 1e-6
    stay, leads = rule.transform(np.zeros(kinds))
    assert stay[0] == pytest.approx(median * np.exp(sigma**2 / 2), rel=within) and leads[3] == pytest.approx(1)
    for theta in (0.01, 0.2, 3.0):
        stay, leads = rule.transform(np.full(kinds, theta))
        wanted = _expected(lambda x, theta=theta: np.exp(-theta * x), sigma, median)
        assert leads[3][0] == pytest.approx(wanted, rel=within, abs=1e-12)
        assert stay[0] == pytest.approx((1 - wanted) / theta, rel=within)


def _expected(of, sigma: float, median: float) -> float:
    def inside(z: float) -> float:
        return of(median * np.exp(sigma * z)) * stats.norm.pdf(z)

    return sum(integrate.quad(inside, z, z + 1, epsabs=1e-15, epsrel=1e-13)[0] for z in range(-12, 13))


@pytest.mark.parametrize("law", ["gamma", "lognormal"])
def test_a_time_without_numbers_is_refused(law):
    model = checked(f"""
model outbreak version 1.0
clock
  step 1 day
  from 2024-01-01 for 10 days
parameter length = 4 days
agent Person count 1_000
network all joins Person at random with 3 contacts per day
condition Flu of Person
  states S, I, R
  start S except 5 Person in I
  from S by contagion to I
  from I after {law}(mean length, sd 1 day) to R
contagion of Flu
  from I on all at 0.1 per contact
observe ill = count of Person where Flu is I
""")
    assert reproduction(model, model.condition("Flu"), {"length": 4.0}).value == pytest.approx(1.2, rel=1e-9)
    with pytest.raises(LpmError) as refused:
        reproduction(model, model.condition("Flu"), {"length": -4.0})
    assert {d.code for d in refused.value.report.diagnostics} == {"E0811"}
