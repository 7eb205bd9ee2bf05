"""Decisions: the same on every back end, and by the law that was answered."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from compiler_tests.example_models.behaviour_models import FRIENDS, ONE, always, answering, checked
from compiler_tests.support.both_backends import assert_same, compiled, cpu_run, request_of, runner
from lpmdsl.backends.request import Archetype
from lpmdsl.compiler import Compiled
from lpmdsl.diagnostics import LpmError, fail
from lpmdsl.reference import interpreter
from lpmdsl.runtime.engine.gpu.launch import Tiling
from lpmdsl.runtime.engine.gpu.run import gpu_runner
from lpmdsl.semantics.analysis.archetypes import NONE_YET, labels_of_code, most_archetypes, resting
from lpmdsl.semantics.model import Model
from lpmdsl.source import NOWHERE

Z = 4.0


@pytest.fixture(scope="module")
def friends() -> Compiled:
    return compiled(checked(FRIENDS))


# ------------------------------------------------------------------ one meaning on every back end


@pytest.mark.parametrize("seed", [1, 2])
def test_reference_cpu_and_dense_agree(friends: Compiled, seed: int) -> None:
    request = request_of(friends.model, 2_000, seed)
    result = cpu_run(friends)(request)
    assert_same(result, interpreter.run(request))
    assert_same(result, cpu_run(replace(friends, cpu=friends.program))(request))
    last = {name: values[-1] for name, values in result.observations.items()}
    assert 100 < last["careful_now"].sum() < 1_900 and 0.1 < last["kept"][0] < 0.9 and 0 < last["on_foot"][0] < 1
    assert 100 < last["masks"][0] < 1_900


def test_threads_do_not_show(friends: Compiled) -> None:
    request = request_of(friends.model, 40_000, 3)
    request = replace(request, steps=20)
    assert_same(cpu_run(friends)(request), cpu_run(friends, threads=2)(request))


def test_the_gpu_gives_the_counts_of_the_cpu(friends: Compiled) -> None:
    """Two replicates of a launch, each with its own table."""
    requests = [replace(request_of(friends.model, 250, 5, replicate=r), steps=16) for r in range(2)]
    together = gpu_runner(friends, Tiling(128))(requests, None)
    for request, result in zip(requests, together, strict=True):
        assert_same(cpu_run(friends)(request), result)
    assert not np.array_equal(together[0].observations["careful_now"], together[1].observations["careful_now"])


def test_the_kept_view_hears_of_decisions(friends: Compiled) -> None:
    """Without the decision the epidemic is another: what others feel is updated when somebody becomes careful."""
    request = request_of(friends.model, 2_000, 1)
    off = replace(request, disabled=frozenset({"caring"}))
    with_it, without = cpu_run(friends)(request), cpu_run(friends)(off)
    assert_same(without, interpreter.run(off))
    assert np.nansum(with_it.observations["careful_now"]) > 0 == np.nansum(without.observations["careful_now"])
    assert np.nansum(with_it.observations["cases"]) < np.nansum(without.observations["cases"])


def test_a_run_that_is_stopped_between_decisions_has_what_it_had(friends: Compiled) -> None:
    request = request_of(friends.model, 500, 1)
    from lpmdsl.runtime.engine.execute import cpu_runner

    stopped = cpu_runner(friends)(request, lambda done: done < 20)
    whole = cpu_run(friends)(request)
    done = stopped.steps_done
    assert 20 <= done < request.steps
    np.testing.assert_array_equal(stopped.observations["masks"][:done], whole.observations["masks"][:done])


def test_the_generated_text_is_the_golden_one(friends: Compiled, golden: Callable[[str, str], None]) -> None:
    golden("friends.ir.txt", friends.emit("ir"))
    golden("friends.cpu.py.txt", friends.emit("cpu"))
    golden("friends.triton.py.txt", friends.emit("triton"))


def test_a_run_shorter_than_a_report(friends: Compiled) -> None:
    """Four days, and cases are reported by the week: not yet known, on every back end."""
    request = replace(request_of(friends.model, 300), steps=8)
    result = cpu_run(friends)(request)
    assert_same(result, interpreter.run(request))
    assert_same(result, gpu_runner(friends)([request], None)[0])
    assert result.observations["cases"].shape == (0, 2)


TWO_KINDS = """\
model farm version 1.0

clock
  step 1 day
  for 14 days

agent Person count 500
  sells yes/no = no

