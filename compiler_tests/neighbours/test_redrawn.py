"""Ties that are drawn anew: every way of running alike, exact chances of infection, what is derived, and messages."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest

import lpmdsl
from compiler_tests.support.both_backends import assert_same, request_of, runner
from compiler_tests.support.four_ways import assert_all_seen, same_four_ways, same_on_gpu
from lpmdsl.backends.request import RunResult
from lpmdsl.config import RunOptions
from lpmdsl.diagnostics import LpmError, Report
from lpmdsl.lowering.relaxed.supported import check_relaxable
from lpmdsl.networks.random_regular import circles, keys_of_draws, rows_of_draw
from lpmdsl.runtime.api import repeats_of
from lpmdsl.runtime.gradients.sensitivity import sensitivities
from lpmdsl.semantics.host.evaluate import parameter_values
from lpmdsl.source import Source
from lpmdsl.syntax.formatting.text import format_module
from lpmdsl.syntax.parse import parse
from lpmdsl.theory.closed_form import r0_formula

TEXT = """model meeting version 1.0

clock
  step 1 day
  from 2024-01-01 for 20 days

agent Person count 400
  household place of size 3
  n number = 0
  seen number = 0

network homes joins Person sharing household with 1 contact per day
network met joins Person as random_regular(degree 4) redrawn every day with 1 contact per day per tie

condition Flu of Person
  states S, E, I, R
  start S except 20 Person in I
  from S by contagion to E
  from E after exponential(mean 1 day) to I
  from I after gamma(mean 5 days, sd 2 days) to R
  while R
    leave met

contagion of Flu
  from I on homes, met at 0.1 per contact

rule listen of Person
  every 2 days
  set n to count of met where their.Flu is I
  each of met where their.Flu is I
    add 1 to seen
    add 1 to their.seen

observe cases = number entering E per day
observe ns = sum of n over Person every day
observe saw = sum of seen over Person every day
observe meets = mean of (count of met where their.Flu is I) over Person every day
"""
LINE = "as random_regular(degree 4) redrawn every day with 1 contact per day per tie"
LESS = "from I on homes, met at 0.1 per contact"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("redrawn every day", "redrawn every day"),
        ("redrawn every day", "redrawn every 3 days"),
        ("step 1 day", "step 6 hours"),
        ("per day per tie", "per day per tie on weekdays"),
        (" with 1 contact per day per tie\n\ncond", " where n < 3 with 1 contact per day per tie\n\ncond"),
        ("from E after exponential(mean 1 day) to I", "from E after exponential(mean 3 hours) to I"),
        (LESS, "from I on met at 0.1 per contact"),
        (LESS, "from I on homes, met at 0.1 per contact\n  source scaled by 2 where n > 0"),
    ],
)
def test_all_ways_draw_ties_anew_alike(old: str, new: str) -> None:
    result = same_four_ways(lpmdsl.load(TEXT.replace(old, new)).model, None)
    assert_all_seen(result)


def test_a_gpu_draws_ties_anew_alike() -> None:
    same_on_gpu(lpmdsl.load(TEXT.replace("every day with", "every 2 days with")).model, 100, steps=5)


def test_a_line_reads_as_it_is_written() -> None:
    line = f"network met joins Person {LINE} on weekdays\n"
    assert format_module(parse(Source("m.lpm", line.replace(" redrawn", "   redrawn")), Report())) == line


# ------------------------------------------------------------------ laws


def test_ties_that_outlast_the_run_are_those_that_stay() -> None:
    """The first draw is that of the network without `redrawn`: the counts are the same to the last."""
    anew = lpmdsl.load(TEXT.replace("redrawn every day", "redrawn every 20 days")).model
    stays = lpmdsl.load(TEXT.replace("redrawn every day ", "")).model
    assert_same(*(runner(model, "cpu")(request_of(model, None, 1)) for model in (anew, stays)))


def test_every_draw_is_another_one() -> None:
    """Of 2 000 agents of 6 ties each 18 pairs are tied in two draws, in the mean; 40 pairs of draws, |z| < 4."""
    network = circles(2_000, {"degree": 6}, 7, 11, 1)
    assert keys_of_draws(network, 3).shape == (9, 8) and np.array_equal(keys_of_draws(network, 3)[:3], network.keys)
    agents = np.arange(2_000)[:, None]
    pairs = [set((rows + 2_000 * agents)[rows > agents].tolist()) for rows in
             (rows_of_draw(network, draw, 2_000) for draw in range(41))]  # fmt: skip
    shared = [len(one & other) for one, other in itertools.pairwise(pairs)]
    mean = 2_000 * 6 / 2 * 6 / 1_999
    assert abs(np.mean(shared) - mean) < 4 * np.sqrt(mean / 40)


INDEX = """model index version 1.0

clock
  step 1 day
  for 5 days

agent Person count 60_000

network met joins Person as random_regular(degree 4) redrawn every {every} with 1 contact per day per tie

condition Flu of Person
  states S, I, Caught, R
  start S except 3_000 Person in I
  from S by contagion to Caught
  from I after fixed({stay} days) to R

contagion of Flu
  from I on met at 0.5 per contact

