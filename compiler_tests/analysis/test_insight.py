"""Consequences of a model on paper: textbook equations and R0 by algebra, and R0 against agents who are counted."""

from __future__ import annotations

import json
import math
import re
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
import sympy as sp
from scipy.optimize import brentq
from typer.testing import CliRunner

import lpmdsl
from compiler_tests.support.both_backends import MODELS, compiled, cpu_run, loaded
from lpmdsl.backends.request import RunRequest
from lpmdsl.cli import app
from lpmdsl.diagnostics import LpmError, Report
from lpmdsl.insight.promises import statements
from lpmdsl.insight.summary import analysis, as_json
from lpmdsl.population.people import build_world, start_states
from lpmdsl.semantics import model as m
from lpmdsl.semantics.host.evaluate import parameter_values
from lpmdsl.source import NOWHERE
from lpmdsl.theory.closed_form import r0_formula, spectral_radius
from lpmdsl.theory.coverage import coverage
from lpmdsl.theory.equations import equations
from lpmdsl.theory.formulas import NoFormula, values_of
from lpmdsl.theory.promised import check_r0
from lpmdsl.theory.reproduction import leading, reproduction
from lpmdsl.theory.steps import within_a_step

HEAD = """
model paper version 1.0

clock
  step 1 day
  for 100 days

parameter beta = 0.5 per day
parameter gamma = 0.2 per day
parameter sigma = 0.25 per day
parameter omega = 0.01 per day
parameter p = 40 %
parameter k = 0.5
parameter efficacy = 70 %
"""
PEOPLE = """
agent Person count 10_000

network town joins Person at random
"""


def people(states: str, *exits: str, contagion: str = "from I on town at beta", more: str = PEOPLE) -> m.Model:
    """A model of one condition at random mixing."""
    lines = "\n".join(f"  from {e}" for e in exits)
    start = "  start S except 10 Person in I\n"
    body = f"\ncondition Flu of Person\n  states {states}\n{start}{lines}\n\ncontagion of Flu\n"
    text = HEAD + more + body + "".join(f"  {line}\n" for line in contagion.splitlines())
    text += "\nobserve ill = count of Person where Flu is I\n"
    return lpmdsl.load(text).model


def symbol(name: str) -> sp.Symbol:
    positive = name in ("N", "beta", "gamma", "sigma", "omega", "p", "k", "efficacy") or name.startswith(("N_", "c_"))
    return sp.Symbol(name, positive=True) if positive else sp.Symbol(name, nonnegative=True)


def same(a: sp.Expr, b: sp.Expr | str) -> bool:
    other = sp.sympify(b, locals={n: symbol(n) for n in NAMES}) if isinstance(b, str) else b
    return sp.simplify(a - other) == 0


NAMES = [
    "S", "E", "I", "A", "Q", "R", "N", "beta", "gamma", "sigma", "omega", "p", "k", "efficacy", "I1", "I2", "I3",
    *(f"{x}_{g}" for x in ("S", "I", "R", "N") for g in ("old", "young", "dosed", "not_dosed")),
]  # fmt: skip

