"""Counts of neighbours that are kept by differences are those of asking everybody anew: in random models, exactly."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import numpy as np
import pytest

import lpmdsl
from compiler_tests.support.both_backends import assert_same, compiled, cpu_run, request_of, runner
from compiler_tests.support.four_ways import same_four_ways
from lpmdsl.compiler import Compiled
from lpmdsl.lowering.plan.plan import choose
from lpmdsl.lowering.sparse import neighbours
from lpmdsl.runtime.engine.execute import buffers_after
from lpmdsl.runtime.engine.kernels import build
from lpmdsl.semantics.model import Model

HEAD = """model kept version 1.0

clock
  step 1 day
  from 2024-01-01 for 20 days

parameter press = 0.1 per day

agent Person count 400
  opinion number ~ uniform(0, 1)
  band category ~ categorical(low 30 %, middle 40 %, high 30 %)
  household place of size ~ poisson(3)
  careful yes/no ~ bernoulli(30 %)
  glad yes/no = no
  rank category one of first, second = first
  met number = 0

network friends joins Person as erdos_renyi(degree 4)
network homes joins Person sharing household with 6 contacts per day
network works joins Person as small_world(degree 6, rewiring 10 %) on weekdays
network clubs joins Person as erdos_renyi(degree 5){club}

condition Flu of Person
  states S, I, R, D
  start S except 100 Person in I
  from S at rate press * {rate} to I
  from I after exponential(mean 4 days)
    to D with probability 0.5 * {branch}
    to R otherwise
  {back}
  removed in D
  {held}
  on entering I
    set met to {met}
    set rank to second with probability 50 %
{other}
{acts}

observe infections = number entering I per day
observe ill = count of Person where Flu is I every 2 days
observe seen = mean of {seen} over Person every 3 days
observe felt = mean of {felt} over Person every day
observe met_then = mean of met over Person every day
observe glad_people = count of Person where glad every day
"""
IDEA = """
condition Idea of Person
  states Deaf, Listening, Convinced
  start Deaf except 60 Person in Convinced
  from Deaf at rate press * {rate} to Listening
  from Listening when {count} > 1 to Convinced
  from Convinced after exponential(mean 9 days) to Deaf
"""
CHEER = """
intervention cheer
  every 3 days for at most 60 people Person where {share} < 50 % and not glad
    set glad to yes
    {move}
"""
SHUT = """
intervention shut
  starts when ill rises above 60
  stops when ill falls below 40
  while active for Person where glad or careful
    leave {network}
"""
RULE = """
rule turn of Person
  every 2 days
  where {count} > 1
    set glad to not glad
"""
NETWORKS = ("friends", "homes", "works", "clubs")
TESTS = ("their.Flu is I", "their.Flu is not S", "their.glad", "their.opinion > 0.6 or their.rank is second",
         "their.band is high and their.Flu is I", "their.careful", "not their.careful and their.Flu is R")  # fmt: skip


def random_model(seed: int) -> str:
    """A model with counts of neighbours in every place that may read them, of everything that can move them."""
    lot = Random(seed)

    def where() -> str:
        return lot.choice(TESTS)

    def count() -> str:
        network = lot.choice(NETWORKS)
        return lot.choice((f"(count of {network} where {where()})", f"(count of {network})",
                           f"(sum of (2 where {where()}, 0.0 - 1 otherwise) over {network})",
                           f"(count of {network} where {where()}) / (1 + (count of {network}))"))  # fmt: skip

    def share() -> str:
        network, none = lot.choice(NETWORKS), lot.choice(("else 0", "else 10 %"))
        of = lot.choice((f"share of {network}", f"mean of (1 where {where()}, 0 otherwise) over {network}"))
        return f"({of} where {where()} {none})"

    acts = [RULE.format(count=count())] if lot.random() < 0.6 else []
    if lot.random() < 0.7:
        acts.append(SHUT.format(network=lot.choice(NETWORKS)))
    if lot.random() < 0.7:
        move = "move Flu to S" if lot.random() < 0.4 else ""
        acts.append(CHEER.format(share=share(), move=move))
    return HEAD.format(
        club=" where careful or glad" if lot.random() < 0.5 else "",
        rate=f"max({count()}, 0)", branch=share(), met=count(), seen=share(), felt=count(),
        back="from R after exponential(mean 6 days) to S" if lot.random() < 0.5 else "",
        held=lot.choice(("while I\n    leave homes, works", "while I\n    set careful to yes", "")),
        other=IDEA.format(rate=f"max({count()}, 0)", count=count()) if lot.random() < 0.4 else "",
        acts="\n".join(acts),
    )  # fmt: skip


@pytest.mark.parametrize("seed", range(8))
def test_random_models_count_alike_in_every_way(seed: int) -> None:
    model = lpmdsl.load(random_model(seed)).model
    result = same_four_ways(model, 400, seed)
    assert_same(result, runner(model, "cpu", 3)(request_of(model, 400, seed)))
    assert result.observations["infections"].sum() > 0 and np.nansum(np.abs(result.observations["felt"])) > 0
    assert sum(c.way == "kept" for c in choose(model).choices if c.subject.startswith("neighbours")) > 3


@pytest.mark.parametrize("few", [0, 1 << 40], ids=["always_by_differences", "always_anew"])
def test_differences_and_asking_anew_are_the_same(few: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody ever asks anew after the beginning, or everybody after every change."""
    model = lpmdsl.load(random_model(3)).model
    usual = runner(model, "cpu")(request_of(model, 400, 3))
    monkeypatch.setattr(neighbours, "FEW", few)
    assert_same(usual, runner(model, "cpu", 2)(request_of(model, 400, 3)))


