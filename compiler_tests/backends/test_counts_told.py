"""Running totals and counts per 100 000 people: what the counts themselves give, on every back end."""

from __future__ import annotations

import numpy as np
import pytest

from compiler_tests.support.agreement import agreed, checked, formatted, found
from lpmdsl.semantics import model as m

TEXT = """model told version 1.0

clock
  step 1 day
  for 28 days

agent Person count 400
  age duration ~ uniform(0 years, 80 years)
  old yes/no = age > 60 years

network friends joins Person as erdos_renyi(degree 6) with 6 contacts per day

condition Flu of Person
  states S, I, R
  start S except 20 Person in I
  from S by contagion to I
  from I after fixed(5 days) to R

contagion of Flu
  from I on friends at 0.1 per contact

observe cases = number entering I per week by old
observe old_people = count of Person where old every week
observe ever = cumulative number entering I per week by old
observe incidence = number entering I per week per 100_000
observe by_group = number entering I per week per 1_000 by old
observe ever_old = cumulative number going from S to I per week per 1_000 where old
observe doses = cumulative number of campaign per day per 100_000

intervention campaign
  starts on day 3
  stops on day 10
  every day for at most 10 Person
    move Flu to R
"""


def test_counts_are_told_as_written_on_every_back_end() -> None:
    seen = agreed(TEXT).observations
    cases = seen["cases"]
    old = seen["old_people"][0, 0]
    people = np.array([400 - old, old])
    assert np.array_equal(seen["ever"], cases.cumsum(axis=0))
    np.testing.assert_allclose(seen["incidence"][:, 0], cases.sum(axis=1) * 100_000 / 400, rtol=1e-12)
    np.testing.assert_allclose(seen["by_group"], cases * 1_000 / people, rtol=1e-12)
    np.testing.assert_allclose(seen["ever_old"][:, 0], cases[:, 1].cumsum() * 1_000 / old, rtol=1e-12)
    assert seen["doses"][-1, 0] == pytest.approx(7 * 10 * 100_000 / 400)


def test_counts_that_are_told_otherwise_are_not_reported_themselves() -> None:
    model = checked(TEXT)
    assert [o.name for o in model.reported] == [
        "cases", "old_people", "ever", "incidence", "by_group", "ever_old", "doses",
    ]  # fmt: skip
    units = {o.name: o.unit for o in model.reported}
    assert (
        units["ever"] == "people" and units["incidence"] == "per week per 100,000" and units["doses"] == "per 100,000"
    )


def test_other_observations_change_no_thinned_count_that_is_told_per_person() -> None:
    thinned = TEXT.replace("per week per 100_000", "per week per 100_000 thinned by 30 %")
    alone = thinned.replace("observe by_group = number entering I per week per 1_000 by old\n", "")
    runs = [agreed(text, seed=4).observations["incidence"] for text in (thinned, alone)]
    assert np.array_equal(runs[0], runs[1])
    assert 0 < runs[0].sum() < 28 * 100_000


@pytest.mark.parametrize("clause", ["every 3 days", "by age"])
def test_clauses_that_do_not_belong_are_refused_as_on_a_count(clause: str) -> None:
    text = TEXT.replace("number entering I per week per 100_000", f"number entering I per week per 100_000 {clause}")
    (refused,) = [d for d in found(text) if d.severity == "error"]
    assert refused.code in ("E0704", "E0715")


def test_a_count_told_per_person_is_a_formula() -> None:
    model = checked(TEXT)
    assert all(isinstance(model.observation(name).value, m.Derived) for name in ("ever", "incidence", "doses"))


def test_counts_that_are_told_otherwise_are_written_back_as_they_are() -> None:
    lines = [line for line in TEXT.splitlines() if line.startswith("observe")]
    assert [line for line in formatted(TEXT).splitlines() if line.startswith("observe")] == lines


def test_people_of_three_kinds_are_added_up() -> None:
    kinds = {"Cow": 100, "Pig": 200, "Hen": 500}
    agents = "".join(f"agent {kind} count {count}\n  seen number = 0\n" for kind, count in kinds.items())
    blocks = "".join(
        f"intervention visit_{kind}\n  every day for 4 {kind}\n    set seen to seen + 1\n"
        f"observe seen_{kind} = mean of seen over {kind} every day\n"
        for kind in kinds
    )
    text = (
        f"model farms version 1.0\nclock\n  step 1 day\n  for 5 days\n{agents}{blocks}"
        "observe visits = number of visit_Cow, visit_Pig, visit_Hen per day per 1_000\n"
    )
    np.testing.assert_allclose(agreed(text, agents=100).observations["visits"], 12 * 1_000 / 800, rtol=1e-12)
