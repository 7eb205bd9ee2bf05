"""Summaries of comparisons by groups, days of peaks, and what interventions cost, against the reports themselves."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import lpmdsl
from lpmdsl.diagnostics import LpmError, Report
from lpmdsl.runtime.progress import print_comparison
from lpmdsl.source import Source
from lpmdsl.syntax.formatting.text import format_module
from lpmdsl.syntax.parse import parse

MODEL = """\
model reported version 1.0
clock
  step 1 day
  for 30 days
parameter beta = 0.06 per contact
agent Person count 600
  age_group category ~ categorical(child 30 %, adult 70 %)
  vaccinated yes/no ~ bernoulli(40 %)
network town joins Person at random with 8 contacts per day
condition Flu of Person
  states S, I, R
  start S except 20 Person in I
  from S by contagion to I
  from I after gamma(mean 4 days, sd 2 days) to R
contagion of Flu
  from I on town at beta
observe infections = number entering I per day
observe apart = number entering I per day by age_group, vaccinated
observe ill = count of Person where Flu is I every day
observe thin = number entering I per day thinned by 50 %
intervention campaign
  starts on 2024-01-06
  every day for at most 7 Person where Flu is S
    set vaccinated to yes
  costs 2.5 EUR per dose
intervention desk
  stops on 2024-01-11
  every week for at most 1 Person
    set vaccinated to yes
  costs 100 USD per day
scenario milder
  without campaign
  change beta to 0.03 per contact
compare milder with baseline
  repeat 2 times
  report total of infections by age_group, peak day of infections, median of illMORE, attack rate, final size
