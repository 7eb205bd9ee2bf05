"""``until nobody is in …``: a run that ends early, on every back end, and what is kept of it."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import lpmdsl
from compiler_tests.support.agreement import agreed, checked, formatted, found
from compiler_tests.support.both_backends import assert_same, compiled, request_of, runner
from lpmdsl.diagnostics import LpmError
from lpmdsl.runtime.engine.execute import cpu_runner
from lpmdsl.runtime.engine.gpu.run import gpu_runner

MODEL = """model ending

clock
  step 1 day
  for 40 days
  until nobody is in E, I

parameter beta = 0.05 per contact

agent Person count 120
  home place of size ~ poisson(3)

network homes joins Person sharing home with 4 contacts per day
network town joins Person at random with 3 contacts per day

condition Flu of Person
  states S, E, I, R
  start S except 3 Person in E
  from S by contagion to E
  from E after gamma(mean 2 days, sd 1 day) to I
  from I after gamma(mean 4 days, sd 2 days) to R
  from R after fixed(30 days) to S

contagion of Flu
  from I on homes, town at beta

intervention watch
  costs 10 USD per day
  while active
    scale town by 90 %

observe infections = number entering E per day
observe weekly = number entering E per week
observe ill = count of Person where Flu is E or Flu is I
observe recovered = count of Person where Flu is R every 2 days
observe paid = costs of watch per day