# ------------------------------------------------------------------ a contagion of counts

SPREADS = """model spreads version 1.0

clock
  step 1 day
  for {days} days

agent Person count {agents}
  hard number ~ uniform(0, 4)
{more}
network friends joins Person as small_world(degree 8, rewiring 10 %)

condition Idea of Person
  states S, I, R
  start S except {start} Person in I
  {exit}
  from I after {ends} to R

observe infections = number entering I per day
observe having = count of Person where Idea is I every day
"""

MEAN = "exponential(mean 7 days)"


def spreads(exit_: str, agents: int = 30_000, days: int = 40, start: int = 600, ends: str = MEAN) -> Compiled:
    text = SPREADS.format(exit=exit_, agents=agents, days=days, start=start, ends=ends, more="")
    return compiled(lpmdsl.load(text).model)


@pytest.mark.parametrize(
    "exit_",
    [
        "from S at rate 0.05 per day * (count of friends where their.Idea is I) to I",
        "from S when count of friends where their.Idea is I > hard to I",
        "from S at rate 2 per day * (share of friends where their.Idea is I else 0) ^ 2 to I",
        "from S at rate 0.001 per day + 0.05 per day * (count of friends where their.Idea is I) to I",
    ],
    ids=["rate", "threshold", "share", "never_zero"],
)
@pytest.mark.parametrize("threads", [1, 2])
def test_only_those_who_see_a_change_are_looked_at(exit_: str, threads: int) -> None:
    made = spreads(exit_)
    assert choose(made.model).woken == {"Idea": {0}}
    request = request_of(made.model, None, 5)
    result = cpu_run(made, threads)(request)
    assert_same(cpu_run(replace(made, cpu=made.program))(request), result)
    assert result.observations["infections"].sum() > 1_000


def test_sums_are_those_of_a_fresh_count_and_only_who_may_leave_is_awake() -> None:
    made = spreads("from S at rate 0.05 per day * (count of friends where their.Idea is I) to I", 2_000, 15, 40)
    request = request_of(made.model, None, 2)
    buffers = buffers_after(build(made), request, None, 1).buffers
    (ties,) = request.world.ties.values()
    told = np.repeat(buffers["friends_sum_1_told"], np.diff(ties.offsets))
    np.testing.assert_array_equal(np.bincount(ties.targets, weights=told, minlength=2_000), buffers["friends_sum_1"])
    changed = buffers["Person_seen_changed"][: buffers["Person_seen_changed_size"][0]]
    fresh = buffers["friends_sum_1_told"].copy()
    fresh[changed] = (buffers["Idea"] == 1)[changed]
    np.testing.assert_array_equal(fresh, buffers["Idea"] == 1)
    assert 0 < len(changed) < 400
    awake = np.unpackbits(buffers["Idea_awake"].view(np.uint8), bitorder="little")[:2_000].astype(bool)
    may = (buffers["Idea"] == 0) & (buffers["friends_sum_1"] > 0)
    assert awake[may].all() and awake.sum() < 2_000


def test_what_nobody_can_write_down_is_counted_from_the_exact_ties() -> None:
    """At a rate at which everybody leaves at once who sees one, step k reaches those at distance k on the graph."""
    exit_ = "from S at rate 60 per day * (count of friends where their.Idea is I) to I"
    made = spreads(exit_, 3_000, 12, 1, ends="fixed(30 days)")
    request = request_of(made.model, None, 4)
    now = cpu_run(made)(request).observations["infections"].ravel()
    (ties,) = request.world.ties.values()
    reached = np.isin(np.arange(3_000), np.flatnonzero(request.start["Idea"] == 1))
    rows = np.repeat(np.arange(3_000), np.diff(ties.offsets))
    for infections in now[:4]:
        around = np.zeros(3_000, bool)
        around[ties.targets[reached[rows]]] = True
        assert infections == np.count_nonzero(around & ~reached)
        reached |= around


