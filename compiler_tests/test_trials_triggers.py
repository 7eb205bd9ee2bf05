"""Time, triggers and targets of interventions: right values on both back ends."""

from __future__ import annotations

import numpy as np
import pytest
from both_backends import request_of, runner

from lpmdsl.backends.request import RunResult
from lpmdsl.compiler import check_source
from lpmdsl.diagnostics import LpmError, Report
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
