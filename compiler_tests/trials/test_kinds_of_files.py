"""More of each kind of data that was once taken for something else: columns of dates, rows that are numbered, tables of
ties that contradict themselves; and the trials that can run, on both back ends."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow
import pytest
from pyarrow import parquet

import lpmdsl
from compiler_tests.support.both_backends import assert_same, request_of, runner
from compiler_tests.trials.test_trials_files import FIT, WIDE, fitted, refusal, ties
from lpmdsl.diagnostics import LpmError, Report
from lpmdsl.semantics.data_files.fit_data import read_fit_data

TRIALS = Path(__file__).parent.parent / "trials"
WEEKS = ("2024-09-30", "2024-10-07", "2024-10-14", "2024-10-21")

# ------------------------------------------------------------------ dates


HEADERS = {
    " date , n ": "{}", "Datum,n": "{}", '"fecha","n"': '"{}"', "\ufeffDate,n": "{}", "date,n": "{} 00:00:00",
    "Date,n": "{}T00:00:00", "DATE,n": "{}T13:30:00", "week beginning;n": "{}",
}  # fmt: skip


@pytest.mark.parametrize("header", HEADERS)
def test_dates_are_found_by_what_they_are(header: str, tmp_path: Path) -> None:
    """Given in any order: the report of each week gets its own number."""
    comma = ";" if ";" in header else ","
    rows = [f"{HEADERS[header].format(day)}{comma}{k + 1}\n" for k, day in enumerate(WEEKS)]
    values, codes = fitted(tmp_path, f"{header}\n{''.join(reversed(rows))}")
    assert values == [1, 2, 3, 4] and set(codes) <= {"N0920"}


@pytest.mark.parametrize(
    ("rows", "code"),
    [
        ("week,n\n2024-W40,1\n2024-W41,2\n", "E0921"),
        ("year,week,n\n2024,40,1\n2024,41,2\n", "E0921"),
        ("onset,reported,n\n2024-09-30,2024-10-08,1\n2024-10-07,2024-10-15,2\n", "E0921"),
        ("Date,n\n45565,1\n45572,2\n", "E0910"),  # a spreadsheet's days since 1900
        ("date,n\n2024/09/30,1\n2024/10/07,2\n", "E0910"),
        ("date,n\n24-09-30,1\n24-10-07,2\n", "E0910"),
        ("date,n\n2024-09-30T00:00:00Z,1\n", "E0910"),
        ("date,n\n2024-09-30,1\n,2\n", "E0910"),
        ("date,n\n2024-09-30,1\n2024-09-30,2\n", "E0914"),
        ("date,n\n2024-10-01,1\n2024-10-02,2\n", "E0914"),  # days where weeks are reported
        ('date,n\n2024-09-30,"1,000"\n', "E0408"),
        ("date,n\n2024-09-30,-1\n", "E0912"),
    ],
)
def test_what_could_mean_another_day_is_refused(rows: str, code: str, tmp_path: Path) -> None:
    values, codes = fitted(tmp_path, rows)
    assert values == [] and code in codes


def of_file(folder: Path, name: str, write: Callable[[Path], object]) -> list[float]:
    """The values by week that a fit reads from a workbook or a Parquet file."""
    write(folder / name)
    (folder / "m.lpm").write_text(FIT.replace("START", "2024-09-30").replace("data.csv", name), encoding="utf-8")
    model = lpmdsl.load(folder / "m.lpm").model
    found = read_fit_data(model, model.calibrations[0].fits[0], None, Report())
    assert found is not None
    return found.values.ravel().tolist()


DAYS = pd.to_datetime(["2024-09-30", "2024-10-14"])
NUMBERS = {"n": [1, 2]}
FRAMES = {
    "days": pd.DataFrame({**NUMBERS, "Date": DAYS}),
    "an index": pd.DataFrame(NUMBERS, index=pd.DatetimeIndex(DAYS, name="Date")),
    "texts": pd.DataFrame({**NUMBERS, "Date": ["2024-09-30", "2024-10-14"]}),
    "categories": pd.DataFrame({**NUMBERS, "Date": pd.Categorical(["2024-09-30", "2024-10-14"])}),
    # Midnight in Berlin is 22:00 of Sunday in Greenwich, and half past eleven in New York is Monday there.
    "midnights in Berlin": pd.DataFrame({**NUMBERS, "Date": DAYS.tz_localize("Europe/Berlin")}),
    "evenings in New York": pd.DataFrame(
        {**NUMBERS, "Date": pd.to_datetime(["2024-10-06 23:30", "2024-10-20 23:30"]).tz_localize("America/New_York")}
    ),
}


@pytest.mark.parametrize("name", FRAMES)
def test_days_of_parquet_are_those_of_the_clock_where_they_were_written(name: str, tmp_path: Path) -> None:
    values = of_file(tmp_path, "d.parquet", lambda path: FRAMES[name].to_parquet(path))
    np.testing.assert_array_equal(values, [1, np.nan, 2, np.nan])


@pytest.mark.parametrize("name", ["days", "texts"])
def test_days_of_a_workbook(name: str, tmp_path: Path) -> None:
    values = of_file(tmp_path, "d.xlsx", lambda path: FRAMES[name].to_excel(path, index=False))
    np.testing.assert_array_equal(values, [1, np.nan, 2, np.nan])


def test_lengths_of_time_are_no_numbers_of_days(tmp_path: Path) -> None:
    """Seven seconds were seven days."""
    table = pyarrow.table({"n": [1, 2], "Time": pyarrow.array([7, 14], pyarrow.duration("s"))})
    with pytest.raises(LpmError, match=r"E0408.*holds lengths of time in s"):
        of_file(tmp_path, "d.parquet", lambda path: parquet.write_table(table, path))


@pytest.mark.parametrize(
    "rows", ["date,n\n2024-09-30\x1b[31m,1\n", "measured,n\n2024-09-30\u202e,1\n", "date,n\n2024-09-30,\x1b1\n"]
)
def test_a_cell_of_a_fit_that_hides_something_is_told(rows: str, tmp_path: Path) -> None:
    values, codes = fitted(tmp_path, rows)
    assert values == [] and codes == ["E0117"]


@pytest.mark.parametrize(
    "text", ["home,A,B\nA\x1b,1,0\nB,0,1\n", '"",A,B\nA,1,0\nB\u202e,0,1\n', "home,A,B\nA,1\x1b,0\nB,0,1\n"]
)
def test_a_label_of_a_table_that_hides_something_is_told(text: str, tmp_path: Path) -> None:
    (tmp_path / "w.csv").write_text(text, encoding="utf-8")
    for how in ("", " column A"):
        (tmp_path / "m.lpm").write_text(WIDE.replace('"w.csv"', f'"w.csv"{how}'), encoding="utf-8")
        assert refusal(tmp_path / "m.lpm")[0] in ("E0117", "E0407")
    (tmp_path / "m.lpm").write_text(WIDE, encoding="utf-8")
    assert refusal(tmp_path / "m.lpm")[0] == "E0117"


# ------------------------------------------------------------------ ties


@pytest.mark.parametrize("first", ["X", "...1", "index", "id", "rownames", "row"])
@pytest.mark.parametrize("begin", [0, 1])
def test_numbers_of_rows_are_not_taken_for_people(first: str, begin: int, tmp_path: Path) -> None:
    """As readr, rio, read.csv, pandas and people call them; with names for the ends they do no harm."""
    cells = f"{begin},0,1\n{begin + 1},2,3\n{begin + 2},0,3\n"
    with pytest.raises(LpmError, match=r"E0642.*numbers the rows"):
        ties(tmp_path, f"{first},p1,p2\n{cells}")
    assert ties(tmp_path, f"{first},source,target\n{cells}") == {(0, 1), (2, 3), (0, 3)}


@pytest.mark.parametrize(
    "text",
    [
        "ego,alter,w\n0,1,1\n2,3,2\n",
        "SOURCE,TARGET,week\n0,1,9\n2,3,9\n",
        "To,w,From\n1,0.5,0\n3,0.5,2\n",
        "a,b\n0,1\n1,0\n2,3\n2,2\n",
        "a,b\n0.0,1.0\n2.0,3.0\n",
        "i,j\n0,1\n2,3\n",
    ],
)
def test_ends_are_found_whatever_stands_beside_them(text: str, tmp_path: Path) -> None:
    assert ties(tmp_path, text) == {(0, 1), (2, 3)}


@pytest.mark.parametrize(
    ("text", "ids", "code"),
    [
        ("source,target\n1,2\n3,4\n", None, "E0647"),  # counted from 1
        ("source,target\n0.5,1\n", None, "E0647"),
        ("source,target\nNA,2\n", None, "E0643"),
        ("source,target\nAnn,bob\n", ["ann", "bob", "cy", "di"], "E0643"),
        ("source,target\n1,2\n", ["001", "002", "003", "004"], "E0643"),
        ("n,a,b\n1,1,2\n2,3,4\n", ["1", "2", "3", "4"], "E0642"),
    ],
)
def test_ends_that_are_nobody_are_refused(text: str, ids: list[str] | None, code: str, tmp_path: Path) -> None:
    with pytest.raises(LpmError, match=code):
        ties(tmp_path, text, 4, None if ids is None else np.array(ids, object))


# ------------------------------------------------------------------ tables of ties


BLOCKS = (TRIALS / "block_table_contradicts_itself.lpm").read_text(encoding="utf-8")
ROWS = "  high high 10\n  high low 5\n  low high 5\n  low low 1\n"
DRAWN = "~ categorical(high 10 %, low 90 %)"
EVEN = ROWS.replace("low high 5", "low high 0.5556")
THREE = "  a a 2\n  a b 4\n  a c 2\n  b a 3\n  b b 1\n  b c 3\n  c a 2\n  c b 4\n  c c 1\n"
THIRDS = "~ categorical(a 30 %, b 40 %, c 30 %)"
"""Of 30 %, 40 % and 30 %: 1.2 per person from a to b and back, 0.6 from a to c, 1.2 from b to c."""


def blocks(rows: str, drawn: str = DRAWN, more: str = "") -> str:
    return BLOCKS.replace(ROWS, rows).replace(DRAWN, drawn) + more


TABLES = {
    "three groups": (blocks(THREE, THIRDS), ""),
    "three groups, one of them wrong": (blocks(THREE.replace("c b 4", "c b 3"), THIRDS), "E0651"),
    "one way only": (blocks(ROWS.replace("low high 5", "low high 0")), "E0651"),
    "by a parameter": (
        blocks(EVEN, "~ categorical(high h, low 1 - h)", "parameter h = 20 %\n"),
        "E0651",
    ),
    "less than none": (blocks(EVEN.replace("low low 1", "low low -1")), "E0649"),
    "more than pairs": (blocks(EVEN.replace("high high 10", "high high 5000")), "E0649"),
}  # fmt: skip


@pytest.mark.parametrize("name", TABLES)
def test_a_table_of_ties_that_cannot_be_is_told(name: str, tmp_path: Path) -> None:
    text, told = TABLES[name]
    (tmp_path / "m.lpm").write_text(text, encoding="utf-8")
    if told:
        assert refusal(tmp_path / "m.lpm")[0] == told
        return
    results = lpmdsl.load(tmp_path / "m.lpm").run(backend="reference", agents={"Person": 4_000})
    # Every tie has two ends.
    ends = 0.3 * (2 + 4 + 2) + 0.4 * (3 + 1 + 3) + 0.3 * (2 + 4 + 1)
    assert results.manifest.ties["net"] == pytest.approx(4_000 * ends / 2, rel=0.03)


def test_a_group_that_is_too_small_is_called_by_its_label(tmp_path: Path) -> None:
    """Of 60 people 6 are high: 15 pairs among them, and ten ties each would be 30."""
    (tmp_path / "m.lpm").write_text(blocks(EVEN), encoding="utf-8")
    with pytest.raises(LpmError, match="30 ties within group `high`, and there are 15 pairs"):
        lpmdsl.load(tmp_path / "m.lpm").run(backend="reference", agents={"Person": 60})


# ------------------------------------------------------------------ both back ends


RUNS = {
    "static_age": lambda text: text.replace("for 14_610 days", "for 400 days"),
    "two_kinds_state_numbers": lambda text: text.replace("for 2 days", "for 9 days"),
}


@pytest.mark.parametrize("name", RUNS)
def test_a_trial_gives_the_same_counts_on_both_back_ends(name: str) -> None:
    model = lpmdsl.load(RUNS[name]((TRIALS / f"{name}.lpm").read_text(encoding="utf-8"))).model
    request = request_of(model, 400)
    told = runner(model, "reference")(request)
    assert_same(told, runner(model, "cpu")(request))
    match name:
        case "static_age":  # drawn up to 20 years, and read as drawn
            assert told.observations["over_40"].max() == 0 and np.ptp(told.observations["minors"]) == 0
        case _:  # flies of E infect people of S
            assert told.observations["i"][-1] > told.observations["i"][0] == 1
