"""Interventions of which each place has one of its own, the same on every back end."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from compiler_tests.support.agreement import agreed, checked, formatted, found
from compiler_tests.support.both_backends import assert_same, request_of, runner
from lpmdsl.backends.request import RunResult
from lpmdsl.compiler import relaxed_programs
from lpmdsl.diagnostics import LpmError

PEOPLE = """\
model closings version 1.0

clock
  step {step}
  from 2024-10-01 for {days} days

parameter level = 5 %

agent Person count 400
  age duration ~ uniform(0 years, 90 years)
  wing yes/no ~ bernoulli(50 %)
  school place of size {size}
  careful yes/no ~ bernoulli(10 %)
  warned yes/no ~ bernoulli(10 %)
  visits number = 0

network classes joins Person sharing school with 4 contacts per day on weekdays
network town joins Person at random with 3 contacts per day
network friends joins Person as erdos_renyi(degree 3)

condition Flu of Person
  states S, I, R
  start S except 10 Person in I
  from S by contagion to I
  from I after gamma(mean 4 days, sd 2 days) to R

contagion of Flu
  from I on {networks} at {rate}
  target scaled by 50 % where careful
  target scaled by 60 % where warned

observe cases = number entering I per {step}
observe ill = share of Person where Flu is I every {step}
observe at_home = count of Person where {home} every {step}

{rest}
"""


def town(rest: str, **words: str | float) -> str:
    """The text of a model with interventions at its end."""
    given = {"step": "1 day", "days": 40, "size": "20", "networks": "classes, town", "rate": "0.06 per contact",
             "home": "closing is active"}  # fmt: skip
    return PEOPLE.format(rest=rest.strip(), **(given | words))


EVERYTHING = """
observe closed = count of school where closing is active
observe part = share of school where closing is active
observe schools = count of school
observe spent = costs of closing per week
observe reached = number of visits_paid per week

intervention closing of school
  starts 1 day after share of school where Flu is I rises above level
  stops 2 days after share of school where Flu is I falls below 4 %
  every 3 days for Person where age < 40 years
    set warned to yes with probability 40 %
  every 2 days for share 30 % of Person
    add 1 to visits
  while active for Person where age < 60 years
    leave classes
    set careful to yes
  while active for share 50 % of Person
    scale town by 60 %
  costs 100 USD per day

intervention visits_paid of school
  starts when count of school where Flu is I rises above 1.5
  lasts 5 days
  every 2 days for Person
    where visits < 3
      add 1 to visits
    otherwise pick one of friends
      add 1 to their.visits
      set warned to yes with probability 20 %
  while active
    scale classes by 50 %
  costs 3 USD per person

intervention old of school
  starts when (mean of age over school where Flu is I else 0 years) rises above 40 years
  stops when median of visits over school rises above 2
  costs 7 USD
  while active
    set careful to yes

intervention autumn of school
  starts on 2024-10-10
  lasts 1 month
  on 2024-10-12 for Person where closing is active
    move Flu to R with probability 50 %
"""


def test_every_back_end_counts_the_same() -> None:
    """Sparse, dense, one and three threads, the reference and Triton's interpreter: all clauses at once, half days."""
    text = town(EVERYTHING, step="12 hours", networks="classes, town")
    result = agreed(text, 200, steps=26)
    assert all(result.costs[name] > 0 for name in ("closing", "visits_paid", "old"))
    assert 0 < np.nanmax(result.observations["closed"]) < 10
    assert formatted(text) == text


@pytest.mark.parametrize(
    ("networks", "rate", "clause"),
    [
        ("classes", "0.1 per contact", "leave classes"),
        ("friends", "0.1 per day", "leave friends"),
        ("friends", "0.1 per day", "scale friends by 30 %"),
        ("town", "0.1 per contact", "leave town"),
        ("town", "0.1 per contact", "scale town by 30 %"),
        ("classes, town", "0.1 per contact", "set careful to yes"),
    ],
)
def test_all_ways_through_contagion_agree(networks: str, rate: str, clause: str) -> None:
    """Listed, swept and summed afresh: who changes with a school is told to others in every way of the processor."""
    rest = f"""
intervention closing of school
  starts when share of school where Flu is I rises above level
  lasts 4 days
  while active
    {clause}
"""
    result = agreed(town(rest, networks=networks, rate=rate), 200, steps=15)
    away = result.observations["at_home"].ravel()
    assert np.count_nonzero(np.diff(away)) > 2  # schools close and open at many times


# ------------------------------------------------------------------ one school, or all at once

