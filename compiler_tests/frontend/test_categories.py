"""Categories: labels drawn by another category, compared with each other, and more of them than a byte holds."""

from __future__ import annotations

import numpy as np
import pytest

from compiler_tests.example_models.behaviour_models import checked, problems
from compiler_tests.support.both_backends import assert_same, request_of, runner
from lpmdsl.diagnostics import Report
from lpmdsl.population.people import build_world
from lpmdsl.semantics.host.evaluate import parameter_values
from lpmdsl.source import Source
from lpmdsl.syntax.formatting.text import format_module
from lpmdsl.syntax.parse import parse

MANY = 300
ROWS = "".join(f"  {group} t{k} {100 / MANY:.10f} %\n" for group in ("child", "adult") for k in range(MANY))
KITCHEN = f"""model kitchen version 1.0
clock
  step 1 day
  for 12 days
table towns of share
  a 50 %
  b 30 %
  c 20 %
table jobs by age_group, job of share
  child pupil 100 %
  child worker 0 %
  adult pupil 10 %
  adult worker 90 %
table commuting by home, home of share
  a a 60 %
  a b 20 %
  a c 20 %
  b a 30 %
  b b 70 %
  b c 0 %
  c a 50 %
  c b 0 %
  c c 50 %
table birthplaces by age_group, birthplace of share
{ROWS}
agent Person count 2_000
  age duration ~ uniform(0 years, 90 years)
  age_group category = band of age at 18 years named child, adult
  home category ~ towns
  job category ~ jobs[age_group]
  works_in category ~ commuting[home]
  other category one of c, d, a ~ categorical(c 20 %, d 40 %, a 40 %)
  birthplace category ~ birthplaces[age_group]
  now_in category = birthplace
network work joins Person at random with 6 contacts per day
condition Flu of Person
  states S, I, R
  start S except 100 Person where works_in is not home in I
  from S by contagion to I
  from I after gamma(shape 2, rate 0.4 per day) to R
  on entering R
    set now_in to t299
contagion of Flu
  from I on work at 0.2 per contact
  target scaled by 0.5 where works_in is home
observe out = count of Person where works_in is not home
observe same = count of Person where other is home and job is worker
observe pupils = count of Person where job is pupil by age_group
observe move = number entering I per day by works_in
observe last = count of Person where now_in is t299
observe stayed = count of Person where now_in is birthplace
observe late = number entering R per day by birthplace
intervention moving
  starts on day 3
  every day for at most 20 Person where now_in is t270 or birthplace is t280
    set now_in to t299
"""


@pytest.fixture(scope="module")
def columns() -> dict[str, np.ndarray]:
    model = checked(KITCHEN)
    world = build_world(model, parameter_values(model), 1, {"Person": 40_000})
    return {name: values for (_, name), values in world.attributes.items()}


def test_labels_are_drawn_by_the_row_of_another_category(columns: dict[str, np.ndarray]) -> None:
    """Shares within four standard errors of the table's."""
    home, works_in, shares = columns["home"], columns["works_in"], [[60, 20, 20], [30, 70, 0], [50, 0, 50]]
    for k, row in enumerate(shares):
        for j, share in enumerate(row):
            here = works_in[home == k] == j
            assert abs(here.mean() - share / 100) <= 4 * np.sqrt(share / 100 * (1 - share / 100) / here.size)
    child = columns["age_group"] == 0
    assert (columns["job"][child] == 0).all() and abs((columns["job"][~child] == 0).mean() - 0.1) < 0.01


def test_labels_that_only_the_table_names_are_those_of_its_rows() -> None:
    attributes = {a.name: a.type.labels for a in checked(KITCHEN).agents[0].attributes}
    assert attributes["job"] == ("pupil", "worker") and attributes["works_in"] == attributes["home"] == ("a", "b", "c")
    assert len(attributes["birthplace"]) == MANY


def test_more_labels_than_a_byte_holds_are_drawn_evenly(columns: dict[str, np.ndarray]) -> None:
    found = np.bincount(columns["birthplace"], minlength=MANY)
    assert columns["birthplace"].dtype == np.int32 and found.size == MANY
    assert ((found - 40_000 / MANY) ** 2 / (40_000 / MANY)).sum() < MANY + 5 * np.sqrt(2 * MANY)


def test_both_back_ends_agree_and_count_right() -> None:
    """One model with all of it: compiled once."""
    model = checked(KITCHEN)
    request = request_of(model, 2_000)
    reference = runner(model, "reference")(request)
    assert_same(runner(model, "cpu")(request), reference)
    people = {name: values for (_, name), values in request.world.attributes.items()}
    seen = {name: values[0] for name, values in reference.observations.items()}
    assert seen["out"][0] == (people["works_in"] != people["home"]).sum() > 500
    same = np.array(["c", "d", "a"])[people["other"]] == np.array(["a", "b", "c"])[people["home"]]
    assert seen["same"][0] == (same & (people["job"] == 1)).sum() > 100
    last = reference.observations["last"]
    assert last[0, 0] == (people["birthplace"] == 299).sum() and last[-1, 0] > last[0, 0] + 50


def test_the_formatter_keeps_them() -> None:
    report = Report()
    once = format_module(parse(Source("a", KITCHEN), report))
    assert "job category ~ jobs[age_group]" in once and "works_in is not home" in once
    assert format_module(parse(Source("b", once), report)) == once and not report.has_errors


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("  child worker 0 %\n", "  child worker 10 %\n", "E0405"),
        ("  child worker 0 %\n", "", "E0401"),
        ("~ jobs[age_group]", "~ jobs", "E0312"),
        ("~ jobs[age_group]", "~ jobs[age_group, home]", "E0312"),
        ("~ jobs[age_group]", "~ jobs[home]", "E0412"),
        ("~ jobs[age_group]", "~ jbos[age_group]", "E0603"),
        ("works_in is not home", "works_in is not job", "E0307"),
        ("works_in is not home", "works_in is not hme", "E0307"),
        ("category = birthplace", "category = home", "E0307"),
    ],
)
def test_what_cannot_be_is_told(old: str, new: str, code: str) -> None:
    assert code in problems(KITCHEN.replace(old, new, 1))


def test_a_category_of_too_many_labels_is_told() -> None:
    labels = ", ".join(f"t{k}" for k in range(65_536))
    assert problems(
        KITCHEN.replace("one of c, d, a ~ categorical(c 20 %, d 40 %, a 40 %)", f"one of {labels} = t0")
    ) == ["E0882"]
