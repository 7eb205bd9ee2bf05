"""Claims of the model of school closures: which way of closing leaves fewer infections, and what both are alike in."""

from __future__ import annotations

from math import sqrt
from pathlib import Path
from typing import Any

import lpmdsl

TEXT = (Path(__file__).parent.parent.parent / "models" / "school_closures.lpm").read_text(encoding="utf-8")
WAYS = ["schools", "everywhere", "open"]


def totals(run: lpmdsl.Results, name: str) -> Any:
    """Sums of one report: a row for each replicate, a column for each scenario."""
    rows: Any = run.observations[run.observations["observation"] == name]
    return rows.groupby(["scenario", "replicate"])["value"].sum().unstack(0)


def sure(differences: Any) -> float:
    """How many standard errors the mean of differences between pairs is above 0."""
    return float(differences.mean() / (differences.std(ddof=1) / sqrt(len(differences))))


def test_closing_school_by_school_leaves_fewer_infections_for_as_many_days_missed() -> None:
    """Ten pairs at the same threshold: z > 5 against closing everywhere and against open schools, with days missed
    within 20 % of each other."""
    run = lpmdsl.load(TEXT).run(seed=1, replicates=10, scenario=WAYS)
    cases, missed = totals(run, "cases"), totals(run, "missed")
    assert sure(cases["everywhere"] - cases["schools"]) > 5
    assert sure(cases["open"] - cases["everywhere"]) > 5
    ratio = missed["schools"].mean() / missed["everywhere"].mean()
    assert 0.8 < ratio < 1.2
    assert (missed["open"] == 0).all()


def test_where_there_is_one_school_both_ways_are_the_same() -> None:
    """Day by day in three replicates, by the same seeds; and it is closed in some of them."""
    one = TEXT.replace("place of size 100 where", "place of size 100_000 where")
    run = lpmdsl.load(one).run(seed=2, replicates=3, scenario=WAYS[:2])
    rows: Any = run.observations[run.observations["observation"].isin(["cases", "missed", "ill_pupils"])]
    by_way = rows.set_index(["observation", "replicate", "time"]).groupby("scenario")["value"]
    assert by_way.get_group("schools").equals(by_way.get_group("everywhere"))
    assert totals(run, "missed").to_numpy().min() > 0


def test_a_school_is_closed_for_two_weeks_each_time() -> None:
    """Days on which schools are closed come in fourteens, once nobody is ill any more."""
    text = TEXT.replace("for 150 days", "for 400 days")
    run = lpmdsl.load(text).run(seed=3, replicates=2, scenario=["schools"])
    closed = totals(run, "closed")["schools"]
    assert (closed % 14 == 0).all() and (closed > 14 * 10).all()
