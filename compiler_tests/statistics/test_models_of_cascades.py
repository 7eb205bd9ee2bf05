"""Claims of the models of cascades: hazards by exposure, and who is reached."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import lpmdsl

MODELS = Path(__file__).parent.parent.parent / "models"


def totals(run: lpmdsl.Results, name: str) -> dict[str, float]:
    """Sums of one report over time and replicates, by group."""
    rows = run.observations[run.observations["observation"] == name]
    return rows.groupby("group")["value"].sum().to_dict()


# ------------------------------------------------------------------ habit


@pytest.mark.parametrize("habit", ["0.53", "0.8"])
def test_each_further_exposure_persuades_less(habit: str) -> None:
    """Adoptions per day at risk with two and three exposures, over those with one: habit and its square."""
    text = (MODELS / "molt_cascade.lpm").read_text(encoding="utf-8")
    bands = ("1, 2, 3 named none, one, two, more", "1, 2, 3, 4 named none, one, two, three, more")
    assert bands[0] in text
    model = lpmdsl.load(text.replace(*bands))
    run = model.run(seed=4, replicates=5, redraw_people=True, parameters={"habit": habit})
    adopted, waited = totals(run, "adopted"), totals(run, "waiting")
    rates = {k: adopted[k] / (waited[k] / 24) for k in ("one", "two", "three")}
    assert rates["one"] == pytest.approx(0.2, rel=4 / np.sqrt(adopted["one"]) + 0.01)
    for k, power in (("two", 1), ("three", 2)):
        ratio = rates[k] / rates["one"]
        error = np.sqrt(1 / adopted[k] + 1 / adopted["one"])
        assert abs(ratio / float(habit) ** power - 1) < 4 * error, (k, ratio)
        assert error < 0.08


def final(run: lpmdsl.Results, scenario: str) -> dict[str, float]:
    rows = run.observations
    rows = rows[(rows["observation"] == "reached") & (rows["scenario"] == scenario)]
    last = rows[rows["time"] == rows["time"].max()]
    return last.groupby("group")["value"].mean().to_dict()


def test_habit_stops_the_core() -> None:
    model = lpmdsl.load(MODELS / "molt_cascade.lpm")
    run = model.run(seed=2, replicates=4, scenario=["baseline", "no_habit"])
    with_it, without = final(run, "baseline"), final(run, "no_habit")
    assert without["core"] > 0.7 and without["core"] > without["periphery"] + 0.2
    assert with_it["core"] < with_it["middle"] + 0.05 and with_it["core"] < 0.4


def test_without_patience_nobody_is_persuaded_twice() -> None:
    run = lpmdsl.load(MODELS / "molt_cascade.lpm").run(seed=2, parameters={"habit": "0.01", "base": "0.5 per day"})
    adopted = totals(run, "adopted")
    assert adopted["one"] > 100 and adopted["two"] + adopted["more"] < 0.05 * adopted["one"]
