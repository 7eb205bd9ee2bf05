"""Time, triggers and targets of interventions: right values on both back ends."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import lpmdsl
from compiler_tests.support.both_backends import request_of, runner
from lpmdsl.backends.request import RunResult
from lpmdsl.compiler import check_source
from lpmdsl.diagnostics import LpmError, Report
from lpmdsl.semantics.data_files.fit_data import read_fit_data
from lpmdsl.semantics.host.calendar import months_earlier
from lpmdsl.semantics.model import Model
from lpmdsl.source import Source

PEOPLE = """\
agent Person count 400
  age duration ~ uniform(0 years, 90 years)
  vaccinated yes/no = no
network town joins Person at random with 8 contacts per day
condition Flu of Person
  states S, I, R
  start S except 40 Person in I
  from S by contagion to I
  from I after fixed(5 days) to R
contagion of Flu
  from I on town at 0.03 per contact
  target scaled by 0.5 where vaccinated
observe done = count of Person where vaccinated
observe cases = number entering I per day
"""


def model_of(clock: str, more: str, per: str = "per day") -> Model:
    lines = "".join(f"  {line}\n" for line in clock.split("\n"))
    people = PEOPLE.replace("entering I per day", f"entering I {per}")
    text = f"model trial version 1.0\nclock\n{lines}{people}{more}"
    report = Report()
    made = check_source(Source("trial.lpm", text), report)
    if made is None or report.has_errors:
        raise LpmError(report)
    return made[0]


def run_of(clock: str, more: str, backend: str = "reference") -> RunResult:
    model = model_of(clock, more)
    return runner(model, backend)(request_of(model, 400))


def message_of(clock: str, more: str = "") -> str:
    with pytest.raises(LpmError) as caught:
        model_of(clock, more)
    return " ".join(f"{d.code} {d.message} {d.help}" for d in caught.value.report.sorted())


DAILY = "step 1 day\nfrom 2024-01-31 for 90 days"


def policy(*lines: str) -> str:
    block = ["every day for 1 Person where not vaccinated", "  set vaccinated to yes", "costs 1 USD per day"]
    return "\n".join(["intervention campaign", *(f"  {line}" for line in (*lines, *block)), ""])


EVERY_MONTH = """\
intervention campaign
  every month for 1 Person where not vaccinated
    set vaccinated to yes
