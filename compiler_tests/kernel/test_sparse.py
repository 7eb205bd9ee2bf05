"""The program that touches only what changes gives the counts of the one that goes through everyone.

Both run on the CPU back end; there the dense one is held against the reference too.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import lpmdsl
from compiler_tests.support.both_backends import MODELS, assert_same, compiled, cpu_run, loaded, request_of, runner
from lpmdsl.backends.request import RunRequest, RunResult
from lpmdsl.compiler import Compiled
from lpmdsl.diagnostics import LpmError
from lpmdsl.lowering.plan.plan import choose
from lpmdsl.population import memory
from lpmdsl.population.connections import build_circles
from lpmdsl.population.people import build_world
from lpmdsl.runtime.engine.execute import buffers_after
from lpmdsl.runtime.engine.kernels import build
from lpmdsl.runtime.engine.room import LARGE, LINE, PAGE, UNTOUCHED, together
from lpmdsl.semantics.host.evaluate import Scope, parameter_values

NETWORK = next(p for p in MODELS if p.stem == "sir_network")
TOWN = next(p for p in MODELS if p.stem == "town_flu")
SEIR = Path(__file__).parent.parent.parent / "benchmarks" / "seir_network.lpm"

TWO_NETWORKS = """
model two_networks version 1.0

clock
  step 0.5 days
  from 2024-01-01 for 60 days

parameter rate = 0.08 per day

agent Person count 3_000
  group category ~ categorical("a" 50 %, "b" 30 %, "c" 20 %)
  careful yes/no ~ bernoulli(40 %)

network friends joins Person as erdos_renyi(degree 4)
network ring_of joins Person as ring(degree 2)

condition Flu of Person
  states S, E, I, A, R
  start S except 15 Person in I
  from S by contagion
    to E with probability 90 %
    to A otherwise
  from E after gamma(mean 2 days, sd 1 day)
    to I with probability 70 %
    to A otherwise
  from I after lognormal(mean 4 days, sd 3 days) to R
  from A after uniform(min 0.1 days, max 6 days)
    to S with probability 30 %
    to R otherwise
  from R after exponential(mean 20 days) to S

contagion of Flu
  from I on friends at rate
  from I on ring_of at 2 * rate
  from A on friends at rate / 2
  source scaled by 0.5 where careful
  target scaled by 0.7 where careful on friends
  target scaled by 1.5 where group is c

observe infections = number entering E, A per day by group
observe reported = number entering I per week thinned by 40 % delayed by gamma(mean 5 days, sd 3 days)
observe infectious = count of Person where Flu is I by group every day
observe share_a = share of Person where Flu is A by group every week
observe careful_ill = count of Person where careful and (Flu is I or Flu is A) every 3 days
observe doubled = 2 * infections every day

check always count of Person where Flu is I <= population
check always share of Person where Flu is E < 0.5
"""

SIS = """
model sis version 1.0

clock
  step 1 day
  for 200 days

agent Person count 500

network friends joins Person as erdos_renyi(degree 6)

condition Cold of Person
  states S, I
  start S except 50 Person in I
  from S by contagion to I
  from I after exponential(mean 2 days) to S

contagion of Cold
  from I on friends at 0.2 per day

observe colds = number entering I per day
observe ill = count of Person where Cold is I every day
"""

SIR = SIS.replace("states S, I", "states S, I, R").replace(
    "exponential(mean 2 days) to S", "exponential(mean 2 days) to R"
)

UNTIL = SIR.replace("for 200 days", "for 200 days\n  until nobody is in I")

WAVES = SIS.replace("at 0.2 per day", "at 0.2 per day * (1 + 0.5 * cos(time / 10 days))")

CITY = """
model city version 1.0

clock
  step 0.5 days
  from 2024-03-01 for 70 days

parameter rate = 0.05 per contact

table mixing by group, group of contacts per day
  a a 1.5
  a b 0.5
  b a 0.5
  b b 1

agent Person count 2_000
  group category ~ categorical("a" 60 %, "b" 40 %)
  home place of size 4
  work place of size 12 where group is b
  masked yes/no = no
  tested yes/no ~ bernoulli(30 %)
  shedding number ~ uniform(0.5, 1.5)

