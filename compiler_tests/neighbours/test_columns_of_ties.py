"""Columns of ties: every way of running alike, sums by numpy on the graph as it is, and messages."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import networkx as nx
import numpy as np
import pytest

import lpmdsl
from compiler_tests.support.both_backends import assert_same, request_of, runner
from compiler_tests.support.four_ways import assert_all_seen, same_four_ways, same_on_gpu
from lpmdsl.diagnostics import LpmError, Report
from lpmdsl.networks.directed import ends
from lpmdsl.networks.world import World
from lpmdsl.population.people import build_world
from lpmdsl.semantics.host.evaluate import parameter_values
from lpmdsl.source import Source
from lpmdsl.syntax.formatting.text import format_module
from lpmdsl.syntax.parse import parse

EVERYTHING = Path(__file__).parent / "everything_of_ties.lpm"
AGENTS, TIES = 120, 400


def write_ties(folder: Path) -> None:
    """A table of ties in no order, none of them there twice whichever end comes first."""
    rng = np.random.default_rng(3)
    pairs: dict[tuple[int, int], None] = {}
    while len(pairs) < TIES:
        a, b = (int(x) for x in rng.integers(0, AGENTS, 2))
        if a != b and (b, a) not in pairs:
            pairs[a, b] = None
    kinds = ("family", "work", "club")
    lines = [
        f"{a},{b},{rng.random() * 3:.3f},{'yes' if rng.random() < 0.4 else 'no'},{kinds[rng.integers(3)]},"
        f"{rng.integers(1, 900)},{rng.random():.3f}"
        for a, b in pairs
    ]
    (folder / "ties.csv").write_text("source,target,weight,close,kind,known [days],strength\n" + "\n".join(lines))


def everything(folder: Path, directed: bool) -> lpmdsl.LoadedModel:
    write_ties(folder)
    text = EVERYTHING.read_text(encoding="utf-8")
    if not directed:
        text = text.replace(" directed back admirers", "").replace("admirers", "friends")
    (folder / "m.lpm").write_text(text)
    return lpmdsl.load(folder / "m.lpm")


def world_of(loaded: lpmdsl.LoadedModel) -> World:
    return build_world(loaded.model, parameter_values(loaded.model), 1)


@pytest.mark.parametrize("directed", [True, False])
def test_all_ways_read_the_same_of_ties(tmp_path: Path, directed: bool) -> None:
    result = same_four_ways(everything(tmp_path, directed).model, None)
    assert_all_seen(result)


def test_a_gpu_reads_the_same_of_ties(tmp_path: Path) -> None:
    same_on_gpu(everything(tmp_path, directed=True).model, None, steps=5)


@pytest.mark.parametrize("directed", [True, False])
def test_sums_are_those_of_numpy_over_the_rows_of_the_file(tmp_path: Path, directed: bool) -> None:
    loaded = everything(tmp_path, directed)
    result = same_four_ways(loaded.model, None).observations
    x = world_of(loaded).attributes["Person", "x"]
    table = np.genfromtxt(tmp_path / "ties.csv", delimiter=",", skip_header=1, dtype=str)
    a, b = table[:, 0].astype(int), table[:, 1].astype(int)
    weight, known, close = table[:, 2].astype(float), table[:, 5].astype(float), table[:, 3] == "yes"
    if not directed:
        a, b = np.concatenate((a, b)), np.concatenate((b, a))
        weight, known, close = (np.tile(column, 2) for column in (weight, known, close))
    top, below = (np.bincount(a, w, AGENTS) for w in (weight * x[b], weight))
    means = np.where(below > 0, top / np.where(below > 0, below, 1), 0.0)
    assert result["felt"].ravel()[0] == pytest.approx(means.mean(), rel=1e-9)
    longest = np.zeros(AGENTS)
    np.maximum.at(longest, b, known)
    assert result["longest"].ravel()[0] == pytest.approx(longest.mean(), rel=1e-12)
    assert result["close_ones"].ravel()[0] == np.count_nonzero(close)


def graph_of(table: Path, directed: bool) -> nx.Graph:
    """The rows of a table of ties as a graph: numbers as numbers, yes and no as truths."""
    header, *lines = [line.split(",") for line in table.read_text().splitlines()]
    graph = nx.DiGraph() if directed else nx.Graph()
    graph.add_nodes_from(map(str, range(AGENTS)))
    for a, b, *cells in lines:
        said = {"yes": True, "no": False}
        values = (said[c] if c in said else float(c) if c[0].isdigit() else c for c in cells)
        graph.add_edge(a, b, **dict(zip(header[2:], values, strict=True)))
    return graph


@pytest.mark.parametrize("directed", [True, False])
@pytest.mark.parametrize("write", [nx.write_graphml, nx.write_gexf, nx.write_edgelist], ids=lambda w: w.__name__)
def test_a_graph_file_says_what_a_table_says(tmp_path: Path, write: Callable[..., Any], directed: bool) -> None:
    of_table = everything(tmp_path, directed)
    suffix = write.__name__.removeprefix("write_").removesuffix("_lxml")
    write(graph_of(tmp_path / "ties.csv", directed), tmp_path / f"ties.{suffix}")
    (tmp_path / "g.lpm").write_text((tmp_path / "m.lpm").read_text().replace("ties.csv", f"ties.{suffix}"))
    of_graph = lpmdsl.load(tmp_path / "g.lpm")
    assert not of_graph.report.diagnostics
    one, other = (world_of(made).ties["friends"] for made in (of_table, of_graph))
    assert np.array_equal(one.targets, other.targets) and np.array_equal(one.offsets, other.offsets)
    for name, column in one.columns.items():
        if name == "kind":  # labels are sorted in both, so their numbers are the same
            assert len(set(column.tolist())) == 3
        assert np.array_equal(column, other.columns[name]), name
    results = [runner(made.model, "cpu")(request_of(made.model, None, 1)) for made in (of_table, of_graph)]
    assert_same(*results)


def test_a_graph_file_is_refused_with_the_tie_that_is_wrong(tmp_path: Path) -> None:
    graph = nx.DiGraph([("0", "1", {"weight": 1.5}), ("1", "2", {"weight": "heavy"}), ("2", "0", {})])
    nx.write_edgelist(graph, tmp_path / "ties.edgelist")
    for line, code, told in (
        ("  weight number\n", "E0408", "Tie 2 of `ties.edgelist`, column `weight`, is `heavy`"),
        ("  weight category\n", "E0415", "Tie 3 of `ties.edgelist`, column `weight`, is empty"),
        ("  volume number\n", "E0407", "has no column `volume`"),
    ):
        with pytest.raises(LpmError) as raised:
            loaded(tmp_path, how='from "ties.edgelist" directed', line=line)
        found = next(d for d in raised.value.report.diagnostics if d.severity == "error")
        assert (found.code, found.span.line) == (code, 11) and told in found.message, found
    nx.write_gexf(nx.DiGraph([(0, 1, {"weight": 1}), (1, 0, {"weight": 2})]), tmp_path / "ties.gexf")
    with pytest.raises(LpmError) as raised:
        world_of(loaded(tmp_path, how='from "ties.gexf"'))
    (found,) = raised.value.report.diagnostics
    assert found.code == "E1129"
    assert found.message.startswith("Tie 2 of `ties.gexf`, column `weight`, is `2.0`: tie 1 is the same mutual tie")


def test_rows_stay_beside_their_ties_from_both_ends(tmp_path: Path) -> None:
    ties = world_of(everything(tmp_path, directed=True)).ties
    seen = {}
    for name in ("friends", "admirers"):
        rows, others = ends(ties[name])
        pairs = zip(rows, others, strict=True) if name == "friends" else zip(others, rows, strict=True)
        seen[name] = dict(zip(pairs, ties[name].columns["weight"], strict=True))
    written = [line.split(",") for line in (tmp_path / "ties.csv").read_text().splitlines()[1:]]
    assert seen["friends"] == seen["admirers"] == {(int(a), int(b)): float(w) for a, b, w, *_ in written}
    assert ties["friends"].columns["kind"].dtype == np.uint8


def test_a_pick_by_weight_is_in_proportion_to_it(tmp_path: Path) -> None:
    """One with ties of weight 1, 2 and 5 in 4 000 steps: counts of 8ths, |z| < 4 each."""
    (tmp_path / "ties.csv").write_text("source,target,weight\n0,1,1\n0,2,2\n0,3,5\n")
    (tmp_path / "m.lpm").write_text(
        "model pick\n\nclock\n  step 1 day\n  for 4000 days\n\nagent Person count 4\n  n number = 0\n"
        "  paid number = 0\n\n"
        'network pays joins Person from "ties.csv" directed\n  weight number\n\n'
        "rule pay of Person\n  pick one of pays by weight tie.weight\n    add tie.weight to their.n\n"
        "    add tie.weight to paid\n  and where paid > 0\n    add tie.weight to paid\n\n"
        "observe most = max of n over Person every 4000 days\n"
        "observe given = sum of n over Person every 4000 days\n"
        "observe paid_all = sum of paid over Person every 4000 days\n"
    )
    result = same_four_ways(lpmdsl.load(tmp_path / "m.lpm").model, None).observations
    most, given, paid = (result[name].ravel()[-1] for name in ("most", "given", "paid_all"))
    steps = 4_000
    assert abs(most / 5 - steps * 5 / 8) < 4 * np.sqrt(steps * 15 / 64)
    of_one_and_two = given - most  # 1 with chance 1/8 and 2 with 2/8: mean 5/8, mean square 9/8
    assert abs(of_one_and_two - steps * 5 / 8) < 4 * np.sqrt(steps * (9 / 8 - 25 / 64))
    assert paid == 2 * given, "whom one has picked stays in view of `and`, and so does the tie"


def test_lines_below_a_network_read_as_they_are_written() -> None:
    text = (
        'network trade joins Farm from "trade.csv" directed back suppliers\n  ## In a year.\n  volume number\n'
        "  kind category one of cattle, feed missing as feed\n  # of both\n  a, b share\n"
        "\nobserve x = mean of (sum of tie.volume over trade) over Farm\n"
    )
    made = format_module(parse(Source("m.lpm", text), Report()))
    assert made.startswith(text[: text.index("\nobserve")])
    assert format_module(parse(Source("m.lpm", made), Report())) == made


# ------------------------------------------------------------------ messages

TEXT = """model broken

