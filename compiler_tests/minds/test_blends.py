"""Answers weighed with a rule: the same on every back end, by the law of the weighed logits, and estimable."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import lpmdsl
from benchmarks.nyc_stand_in import record
from compiler_tests.example_models.behaviour_models import ONE, always, checked
from compiler_tests.minds.crowds import BLEND
from compiler_tests.support.both_backends import assert_same, compiled, cpu_run, request_of, runner
from compiler_tests.support.four_ways import same_four_ways
from lpmdsl.compiler import check_source
from lpmdsl.config import CalibrationOptions
from lpmdsl.diagnostics import LpmError, Report
from lpmdsl.interchange import from_json, to_json
from lpmdsl.runtime.calibration.problem import read_problem
from lpmdsl.runtime.engine.gpu.launch import Tiling
from lpmdsl.runtime.engine.gpu.run import gpu_runner
from lpmdsl.source import Source
from lpmdsl.syntax.formatting.text import format_module
from lpmdsl.syntax.parse import parse

Z = 3.0


def logit(p: float) -> float:
    return math.log(p / (1 - p))


def blended(said: float, ruled: float, weight: float) -> float:
    return 1 / (1 + math.exp(-((1 - weight) * logit(said) + weight * logit(ruled))))


# ------------------------------------------------------------------ one meaning on every back end


@pytest.mark.parametrize("seed", [1, 2])
def test_four_ways_agree(seed: int) -> None:
    result = same_four_ways(checked(BLEND), 1_000, seed)
    assert 100 < result.observations["masks"][-1, 0] < 900


def test_the_gpu_gives_the_counts_of_the_cpu() -> None:
    made = compiled(checked(BLEND))
    requests = [request_of(made.model, 300, 5, replicate=r) for r in range(2)]
    for request, result in zip(requests, gpu_runner(made, Tiling(128))(requests, None), strict=True):
        assert_same(cpu_run(made)(request), result)


def test_texts_go_round() -> None:
    assert format_module(parse(Source("blend.lpm", BLEND), Report())) == BLEND
    model = checked(BLEND)
    assert from_json(to_json(model)) == model


# ------------------------------------------------------------------ the law

FUSED = """\
parameter weight = 25 %

behaviour caring of Person
  decides yes/no into careful
  every day
  asks for probabilities
    "Careful?"
  blends with rule RULE by weight weight
  otherwise 10 %
