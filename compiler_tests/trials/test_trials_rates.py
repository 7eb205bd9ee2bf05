"""Rates and contacts that depend on the agent, on time and on interventions: right values, on both back ends."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from time import perf_counter

import numpy as np
import pytest

import lpmdsl
from compiler_tests.support.both_backends import assert_same, compiled, cpu_run, loaded, request_of, runner
from lpmdsl.diagnostics import LpmError
from lpmdsl.runtime.results import Results
from lpmdsl.semantics.host.evaluate import parameter_values
from lpmdsl.theory.reproduction import reproduction

TRIALS = Path(__file__).parent.parent / "trials"
HEAD = """
model trial version 1.0

clock
  step 1 day
  from 2024-10-01 for {days} days
"""


def run(text: str, days: int = 40, agents: int = 2_000, backend: str = "reference", **options) -> Results:
    return lpmdsl.load(HEAD.format(days=days) + text).run(agents={"Person": agents}, backend=backend, **options)


def errors(text: str) -> list[str]:
    with pytest.raises(LpmError) as caught:
        lpmdsl.load(HEAD.format(days=40) + text)
    return [f"{d.code} {d.message} {d.help}" for d in caught.value.report.sorted()]


# ------------------------------------------------------------------ choices

LEAVE = """
agent Person
  old yes/no ~ bernoulli(50 %)
  masked yes/no ~ bernoulli(50 %)
condition Job of Person
  states A, B
  start A
  from A with probability {chance} every 40 days to B
observe gone_old = share of Person where Job is B and old every 40 days
observe gone_young = share of Person where Job is B and not old every 40 days
"""


def last(results: Results, name: str) -> float:
    table = results.observations
    return float(table[table.observation == name].value.iloc[-1])


def test_the_first_case_that_holds_is_taken() -> None:
    text = LEAVE.replace("agent Person\n", "agent Person count 4_000\n")
    everyone = run(text.format(chance="(100 % where old, 100 % where masked, 0 % otherwise)"))
    assert last(everyone, "gone_old") == pytest.approx(0.5, abs=0.03)
    assert last(everyone, "gone_young") == pytest.approx(0.25, abs=0.03)


@pytest.mark.parametrize(
    ("choice", "told"),
    [
        ("(1 day where old, 50 % otherwise)", "E0301"),
        ("(old where masked, 50 % otherwise)", "E0306"),
        ("(10 % where 3, 50 % otherwise)", "E0306"),
        ("(10 % where old, 150 % otherwise)", "E0504"),
        ("0.5 * old", "(0.5 where old, 0 otherwise)"),
        ("(1 - old * 0.25)", "(0.75 where old, 1 otherwise)"),
    ],
)
def test_a_choice_is_checked_like_its_values(choice: str, told: str) -> None:
    text = LEAVE.replace("agent Person\n", "agent Person count 4_000\n")
    assert any(told in line for line in errors(text.format(chance=choice)))


# ------------------------------------------------------------------ what holds while an intervention is active

FLU = """
parameter cautious = {careful}
parameter beta = {beta} per contact
parameter strength = 2 * beta
agent Person count 4_000
  old yes/no ~ bernoulli({old})
  careful yes/no ~ bernoulli(cautious)
network town joins Person at random with {contacts} contacts per day
condition Flu of Person
  states S, I, R
  start S except 20 Person in I
  from S by contagion to I
  from I after exponential(mean 5 days) to R
contagion of Flu
  from I on town at strength
  target scaled by 25 % where careful
