"""Sight of neighbours: every way of running alike, and exact values on small graphs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import lpmdsl
from compiler_tests.support.four_ways import assert_all_seen, same_four_ways, same_on_gpu
from lpmdsl.diagnostics import LpmError
from lpmdsl.population.people import build_world
from lpmdsl.semantics.host.evaluate import parameter_values

EVERYTHING = Path(__file__).parent / "everything_seen.lpm"


@pytest.mark.parametrize("seed", [1, 2])
def test_all_ways_see_the_same(seed: int) -> None:
    result = same_four_ways(lpmdsl.load(EVERYTHING).model, 600, seed)
    assert_all_seen(result)
    at_work = result.observations["at_work"].ravel()
    assert at_work[6] == at_work[7] == 0 and at_work[8] > 0, "a network that rests on weekends joins nobody then"


def test_a_gpu_sees_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    same_on_gpu(lpmdsl.load(EVERYTHING).model, 200, steps=8)


SMALL = """model small version 1.0

clock
  step 1 day
  for 3 days

agent Person count {count}
  x number ~ uniform(0, 1)
  group category ~ categorical(a 50 %, b 50 %)
{more}
network friends joins Person {how}

observe degree = mean of (count of friends) over Person every day
observe seen = {seen}
"""


def small(seen: str, count: int = 2_000, how: str = "as erdos_renyi(degree 5)", more: str = "") -> lpmdsl.LoadedModel:
    return lpmdsl.load(SMALL.format(seen=seen, count=count, how=how, more=more))


def test_friends_have_more_friends_by_the_degrees_alone() -> None:
    """Each of k friends of everybody counts its friends: Σ k² / Σ k over the graph as it is (Feld 1991)."""
    more = "  friends_of_mine number = 0\n"
    text = SMALL.format(
        seen="sum of (sum of their.friends_of_mine over friends) over Person", count=500,
        how="as erdos_renyi(degree 5)", more=more,
    ) + """
intervention counting
  every day for Person
    set friends_of_mine to count of friends
"""  # fmt: skip
    model = lpmdsl.load(text).model
    result = same_four_ways(model, 500)
    world = build_world(model, parameter_values(model), 1)
    degrees = np.diff(world.ties["friends"].offsets)
    assert result.observations["seen"].ravel()[-1] == float(np.sum(degrees**2))
    assert result.observations["degree"].ravel()[0] == degrees.mean()


FUNCTIONS = {
    "sum": np.sum, "mean": np.mean, "min": np.min, "max": np.max, "median": np.median,
    "sd": np.std, "quantile 20 %": lambda x: np.quantile(x, 0.2),
}  # fmt: skip


@pytest.mark.parametrize("function", FUNCTIONS)
def test_summaries_are_those_of_numpy(function: str) -> None:
    model = small(f"mean of ({function} of their.x over friends else 0) over Person", 400).model
    world = build_world(model, parameter_values(model), 1, {"Person": 400})
    ties, x = world.ties["friends"], world.attributes[("Person", "x")]
    rows = [x[ties.targets[a:b]] for a, b in zip(ties.offsets[:-1], ties.offsets[1:], strict=True)]
    right = np.mean([FUNCTIONS[function](row) if len(row) else 0.0 for row in rows])
    seen = same_four_ways(model, 400).observations["seen"].ravel()[0]
    assert seen == pytest.approx(right, rel=1e-9)


def test_oneself_is_no_neighbour_in_ones_own_place() -> None:
    more = "  household place of size 4\n"
    model = small("mean of (count of friends) over Person", 400, "sharing household with 1 contact per day", more).model
    assert same_four_ways(model, 400).observations["seen"].ravel()[0] == 3.0


def test_of_equally_common_labels_one_is_taken_by_lot() -> None:
    """On a ring two neighbours differ half of the time; then either label is as likely: 50 % in all, |z| < 3."""
    model = small("share of Person where (commonest of their.group over friends) is a", 20_000,
                  "as small_world(degree 2, rewiring 0 %)").model  # fmt: skip
    seen = same_four_ways(model, 20_000).observations["seen"].ravel()[0]
    assert abs(seen - 0.5) < 3 * np.sqrt(0.25 / 20_000) * 1.5, "neighbours of neighbours share a member"


@pytest.mark.parametrize(
    ("line", "code", "column"),
    [
        ("observe wrong = mean of their.x over Person", "E1101", 25),
        ("observe wrong = count of Person where their.x > 1", "E1101", 39),
        ("observe wrong = mean of (mean of their.y over friends) over Person", "E0201", 34),
        ("observe wrong = mean of (mean of their.x over foes) over Person", "E0601", 47),
        ("observe wrong = count of friends", "E1107", 17),
        ("observe wrong = mean of (commonest of their.x over friends) over Person", "E0306", 39),
        ("observe wrong = mean of (quantile 140 % of their.x over friends else 0) over Person", "E0751", 35),
        ("parameter p = count of friends", "E1107", 15),
        ("agent Cat count 10\n  friends_seen number = count of friends", "E1107", 25),
    ],
)
def test_what_cannot_be_seen_is_told_with_its_place(line: str, code: str, column: int) -> None:
    text = SMALL.format(seen="mean of x over Person", count=100, how="as erdos_renyi(degree 5)", more="") + line + "\n"
    with pytest.raises(LpmError) as raised:
        lpmdsl.load(text)
    found = [d for d in raised.value.report.diagnostics if d.code == code]
    assert found, [d.code for d in raised.value.report.diagnostics]
    assert found[0].span.column == column


def test_a_network_of_everybody_has_no_neighbours() -> None:
    with pytest.raises(LpmError) as raised:
        small("mean of (count of friends) over Person", how="at random with 3 contacts per day")
    assert {d.code for d in raised.value.report.diagnostics} == {"E1108"}


def test_the_relaxation_refuses_a_look_at_neighbours() -> None:
    with pytest.raises(LpmError, match="neighbours") as raised:
        lpmdsl.load(EVERYTHING).gradient("total of convinced", ["press"], replicates=4, estimator="relaxation")
    assert "E0846" in {d.code for d in raised.value.report.diagnostics}


def test_a_hazard_by_neighbours_has_a_certified_gradient() -> None:
    loaded = lpmdsl.load(EVERYTHING)
    (found,) = loaded.gradient("total of convinced", ["press"], replicates=200, agents={"Person": 500})
    assert found.certificate.holds and found.gradient > 0
