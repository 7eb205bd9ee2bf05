"""Quantiles over replicates where reports are infinite or missing, and runs that have such reports."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from compiler_tests.commands.test_cli import lpmc
from lpmdsl.runtime.quantiles import median, quantiles
from lpmdsl.runtime.results import read_results, statistics

LEVELS = [0.0, 0.025, 0.05, 0.25, 0.5, 0.75, 0.95, 0.975, 1.0]

# No infection is left after a few days, so that 10 / 0 days are reported.
ENDLESS = """\
model endless version 1.0
clock
  step 1 day
  for 8 days
parameter beta = 0.1 per contact
agent Person count 40
network everyone joins Person at random with 3 contacts per day
condition Flu of Person
  states S, I, R
  start S except 3 Person in I
  from S by contagion to I
  from I after fixed(1 day) to R
contagion of Flu
  from I on everyone at beta
observe cases = number entering I per day
observe days = 10 / cases
scenario slow
  change beta to 0.03 per contact
compare slow with baseline
  report peak of days, median of days, mean of days, total of cases
"""


@pytest.mark.parametrize("missing", [0.0, 0.3])
def test_finite_quantiles_are_those_of_numpy(missing: float) -> None:
    random = np.random.default_rng(4)
    values = random.normal(size=(7, 23)) * 10.0 ** random.integers(-3, 4, (7, 1))
    values[random.random(values.shape) < missing] = np.nan
    assert np.array_equal(quantiles(values, LEVELS), np.nanquantile(values, LEVELS, axis=1))


@pytest.mark.parametrize("count", range(1, 12))
def test_beside_infinity_a_quantile_is_the_closest_observation(count: int) -> None:
    """Finite quantiles are as they would be without infinity; an odd number of values has its median in the middle."""
    plain = np.quantile(np.arange(count), LEVELS)
    nearest = [min(range(count), key=lambda rank: abs(rank - place)) for place in plain]  # the first of two as near
    for infinite in range(1, count + 1):
        values = np.arange(count, dtype=float)
        values[count - infinite :] = np.inf
        shuffled = np.random.default_rng(count).permutation([*values, np.nan, np.nan])
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            found = quantiles(shuffled, LEVELS)
        assert np.array_equal(found, np.where(np.ceil(plain) < count - infinite, plain, values[nearest]))
        middle = values[(count - 1) // 2] if count % 2 or infinite >= count // 2 else plain[4]
        assert found[4] == middle


def test_a_median_of_nothing_is_missing() -> None:
    assert np.isnan(median([np.nan, np.nan])) and median([3.0, np.nan]) == 3.0
    assert median([-np.inf, np.inf, np.inf]) == np.inf and median([2.0, np.inf]) == 2.0


@pytest.mark.parametrize("command", ["run", "compare"])
def test_a_run_with_infinite_reports_prints_no_warning(
    command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model, out = tmp_path / "endless.lpm", tmp_path / "out"
    model.write_text(ENDLESS, encoding="utf-8")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert lpmc(command, model, "--backend", "reference", "--replicates", 4, "--seed", 1, "--out", out) == 0
    told = capsys.readouterr()
    assert "Warning" not in told.out + told.err and (out / "report.html").is_file()
    results = read_results(out)
    assert np.isinf(results.observations["value"]).any()
    of_days = statistics(results.table, results.manifest).frame().query("observation == 'days'")
    for (scenario, replicate), reports in results.observations.query("observation == 'days'").groupby(
        ["scenario", "replicate"]
    ):
        row = of_days[(of_days["scenario"] == scenario) & (of_days["replicate"] == replicate)]
        assert row["median"].item() == median(reports["value"])
    shown = results.summary().query("observation == 'days'")
    for row in shown.to_dict("records"):
        peaks = of_days.loc[of_days["scenario"] == row["scenario"], "peak"]
        assert row["peak"] == median(peaks) == np.inf and pd.isna(row["total"])