TEXTBOOK = {
    # Keeling & Rohani 2008, Modeling Infectious Diseases: 2.1 SIR, 2.5 SEIR, 2.1.2 with waning, 2.3 SIS; 2.6 carriers.
    "sir": (
        people("S, I, R", "S by contagion to I", "I at rate gamma to R"),
        {"S": "-beta*S*I/N", "I": "beta*S*I/N - gamma*I", "R": "gamma*I"}, "beta/gamma",
    ),
    "seir": (
        people("S, E, I, R", "S by contagion to E", "E at rate sigma to I", "I at rate gamma to R"),
        {"S": "-beta*S*I/N", "E": "beta*S*I/N - sigma*E", "I": "sigma*E - gamma*I", "R": "gamma*I"}, "beta/gamma",
    ),
    "seirs": (
        people("S, E, I, R", "S by contagion to E", "E at rate sigma to I", "I at rate gamma to R",
               "R at rate omega to S"),
        {"S": "omega*R - beta*S*I/N", "E": "beta*S*I/N - sigma*E", "I": "sigma*E - gamma*I", "R": "gamma*I - omega*R"},
        "beta/gamma",
    ),
    "sis": (
        people("S, I", "S by contagion to I", "I at rate gamma to S"),
        {"S": "gamma*I - beta*S*I/N", "I": "beta*S*I/N - gamma*I"}, "beta/gamma",
    ),
    "sirs by mean times": (
        people("S, I, R", "S by contagion to I", "I after exponential(mean 1 / gamma) to R",
               "R after exponential(mean 1 / omega) to S"),
        {"S": "omega*R - beta*S*I/N", "I": "beta*S*I/N - gamma*I", "R": "gamma*I - omega*R"}, "beta/gamma",
    ),
    "asymptomatic branch": (
        people("S, E, I, A, R", "S by contagion to E",
               "E at rate sigma\n    to A with probability p\n    to I otherwise",
               "I at rate gamma to R", "A at rate gamma to R",
               contagion="from I on town at beta\nfrom A on town at k * beta"),
        {"S": "-beta*S*(I + k*A)/N", "E": "beta*S*(I + k*A)/N - sigma*E", "A": "p*sigma*E - gamma*A",
         "I": "(1 - p)*sigma*E - gamma*I", "R": "gamma*(I + A)"},
        "beta*(1 - p + k*p)/gamma",
    ),
    "isolation": (
        people("S, I, Q, R", "S by contagion to I", "I at rate gamma to R", "I at rate sigma to Q",
               "Q at rate gamma to R"),
        {"S": "-beta*S*I/N", "I": "beta*S*I/N - (gamma + sigma)*I", "Q": "sigma*I - gamma*Q", "R": "gamma*(I + Q)"},
        "beta/(gamma + sigma)",
    ),
    "isolated infect less": (
        people("S, I, Q, R", "S by contagion to I", "I at rate gamma to R", "I at rate sigma to Q",
               "Q at rate gamma to R", contagion="from I on town at beta\nfrom Q on town at k * beta"),
        {"S": "-beta*S*(I + k*Q)/N", "I": "beta*S*(I + k*Q)/N - (gamma + sigma)*I", "Q": "sigma*I - gamma*Q",
         "R": "gamma*(I + Q)"},
        "beta/(gamma + sigma) + k*beta*sigma/(gamma*(gamma + sigma))",
    ),
    "three stages": (
        people("S, I, R", "S by contagion to I", "I after gamma(mean 6 days, sd sqrt(12) * 1 day) to R"),
        {"S": "-beta*S*(I1 + I2 + I3)/N", "I1": "beta*S*(I1 + I2 + I3)/N - I1/2", "I2": "I1/2 - I2/2",
         "I3": "I2/2 - I3/2", "R": "I3/2"}, "6*beta",
    ),
    "leaky vaccine": (
        people("S, I, R", "S by contagion to I", "I at rate gamma to R",
               contagion="from I on town at beta\ntarget scaled by 1 - efficacy where dosed",
               more=PEOPLE.replace("10_000\n", "10_000\n  dosed yes/no ~ bernoulli(p)\n")),
        {"S_dosed": "-(1 - efficacy)*beta*S_dosed*(I_dosed + I_not_dosed)/(N_dosed + N_not_dosed)",
         "I_not_dosed": "beta*S_not_dosed*(I_dosed + I_not_dosed)/(N_dosed + N_not_dosed) - gamma*I_not_dosed"},
        "beta/gamma*(N_not_dosed + (1 - efficacy)*N_dosed)/(N_dosed + N_not_dosed)",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", TEXTBOOK)
def test_textbook_equations_and_r0_are_found_by_algebra(name: str) -> None:
    model, rates, r0 = TEXTBOOK[name]
    written = equations(model, model.conditions[0], parameter_values(model))
    forces = dict(written.forces)
    found = {str(x): rate.subs(forces) for x, rate in written.rates.items()}
    for variable, rate in rates.items():
        assert same(found[variable], rate), f"d{variable}/dt is {found[variable]}"
    assert same(r0_formula(model, model.conditions[0]), r0)
    assert sp.expand(sum(written.rates.values())) == 0


@pytest.mark.parametrize("name", TEXTBOOK)
def test_r0_in_numbers_is_the_formula_s(name: str) -> None:
    """A sample of 4 000 people with 24 stratified courses each: within 1 %."""
    model, _, _ = TEXTBOOK[name]
    values = parameter_values(model)
    closed = r0_formula(model, model.conditions[0])
    sizes = {symbol("N_dosed"): values["p"], symbol("N_not_dosed"): 1 - values["p"]}
    exact = float(closed.subs(values_of(model, values, [closed])).subs(sizes))
    assert reproduction(model, model.conditions[0], values).value == pytest.approx(exact, rel=0.01)


TWO_AGES = """
agent Person count 4_000
  age category ~ categorical("young" 30 %, "old" 70 %)

table c by age, age of contacts per day
  young young 6
  young old 2
  old young 1
  old old 3

network town joins Person at random mixing by c
"""


def test_two_ages_that_mix_by_a_table() -> None:
    """Diekmann, Heesterbeek & Roberts 2010, section 2: elements c_ab·N_a/N_b·chance/γ; the root of a quadratic."""
    spread = "from I on town at 0.1 per contact"
    model = people("S, I, R", "S by contagion to I", "I at rate gamma to R", contagion=spread, more=TWO_AGES)
    flu, values = model.conditions[0], parameter_values(model)
    written = equations(model, flu, values)
    force = next(v for x, v in written.forces.items() if str(x) == "lambda_young")
    i, n = ({g: symbol(f"{x}_{g}") for g in ("young", "old")} for x in "IN")
    c = {(a, b): sp.Symbol(f"c_{a}_{b}", positive=True) for a in n for b in n}
    assert same(force, sum(c["young", g] * i[g] / n[g] for g in n) / 10)
    gamma = symbol("gamma")
    rows = [[c[a, b] * n[a] / n[b] / 10 / gamma for b in n] for a in n]
    matrix = sp.Matrix(rows)
    assert same(r0_formula(model, flu), spectral_radius(matrix))
    entries = {("young", "young"): 6, ("young", "old"): 2, ("old", "young"): 1, ("old", "old"): 3}
    numbers = {c[k]: v for k, v in entries.items()} | {n["young"]: 0.3, n["old"]: 0.7, gamma: 0.2}
    exact = float(spectral_radius(matrix).subs(numbers))
    found = reproduction(model, flu, values)
    assert found.value == pytest.approx(exact, rel=0.01)
    assert set(found.by_group) == {"young", "old"} and sum(found.by_group.values()) == pytest.approx(1)


def test_growth_of_seir_solves_its_quadratic() -> None:
    """(r + σ)(r + γ) = σβ (Wallinga & Lipsitch 2007, Proc R Soc B 274:599)."""
    model, _, _ = TEXTBOOK["seir"]
    beta, gamma, sigma = 0.5, 0.2, 0.25
    r = (-(sigma + gamma) + math.sqrt((sigma - gamma) ** 2 + 4 * sigma * beta)) / 2
    found = reproduction(model, model.conditions[0], parameter_values(model))
    assert found.growth == pytest.approx(r, rel=0.02)
    assert found.doubling == pytest.approx(math.log(2) / r, rel=0.02)
    assert found.herd_immunity == pytest.approx(1 - gamma / beta, rel=0.01)


SCHOOL = """\
model school version 1.0

clock
  step STEP
  for DAYS days

agent Boy count BOYS

network school joins Boy at random

condition Flu of Boy
  states S, I, R
  start S except 2_000 Boy in I
  from S by contagion to I
  from I after exponential(mean 2 days) to R

contagion of Flu
  from I on school at 1.5 per day

observe ill = count of Boy where Flu is I every day

check R0 of Flu between 1 and 10
"""


def school(step: str, days: int, boys: int) -> str:
    return SCHOOL.replace("STEP", step).replace("DAYS", str(days)).replace("BOYS", str(boys))


def exponential_in_steps(beta: float, gamma: float, h: float) -> float:
    """The growth in steps of h of an exponential course, every hat integrated by hand."""
    within = beta * (gamma * h - 1 + math.exp(-gamma * h)) / (gamma * gamma * h)

    def excess(r: float) -> float:
        q = math.exp(-(gamma + r) * h)
        later = beta * (math.exp(gamma * h) - 2 + math.exp(-gamma * h)) / (gamma * gamma * h) * q / (1 - q)
        return later * (1 + within) + within * within * math.exp(-r * h) - 1

    return float(brentq(excess, 1e-6, 10.0))  # type: ignore[arg-type]


@pytest.mark.parametrize(("step", "days"), [("1 hour", 1 / 24), ("6 hours", 1 / 4), ("12 hours", 1 / 2), ("1 day", 1)])
def test_growth_in_steps_solves_its_own_equation(step: str, days: float) -> None:
    """An exponential course of 2 days; at half a day 2 % are lost, a quarter of what whole days lose."""
    beta, gamma = 1.5, 0.5
    model = lpmdsl.load(school(step, 4, 10_000)).model
    found = reproduction(model, model.conditions[0], parameter_values(model))
    assert found.growth == pytest.approx(beta - gamma, rel=1e-6)
    assert found.growth_in_steps == pytest.approx(exponential_in_steps(beta, gamma, days), rel=0.005)


def test_infections_within_a_step_are_hats_over_none() -> None:
    """∫₀ʰ (1 − a/h) A(a) da of an exponential time, of a latent fixed one, and of nobody within the step."""
    beta, gamma, h = 1.5, 0.5, 1.0
    by_hand = beta * (gamma * h - 1 + math.exp(-gamma * h)) / (gamma * gamma * h)
    assert within_a_step(lambda t: np.array([[beta / (gamma + t)]]), h)[0, 0] == pytest.approx(by_hand, rel=1e-4)
    for latent, exact in ((0.5, 1.5 * 0.5**2 / 2), (5.0, 0.0)):
        found = within_a_step(lambda t, c=latent: np.array([[1.5 * math.exp(-c * t) / t]]), h)[0, 0]
        assert found == pytest.approx(exact, abs=0.01)


@pytest.mark.parametrize(("step", "within"), [("6 hours", 0.03), ("12 hours", 0.03), ("1 day", 0.06)])
def test_runs_grow_as_their_steps_let_them(step: str, within: float) -> None:
    """From day 1 to 3 of 4 000 000 boys, some thousands of them ill: the log of the growth beside the estimate.

    Some 20 000 infections scatter it by less than 1 %, those who have been ill take 1 %. With steps of half the illness
    the estimate itself is too slow, by 5 %; if nobody infected within the step of the own infection, runs would lose
    34 % there.
    """
    loaded = lpmdsl.load(school(step, 4, 4_000_000))
    ill = loaded.run(seed=1).observations["value"].to_numpy()
    found = reproduction(loaded.model, loaded.model.conditions[0], loaded.parameters)
    assert math.log(ill[3] / ill[1]) / 2 == pytest.approx(found.growth_in_steps, rel=within)


def test_steps_that_are_long_for_the_epidemic_are_told() -> None:
    report = Report()
    loaded = lpmdsl.load(school("1 day", 4, 10_000))
    check_r0(loaded.model, parameter_values(loaded.model), report)
    [note] = report.diagnostics
    assert note.code == "N0721" and "`step 6 hours`" in note.help
    short, none = lpmdsl.load(school("12 hours", 4, 10_000)), Report()
    check_r0(short.model, parameter_values(short.model), none)
    assert not none.diagnostics


def test_coverage_of_a_leaky_vaccine() -> None:
    """A share c leaves R0 = β/γ·(1 − efficacy·c), however many have it now: c = (1 − γ/β) / efficacy."""
    model, _, _ = TEXTBOOK["leaky vaccine"]
    found = coverage(model, model.conditions[0], parameter_values(model))
    assert found.needed == {"dosed": pytest.approx((1 - 0.2 / 0.5) / 0.7)}


def test_regular_ties_lose_the_one_that_infected() -> None:
    """On ties, degree 6: 5·β/(β + γ) where the time ill is exponential; the first has 6."""
    more = "\nagent Person count 4_000\n\nnetwork town joins Person as random_regular(degree 6)\n"
    model = people("S, I, R", "S by contagion to I", "I at rate gamma to R", more=more)
    found = reproduction(model, model.conditions[0], parameter_values(model))
    assert found.value == pytest.approx(5 * 0.5 / 0.7, rel=0.01)
    assert found.first_case == pytest.approx(6 * 0.5 / 0.7, rel=0.01)
    with pytest.raises(NoFormula, match="not at random"):
        r0_formula(model, model.conditions[0])


def test_a_household_saturates() -> None:
    """Homes of 4, 3 contacts a day over 3 others, ill for 5 days: 3·(1 − exp(−0.2·5)), 2 by whom another infected."""
    more = "\nagent Person count 4_000\n  home place of size 4\n"
    more += "\nnetwork town joins Person sharing home with 3 contacts per day\n"
    model = people("S, I, R", "S by contagion to I", "I after fixed(5 days) to R",
                   contagion="from I on town at 0.2 per contact", more=more)  # fmt: skip
    found = reproduction(model, model.conditions[0], parameter_values(model))
    chance = 1 - math.exp(-0.2 * 5)
    assert found.first_case == pytest.approx(3 * chance, rel=1e-6)
    assert found.value == pytest.approx(2 * chance, rel=1e-6)


def test_the_leading_eigenvalue_of_a_matrix_without_negatives() -> None:
    value, vector = leading(np.array([[0.0, 2.0], [2.0, 0.0]]))
    assert value == pytest.approx(2.0) and vector == pytest.approx([0.5, 0.5])


# ------------------------------------------------------------------ against agents


OUTBREAKS = (
    "boarding_school", "isolation_policy", "measles_households", "nyc_isolation", "seir_age", "sir_network", "town_flu",
    "waning_seasons",
)  # fmt: skip
"""Models whose reproduction number is known before a run."""


def barren(model: m.Model) -> m.Model:
    """The same, but nobody whom the first one infects goes on: they come into a state of their own, and stay.

    Other conditions of the model begin as ``reproduction`` takes them, with nobody an exception.
    """
    condition = model.conditions[0]
    others = tuple(replace(c, start=replace(c.start, exceptions=())) for c in model.conditions[1:])
    caught = len(condition.states)
    exits = tuple(
        replace(e, branches=(m.Branch(caught, None, e.span),)) if isinstance(e.trigger, m.ByContagion) else e
        for e in condition.exits
    )
    first = next(e for e in condition.exits if isinstance(e.trigger, m.ByContagion)).branches[0].to
    one = m.StartExcept(m.Literal_(1.0, model.observations[0].type, NOWHERE), None, None, first, "first", NOWHERE)
    start = replace(condition.start, exceptions=(one,))
    changed = replace(condition, states=(*condition.states, "Caught"), exits=exits, start=start)
    flow, type_ = m.Flow(condition.name, (caught,), 1.0), model.observations[0].type
    seen = m.Observation("caught", condition.of, flow, None, (), ("",), None, None, 1.0, "", 1.0, type_, "", NOWHERE)
    return replace(model, conditions=(changed, *others), observations=(seen,), interventions=(), checks=(),
                   scenarios=(), comparisons=(), calibrations=(), behaviours=())  # fmt: skip


@pytest.mark.parametrize("path", [p for p in MODELS if p.stem in OUTBREAKS], ids=lambda p: p.stem)
def test_the_first_case_infects_as_many_as_predicted(path: Path) -> None:
    """200 replicates in 20 000 people: |z| < 4 of the mean; the spread is the counts' own."""
    model = barren(loaded(path).model)
    condition, values = model.conditions[0], parameter_values(model)
    world = build_world(model, values, 1, {condition.of: 20_000})
    run, caught = cpu_run(compiled(model)), []
    for k in range(200):
        start = start_states(model, world, values, 1, k)
        steps = min(model.clock.steps, round(60 / model.clock.step))
        result = run(RunRequest(model, world, values, start, 1, k, steps))
        caught.append(float(np.sum(result.observations["caught"])))
    predicted = reproduction(loaded(path).model, loaded(path).model.conditions[0], values).first_case
    z = (np.mean(caught) - predicted) / (np.std(caught, ddof=1) / math.sqrt(200))
    assert abs(z) < 4, f"{np.mean(caught):.3f} counted, {predicted:.3f} predicted"


# ------------------------------------------------------------------ printed


def test_analyse_prints_text_json_and_latex() -> None:
    school = str(next(p for p in MODELS if p.stem == "boarding_school"))
    run = CliRunner()
    text = run.invoke(app, ["analyse", school])
    assert text.exit_code == 0 and "R0 = 3.15 = beta*illness" in text.output and "dS/dt = -S*lambda" in text.output
    told = json.loads(run.invoke(app, ["analyse", school, "--format", "json"]).stdout)
    assert told["conserved"] and told["r0"]["Flu"]["expression"] == "beta*illness"
    latex = run.invoke(app, ["analyse", school, "--format", "latex"]).stdout
    assert r"R_0 &= \beta \mathrm{illness}" in latex and r"\frac{d S}{dt} &= - S \lambda" in latex
    broken = run.invoke(app, ["analyse", school, "--set", "beta=6 per day"])
    assert broken.exit_code == 1 and "DOES NOT HOLD" in broken.output


def test_who_stays_away_by_another_condition_is_an_assumption() -> None:
    path = next(p for p in MODELS if p.stem == "fast_test")
    told = CliRunner().invoke(app, ["analyse", str(path)]).output
    assert told.count("nobody stays away from homes, town because of Test") == 2


def test_what_cannot_be_written_says_why() -> None:
    town = loaded(next(p for p in MODELS if p.stem == "town_flu")).model
    found = analysis(town, parameter_values(town))
    told = json.loads(as_json(found))
    assert told["r0"]["Flu"]["expression"] is None and "not at random" in told["r0"]["Flu"]["why_no_expression"]
    assert 0.99 < sum(told["r0"]["Flu"]["by_network"].values()) < 1.01


def test_the_page_about_a_model_holds_everything_and_asks_for_nothing(tmp_path: Path) -> None:
    """Every model's page: its diagram, its parameters, MathML that is well formed, and no address to load from."""
    for path in MODELS:
        out = tmp_path / f"{path.stem}.html"
        done = CliRunner().invoke(app, ["doc", str(path), "--out", str(out)])
        assert done.exit_code == 0, done.output
        page = out.read_text(encoding="utf-8")
        model = loaded(path).model
        has_states = bool(model.conditions)
        assert ("<svg" in page) == ("stateDiagram-v2" in page) == ("Initialisation" in page) == has_states
        assert ("What is known" in page) == bool(statements(model, parameter_values(model)))
        assert not re.search(r"(src|href)=.https?:", page)
        for formula in re.findall(r"<math.*?</math>", page, re.DOTALL):
            ElementTree.fromstring(re.sub(r"&\w+;", " ", formula))
        for parameter in model.parameters:
            assert parameter.name in page


def test_what_is_known_is_said_with_how() -> None:
    """Shares within their bounds, a promise that intervals prove, one that is left to a watch; one that cannot
    hold is an error."""
    text = (
        HEAD
        + PEOPLE
        + """
condition Flu of Person
  states S, I, R
  start S except 10 Person in I
  from S by contagion to I
  from I at rate gamma to R

contagion of Flu
  from I on town at beta

observe ill = count of Person where Flu is I

check always count of Person where Flu is I <= population
check always count of Person where Flu is I <= 5_000
"""
    )
    model = lpmdsl.load(text).model
    told = {s.what: (s.how, s.holds) for s in statements(model, parameter_values(model))}
    assert told["the rate `gamma` is not below 0"] == ("bounded by intervals", True)
    assert told["always count of Person where Flu is I <= population"] == ("bounded by intervals", True)
    assert told["always count of Person where Flu is I <= 5_000"] == ("watched in every run", True)
    with pytest.raises(LpmError, match="E0904"):
        lpmdsl.load(text + "check always share of Person where Flu is I < 0\n")
