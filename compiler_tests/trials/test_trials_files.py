"""Data as people have them: each file is read right, or refused with its line and column."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import lpmdsl
from lpmdsl.compiler import check_source
from lpmdsl.diagnostics import LpmError, Report
from lpmdsl.networks.files import read_ties
from lpmdsl.population.people import build_world
from lpmdsl.reading.cells import numbers
from lpmdsl.reading.door import Place
from lpmdsl.reading.problem import Problem
from lpmdsl.reading.tabular import DataFile, read_tabular
from lpmdsl.semantics.data_files.fit_data import read_fit_data
from lpmdsl.source import NOWHERE, Source
from lpmdsl.syntax.formatting.text import format_module
from lpmdsl.syntax.parse import parse

TRIALS = Path(__file__).parent.parent / "trials"
YEAR = 365.25


def trial(name: str, tmp_path: Path) -> Path:
    """A trial with what stands beside it, in a folder of its own."""
    shutil.copytree(TRIALS, tmp_path / "trials")
    return tmp_path / "trials" / name


def refusal(path: Path) -> tuple[str, str]:
    """The first error of checking and running a model, and its words."""
    with pytest.raises(LpmError) as caught:
        lpmdsl.load(path).run(backend="reference")
    found = next(d for d in caught.value.report.sorted() if d.severity == "error")
    return found.code, found.message


def table(folder: Path, text: str | bytes, name: str = "t.csv") -> DataFile:
    (folder / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_tabular(name, Place(folder, (folder,)))


def column(folder: Path, text: str, name: str = "x") -> list[float]:
    data = table(folder, text)
    return numbers(data, data.need(name)).values.tolist()


def wrong(folder: Path, text: str | bytes, name: str = "x") -> str:
    with pytest.raises(Problem) as caught:
        data = table(folder, text)
        numbers(data, data.need(name))
    return caught.value.message


# ------------------------------------------------------------------ line lists


def quirk(name: str, folder: Path, change=lambda text: text) -> Path:
    base = (TRIALS / "data_quirks" / "base.lpm").read_text(encoding="utf-8")
    shutil.copy(TRIALS / "data_quirks" / name, folder / name)
    (folder / "edges.csv").write_text("source,target\nP00000,P00001\nP00002,P00005\n", encoding="utf-8")
    (folder / "m.lpm").write_text(change(base.replace("FILE", name).replace("EDGES", "edges.csv")), encoding="utf-8")
    return folder / "m.lpm"


@pytest.mark.parametrize("name", ["semi.csv", "deccomma.csv"])
def test_semicolons_and_decimal_commas_are_read(name: str, tmp_path: Path) -> None:
    loaded = lpmdsl.load(quirk(name, tmp_path))
    told = [d.message for d in loaded.report.sorted() if d.code == "N0920"]
    assert any("semicolons" in message for message in told)
    assert any("decimal commas" in message for message in told) == (name == "deccomma.csv")
    world = build_world(loaded.model, loaded.parameters, 1)
    assert world.counts["Person"] == 60
    ages = world.attributes["Person", "age"] / YEAR
    assert ages[:4].tolist() == pytest.approx([83.0, 6.1, 46.5, 48.6])
    assert world.attributes["Person", "household"][:4].tolist() == [0, 1, 2, 2]
    assert world.attributes["Person", "income"][0] * YEAR / 12 == pytest.approx(2859.61)
    assert world.ties["friends"].targets.size == 4


@pytest.mark.parametrize(
    ("name", "code", "words"),
    [
        ("blank.csv", "E0415", "Row 5 of `blank.csv`, column `age`, is empty"),
        ("badage.csv", "E0414", "Row 2 of `badage.csv`, column `age`, is `-5`"),
        ("hna.csv", "E0415", "Row 2 of `hna.csv`, column `household`, is `NA`: its value is not known"),
        ("messy.csv", "E0407", "`messy.csv` has no column `age`. Did you mean `Age`?"),
    ],
)
def test_what_is_not_clean_is_refused_with_line_and_column(name: str, code: str, words: str, tmp_path: Path) -> None:
    found, message = refusal(quirk(name, tmp_path))
    assert found == code and message.startswith(words)


def test_an_age_of_999_is_doubted(tmp_path: Path) -> None:
    text = (TRIALS / "data_quirks" / "badage.csv").read_text(encoding="utf-8").replace(",-5.0,", ",5.0,")
    path = quirk("badage.csv", tmp_path)
    (tmp_path / "badage.csv").write_text(text, encoding="utf-8")
    told = [d.message for d in lpmdsl.load(path).report.sorted() if d.code == "W0418"]
    assert told == ["Row 3 of `badage.csv`, column `age`, is 430 years."]


def test_messy_edges_are_refused_where_they_are_wrong(tmp_path: Path) -> None:
    path = quirk("semi.csv", tmp_path)
    shutil.copy(TRIALS / "data_quirks" / "edges_messy.csv", tmp_path / "edges.csv")
    code, message = refusal(path)
    assert code == "E0643" and message.startswith("Row 2 of `edges.csv`, column `source`, is `P03028`, which is no id")


# ------------------------------------------------------------------ text


@pytest.mark.parametrize(
    "text",
    [
        "x,y\n1.5,a\n2,b\n",
        "x;y\n1,5;a\n2;b\n",
        "x\ty\n1.5\ta\n2\tb\n",
        "\ufeffx;y\r\n1.5;a\r\n2;b\r\n",
        '"","x","y"\n"1",1.5,"a"\n"2",2,"b"\n',  # R's write.csv
        '"x","y"\n"1",1.5,"a"\n"2",2,"b"\n',  # R's write.table(sep = ",")
        "Unnamed: 0,x,y\n0,1.5,a\n1,2,b\n",  # pandas, read and written once more
        "x,y\r1.5,a\r2,b\r",  # an old Macintosh
        'x,y\n"1,5",a\n2,b\n',
        "x,y,\n1.5,a,\n2,b,\n,,\n",  # a spreadsheet's empty column and row
        "y [EUR; gross],x\na,1.5\nb,2\n\n\n",
    ],
)  # fmt: skip
def test_the_same_numbers_however_they_are_written(text: str, tmp_path: Path) -> None:
    assert column(tmp_path, text) == [1.5, 2.0]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('x,y\n1,"a\n2,b\n', "a quote on line 2 does not end on that line"),
        ('x,y\n1,a\n\n2,"a\nb"\n', "a quote on line 4 does not end on that line"),
        ('x,y\n1,"a\rb"\n', "a quote on line 2 does not end"),
        ("x,y\n1,2\n\n1,2,3\n", "line 4 has 3 cells, and the header has 2"),
        ("x,y\n1\n", "line 2 has 1 cell, and the header has 2"),
        ("x,y\n1,2\nä,2\n".encode("latin-1"), "line 3 is not text in UTF-8"),
        ("x,y\n1,2\n".encode("utf-16"), "UTF-16"),
        ("x" * 200_000 + ",y\n1,2\n", "the name of column 1 has 200,000 characters"),
        ("x" * 2**21, "its first line has"),
        ("x,x\n1,2\n", "columns 1 and 2 have the same name"),
        ("", "it is empty"),
        ('x,y\n"1,234",2\n"5,678",1\n', "Row 2 of `t.csv`, column `x`, is `1,234`: a decimal comma, or one that parts"),
        ("x;y\n1,5;2\n1.5;2\n", "Row 2 of `t.csv`, column `x`, is `1,5`, which is not a number"),
        ("x,y\n1,2\nthree,2\n", "Row 3 of `t.csv`, column `x`, is `three`, which is not a number"),
        ("x,y\ninf,2\n", "Row 2 of `t.csv`, column `x`, is `inf`, which is not a number"),
        ("x,y\n" + "k" * 60 + ",2\n", "Row 2 of `t.csv`, column `x`, is a text of 60 characters, which"),
        ("x,y\n\x1b[31mred,2\n", "Row 2 of `t.csv`, column `x`, holds U+001B"),
    ],
)
def test_what_is_no_table_is_told_with_its_line(text: str | bytes, words: str, tmp_path: Path) -> None:
    assert words in wrong(tmp_path, text)


def test_excel_and_parquet_hold_the_same(tmp_path: Path) -> None:
    frame = pd.DataFrame({"x": [1.5, 2.0], "y": ["a", "b"], "on": pd.to_datetime(["2024-10-01", "2024-10-02"])})
    frame.to_excel(tmp_path / "t.xlsx", index=False)
    frame.to_parquet(tmp_path / "t.parquet")
    for name in ("t.xlsx", "t.parquet"):
        data = read_tabular(name, Place(tmp_path, (tmp_path,)))
        assert numbers(data, data.need("x")).values.tolist() == [1.5, 2.0]
        assert [c[:10] for c in data.cells(data.need("on")).texts()] == ["2024-10-01", "2024-10-02"]
    assert "no Excel workbook" in wrong_file(tmp_path, "bad.xlsx")
    assert "no Parquet file" in wrong_file(tmp_path, "bad.parquet")


def wrong_file(folder: Path, name: str) -> str:
    with pytest.raises(Problem) as caught:
        table(folder, "no such thing", name)
    return caught.value.message


# ------------------------------------------------------------------ ties


def ties(folder: Path, text: str, n: int = 4, ids=None) -> set[tuple[int, int]]:
    (folder / "e.csv").write_text(text, encoding="utf-8")
    found = read_ties("e.csv", Place(folder, (folder,)), n, NOWHERE, ids)
    rows = np.repeat(np.arange(n), np.diff(found.offsets))
    return {(int(a), int(b)) for a, b in zip(rows, found.targets, strict=True) if a < b}


@pytest.mark.parametrize(
    "text",
    [
        '"","p1","p2","beta"\n"1",0,1,1\n"2",2,3,1\n',
        "from;to;weight\n0;1;0,5\n2;3;1,5\n",
        "layer,target,source\n9,1,0\n9,3,2\n",
        "a\tb\n0\t1\n2\t3\n",
    ],
)
def test_the_ends_are_found_however_ties_are_written(text: str, tmp_path: Path) -> None:
    assert ties(tmp_path, text) == {(0, 1), (2, 3)}


def test_a_file_of_ties_without_a_header_loses_none(tmp_path: Path) -> None:
    with pytest.raises(LpmError, match="E0417"):
        ties(tmp_path, "0,1\n2,3\n")
    with pytest.raises(LpmError, match="E0417"):
        ties(tmp_path, "ann,bob\nbob,cy\n", ids=np.array(["ann", "bob", "cy", "di"], object))


def test_edges_with_row_numbers(tmp_path: Path) -> None:
    loaded = lpmdsl.load(trial("edges_with_row_numbers.lpm", tmp_path))
    assert {d.code for d in loaded.report.sorted()} >= {"N0920", "W0653"}
    for backend in ("reference", "cpu"):
        results = loaded.run(backend=backend)
        assert results.observations["value"].sum() == 0
        assert results.manifest.ties == {"couples": 1000}


def test_hostile_files_are_refused_without_quoting_them(tmp_path: Path) -> None:
    assert refusal(trial("rd_environ.lpm", tmp_path))[0] == "E0413"
    folder = tmp_path / "trials"
    assert refusal(folder / "rd_quoteopen.lpm") == (
        "E0406",
        "`quoteopen.csv` cannot be read: a quote on line 2 does not end on that line.",
    )
    code, message = refusal(folder / "net_bad_gml.lpm")
    assert code == "E0641" and message.isprintable() and "graph" in message
    code, message = refusal(folder / "net_big_edgelist.lpm")
    assert code == "E0117" and len(message) < 300  # a name of 5,000 digits is described, not repeated


# ------------------------------------------------------------------ data of a fit


def test_a_date_column_in_capitals_is_read_as_dates(tmp_path: Path) -> None:
    loaded = lpmdsl.load(trial("date_column_in_capitals.lpm", tmp_path))
    found = read_fit_data(loaded.model, loaded.model.calibrations[0].fits[0], None, Report())
    assert found is not None
    assert {k: v for k, v in enumerate(found.values.ravel().tolist()) if v == v} == {8: 61.0, 9: 80.0, 10: 95.0}


FIT = """\
model town version 1.0
clock
  step 1 day
  from START for 28 days
