"""``lpmdsl.load(…).run(…)``: seeds, scenarios, results and the drawing of states."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest

import lpmdsl
from compiler_tests.example_models.small_models import BROKEN_PROMISE, OUTBREAK, WRONG_STATE
from lpmdsl.runtime.reports.state_diagram import state_diagram


@pytest.fixture(scope="module")
def outbreak() -> lpmdsl.LoadedModel:
    return lpmdsl.load(OUTBREAK)


def series(results: lpmdsl.Results, observation: str, scenario: str = "baseline", replicate: int = 0) -> pd.Series:
    rows = results.observations
    chosen = (rows["observation"] == observation) & (rows["scenario"] == scenario) & (rows["replicate"] == replicate)
    return rows[chosen].set_index("step")["value"]


def test_the_same_seed_gives_the_same_run(outbreak):
    first = outbreak.run(seed=3, backend="reference").observations
    second = outbreak.run(seed=3, backend="reference").observations
    pd.testing.assert_frame_equal(first, second)


def test_seeds_and_replicates_differ(outbreak):
    one = outbreak.run(seed=3, replicates=2, backend="reference")
    other = outbreak.run(seed=4, backend="reference")
    assert not series(one, "cases").equals(series(one, "cases", replicate=1))
    assert not series(one, "cases").equals(series(other, "cases"))


HOMES = """model homes version 1.0

clock
  step 1 day
  for 1 day

agent Person count 60
  size number ~ normal(mean 0, sd 1)
  household place of size ~ poisson(4)

network homes joins Person sharing household with 5 contacts per day

condition Cold of Person
  states S, I
  start S except 1 Person in I
  from S by contagion to I

contagion of Cold
  from I on homes at 0.1 per contact

observe first = mean of size over Person
"""


def test_replicates_share_their_people_unless_redrawn():
    """The mean of a drawn attribute is one over replicates, or one for each; the first has the seed's own."""
    model = lpmdsl.load(HOMES)

    def means(redraw: bool) -> list[float]:
        results = model.run(replicates=3, backend="reference", redraw_people=redraw)
        assert results.manifest.redraw_people == redraw
        return [series(results, "first", replicate=k)[0] for k in range(3)]

    shared, redrawn = means(False), means(True)
    assert len(set(shared)) == 1 and len(set(redrawn)) == 3 and redrawn[0] == shared[0]


def test_both_back_ends_give_the_same_table(outbreak):
    cpu = outbreak.run(seed=5, backend="cpu").observations
    reference = outbreak.run(seed=5, backend="reference").observations
    pd.testing.assert_frame_equal(cpu, reference)


def test_a_scenario_shares_its_luck_until_it_differs(outbreak):
    results = outbreak.run(seed=2, scenario=["baseline", "unprotected"], backend="reference")
    baseline, unprotected = series(results, "cases"), series(results, "cases", "unprotected")
    assert baseline[:14].tolist() == unprotected[:14].tolist()  # the campaign starts on day 14
    assert baseline[14:].sum() < unprotected[14:].sum()


def test_levels_are_reported_at_the_moment_and_flows_at_the_end(outbreak):
    rows = outbreak.run(steps=15, backend="reference").observations
    assert rows[rows["observation"] == "ill"]["step"].tolist() == list(range(16))
    assert rows[rows["observation"] == "cases"]["step"].tolist() == list(range(1, 16))
    assert rows[rows["observation"] == "weekly"]["step"].tolist() == [7, 14]
    assert series_at(rows, "ill", 0) == 5
    days = rows[rows["observation"] == "cases"].set_index("step")["value"]
    assert series_at(rows, "weekly", 7) == days[:7].sum()


def series_at(rows: pd.DataFrame, observation: str, step: int) -> float:
    return rows[(rows["observation"] == observation) & (rows["step"] == step)]["value"].item()