network homes joins Person sharing home with 4 contacts per day
network offices joins Person sharing work with 3 contacts per day on weekdays
network friends joins Person as erdos_renyi(degree 5) with 2 contacts per day
network town joins Person at random mixing by mixing

condition Flu of Person
  states S, E, I, A, H, R, D
  start S except 20 Person in I
  from S by contagion
    to E with probability 80 %
    to A otherwise
  from E after gamma(mean 2 days, sd 1 day) to I
  from I after lognormal(mean 4 days, sd 2 days)
    to H with probability 20 %
    to R otherwise
  from A at rate 0.2 per day to R
  from H after gamma(mean 6 days, sd 3 days)
    to D with probability 30 %
    to R otherwise
  from R after exponential(mean 25 days) to S
  while H
    leave offices, friends, town
  on entering I
    set masked to yes with probability 40 %
    set group to a with probability 50 %
  removed in D

contagion of Flu
  from I on homes, offices, town at rate
  from A on homes, friends at rate / 2
  from H on homes at rate / 4
  from I on friends at rate * SEASON
  source scaled by 0.4 where masked
  source scaled by shedding on offices
  target scaled by 0.7 where masked
  target scaled by 0.9 on town

observe infections = number entering E, A per day by group
observe ill = count of Person where Flu is I or Flu is A every day
observe in_hospital = count of Person where Flu is H by tested every 2 days
observe masks = share of Person where masked every day
observe deaths = number entering D per week

intervention masking
  starts when ill rises above 150
  stops when ill falls below 60
  every 2 days for at most 80 Person where not masked and Flu is not D
    set masked to yes with probability 70 %
  while active for Person where tested and Flu is I
    leave town, friends

check always count of Person where Flu is D <= population
"""


def both(made: Compiled, request: RunRequest, threads: int = 1) -> RunResult:
    """The sparse result, after the dense one was found to be the same."""
    result = cpu_run(made, threads)(request)
    assert_same(cpu_run(replace(made, cpu=made.program))(request), result)
    return result


FORCED = """
intervention sneeze
  every 5 days for at most 20 Person where Cold is S
    move Cold to I

