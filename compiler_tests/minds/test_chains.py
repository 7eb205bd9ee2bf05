"""Decisions after others at one moment: the same on every back end, by their laws, refused where nothing precedes."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from compiler_tests.example_models.behaviour_models import ONE, answering, checked
from compiler_tests.minds.crowds import CHAIN
from compiler_tests.support.both_backends import assert_same, compiled, cpu_run, request_of, runner
from compiler_tests.support.four_ways import same_four_ways
from lpmdsl.backends.request import Archetype
from lpmdsl.compiler import check_source
from lpmdsl.diagnostics import Report
from lpmdsl.interchange import from_json, to_json
from lpmdsl.runtime.engine.gpu.launch import Tiling
from lpmdsl.runtime.engine.gpu.run import gpu_runner
from lpmdsl.runtime.engine.profile import profile
from lpmdsl.semantics.analysis.archetypes import stages
from lpmdsl.source import Source
from lpmdsl.syntax.formatting.text import format_module
from lpmdsl.syntax.parse import parse

Z = 3.0
Calls = list[tuple[str, int, tuple[Archetype, ...]]]

# ------------------------------------------------------------------ one meaning on every back end


@pytest.mark.parametrize("seed", [1, 2])
def test_four_ways_agree(seed: int) -> None:
    result = same_four_ways(checked(CHAIN), 1_000, seed)
    last = {name: values[-1, 0] for name, values in result.observations.items()}
    assert all(100 < last[name] < 900 for name in ("fear", "staying", "wanting", "torn", "telling"))


def test_the_gpu_gives_the_counts_of_the_cpu() -> None:
    made = compiled(checked(CHAIN))
    requests = [replace(request_of(made.model, 250, 5, replicate=r), steps=12) for r in range(2)]
    for request, result in zip(requests, gpu_runner(made, Tiling(128))(requests, None), strict=True):
        assert_same(cpu_run(made)(request), result)


@pytest.mark.parametrize("off", [{"talking"}, {"believing"}, {"believing", "wishing", "acting", "talking"}, {"hoping"}])
def test_who_rests_holds_nobody_up(off: set[str]) -> None:
    """Also where nobody is asked: then all decide in the step, one after the other."""
    model = checked(CHAIN)
    request = replace(request_of(model, 500), disabled=frozenset(off))
    result = runner(model, "cpu")(request)
    assert_same(result, runner(model, "reference")(request))
    made = compiled(model)
    begin = replace(request, steps=10)
    assert_same(cpu_run(made)(begin), gpu_runner(made, Tiling(256))([begin], None)[0])
    assert ("hoping" in off) == (result.observations["hopes"][-1, 0] == 0.5)


def test_a_profile_takes_the_same_turns() -> None:
    """All stages are timed, each as often as it is due, and the last step leaves nobody's turn behind."""
    made = compiled(checked(CHAIN))
    names = {stage.name for stage in profile(made, request_of(made.model, 300))}
    assert "asking" in names and any(name.startswith("decide_Person_4") for name in names)


def test_texts_go_round() -> None:
    assert format_module(parse(Source("chain.lpm", CHAIN), Report())) == CHAIN
    model = checked(CHAIN)
    assert from_json(to_json(model)) == model and stages(model) == 4


# ------------------------------------------------------------------ who is asked, and when


def test_they_are_asked_in_turns_and_know_what_was_decided() -> None:
    """In each moment: those of the first turn in written order, then those after them, who know."""
    calls: Calls = []
    model = checked(CHAIN)
    runner(model, "cpu")(replace(request_of(model, 500), ask=answering(model, calls)))
    order = [name for name, step, _ in calls if step == 0]
    assert order == ["believing", "talking", "wishing", "acting"]
    at_start = {a.labels[0] for name, step, who in calls if (name, step) == ("wishing", 0) for a in who}
    assert at_start == {"no", "yes"}, "nobody is afraid before the first moment, and the wishes know who is now"


def test_waiting_for_a_change_saves_asks() -> None:
    """Nobody is asked for but those for whom something changed: in steps in which nothing is decided
    before it, nobody."""
    calls: Calls = []
    model = checked(CHAIN)
    runner(model, "cpu")(replace(request_of(model, 500), ask=answering(model, calls)))
    assert {step for name, step, _ in calls if name == "acting"} <= {0, 2, 4, 6, 8, 10}


# ------------------------------------------------------------------ laws

TELLERS = """\
model tellers version 1.0

clock
  step 1 day
  for 30 days

agent Person count 20_000
  first category one of good, bad, dull = good
  second category one of good, bad, dull = good
  third category one of good, bad, dull = good
"""
TOLD = """
behaviour {one} of Person
  decides category into {into}
  every day{after}
  knows {knows}
  asks for probabilities
    "You heard a {{{knows}}} story. Which one do you tell?"
  otherwise dull
"""
WATCHED = "".join(
    f"\nobserve {teller}_{story} = count of Person where {teller} is {story} every day\n"
    for teller in ("first", "second", "third")
    for story in ("good", "bad", "dull")
)
TABLE = np.array([[0.8, 0.15, 0.05], [0.1, 0.6, 0.3], [0.2, 0.2, 0.6]])
"""From what was heard to what is told. Its stationary shares: (20, 14, 13) / 47."""


