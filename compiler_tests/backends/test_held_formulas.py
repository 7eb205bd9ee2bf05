"""A parameter that moves in a run, set by hand to the very value with which it begins: it holds all along."""

from __future__ import annotations

import numpy as np
import pytest

import lpmdsl

TEXT = """model held version 1.0

clock
  step 1 day
  from 2024-01-01 for 40 days

parameter rate = {rate}
  between 0 per day and 0.3 per day

agent Person count 2_000

condition Cold of Person
  states S, I
  start S
  from S at rate rate / 10 to I

observe colds = number entering I per day

scenario stays
  change rate to 0.3 per day
scenario lower
  change rate to 0.1 per day
"""


def colds(loaded: lpmdsl.LoadedModel, scenario: str, backend: str, **more: str) -> np.ndarray:
    results = loaded.run(seed=1, scenario=scenario, backend=backend, parameters=more)  # type: ignore[arg-type]
    return np.asarray(results.table.where("observation", "colds")["value"])


@pytest.mark.parametrize("backend", ["cpu", "reference"])
def test_a_scenario_holds_a_formula_at_the_value_with_which_it_begins(backend: str) -> None:
    formula = lpmdsl.load(TEXT.format(rate="0.3 per day until 2024-01-11, 0.1 per day after"))
    constant = lpmdsl.load(TEXT.format(rate="0.3 per day").replace("to 0.3", "to 0.2"))
    right = colds(constant, "baseline", backend)
    np.testing.assert_array_equal(colds(formula, "stays", backend), right)
    np.testing.assert_array_equal(colds(formula, "baseline", backend, rate="0.3 per day"), right)
    moving = colds(formula, "baseline", backend)
    np.testing.assert_array_equal(moving[:10], right[:10])
    assert moving[10:].sum() < right[10:].sum() / 2
    np.testing.assert_array_equal(colds(formula, "lower", backend), colds(constant, "lower", backend))


def test_a_family_set_by_its_name_is_held_in_all_its_parts() -> None:
    family = TEXT.replace("parameter rate = ", "parameter rate by group = ").split("scenario")[0]
    family = family.replace("count 2_000\n", "count 2_000\n  group category ~ categorical(a 50 %, b 50 %)\n")
    formula = lpmdsl.load(family.format(rate="0.3 per day until 2024-01-11, 0.1 per day after"))
    constant = lpmdsl.load(family.format(rate="0.3 per day"))
    held = colds(formula, "baseline", "cpu", rate="0.3 per day")
    np.testing.assert_array_equal(held, colds(constant, "baseline", "cpu"))