parameter beta = 0.3 per day
  prior lognormal(median 0.3 per day, spread 1.5)
agent Person count 1_000
network town joins Person at random
condition Flu of Person
  states S, I
  start S except 10 Person in I
  from S by contagion to I
contagion of Flu
  from I on town at beta
observe n = number entering I per week
calibrate
  fit n to "data.csv" column n with poisson
  estimate beta
"""


def fitted(folder: Path, rows: str, start: str = "2024-09-30", data: Path | None = None) -> tuple[list, list[str]]:
    """The values by week, and the codes; the run begins on a Monday."""
    (folder / "data.csv").write_text(rows, encoding="utf-8")
    (folder / "m.lpm").write_text(FIT.replace("START", start), encoding="utf-8")
    report = Report()
    checked = check_source(Source("m.lpm", FIT.replace("START", start), folder / "m.lpm"), report)
    if checked is None:
        return [], [d.code for d in report.sorted()]
    found = read_fit_data(checked[0], checked[0].calibrations[0].fits[0], data, report)
    return ([] if found is None else found.values.ravel().tolist()), [d.code for d in report.sorted()]


@pytest.mark.parametrize("name", ["Date", "DATE", "date", "week_start", "Week start", "week-of", "measured_on"])
def test_first_days_of_weeks(name: str, tmp_path: Path) -> None:
    values, codes = fitted(tmp_path, f"{name},n\n2024-10-14,3\n2024-10-07,2\n2024-10-21,4\n2024-09-30,1\n")
    assert values == [1, 2, 3, 4] and codes == (["N0920"] if name == "measured_on" else [])


@pytest.mark.parametrize("name", ["week_end", "Week ending", "date"])
def test_last_days_of_weeks(name: str, tmp_path: Path) -> None:
    values, codes = fitted(tmp_path, f"{name};n\n2024-10-06;1\n2024-10-13;2\n2024-10-20;3\n2024-10-27;4\n")
    assert values == [1, 2, 3, 4] and set(codes) <= {"N0920"}


@pytest.mark.parametrize(
    ("rows", "start", "code"),
    [
        ("t,n\n1,1\n2,2\n", "2024-09-30", "E0921"),
        ("Week,n\n40,1\n41,2\n", "2024-09-30", "E0921"),
        ("measured,n\n30/09/2024,1\n07/10/2024,2\n", "2024-09-30", "E0921"),
        ("date,n\n30/09/2024,1\n07/10/2024,2\n", "2024-09-30", "E0910"),
        ("n\n1\n\n2\n", "2024-09-30", "E0921"),
        ("date,n\n2024-10-07,1\n2024-10-14,2\n", "2024-10-01", "E0922"),  # weeks from Monday in a run from Tuesday
        ("week_start,n\n2024-10-06,1\n2024-10-13,2\n", "2024-09-30", "E0922"),  # weeks from Sunday
        ("week_end,n\n2024-10-05,1\n2024-10-12,2\n", "2024-09-30", "E0922"),
        ("date,n\n2024-10-02,1\n2024-10-09,2\n", "2024-09-30", "E0922"),
    ],
)
def test_nothing_is_taken_in_file_order_in_doubt(rows: str, start: str, code: str, tmp_path: Path) -> None:
    values, codes = fitted(tmp_path, rows, start)
    assert values == [] and code in codes


def test_a_row_after_the_last_whole_week_is_told_without_contradiction(tmp_path: Path) -> None:
    (tmp_path / "data.csv").write_text("date,n\n2024-10-28,1\n", encoding="utf-8")
    text = FIT.replace("START", "2024-09-30").replace("28 days", "30 days")
    report = Report()
    check_source(Source("m.lpm", text, tmp_path / "m.lpm"), report)
    (told,) = [d.message for d in report.sorted() if d.code == "E0910"]
    assert told.endswith(
        "is about 2024-10-28, and the reports of `n` are about the days from 2024-09-30 to 2024-10-27."
    )


def test_data_of_another_folder_are_read_whatever_stands_beside_the_model(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "data.csv").write_text("date,n\n2024-09-30,7\n", encoding="utf-8")
    (tmp_path / "date.csv").write_text("nothing\n1\n", encoding="utf-8")
    (tmp_path / "m.lpm").write_text(FIT.replace("START", "2024-09-30"), encoding="utf-8")
    loaded = lpmdsl.load(tmp_path / "m.lpm")
    assert [d.code for d in loaded.report.sorted()] == ["N0906"]
    found = read_fit_data(loaded.model, loaded.model.calibrations[0].fits[0], tmp_path / "there", Report())
    assert found is not None and found.values[0, 0] == 7


# ------------------------------------------------------------------ tables


def test_a_block_table_that_contradicts_itself(tmp_path: Path) -> None:
    path = trial("block_table_contradicts_itself.lpm", tmp_path)
    code, message = refusal(path)
    assert code == "E0651" and "10 % are `high` with 5 ties to `low`, 0.5 per person" in message and "4.5" in message
    text = path.read_text(encoding="utf-8").replace("  low high 5\n", "  low high 0.5556\n")
    path.write_text(text.replace("risk category ~", "x number ~ uniform(0, 1)\n  risk category ~"), encoding="utf-8")
    results = lpmdsl.load(path).run(backend="reference", agents={"Person": 4_000})
    high, low = 4_000 * 0.1 * 15 / 2, 4_000 * 0.9 * 1.5556 / 2
    assert abs(results.manifest.ties["net"] / (high + low) - 1) < 0.1
    path.write_text(text.replace("0.5556", "5").replace(
        "risk category ~ categorical(high 10 %, low 90 %)",
        "x number ~ uniform(0, 1)\n  risk category = band of x at 0.1 named high, low"), encoding="utf-8")  # fmt: skip
    code, message = refusal(path)
    assert code == "E0651" and "these are the same ties" in message


WIDE = """\
model wide version 1.0
clock
  step 1 day
  for 2 days