agent Cow count 800
  calm yes/no = no
  breed category ~ categorical(red 50 %, black 50 %)

network stalls joins Cow as erdos_renyi(degree 4)

condition Cough of Cow
  states S, I
  start S except 50 Cow in I
  from S by contagion to I
  from I after exponential(mean 5 days) to S

contagion of Cough
  from I on stalls at 0.1 per day
  target scaled by 0.5 where calm

observe sold = count of Person where sells
observe coughing = share of Cow where Cough is I by breed every day
observe ill_cows = count of Cow where Cough is I every day

behaviour selling of Person
  decides yes/no into sells by rule min(1, ill_cows / (100 people))
  every 2 days
  knows ill_cows

behaviour calming of Cow
  decides yes/no into calm
  when coughing, Cough changes
  knows breed, Cough
  knows coughing in bands at 5 %, 10 %, 20 %
  asks for probabilities
    "A {breed} cow, {Cough}; {coughing} cough. Calm?"
  otherwise no

check always (count of Person where sells) <= 500 people
"""


def test_two_kinds_decide() -> None:
    """One by a rule, one when its own state or its own group's report changes."""
    made = compiled(checked(TWO_KINDS))
    worlds = request_of(made.model, 500, 3)
    result = cpu_run(made)(worlds)
    assert_same(result, interpreter.run(worlds))
    assert_same(result, gpu_runner(made)([worlds], None)[0])
    assert result.observations["sold"][:, 0].max() > 50


def test_whoever_is_asked_can_end_the_run(friends: Compiled) -> None:
    """At the third refresh: what was reported until then is there, and why it ended, on every back end."""
    whole = request_of(friends.model, 300)

    def ask(name: str, step: int, who: tuple[Archetype, ...]) -> NDArray[np.float64]:
        if name == "caring" and step == 28:
            raise fail("E0899", "no more money", NOWHERE)
        return answering(friends.model)(name, step, who)

    request = replace(whole, ask=ask)
    results = [cpu_run(friends)(request), interpreter.run(request), gpu_runner(friends)([request], None)[0]]
    for result in results:
        assert result.stopped is not None and result.steps_done == 28
        assert result.stopped.report.diagnostics[0].message == "no more money"
        assert_same(results[0], result)
    longer = cpu_run(friends)(whole)
    assert longer.stopped is None and longer.steps_done == 56
    np.testing.assert_array_equal(results[0].observations["masks"][:29], longer.observations["masks"][:29])
    assert np.isnan(results[0].observations["masks"][29:]).all()


def test_recorded_steps_end_where_somebody_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a GPU replays: blocks of 16 and single steps, never past a boundary at which somebody is asked."""
    from lpmdsl.runtime.engine.gpu import run as gpu

    done: list[int] = [1]

    class Graph:
        def __init__(self, steps: int) -> None:
            self.steps = steps

        def replay(self) -> None:
            done.append(done[-1] + self.steps)

    class Asked:
        def pause(self, t: int) -> int:
            assert t == done[-1]
            return t if t == 70 else (t // 14 + 1) * 14

    monkeypatch.setattr(gpu.torch.cuda, "synchronize", lambda: None)
    single, block = (gpu.Recorded(Graph(k), k) for k in (1, 16))  # type: ignore[arg-type]
    assert gpu._replay(single, block, 100, None, Asked()) == 70  # type: ignore[arg-type]
    assert {14, 28, 42, 56, 70} <= set(done)
    done[:] = [1]
    assert gpu._replay(single, block, 40, None, None) == 40 and len(done) < 20


# ------------------------------------------------------------------ whom one asks


def test_only_occupied_archetypes_are_asked_once_a_refresh(friends: Compiled) -> None:
    calls: list[tuple[str, int, tuple[Archetype, ...]]] = []
    model = friends.model
    cpu_run(friends)(replace(request_of(model, 2_000), ask=answering(model, calls)))
    caring = [(step, who) for name, step, who in calls if name == "caring"]
    assert [step for step, _ in caring] == [0, 14, 28, 42]
    assert [step for name, step, _ in calls if name == "keeping"] == [0, 28]
    for _, who in caring:
        codes = [a.code for a in who]
        assert codes == sorted(set(codes)) and codes[-1] < most_archetypes(model.behaviour("caring"))
        assert all(a.labels == labels_of_code(model.behaviour("caring"), a.code) for a in who)
    first, later = caring[0][1], caring[2][1]
    assert {a.labels[3:] for a in first} == {("not yet known", NONE_YET, NONE_YET)}
    assert {a.labels[-2:] for a in later} == {(x, y) for x in ("no", "yes") for y in ("no", "yes")}
    assert {a.labels[2] for a in first} == {
        "below 600 USD per week",
        "600 to 1200 USD per week",
        "1200 USD per week or more",
    }


def test_who_watches_is_asked_when_something_changes_for_somebody(friends: Compiled) -> None:
    calls: list[tuple[str, int, tuple[Archetype, ...]]] = []
    model = friends.model
    cpu_run(friends)(replace(request_of(model, 2_000), ask=answering(model, calls)))
    steps = [step for name, step, _ in calls if name == "moving"]
    # Everybody at first; then the day after decisions of others (`careful`), and when cases are reported.
    assert steps[:2] == [0, 1] and set(steps) <= {s + d for s in (0, 14, 28, 42) for d in (0, 1)}


def test_nobody_to_ask_is_said_before_the_run(friends: Compiled) -> None:
    for run in (cpu_run(friends), interpreter.run):
        with pytest.raises(LpmError) as error:
            run(replace(request_of(friends.model, 100), ask=None))
        assert error.value.report.diagnostics[0].code == "E0850"


# ------------------------------------------------------------------ the law that was answered

ISOLATES = """\
behaviour caring of Person
  decides yes/no into careful
  every day
  asks for probabilities
    "Careful?"
  shifted by shift
  otherwise 10 %