observe infections = number entering I per day
observe is_careful = share of Person where careful every day
{adds}
"""


def flu(adds: str = "", beta: float = 0.02, contacts: float = 10, old: str = "0 %", careful: str = "0 %") -> str:
    return FLU.format(beta=beta, contacts=contacts, old=old, careful=careful, adds=adds)


def series(results: Results, name: str = "infections") -> list[float]:
    table = results.observations
    return list(table[table.observation == name].value)


def active(actions: str, when: str = "", clause: str = "while active") -> str:
    return f"intervention measure\n{when}  {clause}\n    {actions}\n"


def test_scaled_contacts_are_fewer_contacts() -> None:
    assert series(run(flu(active("scale town by 40 %")))) == series(run(flu(contacts=4)))


def test_contacts_between_two_who_qualify_are_scaled_at_either_end() -> None:
    scaled = flu(active("scale town by 50 %", clause="while active for Person where old"), old="100 %")
    assert series(run(scaled)) == series(run(flu(contacts=2.5)))


def test_nobody_is_infected_while_contacts_are_scaled_by_nothing() -> None:
    when = "  starts on 2024-10-11\n  stops on 2024-10-21\n"
    infections = series(run(flu(active("scale town by 0", when))))
    # Those who fell ill late on the day before are made up in the first of these.
    assert infections[10] <= 3 and infections[11:20] == [0.0] * 9
    assert min(infections[5:10]) > 0 and min(infections[20:30]) > 0


def test_only_those_who_qualify_are_scaled() -> None:
    """Half are old and met by nobody, so about half of those whom an outbreak without limits would infect."""
    text = flu(active("scale town by 0", clause="while active for Person where old"), beta=0.05, old="50 %")
    infected = sum(series(run(text, days=80)))
    assert 750 < infected < 1_025


def test_a_changed_parameter_and_what_is_computed_from_it() -> None:
    halved = series(run(flu(active("change beta to 0.5 * beta"))))
    assert halved == series(run(flu(beta=0.01)))
    assert halved != series(run(flu()))


def test_changes_apply_in_written_order() -> None:
    both = (
        active("change beta to 0.5 * beta")
        + "intervention other\n  while active\n    change beta to beta + 0.01 per contact\n"
    )
    assert series(run(flu(both))) == series(run(flu(beta=0.02)))


def test_what_is_set_by_hand_does_not_follow() -> None:
    by_hand = flu(active("change beta to 0.5 * beta"))
    settings = {"strength": 0.05}
    assert series(run(by_hand, parameters=settings)) == series(run(flu(), parameters=settings))


def test_a_scenario_halves_a_parameter() -> None:
    text = flu("scenario half\n  change beta to 0.5 * beta\n")
    assert series(run(text, scenario="half")) == series(run(flu(beta=0.01)))


def test_an_attribute_set_while_active_is_as_before_afterwards() -> None:
    when = "  starts on 2024-10-06\n  stops on 2024-10-16\n"
    shares = series(run(flu(active("set careful to yes", when))), "is_careful")
    assert shares[:6] == [0.0] * 6 and shares[6:16] == [1.0] * 10 and set(shares[16:]) == {0.0}
    always = series(run(flu(active("set careful to yes"))))
    assert always == series(run(flu(careful="100 %")))


SEASON = "parameter season = 1 + 0.2 * cos(2 * pi * time / (1 year))\nobserve now = season every day\n"


def test_a_parameter_that_reads_the_time() -> None:
    values = series(run(flu(SEASON)), "now")
    days = np.arange(len(values))
    assert values == pytest.approx(1 + 0.2 * np.cos(2 * np.pi * days / 365.25), abs=1e-12)
    assert set(series(run(flu(SEASON), parameters={"season": 1.5}), "now")) == {1.5}


def test_a_season_moves_the_contagion() -> None:
    season = "parameter season = (1 where time < 20 days, 0 otherwise)\n"
    text = flu(season).replace("at strength", "at strength * season")
    infections, plain = series(run(text)), series(run(flu()))
    assert infections[:20] == plain[:20] and set(infections[20:]) == {0.0}


@pytest.mark.parametrize(
    ("adds", "told"),
    [
        (active("change beta to 3 days"), "E0303"),
        (active("change bta to 0.1 per contact"), "`beta`"),
        (active("scale town by 2 days"), "E0303"),
        (active("scale town by 0 - 1"), "E0316"),
        (active("scale twn by 40 %"), "`town`"),
        (active("change beta to 0.1 per contact", clause="while active for Person"), "E0741"),
        (active("set careful to yes with probability 50 %"), "E0709"),
        (active("scale town by 40 %", clause="every day"), "E0709"),
        (active("change beta to 0.1 per contact", clause="every day"), "E0709"),
        ("parameter early = 1 + time / (1 day)\nscenario late\n  change beta to early * 0.1 per contact\n", "E0740"),
    ],
)
def test_what_holds_while_active_is_checked(adds: str, told: str) -> None:
    assert any(told in line for line in errors(flu(adds)))


def test_both_back_ends_agree_on_all_that_varies() -> None:
    """Dense, sparse and the reference, with every kind of network and every scenario."""
    model = loaded(TRIALS / "rates_kitchen.lpm").model
    made = compiled(model)
    for scenario in ("baseline", "hand"):
        request = request_of(model, 1_200, scenario=scenario)
        expected = runner(model, "reference")(request)
        assert_same(expected, cpu_run(made)(request))
        assert_same(expected, cpu_run(replace(made, cpu=made.program))(request))


# ------------------------------------------------------------------ contacts of one's own, and who takes part


def with_contacts(contacts: str, **options) -> str:
    return flu(**options).replace("10 contacts per day", contacts)


def test_contacts_of_ones_own_that_are_all_the_same() -> None:
    assert series(run(with_contacts("10 contacts per day * (1 where old, 1 otherwise)"))) == series(run(flu()))


def test_contacts_of_ones_own_infect_as_proportionate_mixing_says() -> None:
    """Final size: s = exp(−c·x) in each group, x = β·T·Σ c(1 − s) / Σ c. R0 = β·T·E[c²]/E[c]."""
    text = with_contacts("10 contacts per day * (0.4 where old, 1.6 otherwise)", beta=0.02, old="50 %")
    text += "observe old_ones = number entering I per day where old\n"
    results = run(text, days=120, agents=20_000)
    c, x = np.array([4.0, 16.0]), 0.05
    for _ in range(1_000):
        x = 0.04 * 5 * float((c * (1 - np.exp(-c * x))).sum() / c.sum())
    expected = 10_000 * (1 - np.exp(-c * x))
    infected, old = sum(series(results)), sum(series(results, "old_ones"))
    assert old == pytest.approx(expected[0], rel=0.04)
    assert infected - old == pytest.approx(expected[1], rel=0.03)


def test_r0_with_contacts_of_ones_own() -> None:
    text = with_contacts("10 contacts per day * (0.4 where old, 1.6 otherwise)", beta=0.012, old="50 %")
    model = lpmdsl.load(HEAD.format(days=40) + text).model
    found = reproduction(model, model.conditions[0], parameter_values(model))
    assert found.value == pytest.approx(0.024 * 5 * 13.6, rel=0.03)


def test_only_those_who_qualify_take_part() -> None:
    text = flu(old="50 %").replace("at random", "at random where old")
    kept_away = flu("intervention rest\n  while active for Person where not old\n    leave town\n", old="50 %")
    assert series(run(text)) == series(run(kept_away))


def test_contacts_of_ones_own_hang_on_what_stays() -> None:
    text = with_contacts("10 contacts per day * (1 where careful, 2 otherwise)")
    text += "intervention later\n  every week for at most 10 Person\n    set careful to yes\n"
    assert any("E0623" in line for line in errors(text))
    ties = "as ring(degree 4) with (1 where old, 2 otherwise) * 1 contact per day"
    assert any("E0623" in line for line in errors(flu().replace("at random with 10 contacts per day", ties)))


# ------------------------------------------------------------------ numbers that are too large or none

HUGE = """
parameter b = 0.2 per day
agent Person count 100
network friends joins Person at random
condition Infection of Person
  states S, I, R
  start S except 1 Person in I
  from S by contagion to I
  from I at rate b * 10 ^ 3 to R
