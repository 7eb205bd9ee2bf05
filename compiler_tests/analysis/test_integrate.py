"""Integrated equations against closed forms, and against agents within a stated z bound."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import optimize, special, stats
from typer.testing import CliRunner

import lpmdsl
from lpmdsl.cli import app
from lpmdsl.config import RunOptions
from lpmdsl.insight.integrate import Curves, integrate
from lpmdsl.insight.simulated import compared
from lpmdsl.population.people import build_world
from lpmdsl.semantics.host.evaluate import parameter_values
from lpmdsl.theory.equations import equations

COURSE = """\
model course version 1.0

clock
  step 1 day
  for 20 days

agent Person count 1_000

condition Illness of Person
  states Ill, Well
  start Ill
  from Ill after DWELL to Well

observe ill = count of Person where Illness is Ill
"""

SIR = """\
model sir version 1.0

clock
  step 0.5 days
  for 200 days

parameter beta = 0.5 per day
parameter illness = 4 days

agent Person count 100_000

network town joins Person at random

condition Flu of Person
  states S, I, R
  start S except 100 Person in I
  from S by contagion to I
  from I after LAW to R

contagion of Flu
  from I on town at beta

observe cases = number entering I per day
"""


def curve(text: str) -> Curves:
    model = lpmdsl.load(text).model
    values = parameter_values(model)
    world = build_world(model, values, 1, {})
    (curves,) = integrate(model, [equations(model, model.conditions[0], values)], values, world, 1).values()
    return curves


@pytest.mark.parametrize(
    ("law", "survival", "error"),
    [
        # Heun's method, of the second order in an eighth of a day.
        ("exponential(mean 4 days)", lambda t: np.exp(-t / 4), 1e-4),
        ("gamma(mean 6 days, sd 3 days)", lambda t: special.gammaincc(4, t * 4 / 6), 2e-3),
        # Cohorts: exact for those who start there.
        ("lognormal(median 5 days, spread 1.5)", lambda t: stats.lognorm.sf(t, np.log(1.5), scale=5), 1e-9),
        ("fixed(7 days)", lambda t: (t < 7).astype(float), 1e-9),
        ("weibull(k 2, scale 5 days)", lambda t: np.exp(-((t / 5) ** 2)), 1e-9),
    ],
)  # fmt: skip
def test_survival_in_a_state(law: str, survival, error: float) -> None:
    found = curve(COURSE.replace("DWELL", law))
    assert np.abs(found.states["Ill"] / 1_000 - survival(found.time)).max() < error
    assert np.abs(found.states["Ill"] + found.states["Well"] - 1_000).max() < 1e-6


@pytest.mark.parametrize("law", ["exponential(mean illness)", "gamma(mean illness, sd 2 days)", "fixed(illness)"])
def test_final_size_whatever_the_dwell_time(law: str) -> None:
    """s = s0 exp(-R0 (1 - s)): the law of the dwell time does not matter (Ma & Earn 2006, Bull Math Biol 68:679)."""
    found = curve(SIR.replace("LAW", law))
    share = found.states["S"][-1] / 1e5
    root = optimize.brentq(lambda s: s - 0.999 * np.exp(-2.0 * (1 - s)), 1e-9, 0.99)
    assert share == pytest.approx(root, abs=3e-4)
    assert np.abs(sum(found.states.values()) - 1e5).max() < 1e-5


def test_agents_stay_near_the_equations() -> None:
    """100 000 people, 12 replicates: at the time of the largest slope a curve lies within 4 standard deviations."""
    text = SIR.replace("LAW", "exponential(mean illness)").replace("100 Person", "1_000 Person")
    loaded = lpmdsl.load(text.replace("step 0.5 days", "step 0.125 days").replace("200 days", "80 days"))
    found = compared(loaded, RunOptions(seed=2, replicates=12))
    rows = found.table.where("state", "R")
    spread = (rows["agents_high"] - rows["agents_low"]) / (2 * 1.645)
    away = np.abs(rows["equations"] - rows["agents_median"]) / np.maximum(spread, 1.0)
    assert away[1:].max() < 4
    assert max(found.apart.values()) < 0.03


def test_command_line(tmp_path) -> None:
    path = tmp_path / "sir.lpm"
    path.write_text(SIR.replace("LAW", "exponential(mean illness)"), encoding="utf-8")
    asked = [
        "analyse",
        str(path),
        "--simulate",
        "--replicates",
        "2",
        "--agents",
        "Person=2000",
        "--out",
        str(tmp_path / "out"),
    ]
    told = CliRunner().invoke(app, asked)
    assert told.exit_code == 0 and "Flu S: equations and agents differ" in told.stdout
    assert (
        (tmp_path / "out" / "mean_field.csv").read_text(encoding="utf-8").startswith("condition,time,state,equations")
    )
    assert "data:image/svg+xml" in (tmp_path / "out" / "analysis.html").read_text(encoding="utf-8")
    page = CliRunner().invoke(app, ["analyse", str(path), "--format", "html"])
    assert page.exit_code == 0 and "<html" in page.stdout