table commuting by home, home of share from "w.csv"
agent Person count 4
  home category ~ categorical(A 50 %, B 50 %)
  x number = 10 * commuting[home, home]
condition C of Person
  states S, I
  start S except 1 Person in I
  from S at rate 0.1 per day to I
observe total = sum of x over Person every day
"""


@pytest.mark.parametrize(
    "text",
    [
        "home,A,B\nA,0.9,0.1\nB,0.25,0.75\n",
        '"","A","B"\n"A",0.9,0.1\n"B",0.25,0.75\n',
        "from;B;A\nB;0,75;0,25\nA;0,1;0,9\n",
    ],
)
def test_a_wide_table_has_its_labels_in_its_header(text: str, tmp_path: Path) -> None:
    (tmp_path / "w.csv").write_text(text, encoding="utf-8")
    (tmp_path / "m.lpm").write_text(WIDE, encoding="utf-8")
    model = lpmdsl.load(tmp_path / "m.lpm").model
    assert model.table("commuting").values == (0.9, 0.1, 0.25, 0.75)
    (tmp_path / "w.csv").write_text(text.replace("A", "Z"), encoding="utf-8")
    assert refusal(tmp_path / "m.lpm")[0] in ("E0407", "E0411")


# ------------------------------------------------------------------ what is missing


PEOPLE = """\
model gaps version 1.0
clock
  step 1 day
  for 2 days