contagion of Infection
  from I on friends at b * 10 ^ 3
observe ni = number entering I per day
"""


def test_a_rate_beyond_its_range_is_told_and_one_within_it_agrees() -> None:
    assert sum("E0776" in line for line in errors(HUGE.replace("10 ^ 3", "10 ^ 12"))) == 2
    slow = HUGE.replace("from I at rate b * 10 ^ 3", "from I at rate b")
    both = [series(run(slow, days=5, agents=100, backend=backend), "ni") for backend in ("cpu", "reference")]
    assert both[0] == both[1]
    assert sum(both[0]) > 0


@pytest.mark.parametrize("value", ["b * 10 ^ 10 ^ 10", "b / (b - 0.2 per day) * 1 per day", "b * log(0)"])
def test_a_rate_that_is_no_finite_number_is_told(value: str) -> None:
    assert any("E0742" in line for line in errors(HUGE.replace("at b * 10 ^ 3", f"at {value}")))
    assert any("E0742" in line for line in errors(f"parameter c = {value}\n" + HUGE))


STAR = """
agent Person from "people.csv"
  leaf yes/no
network star joins Person from "star.csv" with 5 contacts per day
condition Flu of Person
  states S, I
  start S except where not leaf in I
  from S by contagion to I
contagion of Flu
  from I on star at 0.1 per contact
