"""Hazards above 1 024 in a step: refused with their place before a run or in it, on every back end, and exact below."""

from __future__ import annotations

import math

import pytest

import lpmdsl
from compiler_tests.backends.test_watched import on_gpu, said_of
from compiler_tests.support.both_backends import assert_same, compiled, request_of
from lpmdsl.diagnostics import LpmError
from lpmdsl.reference import interpreter
from lpmdsl.runtime.engine.execute import buffers_after, result_of
from lpmdsl.runtime.engine.kernels import build
from lpmdsl.semantics.analysis.exposure.largest_hazards import refuse_hazards
from lpmdsl.semantics.analysis.watched_values import doubtful
from lpmdsl.semantics.model import Model

PEOPLE = 400
TOWN = """model cold version 1.0
clock
  step 1 day
  for 8 days
parameter b = 0.4 per day
parameter leave = 0.2 per day
agent Person count 400
  heat number ~ lognormal(median 1, spread 2.7)
  level number = 1
  keen yes/no ~ bernoulli(50 %)
network friends joins Person {joined}
condition Cold of Person
  states S, E, I, R
  start S except 40 Person in I
  from S by contagion to E
  from E after fixed(1 day) to I
  from I at rate {leaving} to R
  on entering E
    set level to level * 40
contagion of Cold
  from I on friends at {rate}
{scaled}
observe ill = count of Person where Cold is I every day
"""
TIES, TOGETHER = "as random_regular(degree 6)", "at random"
NO_MORE = "and no more is counted."


def town(rate: str = "b", leaving: str = "leave", scaled: str = "", joined: str = TIES) -> Model:
    return lpmdsl.load(TOWN.format(rate=rate, leaving=leaving, scaled=scaled, joined=joined)).model


def refused(rate: str = "b", leaving: str = "leave", scaled: str = "", joined: str = TIES) -> tuple[str, str, int]:
    with pytest.raises(LpmError) as caught:
        town(rate, leaving, scaled, joined)
    (told,) = caught.value.report.diagnostics
    return told.code, told.message, told.span.line


def test_what_parameters_decide_is_refused_before_a_run() -> None:
    """With the contacts, the factor of everybody, and the step; and where it is no more than the limit, nothing is."""
    begin = "With contacts and factors on `friends`, `b * 2570` comes to"
    assert refused("b * 2570") == ("E0776", f"{begin} 1028 in a step, and no more than 1 024 is counted.", 21)
    assert refused("b * 2570", scaled="  source scaled by 3")[1].startswith(f"{begin} 3084 in")
    ten = "as random_regular(degree 6) with 10 contacts per day"
    assert "comes to 1100 in a step" in refused("110 per contact", joined=ten)[1]
    assert refused(leaving="1 per minute")[1:] == ("`1 per minute` comes to 1440 in a step, and no more than 1 024 is "
                                                   "counted.", 17)  # fmt: skip
    town("b * 2560", scaled="  source scaled by 4 where keen\n  target scaled by 1000", leaving="1024 per day")


def test_the_help_names_a_step_that_is_short_enough() -> None:
    with pytest.raises(LpmError) as caught:
        town("b * 10_000")
    assert caught.value.report.diagnostics[0].help.endswith("with `step 6 hours` it is 1000.")


ENDS = [
    ({"rate": "b * 400 * time / (1 day)"}, "`b * 400 * time / (1 day)` comes to more than 1 024 in a step at step 7"),
    ({"rate": "b * 2000", "scaled": "  source scaled by 2 where keen"}, "in a step for a Person at step 0 (day 0)"),
    ({"rate": "b * heat ^ 9"}, "`b * heat ^ 9` comes to more than 1 024 in a step for a Person at step 0"),
    ({"scaled": "  source scaled by 2000 * level where keen", "leaving": "leave * level"}, "for a Person at step"),
    ({"leaving": "leave * (6000 where time > 2.5 days, 1 otherwise)"}, "more than 1 024 in a step at step 3 (day 3)"),
]