observe caught = count of Person where Flu is Caught every day
"""
HAZARD, SOURCES, PEOPLE, DEGREE = 0.5, 3_000, 60_000, 4


@pytest.mark.parametrize(
    ("every", "stay", "days"),
    [
        ("day", 5, (1, 1, 1, 1, 1)),
        ("day", 2.25, (1, 1, 0.25)),
        ("2 days", 4.5, (2, 2, 0.5)),
        ("5 days", 5, (5,)),
    ],
)
def test_a_source_counts_on_each_tie_for_as_long_as_it_has_it(every: str, stay: float, days: tuple[float, ...]) -> None:
    """Of 3 000 sources of 0.5 a day on four ties each, drawn anew: each tie of a draw leads to one with chance p, and
    nothing comes over it with chance exp(−0.5 · days of that draw). |z| < 4."""
    model = lpmdsl.load(INDEX.format(every=every, stay=stay)).model
    result: RunResult = runner(model, "cpu")(request_of(model, None, 3))
    caught = float(result.observations["caught"].ravel()[-1])
    to_source = SOURCES / (PEOPLE - 1)
    escapes = np.prod([(1 - to_source * (1 - np.exp(-HAZARD * part))) ** DEGREE for part in days])
    susceptible = PEOPLE - SOURCES
    spread = np.sqrt(susceptible * escapes * (1 - escapes))
    assert abs(caught - susceptible * (1 - escapes)) < 4 * spread


# ------------------------------------------------------------------ what is derived


def test_on_paper_redrawn_ties_are_contacts_at_random() -> None:
    """Four ties of one contact a day at 0.1 for five days: R0 is 2, where ties that stay are met again."""
    text = TEXT.replace("on homes, met at", "on met at").replace("  while R\n    leave met\n", "")
    model = lpmdsl.load(text.replace("\nrule listen of Person\n  every 2 days\n", "\nrule listen of Person\n")).model
    value = r0_formula(model, model.condition("Flu"))
    assert abs(float(value.subs(dict.fromkeys(value.free_symbols, 1))) - 2.0) < 1e-9, value
    assert parameter_values(model) == {}


def test_the_relaxation_names_redrawn_ties() -> None:
    with pytest.raises(LpmError) as raised:
        check_relaxable(lpmdsl.load(TEXT).model)
    found = [d for d in raised.value.report.diagnostics if "drawn anew" in d.message]
    assert [(d.code, d.span.line) for d in found] == [("E0846", 13)]


def test_the_score_goes_along_redrawn_ties() -> None:
    """The score and differences agree about the infectiousness, 400 runs each, |z| < 4."""
    text = INDEX.format(every="day", stay=4).replace("60_000", "400").replace("3_000", "20")
    text = text.replace("from S by contagion to Caught", "from S by contagion to I").replace(
        "S, I, Caught, R", "S, I, R"
    )
    beta = "parameter beta = 0.1 per contact\n\n"
    text = text.replace("0.5 per contact", "beta").replace("agent Person", f"{beta}agent Person")
    text = text[: text.index("observe")] + "observe cases = number entering I per day\n"
    repeats = repeats_of(lpmdsl.load(text), "total of cases", RunOptions(seed=1, replicates=400), needs_number=True)
    score, differences = (sensitivities(repeats, ["beta"], estimator)[0] for estimator in ("score", "differences"))
    assert (score.estimator, differences.estimator) == ("score", "differences")
    assert abs(score.gradient - differences.gradient) < 4 * np.hypot(score.se, differences.se)
    assert score.se < 0.1 * abs(score.gradient)


# ------------------------------------------------------------------ messages


@pytest.mark.parametrize(
    ("line", "code", "column"),
    [
        ("sharing household redrawn every day with 1 contact per day per tie", "E1111", 58),
        ("at random redrawn every day", "E1111", 50),
        ('from "edges.csv" redrawn every day', "E1111", 57),
        ("as ring(degree 4) redrawn every day with 1 contact per day per tie", "E1111", 58),
        ("as small_world(degree 4, rewiring 5 %) redrawn every day", "E1111", 79),
        ("as random_regular(degree 4) redrawn every day with 1 contact per day", "E1112", 77),
        ("as random_regular(degree 4) redrawn every month with 1 contact per day per tie", "E1113", 68),
        ("as random_regular(degree 4) redrawn every 12 hours with 1 contact per day per tie", "E0705", 68),
        ("as random_regular(degree 4) redrawn every 36 hours with 1 contact per day per tie", "E0705", 68),
        ("as random_regular(degree 4) redrawn every day directed", "E1120", 72),
        ("as random_regular(degree 4) redrawn day", "E0101", 62),
        ("as random_regular(degree 4) redrawn every", "E0101", 67),
    ],
)
def test_messages(line: str, code: str, column: int, tmp_path: Path) -> None:
    (tmp_path / "edges.csv").write_text("source,target\n0,1\n")
    place = tmp_path / "m.lpm"
    place.write_text(TEXT.replace(LINE, line))
    with pytest.raises(LpmError) as raised:
        lpmdsl.load(place)
    found = [(d.code, d.span.line, d.span.column) for d in raised.value.report.diagnostics]
    assert (code, 13, column) in found, found
