"""The data of a fit: which report a row is about, gaps, groups, units, and what cannot be."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from lpmdsl.compiler import check_source
from lpmdsl.diagnostics import Report
from lpmdsl.semantics.data_files.fit_data import FitData, read_fit_data
from lpmdsl.source import Source

TEXT = """\
model town version 1.0

clock
  step 1 day
  from 2024-10-01 for 28 days

parameter beta = 0.3 per day
  prior lognormal(median 0.3 per day, spread 1.5)

agent Person count 1_000
  elder yes/no ~ bernoulli(20 %)

network town joins Person at random

condition Flu of Person
  states S, I, R
  start S except 10 Person in I
  from S by contagion to I
  from I after exponential(mean 5 days) to R

contagion of Flu
  from I on town at beta

observe weekly = number entering I per week
observe ill = count of Person where Flu is I every 7 days
observe by_age = number entering I per week by elder
observe share_ill = share of Person where Flu is I every day

calibrate
  fit OBSERVATION to "data.csv" column n with LIKELIHOOD
  estimate beta
"""


def read(folder: Path, data: str, observation: str = "weekly", likelihood: str = "poisson", clock: bool = True,
         ) -> tuple[FitData | None, list[str]]:  # fmt: skip
    """The matched data and the codes of what is wrong."""
    (folder / "data.csv").write_text(data, encoding="utf-8")
    text = TEXT.replace("OBSERVATION", observation).replace("LIKELIHOOD", likelihood)
    text = text if clock else text.replace("from 2024-10-01 ", "")
    report, path = Report(), folder / "town.lpm"
    path.write_text(text, encoding="utf-8")
    checked = check_source(Source("town.lpm", text, path), report)
    errors = [d.code for d in report.sorted() if d.severity == "error"]
    if checked is None:
        return None, errors
    fit = checked[0].calibrations[0].fits[0]
    return read_fit_data(checked[0], fit, folder, report), [d.code for d in report.sorted()]


def values(folder: Path, data: str, **options: str) -> list[float]:
    found, codes = read(folder, data, **options)  # type: ignore[arg-type]
    assert codes == [] and found is not None
    return found.values.ravel().tolist()


NAN = float("nan")


@pytest.mark.parametrize(
    "rows",
    [
        "date,n\n2024-10-01,5\n2024-10-15,7\n",  # first days of weeks
        "week_end,n\n2024-10-07,5\n2024-10-21,7\n",  # last days of weeks
        "date,n\n2024-10-03,5\n2024-10-08,\n2024-10-17,7\n",  # an empty cell is a gap
        "day,n\n0,5\n14,7\n",
        "day,n\n6,5\n20,7\n",
        "time,n\n7,5\n21,7\n",  # as in observations.csv
        "time [weeks],n\n1,5\n3,7\n",
        "n\n5\n\"\"\n7\n",  # in order, with a gap
        "date,n [people per week]\n2024-10-01,5\n2024-10-15,7\n",
        "date,n\n2024-10-15,7\n2024-10-01,5\n",  # any order
    ],
)  # fmt: skip
def test_rows_find_their_weeks(rows: str, tmp_path: Path) -> None:
    assert np.array_equal(values(tmp_path, rows), [5, NAN, 7, NAN], equal_nan=True)


def test_moments_are_matched_to_moments(tmp_path: Path) -> None:
    found, codes = read(tmp_path, "date,n\n2024-10-01,10\n2024-10-15,7\n", "ill")
    assert codes == [] and found is not None
    assert np.array_equal(found.values.ravel(), [10, NAN, 7, NAN, NAN], equal_nan=True)
    assert found.times.tolist() == [0, 7, 14, 21, 28]


def test_groups_by_their_labels(tmp_path: Path) -> None:
    rows = "date,elder,n\n2024-10-01,no,5\n2024-10-01,yes,2\n2024-10-08,yes,3\n"
    found, codes = read(tmp_path, rows.replace("elder", "elder"), "by_age", "poisson")
    assert codes == ["E0914"] and found is None  # without `by` two rows are about one report
    text = TEXT.replace("column n", "column n by elder")
    (tmp_path / "town.lpm").write_text(text, encoding="utf-8")
    report = Report()
    source = text.replace("OBSERVATION", "by_age").replace("LIKELIHOOD", "poisson")
    checked = check_source(Source("town.lpm", source, tmp_path / "town.lpm"), report)
    assert checked is not None and report.diagnostics == []
    matched = read_fit_data(checked[0], checked[0].calibrations[0].fits[0], tmp_path, report)
    assert matched is not None and matched.groups == ("no", "yes")
    assert np.array_equal(matched.values[:2], [[5, 2], [NAN, 3]], equal_nan=True)
    (tmp_path / "data.csv").write_text(rows.replace("yes", "old"), encoding="utf-8")
    assert read_fit_data(checked[0], checked[0].calibrations[0].fits[0], tmp_path, report) is None
    assert [d.code for d in report.diagnostics] == ["E0911"]


@pytest.mark.parametrize(
    ("rows", "observation", "likelihood", "code"),
    [
        ("date,n\n2024-09-30,5\n", "weekly", "poisson", "E0910"),  # before the run
        ("date,n\n2024-10-29,5\n", "weekly", "poisson", "E0910"),  # after it
        ("date,n\n2024-13-01,5\n", "weekly", "poisson", "E0910"),
        ("date,n\n01/10/2024,5\n", "weekly", "poisson", "E0910"),
        ("day,n\nMonday,5\n", "weekly", "poisson", "E0910"),
        ("date,n\n2024-10-02,5\n", "ill", "poisson", "E0910"),  # between two reports
        ("n\n1\n2\n3\n4\n5\n", "weekly", "poisson", "E0910"),  # more rows than reports
        ("date,n\n2024-10-01,many\n", "weekly", "poisson", "E0408"),
        ("date,n\n2024-10-01,inf\n", "weekly", "poisson", "E0408"),
        ("date,n\n2024-10-01,-5\n", "weekly", "poisson", "E0912"),
        ("date,n\n2024-10-01,0\n", "weekly", "lognormal(spread 2)", "E0912"),
        ("date,n\n2024-10-01,20000\n", "weekly", "poisson", "E0913"),  # more than there are people
        ("date,n\n2024-10-01,0.05\n", "weekly", "poisson", "E0913"),  # a share
        ("date,n\n2024-10-01,12\n", "share_ill", "normal(sd 1 %)", "E0913"),  # per cent where 1 is all
        ("date,n [days]\n2024-10-01,12\n", "weekly", "poisson", "E0913"),
        ("time [people],n\n7,12\n", "weekly", "poisson", "E0913"),
        ("date,n\n2024-10-01,5\n2024-10-03,6\n", "weekly", "poisson", "E0914"),
        ("date,n\n2024-10-01,\n", "weekly", "poisson", "E0915"),
        ("date,m\n2024-10-01,5\n", "weekly", "poisson", "E0407"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_told(rows: str, observation: str, likelihood: str, code: str, tmp_path: Path) -> None:
    found, codes = read(tmp_path, rows, observation, likelihood)
    assert found is None and codes == [code]


def test_dates_need_a_clock_with_dates(tmp_path: Path) -> None:
    assert read(tmp_path, "date,n\n2024-10-01,5\n", clock=False) == (None, ["E0910"])


def test_units_of_the_header_are_converted(tmp_path: Path) -> None:
    assert values(tmp_path, "date,n [per day]\n2024-10-01,3\n")[0] == pytest.approx(21)
    shares = values(tmp_path, "date,n [%]\n2024-10-01,1.5\n", observation="share_ill", likelihood="normal(sd 1 %)")
    assert shares[0] * 1.0 == pytest.approx(0.015)


def test_parquet_with_dates(tmp_path: Path) -> None:
    table = pd.DataFrame({"date": pd.to_datetime(["2024-10-01", "2024-10-08"]), "n": [5.0, np.nan]})
    table.to_parquet(tmp_path / "data.parquet")
    text = TEXT.replace("data.csv", "data.parquet").replace("OBSERVATION", "weekly").replace("LIKELIHOOD", "poisson")
    (tmp_path / "town.lpm").write_text(text, encoding="utf-8")
    report = Report()
    checked = check_source(Source("town.lpm", text, tmp_path / "town.lpm"), report)
    assert checked is not None and report.diagnostics == []
    found = read_fit_data(checked[0], checked[0].calibrations[0].fits[0], tmp_path, report)
    assert found is not None and found.values[0, 0] == 5 and np.isnan(found.values[1, 0])


def test_an_observation_in_the_data_that_nothing_fits_is_told(tmp_path: Path) -> None:
    _, codes = read(tmp_path, "date,n,ill\n2024-10-01,5,10\n")
    assert codes == ["N0918"]
