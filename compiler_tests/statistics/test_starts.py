"""Starts: numbers and shares, of all or of those for whom something holds."""

from __future__ import annotations

import numpy as np
import pytest

from compiler_tests.example_models.behaviour_models import checked
from lpmdsl.diagnostics import LpmError, Report
from lpmdsl.population.people import build_world, start_states
from lpmdsl.runtime.gradients.relaxed.inputs import start_chances
from lpmdsl.semantics.host.evaluate import parameter_values
from lpmdsl.source import Source
from lpmdsl.syntax.formatting.text import format_module
from lpmdsl.syntax.parse import parse

MODEL = """model s version 1.0
clock
  step 1 day
  for 3 days
parameter few = 3 people
agent Person count 1_000
  home category ~ categorical("Town 1" 30 %, "Town 2" 70 %)
condition Flu of Person
  states S, E, I, R
  start S {start}
  from S at rate 0.1 per day to E
  from E at rate 0.1 per day to I
  from I at rate 0.1 per day to R
observe e = count of Person where Flu is E
"""


def states(start: str, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """The start states, and 0 or 1 for the town of everybody."""
    model = checked(MODEL.format(start=start))
    values = parameter_values(model)
    world = build_world(model, values, seed)
    return start_states(model, world, values, seed, 0)["Flu"], world.attributes[("Person", "home")]


def test_a_share_in_per_cent_is_the_share() -> None:
    plain, _ = states("except share 1 % in E")
    short, _ = states("except 1 % in E")
    assert (plain == short).all() and (plain == 1).sum() == 10


def test_people_are_those_whose_condition_it_is() -> None:
    named, _ = states("except 10 Person in E")
    people, _ = states("except 10 people in E")
    assert (named == people).all() and (people == 1).sum() == 10


def test_a_number_is_drawn_among_those_for_whom_it_holds() -> None:
    found, home = states(
        'except 10 Person where home is "Town 1" in E except few people where home is "Town 1" in I\n'
        '  except 20 % where home is "Town 2" in R'
    )
    assert ((found == 1).sum(), (found == 2).sum()) == (10, 3)
    assert (home[(found == 1) | (found == 2)] == 0).all()
    assert (found == 3).sum() == round(0.2 * (home == 1).sum()) and (home[found == 3] == 1).all()


def test_who_is_drawn_hangs_on_the_seed() -> None:
    drawn = [tuple(np.flatnonzero(states('except 10 people where home is "Town 1" in E', s)[0] == 1)) for s in (1, 2)]
    assert drawn[0] != drawn[1]


def test_too_few_for_whom_it_holds() -> None:
    start = 'except 300 Person where home is "Town 1" in E except 50 Person where home is "Town 1" in I'
    with pytest.raises(LpmError) as caught:
        states(start)
    assert [d.code for d in caught.value.report.diagnostics] == ["E0810"]
    assert "`where` holds for 3" in caught.value.report.diagnostics[0].message


def test_the_relaxed_start_is_the_share_of_those_for_whom_it_holds() -> None:
    start = (
        'except 30 Person where home is "Town 1" in E except few people in I except 10 % where home is "Town 2" in R'
    )
    model = checked(MODEL.format(start=start))
    values = parameter_values(model)
    world = build_world(model, values, 1)
    home = world.attributes[("Person", "home")]
    chance, slopes = start_chances(model.condition("Flu"), model, world, values, ("few",))
    np.testing.assert_allclose(chance.sum(axis=1), 1)
    np.testing.assert_allclose(chance.sum(axis=0)[[1, 2]], [30, 3])
    assert (chance[home == 1, 1] == 0).all() and (chance[home == 0, 3] == 0).all()
    more = start_chances(model.condition("Flu"), model, world, {**values, "few": 3.001}, ())[0]
    np.testing.assert_allclose((more - chance) / 0.001, slopes["few"], atol=1e-9)


def test_the_formatter_keeps_starts() -> None:
    for start in (
        "except 1 % in E",
        'except 10 people where home is "Town 1" in E',
        'except (2 * few) Person where home is "Town 1" and home is not "Town 2" in E',
    ):
        report = Report()
        text = MODEL.format(start=start)
        once = format_module(parse(Source("a", text), report))
        assert format_module(parse(Source("b", once), report)) == once and not report.has_errors, report.sorted()
        assert (checked(once).condition("Flu").start.exceptions[0].where is None) == ("where" not in start)
