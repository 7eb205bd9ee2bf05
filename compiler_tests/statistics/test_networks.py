"""Generated and imported networks: exact structure, laws within |z| < 4, and networkx as an oracle."""

from __future__ import annotations

import math
import time
from collections import Counter
from pathlib import Path

import networkx as nx
import numpy as np
import pandas as pd
import pytest
from scipy import stats

from lpmdsl.diagnostics import LpmError
from lpmdsl.networks import files, pairs, random_regular
from lpmdsl.networks.generators import NETWORKS
from lpmdsl.networks.storage import csr as ties_module, csr_sorted
from lpmdsl.networks.storage.csr import Unbuildable, edges_to_ties
from lpmdsl.networks.storage.parallel import on_threads
from lpmdsl.networks.world import Ties
from lpmdsl.reading.door import Place
from lpmdsl.source import NOWHERE


def make(name: str, n: int, seed: int = 1, **arguments) -> Ties:
    row = NETWORKS[name]
    defaults = {a.name: a.default for a in row.arguments if a.default is not None}
    return row.function(n, {**defaults, **arguments}, seed, 77)


def edges(ties: Ties) -> set[tuple[int, int]]:
    sources = np.repeat(np.arange(len(ties.offsets) - 1), np.diff(ties.offsets))
    return {(int(a), int(b)) for a, b in zip(sources, ties.targets, strict=True) if a < b}


def graph(ties: Ties) -> nx.Graph:
    made = nx.Graph()
    made.add_nodes_from(range(len(ties.offsets) - 1))
    made.add_edges_from(edges(ties))
    return made


def assert_well_formed(ties: Ties, doubles: int = 0) -> None:
    n = len(ties.offsets) - 1
    assert ties.offsets.dtype == np.int64 and ties.targets.dtype == np.int32
    assert ties.offsets[0] == 0 and ties.offsets[-1] == ties.targets.size
    sources = np.repeat(np.arange(n, dtype=np.int64), np.diff(ties.offsets))
    keys = sources * n + ties.targets
    assert np.all(np.diff(keys) >= 0), "rows are sorted"
    assert np.count_nonzero(np.diff(keys) == 0) <= doubles, "rows hold nobody twice"
    assert not np.any(sources == ties.targets), "nobody knows himself"
    assert np.array_equal(np.sort(ties.targets.astype(np.int64) * n + sources), keys), "every tie is mutual"


RING_SIZE = 400
SMALL = {
    "small_world": {"degree": 6, "rewiring": 0.3},
    "scale_free": {"degree": 6},
    "erdos_renyi": {"degree": 6},
    "configuration": {"degrees": np.arange(RING_SIZE) % 9},
    "stochastic_block": {"ties": np.array([[4.0, 2.0], [1.0, 5.0]]), "groups": np.minimum(np.arange(RING_SIZE) % 3, 1)},
    "walk": {"further": 0.7},
    "complete": {},
    "lattice": {"width": 20, "neighbours": 8},
    "ring": {"degree": 6},
    "random_regular": {"degree": 6},
}
DOUBLES = {"random_regular": 40}
"""Ends of pairs that two of three circles share: 12 on average."""


@pytest.mark.parametrize("name", NETWORKS)
def test_every_network_is_well_formed_and_the_same_for_the_same_seed(name):
    first, again = (make(name, RING_SIZE, 5, **SMALL[name]) for _ in range(2))
    assert_well_formed(first, DOUBLES.get(name, 0))
    assert np.array_equal(first.targets, again.targets) and np.array_equal(first.offsets, again.offsets)
    if name not in ("complete", "lattice", "ring"):
        assert edges(make(name, RING_SIZE, 6, **SMALL[name])) != edges(first)


@pytest.mark.parametrize("name", [n for n in NETWORKS if n != "complete"])
def test_any_number_of_threads_makes_the_same_ties(monkeypatch, name):
    """Of 40 000 agents, three parts of the rows; and whether the ends are spread in one go or in many."""
    n = 40_000
    arguments = {k: np.resize(v, n) if k in ("degrees", "groups") else v for k, v in SMALL[name].items()}
    if name == "lattice":
        arguments["width"] = 200
    first = make(name, n, 5, **arguments)
    assert_well_formed(first, DOUBLES.get(name, 0))
    monkeypatch.setattr(ties_module, "AT_ONCE", 1 << 16)
    with on_threads(3):
        again = make(name, n, 5, **arguments)
    assert np.array_equal(first.targets, again.targets) and np.array_equal(first.offsets, again.offsets)