""".replace("for 30 days", "from 2024-01-01 for 30 days").replace(
    "MORE", ", total of apart by vaccinated, final of ill by age_group and vaccinated"
)


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> lpmdsl.Results:
    folder = tmp_path_factory.mktemp("reported") / "out"
    return lpmdsl.load(MODEL).compare(backend="reference", out=folder)


def _values(results: lpmdsl.Results, name: str, scenario: str, group: str = "") -> np.ndarray:
    """The reports of an observation: (replicates, reports)."""
    o = results.observations
    o = o[(o.observation == name) & (o.scenario == scenario) & (o.group == group)]
    return np.stack([part.value.to_numpy() for _, part in o.groupby("replicate")])


def _row(results: lpmdsl.Results, report: str, group: str = "", scenario: str = "baseline"):
    c = results.comparison
    found = c[(c.report == report) & (c.group == group) & (c.scenario == scenario)]
    assert len(found) == 1, c
    return found.iloc[0]


def test_groups_of_a_summary_are_those_asked_for(results: lpmdsl.Results) -> None:
    for group in ("child", "adult"):
        told = _row(results, "total of infections by age_group", group)
        parts = sum(_values(results, "apart", "baseline", f"{group}|{v}") for v in ("no", "yes"))
        assert told["mean"] == parts.sum(axis=1).mean() > 0
    for vaccinated in ("no", "yes"):
        parts = sum(_values(results, "apart", "milder", f"{a}|{vaccinated}") for a in ("child", "adult"))
        told = _row(results, "total of apart by vaccinated", vaccinated, "milder")
        assert told["mean"] == parts.sum(axis=1).mean()


def test_groups_by_two_are_every_combination(results: lpmdsl.Results) -> None:
    told = results.comparison[results.comparison.report == "final of ill by age_group and vaccinated"]
    labels = [f"{a}|{v}" for a in ("child", "adult") for v in ("no", "yes")]
    assert list(dict.fromkeys(told.group)) == labels
    assert told[told.scenario == "milder"]["mean"].sum() == _values(results, "ill", "milder")[:, -1].mean()


def test_the_day_of_the_peak_and_the_median_are_those_of_the_reports(results: lpmdsl.Results) -> None:
    peaks = _values(results, "infections", "baseline").argmax(axis=1) + 1  # a report comes at the end of its day
    assert _row(results, "peak day of infections")["mean"] == peaks.mean()
    ill = _values(results, "ill", "milder")
    assert _row(results, "median of ill", scenario="milder")["mean"] == np.median(ill, axis=1).mean()


def test_every_summary_has_its_unit(results: lpmdsl.Results, capsys: pytest.CaptureFixture[str]) -> None:
    units = {"peak day of infections": "days", "total of infections by age_group": "people", "median of ill": "people",
             "attack rate": ""}  # fmt: skip
    assert results.folder is not None
    told = lpmdsl.read_results(results.folder).comparison
    for report, unit in units.items():
        assert set(told[told.report == report].unit) == {unit}, report
    assert (told.group == "").any()
    print_comparison(results)
    assert " days " in capsys.readouterr().out
    assert ">days<" in (results.folder / "report.html").read_text(encoding="utf-8")


def test_the_attack_rate_is_the_share_infected_by_contagion(results: lpmdsl.Results) -> None:
    for scenario in ("baseline", "milder"):
        infected = _values(results, "infections", scenario).sum(axis=1)  # nobody enters I but by contagion
        for report in ("attack rate", "final size"):
            assert _row(results, report, scenario=scenario)["mean"] == pytest.approx((infected / 600).mean()), report
        assert 0 < infected.min() <= infected.max() <= 580


AGAIN = "from I after gamma(mean 4 days, sd 2 days) to R"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (MODEL.replace(AGAIN, f"{AGAIN}\n  from R at rate 0.01 per day to S"), "come to `S` and be infected once more"),
        (MODEL.replace(AGAIN, f"{AGAIN}\n  from S at rate 0.01 per day to I"), "way from `S` to `I` than by contagion"),
        (MODEL.replace("  from S by contagion to I\n", "").replace("contagion of Flu\n  from I on town at beta\n", ""),
         "no condition is passed on by contagion"),
        (MODEL.replace("set vaccinated to yes\n  costs 2.5", "move Flu to I\n  costs 2.5"), "way from `S` to `I`"),
    ],
)  # fmt: skip
def test_an_attack_rate_that_counts_no_people_is_refused(text: str, why: str) -> None:
    with pytest.raises(LpmError) as caught:
        lpmdsl.load(text)
    assert why in str(caught.value)
    assert "report total of infections" in str(caught.value)


def test_what_interventions_cost_is_told(results: lpmdsl.Results) -> None:
    campaign, desk = results.manifest.costs["campaign"], results.manifest.costs["desk"]
    assert (campaign.currency, desk.currency) == ("EUR", "USD")
    assert desk.spent == {"baseline": [1000.0, 1000.0], "milder": [1000.0, 1000.0]}
    assert "milder" not in campaign.spent
    assert all(0 < spent <= 2.5 * 7 * 25 and spent % 2.5 == 0 for spent in campaign.spent["baseline"])


def test_thinned_flows_are_not_told_apart_afterwards() -> None:
    with pytest.raises(LpmError) as caught:
        lpmdsl.load(MODEL.replace("median of ill", "total of thin by age_group"))
    assert "Write `by age_group` where it is observed." in str(caught.value)


def test_the_costs_stand_in_manifest_and_page(tmp_path: Path) -> None:
    lpmdsl.load(MODEL).run(backend="reference", out=tmp_path / "run")
    kept = json.loads((tmp_path / "run" / "manifest.json").read_text(encoding="utf-8"))
    assert kept["costs"]["desk"]["spent"] == {"baseline": [1000.0]}
    page = (tmp_path / "run" / "report.html").read_text(encoding="utf-8")
    assert ">Costs<" in page and "EUR" in page


def test_what_can_be_loaded_is_listed() -> None:
    assert {"load", "read_results", "Results"} <= set(dir(lpmdsl))


def test_the_formatter_keeps_the_summaries() -> None:
    once = format_module(parse(Source("reported.lpm", MODEL), Report()))
    assert format_module(parse(Source("reported.lpm", once), Report())) == once
    for part in ("total of infections by age_group, peak day of infections", "vaccinated, attack rate, final size"):
        assert part in once
