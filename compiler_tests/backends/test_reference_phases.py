"""Every phase of a step in the torch reference, on worlds small enough to know the answer."""

from __future__ import annotations

import math
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from compiler_tests.support import builders as b
from lpmdsl.backends.request import RunResult
from lpmdsl.quantities import BOOLEAN
from lpmdsl.reference.interpreter import run
from lpmdsl.semantics.model import ByContagion, CheckAlways, Model, OnDate, When
from lpmdsl.source import NOWHERE

ONE = 1 << 32
GROUP = b.category("a", "b")


def values(result: RunResult, name: str) -> list[float]:
    return result.observations[name][:, 0].tolist()


def flu(*exits, **others):
    return b.condition("Flu", "S I D", b.leave(0, ByContagion(), 1), *exits, **others)


# ------------------------------------------------------------------ interventions


def test_at_most_so_many_are_chosen_and_paid_for() -> None:
    """Every 2 days 30 of the unvaccinated: 30, 60, 90, and then the last ten."""
    done = b.own("done", BOOLEAN)
    campaign = b.intervention(
        "campaign",
        b.block("campaign", b.setting("done", 1.0), every=2.0, at_most=30, where=b.apply("not", done)),
        costs=5.0,
        costs_per="person",
    )
    vaccinated = b.observe("vaccinated", b.total("count", where=done))
    m = b.model(9, observations=(vaccinated,), interventions=(campaign,), attributes={"done": BOOLEAN})
    result = run(b.request(m, 100, attributes={"done": np.zeros(100)}))
    assert values(result, "vaccinated") == [0, 30, 30, 60, 60, 90, 90, 100, 100, 100]
    assert result.costs == {"campaign": 500.0}


def test_actions_read_before_anything_is_written_and_have_a_probability() -> None:
    swap = b.intervention("swap", b.block("swap", b.setting("x", b.own("y")), b.setting("y", b.own("x"), 0.25)))
    n = 8_000
    sums = tuple(b.observe(name, b.total("sum", b.own(name))) for name in "xy")
    m = b.model(1, observations=sums, interventions=(swap,))
    result = run(b.request(m, n, attributes={"x": np.ones(n), "y": np.zeros(n)}))
    assert values(result, "x") == [n, 0]
    assert abs(values(result, "y")[1] / n - 0.25) < 3 * math.sqrt(0.25 * 0.75 / n)


def test_forced_moves_enter_like_any_other_and_spare_the_removed() -> None:
    """Moved at the start of day 0, so out again two days later; the flow is counted, the action on entering done."""
    c = b.condition(
        "Job",
        "Out In Dead",
        b.leave(1, b.after("fixed", value=2), 0),
        is_cyclic=True,
        removed=(2,),
        entering=(b.on_entering("Job", 1, "In", b.setting("times", b.apply("add", b.own("times"), 1))),),
    )
    call = b.intervention("call", b.block("call", b.forcing("Job", 1), every=3.0))
    observed = (
        b.observe("into", ("Job", (1,))),
        b.observe("inside", b.total("count", where=b.is_in("Job", 1))),
        b.observe("times", b.total("sum", b.own("times"))),
    )
    m = b.model(6, conditions=(c,), observations=observed, interventions=(call,))
    result = run(b.request(m, 3, start={"Job": [0, 0, 2]}, attributes={"times": np.zeros(3)}))
    assert values(result, "into") == [2, 0, 0, 2, 0, 0]
    assert values(result, "inside") == [0, 2, 0, 0, 2, 0, 0]
    assert values(result, "times") == [0, 2, 2, 2, 4, 4, 4]


def test_who_is_forced_in_takes_part_in_the_step() -> None:
    """Moved before the step's transitions, so certain exits by chance and by a test come in the same step."""
    for trigger in (b.chance(1.0), When(b.expr(1.0))):
        c = b.condition("C", "A B D", b.leave(1, trigger, 2))
        call = b.intervention("call", b.block("call", b.forcing("C", 1), every=9.0))
        flow = b.observe("out", ("C", (2,)))
        forced = run(b.request(b.model(3, conditions=(c,), observations=(flow,), interventions=(call,)), 2))
        begun = run(b.request(b.model(3, conditions=(c,), observations=(flow,)), 2, start={"C": [1, 1]}))
        assert values(forced, "out") == values(begun, "out") == [2, 0, 0]


def pulse(**others):
    """All are in B on days 3 to 6, 10 to 13, … ; the intervention follows the share of them."""
    c = b.condition(
        "C", "A B", b.leave(0, b.after("fixed", value=3), 1), b.leave(1, b.after("fixed", value=4), 0), is_cyclic=True
    )
    share = b.observe("share", b.total("share", where=b.is_in("C", 1)))
    policy = b.intervention("policy", **others)
    watch = CheckAlways(b.active("policy"), None, None, NOWHERE)
    return b.model(15, conditions=(c,), observations=(share,), interventions=(policy,), checks=(watch,))