"""


# ------------------------------------------------------------------ when it is active


@pytest.mark.parametrize(
    ("lines", "days", "first"),
    [
        (("starts on day 30",), 60, 30),
        (("starts after 30 days", "lasts 7 days"), 7, 30),
        (("starts after 30 days", "stops 7 days after it starts"), 7, 30),
        (("starts on day 10", "stops on day 15"), 5, 10),
        (("starts on 2024-02-10", "stops after 1 day"), 1, 10),
        (("lasts 1 week",), 7, 0),
        (("lasts 1 month",), 29, 0),  # from 31 January to 29 February
        (("starts after 1 month", "lasts 1 month"), 29, 29),  # from 29 February to 29 March
        (("starts after 2 months",), 30, 60),  # from 31 March
    ],
)
def test_an_intervention_is_active_from_and_for_so_long(lines: tuple[str, ...], days: int, first: int) -> None:
    result = run_of(DAILY, policy(*lines))
    done = result.observations["done"][:, 0]
    assert result.costs["campaign"] == days
    assert done[-1] == days
    assert int(np.flatnonzero(done)[0]) == first + 1


def test_every_activation_lasts_so_long() -> None:
    """Started by a level again and again, it lasts three days each time."""
    text = policy("starts when cases rises above 3 per day", "lasts 3 days")
    result = run_of(DAILY, text)
    done = np.diff(result.observations["done"][:, 0])
    above = result.observations["cases"][:, 0] > 3
    active, seen, expected = 0, False, []
    for t in range(90):
        past = bool(t > 0 and above[t - 1])
        active = max(0, active - 1)
        active = 3 if active == 0 and past and not seen else active
        seen = past
        expected.append(1 if active else 0)
    assert done.tolist() == expected
    assert sum(expected) > 3


def test_half_days_keep_their_hour_over_a_month() -> None:
    result = run_of("step 12 hours\nfrom 2024-01-31 for 3 months", policy("starts after 12 hours", "lasts 1 month"))
    assert result.observations["done"].shape[0] == 2 * 90 + 1  # to 30 April
    assert result.costs["campaign"] == 29


# ------------------------------------------------------------------ what is refused


@pytest.mark.parametrize(
    ("clock", "more", "told"),
    [
        ("step 1 day\nfor 1 month", "", "E0722"),
        ("step 1 day\nfor 2 years", "", "Write `730 days`"),
        ("step 1 day\nfrom 2024-01-31 for 1.5 months", "", "E0723"),
        ("step 1 day\nfrom 2024-03-01 to 2024-02-01", "", "E0724"),
        ("step 1 week\nfrom 2024-03-01 for 1 month", "", "E0705"),
        ("step 1 day\nfor 90 days", policy("lasts 1 month"), "Write `30 days`"),
        (DAILY, policy("lasts 0 days"), "E0316"),
        (DAILY, policy("starts 3 days after it starts"), "E0719"),
        (DAILY, policy("starts on day 30 days"), "E0301"),
        (DAILY, policy("starts after 200 days"), "E0719"),
        (DAILY, policy("lasts 3 days", "stops on day 3"), "E0111"),
    ],
)
def test_what_has_no_length_is_told(clock: str, more: str, told: str) -> None:
    assert told in message_of(clock, more)


def test_a_step_of_a_month_keeps_mean_months() -> None:
    """Where the step itself is a month there is no calendar: twelve of them are a year."""
    more = "observe monthly = number entering I per month\n" + EVERY_MONTH
    made = model_of("step 1 month\nfor 2 years", more, "per month")
    assert made.clock.steps == 24


# ------------------------------------------------------------------ periods of the calendar


MONTHLY = """\
observe of_months = number entering I per month
observe of_years = number entering I of Flu per year
observe late = number entering I per month delayed by fixed(10 days)
observe ill = count of Person where Flu is I every month
observe risen = ill / (1 person) + of_months * (0 days) / (1 person)
observe mean_of_two = mean of of_months over 2 months
"""


def test_reports_of_months_count_what_is_in_them() -> None:
    """Months of 29, 31 and 30 days from 31 January: to the last of February, of March and of April."""
    ends = [29, 60, 90]
    result = run_of("step 1 day\nfrom 2024-01-31 for 4 months", MONTHLY + EVERY_MONTH)
    daily = result.observations["cases"][:, 0]
    assert len(daily) == 121  # to 31 May
    parts = [daily[a:b].sum() for a, b in zip([0, *ends], [*ends, 121], strict=True)]
    assert result.observations["of_months"][:, 0].tolist() == parts
    assert result.observations["of_years"].shape == (0, 1)
    shifted = np.concatenate([np.zeros(10), daily])
    assert result.observations["late"][:, 0].tolist() == [
        shifted[a:b].sum() for a, b in zip([0, *ends], [*ends, 121], strict=True)
    ]
    assert result.observations["ill"].shape == (5, 1)
    assert result.observations["risen"].shape == (4, 1)
    two = np.array([parts[0], *(np.add(parts[1:], parts[:-1]) / 2)])
    assert np.allclose(result.observations["mean_of_two"][:, 0], two)
    done = np.diff(result.observations["done"][:, 0])
    assert np.flatnonzero(done).tolist() == [0, *ends]


def test_a_block_of_years_and_a_chance_of_months_keep_the_calendar() -> None:
    text = EVERY_MONTH.replace("every month", "every year")
    text += "condition Bell of Person\n  states quiet, rung\n  start quiet\n"
    text += "  from quiet with probability 100 % every 2 months to rung\n  from rung after fixed(1 hour) to quiet\n"
    text += "observe rings = number entering rung per day\n"
    result = run_of("step 1 day\nfrom 2023-12-31 for 13 months", text)
    done = np.diff(result.observations["done"][:, 0])
    assert np.flatnonzero(done).tolist() == [0, 366]
    rung = np.flatnonzero(result.observations["rings"][:, 0])
    assert (rung + 1).tolist() == [60, 121, 182, 244, 305, 366]  # 29 February, 30 April, 30 June, …, 31 December


def test_times_and_dates_of_reports_are_those_of_the_calendar(tmp_path: Path) -> None:
    lines = "model trial version 1.0\nclock\n  step 1 day\n  from 2024-01-31 for 4 months\n"
    (tmp_path / "m.lpm").write_text(lines + PEOPLE + MONTHLY + EVERY_MONTH, encoding="utf-8")
    results = lpmdsl.load(tmp_path / "m.lpm").run(backend="reference")
    table = results.observations
    assert table[table["observation"] == "of_months"]["time"].tolist() == [29, 60, 90, 121]
    assert table[table["observation"] == "of_months"]["step"].tolist() == [29, 60, 90, 121]
    assert table[table["observation"] == "ill"]["time"].tolist() == [0, 29, 60, 90, 121]


FITTED = """\
calibrate
  fit of_months to "cases.csv" column cases with poisson
  estimate beta
