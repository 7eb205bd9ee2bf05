"""Paragraphs on entering a state: every way of running alike, cases worked out by hand, messages with their places.

Seeds are fixed; |z| < 3 where a mean is compared.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import lpmdsl
from compiler_tests.support.agreement import agreed, checked, formatted, found
from compiler_tests.support.both_backends import assert_same, request_of, runner
from compiler_tests.support.four_ways import assert_all_seen, same_four_ways, same_on_gpu
from lpmdsl.diagnostics import LpmError

EVERYTHING = Path(__file__).parent / "on_entering.lpm"
MODEL = """model entering

clock
  step 1 day
  for {steps} days

parameter p = 50 %

agent Person count {count}
  home place of size {size}
  x number = 0
  y number = 0
  told yes/no = no

network homes joins Person sharing home

condition Course of Person
  states {states}
  start {start}
{course}

observe began = number entering B per day
observe xs = sum of x over Person every day
observe ys = sum of y over Person every day
observe known = count of Person where told every day
"""
ONCE = "  from A after fixed(3 days) to B\n  from B after fixed(2 days) to C\n"


def text_of(lines: str, course: str = ONCE, count: int = 40, size: int = 4, steps: int = 8, start: str = "A") -> str:
    """A model in which everybody enters B at the end of day 3, in homes of ``size``; ``lines``: what is done then."""
    states = "A, B, C" if "to C" in course else "A, B"
    return MODEL.format(states=states, course=course + lines, count=count, size=size, steps=steps, start=start)


def observed(text: str) -> dict[str, np.ndarray]:
    """The observations of a run on which all back ends agree, a number a day; Triton is left out of large ones."""
    model = checked(text)
    is_small = (model.agent("Person").count or 0) <= 100
    result = agreed(text, agents=None) if is_small else same_four_ways(model, None)
    return {name: np.asarray(values).ravel() for name, values in result.observations.items()}


# ------------------------------------------------------------------ every way of running


@pytest.mark.parametrize("seed", [1, 2])
def test_all_ways_follow_the_same_paragraphs(seed: int) -> None:
    result = same_four_ways(lpmdsl.load(EVERYTHING).model, None, seed)
    assert_all_seen(result)


def test_three_threads_follow_the_same_paragraphs() -> None:
    request = request_of(lpmdsl.load(EVERYTHING).model, 40_000, 3)
    model = request.model
    assert_same(runner(model, "cpu")(request), runner(model, "cpu", 3)(request))


def test_a_gpu_follows_the_same_paragraphs() -> None:
    same_on_gpu(lpmdsl.load(EVERYTHING).model, 100, steps=8)


# ------------------------------------------------------------------ what is done, when, and what is read


def test_each_tells_all_others_of_its_home_at_the_end_of_the_step() -> None:
    seen = observed(text_of("  on entering B\n    each of homes\n      add 1 to their.x\n      add 2 to y\n"))
    assert seen["xs"].tolist() == [0, 0, 0, 40 * 3, 120, 120, 120, 120, 120]
    assert seen["ys"].tolist() == [0, 0, 0, 240, 240, 240, 240, 240, 240]


def test_oneself_is_read_as_made_so_far_and_others_as_they_were() -> None:
    lines = """  on entering B
    add 1 to x
    where x > 0
      add 1 to x
    each of homes
      add their.x to y
  on entering B
    always
      add sum of their.x over homes to y
"""
    # Of the three others each has 1 when the paragraphs begin, and 2 when those of the next block do.
    assert observed(text_of(lines))["ys"][3] == 40 * (3 * 1 + 3 * 2)


def test_a_state_that_is_entered_twice_within_a_step_is_told_once() -> None:
    course = "  from A after fixed(0.25 days) to B\n  from B after fixed(0.25 days) to A\n"
    lines = "  on entering B\n    add 1 to x\n    always\n      add 1 to y\n"
    seen = observed(text_of(lines, course, steps=4))
    assert seen["began"].tolist() == [80] * 4
    assert seen["xs"].tolist() == [0, 80, 160, 240, 320], "a line is done each time, at that moment"
    assert seen["ys"].tolist() == [0, 40, 80, 120, 160], "a paragraph once a step"


def test_a_state_that_is_left_within_the_step_is_told_of() -> None:
    course = "  from A after fixed(2.25 days) to B\n  from B after fixed(0.25 days) to C\n"
    lines = """  on entering B
    where Course is C
      add time since Course / 1 day to x
      add time / 1 day to y
"""
    seen = observed(text_of(lines, course))
    assert seen["xs"][3] == 40 * 0.5, "the state and the time since are those of the end of the step"
    assert seen["ys"][3] == 40 * 2, "the clock is that of its beginning"


def test_who_starts_in_the_state_enters_it_at_time_0() -> None:
    lines = "  on entering B\n    each of homes\n      add 1 to their.x\n"
    text = text_of(lines, start="A except 40 Person in B")
    assert "N0520" in {d.code for d in found(text)}
    assert observed(text)["xs"].tolist() == [120] * 9


def test_reports_and_counts_are_those_of_the_beginning_of_the_step() -> None:
    lines = """  on entering B
    always
      add share of Person where Course is A to x
      set told to yes
    where known > 0
      add 1 to y
