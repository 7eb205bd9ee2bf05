"""More of each kind of what was once accepted in silence: tests that never hold, what nothing reads, ages that stay,
values that the text refuses, days after the calendar. Nothing is run."""

from __future__ import annotations

import pytest

import lpmdsl
from lpmdsl.compiler import check_source
from lpmdsl.diagnostics import LpmError, Report
from lpmdsl.source import Source


def codes(text: str) -> list[str]:
    report = Report()
    check_source(Source("kinds.lpm", text), report)
    return [d.code for d in report.sorted()]


# ------------------------------------------------------------------ never true


NEVER = """\
model never version 1.0
clock
  step 1 day
  for 10 days
parameter chance = 0 %
agent Person count 1_000
  age duration ~ uniform(0 years, 90 years)
  ward category ~ categorical(a 50 %, b 50 %, z 0 %)
  sick yes/no ~ bernoulli(0 %)
  well yes/no ~ bernoulli(100 %)
  dosed yes/no ~ bernoulli(chance)
  treated yes/no ~ bernoulli(0 %)
network town joins Person at random
condition F of Person
  states S, I, R
  start S except 10 Person in I
  from S by contagion to I
  from I after fixed(2 days) to R
  on entering R
    set treated to yes
contagion of F
  from I on town at 0.5 per day
observe n = count of Person where ward is a and (well or dosed or treated) and not sick and age > 1 year
"""
TESTS = {
    "age > 200 years": True, "sick": True, "ward is z": True, "not well": True, "F is S and F is I": True,
    "F is R and not F is R": True, "age > 50 years and age < 40 years": True, "F is I and (F is S or F is R)": True,
    "ward is z or sick": True, "ward is a": False, "dosed": False, "treated": False, "well": False,
    "F is S or F is I": False, "not F is S and not F is I": False, "ward is z or ward is a": False,
}  # fmt: skip


@pytest.mark.parametrize("test", TESTS)
def test_a_test_that_nobody_meets_is_told_wherever_it_stands(test: str) -> None:
    """Labels of chance 0 and states that exclude each other; a parameter of 0 may be set to something."""
    never = TESTS[test]
    assert ("W0630" in codes(f"{NEVER}observe o = count of Person where {test}\n")) == never
    scaled = NEVER.replace("observe n", f"  target scaled by 0.5 where {test}\nobserve n")
    assert ("E0618" in codes(scaled)) == never
    block = f"{NEVER}intervention x\n  every 3 days for Person where {test}\n    move F to R\n"
    assert ("E0712" in codes(block)) == never
    if "F is" not in test and test != "treated":
        assert ("E0519" in codes(NEVER.replace("except 10 Person in I", f"except where {test} in I"))) == never
        assert ("E0517" in codes(NEVER.replace("after fixed(2 days) to R", f"when {test} to R"))) == never


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ("  home place of size 4\n", ["N0629"]),
        ("  home place of size 4\nnetwork homes joins Person sharing home\n", ["W0616"]),
        ("  note number ~ uniform(0, 1)\n", ["N0629"]),
        ("table t by ward of number\n  a 1\n  b 2\n  z 3\n", ["W0628"]),
        ("parameter p = 3\n", ["W0615"]),
        ("parameter p = 3\nparameter q = 2 * p\n", ["W0615"]),
    ],
)
def test_what_nothing_reads_is_told(more: str, told: list[str]) -> None:
    assert codes(NEVER) == []
    assert codes(NEVER.replace("network town", f"{more}network town", 1)) == told


# ------------------------------------------------------------------ ages


AGES = """\
model ages version 1.0
clock
  step 1 day
  for DAYS days
table risk by age_group of number per year
  minor 0.1
  adult 0.2
table meets by age_group, age_group of contacts per day
  minor minor 3
  minor adult 1
  adult minor 1
  adult adult 3
agent Person count 1_000
  age duration ~ uniform(10 years, 20 years)
  age_group category = band of age at 18 years named minor, adult
  older yes/no = age > 15 years
network town joins Person at randomMIXING
condition C of Person
  states A, B
  start A except STARTS in B
  from A by contagion to B
  from B at rate RATE to A
contagion of C
  from B on town at RISK
observe n = REPORT
"""
STILL = {
    "by": {"REPORT": "number entering B per week by age_group"},
    "a table": {"RATE": "risk[age_group]"},
    "a formula": {"RATE": "0.1 per day * age / (1 year)"},
    "a mean": {"REPORT": "mean of age over Person every week"},
    "what is computed of it": {"REPORT": "count of Person where older"},
    "mixing": {"MIXING": " mixing by meets", "RISK": "0.01 per contact"},
}
MOVING = {
    "the age of the moment": {"REPORT": "count of Person where age + time > 18 years"},
    "in a formula": {"RATE": "0.1 per day * (age + time) / (1 year)"},
    "at the start": {"STARTS": "where age_group is adult"},
}
PLAIN = {"MIXING": "", "STARTS": "10 Person", "RATE": "0.1 per day", "RISK": "0.1 per day",
         "REPORT": "number entering B per week"}  # fmt: skip


