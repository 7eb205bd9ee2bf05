"""``observe spent = costs of … per week``: exact, the same from every back end, in every place that reports them."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import lpmdsl
from compiler_tests.commands.test_cli import lpmc
from compiler_tests.support.both_backends import assert_same, compiled, cpu_run, request_of, runner
from lpmdsl.backends.request import RunRequest, RunResult
from lpmdsl.compiler import check_source
from lpmdsl.diagnostics import Diagnostic, LpmError, Report
from lpmdsl.runtime.engine.gpu.run import gpu_runner
from lpmdsl.semantics import model as m
from lpmdsl.semantics.analysis.intervals import Knowledge, observed
from lpmdsl.source import Source
from lpmdsl.syntax.formatting.text import format_module
from lpmdsl.syntax.parse import parse

TEXT = """\
model costs version 1.0

clock
  step 12 hours
  from 2024-01-31 for 60 days

agent Person count 500
  vaccinated yes/no = no
  tested yes/no = no

network town joins Person at random with 10 contacts per day

condition Flu of Person
  states S, I, R
  start S except 20 Person in I
  from S by contagion to I
  from I after exponential(mean 5 days) to R

contagion of Flu
  from I on town at 0.02 per contact
  target scaled by 50 % where vaccinated or tested

observe cases = number entering I per week
{observe}
intervention vaccination
  starts on day 3
  stops on day 20
  every day for at most 7 Person where not vaccinated
    set vaccinated to yes
  every week for at most 2 Person
    set tested to yes
  costs 25.30 USD per dose

intervention closure
  starts on day 5
  lasts 10 days
  while active
    scale town by 40 %
  costs 1_000.10 USD per day

intervention campaign
  starts on day 13
  while active
    scale town by 90 %
  costs 5_000 USD
{end}"""
OBSERVED = """\
observe vaccines = costs of vaccination per week
observe daily = costs of vaccination per day
observe spent = costs of vaccination, closure, campaign per week
observe monthly = costs of closure per month
observe running = total of spent
observe recent = mean of spent over 2 weeks
observe last_two = total of vaccines over 2 weeks
observe per_case = spent / cases
observe per_head = vaccines / population
observe change = spent - vaccines
"""
DOSES = [4 * 7 + 2, 7 * 7 + 2, 6 * 7 + 2, 0, 0, 0, 0, 0]
"""In whole weeks: seven each day from day 3 to 19, and two more on days 3, 10 and 17."""
CLOSED = [2, 7, 1, 0, 0, 0, 0, 0]
"""Days of each week, from day 5 on."""
FAST = ("reference", "cpu")
RUNNERS: dict[str, Callable[[m.Model], Callable[[RunRequest], RunResult]]] = {
    "reference": lambda model: runner(model, "reference"),
    "cpu": lambda model: cpu_run(compiled(model)),  # this one touches only what changes
    "dense": lambda model: cpu_run(replace(made := compiled(model), cpu=made.program)),
    "triton": lambda model: lambda request: gpu_runner(compiled(model))([request], None)[0],
}


def text(observe: str = OBSERVED, end: str = "") -> str:
    return TEXT.format(observe=observe, end=end)


def told(words: str) -> list[Diagnostic]:
    report = Report()
    check_source(Source("example.lpm", words), report)
    return [d for d in report.sorted() if d.severity == "error"]


# ------------------------------------------------------------------ amounts


@pytest.mark.parametrize("backend", RUNNERS)
def test_amounts_are_exact_and_the_same_everywhere(backend: str) -> None:
    model = lpmdsl.load(text()).model
    request = request_of(model, 500, 2)
    result = RUNNERS[backend](model)(request)
    seen = {name: reports[:, 0] for name, reports in result.observations.items()}
    vaccines = 25.30 * np.array(DOSES)
    spent = vaccines + 1000.10 * np.array(CLOSED) + 5000.0 * np.array([0, 1, 0, 0, 0, 0, 0, 0])
    assert seen["vaccines"].tolist() == vaccines.tolist()
    assert seen["daily"].tolist() == [25.30 * n for n in [0] * 3 + ([9] + [7] * 6) * 2 + [9, 7, 7] + [0] * 40]
    assert seen["spent"].tolist() == spent.tolist()
    # From 31 January on, the first month ends on the last of February, day 29: all ten days of closure are in it.
    assert seen["monthly"].tolist() == [1000.10 * 10, 0.0]
    assert seen["running"].tolist() == np.cumsum(spent).tolist()
    np.testing.assert_allclose(seen["recent"][1:], (spent[1:] + spent[:-1]) / 2, rtol=1e-14)
    assert seen["last_two"][1:].tolist() == (vaccines[:-1] + vaccines[1:]).tolist()
    with np.errstate(divide="ignore", invalid="ignore"):
        np.testing.assert_allclose(seen["per_case"], spent / seen["cases"], rtol=1e-14)
    np.testing.assert_allclose(seen["per_head"], vaccines / 500, rtol=1e-14)
    np.testing.assert_allclose(seen["change"], spent - vaccines, rtol=1e-13, atol=1e-9)
    assert result.costs == {"vaccination": 25.30 * sum(DOSES), "closure": 1000.10 * 10, "campaign": 5000.0}
    assert_same(RUNNERS["reference"](model)(request), result)


def test_triggers_read_what_was_spent_and_starts_are_paid_each_time() -> None:
    """Reports of 759, 1 290.30 and 1 113.20 USD on days 7, 14 and 21: above 800 from day 14 to day 28."""
    end = """