# ------------------------------------------------------------------ what is kept and what not


DIRECTED = "its ties have a direction, and only their own end is in the row"


def ways(seen: str, more: str = "") -> dict[str, tuple[str, str]]:
    text = SPREADS.format(
        exit=f"from S at rate 0.05 per day * {seen} to I", agents=100, days=5, start=5, ends=MEAN,
        more="  x number ~ uniform(0, 1)\n",
    ) + more  # fmt: skip
    return {c.subject: (c.way, c.why) for c in choose(lpmdsl.load(text).model).choices}


@pytest.mark.parametrize(
    ("seen", "why"),
    [
        ("(count of friends where their.x > x)", "it reads what the agent itself has or is"),
        ("(sum of their.x over friends)", "a sum of numbers that need not be whole has the order of the row"),
        ("(max of their.x over friends else 0)", "a max is not made of sums"),
        ("(count of friends where their.x > time / 9 days)", "it reads the time"),
        ("(count of friends where their.x > having / population)", "it reads a report"),
        ("(share of follows where their.x > 0.5 else 0)", DIRECTED),
        ("(count of dates where their.x > 0.5)", "its ties are drawn anew"),
    ],
)  # fmt: skip
def test_what_is_asked_anew_is_told_with_its_reason(seen: str, why: str) -> None:
    more = "network follows joins Person as erdos_renyi(degree 4) directed\n"
    more += "network dates joins Person as random_regular(degree 4) redrawn every day\n"
    found = [v for k, v in ways(seen, more).items() if k.startswith("neighbours")]
    assert found == [("anew", why)]


def test_what_people_know_when_they_are_asked_is_asked_anew() -> None:
    knows = "  knows around = (count of friends where their.careful) > 2\n"
    more = "  band category ~ categorical(low 40 %, high 60 %)\n  careful yes/no = no\n"
    exit_ = "from S at rate 0.02 per day * (count of friends where their.careful) to I"
    decides = DECIDES.replace("  knows band\n", "  knows band\n" + knows).replace("{band}.", "{band}, {around}.")
    text = SPREADS.format(exit=exit_, agents=400, days=30, start=10, ends=MEAN, more=more) + decides
    found = [c.way for c in choose(lpmdsl.load(text).model).choices if c.subject.startswith("neighbours")]
    assert sorted(found) == ["anew", "kept"]
    same_four_ways(lpmdsl.load(text).model, 400, 1)


CLOSES = """
intervention closing of household
  starts when share of household where Idea is I rises above 30 %
  stops when share of household where Idea is I falls below 20 %
  while active
    {held}
"""


@pytest.mark.parametrize("held", ["leave friends", "set careful to yes"])
def test_what_an_intervention_of_each_place_decides_is_asked_anew(held: str) -> None:
    more = "  household place of size 4\n  careful yes/no = no\n"
    exit_ = "from S at rate 0.05 per day * (count of friends where their.Idea is I or their.careful) to I"
    text = SPREADS.format(exit=exit_, agents=400, days=30, start=20, ends=MEAN, more=more)
    model: Model = lpmdsl.load(text + CLOSES.format(held=held)).model
    assert [c.way for c in choose(model).choices if c.subject.startswith("neighbours")] == ["anew"]
    assert same_four_ways(model, 400, 2).observations["infections"].sum() > 20


def test_sums_of_whole_numbers_are_kept() -> None:
    found = ways("(sum of (3 where their.Idea is I, 1 otherwise) over friends)")
    assert [v[0] for k, v in found.items() if k.startswith("neighbours")] == ["kept"]


DECIDES = """
behaviour caring of Person
  decides yes/no into careful
  every 3 days
  knows band
  asks 10 times per archetype
    "You are {band}. Careful?"
  otherwise 40 %
"""


def test_what_a_language_model_decides_is_counted_from_the_next_look_on() -> None:
    """Nothing else writes what is counted, and who decides is nobody's list."""
    more = "  band category ~ categorical(low 40 %, high 60 %)\n  careful yes/no = no\n"
    exit_ = "from S at rate 0.02 per day * (count of friends where their.careful) to I"
    text = SPREADS.format(exit=exit_, agents=400, days=30, start=10, ends=MEAN, more=more) + DECIDES
    model: Model = lpmdsl.load(text).model
    assert choose(model).woken == {"Idea": {0}}
    infections = same_four_ways(model, 400, 1).observations["infections"].ravel()
    assert infections.sum() > 50