"""
    seen = observed(text_of(lines))
    assert (seen["xs"][3], seen["ys"][3], seen["known"][3]) == (40, 0, 40)
    # At time 0 no report is out yet, and nobody has been counted.
    begun = observed(text_of(lines.replace("known > 0", "known < 1"), start="A except 40 Person in B"))
    assert (np.isnan(begun["xs"][0]), begun["ys"][0], begun["known"][0]) == (True, 0, 40)


def test_an_intervention_that_moves_somebody_is_followed_in_the_same_step() -> None:
    lines = "  on entering B\n    always\n      add 1 to x\n"
    block = "\nintervention begin\n  starts on day 2\n  lasts 1 day\n  every day for Person\n    move Course to B\n"
    text = text_of(lines, "  from B after fixed(2 days) to C\n") + block
    assert observed(text)["xs"].tolist() == [0, 0, 0, 40, 40, 40, 40, 40, 40]


def test_a_draw_on_entering_has_its_law_and_is_anew_at_every_entry() -> None:
    course = "  from A after fixed(1 days) to B\n  from B after fixed(1 days) to A\n"
    plain = "  on entering B\n    set x ~ normal(mean 3, sd 2)\n    add x to y\n"
    ruled = "  on entering B\n    always\n      set x ~ normal(mean 3, sd 2)\n      add x to y\n"
    for lines, moved in ((plain, 0), (ruled, 1)):
        seen = observed(text_of(lines, course, count=4_000, steps=4))
        assert abs(seen["xs"][1] - 12_000) < 3 * 2 * 4_000**0.5
        assert abs(seen["xs"][3] - 12_000) < 3 * 2 * 4_000**0.5
        assert abs(seen["xs"][3] - seen["xs"][1]) > 1e-6
        # A plain line reads all as it was before the step; a paragraph itself as made so far.
        assert (seen["ys"][1] == seen["xs"][1]) == bool(moved)


def test_a_draw_for_several_states_is_made_for_each() -> None:
    seen = observed(text_of("  on entering B, C\n    set x ~ uniform(0, 1)\n", count=4_000))
    bound = 3 * (4_000 / 12) ** 0.5
    assert abs(seen["xs"][3] - 2_000) < bound and abs(seen["xs"][5] - 2_000) < bound
    assert abs(seen["xs"][5] - seen["xs"][3]) > 1e-6


def test_a_chance_is_each_ones_own() -> None:
    lines = "  on entering B\n    with probability p\n      add 1 to x\n    otherwise\n      add 1 to y\n"
    seen = observed(text_of(lines, count=4_000))
    assert seen["xs"][3] + seen["ys"][3] == 4_000
    assert abs(seen["xs"][3] - 2_000) < 3 * 1_000**0.5


def test_a_name_of_a_rule_stays_apart() -> None:
    lines = "  on entering B\n    always\n      add 1 to x\n"
    text = text_of(lines) + "\nrule Course_entering_0 of Person\n  add 1 to y\n"
    with pytest.raises(LpmError) as raised:
        observed(text)
    (refused,) = raised.value.report.diagnostics
    assert refused.code == "E0204" and refused.span.line == text.count("\n") - 1


# ------------------------------------------------------------------ what is written back, derived, refused


def test_paragraphs_are_formatted_below_their_state() -> None:
    text = EVERYTHING.read_text()
    assert formatted(text) == text


def test_estimators_name_the_line() -> None:
    lines = "  on entering B\n    with probability p\n      add 1 to x\n"
    loaded = lpmdsl.load(text_of(lines))
    with pytest.raises(LpmError) as raised:
        loaded.gradient("final of xs", ["p"], replicates=4, estimator="relaxation")
    refused = [d for d in raised.value.report.diagnostics if d.code == "E0846"]
    assert any("on entering" in d.message for d in refused)
    assert 22 in {d.span.line for d in refused}
    tested = lpmdsl.load(text_of("  on entering B\n    where x < p\n      add 1 to x\n"))
    with pytest.raises(LpmError) as raised:
        tested.gradient("final of xs", ["p"], replicates=4, estimator="score")
    assert any("(<text>:23)" in d.message for d in raised.value.report.diagnostics)
    (found_,) = loaded.gradient("final of xs", ["p"], replicates=4)
    assert found_.estimator == "differences"


BROKEN = [
    ("set their.x to 1", "E1101", 1, 9),
    ("each of homes\n  set x to their.x", "E1003", 2, 7),
    ("pick one of homes\n  set their.x to x", "E1001", 2, 7),
    ("where x\n  add 1 to y", "E0306", 1, 11),
    ("where x > 1", "E1008", 1, 5),
    ("otherwise\n  add 1 to x", "E1009", 1, 5),
    ("each of Person\n  add 1 to x", "E1004", 1, 13),
    ("always\n  move Course to C", "E0709", 2, 7),
    ("move Course to C", "E0709", 1, 5),
    ("always\n  leave homes", "E0709", 2, 7),
    ("set x ~ gamma(mean 1, sd 1)", "E1006", 1, 13),
    ("with probability 2\n  add 1 to x", "E0313", 1, 22),
    ("pick one of foes\n  add 1 to x", "E0201", 1, 17),
]


@pytest.mark.parametrize(("lines", "code", "line", "column"), BROKEN, ids=[c[0].replace("\n", " / ") for c in BROKEN])
def test_what_cannot_be_done_is_told_with_its_place(lines: str, code: str, line: int, column: int) -> None:
    block = "  on entering B\n" + "".join(f"    {one}\n" for one in lines.split("\n"))
    text = text_of(block)
    error = next(d for d in found(text) if d.code == code)
    first = text.split("\n").index("  on entering B") + 1
    assert (error.span.line, error.span.column) == (first + line, column)