def active_days(m: Model, **world) -> tuple[list[int], RunResult]:
    result = run(b.request(m, 3, **world))
    return [day - 1 for day, on in enumerate(result.watches[0]) if on], result


def test_triggers_cross_a_level_and_stop_at_another() -> None:
    """Read as reported at the start of day 3, acted on 2 days later, stopped on day 7, again a week on."""
    starts = b.crossing(b.last("share"), True, 0.6, delay=2)
    stops = b.crossing(b.last("share"), False, 0.4)
    days, result = active_days(pulse(starts=starts, stops=stops, costs=10.0, costs_per="day"))
    assert days == [5, 6, 12, 13] and result.costs == {"policy": 40.0}
    days, result = active_days(pulse(starts=starts, stops=stops, costs=10.0, costs_per="start"))
    assert result.costs == {"policy": 20.0}


def test_a_trigger_needs_a_new_crossing_to_start_again() -> None:
    """Stopped by another level while still above its own: it does not start before the share has fallen."""
    starts = b.crossing(b.last("share"), True, 0.5)
    stops = b.crossing(b.last("share"), True, 0.9)
    assert active_days(pulse(starts=starts, stops=stops))[0] == [3, 10]


def test_triggers_that_fall_dates_and_none() -> None:
    falls = b.crossing(b.last("share"), False, 0.5)
    assert active_days(pulse(starts=falls, stops=OnDate(2.0, "", NOWHERE)))[0] == [0, 1, 7, 14]
    assert active_days(pulse(starts=OnDate(2.0, "", NOWHERE), stops=OnDate(5.0, "", NOWHERE)))[0] == [2, 3, 4]
    assert active_days(pulse(stops=OnDate(2.0, "", NOWHERE)))[0] == [0, 1]
    assert active_days(pulse(starts=falls), disabled=("policy",))[0] == []


# ------------------------------------------------------------------ observations


def weekly(**others):
    """Ten days of certain entries: half of group a on day 2.5, the rest on day 8."""
    day = b.table("day", (("a", "b"),), (2.5, 8.0), ("group",))
    c = b.condition("C", "A B", b.leave(0, b.after("fixed", value=b.look_up("day", b.own("group", GROUP))), 1))
    observed = b.observe("cases", ("C", (1,)), every=7.0, **others)
    return c, day, observed


def observed_weeks(*others, **flow) -> RunResult:
    c, day, cases = weekly(**flow)
    m = b.model(15, conditions=(c,), tables=(day,), observations=(*others, cases), attributes={"group": GROUP})
    return run(b.request(m, 6, attributes={"group": [0, 0, 0, 0, 1, 1]}))


def test_flows_are_counted_by_week_and_group() -> None:
    assert observed_weeks().observations["cases"].tolist() == [[4], [2]]
    by_group = observed_weeks(by=(b.own("group", GROUP),), groups=("a", "b"))
    assert by_group.observations["cases"].tolist() == [[4, 0], [0, 2]]
    only_b = observed_weeks(where=b.apply("eq", b.own("group", GROUP), 1))
    assert values(only_b, "cases") == [0, 2]


@pytest.mark.parametrize(("delay", "expected"), [(4.5, [4, 2]), (4.6, [0, 6]), (6.5, [0, 4])])
def test_delays_move_entries_to_the_report_of_their_day(delay: float, expected: list[int]) -> None:
    assert values(observed_weeks(delayed=b.law("fixed", value=delay)), "cases") == expected


def test_thinning_keeps_its_share_and_changes_no_one_else() -> None:
    n = 10_000
    c = b.condition("C", "A B", b.leave(0, b.after("exponential", mean=3), 1))
    plain = b.observe("into", ("C", (1,)))
    thinned = b.observe("reported", ("C", (1,)), thinned=b.expr(0.3))
    level = b.observe("seen", b.total("count"), thinned=b.expr(0.3))
    both = run(b.request(b.model(30, conditions=(c,), observations=(thinned, plain, level)), n))
    alone = run(b.request(b.model(30, conditions=(c,), observations=(plain,)), n))
    assert values(both, "into") == values(alone, "into")
    cases = sum(values(both, "into"))
    assert abs(sum(values(both, "reported")) - 0.3 * cases) < 3 * math.sqrt(0.21 * cases)
    assert abs(values(both, "seen")[0] - 0.3 * n) < 3 * math.sqrt(0.21 * n)
    assert values(both, "seen")[0] != values(both, "seen")[1]