"""


@pytest.mark.parametrize(
    ("header", "cells", "reports"),
    [
        ("date", ["2024-02-28", "2024-02-29", "2024-05-01"], [0, 1, 3]),
        ("date", ["2024-02", "2024-03"], [0, 1]),
        ("day", ["0", "29", "90"], [0, 1, 3]),
        ("time", ["29", "121"], [0, 3]),
        ("time", ["30"], None),
        ("date", ["2024-06-01"], None),
        ("date", ["2024-01-01"], None),
    ],
)
def test_data_by_months_find_their_report(
    header: str, cells: list[str], reports: list[int] | None, tmp_path: Path
) -> None:
    text = PEOPLE.replace("at 0.03 per contact", "at beta") + MONTHLY + EVERY_MONTH + FITTED
    text += "parameter beta = 0.03 per contact\n  prior lognormal(median 0.03 per contact, spread 1.5)\n"
    clock = "model trial version 1.0\nclock\n  step 1 day\n  from 2024-01-31 for 4 months\n"
    rows = "".join(f"{cell},{k}\n" for k, cell in enumerate(cells))
    (tmp_path / "cases.csv").write_text(f"{header},cases\n{rows}", encoding="utf-8")
    (tmp_path / "m.lpm").write_text(clock + text, encoding="utf-8")
    if reports is None:
        with pytest.raises(LpmError, match="E0910"):
            lpmdsl.load(tmp_path / "m.lpm")
        return
    made = lpmdsl.load(tmp_path / "m.lpm").model
    found = read_fit_data(made, made.calibrations[0].fits[0], tmp_path, Report())
    assert found is not None
    assert np.flatnonzero(~np.isnan(found.values[:, 0])).tolist() == reports
    assert found.times.tolist() == [29, 60, 90, 121]


@pytest.mark.parametrize(("last", "months", "first"), [(29, 1, 0), (60, 1, 29), (121, 2, 60), (40, 1, 9), (90, 3, 0)])
def test_months_are_held_out_by_the_calendar(last: int, months: int, first: int) -> None:
    """From 31 January: months end on days 29, 60, 90 and 121; day 40 is 11 March, and a month before it 11 February."""
    clock = model_of("step 1 day\nfrom 2024-01-31 for 4 months", EVERY_MONTH).clock
    assert months_earlier(clock, last, months) == (first if last != 40 else 11)


# ------------------------------------------------------------------ whom it reaches


def done_by(result: RunResult) -> list[float]:
    return np.diff(result.observations["done"][:, 0]).tolist()


def test_a_share_is_drawn_each_time() -> None:
    text = "intervention campaign\n  every 10 days for share 10 % of Person where not vaccinated\n"
    text += "    set vaccinated to yes\n  costs 1 USD per person\n"
    result = run_of(DAILY, text)
    done = result.observations["done"][:, 0]
    assert result.costs["campaign"] == done[-1]
    expected, spread = 400 * (1 - 0.9**9), np.sqrt(400 * 0.9**9 * (1 - 0.9**9))
    assert abs(done[-1] - expected) < 4 * spread
    assert [t for t, more in enumerate(done_by(result)) if more] == list(range(0, 90, 10))


def test_a_share_stays_the_same_while_active_and_is_drawn_anew() -> None:
    text = "observe held = count of Person where careful\nobserve kept = count of Person where careful and older\n"
    text += "intervention campaign\n  starts when cases rises above 3 per day\n  lasts 5 days\n"
    text += "  while active for share 50 % of Person where not vaccinated\n    set careful to yes\n"
    text += "  costs 1 USD per person\nextend Person\n  careful yes/no = no\n  older yes/no ~ bernoulli(50 %)\n"
    text = text.replace("extend Person", policy() + "extend Person")
    text = text.replace("intervention campaign\n  every", "intervention other\n  every")
    model = model_of(DAILY, text.replace("target", "target"))
    result = runner(model, "reference")(request_of(model, 400))
    held = result.observations["held"][:, 0]
    assert set(held[held > 0]) and held[held > 0].min() > 150 and held.max() < 250
    assert result.costs["campaign"] == 0
    assert len(set(held[held > 0])) > 1


LIMITED = """\
intervention first
  at most 30 Person together{every}
  every day for 20 Person where not vaccinated and age < 40 years
    set vaccinated to yes
  every day for Person where not vaccinated
    set vaccinated to yes
  costs 1 USD per person
intervention second
  together with first
  every 2 days for Person where not vaccinated
    set vaccinated to yes
  costs 1 USD per person
"""


@pytest.mark.parametrize(("every", "gap"), [("", 1), (" every day", 1), (" every 3 days", 3), (" every month", 29)])
def test_blocks_share_a_limit(every: str, gap: int) -> None:
    result = run_of(DAILY, LIMITED.format(every=every))
    done = [t for t in done_by(result) if t]
    assert done[:5] == [30] * min(5, len(done))
    times = np.flatnonzero(done_by(result))[:2]
    assert times.tolist() == [0, gap]
    assert result.costs["first"] + result.costs["second"] == result.observations["done"][-1, 0]
    assert result.costs["second"] == 0


def test_what_is_left_goes_to_the_other_intervention() -> None:
    text = LIMITED.format(every="").replace(
        "  every day for Person where not vaccinated\n    set vaccinated to yes\n", ""
    )
    result = run_of(DAILY, text)
    done = done_by(result)
    assert done[:6] == [30, 20, 30, 20, 30, 20]
    assert (result.costs["first"] > 100) and result.costs["second"] > 20


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ("intervention a\n  together with b\n  every day for Person\n    set vaccinated to yes\n", "E0201"),
        (LIMITED.format(every="").replace("together with first", "together with second"), "E0726"),
        (policy("at most 3 Person together every 30 hours"), "E0705"),
        (policy("at most 3 Dog together"), "E0601"),
        (policy().replace("for 1 Person", "for share 120 % of Person"), "E0313"),
    ],
)
def test_limits_and_shares_that_cannot_be_are_told(more: str, told: str) -> None:
    assert told in message_of(DAILY, more)
