"""Directed networks: every way of running alike, the laws of what is drawn, both ends, and messages."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import lpmdsl
from compiler_tests.support.four_ways import assert_all_seen, same_four_ways, same_on_gpu
from lpmdsl.diagnostics import LpmError, Report
from lpmdsl.networks.directed import directed_graph, ends, to_rows, turned
from lpmdsl.networks.generators import NETWORKS
from lpmdsl.networks.storage.csr import Unbuildable
from lpmdsl.networks.world import Ties, World
from lpmdsl.population.people import build_world
from lpmdsl.semantics.host.evaluate import parameter_values
from lpmdsl.source import Source
from lpmdsl.syntax.formatting.text import format_module
from lpmdsl.syntax.parse import parse

TEXT = """model following version 1.0

clock
  step 1 day
  from 2024-01-01 for 12 days

agent Person count 300
  x number ~ uniform(0, 1)
  heard number = 0
  praise number = 0
  group category ~ categorical(a 50 %, b 50 %)

network follows joins Person {how}{more}

condition Idea of Person
  states Deaf, Convinced, Gone
  start Deaf except 30 Person in Convinced
  from Deaf at rate 0.1 per day * (count of follows where their.Idea is Convinced) to Convinced
  from Convinced after exponential(mean 20 days) to Gone
  removed in Gone

rule listen of Person
  pick one of follows by weight their.x
    add 1 to their.praise
  each of followers where their.x < x
    add their.x to heard

