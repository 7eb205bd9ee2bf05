"""``add E to ATTRIBUTE``: every addition counts, in one block, in several, on entering; the same on every back end."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from compiler_tests.support.both_backends import assert_same, compiled, cpu_run, request_of, runner
from lpmdsl.backends.request import RunResult
from lpmdsl.compiler import check_source
from lpmdsl.diagnostics import Report
from lpmdsl.semantics.model import Model
from lpmdsl.source import Source
from lpmdsl.syntax.formatting.text import format_module
from lpmdsl.syntax.parse import parse

TEXT = """\
model adding version 1.0

clock
  step 1 day
  from 2024-01-01 for 30 days

parameter more = 2
parameter uptake = 25 %

agent Person count 1_000
  doses number = 0
  once number = 10
  stay duration = 0 days

condition Cold of Person
  states S, R
  start S
  from S after fixed(3 days) to R
  from R after fixed(4 days) to S
  on entering R
    add 1 to doses
    add 2 days to stay with probability 50 %

intervention jabs
  every 10 days
    add more to doses
    add doses + 1 to doses
    set once to 0
    add 5 to once
    move Cold to R
  every 10 days
    add 100 to doses with probability uptake

observe doses_in_all = sum of doses over Person every day
observe once_in_all = sum of once over Person every day
observe stays = mean of stay over Person every day
observe most = max of doses over Person every day
"""


def checked(text: str = TEXT) -> Model:
    report = Report()
    found = check_source(Source("adding.lpm", text), report)
    assert found is not None, report.diagnostics
    return found[0]


def per_person(result: RunResult, name: str) -> NDArray[np.float64]:
    return np.asarray(result.observations[name]).ravel() / 1_000


def test_every_addition_counts() -> None:
    """By hand: values are read before the block, additions are made one after the other, entering R adds one more.

    Day 0: 2, then 0 + 1, then 1 on being moved to R: 4. They leave R on day 4 and enter it on day 7: 5. The block of
    day 10 adds 2 and 5 + 1; it finds them in R, which they entered by themselves: 13.
    """
    model = checked()
    result = cpu_run(compiled(model))(request_of(model, 1_000, settings={"uptake": 0.0}))
    doses = per_person(result, "doses_in_all")
    assert list(doses[[0, 1, 6, 7, 10, 11]]) == [0.0, 4.0, 4.0, 5.0, 5.0, 13.0], doses
    assert set(per_person(result, "once_in_all")[1:]) == {5.0}


def test_the_reference_and_two_threads_add_the_same() -> None:
    model = checked()
    request = request_of(model, 1_000)
    own = cpu_run(compiled(model))(request)
    assert_same(own, runner(model, "reference")(request))
    assert_same(own, runner(model, "cpu", threads=2)(request))
    assert per_person(own, "doses_in_all")[1] > 4 and float(np.max(own.observations["most"])) >= 104


def test_additions_are_formatted_as_they_are_written() -> None:
    report = Report()
    module = parse(Source("adding.lpm", TEXT), report)
    assert not report.has_errors and format_module(module) == TEXT


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("once number = 10", "once yes/no = no", "only to numbers"),
        (
            "  from S after fixed(3 days) to R",
            "  while R\n    add 1 to once\n  from S after fixed(3 days) to R",
            "nothing is added up",
        ),
        ("add 2 days to stay", "add 2 to stay", "days"),
    ],
)
def test_what_cannot_be_added_is_refused(old: str, new: str, words: str) -> None:
    report = Report()
    check_source(Source("adding.lpm", TEXT.replace(old, new)), report)
    assert words in " ".join(d.message + d.help for d in report.diagnostics), report.diagnostics
