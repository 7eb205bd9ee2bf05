"""Tables of a run against pandas, which would say the same."""

from __future__ import annotations

import io

import numpy as np
import pandas as pd
import pytest

from lpmdsl.runtime.quantiles import median
from lpmdsl.runtime.results import csv_text
from lpmdsl.runtime.table import Table, joined, pivot, texts


def made(rows: int, seed: int, endless: float = 0.0) -> Table:
    """Random rows with few different keys."""
    rng = np.random.default_rng(seed)
    values = np.round(rng.normal(size=rows), 1)
    values[rng.random(rows) < endless] = np.inf
    words = np.array(["baseline", "", "NA", 'a "b", c', "=1+1", "Ærø"], object)
    return Table({
        "scenario": words[rng.integers(0, 6, rows)], "replicate": rng.integers(0, 4, rows),
        "step": rng.integers(0, 9, rows), "value": values,
    })  # fmt: skip


@pytest.mark.parametrize("rows", [0, 1, 2, 500])
@pytest.mark.parametrize("keys", [("scenario",), ("replicate", "scenario"), ("scenario", "replicate", "step")])
def test_groups_are_those_of_pandas(rows: int, keys: tuple[str, ...]) -> None:
    table = made(rows, rows)
    frame, groups, values = table.frame(), table.groups(*keys), table["value"]
    found = frame.groupby(list(keys), sort=False)["value"]
    assert len(groups) == found.ngroups
    named = table.take(groups.first)
    assert list(zip(*(named[k].tolist() for k in keys), strict=True)) == [
        key if isinstance(key, tuple) else (key,) for key, _ in found
    ]
    np.testing.assert_allclose(groups.sums(values), found.sum(), rtol=0, atol=1e-12)
    np.testing.assert_array_equal(groups.highest(values), found.max())
    np.testing.assert_array_equal(groups.lowest(values), found.min())
    np.testing.assert_array_equal(values[groups.last()], found.last())
    np.testing.assert_array_equal(groups.counts(), found.size())
    np.testing.assert_array_equal(groups.first_where(values == groups.highest(values)[groups.of]), found.idxmax())
    assert [part.tolist() for part in groups.rows()] == [list(rows) for rows in found.indices.values()] or not rows


@pytest.mark.parametrize("endless", [0.0, 0.3, 1.0])
def test_medians_are_those_of_each_group_alone(endless: float) -> None:
    table = made(300, 5, endless)
    values = table["value"].copy()
    values[::7] = np.nan
    groups = table.groups("scenario", "replicate")
    wanted = [median(values[rows]) for rows in groups.rows()]
    np.testing.assert_array_equal(groups.medians(values), wanted)


def test_a_pivot_adds_up_what_falls_together_and_leaves_gaps_open() -> None:
    table = made(40, 9)
    down, values = pivot(table, "step", "replicate", "value")
    wanted = table.frame().pivot_table(index="step", columns="replicate", values="value", aggfunc="sum", sort=True)
    assert down.tolist() == wanted.index.tolist() and np.isnan(values).any()
    np.testing.assert_allclose(values, wanted.to_numpy(), rtol=0, atol=1e-12)


def test_a_table_as_csv_is_what_pandas_reads() -> None:
    table = made(200, 3, 0.1)
    read = pd.read_csv(io.StringIO(csv_text(table)), keep_default_na=False, dtype={"scenario": str})
    assert read["value"].tolist() == table["value"].tolist() and read["step"].tolist() == table["step"].tolist()
    assert [text.removeprefix("'") for text in read["scenario"]] == table["scenario"].tolist()


def test_tables_are_joined_and_rows_are_dictionaries() -> None:
    one, two = made(3, 1), made(4, 2)
    both = joined([one, two], Table())
    assert len(both) == 7 and list(both.rows()) == [*one.rows(), *two.rows()]
    assert len(joined([], Table())) == 0 and list(Table().rows()) == []
    assert both.where("scenario", "NA")["scenario"].tolist() == ["NA"] * int((both["scenario"] == "NA").sum())
    assert both.having(group=texts("x", 7))["group"].tolist() == ["x"] * 7
