"""Tables as text, taken apart: with quotes and without, in one piece and in many, against Arrow's reader."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow
import pytest
from pyarrow import csv as arrow_csv, parquet

from lpmdsl.reading import separated
from lpmdsl.reading.cells import numbers, texts
from lpmdsl.reading.columns import cells_of
from lpmdsl.reading.door import Place
from lpmdsl.reading.problem import Problem
from lpmdsl.reading.tabular import DataFile, read_tabular

WORDS = ("12", "-3.5", "Nørrebro", "", "a b", "1e5", "0.1", "NA", "naïve", "−", "7,5")


def read(folder: Path, text: str, name: str = "t.csv") -> DataFile:
    """The table of a text."""
    (folder / name).write_bytes(text.encode())
    return read_tabular(name, Place(folder, (folder,)))


def rows(n: int, seed: int) -> list[list[str]]:
    """Rows of three cells, none of which holds what parts them."""
    rng = np.random.default_rng(seed)
    return [["x", *(WORDS[k] for k in rng.integers(0, len(WORDS), 2))] for _ in range(n)]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("piece", [1, 40, 1 << 22])
@pytest.mark.parametrize("quoted", [False, True])
def test_cells_are_those_that_arrow_reads(
    end: str, piece: int, quoted: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(separated, "PIECE", piece)
    given = rows(200, 3)
    shown = [[f'"{cell}"' if quoted and k % 3 else cell for cell in row] for k, row in enumerate(given)]
    text = end.join(";".join(row) for row in [["k", "a", "b"], *shown]) + end + end
    data = read(tmp_path, text)
    for at, name in enumerate(("k", "a", "b")):
        assert texts(data, data.need(name)) == [row[at] for row in given]
    table = arrow_csv.read_csv(
        pyarrow.py_buffer(text.replace("\r\n", "\n").replace("\r", "\n").encode()),
        parse_options=arrow_csv.ParseOptions(delimiter=";"),
        convert_options=arrow_csv.ConvertOptions(column_types=dict.fromkeys("kab", pyarrow.string())),
    )
    assert texts(data, data.need("a")) == table.column("a").to_pylist()


def test_a_quoted_cell_holds_what_parts_cells_and_quotes(tmp_path: Path) -> None:
    data = read(tmp_path, 'a,b\n"x, y","say ""no"""\nz,w\n')
    assert texts(data, data.need("a")) == ["x, y", "z"] and texts(data, data.need("b")) == ['say "no"', "w"]


def test_rows_of_another_length_are_told_in_every_piece(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where a row that is too long stands before one that is too short, so that the number of cells is right."""
    monkeypatch.setattr(separated, "PIECE", 8)
    with pytest.raises(Problem, match="line 4 has 3 cells, and the header has 2"):
        read(tmp_path, "a,b\n1,2\n3,4\n5,6,7\n8\n")


@pytest.mark.parametrize(
    ("cell", "value"),
    [("+1", 1.0), (".5", 0.5), ("1.", 1.0), ("1e5", 1e5), ("1E+5", 1e5), ("-0", 0.0), ("0.1", 0.1), ("1e-400", 0.0)],
)
def test_numbers_are_those_that_arrow_reads(cell: str, value: float, tmp_path: Path) -> None:
    data = read(tmp_path, f"n\n{cell}\n")
    assert numbers(data, data.need("n")).values.tolist() == [value]
    assert pyarrow.array([cell]).cast(pyarrow.float64())[0].as_py() == value


@pytest.mark.parametrize(
    "cell", ["1_0", "0x1", "1d", "١", "1e400", "inf", "-inf", "Infinity", "nan(1)", "1 2", "--1", "e5"]
)
def test_what_python_alone_takes_for_a_number_is_none(cell: str, tmp_path: Path) -> None:
    data = read(tmp_path, f"n\n{cell}\n")
    with pytest.raises(Problem, match="not a number"):
        numbers(data, data.need("n"))


def test_typed_columns_keep_all_their_digits(tmp_path: Path) -> None:
    values = np.random.default_rng(1).normal(size=1_000) * 10.0 ** np.random.default_rng(2).integers(-9, 20, 1_000)
    columns = {"f": values, "s": values.astype(np.float32), "i": np.arange(1_000) * 3**30}
    parquet.write_table(pyarrow.table(columns), tmp_path / "t.parquet")
    data = read_tabular("t.parquet", Place(tmp_path, (tmp_path,)))
    for name, wanted in columns.items():
        np.testing.assert_array_equal(numbers(data, data.need(name)).values, wanted.astype(np.float64))


def test_blanks_around_a_text_make_no_other_text() -> None:
    cells = cells_of(["a", " a", "b ", "a\t", "b"])
    assert cells.words == ("a", "b") and cells.codes.tolist() == [0, 0, 1, 0, 1]
    assert cells.until(2).words == ("a",) and cells.among(["b", "a", "a"]).tolist() == [1, 1, 0, 1, 0]