def test_levels_by_group_and_shares_of_a_group() -> None:
    c = b.condition("C", "A B")
    both = (b.own("group", GROUP), b.state_of("C", "A", "B"))
    counts = b.observe("counts", b.total("count"), by=both, groups=("a|A", "a|B", "b|A", "b|B"))
    shares = b.observe("shares", b.total("share", where=b.is_in("C", 1)), by=both[:1], groups=("a", "b"))
    m = b.model(0, conditions=(c,), observations=(counts, shares), attributes={"group": GROUP})
    result = run(b.request(m, 5, start={"C": [0, 1, 1, 0, 0]}, attributes={"group": [0, 0, 0, 1, 1]}))
    assert result.observations["counts"].tolist() == [[1, 2, 2, 0]]
    assert result.observations["shares"].tolist() == [[2 / 3, 0]]


def test_formulas_report_like_their_longest_part_from_the_latest_values() -> None:
    """Cases a day of the week over those in B on its last day; written before what it reads."""
    inside = b.observe("inside", b.total("count", where=b.is_in("C", 1)))
    ratio = b.observe("ratio", b.apply("div", b.last("cases"), b.last("inside")), every=7.0)
    twice = b.observe("twice", b.apply("mul", b.last("ratio"), 2), every=7.0)
    smooth = b.observe("smooth", b.rolling("inside", 3.0))
    result = observed_weeks(twice, ratio, inside, smooth)
    assert values(result, "ratio") == [4 / 7 / 4, 2 / 7 / 6]
    assert values(result, "twice") == [2 * (4 / 7 / 4), 2 * (2 / 7 / 6)]
    assert values(result, "smooth")[:5] == [0, 0, 0, 4 / 3, 8 / 3] and values(result, "smooth")[15] == 6


def test_formulas_go_group_by_group_or_over_all() -> None:
    grouped = {"by": (b.own("group", GROUP),), "groups": ("a", "b")}
    day_rate = b.observe("rate", b.apply("mul", b.last("cases"), 1), every=7.0, groups=("a", "b"))
    total = b.observe("total", b.last("cases"), every=7.0)
    second = b.observe("second", b.last("cases", 1), every=7.0)
    result = observed_weeks(day_rate, total, second, **grouped)
    assert result.observations["rate"].tolist() == [[4 / 7, 0], [0, 2 / 7]]
    assert values(result, "total") == [4 / 7, 2 / 7] and values(result, "second") == [0, 2 / 7]


# ------------------------------------------------------------------ the run


def outbreak(seed: int = 1, replicate: int = 0) -> RunResult:
    c = flu(b.leave(1, b.after("gamma", mean=4, sd=2), 2))
    m = b.model(
        20,
        conditions=(c,),
        networks=(b.network("n", "random", contacts=2),),
        contagions=(b.contagion("Flu", (1, "n", 0.3)),),
        observations=(b.observe("cases", ("Flu", (1,))),),
    )
    return run(b.request(m, 300, seed, replicate=replicate, start={"Flu": np.arange(300) < 5}))


def test_the_same_seed_gives_the_same_run_and_another_does_not() -> None:
    cases = values(outbreak(), "cases")
    assert cases == values(outbreak(), "cases") and sum(cases) > 20
    assert cases != values(outbreak(seed=2), "cases") and cases != values(outbreak(replicate=1), "cases")


def test_progress_stops_a_run_and_what_was_not_reached_is_not_a_number() -> None:
    c = b.condition("C", "A B", b.leave(0, When(b.apply("ge", b.total("count", where=b.is_in("C", 0)), 0)), 1))
    watch = CheckAlways(b.total("count", where=b.is_in("C", 1)), None, b.expr(9), NOWHERE)
    m = b.model(5, conditions=(c,), observations=(b.observe("into", ("C", (1,))),), checks=(watch,))
    result = run(b.request(m, 4), progress=lambda done: done < 2)
    assert result.steps_done == 2 and values(result, "into")[:2] == [4, 0]
    assert np.isnan(result.observations["into"][2:]).all() and np.isnan(result.watches[0][3:]).all()
    assert result.watches[0][:3].tolist() == [0, 4, 4]


def test_a_run_leaves_the_world_as_it_was() -> None:
    change = b.intervention("change", b.block("change", b.setting("x", 1.0)))
    made = b.request(b.model(2, interventions=(change,)), 3, attributes={"x": np.zeros(3)})
    run(replace(made, seed=3))
    assert made.world.attributes[("Person", "x")].tolist() == [0, 0, 0]


def test_importing_the_back_ends_does_not_import_torch() -> None:
    code = "import sys, lpmdsl.backends, lpmdsl.backends.request; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
