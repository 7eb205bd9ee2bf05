"""Graph files of ties: what they say beyond the ends is told, and their names hide nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import networkx as nx
import pytest

import lpmdsl
from lpmdsl.diagnostics import LpmError

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


@pytest.mark.parametrize(("name", "told"), [("an\u202en", "U+202E"), ("a\u200bnn", "U+200B"), ("a" * 5_000, "5,000")])
def test_names_of_nodes_hide_nothing(tmp_path: Path, name: str, told: str) -> None:
    nx.write_graphml(nx.relabel_nodes(nx.path_graph(4), {0: name, 1: "b", 2: "c", 3: "d"}), tmp_path / "ties.graphml")
    (tmp_path / "m.lpm").write_text(MODEL.format(suffix=".graphml"), encoding="utf-8")
    with pytest.raises(LpmError) as caught:
        lpmdsl.load(tmp_path / "m.lpm").run(backend="reference")
    found = caught.value.report.sorted()[0]
    assert found.code == "E0117" and "Node 1 of `ties.graphml`" in found.message and told in found.message
