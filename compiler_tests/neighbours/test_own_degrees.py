"""Networks in which everybody has as many ties as their own attributes say."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import lpmdsl
from compiler_tests.support.four_ways import same_four_ways
from lpmdsl.diagnostics import LpmError, Report
from lpmdsl.networks.world import World
from lpmdsl.population.memory import estimate_bytes
from lpmdsl.population.people import build_world
from lpmdsl.semantics.host.evaluate import parameter_values
from lpmdsl.source import Source
from lpmdsl.syntax.formatting.text import format_module
from lpmdsl.syntax.parse import parse

TEXT = """model partners version 1.0

clock
  step 1 day
  for 20 days

parameter usual = 4

table by_group of number by group
  a 2
  b 7

agent Person count 2_000
  group category ~ categorical(a 60 %, b 40 %)
  activity number {activity}
  home place of size 3

network friends joins Person as configuration(degrees {degrees}){directed}

condition Flu of Person
  states S, I, R
  start S except 40 Person in I
  from S by contagion to I
  from I after exponential(mean 5 days) to R
  on entering R
    set activity to 1

contagion of Flu
  from I on friends at 0.2 per day

observe ill = count of Person where Flu is I every day
observe active = mean of activity over Person every day
"""


def text(degrees: str = "activity", activity: str = "~ poisson(mean usual)", directed: str = "") -> str:
    written = TEXT.format(degrees=degrees, activity=activity, directed=directed)
    return written.replace("table by_group of number by group", "table by_group by group of number")


def world_of(model: lpmdsl.LoadedModel, count: int | None = None) -> World:
    counts = None if count is None else {"Person": count}
    return build_world(model.model, parameter_values(model.model), 1, counts)


@pytest.mark.parametrize(
    ("degrees", "of"),
    [
        ("activity", lambda activity, group: activity),
        ("activity / 2 + 1", lambda activity, group: np.floor(activity / 2 + 1.5)),
        ("by_group[group]", lambda activity, group: np.array([2.0, 7.0])[group]),
        ("min(activity, 3)", lambda activity, group: np.minimum(activity, 3)),
    ],
)
def test_everybody_has_as_many_ties_as_they_say(degrees: str, of: object) -> None:
    """But for ties to oneself and doubles, of which there are about (mean square degree / mean degree)² in all."""
    world = world_of(lpmdsl.load(text(degrees)))
    wanted = of(world.attributes["Person", "activity"], world.attributes["Person", "group"])  # type: ignore[operator]
    had = np.diff(world.ties["friends"].offsets)
    assert np.all(had <= wanted), "nobody has more"
    lost = (np.mean(wanted**2) / wanted.mean()) ** 2
    assert 0 <= np.sum(wanted - had) < 2 * lost + 4 * np.sqrt(2 * lost) + 2


def test_an_odd_sum_leaves_one_tie_out() -> None:
    loaded = lpmdsl.load(text("activity", "= 1"))
    assert np.diff(world_of(loaded, 41).ties["friends"].offsets).tolist().count(0) == 1


def test_a_law_may_differ_from_person_to_person() -> None:
    """Means of group a and b within |z| < 4 of Poisson counts."""
    world = world_of(lpmdsl.load(text("poisson(mean by_group[group])")))
    had, group = np.diff(world.ties["friends"].offsets), world.attributes["Person", "group"]
    for label, mean in enumerate((2.0, 7.0)):
        own = had[group == label]
        assert abs(own.mean() - mean) < 4 * np.sqrt(mean / own.size) + 0.05


def test_directed_ties_lead_from_whom_they_are_counted_of() -> None:
    followed = text(directed=" directed back fans").replace(
        "by contagion", "at rate 0.05 per day * (count of friends where their.Flu is I)"
    )
    world = world_of(lpmdsl.load(followed.replace("contagion of Flu\n  from I on friends at 0.2 per day\n", "")))
    had, wanted = np.diff(world.ties["friends"].offsets), world.attributes["Person", "activity"]
    assert np.all(had <= wanted) and wanted.sum() - had.sum() < 60


def test_all_ways_run_alike_and_the_network_stays_as_it_was_made() -> None:
    result = same_four_ways(lpmdsl.load(text()).model, None)
    active = result.observations["active"].ravel()
    assert active[-1] < active[0] - 1, "the attribute changes"
    assert result.observations["ill"].max() > 300


def test_a_file_gives_the_degrees(tmp_path: Path) -> None:
    (tmp_path / "people.csv").write_text("ties\n" + "\n".join(str(k % 4) for k in range(400)) + "\n")
    written = text("ties").replace("agent Person count 2_000", 'agent Person from "people.csv"\n  ties number')
    (tmp_path / "m.lpm").write_text(written)
    had = np.diff(world_of(lpmdsl.load(tmp_path / "m.lpm")).ties["friends"].offsets)
    assert np.all(had <= np.arange(400) % 4) and had.sum() > 580


def test_memory_is_foreseen_from_the_attributes_law() -> None:
    few, many = (lpmdsl.load(text(activity=f"= {k}")).model for k in (2, 200))
    more = estimate_bytes(many, {"Person": 1000}) - estimate_bytes(few, {"Person": 1000})
    assert more == 198 * 16 * 1000


def test_memory_is_foreseen_where_places_are_counted_too() -> None:
    counted = text() + "observe homes = count of home every day\n"
    without, with_count = lpmdsl.load(text()).model, lpmdsl.load(counted).model
    more = estimate_bytes(with_count, {"Person": 1000}) - estimate_bytes(without, {"Person": 1000})
    assert more == 8 * 1000, "one attribute more, and the degrees are the same"
    world_of(lpmdsl.load(counted))


def test_a_line_reads_as_it_is_written() -> None:
    for degrees in ("activity", "2 * activity + 1", "poisson(mean activity + 1)"):
        line = f"network friends joins Person as configuration(degrees {degrees})\n"
        assert format_module(parse(Source("m.lpm", line.replace("degrees ", "degrees   ")), Report())) == line


# ------------------------------------------------------------------ messages


@pytest.mark.parametrize(
    ("degrees", "activity", "code", "at", "word"),
    [
        ("activty", "= 2", "E0201", (18, 55), "Did you mean `activity`?"),
        ("usual", "= 2", "E0606", (18, 47), "a number that each Person has"),
        ("home", "= 2", "E0306", (18, 55), "home"),
        ("by_group[group] - 3", "= 2", "E0316", (18, 55), "a number of ties cannot"),
        ("friends", "= 2", "E0206", (18, 55), "friends"),
    ],
)
def test_what_is_no_number_of_ties_is_told_with_its_place(
    degrees: str, activity: str, code: str, at: tuple[int, int], word: str
) -> None:
    with pytest.raises(LpmError) as raised:
        lpmdsl.load(text(degrees, activity))
    (error,) = (d for d in raised.value.report.diagnostics if d.severity == "error")
    assert (error.code, error.span.line, error.span.column) == (code, *at)
    assert word in f"{error.message} {error.help}"


@pytest.mark.parametrize(
    ("activity", "told"),
    [
        ("~ normal(mean 1, sd 5)", "for Person"),
        ("~ poisson(mean 30)", "lies between 0 and 19"),
    ],
)
def test_degrees_that_cannot_be_had_are_told_in_the_run(activity: str, told: str) -> None:
    loaded = lpmdsl.load(text(activity=activity))
    with pytest.raises(LpmError, match=told) as raised:
        world_of(loaded, 20)
    (error,) = raised.value.report.diagnostics
    assert (error.code, error.span.line, error.span.column) == ("E0649", 18, 55)
