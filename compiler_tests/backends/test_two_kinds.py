"""Contagion between two kinds of agents: one law, and the same counts on every back end."""

from __future__ import annotations

import runpy
from pathlib import Path

import numpy as np
import pytest
import sympy as sp

import lpmdsl
from compiler_tests.backends.test_triton import on_gpu
from compiler_tests.kernel.test_sparse import both
from compiler_tests.support.both_backends import assert_same, compiled, cpu_run, request_of, runner
from lpmdsl.lowering.plan.plan import choose
from lpmdsl.semantics.host.evaluate import parameter_values
from lpmdsl.theory.closed_form import r0_formula
from lpmdsl.theory.equations import equations
from lpmdsl.theory.reproduction import reproduction

TEXTBOOK = Path(__file__).parent.parent / "textbook"
VALLEY = """
model valley version 1.0

clock
  step 0.5 days
  from 2024-05-06 for 60 days

parameter biting = 0.6 contacts per day
parameter to_people = 0.6 per contact
parameter to_flies = 0.5 per contact
parameter net_effect = 70 %

agent Person count 600
  age category ~ categorical(child 40 %, adult 60 %)
  net yes/no ~ bernoulli(probability 30 %)
  household place of size ~ poisson(3)

agent Fly count 1_500
  strength number ~ uniform(0.5, 1.5)
  caught yes/no = no

network bites joins Fly to Person at random with biting
network dusk joins Fly to Person at random with 0.2 contacts per day on weekends
network homes joins Person sharing household with 4 contacts per day

condition Fever of Person
  states S, E, I, H, R, D
  start S except 15 Person in I
  from S by contagion to E
  from E after gamma(mean 4 days, sd 2 days) to I
  from I after gamma(mean 6 days, sd 3 days)
    to H with probability 30 %
    to R otherwise
  from H after fixed(5 days)
    to D with probability 20 %
    to R otherwise
  from R after exponential(mean 40 days) to S
  while H
    leave bites, dusk, homes
  removed in D

condition Load of Fly
  states Clear, Latent, Carrier, Dead
  start Clear
  from Clear by contagion to Latent
  from Clear at rate 0.02 per day to Dead
  from Latent after fixed(6 days) to Carrier
  from Latent at rate 0.02 per day to Dead
  from Carrier at rate 0.06 per day to Dead
  from Dead after fixed(2 days) to Clear
  removed in Dead

contagion of Fever
  from Carrier on bites, dusk at to_people * strength
  from I on homes at 0.01 per contact
  source scaled by 0.5 where strength < 0.8 on bites
  target scaled by 1 - net_effect where net on bites, dusk

contagion of Load
  from I, H on bites, dusk at to_flies
  source scaled by 1 - net_effect where net
  target scaled by 0.7 where strength > 1.2

observe cases = number entering I of Fever per week by age
observe carriers = count of Fly where Load is Carrier every day
observe bitten = number entering Latent per day
observe deaths = number entering D per week

intervention traps
  starts when carriers rises above 40
  every 3 days for at most 60 Fly where not caught
    set caught to yes
  while active for Fly where caught
    leave bites
"""


def test_the_valley_gives_one_count_on_every_back_end() -> None:
    """Absence, removal, traps, weekends, factors at both ends, weights that differ, a network within one kind."""
    made = compiled(lpmdsl.load(VALLEY).model)
    request = request_of(made.model, 600, 3)
    result = both(made, request)
    for name, values in result.observations.items():
        assert np.nansum(values) > 0, f"{name} never saw anything"
    assert_same(runner(made.model, "reference")(request), result)
    assert_same(cpu_run(made)(request), on_gpu(made, request)[0])


def test_two_threads_give_the_counts_of_one() -> None:
    made = compiled(lpmdsl.load(VALLEY.replace("Fly count 1_500", "Fly count 90_000")).model)
    request = request_of(made.model, 40_000, 3)
    assert_same(cpu_run(made, 1)(request), cpu_run(made, 2)(request))


def test_sums_between_kinds_are_made_afresh_and_the_way_is_told() -> None:
    choices = {c.subject: c.way for c in choose(lpmdsl.load(VALLEY).model).choices}
    assert choices["Fever on bites"] == choices["Load on dusk"] == "summed afresh"


ONE_STEP = """
model one_step version 1.0

clock
  step 1 day
  for 1 day

agent Mosquito count {mosquitoes}
agent Human count {humans}

network bites joins Mosquito to Human at random with 2 contacts per day

condition Malaria of Human
  states S, E, I
  start S except {ill} Human in I
  from S by contagion to E

condition Carriage of Mosquito
  states Clear, Fresh, Carrier
  start Clear except {carriers} Mosquito in Carrier
  from Clear by contagion to Fresh

contagion of Malaria
  from Carrier on bites at 0.5 per contact
contagion of Carriage
  from I on bites at 0.1 per contact

observe humans = number entering E per day
observe mosquitoes = number entering Fresh per day
"""