intervention relief
  starts when vaccines rises above 800 USD per week
  stops when vaccines falls below 800 USD per week
  while active
    scale town by 10 %
  costs 10 USD

observe relieved = costs of relief per week
"""
    model = lpmdsl.load(text(end=end)).model
    request = request_of(model, 500, 2)
    results = [RUNNERS[backend](model)(request) for backend in FAST]
    assert results[0].observations["relieved"][:, 0].tolist() == [0, 0, 10, 0, 0, 0, 0, 0]
    for result in results[1:]:
        assert_same(results[0], result)


def test_what_a_scenario_leaves_out_costs_nothing() -> None:
    end = "\nscenario without_vaccines\n  without vaccination\n"
    model = lpmdsl.load(text(end=end)).model
    request = request_of(model, 500, 2, "without_vaccines")
    for backend in FAST:
        seen = RUNNERS[backend](model)(request).observations
        assert seen["vaccines"].tolist() == [[0.0]] * 8
        assert seen["spent"][0, 0] == 1000.10 * 2


def test_observing_costs_changes_no_other_number() -> None:
    bare, full = (lpmdsl.load(text(observe)).model for observe in ("", OBSERVED))
    one, other = (cpu_run(compiled(model))(request_of(model, 500, 5)) for model in (bare, full))
    assert one.observations["cases"].tolist() == other.observations["cases"].tolist() and one.costs == other.costs


def test_of_a_run_that_stops_within_a_week_only_whole_weeks_are_reported() -> None:
    model = lpmdsl.load(text()).model
    request = replace(request_of(model, 500, 2), steps=40)  # 20 days: two weeks
    for backend in FAST:
        result = RUNNERS[backend](model)(request)
        assert result.observations["vaccines"][:, 0].tolist() == [25.30 * DOSES[0], 25.30 * DOSES[1]]
        assert result.costs["vaccination"] == 25.30 * sum(DOSES)


# ------------------------------------------------------------------ text and meaning


@pytest.mark.parametrize("written", ["costs of vaccination, closure", "costs of vaccination + costs of closure"])
def test_several_are_added_and_written_back_in_one_way(written: str) -> None:
    words = text(f"observe spent = {written} per 2 weeks\n")
    report = Report()
    module = parse(Source("example.lpm", words), report)
    assert "observe spent = costs of vaccination, closure per 2 weeks\n" in format_module(module)
    spent = lpmdsl.load(words).model.observation("spent")
    assert (spent.value, spent.unit, spent.every) == (
        m.Spending(("vaccination", "closure"), 14.0), "USD per 2 weeks", 14.0,
    )  # fmt: skip


def test_units_name_the_currency() -> None:
    units = {o.name: o.unit for o in lpmdsl.load(text()).model.observations}
    assert units == {
        "cases": "per week", "vaccines": "USD per week", "daily": "USD per day", "spent": "USD per week",
        "monthly": "USD per month", "running": "USD", "recent": "USD per week", "last_two": "USD",
        "per_case": "USD per person", "per_head": "USD per week per person", "change": "USD per week",
    }  # fmt: skip


def test_nothing_is_spent_backwards() -> None:
    model = lpmdsl.load(text()).model
    assert observed(model.observation("spent"), Knowledge(model, {})) == (0.0, np.inf)


EUROS = "costs 5_000 EUR"


@pytest.mark.parametrize(
    ("observe", "code", "place", "word"),
    [
        ("costs of nothing per week", "E0201", "nothing", "no intervention `nothing`"),
        ("costs of cases per week", "E0206", "cases", "is an observation"),
        ("costs of free per week", "E0671", "free per", "`free` costs"),
        ("costs of idle per week", "E0717", "idle per", "no"),
        ("costs of vaccination, foreign per week", "E0672", "foreign per", "USD"),
        ("costs of vaccination, vaccination per week", "E0673", "vaccination per", "twice"),
        ("costs of vaccination per week by vaccinated", "E0704", "vaccinated", "not by whom"),
        ("costs of vaccination per week where vaccinated", "E0704", "vaccinated", "not by whom"),
        ("costs of vaccination per week thinned by 50 %", "E0704", "50 %", "not by whom"),
        ("costs of vaccination per week delayed by 3 days", "E0704", "3 days", "not by whom"),
        ("costs of vaccination per week every day", "E0704", "day", "their own period"),
        ("costs of vaccination per 5 hours", "E0705", "5 hours", ""),
        ("costs of vaccination", "E0101", "costs of vaccination", "over a period"),
        ("2 * costs of vaccination per week", "E0101", "of", ""),
    ],
)
def test_mistakes_are_told_where_they_stand(observe: str, code: str, place: str, word: str) -> None:
    free = "\nintervention free\n  starts on day 2\n  while active\n    scale town by 95 %\n"
    others = f"{free.replace('free', 'foreign')}  {EUROS}\n{free.replace('free', 'idle')}  costs 5 USD per person\n"
    words = text(f"observe spent = {observe}\n", free + others)
    (error,) = told(words)
    assert error.code == code and word in error.message, error
    assert words[error.span.start :].startswith(place), words[error.span.start :][:40]


@pytest.mark.parametrize(
    ("end", "codes"),
    [
        ("observe gone = vaccines + abroad", ["E0672"]),
        ("parameter euros_each = 1.1 USD per EUR\nobserve gone = vaccines + abroad * euros_each", []),
        ("parameter budget = 900 EUR per week\nobserve left = budget - vaccines", ["E0672"]),
        ("parameter budget = 900 USD per week\nobserve left = budget - vaccines", []),
        ("observe ratio = vaccines / abroad", []),
        ("check always max(vaccines, 5 EUR per week) >= 0 USD per week", ["E0672"]),
        ('calibrate\n  fit vaccines to "paid.csv" column usd with poisson\n  estimate each by sampling', ["E0674"]),
        ('calibrate\n  fit vaccines to "paid.csv" column usd with normal(sd 100 USD per week)\n'
         "  estimate each by sampling", []),
    ],
)  # fmt: skip
def test_money_of_two_currencies_is_never_added(end: str, codes: list[str]) -> None:
    foreign = f"\nintervention foreign\n  starts on day 2\n  while active\n    scale town by 95 %\n  {EUROS}\n"
    each = "\nparameter each = 0.02 per contact\n  prior lognormal(median 0.02 per contact, spread 1.3)\n"
    words = text(OBSERVED, f"{foreign}{each}\nobserve abroad = costs of foreign per week\n{end}\n")
    assert [d.code for d in told(words.replace("at 0.02 per contact", "at each"))] == codes


def test_a_library_brings_the_intervention_with_its_costs(tmp_path: Path) -> None:
    parts = text().split("intervention closure")[0]
    bought = parts[parts.index("intervention vaccination") :]
    library = f"library shots version 1.0\n\n{bought}\nobserve paid_for = costs of vaccination per week\n"
    (tmp_path / "shots.lpm").write_text(library, encoding="utf-8")
    words = (
        text("").replace(bought, "").replace("agent Person", 'use "shots" only observe paid_for as us\n\nagent Person')
    )
    (tmp_path / "town.lpm").write_text(words, encoding="utf-8")
    model = lpmdsl.load(tmp_path / "town.lpm").model
    assert model.observation("us_paid_for").value == m.Spending(("us_vaccination",), 7.0)


# ------------------------------------------------------------------ gradients


def test_the_relaxation_says_what_it_has_not() -> None:
    from lpmdsl.lowering.relaxed.supported import check_relaxable

    model = lpmdsl.load(text()).model
    with pytest.raises(LpmError) as wrong:
        check_relaxable(model)
    costs = [d for d in wrong.value.report.diagnostics if "costs over time" in d.message]
    assert {d.code for d in costs} == {"E0846"} and len(costs) == 4
    assert all(d.span.source.text[d.span.start :].startswith("observe") for d in costs)


TESTING = """\
model testing version 1.0