"""


def of_text(text: str) -> Compiled:
    return compiled(lpmdsl.load(text).model)


# ------------------------------------------------------------------ the same counts


@pytest.mark.parametrize("path", [NETWORK, SEIR], ids=lambda p: p.stem)
@pytest.mark.parametrize("threads", [1, 2])
def test_models_on_ties_give_the_dense_counts(path: Path, threads: int) -> None:
    """Seven chunks of agents, and lists of many chunks, for two threads to share."""
    made = compiled(loaded(path).model)
    result = both(made, request_of(made.model, 100_000, 4), threads)
    infections = next(iter(result.observations.values()))
    assert infections.sum() > 50_000


def test_scenarios_and_replicates_give_the_dense_counts() -> None:
    made = compiled(loaded(NETWORK).model)
    for scenario in made.model.scenarios:
        both(made, request_of(made.model, 5_000, 1, scenario.name, replicate=3))


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_two_networks_with_groups_and_returns_give_the_dense_counts(seed: int) -> None:
    """Branches, five laws of dwell time, waning, scalings at both ends, levels by group, thinned and late reports."""
    made = of_text(TWO_NETWORKS)
    result = both(made, request_of(made.model, 3_000, seed))
    for name, values in result.observations.items():
        assert np.nansum(values) > 0, f"{name} never saw anything"


def test_the_calendar_gives_its_blocks_back() -> None:
    """Some hundred thousand colds go through a calendar of some dozen blocks."""
    made = of_text(SIS)
    request = replace(request_of(made.model, 500, 1), steps=1_000)
    result = both(made, request)
    used = run_and_keep(made, request)["Cold_calendar_pool"][2]
    assert result.observations["colds"].sum() > 90_000
    assert 10 < used < 100, "one block for each step within the longest colds"


def test_lists_and_sets_hold_what_they_should_at_the_end() -> None:
    """The susceptible stand in exactly one set; all with an infectious neighbour, and few others, are at risk."""
    made = of_text(WAVES)
    request = replace(request_of(made.model, 500, 2), steps=37)
    buffers = run_and_keep(made, request)
    states, told = buffers["Cold"], buffers["Cold_friends_told"]
    (ties,) = request.world.ties.values()
    sources = np.repeat(np.arange(500), np.diff(ties.offsets))
    force = np.bincount(ties.targets, weights=told[sources], minlength=500)
    np.testing.assert_array_equal(force, buffers["Cold_friends"])
    force = force > 0
    at_risk, at_ease = (members(buffers[f"Cold_{name}"]) for name in ("at_risk", "at_ease"))
    np.testing.assert_array_equal(at_risk | at_ease, states == 0)
    assert not (at_risk & at_ease).any()
    assert at_risk[force & (states == 0)].all()
    # Whose last infectious neighbour recovered is found out in the next step, like those who fell ill in this one.
    assert np.count_nonzero(at_risk & ~force) < 0.3 * np.count_nonzero(at_risk)


def test_the_susceptible_wait_for_contacts_where_the_rate_is_steady() -> None:
    """Counts are those of a fresh count; blocks of 64 rest where nobody has contacts; only the susceptible wait."""
    made = of_text(SIR)
    request = replace(request_of(made.model, 500, 2), steps=7)
    buffers = run_and_keep(made, request)
    (ties,) = request.world.ties.values()
    sources = np.repeat(np.arange(500), np.diff(ties.offsets))
    counted = np.bincount(ties.targets, weights=buffers["Cold"][sources] == 1, minlength=500)
    np.testing.assert_array_equal(counted, buffers["Cold_friends"])
    dirty, left = buffers["Cold_stirred"], buffers["Cold_left"]
    assert dirty.shape == (8,) and not counted.reshape(-1)[np.repeat(dirty == 0, 64)[:500]].any()
    longest = int(32 / 0.2) + 1  # thresholds end at 64 ln 2 < 45; one beyond 32 has a chance of 1e-14
    susceptible, never = buffers["Cold"] == 0, buffers["Cold_left_never"][0]
    # What the last look owes may have used up a threshold: the next step finds that.
    assert susceptible.any() and ((left >= 0) & (left <= longest))[susceptible].all()
    assert ((left <= never) & (2 * left > never))[~susceptible].all()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("at 0.2 per day", "at 0.2 per day * (1 + 0.5 * cos(time / 10 days))"),
        ("from I on friends at 0.2 per day", "from I on friends at 0.2 per day\n  target scaled by 0.5"),
        ("observe ill", "intervention quiet\n  starts on day 20\n  while active\n    leave friends\n\nobserve ill"),
        ("erdos_renyi(degree 6)", "erdos_renyi(degree 6) with 0.5 contacts per day"),
    ],
    ids=["rate", "target", "absence", "evenly"],
)
def test_hazards_that_are_not_constant_are_added_up(old: str, new: str) -> None:
    text = SIR.replace(old, new)
    if "contacts" in new:
        text = text.replace("at 0.2 per day", "at 0.8 per contact")
    if "day 20" in new:
        text = text.replace("for 200 days", "from 2024-01-01 for 200 days").replace("on day 20", "on 2024-01-21")
    made = of_text(text)
    assert not choose(made.model).constant_hazard
    assert both(made, request_of(made.model, 300, 1)).observations["colds"].sum() > 0


@pytest.mark.parametrize("rate", ["0 per day", "1e-11 per day", "40 per day"])
def test_contacts_are_counted_at_rates_of_any_size(rate: str) -> None:
    """No hazard at all, one below the resolution of thresholds, one that a single contact uses up."""
    made = of_text(SIR.replace("0.2 per day", rate))
    assert choose(made.model).constant_hazard == {"Cold"}
    result = both(made, replace(request_of(made.model, 300, 1), steps=30))
    assert (result.observations["colds"].sum() > 0) == (rate == "40 per day")


SEIR_OF_SIR = SIR.replace("states S, I", "states S, E, I").replace(
    "by contagion to I", "by contagion to E\n  from E after exponential(mean 6 days) to I"
)


@pytest.mark.parametrize("text", [SIR, SEIR_OF_SIR], ids=["again", "once"])
@pytest.mark.parametrize("rate", ["0.004", "0.24", "0.2438", "0.244", "0.2499", "0.25", "0.6"])
def test_rests_take_four_bytes_where_four_contacts_have_room(text: str, rate: str) -> None:
    """A quarter of a hazard is 2³⁰; a little below it four bytes no longer do. Same counts on either side."""
    made = of_text(text.replace("0.2 per day", f"{rate} per day").replace("erdos_renyi(degree 6)", "ring(degree 20)"))
    assert choose(made.model).constant_hazard == {"Cold"}
    request = request_of(made.model, 2_000, 1)
    kept = run_and_keep(made, request)["Cold_rest"]
    assert kept.dtype == (np.uint32 if float(rate) < 0.2439 else np.int64)
    assert both(made, request).observations["colds"].sum() > 0


def test_arrays_lie_side_by_side_on_large_pages_and_keep_their_content() -> None:
    given = {"few": np.arange(5), "some": np.arange(300_001, dtype=np.int16), "more": np.arange(250_000.0),
             "none": np.zeros((UNTOUCHED // 64, 8)), "input": np.ones(LARGE, np.uint8)}  # fmt: skip
    moved = together(given, shared={"input"}, zeros={"none"})
    if moved:  # where the system has large pages
        assert moved.keys() == {"some", "more", "none"}
        assert moved["some"].ctypes.data % PAGE == 0
        assert all(a.ctypes.data % LINE == 0 and a.flags.c_contiguous and a.flags.writeable for a in moved.values())
    for name, array in moved.items():
        assert array.dtype == given[name].dtype and np.array_equal(array, given[name])
    assert not together({"few": given["few"]}, set(), set())


def members(bits: np.ndarray) -> np.ndarray:
    return np.unpackbits(bits.view(np.uint8), bitorder="little")[:500].astype(bool)


def run_and_keep(made: Compiled, request: RunRequest) -> dict[str, np.ndarray]:
    """The buffers after a run."""
    return buffers_after(build(made), request, None).buffers


# ------------------------------------------------------------------ everything at once


SEASONS = {
    "constant": "1",
    "moves in every step": "(1 + 0.5 * cos(time / 10 days))",
    "depends on what was reported": "(1 + ill / population)",
    "depends on an intervention": "1\n  source scaled by 0.6 where masking is active",
}


@pytest.mark.parametrize("season", SEASONS.values(), ids=SEASONS.keys())
@pytest.mark.parametrize("threads", [1, 2])
def test_a_city_gives_the_dense_counts_and_those_of_the_reference(season: str, threads: int) -> None:
    """Places, groups that people leave, absences, weekdays, masks put on, an intervention and its trigger."""
    made = of_text(CITY.replace("SEASON", season))
    assert choose(made.model).ways == {"Flu": "swept"}
    request = request_of(made.model, 40_000 if threads == 2 else 2_000, 1)
    result = both(made, request, threads)
    for name, values in result.observations.items():
        assert np.nansum(values) > 0, f"{name} never saw anything"
    if threads == 1:
        assert_same(runner(made.model, "reference")(request), result)


def test_the_town_gives_the_dense_counts() -> None:
    made = compiled(loaded(TOWN).model)
    assert both(made, request_of(made.model, 100_000, 2), 2).observations["infections"].sum() > 5_000


# ------------------------------------------------------------------ what is chosen


@pytest.mark.parametrize(
    ("change", "way", "reason"),
    [
        (("colds", "colds"), "listed", "infectious neighbour"),
        (("from I after exponential(mean 2 days) to S", "from I at rate 0.5 per day to S"), "swept", "who is in I may"),
        (("  from I after", "  from S after fixed(90 days) to I\n  from I after"), "swept", "who is in S may"),
        (("as erdos_renyi(degree 6)", "at random with 6 contacts per day"), "swept", "share a place or a group"),
        (("observe ill", FORCED + "observe ill"), "dense", "force moves"),
    ],
)
def test_the_way_through_a_condition_is_chosen_and_told(change: tuple[str, str], way: str, reason: str) -> None:
    text = SIS.replace(*change)
    if "at random" in change[1]:
        text = text.replace("at 0.2 per day", "at 0.03 per contact")
    made = of_text(text)
    plan = choose(made.model)
    assert plan.ways == {"Cold": way}
    assert reason in plan.choices[0].why
    assert both(made, request_of(made.model, 300, 1)).observations["colds"].sum() > 0


def test_sources_that_weigh_the_same_are_counted_in_the_smallest_integers() -> None:
    """A byte where no row has 256 ties; four bytes where one has; sums of weights where sources differ. Those who wait
    do so in two bytes where nobody can have 2¹⁵ contacts in a run, else in four; so too where a run ends early."""
    made = of_text(SIR)
    kept = run_and_keep(made, request_of(made.model, 500, 1))
    assert kept["Cold_friends"].dtype == np.uint8 and kept["Cold_left"].dtype == np.int16
    ending = of_text(UNTIL)
    kept = run_and_keep(ending, request_of(ending.model, 500, 1))
    assert kept["Cold_friends"].dtype == np.uint8 and kept["Cold_left"].dtype == np.int16
    star = of_text(SIR.replace("as erdos_renyi(degree 6)", "as scale_free(degree 120)"))
    request = request_of(star.model, 500, 1)
    (ties,) = request.world.ties.values()
    assert np.diff(ties.offsets).max() > 255
    kept = run_and_keep(star, request)
    assert kept["Cold_friends"].dtype == np.int32 and kept["Cold_left"].dtype == np.int32
    both(star, request)
    summed = of_text(TWO_NETWORKS)
    assert run_and_keep(summed, request_of(summed.model, 500, 1))["Flu_friends"].dtype == np.int64


def test_a_census_of_one_condition_and_fixed_groups_is_kept() -> None:
    model = lpmdsl.load(CITY.replace("SEASON", "1")).model
    ways = {c.subject: c.way for c in choose(model).choices}
    assert ways["census in_hospital"] == ways["census ill"] == ways["census watch_0_0"] == "kept"
    assert ways["census masks"] == "counted anew"


# ------------------------------------------------------------------ networks that are nowhere written


@pytest.mark.parametrize("text", [SIS, TWO_NETWORKS], ids=["sis", "two_networks"])
def test_ties_from_keys_give_the_counts_of_ties_in_rows(text: str) -> None:
    """The same world twice: the rows of ``random_regular`` written out, and its keys alone."""
    made = of_text(text.replace("erdos_renyi", "random_regular"))
    request = request_of(made.model, 3_000, 1)
    (name,) = (n.name for n in made.model.networks if n.generator and n.generator.name == "random_regular")
    scope = Scope(made.model, request.parameters, counts=request.world.counts)
    keys = build_circles(made.model.network(name), scope, request.seed)
    rows = {k: v for k, v in request.world.ties.items() if k != name}
    world = replace(request.world, ties=rows, circles={name: keys})
    result = cpu_run(made)(replace(request, world=world))
    assert_same(both(made, request), result)


def test_a_network_that_memory_would_not_hold_is_kept_as_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """20 000 people with 1 500 ties each, for a computer with 40 MB: as keys, which only a processor can use."""
    text = SIS.replace("erdos_renyi(degree 6)", "random_regular(degree 1_500)").replace("0.2 per day", "0.0005 per day")
    model = lpmdsl.load(text).model
    monkeypatch.setattr(memory, "physical_bytes", lambda: 40_000_000)
    parameters = parameter_values(model)
    with pytest.raises(LpmError, match="E0801"):
        build_world(model, parameters, 1, {"Person": 20_000})
    world = build_world(model, parameters, 1, {"Person": 20_000}, keeps_keys=True)
    assert not world.ties and world.circles["friends"].keys.shape == (750, 8)