agent Person from "p.csv"
  age duration between 0 years and 120 years missing as 30 years
  sex category missing as "not said"
  group category one of a, b missing as b
  vaccinated yes/no missing as no
  weight number missing as 2 * 0.5
  household place missing as none
network homes joins Person sharing household with 5 contacts per day
condition C of Person
  states S, I
  start S except 1 Person in I
  from S by contagion to I
contagion of C
  from I on homes at 0.1 per contact
observe ill = number entering I per day by sex
"""
ROWS = "age [years],sex,group,vaccinated,weight,household\n10,f,a,yes,3,h1\nNA,,NA,,NULL,NA\n20,m,b,no,4,h1\n"


def test_what_is_missing_is_what_is_declared(tmp_path: Path) -> None:
    (tmp_path / "p.csv").write_text(ROWS, encoding="utf-8")
    (tmp_path / "m.lpm").write_text(PEOPLE, encoding="utf-8")
    loaded = lpmdsl.load(tmp_path / "m.lpm")
    assert loaded.model.agent("Person").attributes[1].type.labels == ("f", "m", "not said")
    found = {name: v.tolist() for (_, name), v in build_world(loaded.model, loaded.parameters, 1).attributes.items()}
    assert found["age"] == [10 * YEAR, 30 * YEAR, 20 * YEAR] and found["sex"] == [0, 2, 1]
    assert found["group"] == [0, 1, 1] and found["vaccinated"] == [1, 0, 0] and found["weight"] == [3, 1, 4]
    assert found["household"] == [0, -1, 0]
    module = parse(loaded.source, Report())
    assert format_module(module) == format_module(parse(Source("m.lpm", format_module(module)), Report()))
    for clause in ("between 0 years and 120 years missing as 30 years", 'missing as "not said"', "missing as none"):
        assert clause in format_module(module)


@pytest.mark.parametrize(
    ("clause", "column"),
    [
        (" missing as 30 years", "age"), (' missing as "not said"', "sex"), (" missing as b", "group"),
        (" missing as no", "vaccinated"), (" missing as 2 * 0.5", "weight"), (" missing as none", "household"),
    ],
)  # fmt: skip
def test_without_a_meaning_it_is_an_error(clause: str, column: str, tmp_path: Path) -> None:
    (tmp_path / "p.csv").write_text(ROWS, encoding="utf-8")
    (tmp_path / "m.lpm").write_text(PEOPLE.replace(clause + "\n", "\n"), encoding="utf-8")
    code, message = refusal(tmp_path / "m.lpm")
    assert code == "E0415" and message.startswith(f"Row 3 of `p.csv`, column `{column}`, is ")


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("missing as none", "missing as 3", "E0603"),
        ("missing as b", "missing as c", "E0307"),
        ("missing as 30 years", "missing as 30 USD", "E0303"),
        ("120 years missing", "15 years missing", "E0414"),
        ("between 0 years and 120 years", "between 120 years and 0 years", "E0316"),
        ("weight number missing as 2 * 0.5", "weight number = 2 missing as 3", "E0603"),
    ],
)
def test_meanings_and_limits_are_checked(old: str, new: str, code: str, tmp_path: Path) -> None:
    (tmp_path / "p.csv").write_text(ROWS, encoding="utf-8")
    (tmp_path / "m.lpm").write_text(PEOPLE.replace(old, new), encoding="utf-8")
    assert refusal(tmp_path / "m.lpm")[0] == code


def test_a_draw_outside_its_limits_is_an_error(tmp_path: Path) -> None:
    text = WIDE.replace("table commuting by home, home of share from \"w.csv\"\n", "").replace(
        "10 * commuting[home, home]", "3 between 0 and 2")  # fmt: skip
    (tmp_path / "m.lpm").write_text(text, encoding="utf-8")
    assert refusal(tmp_path / "m.lpm")[0] == "E0414"
