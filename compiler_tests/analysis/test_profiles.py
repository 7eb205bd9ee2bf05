"""R0 and growth where a source gives by its time since infection: against the same model without, and integrals."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.optimize import brentq

import lpmdsl
from lpmdsl.semantics.host.evaluate import parameter_values
from lpmdsl.theory.reproduction import Reproduction, reproduction

TEXT = """\
model since version 1.0
clock
  step 6 hours
  for 40 days
parameter beta = 0.2 per day
parameter lasts = 5 days
parameter is_late = 2 days
table infectivity over duration of number
  at 1 day 0
  at 3 days 2
  at 7 days 0.5
agent Person count 3_000
  home place of size ~ poisson(3)
  young yes/no ~ bernoulli(40 %)
network town joins Person at random
network homes joins Person sharing home
network friends joins Person as random_regular(degree 6)
condition Flu of Person
  states S, E, I, J, R
  start S except 10 Person in E
  from S by contagion to E
  from E after gamma(mean 2 days, sd 1 day)
    to J with probability (30 % where young, 60 % otherwise)
    to I otherwise
  LEAVES
  from J at rate 0.3 per day to R
contagion of Flu
  from I, J on town at HAZARD
  from I, J on homes at HAZARD
  from I on friends at HAZARD
  source scaled by 0.5 where young
observe cases = number entering E per day
"""
STAYS = {
    "fixed": "from I after fixed(lasts) to R",
    "gamma": "from I after gamma(mean lasts, sd 2 days) to R",
    "two times": "from I after lognormal(mean lasts, sd 4 days) to R\n  from I after fixed(3 days) to J",
    "a rate": "from I at rate 0.2 per day to R",
    "a time and a rate": "from I after gamma(mean lasts, shape 3) to J\n  from I at rate 0.1 per day to R",
}
EVER = "(beta where time since Flu < 1_000 days, 0 per day otherwise)"


def found(leaves: str, hazard: str) -> Reproduction:
    model = lpmdsl.load(TEXT.replace("LEAVES", leaves).replace("HAZARD", hazard)).model
    return reproduction(model, model.condition("Flu"), parameter_values(model))


@pytest.mark.parametrize("leaves", list(STAYS))
def test_a_profile_that_never_changes_is_a_hazard(leaves: str):
    plain, since = (found(STAYS[leaves], hazard) for hazard in ("beta", EVER))
    # A thousand days are without end for a source that is gone after a hundred at the most.
    assert since.value == pytest.approx(plain.value, rel=2e-6)
    assert since.growth == pytest.approx(plain.growth, rel=2e-5)
    assert since.growth_in_steps == pytest.approx(plain.growth_in_steps, rel=2e-4)
    assert since.by_network == pytest.approx(plain.by_network, rel=1e-4)


SIMPLE = """\
model since version 1.0
clock
  step 1 day
  for 40 days
table infectivity over duration of number
  at 1 day 0
  at 3 days 2
  at 7 days 0.5
agent Person count 900
  pair place of size ~ fixed(2)
network town joins Person at random
network pairs joins Person sharing pair
condition Flu of Person
  states S, I, R
  start S except 10 Person in I
  from S by contagion to I
  from I after STAY to R
contagion of Flu
  from I on WHERE at 0.3 per day * infectivity[time since Flu]
observe cases = number entering I per day
"""


def infectivity(age: float) -> float:
    return 0.3 * float(np.interp(age, [1, 3, 7], [0, 2, 0.5]))


def simple(stay: str, where: str) -> Reproduction:
    model = lpmdsl.load(SIMPLE.replace("STAY", stay).replace("WHERE", where)).model
    return reproduction(model, model.condition("Flu"), parameter_values(model))


def integral(of, last: float) -> float:
    edges = [e for e in (0.0, 1.0, 3.0, 7.0) if e < last] + [last]
    return sum(quad(of, a, b, epsabs=1e-12)[0] for a, b in pairwise(edges))


def test_at_random_it_is_the_integral_of_what_is_given():
    plain = simple("fixed(9 days)", "town")
    assert plain.value == pytest.approx(integral(infectivity, 9.0), rel=1e-9)
    grows = brentq(lambda r: integral(lambda a: infectivity(a) * np.exp(-r * a), 9.0) - 1, 0, 3)
    assert plain.growth == pytest.approx(grows, rel=1e-7)


def test_who_leaves_at_a_rate_gives_less_the_later_it_is():
    given = simple("exponential(mean 4 days)", "town").value
    assert given == pytest.approx(integral(lambda a: infectivity(a) * np.exp(-a / 4), 200.0), rel=1e-9)


def test_one_who_is_met_again_is_infected_once():
    # The other of a pair: 1 − exp(−∫ hazard) where the stay is certain, and its mean where it is exponential.
    first = simple("fixed(9 days)", "pairs").first_case
    assert first == pytest.approx(1 - np.exp(-integral(infectivity, 9.0)), rel=1e-9)

    def caught_at(age: float) -> float:
        return infectivity(age) * np.exp(-integral(infectivity, age) - age / 4)

    first = simple("exponential(mean 4 days)", "pairs").first_case
    assert first == pytest.approx(integral(caught_at, 80.0), rel=1e-7)


def test_the_model_with_weeks_grows_as_it_says():
    model = lpmdsl.load("models/gradabm_sir.lpm").model
    told = reproduction(model, model.condition("Covid"), parameter_values(model))
    # The table is gamma(mean 5 days, shape 4) to four digits: growth of 0.1 a day at 1.6018 (Wallinga & Lipsitch 2007).
    assert told.value == pytest.approx(1.60096, rel=1e-9)
    assert told.growth == pytest.approx(0.1001444316752379, rel=1e-8)
