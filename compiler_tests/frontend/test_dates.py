"""Days as values: dates of people from files and drawn, compared, subtracted and moved by lengths of time."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import lpmdsl
from compiler_tests.support.both_backends import BACKENDS
from lpmdsl.diagnostics import LpmError

PEOPLE = "born,seen\n1994-10-01,2024-10-03\n2024-09-30,2024-10-01\n2024-10-06,2024-10-05T00:00:00\n2020-02-29,NA\n"
MODEL = """model dates version 1.0
clock
  step 1 day
  from 2024-10-01 for 10 days
parameter opens = 2024-10-04
agent Person from "people.csv"
  born date
  seen date missing as 2024-10-09
  due date = seen + 2 days
  moved date = 2024-10-20
  drawn date ~ uniform(2024-10-03, 2024-10-05)
  gap duration = seen - born between -100 years and 100 years
  done yes/no = no
observe early = count of Person where born < seen
observe seen_now = count of Person where seen <= time
observe opened = count of Person where seen > opens
observe passed = count of Person where drawn < time
observe mean_gap = mean of gap over Person
observe since = mean of time - due over Person
observe done_now = count of Person where done
intervention late
  every day for Person where (born where born > seen, due otherwise) <= time
    set done to yes
observe early_moved = count of Person where moved < 2024-10-09
intervention move
  every day for Person where due < time and moved > 2024-10-15
    set moved to time + 1 day
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "people.csv").write_text(PEOPLE, encoding="utf-8")
    return tmp_path


def checked(folder: Path, text: str) -> lpmdsl.LoadedModel:
    (folder / "m.lpm").write_text(text, encoding="utf-8")
    return lpmdsl.load(folder / "m.lpm")


def told(folder: Path, text: str) -> list[str]:
    with pytest.raises(LpmError) as caught:
        checked(folder, text)
    return [f"{d.code} {d.message} {d.help}" for d in caught.value.report.sorted()]


def test_days_are_compared_and_subtracted_on_both_back_ends(folder: Path) -> None:
    """Seen on days 2, 0, 4 and 8 and due two later; born 10,958 days before, 1 before, 5 after and 1,676 before."""
    model, series = checked(folder, MODEL), {}
    for backend in BACKENDS:
        table = model.run(backend=backend, seed=3, threads=1).observations
        series[backend] = {name: rows["value"].to_numpy() for name, rows in table.groupby("observation")}
    days, seen = np.arange(11.0), np.array([2, 0, 4, 8])
    expected = {
        "seen_now": [(seen <= day).sum() for day in days],
        "opened": [2] * 11,
        "early": [3] * 11,
        "mean_gap": [(10_960 + 1 - 1 + 1_684) / 4] * 11,
        "since": days - 5.5,
        "done_now": [
            0,
            0,
            0,
            1,
            1,
            2,
            3,
            3,
            3,
            3,
            3,
        ],  # on days 2, 4 (due) and 5 (born), reported at the end of the step
        "early_moved": [0, 0, 0, 0, 1, 1, 2, 2, 2, 2, 2],  # to days 4 and 6; the third to day 8
    }
    for found in series.values():
        for name, values in expected.items():
            np.testing.assert_allclose(found[name], values, rtol=1e-6, err_msg=name)
    np.testing.assert_array_equal(series["cpu"]["passed"], series["reference"]["passed"])
    assert series["cpu"]["passed"][2] == 0 and series["cpu"]["passed"][5] == 4


@pytest.mark.parametrize(
    ("line", "instead", "help"),
    [
        ("due date = seen + 2 days", "due date = seen + born", "E0416"),
        ("due date = seen + 2 days", "due date = 2 days", "E0416"),
        ("due date = seen + 2 days", "due date = 2 * seen", "E0416"),
        ("due date = seen + 2 days", "due date = -seen", "E0416"),
        ("due date = seen + 2 days", "due date = max(seen, born)", "E0416"),
        ("gap duration = seen - born", "gap duration = seen", "E0416"),
        ("born < seen", "gap < seen", "`time - DATE`"),
        ("born < seen", "born < 5 days", "`2024-10-01` or `time`"),
        ("mean of gap", "mean of born", "`FIRST - LATER`"),
        ("uniform(2024-10-03, 2024-10-05)", "gamma(mean 5 days, sd 2 days)", "E0312"),
        ("uniform(2024-10-03, 2024-10-05)", "uniform(3 days, 2024-10-05)", "E0416"),
        ("date missing as 2024-10-09", "date", "missing as 2024-10-01"),
    ],
)
def test_days_and_lengths_of_time_are_kept_apart(folder: Path, line: str, instead: str, help: str) -> None:
    assert line in MODEL
    assert any(help in one for one in told(folder, MODEL.replace(line, instead)))


def test_nobody_decides_by_a_day_itself(folder: Path) -> None:
    text = (
        MODEL
        + """behaviour choose of Person
  decides yes/no into done by rule yes
  every week
  knows seen
  otherwise no
"""
    )
    assert any("E0731 `seen` is a day" in one for one in told(folder, text)), told(folder, text)


@pytest.mark.parametrize(
    ("cell", "help"),
    [
        ("01/10/2024", "`2024-10-01`, or `2024-01-10` if the month stands first"),
        ("2024-02-30", "a day is written like 2024-10-01"),
        ("12", "a day is written like 2024-10-01"),
        ("1 October 2024", "`2024-10-01`"),
        ("2024-10-01T07:00:00", "a day is written like 2024-10-01"),
    ],
)
def test_a_cell_that_is_no_day_is_told(folder: Path, cell: str, help: str) -> None:
    (folder / "people.csv").write_text(PEOPLE.replace("2024-09-30", cell), encoding="utf-8")
    found = told(folder, MODEL)
    assert any("E0408 Row 3 of `people.csv`, column `born`" in one and help in one for one in found), found


def test_days_need_a_clock_with_a_date(folder: Path) -> None:
    assert any("E0610" in one and "`born`" in one for one in told(folder, MODEL.replace("from 2024-10-01 for", "for")))


def test_days_outside_the_declared_ones_are_told(folder: Path) -> None:
    text = MODEL.replace("  born date\n", "  born date between 2000-01-01 and 2024-12-31\n")
    found = told(folder, text)
    assert any("E0414 Row 2 of `people.csv`, column `born`, is `1994-10-01`" in one for one in found), found
