"""The Parquet files that a run writes, read by Arrow and by pandas."""

from __future__ import annotations

import io

import numpy as np
import pandas as pd
import pytest
from pyarrow import parquet as arrow

from lpmdsl.writing.parquet import parquet


@pytest.mark.parametrize("rows", [0, 1, 7, 8, 9, 300, 70_000])
def test_a_table_reads_back_to_the_bit(rows: int) -> None:
    rng = np.random.default_rng(rows)
    values = rng.normal(size=rows)
    values[rows // 2 :: 11] = np.inf
    columns = {
        "scenario": ["baseline" if k % 3 else "naïve ∞" for k in range(rows)],
        "step": np.arange(rows) * 10**12,
        "many words": [f"group {k}" for k in range(rows)],
        "group": ["" for _ in range(rows)],
        "value": values,
    }
    table = arrow.read_table(io.BytesIO(parquet(columns, "lpmdsl")))
    assert table.column_names == list(columns) and table.num_rows == rows
    for name, wanted in columns.items():
        found = table.column(name).to_pylist()
        assert found == list(wanted) and table.column(name).null_count == 0


def test_pandas_reads_the_types_that_it_would_have_written() -> None:
    columns = {"a": ["x", "y"], "n": np.array([1, 2]), "v": np.array([0.5, np.nan])}
    frame = pd.read_parquet(io.BytesIO(parquet(columns, "lpmdsl")))
    assert frame["n"].dtype == np.int64 and frame["v"].dtype == np.float64 and frame["a"].tolist() == ["x", "y"]
    assert np.isnan(frame["v"][1])


def test_a_table_of_more_columns_than_a_short_list_holds() -> None:
    columns = {f"c{k}": np.array([k]) for k in range(40)}
    table = arrow.read_table(io.BytesIO(parquet(columns, "lpmdsl")))
    assert [table.column(k)[0].as_py() for k in range(40)] == list(range(40))