"""


@pytest.mark.parametrize("said", [0.2, 0.7])
@pytest.mark.parametrize("ruled", [0.4, 0.9])
@pytest.mark.parametrize("weight", [0.0, 0.25, 0.5, 0.9, 1.0])
def test_the_share_is_the_law_of_the_weighed_logits(said: float, ruled: float, weight: float) -> None:
    """Each of three days of 20 000 people to 3.5 standard errors: of sixty shares one lies outside once in 36 sets."""
    model = checked(ONE.replace("DAYS", "3").replace("BEHAVIOUR", FUSED.replace("RULE", f"{100 * ruled:g} %")))
    request = request_of(model, 20_000, 7, settings={"weight": f"{weight}"})
    request = replace(request, ask=always(lambda who: [[1 - said, said]] * len(who)))
    result = runner(model, "cpu")(request)
    assert_same(result, runner(model, "reference")(request))
    p = blended(said, ruled, weight)
    z = (result.observations["said_yes"][1:, 0] / 20_000 - p) / math.sqrt(p * (1 - p) / 20_000)
    assert np.abs(z).max() < 3.5


def test_at_the_ends_one_of_them_decides_alone() -> None:
    """By weight 0 as without the clause, by weight 1 as by the rule: the same people and draws."""
    rule = "(0.9 where mode is bus, 0.3 otherwise)"
    text = FUSED.replace("RULE", rule).replace("  every day\n", "  every day\n  knows mode\n")
    text = text.replace("Careful?", "By {mode}: careful?")
    plain = text.replace(f"  blends with rule {rule} by weight weight\n", "").replace("parameter weight = 25 %\n", "")
    ruled = f"behaviour caring of Person\n  decides yes/no into careful by rule {rule}\n"
    ruled += "  every day\n  knows mode\n"
    counts = []
    for behaviour, weight in ((text, "0"), (plain, ""), (text, "1"), (ruled, "")):
        model = checked(ONE.replace("DAYS", "3").replace("BEHAVIOUR", behaviour))
        request = request_of(model, 5_000, settings={"weight": weight} if weight else {})
        request = replace(request, ask=always(lambda who: [[0.75, 0.25]] * len(who)))
        counts.append(runner(model, "cpu")(request).observations["said_yes"].tolist())
    assert counts[0] == counts[1] != counts[2] == counts[3]


@pytest.mark.parametrize(("said", "ruled", "p"), [(1.0, "50 %", 1.0), (0.0, "50 %", 0.0), (1.0, "no", 0.5)])
def test_certain_answers_are_as_certain_as_a_draw(said: float, ruled: str, p: float) -> None:
    """A probability of 0 or 1 counts as 2⁻³² from it: half of it and half of a coin is 2⁻¹⁶, one in 65 536.

    So of 20 000 there are three at most; yes for certain against no for certain is even.
    """
    model = checked(ONE.replace("DAYS", "2").replace("BEHAVIOUR", FUSED.replace("RULE", ruled)))
    request = request_of(model, 20_000, settings={"weight": "0.5"})
    request = replace(request, ask=always(lambda who: [[1 - said, said]] * len(who)))
    result = runner(model, "cpu")(request)
    assert_same(result, runner(model, "reference")(request))
    share = result.observations["said_yes"][1:, 0] / 20_000
    assert np.abs(share - p).max() <= Z * math.sqrt(p * (1 - p) / 20_000) + 3 / 20_000


# ------------------------------------------------------------------ the weight is estimated


def kept(folder: Path, data: str) -> lpmdsl.LoadedModel:
    """A model with a survey of masks and its answers beside it: two of ten say yes, and the rule says 80 %."""
    text = ONE.replace("DAYS", "6").replace("count 20_000", "count 4_000").replace("BEHAVIOUR", FUSED)
    text = text.replace("asks for probabilities", "asks 10 times per archetype").replace("RULE", "80 %")
    text = text.replace("weight = 25 %\n", "weight = 25 %\n  prior uniform(0, 1)\n")
    text += '\ncalibrate\n  fit said_yes to "yes.csv" column careful with normal(sd 40 people)\n  estimate weight\n'
    (folder / "one.lpm").write_text(text, encoding="utf-8")
    (folder / "yes.csv").write_text(data, encoding="utf-8")
    record(folder / "one.ledger.jsonl", folder, folder / "one.lpm", by_seed)
    return lpmdsl.load(folder / "one.lpm")


def by_seed(prompt: str, seed: int) -> dict[str, str | int]:
    return {"decision": "yes" if seed % 5 == 0 else "no"}


def test_the_derivative_by_the_weight_is_that_of_the_law(tmp_path: Path) -> None:
    """dp/dW = p (1 − p) (logit of the rule − logit of what is said), by differences on common random numbers."""
    loaded = kept(tmp_path, "day,careful\n1,1\n")
    (found,) = loaded.gradient("mean of said_yes", ["weight"], replicates=40, parameters={"weight": "0.4"})
    lines = (tmp_path / "one.ledger.jsonl").read_text(encoding="utf-8")
    said = lines.count('\\"yes\\"') / 10
    assert 0 < said < 1
    p = blended(said, 0.8, 0.4)
    expected = 4_000 * 6 / 7 * p * (1 - p) * (logit(0.8) - logit(said))  # of seven reports the first is of the start
    assert found.certificate.holds and abs(found.gradient - expected) < 4 * found.se < 0.1 * expected


def test_a_fit_finds_the_weight(tmp_path: Path) -> None:
    """The likelihood of data made with a weight of 0.4 is highest within 0.05 of it; the answers beside the model are
    replayed for it."""
    loaded = kept(tmp_path, "day,careful\n1,1\n")
    run = loaded.run(seed=9, parameters={"weight": "0.4"})
    yes = run.observations.query("observation == 'said_yes'")["value"].to_numpy()
    loaded = kept(tmp_path, "day,careful\n" + "".join(f"{day},{yes[day]:.0f}\n" for day in range(1, 7)))
    problem = read_problem(loaded.model, loaded.facts, CalibrationOptions(), None, loaded.source)
    weights = np.arange(0.05, 1.0, 0.05)
    likelihoods = []
    for weight in weights:
        z = problem.real({"weight": float(weight)})
        likelihoods.append(np.mean(problem.log_likelihoods(z, problem.run(z, np.arange(4)))))
    assert abs(weights[int(np.argmax(likelihoods))] - 0.4) < 0.05 + 1e-9


# ------------------------------------------------------------------ mistakes


@pytest.mark.parametrize(
    ("old", "new", "code", "line", "column"),
    [
        ("by weight weight", "by weight 3", "E0313", 37, 67),
        ("by weight weight", "by weight 3 days", "E0303", 37, 67),
        ("by weight weight", "by weight age", "E0314", 37, 67),
        ("rule inverse_logit(pull * (around - 0.5))", "rule pull * around", "E0504", 37, 20),
        ("rule inverse_logit(pull * (around - 0.5))", "rule 10 days", "E0303", 37, 20),
        ("pull * (around - 0.5)", "pull * (masks - 0.5)", "E0733", 37, 42),
        ("by weight weight", "by weight wait", "E0201", 37, 67),
    ],
)
def test_mistakes(old: str, new: str, code: str, line: int, column: int) -> None:
    assert BLEND.count(old) == 1
    report = Report()
    check_source(Source("blend.lpm", BLEND.replace(old, new)), report)
    found = [(d.code, d.span.line, d.span.column) for d in report.sorted() if d.severity == "error"]
    assert found == [(code, line, column)]


def test_only_one_probability_is_blended() -> None:
    text = BLEND.replace("bernoulli(30 %)\n", "bernoulli(30 %)\n  effort share = 50 %\n")
    text = text.replace("decides yes/no into masked", "decides share into effort").replace("  shifted by 0.3\n", "")
    report = Report()
    check_source(Source("blend.lpm", text), report)
    assert [d.code for d in report.sorted() if d.severity == "error"] == ["E0736"]


@pytest.mark.parametrize(("estimator", "code", "told"), [
    ("score", "E0845", "`weight`: it decides what `caring` decides (one.lpm:"),
    ("relaxation", "E0846", "The relaxation has no `behaviour`."),
])  # fmt: skip
def test_other_estimators_are_refused_by_name(tmp_path: Path, estimator: str, code: str, told: str) -> None:
    loaded = kept(tmp_path, "day,careful\n1,1\n")
    with pytest.raises(LpmError) as error:
        loaded.gradient("mean of said_yes", ["weight"], replicates=4, estimator=estimator)
    first = error.value.report.diagnostics[0]
    assert first.code == code and told in first.message