observe infections = number entering I per day
"""


def test_contacts_along_ties_are_those_of_the_receiver(tmp_path: Path) -> None:
    """Leaves that are tied to an infectious hub alone meet it k times a day, however many they are."""
    leaves = range(1, 2_000)
    (tmp_path / "star.csv").write_text("source,target\n" + "".join(f"0,{k}\n" for k in leaves), encoding="utf-8")
    (tmp_path / "people.csv").write_text("id,leaf\n0,no\n" + "".join(f"{k},yes\n" for k in leaves), encoding="utf-8")
    (tmp_path / "star.lpm").write_text(HEAD.format(days=1) + STAR, encoding="utf-8")
    results = lpmdsl.load(tmp_path / "star.lpm").run(backend="reference")
    assert sum(series(results)) / 1_999 == pytest.approx(1 - np.exp(-0.5), abs=0.03)


def test_a_power_that_is_infinite_is_told_at_once_with_its_line() -> None:
    text = (TRIALS / "pow.lpm").read_text(encoding="utf-8")
    line = next(k for k, words in enumerate(text.splitlines(), 1) if "10^10^10" in words)
    began = perf_counter()
    with pytest.raises(LpmError) as caught:
        lpmdsl.load(TRIALS / "pow.lpm")
    assert perf_counter() - began < 1
    assert [(d.code, d.span.line) for d in caught.value.report.sorted()] == [("E0742", line)]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("b * 10 ^ 3 to R", "b * 10 ^ 10 ^ 10 * (1 where old, 2 otherwise) to R"),
        ("b * 10 ^ 3 to R", "b * log(-1) * age to R"),
        ("from I at rate b * 10 ^ 3", "from I after exponential(mean 1 / (b - 0.2 per day))"),
        ("from I at rate b * 10 ^ 3", "from I after gamma(mean 5 days, sd 0 / 0 * 1 day)"),
        ("at random", "at random with 5 contacts per day * 10 ^ 400"),
    ],
)
def test_a_part_that_is_no_finite_number_is_told_in_every_place(old: str, new: str) -> None:
    text = HUGE.replace("count 100\n", "count 100\n  age number ~ uniform(0, 90)\n  old yes/no = age > 60\n")
    assert old in text
    assert any("E0742" in line for line in errors(text.replace(old, new)))


def test_a_value_that_a_choice_keeps_away_may_have_no_number() -> None:
    kept = "b * (b / (b - 0.2 per day) where b > 0.2 per day, 2 otherwise)"
    assert lpmdsl.load(HEAD.format(days=5) + HUGE.replace("b * 10 ^ 3 to R", f"{kept} to R")).model is not None


def test_values_that_are_set_and_those_of_scenarios_are_finite_too() -> None:
    text = HUGE.replace("b * 10 ^ 3 to R", "0.1 per day * b / (b - 0.3 per day) * 1 to R").replace("0.2 per", "0.5 per")
    with pytest.raises(LpmError, match="E0742"):
        run(text, days=5, agents=100, parameters={"b": "0.3 per day"})
    with pytest.raises(LpmError, match="E0742") as caught:
        run(text + "scenario slow\n  change b to 0.3 per day\n", days=5, agents=100)
    assert "scenario" in str(caught.value)