@pytest.mark.parametrize(("days", "noted"), [(3_653, True), (365, False)])
@pytest.mark.parametrize("name", [*STILL, *MOVING])
def test_an_age_that_stays_is_noted_however_it_is_read(name: str, days: int, noted: bool) -> None:
    text = AGES.replace("DAYS", str(days))
    for word, value in {**PLAIN, **STILL.get(name, {}), **MOVING.get(name, {})}.items():
        text = text.replace(word, value)
    found = codes(text)
    assert not [c for c in found if c[0] == "E"]
    assert ("N0632" in found) == (noted and name in STILL)


# ------------------------------------------------------------------ values


SET = """\
model set version 1.0
clock
  step 1 day
  for 20 days
parameter beta = 0.4 per day
  between 0 per day and 1 per day
parameter gone = 0.1 per day
parameter contacts_each = 8 contacts per day
parameter factor = 0.5
parameter few = 10 people
parameter wait = 2 days
parameter thin = 50 %
agent Person count 200
  masked yes/no = no
network town joins Person at random
network work joins Person at random with contacts_each
condition Cold of Person
  states S, I, R
  start S except 10 Person in I
  from S by contagion to I
  from I at rate gone to R
contagion of Cold
  from I on town at beta
  from I on work at 0.01 per contact
  source scaled by factor where masked
observe cases = number entering I per day thinned by thin
intervention x
  starts after wait
  every 5 days for at most few Person
    set masked to yes
"""
VALUES = {
    "beta": ("2 per day", "E0317"), "gone": ("-0.1 per day", "E0316"),
    "contacts_each": ("-1 contacts per day", "E0316"),
    "factor": ("-2", "E0316"), "few": ("-1 people", "E0316"), "wait": ("-2 days", "E0316"), "thin": ("150 %", "E0317"),
}  # fmt: skip


@pytest.mark.parametrize("name", VALUES)
def test_a_value_is_refused_by_whatever_way_it_comes(name: str) -> None:
    """A scenario, an intervention, and a setting, which has limits of its own (E0805)."""
    value, code = VALUES[name]
    assert codes(f"{SET}scenario odd\n  change {name} to {value}\n") == [code]
    assert codes(f"{SET}intervention y\n  starts after 3 days\n  while active\n    change {name} to {value}\n") == [
        code
    ]
    with pytest.raises(LpmError, match="E0805" if code == "E0317" else code):
        lpmdsl.load(SET).run(parameters={name: value}, backend="reference", steps=1)


@pytest.mark.parametrize("value", ["0 - factor", "few / (5 people) - 3"])
def test_a_change_is_worked_out_from_the_values_as_they_are(value: str) -> None:
    """−0.5 and −1."""
    change = f"intervention y\n  starts after 3 days\n  while active\n    change factor to {value}\n"
    assert codes(SET + change) == ["E0316"]
    assert codes(SET + change.replace("0 - factor", "1 - factor").replace("- 3", "- 1")) == []


# ------------------------------------------------------------------ the end of the calendar


@pytest.mark.parametrize(
    ("clock", "more", "told"),
    [
        ("step 1 day\n  from 9999-12-30 for 1 day", "", []),
        ("step 1 day\n  from 9999-12-30 for 2 days", "", ["E0316"]),
        ("step 1 day\n  from 9999-11-30 for 2 months", "", ["E0316"]),
        ("step 1 year\n  from 9000-01-01 for 1000 years", "", ["E0316"]),
        ("step 1 day\n  from 0001-01-01 for 10 days", "", []),
        ("step 1 day\n  from 0000-01-01 for 10 days", "", ["E0101"]),
        ("step 1 day\n  from 2023-02-29 for 10 days", "", ["E0101"]),
        ("step 1 day\n  from 9999-12-30 for 1 day", "  starts on 9999-12-31\n", ["E0719"]),
        ("step 1 day\n  from 9999-12-30 for 1 day", "  starts on 9999-12-30\n  lasts 3 years\n", []),
        ("step 1 day\n  from 9999-12-30 for 1 day", "  starts on 9999-12-30\n  stops 1 month after it starts\n", []),
        ("step 1 day\n  from 9999-12-30 for 1 day", "  starts after 4 months\n", ["E0719"]),
    ],
)
def test_the_calendar_ends_without_a_traceback(clock: str, more: str, told: list[str]) -> None:
    lines = "model d version 1.0\nclock\n  " + clock + "\nagent Person count 10\ncondition C of Person\n  states S, R\n"
    lines += "  start S\n  from S at rate 0.1 per day to R\n"
    lines += "observe n = count of Person where C is R\n"
    if more:
        lines += f"intervention x\n{more}  every month for Person where C is S\n    move C to R\n"
    assert [c for c in codes(lines) if c[0] == "E"] == told
    if not told:
        lpmdsl.load(lines).run(backend="reference")