def test_a_setting_is_text_with_a_unit_or_a_base_value(outbreak):
    text = outbreak.run(parameters={"illness": "1 week"}, backend="reference")
    number = outbreak.run(parameters={"illness": 7.0}, backend="reference")
    pd.testing.assert_frame_equal(text.observations, number.observations)
    assert text.manifest.parameters["illness"].base == 7.0
    assert outbreak.parameters == {"beta": 0.06, "illness": 5.0}


def test_a_setting_may_use_other_parameters(outbreak):
    results = outbreak.run(steps=1, parameters={"illness": "2 * illness"}, backend="reference")
    assert results.manifest.parameters["illness"].base == 10.0


def test_mistakes_raise_with_the_diagnostics():
    with pytest.raises(lpmdsl.LpmError, match=r"error\[E0203\]"):
        lpmdsl.load(WRONG_STATE)
    with pytest.raises(lpmdsl.LpmError, match=r"E0104"):
        lpmdsl.load("no/such/file.lpm")


def test_unknown_names_are_all_told_at_once(outbreak):
    with pytest.raises(lpmdsl.LpmError) as told:
        outbreak.run(scenario="nothing", parameters={"gamma": 1.0}, agents={"Cow": 3})
    assert {d.code for d in told.value.report.diagnostics} == {"E0802", "E0803", "E0806"}


def test_a_broken_check_raises_after_writing(tmp_path):
    with pytest.raises(lpmdsl.LpmError, match="E0820"):
        lpmdsl.load(BROKEN_PROMISE).run(out=tmp_path / "here", backend="reference")
    assert lpmdsl.read_results(tmp_path / "here").manifest.broken_checks


def test_results_read_back_are_the_same(outbreak, tmp_path):
    written = outbreak.compare(replicates=3, steps=20, out=tmp_path, backend="reference")
    read = lpmdsl.read_results(tmp_path)
    pd.testing.assert_frame_equal(read.observations, written.observations, check_dtype=False)
    assert read.manifest == written.manifest
    assert read.summary()["peak"].tolist() == written.summary()["peak"].tolist()
    assert len(read.comparison) == 6


def test_read_results_of_another_folder(tmp_path):
    with pytest.raises(lpmdsl.LpmError, match="E0824"):
        lpmdsl.read_results(tmp_path)


def test_comparison_is_paired(outbreak):
    results = outbreak.compare(replicates=4, steps=30, backend="reference")
    totals = results.observations[results.observations["observation"] == "cases"]
    totals = totals.groupby(["scenario", "replicate"])["value"].sum()
    table = results.comparison.set_index(["scenario", "report"])
    row = table.loc[("weaker", "total of cases")]
    differences = totals["weaker"] - totals["baseline"]
    assert row["mean"] == pytest.approx(totals["weaker"].mean())
    assert row["difference"] == pytest.approx(differences.mean())
    assert row["difference_low"] == pytest.approx(np.quantile(differences, 0.025))
    assert np.isnan(table.loc[("baseline", "peak of ill")]["difference"])


def test_summary_has_totals_of_flows_only(outbreak):
    summary = outbreak.run(replicates=2, steps=20, backend="reference").summary().set_index("observation")
    assert summary.loc["cases", "total"] > 0
    assert np.isnan(summary.loc["ill", "total"]) and summary.loc["ill", "peak"] > 5


def test_state_diagram_shows_states_ways_and_loops():
    waning = OUTBREAK.replace(
        "  from I after gamma(mean illness, sd 2 days) to R\n",
        "  from I after gamma(mean illness, sd 2 days) to R\n  from R at rate 0.1 per day to S\n",
    )
    drawing = state_diagram(lpmdsl.load(waning).model.condition("Spots"))
    assert re.findall(r'class="name"[^>]*>([^<]+)<', drawing) == ["S", "I", "R"]
    assert drawing.count("marker-end") == 3
    for words in ("contagion", "mean illness, sd 2 days", "at rate 0.1 per day"):
        assert words in drawing