@pytest.mark.parametrize("backend", ["cpu", "reference"])
def test_contacts_are_counted_by_the_first_kind(backend: str) -> None:
    """One day, exact: a person meets 2 N_M / N_H mosquitoes, each of them 2 people; |z| < 3 of binomials, seed 5."""
    numbers = {"mosquitoes": 60_000, "humans": 20_000, "ill": 4_000, "carriers": 6_000}
    made = lpmdsl.load(ONE_STEP.format(**numbers))
    found = made.run(seed=5, backend=backend).observations.set_index("observation").value
    hazards = {"humans": 0.5 * 2 * 6_000 / 20_000, "mosquitoes": 0.1 * 2 * 4_000 / 20_000}
    at_risk = {"humans": 16_000, "mosquitoes": 54_000}
    for name, hazard in hazards.items():
        p, n = -np.expm1(-hazard), at_risk[name]
        assert abs(found[name] - n * p) < 3 * np.sqrt(n * p * (1 - p))


def test_mosquitoes_and_people_settle_where_ross_and_macdonald_say() -> None:
    """Endemic prevalence (Keeling & Rohani 2008, 4.2.2) of the mean field, within 3 %: 20 000 people, last 100 days.

    x = (m a² b c − r μ) / (a c (m a b + r)) among people.
    """
    text = (TEXTBOOK / "ross_macdonald.lpm").read_text(encoding="utf-8")
    loaded = lpmdsl.load(text)
    seen = loaded.run(seed=2, agents={"Human": 20_000, "Mosquito": 80_000}).observations
    carriers = seen[seen.observation == "carriers"].value.to_numpy()[-100:].mean()
    a, b, c, r, mu, per_person = 0.3, 0.5, 0.4, 0.02, 0.1, 4.0
    ill = (per_person * a**2 * b * c - r * mu) / (a * c * (per_person * a * b + r))
    assert carriers == pytest.approx(a * c * ill / (a * c * ill + mu), rel=0.03)


# ------------------------------------------------------------------ on paper


def test_ross_and_macdonald_by_algebra() -> None:
    """Equations of both kinds and R0 (the square root of Ross's number), symbol for symbol."""
    expected = runpy.run_path(str(TEXTBOOK / "expected.py"))["MODELS"]["ross_macdonald"]()
    model = lpmdsl.load(TEXTBOOK / "ross_macdonald.lpm").model
    seen: set[str] = set()
    for condition in model.conditions:
        written = equations(model, condition, parameter_values(model))
        for state, change in written.rates.items():
            ours = positive(sp.sympify(change).subs([*written.forces.items()]))
            assert sp.simplify(ours - positive(expected.equations[state.name])) == 0
            seen.add(state.name)
        assert sp.simplify(positive(r0_formula(model, condition)) - positive(expected.r0)) == 0
    assert seen == set(expected.equations)


def positive(expr: sp.Expr) -> sp.Expr:
    """The same with every symbol known to be above 0."""
    return sp.sympify(expr).subs({s: sp.Symbol(s.name, positive=True) for s in sp.sympify(expr).free_symbols})


def test_the_numbers_of_hosts_and_vectors() -> None:
    """R0 is 6: a person infects 24 mosquitoes, one of them 1.5 people; growth solves (r + γ)(r + μ) = γ μ R0²."""
    model = lpmdsl.load(TEXTBOOK / "ross_macdonald.lpm").model
    found = reproduction(model, model.condition("Malaria"), parameter_values(model))
    assert found.value == pytest.approx(6.0, rel=0.001) and found.first_case == pytest.approx(24.0, rel=0.001)
    r = found.growth
    assert (r + 0.02) * (r + 0.1) == pytest.approx(0.02 * 0.1 * 36, rel=0.001)
    assert found.herd_immunity == pytest.approx(1 - 1 / 36, abs=1e-4)  # people alone are immune


def test_states_of_one_name_are_told_apart() -> None:
    text = (TEXTBOOK / "ross_macdonald.lpm").read_text(encoding="utf-8")
    text = text.replace("Clear, Carrier", "S, I").replace("start Clear", "start S").replace("Carrier at", "I at")
    text = text.replace("from Clear by contagion to Carrier", "from S by contagion to I").replace("to Clear", "to S")
    text = text.replace("from Carrier on", "from I on").replace("entering I per", "entering I of Malaria per")
    text = text.replace("Carriage is Carrier", "Carriage is I")
    model = lpmdsl.load(text).model
    written = equations(model, model.condition("Carriage"), parameter_values(model))
    assert {s.name for s in written.rates} == {"S_Mosquito", "I_Mosquito"}
    assert sp.Symbol("I_Human", nonnegative=True) in next(iter(written.forces.values())).free_symbols