clock
  step 1 day
  for 10 days

parameter leaving = 0.1 per day

agent Person count 200
  tested yes/no = no

condition Flu of Person
  states I, R
  start I
  from I at rate leaving to R

observe spent = costs of testing per day
observe seen = count of Person where tested every day

intervention testing
  every day for Person where Flu is I
    set tested to yes
  costs 2.50 USD per person
"""


@pytest.mark.parametrize(("estimator", "replicates"), [("differences", 400), ("score", 1_000)])
def test_gradients_of_costs_are_exact(estimator: str, replicates: int) -> None:
    """On day t a share e^(−ht) is still there to be tested: 2.50 · 200 · Σ e^(−ht) and its derivative, |z| < 3."""
    weights = [math.exp(-0.1 * t) for t in range(10)]
    exact = -2.50 * 200 * sum(t * w for t, w in enumerate(weights))
    model = lpmdsl.load(TESTING)
    (found,) = model.gradient("total of spent", ["leaving"], replicates=replicates, seed=1, estimator=estimator)
    assert found.mean == pytest.approx(2.50 * 200 * sum(weights), rel=0.01)
    assert found.se < 0.05 * abs(exact)
    assert abs(found.gradient - exact) < 3 * found.se, (found.gradient, found.se, exact)


# ------------------------------------------------------------------ where it stands


def test_manifest_tables_page_and_comparison_tell_the_money(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    end = """
scenario less
  without vaccination

