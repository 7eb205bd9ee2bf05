"""Claims of the models of tests and of doses: exact schedules, the chances of a test, and which plan is better."""

from __future__ import annotations

from math import sqrt
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lpmdsl

MODELS = Path(__file__).parent.parent.parent / "models"


def by_day(run: lpmdsl.Results, name: str, group: str | None = None) -> np.ndarray:
    rows: Any = run.observations[run.observations["observation"] == name]
    rows = rows if group is None else rows[rows["group"] == group]
    return rows.groupby("time")["value"].sum().to_numpy()


def totals(run: lpmdsl.Results, name: str) -> Any:
    """Sums of one report: a row for each replicate, a column for each scenario."""
    rows: Any = run.observations[run.observations["observation"] == name]
    return rows.groupby(["scenario", "replicate"])["value"].sum().unstack(0)


def sure(differences: Any) -> float:
    """How many standard errors the mean of differences between pairs is above 0."""
    return float(differences.mean() / (differences.std(ddof=1) / sqrt(len(differences))))


# ------------------------------------------------------------------ tests


@pytest.mark.parametrize(("infected", "share", "chance"), [
    (True, "0 %", 0.80), (False, "0 %", 0.01), (True, "100 %", 0.98), (False, "100 %", 0.005),
])  # fmt: skip
def test_tests_are_positive_as_often_as_the_table_says(infected: bool, share: str, chance: float) -> None:
    """All of 20 000 are infected, or none: the share of answers that are positive, |z| < 4."""
    text = (MODELS / "fast_test.lpm").read_text(encoding="utf-8")
    text = text.replace("except 20 Person in I", "except 100 % in I" if infected else "except 0 % in I")
    text = text.replace("gamma(mean 6 days, sd 2 days)", "fixed(500 days)")
    more = """
observe told_yes = number entering Positive of Test per day
observe told_no = number entering Negative of Test per day
"""
    run = lpmdsl.load(text + more).run(seed=6, steps=30, parameters={"laboratory_share": share})
    positive, negative = by_day(run, "told_yes").sum(), by_day(run, "told_no").sum()
    answers = positive + negative
    assert answers > 20_000
    assert abs(positive / answers - chance) < 4 * sqrt(chance * (1 - chance) / answers)


def test_a_fast_test_avoids_more_infections_than_an_accurate_late_one() -> None:
    """Ten pairs: z > 5, which is what Larremore et al. 2021 say of tests every few days."""
    run = lpmdsl.load(MODELS / "fast_test.lpm").run(seed=1, replicates=10, scenario=["baseline", "laboratory"])
    found = totals(run, "infections")
    assert sure(found["laboratory"] - found["baseline"]) > 5


# ------------------------------------------------------------------ doses


def test_no_dose_of_the_supply_is_left_and_none_is_given_twice() -> None:
    """60 doses a day, but for one for each who died while it was due; second ones after 21 or 112 days."""
    more = """
observe first = number entering First of Dose per day
observe second = number entering Second of Dose per day
observe in_vain = count of Person where Dose is Due and Covid is D every day
"""
    text = (MODELS / "vaccine_delay.lpm").read_text(encoding="utf-8") + more
    for scenario, wait in (("baseline", 21), ("late_second", 112)):
        run = lpmdsl.load(text).run(seed=2, scenario=scenario)
        first, second = by_day(run, "first"), by_day(run, "second")
        assert (first[:wait] == 60).all() and (second[:wait] == 0).all() and second[wait] > 50
        given, in_vain = first + second, by_day(run, "in_vain")
        assert (given <= 60).all() and (given >= 60 - in_vain[1:]).all() and in_vain[100] == 0 < in_vain[-1]


def test_more_live_if_second_doses_wait() -> None:
    """Ten pairs with a first effect of 80 %: fewer deaths, z > 3, as Romero-Brufau et al. 2021 say from 80 % on."""
    run = lpmdsl.load(MODELS / "vaccine_delay.lpm").run(seed=1, replicates=10, scenario=["baseline", "late_second"])
    found = totals(run, "deaths")
    assert sure(found["baseline"] - found["late_second"]) > 3


def test_a_schedule_is_kept_to_the_day() -> None:
    """150 first doses a day for 21 days, then their second ones for 21, and so on; the old before anybody else."""
    run = lpmdsl.load(MODELS / "dose_schedule.lpm").run(seed=1)
    first, second = by_day(run, "first_doses"), by_day(run, "second_doses")
    days = np.arange(168)
    np.testing.assert_array_equal(first[:168], np.where(days // 21 % 2 == 0, 150, 0))
    np.testing.assert_array_equal(second[:168], np.where(days // 21 % 2 == 1, 150, 0))
    elders, adults = by_day(run, "first_doses", "elder"), by_day(run, "first_doses", "adult")
    begun = int(np.argmax(adults > 0))
    assert elders[:begun].sum() > 4_000 and elders[begun + 1 :].sum() == 0
    assert by_day(run, "first_doses", "child").sum() == 0


def test_protection_wanes_from_the_day_of_the_second_dose() -> None:
    """The mean over those who have it, worked out from the days of the doses: to 10⁻¹²."""
    more = "\nobserve seen = mean of protection[time since Dose] over Person where Dose is Second every day\n"
    run = lpmdsl.load((MODELS / "dose_schedule.lpm").read_text(encoding="utf-8") + more).run(seed=1, steps=210)
    second = by_day(run, "second_doses")
    for day in (25, 42, 100, 150, 209):
        # What is reported at the end of a day is read of those who had their doses at the beginning of it or before.
        since = day - np.arange(day)
        protected = np.interp(since, [0, 7, 60, 180], [0.52, 0.95, 0.95, 0.84])
        expected = (protected * second[:day]).sum() / second[:day].sum()
        found = run.observations.query("observation == 'seen' and time == @day")["value"].item()
        assert found == pytest.approx(expected, rel=1e-12)