clock
  step 1 day
  for 3 days

agent Person count 4
  x number ~ uniform(0, 1)

network friends joins Person {how}
{line}
network others joins Person as erdos_renyi(degree 2)

rule meet of Person
  {opener}
    add {value} to x

observe seen = mean of ({seen}) over Person
observe met = mean of (count of others) over Person
"""
RIGHT = {
    "how": 'from "ties.csv"', "line": "  weight number\n", "opener": "each of friends", "value": "tie.weight",
    "seen": "sum of tie.weight over friends", "rows": "0,1,2\n1,2,3\n",
}  # fmt: skip


def loaded(folder: Path, **changes: str) -> lpmdsl.LoadedModel:
    parts = RIGHT | changes
    (folder / "ties.csv").write_text("source,target,weight\n" + parts.pop("rows"))
    (folder / "m.lpm").write_text(TEXT.format(**parts))
    return lpmdsl.load(folder / "m.lpm")


@pytest.mark.parametrize(
    ("changes", "code", "at"),
    [
        ({"seen": "tie.weight"}, "E1125", (19, 25)),
        ({"opener": "pick one of other Person"}, "E1125", (17, 9)),
        ({"opener": "always"}, "E1125", (17, 9)),
        ({"seen": "sum of tie.wieght over friends"}, "E1126", (19, 36)),
        ({"seen": "sum of tie.weight over others"}, "E1126", (19, 36)),
        ({"how": "as erdos_renyi(degree 2)"}, "E1127", (11, 3)),
        ({"how": "at random"}, "E1127", (11, 3)),
        ({"line": "  weight number = 1\n"}, "E1128", (11, 3)),
        ({"line": "  weight number\n  weight share\n"}, "E0202", (12, 3)),
        ({"line": "  volume number\n"}, "E0407", (11, 3)),
        ({"line": "  weight colour\n"}, "E0101", (11, 10)),
        ({"line": "  friends are nice\n"}, "E0101", (11, 11)),
        ({"line": "  weight yes/no\n"}, "E0306", (19, 32)),
        ({"line": "  weight share\n"}, "E0414", (11, 3)),
        ({"rows": "0,1,2\n1,2,much\n"}, "E0408", (11, 3)),
        ({"rows": "0,1,2\n1,2,\n"}, "E0415", (11, 3)),
    ],
)
def test_what_is_wrong_is_told_with_its_place(
    tmp_path: Path, changes: dict[str, str], code: str, at: tuple[int, int]
) -> None:
    with pytest.raises(LpmError) as raised:
        loaded(tmp_path, **changes)
    found = [(d.code, (d.span.line, d.span.column)) for d in raised.value.report.diagnostics]
    assert (code, at) in found, found


@pytest.mark.parametrize("how", ['from "tise.csv"', "as small_wrld(degree 2)", "as ring(degree 2) directed"])
def test_a_network_that_is_wrong_is_told_once(tmp_path: Path, how: str) -> None:
    with pytest.raises(LpmError) as raised:
        loaded(tmp_path, how=how, line="" if how.startswith("as") else "  weight number\n")
    assert len(raised.value.report.diagnostics) == 1, [d.message for d in raised.value.report.diagnostics]


@pytest.mark.parametrize(
    ("directed", "rows", "told"),
    [
        ("", "0,1,2\n1,2,3\n1,0,2.5\n", "Row 4 of `ties.csv`, column `weight`, is `2.5`: row 2 is the same mutual tie"),
        (" directed", "0,1,2\n1,0,3\n0,1,4\n", "Row 4 of `ties.csv`, column `weight`, is `4`: row 2 is the same tie,"),
    ],
)
def test_a_tie_that_contradicts_itself_is_told_with_both_rows(
    tmp_path: Path, directed: str, rows: str, told: str
) -> None:
    made = loaded(tmp_path, how=f'from "ties.csv"{directed}', rows=rows)
    with pytest.raises(LpmError) as raised:
        world_of(made)
    (found,) = raised.value.report.diagnostics
    assert found.code == "E1129" and found.message.startswith(told), found.message


def test_a_tie_that_says_the_same_twice_is_one(tmp_path: Path) -> None:
    ties = world_of(loaded(tmp_path, rows="0,1,2\n1,0,2\n2,2,9\n")).ties["friends"]
    assert (ties.targets.tolist(), ties.columns["weight"].tolist(), ties.mutual) == ([1, 0], [2.0, 2.0], True)


def test_a_name_may_be_tie() -> None:
    text = "model tied\n\nclock\n  step 1 day\n  for 3 days\n\nagent Person count 4\n  tie number = 1\n\n"
    assert lpmdsl.load(f"{text}observe ties = sum of tie over Person\n").model.observations


def test_columns_that_nobody_names_are_told(tmp_path: Path) -> None:
    made = loaded(tmp_path, line="", value="1", seen="count of friends")
    assert [d.code for d in made.report.diagnostics] == ["W0653"]
    assert not loaded(tmp_path).report.diagnostics


def test_the_relaxation_refuses_what_is_said_of_ties(tmp_path: Path) -> None:
    made = everything(tmp_path, directed=True)
    with pytest.raises(LpmError) as raised:
        made.gradient("total of new", ["press"], replicates=4, estimator="relaxation")
    assert "E0846" in {d.code for d in raised.value.report.diagnostics}


def test_an_editor_offers_the_columns_after_the_dot(tmp_path: Path) -> None:
    from lpmdsl.editor.known.workspace import Workspace
    from lpmdsl.editor.questions.completion import completion

    write_ties(tmp_path)
    text = EVERYTHING.read_text(encoding="utf-8")
    path = tmp_path / "m.lpm"
    at = text.index("tie.weight") + len("tie.")
    workspace = Workspace()
    workspace.open(path, text[:at] + text[text.index("\n", at) :])
    analysis = workspace.analysis(path)
    assert analysis is not None
    offered = {c.word for c in completion(analysis, at).found}
    assert {"weight", "close", "kind", "known", "strength"} <= offered and "x" not in offered