compare less with baseline
  report total of spent, peak of spent, final of running
"""
    words = text(end=end).replace("spent / cases", "spent / (cases + 1 per week)")
    Path("costs.lpm").write_text(words, encoding="utf-8")
    for command in ("run", "compare"):
        often = () if command == "run" else ("--replicates", 2)
        assert lpmc(command, "costs.lpm", "--backend", "reference", "--out", command, *often) == 0
        out = capsys.readouterr().out
        spent = 25.30 * sum(DOSES)
        assert "vaccination" in out and f"{spent:,.0f}" in out and "USD" in out
        manifest = json.loads(Path(command, "manifest.json").read_text(encoding="utf-8"))
        assert set(manifest["costs"]["vaccination"]["spent"]["baseline"]) == {spent}
        assert manifest["costs"]["vaccination"]["currency"] == "USD"
        assert manifest["observations"]["spent"]["unit"] == "USD per week"
        assert manifest["observations"]["spent"]["is_flow"] and manifest["observations"]["spent"]["adds_up"]
        page = Path(command, "report.html").read_text(encoding="utf-8")
        assert "Costs" in page and f"{spent:,.0f}" in page and "USD per week" in page
    table = Path("compare", "comparison.csv").read_text(encoding="utf-8")
    whole = 25.30 * sum(DOSES) + 10_001 + 5_000
    assert f"less,baseline,total of spent,,USD,{10_001 + 5_000}" in table, table
    assert f"baseline,baseline,total of spent,,USD,{whole:.10g}"[:45] in table