ALONE = """
intervention closing of school
  starts {delay} share of school where Flu is I rises above level
  {stop}
{does}
"""
AT_ONCE = """
intervention closing
  starts {delay} ill rises above level
  {stop}
{does}
"""
CLASSES = "  while active\n    leave classes\n  costs 5 USD per day"
BLOCKS = """\
  every 3 days for Person where age < 40 years
    set warned to yes with probability 40 %
  while active for share 50 % of Person
    set careful to yes
  costs 5 USD per person"""
SCALED = "  while active\n    scale classes by 40 %\n  costs 5 USD"


@pytest.mark.parametrize("does", [CLASSES, BLOCKS, SCALED], ids=["leave", "blocks", "scale"])
@pytest.mark.parametrize("delay", ["when", "3 days after"])
@pytest.mark.parametrize("stop", ["lasts 6 days", "stops 1 day after {ill} falls below 2 %"])
def test_where_there_is_one_school_it_is_closing_all_at_once(does: str, delay: str, stop: str) -> None:
    """Count for count by the same seed: the share of the one school is that of everybody, reported in every step."""
    seen = []
    for text, ill in ((ALONE, "share of school where Flu is I"), (AT_ONCE, "ill")):
        model = checked(town(text.format(does=does, delay=delay, stop=stop.format(ill=ill)), size="400"))
        seen.append(runner(model, "cpu")(request_of(model, 400, 3)))
    assert_same(*seen)
    assert seen[0].costs["closing"] > 0


def test_one_school_scales_contacts_elsewhere_at_both_ends() -> None:
    """As `for Person where …` does: of those who meet in town both may be of a closed school."""
    seen = []
    for text, whom in ((ALONE, ""), (AT_ONCE, " for Person where age >= 0 years")):
        does = f"  while active{whom}\n    scale town by 40 %"
        model = checked(town(text.format(does=does, delay="when", stop="lasts 9 days"), size="400"))
        seen.append(runner(model, "cpu")(request_of(model, 400, 3)))
    assert_same(*seen)


def test_a_scenario_goes_without_it() -> None:
    rest = ALONE.format(does=CLASSES, delay="when", stop="lasts 6 days")
    with_it = checked(town(rest + "\nscenario open\n  without closing"))
    bare = replace(with_it, interventions=(), observations=with_it.observations[:2], scenarios=())
    request = request_of(with_it, 400, 3, scenario="open")
    result = runner(with_it, "cpu")(request)
    assert_same(result, runner(with_it, "reference")(request))
    plain = runner(bare, "cpu")(request_of(bare, 400, 3))
    np.testing.assert_array_equal(result.observations["cases"], plain.observations["cases"])
    assert result.costs["closing"] == 0 and not result.observations["at_home"].any()


# ------------------------------------------------------------------ by hand

WINGS = """\
model wings version 1.0

clock
  step 1 day
  from 2024-10-01 for 20 days

agent Person count 60
  wing yes/no ~ bernoulli(50 %)
  school place of size 10 within wing
  visits number = 0

condition Flu of Person
  {course}

observe closed = count of school where closing is active
observe at_home = count of Person where closing is active
observe elsewhere = count of Person where closing is active and not wing
observe visits_in_all = sum of visits over Person

intervention arrivals
  on 2024-10-03 for Person where wing
    move Flu to {to}

intervention closing of school
  starts {when}
  {stop}
  every 2 days
    add 1 to visits
  costs 5 USD per {per}
"""


COURSES = {
    "I": "states S, I, R\n  start S\n  from I after fixed(4 days) to R",
    "D": "states S, D\n  start S\n  removed in D",
}


def wings(to: str = "I", when: str = "when share of school where Flu is I rises above 50 %", stop: str = "lasts 3 days",
          per: str = "day") -> tuple[RunResult, int, int]:  # fmt: skip
    """The run, how many are in a wing, and in how many schools they are."""
    text = WINGS.format(course=COURSES[to], to=to, when=when, stop=stop, per=per)
    request = request_of(checked(text), 60, 3)
    inside = request.world.attributes[("Person", "wing")] != 0
    places = request.world.attributes[("Person", "school")][inside]
    assert 0 < len(set(places.tolist())) < request.world.place_counts[("Person", "school")]
    return agreed(text, 60), int(inside.sum()), len(set(places.tolist()))


def series(result: RunResult, name: str) -> list[float]:
    return result.observations[name].ravel().tolist()


def test_schools_of_one_wing_close_and_the_others_do_not() -> None:
    """Ill from step 2 to step 5, seen at the beginning of step 3: closed for steps 3, 4 and 5, which reports 4 to 6
    say; done to all of them at the first and the third."""
    result, people, schools = wings()
    expected = [float(schools) if 4 <= k <= 6 else 0.0 for k in range(21)]
    assert series(result, "closed") == expected
    assert series(result, "at_home") == [people / schools * x for x in expected]
    assert not any(series(result, "elsewhere"))
    visits = series(result, "visits_in_all")
    assert visits[3:7] == [0.0, people, people, 2.0 * people] and visits[-1] == 2.0 * people
    assert result.costs["closing"] == 3 * 5.0 * schools


