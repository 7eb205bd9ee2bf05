"""Graph files of ties: what they say beyond the ends is reported, and their names hide nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import networkx as nx
import pytest

import lpmdsl
from lpmdsl.diagnostics import LpmError, Report
from lpmdsl.networks.files import read_ties
from lpmdsl.reading.door import place_of
from lpmdsl.source import Source, Span

MODEL = """model graphs version 1.0
clock
  step 1 day
  for 3 days
agent Person count 4
network town joins Person from "ties{suffix}"
condition Flu of Person
  states S, I
  start S except 1 Person in I
  from S by contagion to I
contagion of Flu
  from I on town at 0.3 per day
observe ill = count of Person where Flu is I
"""
WRITERS: list[tuple[str, Callable[..., Any]]] = [
    (".graphml", nx.write_graphml), (".gml", nx.write_gml), (".gexf", nx.write_gexf), (".net", nx.write_pajek),
    (".edgelist", nx.write_edgelist),
]  # fmt: skip


def load(folder: Path, suffix: str, write: Callable[..., Any], weights: tuple[float, ...]) -> lpmdsl.LoadedModel:
    graph = nx.Graph()
    for end, weight in enumerate(weights, 1):
        graph.add_edge("0", str(end), weight=weight)
    write(graph, folder / f"ties{suffix}")
    (folder / "m.lpm").write_text(MODEL.format(suffix=suffix), encoding="utf-8")
    return lpmdsl.load(folder / "m.lpm")


@pytest.mark.parametrize(("suffix", "write"), WRITERS, ids=[suffix for suffix, _ in WRITERS])
def test_weights_that_differ_are_told(tmp_path: Path, suffix: str, write: Callable[..., Any]) -> None:
    told = [d for d in load(tmp_path, suffix, write, (2.5, 0.5, 1.0)).report.sorted() if d.code == "W0653"]
    assert len(told) == 1 and f"`ties{suffix}` tells its ties apart by `weight`" in told[0].message
    alike = load(tmp_path, suffix, write, (2.0, 2.0, 2.0))
    assert not [d for d in alike.report.sorted() if d.code == "W0653"]


NAMES = [("an\u202en", "U+202E"), ("a\u200bnn", "U+200B"), ("a" * 5_000, "5,000")]


@pytest.mark.parametrize(("name", "told"), NAMES)
def test_names_of_nodes_hide_nothing(tmp_path: Path, name: str, told: str) -> None:
    nx.write_graphml(nx.relabel_nodes(nx.path_graph(4), {0: name, 1: "b", 2: "c", 3: "d"}), tmp_path / "ties.graphml")
    (tmp_path / "m.lpm").write_text(MODEL.format(suffix=".graphml"), encoding="utf-8")
    ((code, message, _),) = refusal_of(tmp_path / "m.lpm")
    assert code == "E0117" and "Node 1 of `ties.graphml`" in message and told in message


def refusal_of(path: Path) -> list[tuple[str, str, str]]:
    with pytest.raises(LpmError) as caught:
        lpmdsl.load(path)
    return errors_of(caught.value.report)


def errors_of(report: Report) -> list[tuple[str, str, str]]:
    return [(d.code, d.message, d.help) for d in report.sorted() if d.severity == "error"]


BAD = [
    (".gml", b"graph [ node [ id 0 ] edge [ source 0 target 9 ] ]", "E0641"),
    (".gml", b"\0\0 graph [", "E0641"),
    (".graphml", b"<graphml><graph><node id='0'>", "E0641"),
    (".gexf", b"not xml at all", "E0641"),
    (".edgelist", b"\xff\xfe 1\n", "E0641"),
    (".edgelist", b"0 " + b"7" * 5_000 + b"\n", "E0117"),
    (".edgelist", b"0 " + b"7" * 30 + b"\n", "E0647"),
    (".docx", b"0 1\n", "E0646"),
]  # fmt: skip


@pytest.mark.parametrize(("suffix", "data", "code"), BAD, ids=[f"{s}-{c}-{len(d)}" for s, d, c in BAD])
def test_a_check_says_what_a_run_says_of_a_graph(tmp_path: Path, suffix: str, data: bytes, code: str) -> None:
    """A check of a file that is wrong, and a run of a model whose file became so after the check."""
    path = tmp_path / f"ties{suffix}"
    path.write_bytes(data)
    (tmp_path / "m.lpm").write_text(MODEL.format(suffix=suffix), encoding="utf-8")
    source = Source("m.lpm", MODEL, tmp_path / "m.lpm")
    checked = refusal_of(tmp_path / "m.lpm")
    with pytest.raises(LpmError) as ran:
        read_ties(path.name, place_of(source), 4, Span(source, 0, 1))
    assert checked == errors_of(ran.value.report) and [c for c, *_ in checked] == [code]


def test_a_graph_of_more_agents_is_left_to_the_run(tmp_path: Path) -> None:
    """A run may be given as many (``--agents``), so a check says nothing of it."""
    nx.write_edgelist(nx.path_graph(9), tmp_path / "ties.edgelist")
    (tmp_path / "m.lpm").write_text(MODEL.format(suffix=".edgelist"), encoding="utf-8")
    model = lpmdsl.load(tmp_path / "m.lpm")
    with pytest.raises(LpmError, match="E0647"):
        model.run(backend="reference")
    assert model.run(agents={"Person": 9}, backend="reference").manifest.complete