"""


def z_of_share(share: float, p: float, n: int) -> float:
    return (share - p) / np.sqrt(p * (1 - p) / n)


def one(behaviour: str, days: int = 3) -> Model:
    return checked(ONE.replace("DAYS", str(days)).replace("BEHAVIOUR", behaviour))


@pytest.mark.parametrize(("shift", "expected"), [("0", 0.3), ("1", 0.3 * np.e / (0.7 + 0.3 * np.e)), ("-30", 0.0)])
def test_the_share_that_decides_is_the_probability(shift: str, expected: float) -> None:
    """Binomial(20 000, p) on each of three days, and days are independent: |z| < 4."""
    model = one(ISOLATES)
    made, ask = compiled(model), always(lambda who: [[0.7, 0.3]] * len(who))
    request = replace(request_of(model, 20_000, settings={"shift": shift}), ask=ask)
    result = cpu_run(made)(request)
    assert_same(result, interpreter.run(request))
    counts = result.observations["said_yes"][1:, 0]
    if expected == 0:
        assert counts.sum() == 0
    else:
        assert max(abs(z_of_share(c / 20_000, expected, 20_000)) for c in counts) < Z
        assert len(set(counts)) == 3


def test_decisions_that_are_remembered_make_a_chain() -> None:
    """P(yes) is 90 % after yes, 20 % after no, 50 % at first: x' = 0.2 + 0.7 x, |z| < 4 on each day."""
    chance = {"yes": 0.9, "no": 0.2, NONE_YET: 0.5}
    behaviour = ISOLATES.replace('"Careful?"', '"You decided {decisions}."').replace(
        "  shifted by shift\n", "  remembers the last decision\n".replace("last decision", "last 1 decision")
    )
    model = one(behaviour, 8)
    ask = always(lambda who: [[1 - chance[a.labels[0]], chance[a.labels[0]]] for a in who])
    request = replace(request_of(model, 20_000), ask=ask)
    result = runner(model, "cpu")(request)
    assert_same(result, interpreter.run(request))
    share = 0.5
    for count in result.observations["said_yes"][1:, 0]:
        assert abs(z_of_share(count / 20_000, share, 20_000)) < Z
        share = 0.2 + 0.7 * share


def test_labels_are_drawn_by_their_probabilities() -> None:
    behaviour = ISOLATES.replace("yes/no into careful", "category into mode").replace("10 %", "bus")
    model = one(behaviour.replace("  shifted by shift\n", ""))
    request = replace(request_of(model, 20_000), ask=always(lambda who: [[0.2, 0.5, 0.3]] * len(who)))
    result = runner(model, "cpu")(request)
    assert_same(result, interpreter.run(request))
    for name, p in (("on_foot", 0.3), ("in_cars", 0.5)):
        assert max(abs(z_of_share(c / 20_000, p, 20_000)) for c in result.observations[name][1:, 0]) < Z


