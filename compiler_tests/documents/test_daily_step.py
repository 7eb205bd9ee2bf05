"""The measurement of steps: what is exact in it against equations, the models that it runs, and its page."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

import lpmdsl
from benchmarks import steps, steps_page
from benchmarks.steps_cases import FLU, HOUSEHOLDS, MIXING, SHORT
from benchmarks.steps_exact import daily_cases, final_size, further_cases, whole_steps, whole_steps_at_home


def test_epidemics_event_by_event_have_sellkes_final_size() -> None:
    """60 000 people; the number infected scatters by some √(N z (1 − z)) times 2 or so: |z| < 4 of these."""
    for case in (FLU, SHORT):
        exact = final_size(case.beta * case.infectious, case.first_of(60_000) / 60_000)
        at_risk = 60_000 - case.first_of(60_000)
        found = daily_cases(case, 60_000, 1).sum() / at_risk
        assert abs(found - exact) < 4 * 2 * math.sqrt(exact * (1 - exact) / at_risk)


def test_whole_steps_come_to_the_exact_epidemic_as_they_shorten() -> None:
    exact = daily_cases(SHORT, 400_000, 1)
    apart = [abs(whole_steps(SHORT, 400_000, h / 24, 1)[:10].sum() / exact[:10].sum() - 1) for h in (24, 1)]
    assert apart[0] > 0.1 and apart[1] < 0.08


def test_exact_households_are_the_numbers_of_bailey_and_ball() -> None:
    four, short, _, three = HOUSEHOLDS
    assert further_cases(four) == pytest.approx(1.8710022, abs=1e-6)
    assert further_cases(short) == pytest.approx(95 / 48)
    assert further_cases(three) == pytest.approx(1.0408357, abs=1e-6)
    assert whole_steps_at_home(three, 40_000, 1 / 24, 1) == pytest.approx(1.0408, abs=0.03)


@pytest.mark.parametrize("case", MIXING, ids=lambda c: c.name)
def test_the_models_of_the_page_are_models(case: steps.Mixing) -> None:
    model = lpmdsl.load(case.text(1_000, "6 hours")).model
    assert model.clock.step == 0.25 and model.clock.steps == 4 * case.days


def test_households_are_read_from_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(steps, "HOMES", 2_000)
    assert steps.ours_at_home(HOUSEHOLDS[0], "1 day") == pytest.approx(1.871, abs=4 * 1.24 / math.sqrt(2_000))


def test_differences_are_of_peaks_their_days_and_sums() -> None:
    days = np.arange(40.0)
    right, late = 100 * np.exp(-((days - 15) ** 2) / 50), 90 * np.exp(-((days - 17.5) ** 2) / 50)
    found = steps.apart(late, right)
    assert found["peak_day"] == pytest.approx(2.5, abs=0.05)
    assert found["peak"] == pytest.approx(90 * math.exp(-0.25 / 50) / 100 - 1, abs=1e-3)
    assert found["early"] < -0.3 and found["all"] == pytest.approx(-0.1, abs=0.01)


def test_the_page_shows_what_was_measured(tmp_path: Path) -> None:
    one = {"peak": 0.002, "peak_day": 0.1, "early": -0.01, "all": 0.0}
    mixing = [{"case": c.name, "ours": {"24": one, "6": one}, "curves": {"24": [0.0, 0.1], "1": [0.0, 0.1]}}
              for c in (FLU, SHORT)]  # fmt: skip
    mixing[1]["whole_steps"] = {"24": one | {"peak": -0.12}, "6": one}
    homes = [{"case": "four", "exact": 1.871, "ours": {"24": 1.872, "6": 1.87, "1": 1.871}}]
    peers = [{"peer": "laser", "case": FLU.name, "hours": 24, "version": "laser-generic 1", **one, "peak_error": 0.004},
             {"peer": "covasim", "case": FLU.name, "hours": 24, "error": "no such package"}]  # fmt: skip
    record = {"machine": "a machine", "date": "2026-01-01", "lpmdsl": "1.0", "people": 1_000, "seeds": 2,
              "mixing": mixing, "households": homes, "peers": peers}  # fmt: skip
    page = tmp_path / "daily_step.md"
    page.write_text(f"before\n{steps_page.BEGIN}\nan earlier table\n{steps_page.END}\nafter\n", encoding="utf-8")
    steps_page.write_page(record, tmp_path)
    text = page.read_text(encoding="utf-8")
    assert text.startswith("before\n") and text.endswith("after\n") and "an earlier table" not in text
    assert f"| {FLU.name} | **lpmdsl** | +0.2 % (+0.2 %) | +0.1 (+0.1) d |" in text
    assert "| | whole steps | -12.0 % (+0.2 %) |" in text and "did not run: no such package" in text
    assert "| four | 1.871 | 1.872, 1.870, 1.871 | – |" in text and "+0.2 % ± 0.4" in text
    assert (tmp_path / "daily_step.svg").read_text(encoding="utf-8").startswith("<?xml")
