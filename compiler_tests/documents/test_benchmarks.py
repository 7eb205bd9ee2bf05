"""Measurements: the comparison with other engines, whose C++ does the same work as ours, and that of estimators."""

from __future__ import annotations

import json
import math
import shutil
import statistics
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks import cpu, environments, gradient_page, latency, performance_page, rules
from benchmarks.gradient_models import SETTINGS, exact_slope
from benchmarks.gradients import compared
from benchmarks.stages import prepare
from lpmdsl.backends.request import RunRequest
from lpmdsl.diagnostics import Report
from lpmdsl.population.people import build_world, start_states
from lpmdsl.runtime.engine.execute import cpu_runner
from lpmdsl.semantics.passes import check_source
from lpmdsl.source import Source

PEERS = Path(environments.__file__).parent / "peers"
AGENTS, SEEDS = 20_000, range(1, 31)


def one_run(run_s: float, attack: float = 0.79) -> dict:
    return {"agents": 10_000, "setup_s": 0.1, "run_s": run_s, "run_cpu_s": run_s, "peak_mib": 50, "attack": attack,
            "version": "1.0"}  # fmt: skip


RECORD = {
    "machine": "a machine, 2 cores",
    "date": "2026-01-01",
    "rows": [
        cpu.median_of("mesa", [one_run(4.0)]),
        cpu.median_of("ours", [one_run(2.0, 0.8), one_run(0.5, 0.78), one_run(1.0, 0.79)]),
        {"peer": "agent_torch", "agents": 10_000, "error": "agent_torch: no such package"},
    ],
}


def test_a_row_holds_the_medians_of_its_runs() -> None:
    row = RECORD["rows"][1]
    assert (row["run_s"], row["attack"], row["runs"]) == (1.0, 0.79, 3)


def test_rows_measured_again_take_the_place_of_the_old_ones() -> None:
    again = {"peer": "mesa", "agents": 10_000, "run_s": 3.0}
    more = {"peer": "mesa", "agents": 100, "run_s": 1.0}
    merged = cpu.merged(RECORD["rows"], [again, more])
    assert [(r["peer"], r.get("run_s")) for r in merged] == [
        ("ours", 1.0),
        ("agent_torch", None),
        ("mesa", 3.0),
        ("mesa", 1.0),
    ]


def test_the_table_is_sorted_by_run_and_tells_times_ours() -> None:
    lines = [line for line in performance_page.table(RECORD).splitlines() if line.startswith("| ")][1:]
    assert [line.split("|")[-2].strip() for line in lines] == ["1.00", "4.00", ""]
    assert "lpmdsl" in lines[0] and "Mesa" in lines[1] and "no such package" in lines[2]


def test_words_around_the_table_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(performance_page, "draw", lambda record, path: None)
    page = tmp_path / "performance.md"
    page.write_text(f"before\n{performance_page.BEGIN}\nold\n{performance_page.END}\nafter\n", encoding="utf-8")
    performance_page.write_page(RECORD, tmp_path)
    text = page.read_text(encoding="utf-8")
    assert text.startswith("before\n") and text.endswith("\nafter\n") and "old" not in text and "Mesa" in text