check always ill < 121 people
"""
FIXED = MODEL.replace("0.05 per contact", "0 per contact")
FIXED = FIXED.replace("gamma(mean 2 days, sd 1 day)", "fixed(3 days)")
FIXED = FIXED.replace("gamma(mean 4 days, sd 2 days)", "fixed(6.5 days)")


def test_the_run_ends_when_all_have_left() -> None:
    result = agreed(FIXED, agents=None)
    assert result.ended == 10, "3 days and 6.5 days are over within the tenth step"
    ill = np.asarray(result.observations["ill"]).ravel()
    assert ill[:11].tolist() == [3] * 10 + [0] and np.isnan(ill[11:]).all()
    weekly = np.asarray(result.observations["weekly"]).ravel()
    assert weekly[0] == 0 and np.isnan(weekly[1:]).all(), "the week that was not over has no report"
    recovered = np.asarray(result.observations["recovered"]).ravel()
    assert recovered[:6].tolist() == [0, 0, 0, 0, 0, 3] and np.isnan(recovered[6:]).all()
    assert (result.states["Flu"] == 3).sum() == 3, "nobody becomes susceptible again after the end"
    assert result.costs["watch"] == 100, "nothing is paid for after the end"


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_every_back_end_ends_alike(seed: int) -> None:
    result = agreed(MODEL, agents=None, seed=seed)
    infections = np.asarray(result.observations["infections"]).ravel()
    last = 40 if result.ended is None else result.ended
    assert (~np.isnan(infections)).sum() == last
    other = agreed(MODEL.replace("  until nobody is in E, I\n", ""), agents=None, seed=seed)
    np.testing.assert_array_equal(infections[:last], np.asarray(other.observations["infections"]).ravel()[:last])


def test_a_batch_of_replicates_ends_each_at_its_time() -> None:
    model = checked(MODEL)
    requests = [replace(request_of(model, None, 1), replicate=k) for k in range(4)]
    together = gpu_runner(compiled(model), None)(requests, None)
    apart = [runner(model, "reference")(request) for request in requests]
    for one, other in zip(together, apart, strict=True):
        assert_same(one, other)
        assert one.ended == other.ended
    assert len({one.ended for one in together}) > 1


def test_threads_end_alike() -> None:
    model = checked(MODEL)
    request = request_of(model, 40_000, 1)
    one, three = (runner(model, "cpu", threads)(request) for threads in (1, 3))
    assert_same(one, three)
    assert one.ended == three.ended


def test_who_is_there_all_the_time_lets_the_run_go_on() -> None:
    result = agreed(MODEL.replace("until nobody is in E, I", "until nobody is in S, R of Flu"), agents=None)
    assert result.ended is None and not np.isnan(np.asarray(result.observations["ill"])).any()


def test_progress_comes_to_its_end() -> None:
    seen: list[int] = []
    model = checked(FIXED)
    run = cpu_runner(compiled(model), 1)
    result = run(request_of(model, None, 1), lambda steps: seen.append(steps) is None)
    assert seen[-1] == 40 and result.steps_done == 40 and result.ended == 10


# ------------------------------------------------------------------ what a run, a comparison and a gradient make of it


def test_a_run_says_when_it_ended(tmp_path: Path) -> None:
    path = tmp_path / "ending.lpm"
    path.write_text(FIXED)
    command = [sys.executable, "-m", "lpmdsl.cli", "run", str(path), "--out", str(tmp_path / "run"), "--quiet"]
    told = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "ended after 10 days" in told.stdout
    text = (tmp_path / "run" / "manifest.json").read_text()
    assert '"ended_after": {\n    "baseline": [\n      10\n    ]\n  }' in text
    assert "ended after 10 days" in (tmp_path / "run" / "report.html").read_text()


def test_replicates_keep_their_own_rows_and_scenarios_compare_totals() -> None:
    text = MODEL + (
        "\nscenario half\n  change beta to 0.02 per contact\ncompare half with baseline\n  repeat 6 times\n"
        "  report total of infections, final of ill\n"
    )
    results = lpmdsl.load(text).compare(seed=4)
    assert results.manifest.complete
    table = results.table
    for scenario, ends in results.manifest.ended_after.items():
        for replicate, end in enumerate(ends):
            mine = (table["scenario"] == scenario) & (table["replicate"] == replicate) & (table["observation"] == "ill")
            assert table["step"][mine].max() == (40 if end is None else end)
            if end is not None:
                assert table["value"][mine][-1] == 0
    total = {(r["scenario"], r["report"]): r["mean"] for r in results.compared.rows()}
    for scenario in ("baseline", "half"):
        here = (table["scenario"] == scenario) & (table["observation"] == "infections")
        assert total[scenario, "total of infections"] == pytest.approx(table["value"][here].sum() / 6)


def test_gradients_are_differences_or_refused_with_the_line() -> None:
    loaded = lpmdsl.load(MODEL)
    (made,) = loaded.gradient("total of infections", ["beta"], replicates=4)
    assert made.estimator == "differences"
    for estimator, code in (("relaxation", "E0846"), ("score", "E0845")):
        with pytest.raises(LpmError) as raised:
            loaded.gradient("total of infections", ["beta"], replicates=4, estimator=estimator)
        assert any(d.code == code and "end" in d.message for d in raised.value.report.diagnostics)


def test_the_description_says_so(tmp_path: Path) -> None:
    path, page = tmp_path / "ending.lpm", tmp_path / "page.html"
    path.write_text(MODEL)
    command = [sys.executable, "-m", "lpmdsl.cli", "doc", str(path), "--out", str(page)]
    subprocess.run(command, capture_output=True, check=True)
    assert "for 40 days, or until nobody is in E, I." in page.read_text()


# ------------------------------------------------------------------ what is said of the text


def test_the_line_is_written_back() -> None:
    text = MODEL.replace("until nobody is in E, I", "until  nobody is in E,I of Flu")
    assert "\n  until nobody is in E, I of Flu\n" in formatted(text)
    assert formatted(formatted(text)) == formatted(text)


FIT = '\ncalibrate\n  fit infections to "cases.csv" column cases with poisson\n  estimate beta\n'
BROKEN = [
    ("until nobody is in E, X", "", "E0203", 6, 25),
    ("until nobody is in E of Cold", "", "E0201", 6, 27),
    ("until nobody in E", "", "E0101", 6, 16),
    ("until cases falls below 1", "", "E0101", 6, 9),
    ("until nobody is in E, I", FIT, "E1017", 40, 1),
    ("until nobody is in R", "", "W1018", 6, 3),
]


@pytest.mark.parametrize(("line", "more", "code", "row", "column"), BROKEN, ids=[c[0] + c[2] for c in BROKEN])
def test_what_is_wrong_is_told_with_its_place(line: str, more: str, code: str, row: int, column: int) -> None:
    text = MODEL.replace("until nobody is in E, I", line) + more
    told = [(d.code, d.span.line, d.span.column) for d in found(text)]
    assert (code, row, column) in told, told
