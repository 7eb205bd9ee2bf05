"""Values out of their range end a run: where, what is wrong, for whom and when, on every back end."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

import lpmdsl
from compiler_tests.support.both_backends import assert_same, compiled, request_of
from lpmdsl.backends.request import RunRequest, RunResult
from lpmdsl.compiler import Compiled
from lpmdsl.diagnostics import LpmError
from lpmdsl.lowering.dense.watched_values import FIRST, NOT_YET
from lpmdsl.lowering.sparse.program import lower_sparse
from lpmdsl.reference import interpreter
from lpmdsl.runtime.engine.build import build_triton
from lpmdsl.runtime.engine.execute import buffers_after, result_of
from lpmdsl.runtime.engine.gpu import run as gpu
from lpmdsl.runtime.engine.kernels import build
from lpmdsl.semantics.analysis.watched_values import FAULTS, doubtful
from lpmdsl.semantics.model import Model

PEOPLE = 400
HEAD = """model cold version 1.0
clock
  step 1 day
  from 2024-10-01 for 9 days
parameter b = 0.4 per day
agent Person count 400
  age number ~ normal(5, 3)
  risk number = 1
  masked yes/no = no
"""
SINK = (
    HEAD
    + """network town joins Person at random with 4 contacts per day * (age / 5)
network friends joins Person as random_regular(degree 6)
condition Cold of Person
  states S, E, I, H, R
  start S except 10 Person in I
  from S by contagion to E
  from E at rate 1 per day / (age - 5) to I
  from E after exponential(mean 3 days) to I
  from I with probability ill / (20 people) every 3 days to H
  from H after exponential(mean 4 days)
    to R with probability log(age)
    to S otherwise
  on entering R
    set risk to 2 with probability age / 8
  on entering H
    set risk to 1 / floor(age / 2)
contagion of Cold
  from I on town at 0.05 per contact * sqrt(age - 1)
  from I on friends at b * (1 - entering / (8 people per day))
  source scaled by 1 / floor(age) where age < 8 on town
  target scaled by log(age) where age < 4
intervention campaign
  every day for at most 30 people - ill Person where not masked
    set masked to yes with probability age / 9
observe entering = number entering I per day
observe ill = count of Person where Cold is I every day
observe riskiest = max of risk over Person where masked every day
observe seen = number entering H per day thinned by age / 6
observe counted = count of Person where Cold is R thinned by age / 7 every 2 days
"""
)
TIES = (
    HEAD
    + """network friends joins Person as random_regular(degree 6)
condition Cold of Person
  states S, I, R
  start S except 10 Person in I
  from S by contagion to I
  from I after exponential(mean 5 days) to R
contagion of Cold
  from I on friends at {rate}