def test_an_environment_that_cannot_be_made_is_told_in_its_row(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> list[str]:
        raise subprocess.CalledProcessError(1, "pip", stderr="collecting\nno such package\n")

    monkeypatch.setattr(cpu, "command", refuse)
    row = cpu.measured(environments.Peer("mesa", 10, "Mesa"), 10, 1)
    assert row == {"peer": "mesa", "agents": 10, "error": "mesa: no such package"}


@pytest.fixture(scope="module")
def ours() -> list[float]:
    """Fractions ever infected by lpmdsl; every seed has its own network."""
    compiled, first, _ = prepare(PEERS.parent / "seir_network.lpm", AGENTS)
    model, runner = compiled.model, cpu_runner(compiled, 1)
    seeded = AGENTS // 1000
    attacks = []
    for seed in SEEDS:
        world = build_world(model, first.parameters, seed, {model.agents[0].name: AGENTS})
        start = start_states(model, world, first.parameters, seed, 0)
        assert np.count_nonzero(start["Illness"]) == seeded
        result = runner(RunRequest(model, world, first.parameters, start, seed, 0, first.steps), None)
        attacks.append(float(np.mean(result.states["Illness"] != 0)))
    return attacks


@pytest.mark.skipif(shutil.which("g++") is None, reason="g++ is not there")
@pytest.mark.parametrize("luck", ["keyed", "sequence"])
def test_engines_in_cpp_infect_as_many_as_ours(luck: str, ours: list[float], tmp_path: Path) -> None:
    """|z| < 4.5 for the difference of two means over 30 networks: by chance once in 150,000 times."""
    program = str(tmp_path / "engine")
    subprocess.run(["g++", "-O2", "-std=c++17", str(PEERS / "event_engine.cpp"), "-o", program], check=True)
    words = [[program, luck, str(AGENTS), "100", str(seed)] for seed in SEEDS]
    lines = [subprocess.run(w, capture_output=True, text=True, check=True).stdout for w in words]
    theirs = [json.loads(line)["attack"] for line in lines]
    spread = math.sqrt((statistics.variance(ours) + statistics.variance(theirs)) / len(SEEDS))
    assert abs(statistics.mean(ours) - statistics.mean(theirs)) < 4.5 * spread


# ------------------------------------------------------------------ gradients


@pytest.mark.parametrize("name", ["sparse", "households"])
def test_the_certificate_convicts_what_is_wrong(name: str) -> None:
    """Straight-through and the relaxation, as they are, on ties and in homes; what ``auto`` takes is not convicted."""
    record: dict = {"truths": {}, "rows": []}
    setting = next(s for s in SETTINGS if s.name == name)
    compared(replace(setting, truth_runs=120, runs=120), 1.0, record)
    verdicts = {row["estimator"]: row for row in record["rows"]}
    for wrong in ("relaxation", "surrogate"):
        assert "wrong" in verdicts[wrong]["verdict"] and not verdicts[wrong]["passes"], verdicts[wrong]
    for right in ("differences, auto", "score with controls"):
        assert "wrong" not in verdicts[right]["verdict"], verdicts[right]
    assert abs(verdicts["differences, auto"]["z"]) < 3 and abs(verdicts["score with controls"]["z"]) < 3
    assert verdicts["score with controls"]["spread"] < 0.8 * verdicts["score"]["spread"]


def test_the_recursion_of_thirty_who_all_meet() -> None:
    """The slope of the size in the end, 1507.40376, to eight digits."""
    assert exact_slope() == pytest.approx(1507.40376, rel=1e-7)


def test_the_table_of_gradients_is_made_of_rows(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"before\n{gradient_page.BEGIN}\nold\n{gradient_page.END}\nafter\n", encoding="utf-8")
    row = {"setting": "K30", "estimator": "score", "bias": 0.031, "spread": 0.95, "passes": True, "verdict": ""}
    wild = {"setting": "K30", "estimator": "surrogate", "bias": 7e7, "spread": 2.0, "passes": False, "verdict": "wrong"}
    record = {"truths": {"K30": {"truth": 55.023, "se": 0.0, "words": "K30"}}, "rows": [row, wild]}
    gradient_page.write_page(record, page)
    text = page.read_text(encoding="utf-8")
    assert "| score | +3 / 0.95 ✓ |" in text and "| surrogate | +7e+09 / 2 ✗ |" in text
    assert text.startswith("before\n") and text.endswith("after\n") and "old" not in text


def test_the_table_of_latencies_names_every_case_with_its_limit(tmp_path: Path) -> None:
    rows = [
        {"case": c.name, "seconds": 0.4, "libraries": 0.2, "times": 2.0, "most": c.most, "in_times": c.in_times}
        for c in latency.cases(tmp_path)
    ]
    record = {"machine": "m", "date": "d", "versions": {"python": "3"}, "rows": rows, "environment_mb": 500}
    page = tmp_path / "page.md"
    page.write_text(f"before\n{latency.BEGIN}\nold\n{latency.END}\nafter\n", encoding="utf-8")
    latency.write(record, page)
    text = page.read_text(encoding="utf-8")
    assert text.startswith("before\n") and text.endswith("\nafter\n") and "old" not in text
    assert "| check town_flu | 0.40 | 2.0 | 3 times |" in text and "500 MB" in text
    assert len(rows) == 6 and all(row["case"] in text for row in rows)


def test_the_edit_of_a_latency_makes_a_model_that_checks(tmp_path: Path) -> None:
    text = latency.with_a_line((latency.ROOT / "models" / "town_flu.lpm").read_text(encoding="utf-8"))
    report = Report()
    assert check_source(Source("edited.lpm", text, latency.ROOT / "models" / "edited.lpm"), report) is not None
    (tmp_path / "a").write_bytes(b"x" * 1_000)
    (tmp_path / "b").symlink_to(tmp_path / "a")
    assert latency.size_of(tmp_path) == 1_000


def test_the_page_shows_the_recorded_rule() -> None:
    record = json.loads(rules.RESULTS.read_text(encoding="utf-8"))
    text = rules.PAGE.read_text(encoding="utf-8")
    assert rules.table(record) == text[text.index(rules.BEGIN) + len(rules.BEGIN) : text.index(rules.END)].strip()
    by_hand = next(row for row in record["rows"] if row["peer"] == "numba")
    ours = next(row for row in record["rows"] if row["peer"] == "ours")
    assert abs(by_hand["spread"] - ours["spread"]) < 1e-3, "networks of the same kind forget alike"