def test_replies_are_drawn_evenly() -> None:
    """Shares 0, 1/4, …, 1, one in five each: the mean of 20 000 is 1/2, its standard error √(1/8 / 20 000)."""
    behaviour = ISOLATES.replace("yes/no into careful", "share into kept").replace(
        "asks for probabilities", "asks 5 times per archetype"
    )
    model = one(behaviour.replace("  shifted by shift\n", ""))
    request = replace(request_of(model, 20_000), ask=always(lambda who: [[0, 0.25, 0.5, 0.75, 1]] * len(who)))
    result = runner(model, "cpu")(request)
    assert_same(result, interpreter.run(request))
    z = (result.observations["mean_kept"][1:, 0] - 0.5) / np.sqrt(0.125 / 20_000)
    assert np.abs(z).max() < Z and np.abs(z).max() > 0


def test_seeds_give_binomial_counts() -> None:
    """200 seeds with 400 people: the counts' Kolmogorov distance from Binomial(400, 0.3) has p > 10⁻⁴."""
    model = one(ISOLATES, 1)
    run, ask = runner(model, "cpu"), always(lambda who: [[0.7, 0.3]] * len(who))
    base = replace(request_of(model, 400), ask=ask)
    counts = np.array([run(replace(base, seed=s)).observations["said_yes"][1, 0] for s in range(200)])
    below, at = stats.binom.cdf(counts - 1, 400, 0.3), stats.binom.pmf(counts, 400, 0.3)
    dithered = below + at * np.random.default_rng(1).random(200)
    assert stats.kstest(dithered, "uniform").pvalue > 1e-4


# ------------------------------------------------------------------ twins

TWINS = (
    ISOLATES.replace("every day", "every 2 days")
    + """
behaviour heuristic of Person
  decides yes/no into careful by rule inverse_logit(-1.5 + 0.2 * log(1 + on_foot / (1 person)))
  every 2 days
  knows on_foot
  shifted by shift

scenario by_rule
  with heuristic

scenario off
  without caring
"""
)


def test_a_rule_is_a_table_that_says_the_same() -> None:
    """Draws are keyed by what is decided, whoever decides it: the decisions are the same, bit for bit."""
    from lpmdsl.semantics.host import numbers

    model = one(TWINS, 6)
    run, settings = runner(model, "cpu"), {"shift": "0.4"}
    asked_ = request_of(model, 5_000, settings=settings)
    on_foot = float((asked_.world.attributes["Person", "mode"] == 2).sum())
    p = float(1.0 / (1.0 + numbers.exp(-(-1.5 + 0.2 * numbers.log(1.0 + on_foot)))))
    asked_ = replace(asked_, ask=always(lambda who: [[1 - p, p]] * len(who)))
    ruled = request_of(model, 5_000, scenario="by_rule", settings=settings)
    assert asked_.disabled == {"heuristic"} and ruled.disabled == {"caring"}
    a, b = run(asked_), run(ruled)
    assert_same(a, b)
    assert_same(b, interpreter.run(ruled))
    assert 0 < a.observations["said_yes"][-1, 0] < 5_000
    changes = [x != y for x, y in pairwise(a.observations["said_yes"][:, 0])]
    # Every other step; in one of a hundred decisions as many say yes as before.
    assert changes[1::2] == [False, False, False] and sum(changes[::2]) >= 2


def test_scenarios_choose_who_decides() -> None:
    model = one(TWINS, 2)
    assert resting(model, "baseline") == {"heuristic"}
    assert resting(model, "by_rule") == {"caring"}
    assert resting(model, "off") == {"caring", "heuristic"}
    result = runner(model, "cpu")(request_of(model, 300, scenario="off"))
    assert len(set(result.observations["said_yes"][:, 0])) == 1


def test_scenario_and_baseline_share_their_luck(friends: Compiled) -> None:
    """Who is careful without the shift is careful with it too: the same words are compared with a higher bound."""
    model = one(ISOLATES, 1)
    run, ask = runner(model, "cpu"), always(lambda who: [[0.7, 0.3]] * len(who))
    few = replace(request_of(model, 5_000, settings={"shift": "-1"}), ask=ask)
    more = replace(request_of(model, 5_000, settings={"shift": "1"}), ask=ask)
    both = [run(r).observations["said_yes"][1, 0] for r in (few, more)]
    assert both[0] < both[1]