def test_three_tellers_are_three_steps_of_a_markov_chain() -> None:
    """A story goes through three tellers a day, from good: on day 1 each tells by a power of the table.

    In the end by the stationary shares, which are solved from it. To 3 standard errors of 20 000 people.
    """
    text = TELLERS + WATCHED + TOLD.format(one="a", into="first", after="", knows="third")
    text += TOLD.format(one="b", into="second", after="\n  after a", knows="first")
    text += TOLD.format(one="c", into="third", after="\n  after b", knows="second")
    model = checked(text)
    stories = ("good", "bad", "dull")

    def ask(name: str, step: int, who: tuple[Archetype, ...]) -> np.ndarray:
        return np.array([TABLE[stories.index(a.labels[0])] for a in who])

    request = replace(request_of(model, 20_000, 2), ask=ask)
    result = runner(model, "cpu")(request)
    assert_same(result, runner(model, "reference")(request))
    system = np.vstack([TABLE.T - np.eye(3), np.ones(3)])
    stationary = np.linalg.lstsq(system, np.array([0.0, 0.0, 0.0, 1.0]), rcond=None)[0]
    assert stationary == pytest.approx(np.array([20, 14, 13]) / 47, abs=1e-12)
    for power, teller in enumerate(("first", "second", "third"), start=1):
        for k, story in enumerate(stories):
            counts = result.observations[f"{teller}_{story}"][:, 0]
            expected = (np.linalg.matrix_power(TABLE, power)[0, k], stationary[k])
            for day, p in zip((1, 30), expected, strict=True):
                assert abs(counts[day] / 20_000 - p) < Z * math.sqrt(p * (1 - p) / 20_000), (teller, story, day)


ECHO = """\
behaviour caring of Person
  decides yes/no into careful
  every day
  asks for probabilities
    "Careful?"
  otherwise no

behaviour going of Person
  decides category into mode
  every day{after}
  knows careful
  asks for probabilities
    "Careful: {{careful}}. How do you go?"
  otherwise bus

observe wrong = count of Person where (careful and not mode is feet) or (not careful and mode is feet)
"""


@pytest.mark.parametrize("after", ["\n  after caring", ""])
def test_after_knows_now_and_without_it_a_moment_later(after: str) -> None:
    """Going on foot is for the careful alone. After the decision all do so at once.

    Without `after` they go by what was decided the day before, so half of them are wrong: 2 × 0.5 × 0.5.
    """
    model = checked(ONE.replace("DAYS", "5").replace("BEHAVIOUR", ECHO.format(after=after)))

    def ask(name: str, step: int, who: tuple[Archetype, ...]) -> np.ndarray:
        if name == "caring":
            return np.array([[0.5, 0.5]])
        return np.array([[0.0, 0.0, 1.0] if a.labels[0] == "yes" else [1.0, 0.0, 0.0] for a in who])

    request = replace(request_of(model, 20_000), ask=ask)
    result = runner(model, "cpu")(request)
    assert_same(result, runner(model, "reference")(request))
    wrong = result.observations["wrong"][2:, 0]
    if after:
        assert (wrong == 0).all()
    else:
        assert np.abs((wrong / 20_000 - 0.5) / math.sqrt(0.25 / 20_000)).max() < Z


# ------------------------------------------------------------------ mistakes


@pytest.mark.parametrize(
    ("old", "new", "code", "line", "column"),
    [
        ("  after believing\n", "  after acting\n", "E0784", 47, 9),
        ("  after believing\n", "  after hoping\n", "E0784", 47, 9),
        ("  after believing\n", "  after believe\n", "E0201", 47, 9),
        ("  after believing\n", "  after Flu\n", "E0206", 47, 9),
        ("  after believing\n", "  after believing\n  after believing\n", "E0111", 48, 3),
        ("after wishing\n", "after wishing, talking\n", "E0784", 65, 18),
    ],
)
def test_mistakes(old: str, new: str, code: str, line: int, column: int) -> None:
    assert CHAIN.count(old) == 1
    report = Report()
    check_source(Source("chain.lpm", CHAIN.replace(old, new)), report)
    found = [(d.code, d.span.line, d.span.column) for d in report.sorted() if d.severity == "error"]
    assert found == [(code, line, column)]


def test_after_others_of_another_kind_is_no_order() -> None:
    dogs = "\nagent Dog count 10\n  calm yes/no = no\n\nobserve calm_dogs = count of Dog where calm\n"
    dogs += "\nbehaviour calming of Dog\n  decides yes/no into calm by rule 50 %\n  every day\n  after believing\n"
    report = Report()
    check_source(Source("chain.lpm", CHAIN + dogs), report)
    (found,) = [d for d in report.sorted() if d.severity == "error"]
    assert (found.code, found.message) == ("E0784", "`calming` cannot decide after `believing`, which is of Person.")


WAITS = """\
behaviour caring of Person
  decides yes/no into careful by rule (0.7 where mode is bus, 0.2 otherwise) * (1 where kept_part > 0, 0 otherwise)
  when mode, band changes
  knows mode
  knows band = kept in bands at 50 %
  knows kept_part = kept

rule hop of Person
  every 2 days
  with probability 10 %
    set mode to feet
"""


def test_a_rule_that_waits_decides_when_something_changes() -> None:
    """Decisions stay where nothing changed: on every other day, when nobody changes over, the count is that before."""
    result = same_four_ways(checked(ONE.replace("DAYS", "6").replace("BEHAVIOUR", WAITS)), 1_000)
    counts = result.observations["said_yes"][:, 0]
    assert counts[2] == counts[3] and counts[4] == counts[5], "those who hop on days 0, 2, 4 decide on days 1, 3, 5"
    assert len(set(counts[1:])) == 4
