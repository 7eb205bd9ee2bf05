"""No number stays no number in every function and comparison: on the host, in the reference, in both kernels."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

import lpmdsl
from compiler_tests.relaxed_reference.marginals import MARGINALS
from compiler_tests.support.both_backends import assert_same, compiled, cpu_run, request_of
from lpmdsl.backends.request import RunRequest, RunResult
from lpmdsl.quantities import NUMBER
from lpmdsl.reference import interpreter
from lpmdsl.reference.domain import SAMPLES, functions
from lpmdsl.runtime.engine.gpu.run import gpu_runner
from lpmdsl.semantics.functions import FUNCTIONS
from lpmdsl.semantics.host.evaluate import apply as host
from lpmdsl.semantics.model import Apply
from lpmdsl.source import NOWHERE

TRIALS = Path(__file__).parent.parent / "trials"
OPERATORS = {"neg": 1, "add": 2, "sub": 2, "mul": 2, "div": 2}
ARITY = {**OPERATORS, **{name: max(row.arity[0], row.arity[1] or 3) for name, row in FUNCTIONS.items()}}
PLACES = [
    (op, known)
    for op, arity in ARITY.items()
    for known in itertools.product((None, 0.5), repeat=arity)
    if None in known
]
SPARE = Apply("none", (), NUMBER, NOWHERE)
"""Where the operation stands, which only a power asks for."""
COMPARISONS = ("lt", "le", "gt", "ge")


def _with_nan(known: tuple[float | None, ...]) -> list[float]:
    return [math.nan if k is None else k for k in known]


@pytest.mark.parametrize(("op", "known"), PLACES, ids=str)
def test_a_function_of_what_has_no_number_has_none(op: str, known: tuple[float | None, ...]) -> None:
    values = _with_nan(known)
    assert math.isnan(float(host(replace(SPARE, op=op), list(values))))
    for domain in (SAMPLES, MARGINALS):
        assert math.isnan(float(functions(domain)[op](*(torch.tensor(v, dtype=torch.float64) for v in values))))
    if op in FUNCTIONS:
        assert math.isnan(FUNCTIONS[op].value(*values))


@pytest.mark.parametrize("op", COMPARISONS)
@pytest.mark.parametrize("values", [(math.nan, 1.0), (1.0, math.nan), (math.nan, math.nan)], ids=str)
def test_nothing_compares_with_what_has_no_number(op: str, values: tuple[float, float]) -> None:
    assert float(host(replace(SPARE, op=op), list(values))) == 0.0
    assert float(functions(SAMPLES)[op](*(torch.tensor(v, dtype=torch.float64) for v in values))) == 0.0


def _formulas() -> dict[str, str]:
    """Every function and operator with ``nothing`` at every place, as formulas of a model."""
    shown = {"neg": "-{0}", "add": "{0} + {1}", "sub": "{0} - {1}", "mul": "{0} * {1}", "div": "{0} / {1}"}
    made = {}
    for k, (op, known) in enumerate(PLACES):
        arguments = ["nothing" if v is None else "half" for v in known]
        made[f"u{k}"] = shown.get(op, f"{op}({', '.join(arguments)})").format(*arguments)
    return {**made, "power": "nothing ^ 2", "root": "half ^ nothing", "up": "nothing ^ half"}


MODEL = """\
model unknown version 1.0
clock
  step 1 day
  for 3 days
parameter half = 0.5
agent Person count 60
  x number ~ uniform(0, 1)
  y number = 1
  above yes/no = no
  not_over yes/no = no
  either yes/no = no
condition C of Person
  states S, I, R
  start S except 20 Person in I
  from S at rate nothing * 0.1 per day to I
  from I with probability min(1, nothing) every 1 day to R
  from I at rate 0.2 per day to R
observe nothing = mean of x over Person where x > half * 4 every day
observe unknown_sum = sum of y over Person every day
observe least = min of y over Person every day
observe greatest = max of y over Person where x > 0 every day
observe scatter = sd of y over Person every day
observe over_it = count of Person where above every day
observe not_over_it = count of Person where not_over every day
observe either_of_them = count of Person where either every day
observe chosen = (2 where nothing > 1, half otherwise)
observe denied = (2 where not nothing > 1, half otherwise)
observe left = count of Person where C is R every day
intervention one
  every day for at most min(10 people, nothing * 100 people) Person
    set above to yes
  every day for Person where nothing > half
    set above to yes
  every day for Person where not nothing > half
    set not_over to yes
  every day for Person where not (nothing > half and x > 2)
    set either to yes with probability max(1, nothing)
  every day for Person where x < half
    set y to nothing
  every day for share max(50 %, nothing) of Person where not above
    set above to yes
intervention two
  starts when nothing falls below 3
  every day for Person
    set above to yes
check always nothing > 3
check always not nothing > 3
"""


@pytest.fixture(scope="module")
def request_() -> RunRequest:
    formulas = "".join(f"observe {name} = {text}\n" for name, text in _formulas().items())
    model = lpmdsl.load(MODEL + formulas).model
    return request_of(model, 60)


@pytest.fixture(scope="module")
def told(request_: RunRequest) -> RunResult:
    return interpreter.run(request_)


def test_no_formula_of_it_has_a_number(told: RunResult) -> None:
    for name in _formulas():
        assert np.isnan(told.observations[name]).all(), name


def test_what_some_have_no_number_of_has_no_least_no_greatest_and_no_scatter(told: RunResult) -> None:
    for name in ("unknown_sum", "least", "greatest", "scatter"):
        reports = told.observations[name][:, 0]
        assert reports[0] == {"unknown_sum": 60, "least": 1, "greatest": 1, "scatter": 0}[name]
        assert np.isnan(reports[1:]).all(), name


def test_a_test_of_it_holds_for_nobody_and_neither_does_its_denial(told: RunResult) -> None:
    for name in ("over_it", "not_over_it"):
        assert (told.observations[name] == 0).all(), name
    # x > 2 is false for everybody, so the denial of both holds whatever has no number; but a chance without one is 0.
    assert (told.observations["either_of_them"] == 0).all()
    assert all((watch == 1).all() for watch in told.watches)


def test_a_choice_by_a_test_of_it_takes_the_last(told: RunResult) -> None:
    for name in ("chosen", "denied"):
        assert (told.observations[name] == 0.5).all(), name


def test_both_back_ends_agree_on_it(request_: RunRequest, told: RunResult) -> None:
    made = compiled(request_.model)
    assert_same(told, cpu_run(made)(request_))
    assert_same(told, gpu_runner(made, None)([request_], None)[0])


def test_nobody_is_careful_before_the_first_report() -> None:
    """``min(1, x)`` was 1 where x had no number; a rule without one gives 0."""
    text = (TRIALS / "min_of_not_yet_known.lpm").read_text(encoding="utf-8").replace("for 182 days", "for 21 days")
    model = lpmdsl.load(text.replace("200 people", "2 people")).model
    request = request_of(model, 2_000)
    seen = interpreter.run(request)
    careful = seen.observations["careful_people"][:, 0]
    assert careful[0] == careful[1] == 0 and careful[2] > 0
    assert_same(seen, cpu_run(compiled(model))(request))