def test_blocks_of_pairs_that_overflow_their_room_are_drawn_again(monkeypatch):
    """The room is a guess; one far too small gives the same ties."""
    first = make("erdos_renyi", 20_000, degree=6.0)
    monkeypatch.setattr(pairs, "DEVIATIONS", -5)
    again = make("erdos_renyi", 20_000, degree=6.0)
    assert np.array_equal(first.targets, again.targets) and np.array_equal(first.offsets, again.offsets)


def test_edges_become_rows_without_doubles_or_self_ties():
    ties = edges_to_ties(5, np.array([3, 0, 1, 0, 2, 3]), np.array([0, 3, 1, 2, 0, 2]))
    assert ties.offsets.tolist() == [0, 2, 2, 4, 6, 6]
    assert ties.targets.tolist() == [2, 3, 0, 3, 0, 2]


def test_long_rows_are_sorted():
    ends = np.random.default_rng(0).permutation(np.arange(1, 5000))
    ties = edges_to_ties(5000, np.zeros(4999, int), ends)
    assert_well_formed(ties)
    assert ties.targets[:4999].tolist() == list(range(1, 5000))


@pytest.mark.parametrize(("n", "at_once"), [(1, 1 << 23), (2, 1 << 23), (50_000, 1 << 23), (50_000, 40_000)])
def test_ascending_pairs_give_the_rows_of_any_order(n: int, at_once: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Four parts of rows, all at once or one by one, on one thread and on two."""
    monkeypatch.setattr(csr_sorted, "AT_ONCE", at_once)
    pieces = pairs.tied_pairs(None, n, np.array([[min(1.0, 6 / n)]]), 1, 5)
    expected = ties_module.pieces_to_ties(n, pieces)
    for threads in (1, 2):
        with on_threads(threads):
            ties = csr_sorted.ascending_to_ties(n, pieces, pairs.BLOCK)
        np.testing.assert_array_equal(ties.offsets, expected.offsets)
        np.testing.assert_array_equal(ties.targets, expected.targets)


def test_complete_ring_and_lattice_equal_networkx():
    assert edges(make("complete", 7)) == set(nx.complete_graph(7).edges())
    assert make("complete", 1).targets.size == 0
    circulant = nx.circulant_graph(30, [1, 2, 3])
    assert nx.utils.graphs_equal(graph(make("ring", 30, degree=6)), circulant)
    for wrapping in (0.0, 1.0):
        grid = nx.grid_2d_graph(5, 7, periodic=bool(wrapping))
        expected = {tuple(sorted((a[0] * 7 + a[1], b[0] * 7 + b[1]))) for a, b in grid.edges()}
        assert edges(make("lattice", 35, width=7, height=5, wrapping=wrapping)) == expected


def test_lattice_with_corners_and_an_unfinished_last_row():
    ties = make("lattice", 8, width=3, neighbours=8)
    assert np.diff(ties.offsets).tolist() == [3, 5, 3, 5, 7, 4, 3, 4]
    assert np.all(np.diff(make("lattice", 30, width=6, neighbours=8, wrapping=1.0).offsets) == 8)


def test_small_world_without_rewiring_is_the_ring_with_its_clustering():
    ties = make("small_world", 200, degree=8, rewiring=0.0)
    assert edges(ties) == edges(make("ring", 200, degree=8))
    assert nx.average_clustering(graph(ties)) == pytest.approx(3 * 6 / (4 * 7))


@pytest.mark.parametrize("rewiring", [0.05, 1.0])
def test_small_world_keeps_every_tie_and_rewires_the_asked_share(rewiring):
    n, degree = 3000, 8
    ties = make("small_world", n, degree=degree, rewiring=rewiring)
    pairs = n * degree // 2
    assert len(edges(ties)) == pairs
    kept = len(edges(ties) & edges(make("ring", n, degree=degree)))
    back = rewiring * degree / n  # a rewired tie may by chance join two who are near on the ring
    chance = 1 - rewiring + back
    assert abs(kept - pairs * chance) < 4 * math.sqrt(pairs * max(chance * (1 - chance), back)) + 2
    assert np.diff(ties.offsets).min() >= degree // 2


def test_small_world_degrees_when_all_is_rewired():
    """Half a degree is kept as the own end of its ties, the rest is Poisson: variance k/2."""
    n, degree = 20_000, 10
    degrees = np.diff(make("small_world", n, degree=degree, rewiring=1.0).offsets)
    assert degrees.mean() == degree
    assert abs(degrees.var() - degree / 2) < 4 * math.sqrt((degree / 2 + 2 * (degree / 2) ** 2) / n)


def test_small_world_of_people_who_nearly_all_know_each_other_ends():
    assert_well_formed(make("small_world", 7, degree=6, rewiring=1.0))


def test_erdos_renyi_degrees_are_binomial():
    n, degree = 20_000, 6.0
    ties = make("erdos_renyi", n, degree=degree)
    pairs, chance = n * (n - 1) / 2, degree / (n - 1)
    assert abs(ties.targets.size / 2 - pairs * chance) < 4 * math.sqrt(pairs * chance * (1 - chance))
    counts = np.bincount(np.diff(ties.offsets), minlength=40)[:40]
    expected = n * stats.binom(n - 1, chance).pmf(np.arange(40))
    common = expected > 20
    z2 = ((counts - expected) ** 2 / expected)[common].sum()
    assert stats.chi2(common.sum() - 1).sf(z2) > 1e-4


@pytest.mark.parametrize("block", [pairs.BLOCK, 3])
@pytest.mark.parametrize("probability", [0.0, 0.3, 0.9, 1.0])
def test_erdos_renyi_ties_every_pair_alike(monkeypatch, probability, block):
    """Over 600 seeds each of the 28 pairs of 8 agents is tied equally often, and independently of the others."""
    monkeypatch.setattr(pairs, "BLOCK", block)
    seen = np.zeros((8, 8))
    both = 0
    for seed in range(600):
        drawn = edges(make("erdos_renyi", 8, seed, probability=probability))
        both += (0, 1) in drawn and (0, 2) in drawn
        for a, b in drawn:
            seen[a, b] += 1
    times = seen[np.triu_indices(8, 1)]
    assert np.all(np.abs(times - 600 * probability) <= 4.5 * math.sqrt(600 * probability * (1 - probability)))
    square = probability**2
    assert abs(both - 600 * square) <= 4 * math.sqrt(600 * square * (1 - square))


def test_scale_free_has_the_exact_number_of_ties_and_the_cubic_tail():
    n, links = 50_000, 3
    ties = make("scale_free", n, links=links)
    degrees = np.diff(ties.offsets)
    assert ties.targets.size == 2 * links * (n - links)
    assert links * (n - links) == nx.barabasi_albert_graph(n, links, seed=1).number_of_edges()
    assert nx.is_connected(graph(ties)) and np.all(degrees[links + 1 :] >= links)
    # P(k) = 2m(m+1)/(k(k+1)(k+2)), so P(degree >= k) = m(m+1)/(k(k+1)): Bollobás et al. 2001.
    for k in (4, 6, 10, 20, 40):
        share = links * (links + 1) / (k * (k + 1))
        assert abs((degrees >= k).mean() - share) < 5 * math.sqrt(share / n) + 0.001
    tail = degrees[degrees >= 20]
    exponent = 1 + tail.size / np.log(tail / 19.5).sum()
    assert 2.8 < exponent < 3.3


def test_scale_free_degree_is_twice_the_links():
    assert edges(make("scale_free", 500, degree=8)) == edges(make("scale_free", 500, links=4))


def test_configuration_keeps_the_degrees_up_to_erasure():
    n = 20_000
    degrees = stats.poisson(8).ppf((np.arange(n) + 0.5) / n).astype(int)
    ties = make("configuration", n, degrees=degrees)
    lost = degrees - np.diff(ties.offsets)
    assert lost.min() >= 0
    # Self-ties: ν/2, doubles: ν²/4 with ν = E[D(D−1)]/E[D], both Poisson (Bollobás 1980); each costs two ends.
    nu = (degrees * (degrees - 1)).mean() / degrees.mean()
    expected = nu / 2 + nu**2 / 4
    assert abs(lost.sum() / 2 - expected) < 4 * math.sqrt(expected) + 1


def test_configuration_pairs_stubs_alike():
    """Four agents of degree 1: each of the three matchings in a third of the seeds."""
    counts = {1: 0, 2: 0, 3: 0}
    for seed in range(3000):
        counts[int(make("configuration", 4, seed, degrees=np.ones(4)).targets[0])] += 1
    assert all(abs(c - 1000) < 4 * math.sqrt(3000 * 2 / 9) for c in counts.values())


def test_block_densities_follow_the_table():
    n = 6000
    groups = np.random.default_rng(3).choice(3, n, p=[0.2, 0.5, 0.3])
    means = np.array([[6.0, 2.0, 0.0], [0.8, 5.0, 1.0], [0.0, 3.0, 2.0]])
    ties = make("stochastic_block", n, ties=means, groups=groups)
    sizes = np.bincount(groups)
    a, b = np.array(sorted(edges(ties))).T
    for g in range(3):
        for h in range(g, 3):
            found = ((np.minimum(groups[a], groups[b]) == g) & (np.maximum(groups[a], groups[b]) == h)).sum()
            expected = (means[g, h] * sizes[g] + means[h, g] * sizes[h]) / (4 if g == h else 2)
            assert abs(found - expected) <= 4 * math.sqrt(expected), (g, h)


def test_walks_of_one_step_make_a_random_recursive_tree():
    """Of n agents n/2 are leaves in the mean, with variance n/12 (Najock & Heyde 1982); |z| < 4."""
    n = 60_000
    ties = make("walk", n, further=0.0)
    assert ties.targets.size == 2 * (n - 1) and nx.is_tree(graph(make("walk", 500, further=0.0)))
    assert abs((np.diff(ties.offsets) == 1).sum() - n / 2) < 4 * math.sqrt(n / 12)


def _walked(tied: frozenset[tuple[int, int]], newcomer: int, further: float) -> dict[frozenset[tuple[int, int]], float]:
    """The networks that a newcomer makes of one, each with its chance: all walks of up to 40 steps."""
    found: dict[frozenset[tuple[int, int]], float] = {}
    walks = {(v, frozenset({v})): 1 / newcomer for v in range(newcomer)}
    for step in range(41):
        longer: dict[tuple[int, frozenset[int]], float] = {}
        for (at, met), chance in walks.items():
            known = [a + b - at for a, b in tied if at in (a, b)]
            ends = 1 - further if known and step < 40 else 1.0
            made = tied | {(v, newcomer) for v in met}
            found[made] = found.get(made, 0.0) + ends * chance
            for v in known if ends < 1 else []:
                key = (v, met | {v})
                longer[key] = longer.get(key, 0.0) + further * chance / len(known)
        walks = longer
    return found


def test_walks_lead_where_chances_say():
    """Every network of four, over 4 000 seeds, beside the sum of the chances of all walks that make it; |z| < 4.5."""
    further, chances = 0.6, {frozenset({(0, 1)}): 1.0}
    for newcomer in (2, 3):
        parts = [(_walked(tied, newcomer, further), chance) for tied, chance in chances.items()]
        chances = {}
        for found, chance in parts:
            for tied, own in found.items():
                chances[tied] = chances.get(tied, 0.0) + chance * own
    assert sum(chances.values()) == pytest.approx(1.0)
    counts = Counter(frozenset(edges(make("walk", 4, seed, further=further))) for seed in range(4_000))
    assert set(counts) <= set(chances)
    for tied, p in chances.items():
        assert abs(counts[tied] - 4_000 * p) < 4.5 * math.sqrt(4_000 * p * (1 - p)) + 1e-9


def test_long_walks_close_triangles_and_find_the_known():
    """A walk that goes on closes triangles, so networks are clustered as trees are not; all are one network."""
    made = graph(make("walk", 3_000, further=0.75))
    assert nx.is_connected(made) and nx.transitivity(made) > 0.1
    assert max(d for _, d in made.degree()) > 60 > 8 > 2 * made.number_of_edges() / 3_000 > 4


@pytest.mark.parametrize(
    "name, n, arguments, reason",
    [
        ("small_world", 50, {"degree": 5, "rewiring": 0.1}, "even"),
        ("small_world", 6, {"degree": 6, "rewiring": 0.1}, "only 5 others"),
        ("small_world", 50, {"degree": 6, "rewiring": 1.5}, "share"),
        ("walk", 50, {"further": 1.0}, "below 100 %"),
        ("walk", 50, {"further": -0.1}, "from 0 %"),
        ("erdos_renyi", 5, {"degree": 7.5}, "only 4 others"),
        ("erdos_renyi", 5, {"probability": -0.1}, "probability"),
        ("scale_free", 5, {"links": 5}, "only 5 agents"),
        ("scale_free", 50, {"degree": 7}, "even"),
        ("scale_free", 50, {"links": 2.5}, "whole number"),
        ("configuration", 5, {"degrees": np.array([1, 2, 3, 4, 5])}, "between 0 and 4"),
        ("stochastic_block", 4, {"ties": np.array([[9.0]]), "groups": np.zeros(4, int)}, "pairs"),
        ("lattice", 30, {"width": 5, "height": 5}, "25 places"),
        ("lattice", 24, {"width": 5, "wrapping": 1.0}, "25 places"),
        ("lattice", 25, {"width": 5, "neighbours": 6}, "4 .sides."),
    ],
)
def test_what_cannot_be_built_says_why(name, n, arguments, reason):
    with pytest.raises(Unbuildable, match=reason):
        make(name, n, **arguments)


def test_a_million_people_within_seconds():
    make("small_world", 100, degree=10, rewiring=0.1)  # compiled before the clock runs
    start = time.perf_counter()
    ties = make("small_world", 1_000_000, degree=10, rewiring=0.1)
    assert time.perf_counter() - start < 10
    assert ties.targets.size == 10_000_000


# ------------------------------------------------------------------ files


def read_ties(path: Path, n: int, span, ids=None):
    return files.read_ties(path.name, Place(path.parent, (path.parent,)), n, span, ids)


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def code(path: Path, n: int = 4, ids=None) -> tuple[str, str]:
    with pytest.raises(LpmError) as caught:
        read_ties(path, n, NOWHERE, ids)
    found = caught.value.report.diagnostics[0]
    return found.code, found.message


def test_ties_from_csv_parquet_and_ids(tmp_path):
    expected = {(0, 1), (1, 3)}
    path = write(tmp_path, "e.csv", "a,b,weight\n0,1,9\n3,1,9\n1,0,9\n2,2,9\n\n")
    assert edges(read_ties(path, 4, NOWHERE)) == expected
    named = write(tmp_path, "n.csv", "kind,target,source\nx,0,1\nx,3,1\n")
    assert edges(read_ties(named, 4, NOWHERE)) == expected
    ids = np.array(["p7", "p8", "p9", "q1"], object)
    assert edges(read_ties(write(tmp_path, "i.csv", "a,b\np7,p8\nq1,p8\n"), 4, NOWHERE, ids)) == expected
    pd.DataFrame({"source": [0, 3], "target": [1, 1]}).to_parquet(tmp_path / "e.parquet")
    assert edges(read_ties(tmp_path / "e.parquet", 4, NOWHERE)) == expected


@pytest.mark.parametrize(
    "suffix, writer",
    [
        (".graphml", nx.write_graphml),
        (".gexf", nx.write_gexf),
        (".gml", nx.write_gml),
        (".edgelist", nx.write_edgelist),
        (".adjlist", nx.write_adjlist),
        (".net", nx.write_pajek),
    ],
)
def test_whatever_networkx_writes_is_read(tmp_path, suffix, writer):
    club = nx.karate_club_graph() if suffix not in (".gexf", ".net") else nx.Graph(list(nx.karate_club_graph().edges()))
    path = tmp_path / f"club{suffix}"
    writer(club, path)
    assert nx.utils.graphs_equal(graph(read_ties(path, 34, NOWHERE)), nx.Graph(list(club.edges())))


def test_nodes_with_names_are_agents_in_the_order_of_the_file(tmp_path):
    path = tmp_path / "named.graphml"
    nx.write_graphml(nx.path_graph(["ann", "bob", "cy"]), path)
    assert edges(read_ties(path, 3, NOWHERE)) == {(0, 1), (1, 2)}


def test_what_is_wrong_with_a_file_of_ties_is_said_with_its_line(tmp_path):
    assert code(tmp_path / "none.csv")[0] == "E0640"
    assert code(tmp_path)[0] == "E0646"
    assert code(tmp_path / "none.gml")[0] == "E0640"
    assert code(write(tmp_path, "empty.csv", ""))[0] == "E0641"
    assert code(write(tmp_path, "nul.gml", "\0\0 graph ["))[0] == "E0641"
    assert code(write(tmp_path, "one.csv", "a\n1\n"))[0] == "E0642"
    assert code(write(tmp_path, "wide.csv", "a,b\n1,2\n1,2,3\n"))[0] == "E0641"
    assert code(write(tmp_path, "word.csv", "a,b\n0,1\n0,x\n")) == (
        "E0643",
        "Row 3 of `word.csv`, column `b`, is `x`, which is not a number.",
    )
    assert code(write(tmp_path, "short.csv", "a,b\n0,1\n\n0\n")) == (
        "E0641",
        "`short.csv` cannot be read: line 4 has 1 cell, and the header has 2.",
    )
    assert code(write(tmp_path, "far.csv", "a,b\n0,1\n0,4\n")) == (
        "E0647",
        "Row 3 of `far.csv`, column `b`: there is no agent `4`; the 4 agents are numbered 0 to 3.",
    )
    assert code(write(tmp_path, "half.csv", "a,b\n0,1.5\n"))[0] == "E0647"
    assert code(write(tmp_path, "id.csv", "a,b\np,r\n"), ids=np.array(["p", "q"], object))[0] == "E0643"
    assert code(write(tmp_path, "big.adjlist", "0 1\n7 1\n"))[0] == "E0647"


# ------------------------------------------------------------------ regular


@pytest.mark.parametrize("n", [7, 64, 1_000, 1_025])
def test_circles_are_circles(n: int) -> None:
    """Degree 2: one cycle through everyone; position and who stands there undo one another."""
    keys = random_regular.circles(n, {"degree": 2}, 5, 9).keys
    places = [random_regular.position(keys, 0, i, n) for i in range(n)]
    assert sorted(places) == list(range(n))
    assert [random_regular.stands_at(keys, 0, p, n) for p in places] == list(range(n))
    one = graph(make("random_regular", n, degree=2))
    assert nx.is_connected(one) and all(d == 2 for _, d in one.degree)


def test_regular_networks_have_the_degree_and_few_doubles() -> None:
    """Two circles share 2 pairs on average: of degree 6, some 6; at most 20 (z = 5.7). Nobody knows himself."""
    n = 5_000
    ties = make("random_regular", n, degree=6)
    rows = ties.targets.reshape(n, 6)
    assert not np.any(rows == np.arange(n)[:, None])
    back = np.lexsort((np.repeat(np.arange(n), 6), ties.targets))
    np.testing.assert_array_equal(np.repeat(np.arange(n), 6)[back].reshape(n, 6), rows)
    assert np.count_nonzero(np.diff(rows, axis=1) == 0) // 2 <= 20


def test_regular_networks_have_as_few_triangles_as_chance_gives() -> None:
    """(k − 1)³ / 6 triangles for large n (Bollobás 1980): 57 for k = 8; Poisson, |z| < 4."""
    triangles = sum(nx.triangles(graph(make("random_regular", 3_000, degree=8))).values()) / 3
    assert abs(triangles - 343 / 6) < 4 * math.sqrt(343 / 6)


def test_neighbours_in_circles_are_spread_evenly() -> None:
    """Of 64 agents each is beside agent 0 in 2/63 of 20 000 circles: chi-squared with 62 degrees, z < 4."""
    keys = [random_regular.circles(64, {"degree": 2}, seed, 1).keys for seed in range(20_000)]
    beside = np.bincount([random_regular.neighbour(k, 0, e, 64) for k in keys for e in (0, 1)], minlength=64)[1:]
    expected = 40_000 / 63
    chi = float(((beside - expected) ** 2 / expected).sum())
    assert (chi - 62) / math.sqrt(2 * 62) < 4


@pytest.mark.parametrize("degree", [3, 8])
def test_a_regular_network_that_cannot_be_is_refused(degree: int) -> None:
    with pytest.raises(Unbuildable):
        make("random_regular", 8, degree=degree)