def test_a_delay_is_that_of_each_school() -> None:
    """Two days after step 3; it stops a day after all are well, which step 6 is the first to see."""
    at = "2 days after share of school where Flu is I rises above 50 %"
    result, _, schools = wings(when=at, stop="stops 1 day after share of school where Flu is I falls below 10 %")
    assert series(result, "closed") == [float(schools) if 6 <= k <= 7 else 0.0 for k in range(21)]
    assert result.costs["closing"] == 2 * 5.0 * schools


def test_costs_are_counted_in_each_school() -> None:
    result, people, _ = wings(per="person")
    assert result.costs["closing"] == 2 * 5.0 * people


def test_the_dead_are_no_members() -> None:
    """Of those who are left nobody is ill: 0 / 0 is no number, and no number is above or below a level."""
    result, _, _ = wings(to="D", when="when share of school where Flu is D rises above 1 %")
    assert not any(series(result, "closed"))
    result, _, schools = wings(to="D", when="when count of school where Flu is not D falls below 1")
    assert series(result, "closed")[4] == schools


def test_a_mean_of_members_may_be_watched() -> None:
    """The mean number of visits is 1 after the first block of `greeting`: all schools at once, in step 8 and so on."""
    greeting = "\nintervention greeting\n  on 2024-10-08\n    add 1 to visits\n"
    text = WINGS.format(
        course=COURSES["I"],
        to="I",
        when="when mean of visits over school rises above 0.5",
        stop="lasts 2 days",
        per="day",
    )
    result = agreed(text + greeting, 60)
    schools = request_of(checked(text), 60, 3).world.place_counts[("Person", "school")]
    assert series(result, "closed") == [float(schools) if 9 <= k <= 10 else 0.0 for k in range(21)]


# ------------------------------------------------------------------ estimators, and what is refused


def test_the_relaxation_refuses_it_by_name_and_line() -> None:
    text = town(ALONE.format(does=CLASSES, delay="when", stop="lasts 6 days"))
    with pytest.raises(LpmError, match=r"has no intervention of each place \(`closing of school`\)") as refused:
        relaxed_programs(checked(text))
    (place,) = {d.span.label for d in refused.value.report.diagnostics if "each place" in d.message}
    line = 1 + text.split("\n").index("intervention closing of school")
    assert place.endswith(f":{line}") or f":{line}:" in place


REPLACED = [
    ("of school\n", "of scool\n", "E0201", "scool"),
    ("of school\n", "of Person\n", "E0206", "Person"),
    ("of school\n", "of age\n", "E1071", "age"),
    ("leave classes", "leave classes\n  every week for at most 5 Person\n    add 1 to visits", "E1073", "5"),
    ("leave classes", "leave classes\n    change level to 3 %", "E1075", "change level to 3 %"),
    ("count of Person where closing", "count of school where Flu is I and closing", "E1076", "Flu is I"),
    ("of school\n", "\n", "E1077", "share of school where Flu is I"),
    ("share of school where Flu is I", "commonest of wing over school", "E1078", "commonest of wing over school"),
    ("share of school where Flu is I", "share of Person where Flu is I", "E0701", "share of Person where Flu is I"),
    ("every 1 day\n\ninter", "every 1 day\ncheck always closing is active\n\ninter", "E1074", "closing is active"),
    ("count of Person where closing is active", "count of school where closing is active by wing", "E1079", "wing"),
    ("rises above level", "rises above 2", "E0719", "when share of school where Flu is I rises above 2"),
    ("share of school where Flu is I", "share of school where Flu is I in their wing", "E1109", "wing"),
    ("share of school where Flu is I", "share of school where their.Flu is I", "E1101", "their.Flu"),
    ("share of school where Flu is I", "share of members where Flu is I", "E0601", "members"),
    ("share of school where", "share of classes where", "E1107", "share of classes where Flu is I"),
    ("of school\n", "of each school\n", "E0101", "school"),
]


@pytest.mark.parametrize(("old", "new", "code", "marked"), REPLACED)
def test_what_is_refused_and_where(old: str, new: str, code: str, marked: str) -> None:
    text = town(ALONE.format(does=CLASSES, delay="when", stop="lasts 6 days"))
    assert text.count(old) == 1
    broken = text.replace(old, new)
    errors = [d for d in found(broken) if d.code.startswith("E")]
    assert [d.code for d in errors] == [code]
    place = errors[0].span
    assert broken[place.start : place.end] == marked