observe out = sum of (count of follows) over Person
observe inward = sum of (count of followers) over Person
observe loved = mean of (max of their.x over followers else 0) over Person
observe convinced = count of Person where Idea is Convinced every day
observe praised = sum of praise over Person every day
observe heard_all = sum of heard over Person every day
"""
ER = "as erdos_renyi(degree 5) directed back followers"


def world_of(model: lpmdsl.LoadedModel) -> World:
    return build_world(model.model, parameter_values(model.model), 1)


@pytest.mark.parametrize("more", ["", " where x > 0.2", " on weekdays"])
def test_all_ways_go_along_ties_alike(more: str) -> None:
    result = same_four_ways(lpmdsl.load(TEXT.format(how=ER, more=more)).model, None)
    assert_all_seen(result)
    assert np.array_equal(result.observations["out"], result.observations["inward"]), "each tie has two ends"


def test_a_gpu_goes_along_ties_alike() -> None:
    same_on_gpu(lpmdsl.load(TEXT.format(how=ER, more="")).model, 100, steps=5)


def test_a_line_reads_as_it_is_written() -> None:
    line = f"network follows joins Person {ER} where x > 0.2 on weekdays\n"
    assert format_module(parse(Source("m.lpm", line.replace(" directed", "   directed")), Report())) == line


def test_a_file_leads_from_source_to_target(tmp_path: Path) -> None:
    """0 → 1, 0 → 2, 2 → 0, once twice and once to itself: who follows whom, seen from both ends."""
    (tmp_path / "follows.csv").write_text("target,source\n1,0\n2,0\n0,2\n1,0\n1,1\n")
    (tmp_path / "m.lpm").write_text(
        "model three\n\nclock\n  step 1 day\n  for 2 days\n\nagent Person count 3\n  n number = 0\n\n"
        'network follows joins Person from "follows.csv" directed back followers\n\n'
        "rule number of Person\n  set n to 10 * (count of follows) + count of followers\n\n"
        "observe n_all = sum of n over Person every day\n"
        "observe most = max of n over Person every day\n"
    )
    loaded = lpmdsl.load(tmp_path / "m.lpm")
    world = world_of(loaded)
    assert world.ties["follows"].offsets.tolist() == [0, 2, 2, 3]
    assert world.ties["follows"].targets.tolist() == [1, 2, 0]
    assert world.ties["followers"].offsets.tolist() == [0, 1, 2, 3]
    assert world.ties["followers"].targets.tolist() == [2, 0, 0]
    assert world.tie_counts({"follows": "Person"}) == {"follows": 3, "followers": 3}
    result = same_four_ways(loaded.model, None)
    assert result.observations["n_all"].ravel()[-1] == 33
    assert result.observations["most"].ravel()[-1] == 21


@pytest.mark.parametrize("suffix", ["edgelist", "gml"])
def test_a_graph_file_is_directed_where_it_can_be(tmp_path: Path, suffix: str) -> None:
    nodes = "".join(f'  node [ id {k} label "{k}" ]\n' for k in range(3))
    files = {"edgelist": "0 1\n1 0\n2 0\n", "gml": f"graph [\n{nodes}  edge [ source 0 target 1 ]\n]\n"}
    (tmp_path / f"g.{suffix}").write_text(files[suffix])
    text = TEXT.replace("count 300", "count 3").replace("except 30 ", "except 1 ")
    (tmp_path / "m.lpm").write_text(text.format(how=f'from "g.{suffix}" directed back followers', more=""))
    if suffix == "gml":
        with pytest.raises(LpmError, match="mutual") as raised:
            lpmdsl.load(tmp_path / "m.lpm")
        assert {d.code for d in raised.value.report.diagnostics} == {"E1121"}
        return
    ties = world_of(lpmdsl.load(tmp_path / "m.lpm")).ties["follows"]
    assert (ties.offsets.tolist(), ties.targets.tolist()) == ([0, 1, 2, 3], [1, 0, 0])


# ------------------------------------------------------------------ laws


def made(name: str, n: int, seed: int, **arguments: object) -> Ties:
    return directed_graph(NETWORKS[name], n, arguments, seed, (77, 78))  # type: ignore[arg-type]


def test_every_ordered_pair_is_tied_with_the_same_chance() -> None:
    """4 000 graphs of four agents: each of 12 ordered pairs by itself, and both ways of a pair apart; |z| < 4."""
    chance, graphs = 0.3, 4_000
    seen = np.zeros((4, 4))
    both = 0
    for seed in range(graphs):
        rows, others = ends(made("erdos_renyi", 4, seed, probability=chance))
        tied = np.zeros((4, 4))
        tied[rows, others] = 1
        seen += tied
        both += int(tied[0, 1] * tied[1, 0])
    apart = ~np.eye(4, dtype=bool)
    spread = np.sqrt(graphs * chance * (1 - chance))
    assert np.all(np.abs(seen[apart] - graphs * chance) < 4 * spread) and not seen[~apart].any()
    assert abs(both - graphs * chance**2) < 4 * np.sqrt(graphs * chance**2)


def test_the_rows_of_a_block_table_are_their_own() -> None:
    """Ties of group a to b and of b to a differ as the table says; |z| < 4 of Poisson counts."""
    groups = (np.arange(6_000) % 3 == 0).astype(np.uint8)
    means = np.array([[4.0, 1.0], [0.0, 2.0]])
    ties = made("stochastic_block", 6_000, 3, ties=means, groups=groups)
    rows, others = ends(ties)
    for a, b in np.ndindex(2, 2):
        expected = np.count_nonzero(groups == a) * means[a, b]
        found = np.count_nonzero((groups[rows] == a) & (groups[others] == b))
        assert abs(found - expected) <= 4 * np.sqrt(expected)
    with pytest.raises(Unbuildable, match="ties to others"):
        made("stochastic_block", 6, 3, ties=np.full((2, 2), 5.0), groups=groups[:6])


def test_newcomers_follow_those_who_were_there() -> None:
    ties = made("scale_free", 500, 1, links=3)
    rows, others = ends(ties)
    assert np.all(rows > others) and np.all(np.diff(ties.offsets)[4:] == 3)
    assert np.bincount(others, minlength=500)[:20].mean() > 5 * np.bincount(others, minlength=500)[250:].mean()


def test_drawn_degrees_count_the_ties_from_an_agent() -> None:
    """Others are drawn evenly: in-degrees of 20 000 with 10 ties each have a variance near their mean; |z| < 4."""
    n = 20_000
    ties = made("configuration", n, 5, degrees=np.full(n, 10))
    rows, others = ends(ties)
    degrees, inwards = np.diff(ties.offsets), np.bincount(others, minlength=n)
    assert degrees.max() == 10 and degrees.sum() > 9.99 * n and not np.any(rows == others)
    assert abs(inwards.var(ddof=1) / inwards.mean() - 1) < 4 * np.sqrt(2 / n) + 0.001
    assert np.array_equal(made("configuration", n, 5, degrees=np.full(n, 10)).targets, ties.targets)
    with pytest.raises(Unbuildable):
        made("configuration", 5, 5, degrees=np.full(5, 5))


def test_turned_twice_is_the_same() -> None:
    ties, first = to_rows(6, np.array([3, 0, 5, 3, 3, 2]), np.array([1, 5, 0, 1, 0, 2]))
    assert first.tolist() == [1, 4, 0, 2], "the first of two alike, none to oneself"
    again = turned(turned(ties))
    assert np.array_equal(again.offsets, ties.offsets) and np.array_equal(again.targets, ties.targets)
    rows, others = ends(turned(ties))
    assert list(zip(rows, others, strict=True)) == [(0, 3), (0, 5), (1, 3), (5, 0)]


# ------------------------------------------------------------------ messages


@pytest.mark.parametrize(
    ("how", "more", "code", "at"),
    [
        ("as small_world(degree 4, rewiring 10 %) directed back followers", "", "E1120", (13, 70)),
        ("as ring(degree 4) directed back followers", "", "E1120", (13, 48)),
        ("as random_regular(degree 4) directed back followers", "", "E1120", (13, 58)),
        ("at random directed back followers", "", "E1121", (13, 40)),
        ("as erdos_renyi(degree 5) back followers", "", "E1122", (13, 60)),
        (ER, " with 3 contacts per day", "E1124", (13, 84)),
        ("as erdos_renyi(degree 5) directed back Person", "", "E0202", (13, 69)),
    ],
)
def test_what_has_no_direction_is_told_with_its_place(how: str, more: str, code: str, at: tuple[int, int]) -> None:
    with pytest.raises(LpmError) as raised:
        lpmdsl.load(TEXT.format(how=how, more=more))
    found = [d for d in raised.value.report.diagnostics if d.code == code]
    assert found, [(d.code, d.message) for d in raised.value.report.diagnostics]
    assert (found[0].span.line, found[0].span.column) == at


def test_words_stay_names_elsewhere() -> None:
    """An old model may call things `directed` and `back`."""
    text = TEXT.format(how="as erdos_renyi(degree 5) directed back directed", more="").replace("followers", "directed")
    assert (
        lpmdsl.load(text.replace("heard", "back").replace("back_all", "heard_all")).model.networks[1].name == "directed"
    )
