"""Events that can never happen are found before a run, with the reason; those that can happen raise no alarm."""

from __future__ import annotations

import random

import pytest

import lpmdsl
from lpmdsl.diagnostics import LpmError
from lpmdsl.quantities import BOOLEAN, NUMBER
from lpmdsl.semantics import model as m
from lpmdsl.semantics.analysis.intervals import Knowledge, bounds
from lpmdsl.semantics.analysis.vertices import evaluate, view
from lpmdsl.source import NOWHERE

BASE = """
model town version 1.0

clock
  step 1 day
  from 2024-10-01 for 60 days

parameter beta = 0.3 per day
  between 0.1 per day and 0.6 per day

agent Person count 1_000
  age duration ~ uniform(0 years, 90 years)
  age_group category = band of age at 18 years, 65 years named child, adult, elder
  isolating yes/no = no
  masked yes/no = no

network town joins Person at random

condition Flu of Person
  states S, I, R
  start S except 10 Person in I
  from S by contagion to I
  from I after exponential(mean 5 days) to R

contagion of Flu
  from I on town at beta
  source scaled by 0.5 where masked

observe cases = number entering I per day
observe incidence = cases / population
observe ill = share of Person where Flu is I
observe sick = count of Person where Flu is I
observe burden = sick + 2 * sick
observe tested = number entering I per week thinned by 20 %

intervention masks
  starts when TRIGGER
  every day for at most 50 Person where WHO
    set masked to yes
"""

FAULTS = {
    "more people than there are": ("cases rises above 1_000 per day", "1,000"),
    "more than everyone in a week": ("tested rises above 7_001 per week", "1,000"),
    "a share above one": ("ill rises above 100 %", "100"),
    "incidence of a thousand": ("incidence rises above 100_000 per 100_000 per day", "cannot exceed"),
    "a count below nobody": ("sick falls below 0", "cannot fall below"),
    "three times everyone": ("burden rises above 3_000", "3,000"),
    "a share below nothing": ("ill falls below 0 %", "cannot fall below"),
    "a mean of what cannot be": ("mean of sick over 2 weeks rises above 1_000", "cannot exceed"),
}
SOUND = {
    "nearly everyone": "cases rises above 999 per day",
    "a week of everyone": "tested rises above 999 per week",
    "almost all": "ill rises above 99 %",
    "some incidence": "incidence rises above 99_000 per 100_000 per day",
    "nobody left": "sick falls below 1",
    "most": "burden rises above 2_999",
    "hardly any": "ill falls below 1 %",
    "a mean that can be": "mean of sick over 2 weeks rises above 900",
}
NEVER = {
    "of what nothing sets": "isolating",
    "child of seventy": "age_group is child and age > 70 years",
    "elder of ten": "age_group is elder and age < 10 years",
    "older than anyone": "age > 90 years",
    "both ages": "age < 18 years and age > 18 years",
    "not what everybody is": "not isolating and isolating",
    "isolating or older": "isolating or age >= 91 years",
    "adult at the cut": "age_group is adult and age >= 65 years",
}
EVER = {
    "of what nothing sets": "not isolating",
    "child of seventeen": "age_group is child and age > 17 years",
    "elder of seventy": "age_group is elder and age < 70 years",
    "old": "age > 89 years",
    "between": "age < 19 years and age > 18 years",
    "unmasked": "not masked",
    "masked already": "masked",
    "adult before the cut": "age_group is adult and age >= 64 years",
}


def text(trigger: str = "cases rises above 5 per day", who: str = "not masked") -> str:
    return BASE.replace("TRIGGER", trigger).replace("WHO", who)


@pytest.mark.parametrize("name", FAULTS)
def test_a_trigger_that_cannot_be_reached_is_told_with_the_reason(name: str) -> None:
    trigger, words = FAULTS[name]
    with pytest.raises(LpmError, match="E0719") as caught:
        lpmdsl.load(text(trigger))
    assert words in str(caught.value) and "masks" in str(caught.value)


@pytest.mark.parametrize("name", SOUND)
def test_a_trigger_that_can_be_reached_raises_no_alarm(name: str) -> None:
    lpmdsl.load(text(SOUND[name]))


@pytest.mark.parametrize("name", NEVER)
def test_a_choice_that_nobody_can_meet_is_told(name: str) -> None:
    with pytest.raises(LpmError, match="E0712"):
        lpmdsl.load(text(who=NEVER[name]))


@pytest.mark.parametrize("name", EVER)
def test_a_choice_that_somebody_can_meet_raises_no_alarm(name: str) -> None:
    lpmdsl.load(text(who=EVER[name]))


def test_people_who_can_fall_ill_again_may_be_counted_again() -> None:
    """With a way back, more entries than people are possible."""
    once = text("tested rises above 7_001 per week")
    lpmdsl.load(once.replace("to R\n\ncon", "to R\n  from R after fixed(1 day) to S\n\ncon"))


def random_expression(chance: random.Random, depth: int) -> m.Expr:
    if depth == 0 or chance.random() < 0.2:
        if chance.random() < 0.5:
            return m.Literal_(round(chance.uniform(-3, 3), 2), NUMBER, NOWHERE)
        return m.ParameterRef("beta", NUMBER, NOWHERE)
    op = chance.choice(["add", "sub", "mul", "div", "neg", "min", "max", "abs", "exp", "lt", "le", "gt", "eq", "ne"])
    parts = tuple(random_expression(chance, depth - 1) for _ in range(1 if op in ("neg", "abs", "exp") else 2))
    return m.Apply(op, parts, BOOLEAN if op in ("lt", "le", "gt", "eq", "ne") else NUMBER, NOWHERE)


def test_no_value_lies_outside_its_bounds() -> None:
    """2 000 random formulas at eleven values of a parameter between its bounds, 0.1 to 0.6."""
    model = lpmdsl.load(text()).model
    known, chance, inside = Knowledge(model, view(model).values), random.Random(4), 0
    for _ in range(2_000):
        expr = random_expression(chance, 4)
        low, high = bounds(expr, known)
        for step in range(11):
            at = 0.1 + 0.05 * step
            value = evaluate(expr, lambda e, at=at: at if isinstance(e, m.ParameterRef) else None, {})
            if value == value and abs(value) < 1e300:
                assert low - 1e-9 * abs(low) <= value <= high + 1e-9 * abs(high), f"{value} of {low} to {high}: {expr}"
                inside += 1
    assert inside > 15_000