observe cases = number entering I per week
observe ill = count of Person where Cold is I every day
observe riskiest = max of risk over Person where masked every day
"""
)
Found = dict[tuple[str, str, str], int]


def model_of(text: str) -> Model:
    return lpmdsl.load(text).model


def noted(model: Model, first: np.ndarray) -> Found:
    """All that kernels noted, by words of the text, role and fault."""
    cells = [(text_of(one.expr), one.role, fault) for one in doubtful(model) for fault in FAULTS]
    return {cell: int(at) for cell, at in zip(cells, first, strict=True) if at != NOT_YET}


def text_of(expr) -> str:
    return expr.span.source.text[expr.span.start : expr.span.end]


def of_reference(request: RunRequest, monkeypatch: pytest.MonkeyPatch) -> Found:
    found: Found = {}

    def keep(body, boundary: int) -> None:
        found.update({(text_of(w.expr), w.role, fault): at for (w, fault), at in body.now.faults.items()})

    with monkeypatch.context() as patch:
        patch.setattr(interpreter, "_require_sound", keep)
        interpreter.run(request)
    return found


def of_gpu(made: Compiled, request: RunRequest, monkeypatch: pytest.MonkeyPatch) -> Found:
    first: list[np.ndarray] = []
    monkeypatch.setattr(gpu, "result_of", lambda request, buffers, *rest: first.append(buffers[FIRST]))
    gpu.execute(made.gpu_program, build_triton(made), [request], None)
    return noted(request.model, first[0])


Run = Callable[[RunRequest], RunResult]


def on_gpu(made: Compiled) -> Run:
    return lambda request: gpu.gpu_runner(made)([request], None)[0]


def said_of(run: Run, request: RunRequest) -> tuple[str, str, int, int]:
    with pytest.raises(LpmError) as caught:
        run(request)
    (told,) = caught.value.report.diagnostics
    return told.code, told.message, told.span.line, told.span.column


def test_every_fault_is_noted_at_the_same_step(monkeypatch: pytest.MonkeyPatch) -> None:
    """All that goes wrong in a run, not only what ends it: in the processor's program, a GPU's, and the reference."""
    model = model_of(SINK)
    request, made = request_of(model, PEOPLE), compiled(model)
    found = of_reference(request, monkeypatch)
    looked = {(text_of(w.expr), w.role) for w in doubtful(model) if w.role != "hazard"}
    assert looked == {(words, role) for words, role, _ in found}
    assert len(found) == 17 and max(found.values()) > 5
    after = buffers_after(build(made), request, None)
    assert noted(model, after.buffers[FIRST]) == found
    told = said_of(interpreter.run, request)
    assert told == said_of(lambda r: result_of(r, after.buffers, after.done, {}), request)
    assert of_gpu(made, request, monkeypatch) == found


ENDS = [
    ("b / abs(1 - time / (7 days))", "is infinite at step 7 (2024-10-08), and a rate is"),
    ("b * sqrt(3 - age)", "is undefined for a Person at step 0 (2024-10-01), and a rate is"),
    ("b * (1 - ill / (15 people))", "is negative at step 6 (2024-10-07), and a rate is"),
]


@pytest.mark.parametrize(("rate", "wrong"), ENDS)
def test_the_first_fault_ends_a_run_with_its_place_and_time(rate: str, wrong: str) -> None:
    """On ties, where only those who change are looked at; no kernels are compiled for what the reference reports."""
    model = model_of(TIES.format(rate=rate))
    said = said_of(interpreter.run, request_of(model, PEOPLE))
    assert said == ("E0744", f"`{rate}` {wrong} a finite number that is not negative.", 17, 24)


def test_kernels_end_a_run_as_the_reference_does() -> None:
    model = model_of(TIES.format(rate="b * sqrt(3 - age) / abs(1 - time / (7 days))"))
    request, made = request_of(model, PEOPLE), compiled(model)
    assert said_of(on_gpu(made), request) == said_of(interpreter.run, request)


def test_a_report_that_is_not_out_yet_is_no_fault() -> None:
    """Weekly reports are known from day 7 on: until then what is made of them has no number, and counts as 0."""
    rate = "b * sqrt(cases / (1 person per week) * (2 - cases / (1 person per week)))"
    model = model_of(TIES.format(rate=rate))
    assert [(w.of, w.role) for w in doubtful(model)] == [("", "rate"), ("", "hazard")]
    request = request_of(model, PEOPLE)
    result = interpreter.run(request)
    assert_same(result, on_gpu(compiled(model))(request))
    assert result.observations["ill"][7] < 10


@pytest.mark.parametrize("rate", [
    "b * sqrt(risk)", "b * (1 / age where age > 1, 0 otherwise)", "b * max(0, 1 - ill / (20 people))",
    "b * (1 + 0.9 * cos(2 * pi * time / 7 days))", "b / (2 + risk * 0)",
])  # fmt: skip
def test_what_has_its_number_is_no_fault(rate: str) -> None:
    model = model_of(TIES.format(rate=rate))
    interpreter.run(request_of(model, PEOPLE))


def test_only_those_who_use_a_number_are_looked_at() -> None:
    """Nobody below 1 year takes part, so it says nothing that their rate would have no number."""
    text = TIES.replace("random_regular(degree 6)", "random_regular(degree 6) where age > 1")
    interpreter.run(request_of(model_of(text.format(rate="b * sqrt(age - 1)")), PEOPLE))


@pytest.mark.parametrize(("rate", "looked"), [
    ("b", 0), ("b * 2 ^ 0.5", 0), ("b * (1 + 0.5 * cos(2 * pi * time / 7 days))", 0), ("b * exp(-age / 10)", 2),
    ("b / (1 + time / (1 day))", 0), ("b * log(2 + time / (1 day))", 0), ("b * log(time / (1 day))", 1),
    ("b * age", 2), ("b * risk", 0), ("b * ill / (400 people)", 0), ("b / ill * (1 person)", 2),
])  # fmt: skip
def test_what_bounds_show_is_not_looked_at_in_a_run(rate: str, looked: int) -> None:
    """So it costs nothing: the program has nothing of it. Two are a rate and the hazard of a step."""
    model = model_of(TIES.format(rate=rate))
    assert len(doubtful(model)) == looked
    assert (FIRST in {b.name for b in lower_sparse(model).buffers}) is bool(looked)