@pytest.mark.parametrize(("parts", "words"), ENDS)
def test_a_run_ends_at_the_first_step_above_the_limit(parts: dict[str, str], words: str) -> None:
    """At the same place and step by the processor's program on ties, a GPU's, and the reference."""
    model = town(**parts)
    request, made = request_of(model, PEOPLE), compiled(model)
    code, message, line, column = said_of(interpreter.run, request)
    assert code == "E0776" and words in message and message.endswith(NO_MORE) and (line, column) != (0, 0)
    after = buffers_after(build(made), request, None)
    assert said_of(lambda r: result_of(r, after.buffers, after.done, {}), request) == (code, message, line, column)
    assert said_of(on_gpu(made), request) == (code, message, line, column)


@pytest.mark.parametrize("parts", [
    {"rate": "b * (1 + 0.5 * cos(2 * pi * time / 7 days))"}, {"rate": "b * 2500", "scaled": "  target scaled by 9"},
    {"rate": "b", "scaled": "  source scaled by 1000 where keen"},
])  # fmt: skip
def test_what_bounds_show_to_be_below_is_not_looked_at(parts: dict[str, str]) -> None:
    assert not [w for w in doubtful(town(**parts)) if w.role == "hazard"]


def test_values_that_are_set_for_a_run_are_looked_at_before_it() -> None:
    """Also those of a fit, which no check of the text has seen."""
    model, most = town(), 1024.0
    refuse_hazards(model, {"b": most, "leave": most}, {"Person": PEOPLE})
    refuse_hazards(town("b * 10 ^ 3"), {"b": 1.0, "leave": 1.0}, {"Person": PEOPLE})
    for name in ("b", "leave"):
        with pytest.raises(LpmError, match=f"`{name}` comes to 1025 in a step"):
            refuse_hazards(model, {"b": 1.0, "leave": 1.0, name: 1025.0}, {"Person": PEOPLE})
    for run in (interpreter.run, on_gpu(compiled(model))):
        request = request_of(model, PEOPLE)
        request.parameters["b"] = 1025.0
        assert said_of(run, request)[0] == "E0776"


def test_all_who_meet_at_random_fit_together() -> None:
    """2³⁰ in a step are the most: ten million at 107 each, not at 108. On ties nobody adds them up."""
    values = {"b": 107.0, "leave": 0.2}
    for joined, weight, number, is_refused in [
        (TOGETHER, 107.0, 10**7, False), (TOGETHER, 108.0, 10**7, True), (TIES, 108.0, 10**7, False),
    ]:  # fmt: skip
        model = town(joined=joined)
        if is_refused:
            with pytest.raises(LpmError, match="10_000_000 together come to more than 2\\^30"):
                refuse_hazards(model, {**values, "b": weight}, {"Person": number})
        else:
            refuse_hazards(model, {**values, "b": weight}, {"Person": number})


def test_own_contacts_above_the_most_end_a_run() -> None:
    model = town(joined="at random with 60_000 contacts per day * heat", rate="0.000001 per contact")
    request, made = request_of(model, PEOPLE), compiled(model)
    code, message, *_ = said = said_of(interpreter.run, request)
    assert code == "E0744" and message.endswith("and a number of contacts is a number from 0 to 65536 a day.")
    assert said_of(on_gpu(made), request) == said


def test_at_the_limit_two_exits_still_win_in_proportion() -> None:
    """1 024 a step against 512: two of three leave by the first, |z| < 3 (seed 1), and all have left after a step."""
    text = """model two version 1.0
clock
  step 1 day
  for 2 days
agent Person count 20_000
condition Cold of Person
  states A, B, C
  start A
  from A at rate 1024 per day to B
  from A at rate 512 per day to C
observe b = count of Person where Cold is B every day
observe c = count of Person where Cold is C every day
"""
    people = 20_000
    model = lpmdsl.load(text).model
    request = request_of(model, people)
    result = interpreter.run(request)
    assert_same(result, on_gpu(compiled(model))(request))
    b, c = (float(result.observations[name][1].item()) for name in ("b", "c"))
    assert b + c == people
    assert abs(b - people * 2 / 3) / math.sqrt(people * 2 / 9) < 3
