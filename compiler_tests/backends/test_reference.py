"""The torch reference against exact results: seeds are fixed and deviations are stated in standard errors."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy import stats

from compiler_tests.support import builders as b
from lpmdsl.backends.request import RunResult
from lpmdsl.reference import arithmetic as numbers
from lpmdsl.reference.interpreter import run
from lpmdsl.semantics.model import ByContagion, When

Z = 3.0


def z_of_share(observed: float, p: float, n: int) -> float:
    """Deviation of a share of n independent agents from p, in standard errors √(p(1 − p)/n)."""
    return abs(observed - p) / math.sqrt(p * (1 - p) / n)


def values(result: RunResult, name: str) -> list[float]:
    return result.observations[name][:, 0].tolist()


# ------------------------------------------------------------------ numbers


@pytest.mark.parametrize(
    ("fill", "words"),
    [
        (0, (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
        (0xFFFFFFFF, (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
    ],
)
def test_philox_known_answers(fill: int, words: tuple[int, ...]) -> None:
    word = torch.full((1,), fill, dtype=torch.int64)
    assert tuple(int(w) for w in numbers.philox((word, word, word, word), (fill, fill))) == words


def test_philox_third_known_answer() -> None:
    """The digits of π as counter and key (Random123's kat_vectors)."""
    counter = [torch.tensor([w]) for w in (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344)]
    words = numbers.philox((counter[0], counter[1], counter[2], counter[3]), (0xA4093822, 0x299F31D0))
    assert tuple(int(w) for w in words) == (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1)


@pytest.mark.parametrize(
    ("name", "low", "high"), [("exp", -700, 700), ("log", 1e-12, 1e9), ("sin", -20, 20), ("cos", -20, 20)]
)
def test_functions_are_those_of_the_mathematics(name: str, low: float, high: float) -> None:
    x = torch.from_numpy(np.random.default_rng(1).uniform(low, high, 5_000))
    exact = np.array([getattr(math, name)(v) for v in x.tolist()])
    ours = getattr(numbers, name)(x).numpy()
    assert np.all(np.abs(ours - exact) <= 1e-15 * np.maximum(np.abs(exact), 0.05))


def test_functions_at_their_edges() -> None:
    def at(function, x: float) -> float:
        return float(function(torch.tensor(x, dtype=torch.float64)))

    assert at(numbers.log, 1.0) == 0.0 and at(numbers.exp, 0.0) == 1.0
    assert at(numbers.sin, 0.0) == 0.0 and at(numbers.cos, 0.0) == 1.0
    assert at(numbers.log, 0.0) == -math.inf and math.isnan(at(numbers.log, -1.0))
    assert at(numbers.exp, -1e9) == at(numbers.exp, -708.0) > 0.0 and math.isnan(at(numbers.exp, math.nan))


def test_thresholds_are_exponential() -> None:
    agents = torch.arange(20_000)
    w0, w1, _, _ = numbers.Draws(5, 0).words(agents, "Flu.S.exit0", torch.zeros_like(agents))
    drawn = (numbers.threshold(w0, w1).to(torch.float64) / 2.0**32).numpy()
    assert stats.kstest(drawn, "expon").pvalue > 0.003


@pytest.mark.parametrize(
    ("word", "ticks"),
    [
        (70, 7_000 + 50),  # a cell of one word: its middle
        ((1 << 31) - 1, 166_300 + 99),  # the last word of the last cell (2^24 words) below the median
        ((1 << 32) - 1 - 200, 1_000_000 + 16_400 + 25),  # word 200 of the upper tail: cell 164, first of two words
        (0, 50),
    ],
)
def test_quantiles_are_interpolated_in_the_cell_of_the_word(word: int, ticks: int) -> None:
    """Knots 100 ticks apart; the upper tail a million above."""
    lower = torch.arange(1665) * 100
    tables = torch.stack([lower, lower + 1_000_000])[None]
    assert int(numbers.quantile(tables, torch.tensor([0]), torch.tensor([word]))) == ticks


# ------------------------------------------------------------------ chains and epidemics with exact answers


def test_two_state_chain() -> None:
    """P(B at day 10) = a/(a + b)·(1 − (1 − a − b)¹⁰) with a = 0.1, b = 0.3, from A."""
    c = b.condition("Job", "A B", b.leave(0, b.chance(0.1), 1), b.leave(1, b.chance(0.3), 0), is_cyclic=True)
    share = b.observe("share", b.total("share", where=b.is_in("Job", 1)))
    m = b.model(10, conditions=(c,), observations=(share,))
    n = 30_000
    assert z_of_share(values(run(b.request(m, n)), "share")[10], 0.2484883, n) < Z


def reed_frost(households: int, layout: str) -> np.ndarray:
    """Final sizes of outbreaks in households of five, one of them ill at first, by ``layout`` of the network."""
    n = households * 5
    c = b.condition("Flu", "S I R", b.leave(0, ByContagion(), 1), b.leave(1, b.after("fixed", value=1), 2))
    homes = b.network("homes", layout, place="home")
    m = b.model(6, conditions=(c,), networks=(homes,), contagions=(b.contagion("Flu", (1, "homes", -math.log(0.7))),))
    pairs = [(h * 5 + i, h * 5 + j) for h in range(households) for i in range(5) for j in range(i)]
    first = (np.arange(n) % 5 == 0).astype(np.uint8)
    made = b.request(m, n, start={"Flu": first}, places={"home": np.arange(n) // 5}, ties={"homes": b.ties(n, pairs)})
    ill = run(made).states["Flu"].reshape(households, 5) != 0
    return ill.sum(axis=1) - 1


@pytest.mark.parametrize("layout", ["place", "ties"])
def test_reed_frost_household_sizes(layout: str) -> None:
    """Reed–Frost, S₀ = 4, I₀ = 1, p = 0.3: P(0 … 4 further cases) by enumeration of chains (Bailey 1975, ch. 14)."""
    households = 6_000
    sizes = reed_frost(households, layout)
    for size, p in enumerate((0.2401, 0.1411788, 0.1524731, 0.2099876, 0.2562605)):
        assert z_of_share(float(np.mean(sizes == size)), p, households) < Z


def test_reed_frost_is_the_same_in_places_and_on_complete_ties() -> None:
    assert np.array_equal(reed_frost(300, "place"), reed_frost(300, "ties"))


def test_chain_binomial_in_complete_groups_of_thirty() -> None:
    """Mean infected beside the two seeds: 19.532259 for n = 30, β = 0.012 a tie and day, γ = 0.15, to the end.

    By the recursion of P(S, I): everyone escapes with (1 − β)^I and recovers with γ, both from the day's start. When
    they do does not matter in the end, only the law of the time ill (Sellke 1983).
    """
    groups, size = 500, 30
    c = b.condition("Flu", "S I R", b.leave(0, ByContagion(), 1), b.leave(1, b.chance(0.15), 2))
    m = b.model(
        150,
        conditions=(c,),
        networks=(b.network("room", "place", place="room"),),
        contagions=(b.contagion("Flu", (1, "room", -math.log(1 - 0.012))),),
    )
    agents = np.arange(groups * size)
    first = (agents % size < 2).astype(np.uint8)
    result = run(b.request(m, len(agents), start={"Flu": first}, places={"room": agents // size}))
    infected = (result.states["Flu"].reshape(groups, size) != 0).sum(axis=1) - 2
    assert abs(infected.mean() - 19.532259) < Z * infected.std(ddof=1) / math.sqrt(groups)


# ------------------------------------------------------------------ dwell times


STAGES = 12


@pytest.mark.parametrize(
    ("dwell", "mean", "variance"),
    [
        (b.after("weibull", shape=2, scale=5), 4.4311346, 25 * (1 - math.pi / 4)),
        (b.after("gamma", mean=5, sd=2), 5.0, 4.0),
        (b.after("gamma", shape=1.5, scale=0.4), 0.6, 0.24),
        (b.after("exponential", mean=0.7), 0.7, 0.49),
    ],
)
def test_dwell_means_on_a_daily_step(dwell, mean: float, variance: float) -> None:
    """A course of twelve dwell times keeps twelve means: the days it is seen to last are those, rounded up once."""
    n = 1_500
    exits = [b.leave(s, dwell, s + 1) for s in range(STAGES)]
    c = b.condition("Course", " ".join(f"S{s}" for s in range(STAGES + 1)), *exits)
    unfinished = b.observe("unfinished", b.total("share", where=b.apply("not", b.is_in("Course", STAGES))))
    m = b.model(int(STAGES * mean + 10 * math.sqrt(STAGES * variance)) + 2, conditions=(c,), observations=(unfinished,))
    shares = values(run(b.request(m, n)), "unfinished")
    assert shares[-1] == 0.0
    lasted = sum(shares) - 0.5  # E⌈T⌉ = E T + ½ for a smooth law that spreads over many days
    assert abs(lasted - STAGES * mean) < Z * math.sqrt(STAGES * variance / n)


def test_share_still_in_a_starting_state_is_the_survival_function() -> None:
    n = 20_000
    c = b.condition("Flu", "I R", b.leave(0, b.after("gamma", mean=3, sd=2), 1))
    ill = b.observe("ill", b.total("share", where=b.is_in("Flu", 0)))
    shares = values(run(b.request(b.model(8, conditions=(c,), observations=(ill,)), n)), "ill")
    for day in range(1, 9):
        assert z_of_share(shares[day], stats.gamma(2.25, scale=4 / 3).sf(day), n) < Z


def test_fixed_dwell_of_one_day_lasts_one_step() -> None:
    exits = [b.leave(s, b.after("fixed", value=1), s + 1) for s in range(3)]
    c = b.condition("Course", "A B C D", *exits)
    flows = tuple(b.observe(f"into{s}", ("Course", (s,))) for s in range(1, 4))
    result = run(b.request(b.model(4, conditions=(c,), observations=flows), 7))
    assert [values(result, f"into{s}") for s in range(1, 4)] == [[7, 0, 0, 0], [0, 7, 0, 0], [0, 0, 7, 0]]


def test_several_moves_in_one_step() -> None:
    """Dwell times of a quarter day: four states a day."""
    exits = [b.leave(s, b.after("fixed", value=0.25), s + 1) for s in range(8)]
    c = b.condition("Course", " ".join(f"S{s}" for s in range(9)), *exits)
    m = b.model(2, conditions=(c,))
    assert set(run(b.request(replace(m, clock=replace(m.clock, steps=1)), 5)).states["Course"]) == {4}
    assert set(run(b.request(m, 5)).states["Course"]) == {8}


def test_dwell_time_by_category() -> None:
    group = b.category("young", "old")
    days = b.table("days", (("young", "old"),), (1.0, 3.0), ("group",))
    c = b.condition("Flu", "I R", b.leave(0, b.after("fixed", value=b.look_up("days", b.own("group", group))), 1))
    well = b.observe("well", b.total("count", where=b.is_in("Flu", 1)))
    m = b.model(4, conditions=(c,), tables=(days,), observations=(well,), attributes={"group": group})
    result = run(b.request(m, 5, attributes={"group": [0, 1, 1, 0, 1]}))
    assert values(result, "well") == [0, 2, 2, 5, 5]


# ------------------------------------------------------------------ competing exits


def test_competing_rates() -> None:
    """Rates 0.1 and 0.3 a day: gone by t with 1 − e^(−0.4 t), to B with one chance in four."""
    n = 20_000
    c = b.condition("C", "A B D", b.leave(0, b.at_rate(0.1), 1), b.leave(0, b.at_rate(0.3), 2, index=1))
    state = run(b.request(b.model(3, conditions=(c,)), n)).states["C"]
    gone = 1 - math.exp(-1.2)
    assert z_of_share(float(np.mean(state == 1)), 0.25 * gone, n) < Z
    assert z_of_share(float(np.mean(state == 2)), 0.75 * gone, n) < Z


def test_rate_against_a_fixed_dwell_between_boundaries() -> None:
    """The rate 0.2 has 1.5 days: it wins with 1 − e^(−0.3), also on a step of a day."""
    n = 20_000
    c = b.condition("C", "A B D", b.leave(0, b.at_rate(0.2), 1), b.leave(0, b.after("fixed", value=1.5), 2, index=1))
    state = run(b.request(b.model(4, conditions=(c,)), n)).states["C"]
    assert not np.any(state == 0)
    assert z_of_share(float(np.mean(state == 1)), 1 - math.exp(-0.3), n) < Z


def test_a_rate_begins_at_the_entry_not_at_the_boundary() -> None:
    """Two rates of 1 a day in a row: through both within the first day with 1 − 2/e."""
    n = 20_000
    c = b.condition("C", "A B D", b.leave(0, b.at_rate(1.0), 1), b.leave(1, b.at_rate(1.0), 2))
    state = run(b.request(b.model(1, conditions=(c,)), n)).states["C"]
    assert z_of_share(float(np.mean(state == 2)), 1 - 2 / math.e, n) < Z


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_ties_go_to_the_exit_written_first(order: tuple[int, int]) -> None:
    test = When(b.expr(1.0))
    c = b.condition(
        "C", "A B D", b.leave(0, test, 1, index=order[0]), b.leave(0, b.after("fixed", value=1), 2, index=order[1])
    )
    state = run(b.request(b.model(1, conditions=(c,)), 4)).states["C"]
    assert set(state) == {1 if order[0] == 0 else 2}


def test_branches_of_timed_and_other_exits() -> None:
    n = 20_000
    branches = ((1, 0.2), (2, 0.5), 3)
    for trigger in (b.after("fixed", value=1), b.at_rate(50.0)):
        state = run(b.request(b.model(1, conditions=(b.condition("C", "A B D E", b.leave(0, trigger, *branches)),)), n))
        for to, p in ((1, 0.2), (2, 0.5), (3, 0.3)):
            assert z_of_share(float(np.mean(state.states["C"] == to)), p, n) < Z


def test_chance_is_tried_at_its_own_times() -> None:
    """Every 2 days on a step of half a day: a certain exit is taken at day 2, not before."""
    c = b.condition("C", "A B", b.leave(0, b.chance(1.0, every=2.0), 1))
    flow = b.observe("out", ("C", (1,)), every=0.5)
    result = run(b.request(b.model(6, step=0.5, conditions=(c,), observations=(flow,)), 3))
    assert values(result, "out") == [0, 0, 0, 3, 0, 0]
